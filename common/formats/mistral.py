"""Mistral, Ministral, Devstral and Magistral.

[TOOL_CALLS]get_weather{"city": "Paris"}

Three tokenizer generations: an array of calls as JSON (`[TOOL_CALLS][{"name": ..., "arguments": ...}]`, up to
v7), a name and its arguments (v11), and `NAME[CALL_ID]ID[ARGS]{...}` (v13).
"""

from __future__ import annotations

import secrets
import string

from ..arguments.json_object import JsonObject
from ..cursor import Markers
from ..format import Span, Think
from ..rows import Native, Starts, ToolRow, family
from ..shapes.json_calls import JsonCalls
from ..shapes.sibling import Sibling
from ..shapes.tagged import Tagged, sample_of

_OPEN = "[TOOL_CALLS]"
_CLOSE = "[/TOOL_CALLS]"


_AS_JSON = JsonCalls(
    sample='[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}}]',
    spans=(Span(_OPEN, _CLOSE),),
)

MISTRAL = Tagged(
    sample=sample_of(__doc__),
    call=Span(_OPEN, _CLOSE),
    id_open="[CALL_ID]",
    name_end=("[ARGS]",),
    others=(Sibling(_AS_JSON, _AS_JSON.openers, Markers(_AS_JSON.bare_starts)),),
    arguments=JsonObject(),
)


def _nine_characters() -> str:
    """Return an id as Mistral's templates and tokenizers require it."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(9))


ROWS = family(
    ToolRow(
        "mistral",
        MISTRAL,
        "Mistral, Ministral, Devstral, Magistral",
        special_tokens=("[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"),
        turn_end="</s>",
        native_ids=True,
        between="",
        new_id=_nine_characters,
        model_types=("mistral", "mistral3", "ministral3"),
        engines=Native(vllm=("mistral",), sglang=("mistral",)),
    ),
    Think(("[THINK]",), ("[/THINK]",)),
    Starts(inside=False, switch="effort"),
    models="Magistral, Ministral 3",
    special_tokens=("[THINK]", "[/THINK]"),
)
