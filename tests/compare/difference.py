"""How two answers to one question differ: by their calls, by their texts.

- Arguments are compared as JSON values, numbers by their spelling's value; texts to the character.
- Calls are matched greedily in order: `missing` are ours that the peer has not, `extra` the peer's that we have not.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property

from dynamo_parsers.format import FrameFormat, ToolFormat
from dynamo_parsers.registry import reasoning_row, tool_row
from dynamo_parsers.rows import ReasoningRow
from questions import markers
from records import Answer, Call, Question, Way

_SPACE = re.compile(r"\s+")
_HEADERS = re.compile(
    r"(assistant|analysis|commentary|final| to=[\w.]*| ?json| ?code|(?<=>)(tools|call|think|response)\b)"
)
"""What the headers of framed replies say between their markers."""


def loaded(arguments: str) -> object:
    """The JSON value of an argument text, numbers as decimals; the text itself if it is not JSON."""
    try:
        return json.loads(arguments, parse_int=Decimal, parse_float=Decimal)
    except (ValueError, RecursionError, ArithmeticError):
        return arguments


def same(one: Call, other: Call) -> bool:
    return one.name == other.name and loaded(one.arguments) == loaded(other.arguments)


def squeezed(text: str | None) -> str:
    """A text without its white space."""
    return _SPACE.sub("", text or "")


def is_part(part: str, whole: str) -> bool:
    """Whether the characters of `part` are in `whole` in their order."""
    rest = iter(whole)
    return all(char in rest for char in part)


@dataclass(frozen=True)
class Difference:
    """One peer's answer beside ours."""

    question: Question
    way: Way
    ours: Answer
    theirs: Answer
    whole: Answer | None
    """What the same peer answers to the reply as a whole."""
    only: tuple[tuple[Call, ...], tuple[Call, ...]] | None = None
    """Calls of `missing` and `extra` to look at, and no others."""

    # --- calls

    @cached_property
    def _unmatched(self) -> tuple[tuple[Call, ...], tuple[Call, ...]]:
        if self.only is not None:
            return self.only
        extra = list(self.theirs.calls)
        missing = []
        for call in self.ours.calls:
            found = next((other for other in extra if same(call, other)), None)
            if found is None:
                missing.append(call)
            else:
                extra.remove(found)
        return tuple(missing), tuple(extra)

    @property
    def missing(self) -> tuple[Call, ...]:
        return self._unmatched[0]

    @property
    def extra(self) -> tuple[Call, ...]:
        return self._unmatched[1]

    @property
    def calls_differ(self) -> bool:
        return bool(self.missing or self.extra)

    @property
    def swapped(self) -> tuple[tuple[Call, Call], ...]:
        """Calls of one name, ours and theirs, whose arguments differ."""
        extra = list(self.extra)
        pairs = []
        for call in self.missing:
            found = next((other for other in extra if other.name == call.name), None)
            if found is not None:
                extra.remove(found)
                pairs.append((call, found))
        return tuple(pairs)

    def parts(self) -> Iterator[Difference]:
        """The difference by groups of calls: those of ours that are cut, the undeclared ones, the others."""
        swapped = dict(self.swapped)
        groups: dict[str, list[Call]] = {}
        for call in self.missing:
            kind = "cut" if not call.complete else "" if call in swapped or self.declared(call.name) else "undeclared"
            groups.setdefault(kind, []).append(call)
        taken: list[Call] = []
        for kind in ("cut", "undeclared"):
            if calls := groups.pop(kind, []):
                theirs = [swapped[call] for call in calls if call in swapped]
                taken += theirs
                yield replace(self, only=(tuple(calls), tuple(theirs)))
        rest = [call for call in self.extra if not any(call is other for other in taken)]
        if rest or groups:
            yield replace(self, only=(tuple(groups.get("", [])), tuple(rest)))

    # --- texts

    @property
    def texts_differ(self) -> bool:
        ours, theirs = self.ours, self.theirs
        return (ours.reasoning or "", ours.content or "") != (theirs.reasoning or "", theirs.content or "")

    @property
    def our_text(self) -> str:
        return f"{self.ours.reasoning or ''} {self.ours.content or ''}"

    @property
    def their_text(self) -> str:
        return f"{self.theirs.reasoning or ''} {self.theirs.content or ''}"

    @cached_property
    def bare(self) -> tuple[str, str, str, str]:
        """Our reasoning and content and theirs, without markers and white space."""
        ours, theirs = self.ours, self.theirs
        texts = [
            self.without_markers(text) for text in (ours.reasoning, ours.content, theirs.reasoning, theirs.content)
        ]
        return texts[0], texts[1], texts[2], texts[3]

    def without_markers(self, text: str | None) -> str:
        text = text or ""
        for marker in sorted(self.markers, key=len, reverse=True):
            text = text.replace(marker, "\0")
        if self.framed and "\0" in text:
            text = _HEADERS.sub("", text.replace("\0", ">"))
        return squeezed(text.replace("\0", "").replace(">", "") if self.framed else text.replace("\0", ""))

    def without_ends(self, text: str) -> str:
        """A reply without the tokens that end a turn and the beginnings of calls at its end."""
        name = self.question.tool_parser
        row = None if name is None else tool_row(name)
        ends = () if row is None else (row.turn_end, *row.turn_ends)
        while any(text.rstrip().endswith(end) for end in ends):
            text = next(text.rstrip().removesuffix(end) for end in ends if text.rstrip().endswith(end))
        return text

    @property
    def leaked(self) -> bool:
        """Whether a marker is in their texts more often than in ours."""
        return any(self.their_text.count(marker) > self.our_text.count(marker) for marker in self.markers)

    @property
    def kept(self) -> bool:
        """Whether a marker is in our texts more often than in theirs."""
        return any(self.our_text.count(marker) > self.their_text.count(marker) for marker in self.markers)

    @property
    def moved(self) -> bool:
        """Whether the two say the same characters, some as reasoning here and as content there."""
        our_reasoning, our_content, reasoning, content = self.bare
        return Counter(our_reasoning + our_content) == Counter(reasoning + content)

    # --- the markup

    @cached_property
    def markers(self) -> frozenset[str]:
        known = markers(self.question.tool_parser, self.question.reasoning_parser)
        if isinstance(self.format, ToolFormat):
            known |= self.format.closers.all - {""}
        if self.think is None:
            return known
        return known | {opener + self.think.think.label for opener in self.think.think.opens}

    @cached_property
    def format(self) -> ToolFormat | FrameFormat | None:
        name = self.question.tool_parser
        return None if name is None else tool_row(name).format

    @cached_property
    def think(self) -> ReasoningRow | None:
        name = self.question.reasoning_parser
        return None if name is None else reasoning_row(name)

    @property
    def framed(self) -> bool:
        return (self.format is not None and not isinstance(self.format, ToolFormat)) or (
            self.think is not None and self.think.frame is not None
        )

    def declared(self, name: str) -> bool:
        """Whether the request declares this tool."""
        functions = [tool.get("function", tool) for tool in self.question.tools or []]
        return name in [function.get("name") for function in functions if isinstance(function, dict)]
