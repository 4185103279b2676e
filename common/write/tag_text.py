"""Builds xgrammar's formats of structural tags as JSON text.

A tag of many tools is large, and an engine needs it as text. So the parts are text from the start: the text for a tool
is cached and joined to others, and no tree of objects is made, copied or walked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii
from typing import Any, TypeAlias

Format: TypeAlias = str
"""A format of xgrammar's structural tags, as JSON."""

quote = encode_basestring_ascii
as_json = json.JSONEncoder(separators=(",", ":"), default=repr).encode


class Tag:
    """A structural tag, which is cached for further requests of the same kind.

    Attributes:
        text: the tag as JSON.
        doubtful: tags of the calls of strict tools whose schemas xgrammar may refuse; it accepts all others.
        engine: an adapter's own object for this tag.
    """

    __slots__ = ("doubtful", "engine", "text")

    def __init__(self, format: Format, doubtful: Iterable[Format] = ()) -> None:
        self.text = _tag_of(format)
        self.doubtful = tuple(map(_tag_of, doubtful))
        self.engine: object = None

    @property
    def format(self) -> dict[str, Any]:
        """The tag's format as a new object."""
        return json.loads(self.text)["format"]  # type: ignore[no-any-return]


def _tag_of(format: Format) -> str:
    return f'{{"type":"structural_tag","format":{format}}}'


def const(value: str) -> Format:
    return f'{{"type":"const_string","value":{quote(value)}}}'


def regex(pattern: str) -> Format:
    return f'{{"type":"regex","pattern":{quote(pattern)}}}'


def json_schema(schema: object) -> Format:
    return f'{{"type":"json_schema","json_schema":{as_json(schema)}}}'


def grammar(rules: str) -> Format:
    """Return a format of rules in xgrammar's EBNF, which starts at `root`."""
    return f'{{"type":"grammar","grammar":{quote(rules)}}}'


def any_text(*excludes: str) -> Format:
    """Return a format of text without any of `excludes` in it."""
    return f'{{"type":"any_text","excludes":{as_json(excludes)}}}' if excludes else ANY_TEXT


def tag(begin: str, content: Format, end: str) -> Format:
    return f'{{"type":"tag","begin":{quote(begin)},"content":{content},"end":{quote(end)}}}'


def sequence(*elements: Format) -> Format:
    return elements[0] if len(elements) == 1 else f'{{"type":"sequence","elements":[{",".join(elements)}]}}'


def any_of(elements: Iterable[Format]) -> Format:
    listed = list(elements)
    return listed[0] if len(listed) == 1 else f'{{"type":"or","elements":[{",".join(listed)}]}}'


def optional(content: Format) -> Format:
    return f'{{"type":"optional","content":{content}}}'


def star(content: Format) -> Format:
    return f'{{"type":"star","content":{content}}}'


def plus(content: Format) -> Format:
    return f'{{"type":"plus","content":{content}}}'


def dispatch(triggers: Iterable[str], content: Format, *, loop: bool) -> Format:
    """Return a format of text in which `content` follows each trigger; only the first one if not `loop`."""
    rules = ",".join(f"[{quote(each)},{content}]" for each in triggers)
    return f'{{"type":"dispatch","rules":[{rules}],"loop":{as_json(loop)}}}'


def triggered(triggers: Iterable[str], content: Format, *, single: bool) -> Format:
    """Return a format of text in which the tag `content` begins with a trigger."""
    return (
        f'{{"type":"triggered_tags","triggers":{as_json(list(triggers))},"tags":[{content}],'
        f'"at_least_one":false,"stop_after_first":{as_json(single)}}}'
    )


def separated(content: Format, separator: str, end: str = "") -> Format:
    """Return a format of `content` and `end`, once or more, with `separator` between.

    `content` is written only once, as it may be large. xgrammar needs an `end` if the content has any free text.
    """
    return (
        f'{{"type":"tags_with_separator","tags":[{tag("", content, end)}],"separator":{quote(separator)},'
        '"at_least_one":true,"stop_after_first":false}'
    )


def listed(call: Format, separator: str, *, single: bool) -> Format:
    """Return a format of calls with a separator between them, or of one call, with white space around each."""
    if single:
        return sequence(GAP, call, GAP)
    if not separator:
        return sequence(GAP, plus(sequence(call, GAP)))
    return separated(sequence(GAP, call, GAP), separator)


GAP = regex(r"[ \n]{0,8}")
"""Optional white space between two parts."""
ANY_TEXT: Format = '{"type":"any_text"}'
