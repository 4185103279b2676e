"""Muse Glimmer (Meta).

 to=get_weather<|message|>
<atem:function_calls>
<atem:invoke name="get_weather">
<atem:parameter name="city">Paris</atem:parameter>
</atem:invoke>
</atem:function_calls><|eom|>

The recipient says what a message is: `self` is reasoning, `user` or none is content (in Muse Spark none is reasoning),
any other is the function that the message calls. The prompt ends with `<|start|>assistant`. Values are typed by the
tool's schema.
"""

from __future__ import annotations

import re

from ..arguments.tags import Tags
from ..cursor import NO_MARKERS, SPACE, Cursor, Mark, Markers, Reading, union
from ..format import Span, Think
from ..machine import Grammar
from ..recovery import drift, recovers
from ..reply import Reply
from ..rows import OUTSIDE, Native, ToolRow, family
from ..shapes.messages import MESSAGE, START, TO, Header, Messages
from ..shapes.tagged import Tagged, sample_of

_CLOSERS = Markers(("<|eom|>", "<|eot|>", "<|end_of_text|>"))
_NEXT = re.compile(
    rf"(?:{'|'.join(map(re.escape, sorted(_CLOSERS.all)))}|[{SPACE}])*"
    r"(?:<\|start\|>[\w\s]*(?:to=[\w.:/-]+\s*)?|to=[\w.:/-]+\s*)<\|message\|>"
)
"""Ends of a message, which may be missing, and the next one's header, with a recipient if it lacks its first marker."""
_PART_OF_HEADER = re.compile(rf"(?:<[|\w]*>?|[\w.:/=-]|[{SPACE}])*")
_MAX_HEADER = 256


@recovers("what is open at a message's end", off=False, contract="A frame's end")
def _message_ends(cursor: Cursor) -> Reading[bool]:
    while True:
        text = cursor.text[cursor.at : cursor.at + _MAX_HEADER]
        if _NEXT.match(text):
            return True
        if cursor.ended or len(text) == _MAX_HEADER or not _PART_OF_HEADER.fullmatch(text):
            return False
        yield


ATEM = Tagged(
    sample="",
    sections=(Span("<atem:function_calls>", "</atem:function_calls>"),),
    call=Span("<atem:invoke name=", "</atem:invoke>"),
    behind_name=Markers(drift("a marker after a call's name, as after a recipient", MESSAGE)),
    message_ends=_message_ends,
    headers=Markers((MESSAGE,)),
    arguments=Tags(open="<atem:parameter name=", close="</atem:parameter>"),
)
# The model may change the recipient without ending the message.
_BETWEEN = Markers(_CLOSERS.all | {START, TO})


class Muse(Messages):
    """The recipient says what a text is, and calls have a markup of their own."""

    def is_reasoning(self, header: Header) -> bool:
        return header.recipient == "self"

    def read_directed(self, header: Header, mark: Mark, cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        yield from cursor.space()
        opener = yield from cursor.match(ATEM.openers)
        if opener is not None:
            return (yield from ATEM.read(opener, mark, cursor, reply))
        if cursor.at_end or cursor.cut_of(ATEM.openers):
            return None
        if (yield from cursor.peek()) == "{":
            return (yield from super().read_directed(header, mark, cursor, reply))
        return False


def muse(dialect: type[Muse]) -> Muse:
    """The frame of a model of the family."""
    return dialect(
        sample=sample_of(__doc__),
        reasoning_sample=" to=self<|message|>plan<|eom|>",
        parts=Markers(_CLOSERS.all | {START, MESSAGE}),
        closers=_CLOSERS,
        in_reasoning=_BETWEEN,
        in_content=union(_BETWEEN, ATEM.openers),
        calls=Grammar((ATEM,), None, NO_MARKERS),
        inner=ATEM,
        start=f"{START}assistant",
    )


MUSE = muse(Muse)

MUSE_ENDS = ("<|eom|>", "<|end_of_text|>", "<|start|>")
MUSE_TOKENS = ("<|message|>", "<|eot|>", *MUSE_ENDS)

ROWS = family(
    ToolRow(
        "muse",
        MUSE,
        "Muse Glimmer, Muse Spark",
        pairs=("muse", "muse_spark"),
        special_tokens=MUSE_TOKENS,
        turn_end="<|eot|>",
        turn_ends=MUSE_ENDS,
        model_types=("muse_glimmer", "muse_spark"),
        engines=Native(vllm=("muse_glimmer", "muse", "musespark1x"), sglang=("muse",)),
    ),
    Think((" to=self<|message|>",), (" to=user<|message|>",)),
    OUTSIDE,
    models="Muse Glimmer",
    special_tokens=MUSE_TOKENS,
    frame=MUSE,
    engines=Native(vllm=("muse_glimmer",), sglang=("muse",)),
)
