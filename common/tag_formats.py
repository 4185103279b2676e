"""xgrammar's formats of structural tags, as JSON: what the tags are built of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

Format: TypeAlias = Mapping[str, object]
"""A format of xgrammar's structural tags."""


def const(value: str) -> Format:
    return {"type": "const_string", "value": value}


def regex(pattern: str) -> Format:
    return {"type": "regex", "pattern": pattern}


def json_schema(schema: object) -> Format:
    return {"type": "json_schema", "json_schema": schema}


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


def listed(call: Format, separator: str, *, single: bool) -> Format:
    """Calls with a separator between them, or one."""
    if single:
        return call
    between = (GAP, const(separator), GAP) if separator else (GAP,)
    return sequence(call, star(sequence(*between, call)))


GAP = regex(r"[ \n]{0,8}")
"""White space that may stand between two parts."""
ANY_TEXT: Format = {"type": "any_text"}
