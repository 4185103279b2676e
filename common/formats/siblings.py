"""Families that share a wrapper read each other's bodies in it.

- `<tool_call>` is followed by a JSON call, by `<function=`, by `<invoke name=`, or by a name and GLM's keys or a JSON
  object, whichever parser of these families was named: a model that was trained on several of them mixes them.
- LongCat-Flash reads the keys and values of LongCat 2.0 in its tags.
- MiniMax M3 reads the parameters of M2, in its own sections or without a section.
- Llama reads `<function=NAME>` with a JSON object, the tag that Meta's guide gives for custom tools.
"""

from __future__ import annotations

from ..arguments.json_object import JsonObject
from ..arguments.tags import Tags
from ..cursor import Markers
from ..format import Span, ToolFormat
from ..recovery import drift, recovering
from ..shapes.sibling import JSON_STARTS, Sibling
from ..shapes.tagged import Tagged
from .glm47 import GLM47
from .hermes import HERMES
from .llama3_json import LLAMA3_JSON
from .longcat import LONGCAT
from .longcat2 import LONGCAT2
from .minimax_m2 import MINIMAX_M2
from .minimax_m3 import MINIMAX_M3
from .qwen3_coder import QWEN3_CODER, WRAPPER

_INVOKE = Tagged(
    sample="",
    wrapper=WRAPPER,
    call=Span("<invoke name=", "</invoke>"),
    arguments=Tags(open="<parameter name=", close="</parameter>"),
)


_WRAPPER = Markers((WRAPPER.open,))

_SIBLINGS = drift(
    "calls of another family in its wrapper",
    Sibling(HERMES, _WRAPPER, JSON_STARTS),
    Sibling(QWEN3_CODER, _WRAPPER, Markers(("<function=", "<function name="))),
    Sibling(_INVOKE, _WRAPPER, Markers(("<invoke name=",))),
    Sibling(GLM47, _WRAPPER, Markers(("<arg_key>", GLM47.call.close, "{")), named=True),
    contract="Shared wrappers",
)


_AS_LONGCAT2: tuple[ToolFormat, ...] = drift(
    "calls of LongCat 2.0 from LongCat-Flash",
    Sibling(LONGCAT2, LONGCAT2.calls, Markers(("<longcat_arg_key>", LONGCAT2.call.close)), named=True),
    contract="Shared wrappers",
)

_AS_M2: tuple[ToolFormat, ...] = recovering(
    "calls of MiniMax M2 from M3",
    (
        Tagged(
            sample="",
            sections=MINIMAX_M3.sections,
            call=MINIMAX_M2.call,
            spellings=(MINIMAX_M3.call,),
            loose=(MINIMAX_M2.call,),
            arguments=MINIMAX_M2.arguments,
        ),
    ),
    off=(),
    contract="Bare invokes",
)

_FUNCTION = Span("<function=", "</function>")
_AS_TAGS: tuple[ToolFormat, ...] = recovering(
    "calls of Llama in a tag",
    (Tagged(sample="", call=_FUNCTION, loose=(_FUNCTION,), arguments=JsonObject()),),
    off=(),
    contract="Llama's tags",
)


def siblings_of(formats: list[ToolFormat]) -> tuple[ToolFormat, ...]:
    """Return the formats that are read in addition to these."""
    found = _AS_M2 if MINIMAX_M3 in formats else ()
    if LLAMA3_JSON in formats:
        found = (*found, *_AS_TAGS)
    if LONGCAT in formats and LONGCAT2 not in formats:
        found = (*found, *_AS_LONGCAT2)
    others = tuple(each for each in _SIBLINGS if not any(_same(each.format, format) for format in formats))
    return found if len(others) == len(_SIBLINGS) else (*found, *others)


def _same(one: ToolFormat, other: ToolFormat) -> bool:
    """Return whether two formats are equal, or have the same calls in the same wrapper and differ only in values."""
    if isinstance(one, Tagged) and isinstance(other, Tagged) and one.wrapper is not None:
        return (one.wrapper, one.call) == (other.wrapper, other.call)
    return one == other
