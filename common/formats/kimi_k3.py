"""Kimi K3 (Moonshot AI), in XTML.

<|open|>tools<|sep|><|open|>call tool="get_weather" index="1"<|sep|><|open|>argument key="city" type="string"<|sep|>Paris<|close|>argument<|sep|><|close|>call<|sep|><|close|>tools<|sep|>

`think`, `response` and `tools` are side by side in a `message`, which the prompt opens. The prompt ends with the
opening tag of `think`, or of `response` if thinking is off.
"""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass, field

from ..arguments.name import is_name
from ..arguments.xtml import CLOSE, OPEN, SEP, XTML_VALUES, closing, opening, read_attributes, spans
from ..cursor import NO_MARKERS, Cursor, Markers, Reading
from ..format import FrameFormat, Span, Task, Think
from ..machine import Grammar, read_reply
from ..recovery import drift, recovers
from ..reply import Reply
from ..rows import ON_UNLESS_OFF, Native, ToolRow, family
from ..schema import Tools
from ..shapes.tagged import Head, Tagged, sample_of

TURN_ENDS = ("<|end_of_msg|>", *drift("what may end a reply", "[EOS]", "[EOT]", contract="Turn ends"))


class XtmlCalls(Tagged):
    """`<|open|>call tool="get_weather" index="1"<|sep|>`"""

    def _head(self, opener: str, cursor: Cursor, tools: Tools | None) -> Reading[Head | bool | None]:
        if opener not in self.calls.all:
            return False
        attributes = yield from read_attributes(cursor, ended=False)
        if attributes is None:
            return None if cursor.at_end else False
        name = attributes.get("tool", "")
        if not is_name(name):
            return False
        return Head(name)


_CALL, *_OTHERS = spans("call")
# Two tags as one: the end of the first and the beginning of the second are missing.
_STUCK = drift("two tags in one", Span(f"{OPEN}toolscall", _CALL.close))
_STUCK_END = drift("two closing tags in one", f"{CLOSE}toolsmessage{SEP}")

_BESIDE = Markers((*opening("think"), *opening("response"), *closing("message")))


@recovers("what is open when another part of the message begins", off=False, contract="A frame's end")
def _part_ends(cursor: Cursor) -> Reading[bool]:
    return (yield from cursor.stands(_BESIDE)) is not None


CALLS = XtmlCalls(
    sample=sample_of(__doc__),
    sections=tuple(Span(open, close) for open in opening("tools") for close in (*closing("tools"), *_STUCK_END)),
    call=_CALL,
    spellings=(*_OTHERS, *_STUCK),
    name_end=(SEP,),
    arguments=XTML_VALUES,
    message_ends=_part_ends,
    beside=_BESIDE,
)

_OPENS = opening("think")
# The tags beside `think` end it too, and are dropped like a stray end of it.
_CLOSES = (
    *closing("think"),
    *opening("response"),
    *closing("response"),
    f'{OPEN}message role="assistant"{SEP}',
    *closing("message"),
)


def _grammar(think: Think) -> Grammar:
    # In `think` only `tools` opens calls: a `call` alone is part of the reasoning.
    return Grammar((CALLS,), think, Markers(TURN_ENDS), mentions=CALLS.calls.all - {each.open for each in _STUCK})


@dataclass(frozen=True, eq=False)
class KimiK3(FrameFormat):
    """Reads reasoning, content and calls with the machine, and drops the tags around each."""

    sample: str
    reasoning_sample: str
    calls: Tagged
    answer: Span
    close: str
    """The tag that may close the message."""
    parts: Markers = NO_MARKERS
    """Empty: none of the format's tags ends a turn."""
    markers: frozenset[str] = field(init=False, default=CALLS.markers.union(_OPENS, _CLOSES))
    _split: Grammar = field(init=False, repr=False, default=_grammar(Think(_OPENS, _CLOSES)))
    _whole: Grammar = field(init=False, repr=False, default=_grammar(Think((), (*_OPENS, *_CLOSES))))

    def read_reply(self, cursor: Cursor, reply: Reply, task: Task) -> Reading[None]:
        return read_reply(cursor, reply, self._split if task.splits else self._whole, task)


KIMI_K3 = KimiK3(
    sample=sample_of(__doc__),
    reasoning_sample=f"{_OPENS[0]}plan{_CLOSES[0]}",
    calls=CALLS,
    answer=Span(opening("response")[0], closing("response")[0]),
    close=closing("message")[0],
)

_XTML_TOKENS = ("<|open|>", "<|close|>", "<|sep|>", "<|end_of_msg|>")

ROWS = family(
    ToolRow(
        "kimi_k3",
        KIMI_K3,
        "Kimi K3",
        aliases=("kimi-k3",),
        special_tokens=_XTML_TOKENS,
        turn_end="<|end_of_msg|>",
        turn_ends=TURN_ENDS,
        model_types=("kimi_k3",),
        engines=Native(vllm=("kimi_k3",), sglang=("kimi_k3",), trtllm=("kimi_k3",)),
    ),
    Think(("<|open|>think<|sep|>",), ("<|close|>think<|sep|>",)),
    ON_UNLESS_OFF,
    special_tokens=_XTML_TOKENS,
    frame=KIMI_K3,
)
