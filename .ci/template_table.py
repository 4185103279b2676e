"""The tables of docs/chat-templates.md: the 18 requirements, held against our templates and against vLLM's.

    .venv-vllm/bin/python .ci/template_table.py 0.33.0 .cache/vllm-0.33.0/templates [--write]

vLLM's templates come from its source release, through pip, into the folder; nothing of them is kept here. The checks
are those of the tests (`tests/templates.py`).
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(1, str(Path(__file__).parent.parent / "tests" / "support"))

import templates
import vllm_source
from templates import OURS, REQUIREMENTS, Subject

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "chat-templates.md"
BEGIN = "<!-- tables: made by `make template-table` -->"
END = "<!-- end of the tables -->"
YES, NO, NOT_ASKED = "✓", "✗", "–"

# Those of vLLM's templates whose calls one of our parsers reads; ours for the same family; whether the models think.
THEIRS = {
    "gemma4": ("gemma4_tool", True),
    "deepseekv3": ("deepseek_v3", False),
    "deepseekr1": ("deepseek_v3", True),
    "deepseekv31": ("deepseek_v3_1", True),
    "qwen3coder": ("qwen3_coder", False),
    "llama4_pythonic": ("llama4_pythonic", False),
    "llama3.2_pythonic": ("llama4_pythonic", False),
    "phi4_mini": ("phi4_mini", False),
    "mistral": ("mistral", False),
    "mistral_parallel": ("mistral", False),
    "mistral3": ("mistral", False),
    "llama3.1_json": ("llama3_json", False),
    "llama3.2_json": ("llama3_json", False),
    "llama4_json": ("llama3_json", False),
    "hermes": ("hermes", False),
}


def fetched(version: str, folder: Path) -> Path:
    """The folder with the templates of that vLLM."""
    if not folder.is_dir():
        with tempfile.TemporaryDirectory() as scratch, tarfile.open(vllm_source.fetch(version, Path(scratch))) as files:
            folder.mkdir(parents=True)
            for member in files:
                path = Path(member.name)
                if path.match("*/tool_chat_template_*.jinja") and "examples" in path.parts:
                    member.name = path.name
                    files.extract(member, folder, set_attrs=False)
    return folder


def theirs(folder: Path) -> list[Subject]:
    ours = {subject.name: subject for subject in OURS}
    return [
        replace(
            ours[counterpart],
            name=name,
            text=(folder / f"tool_chat_template_{name}.jinja").read_text(encoding="utf-8"),
            thinks=thinks,
            off=thinks,
            keeps=True,
        )
        for name, (counterpart, thinks) in THEIRS.items()
    ]


def meets(subject: Subject, number: int) -> str:
    if number in templates.exempt(subject) or (number == 4 and not subject.thinks):
        return NOT_ASKED
    try:
        REQUIREMENTS[number - 1](subject)
    except Exception:  # a template may raise anything
        return NO
    return YES


def again(subject: Subject) -> str:
    try:
        return f"{templates.read_again(subject):.0%}"
    except Exception:  # a template may raise anything
        return NO


def table(subjects: list[Subject]) -> list[str]:
    numbers = range(1, len(REQUIREMENTS) + 1)
    lines = [f"| template | {' | '.join(map(str, numbers))} | read again |", "|---" * (len(numbers) + 2) + "|"]
    for subject in subjects:
        marks = [meets(subject, number) for number in numbers]
        lines.append(f"| {subject.name} | {' | '.join(marks)} | {again(subject)} |")
    return lines


def tables(version: str, folder: Path) -> str:
    said = [(check.__doc__ or "").strip().splitlines()[0] for check in REQUIREMENTS]
    return "\n".join(
        [
            *(f"{number}. {text}" for number, text in enumerate(said, 1)),
            "",
            "Ours:",
            "",
            *table(OURS),
            "",
            f"vLLM {version}, `examples/tool_chat_template_*.jinja`:",
            "",
            *table(theirs(fetched(version, folder))),
        ]
    )


def main(version: str, folder: str, *flags: str) -> None:
    made = tables(version, Path(folder))
    if "--write" not in flags:
        print(made)
        return
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
