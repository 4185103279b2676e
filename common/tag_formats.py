"""xgrammar's formats of structural tags, as JSON: what the tags are built of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

Format: TypeAlias = Mapping[str, object]
"""A format of xgrammar's structural tags."""


class Tag(dict[str, object]):
    """A structural tag. It is kept for further requests of the same kind: not to be changed."""

    doubtful: tuple[Format, ...] = ()
    """The calls of strict tools whose schemas xgrammar may refuse. What the others declare, it takes."""
    engine: object = None
    """What an engine made of the tag."""


def const(value: str) -> Format:
    return {"type": "const_string", "value": value}


def regex(pattern: str) -> Format:
    return {"type": "regex", "pattern": pattern}


def json_schema(schema: object) -> Format:
    return {"type": "json_schema", "json_schema": schema}


def grammar(rules: str) -> Format:
    """Rules in xgrammar's EBNF; what is matched is `root`."""
    return {"type": "grammar", "grammar": rules}


def tag(begin: str, content: Format, end: str) -> Format:
    return {"type": "tag", "begin": begin, "content": content, "end": end}


def sequence(*elements: Format) -> Format:
    return elements[0] if len(elements) == 1 else {"type": "sequence", "elements": list(elements)}


def any_of(elements: Iterable[Format]) -> Format:
    listed = list(elements)
    return listed[0] if len(listed) == 1 else {"type": "or", "elements": listed}


def optional(content: Format) -> Format:
    return {"type": "optional", "content": content}


def star(content: Format) -> Format:
    return {"type": "star", "content": content}


def plus(content: Format) -> Format:
    return {"type": "plus", "content": content}


def separated(content: Format, separator: str, end: str = "") -> Format:
    """`content` and `end` once or more, with `separator` between: written once, as it may be large.

    xgrammar wants an `end` if there is any text in the content.
    """
    return {
        "type": "tags_with_separator",
        "tags": [tag("", content, end)],
        "separator": separator,
        "at_least_one": True,
        "stop_after_first": False,
    }


def listed(call: Format, separator: str, *, single: bool) -> Format:
    """Calls with a separator between them, or one; white space may stand around each."""
    if single:
        return sequence(GAP, call, GAP)
    if not separator:
        return sequence(GAP, plus(sequence(call, GAP)))
    return separated(sequence(GAP, call, GAP), separator)


GAP = regex(r"[ \n]{0,8}")
"""White space that may stand between two parts."""
ANY_TEXT: Format = {"type": "any_text"}
