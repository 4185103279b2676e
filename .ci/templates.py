"""The part that all chat templates share: says which template's copy is old, or writes it with `--write`."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "chat_templates"
PRELUDE = FOLDER / "prelude.jinja.in"
# A template that was just begun has the comment `prelude` where the shared part starts.
BEGINS = ("{#- Shared by all templates of this folder", "{#- prelude -#}")
END = "{#- End of what is shared. -#}\n"


def with_prelude(template: str) -> str:
    """`template` with today's shared part."""
    start = next((template.index(begin) for begin in BEGINS if begin in template), -1)
    if start < 0 or END not in template:
        raise ValueError(f"no place for the shared part: put `{BEGINS[1]}` and `{END.strip()}` around it")
    rest = template.partition(END)[2]
    return template[:start] + PRELUDE.read_text(encoding="utf-8") + rest


def stale() -> list[Path]:
    """The templates whose copy is not today's."""
    files = sorted(FOLDER.glob("*.jinja"))
    return [file for file in files if (text := file.read_text(encoding="utf-8")) != with_prelude(text)]


if __name__ == "__main__":
    for file in stale():
        if "--write" in sys.argv:
            file.write_text(with_prelude(file.read_text(encoding="utf-8")), encoding="utf-8")
        print(file.name)
