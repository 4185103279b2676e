"""The case corpus: `tests/cases` has what is a parser's own, `tests/shapes` what many share.

How they are written: `notation`, and the placeholders of shapes in `templates`.

`load` gives a parser's cases, its own and those of the shapes that are for it; `all_cases` those of all parsers.
"""

from .cases import (
    CASES,
    GROUPS,
    REASONING_GROUPS,
    SHAPES,
    TOOL_GROUPS,
    Case,
    CorpusError,
    Request,
    Start,
    declared_tools,
)
from .loading import CaseFile, all_cases, case_files, cases_to_do, choose, load
from .records import ANY_ID, Called, Record, Text, lines_of
from .running import as_message, cuts, feed, joint_cuts, lost_words, merge, message_records, strings_of

__all__ = [
    "ANY_ID",
    "CASES",
    "GROUPS",
    "REASONING_GROUPS",
    "SHAPES",
    "TOOL_GROUPS",
    "Called",
    "Case",
    "CaseFile",
    "CorpusError",
    "Record",
    "Request",
    "Start",
    "Text",
    "all_cases",
    "as_message",
    "case_files",
    "cases_to_do",
    "choose",
    "cuts",
    "declared_tools",
    "feed",
    "joint_cuts",
    "lines_of",
    "load",
    "lost_words",
    "merge",
    "message_records",
    "strings_of",
]
