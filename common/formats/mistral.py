"""Mistral, Ministral, Devstral and Magistral.

[TOOL_CALLS]get_weather{"city": "Paris"}

Three tokenizer generations: an array of calls as JSON (`[TOOL_CALLS][{"name": ..., "arguments": ...}]`, up to
v7), a name and its arguments (v11), and `NAME[CALL_ID]ID[ARGS]{...}` (v13).
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass

from ..arguments.json_object import JsonObject
from ..cursor import Cursor, Mark, Reading
from ..format import Span, Think, ToolFormat
from ..reply import Reply
from ..rows import Native, Starts, ToolRow, family
from ..shapes.json_calls import UNMARKED, JsonCalls
from ..shapes.tagged import Tagged, sample_of

_OPEN = "[TOOL_CALLS]"
_CLOSE = "[/TOOL_CALLS]"


@dataclass(frozen=True)
class Mistral(ToolFormat):
    """Calls as JSON, or a name before the arguments: the first character tells."""

    sample: str
    as_json: JsonCalls
    by_name: Tagged

    def __post_init__(self) -> None:
        json, markers = self.as_json, self.as_json.markers | self.by_name.markers
        vars(self).update(openers=json.openers, closers=json.closers, markers=markers)
        vars(self).update(bare=json.bare, bare_starts=json.bare_starts)

    @property
    def ways(self) -> tuple[ToolFormat, ...]:
        return self.by_name, self.as_json

    def read(self, opener: str, mark: Mark, cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        yield from cursor.space()
        char = yield from cursor.peek()
        shape = self.as_json if char and char in "[{`" else self.by_name
        return (yield from shape.read(opener, mark, cursor, reply))


MISTRAL = Mistral(
    sample=sample_of(__doc__),
    as_json=JsonCalls(
        sample='[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}}]',
        spans=(Span(_OPEN, _CLOSE),),
        bare=UNMARKED,
    ),
    by_name=Tagged(
        sample=sample_of(__doc__),
        call=Span(_OPEN, _CLOSE),
        id_open="[CALL_ID]",
        name_end=("[ARGS]",),
        arguments=JsonObject(),
    ),
)

_MISTRAL_END = "</s>"


def _nine_characters() -> str:
    """An id as Mistral's templates and tokenizers want it."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(9))


ROWS = family(
    ToolRow(
        "mistral",
        MISTRAL,
        "Mistral, Ministral, Devstral, Magistral",
        special_tokens=("[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"),
        turn_end=_MISTRAL_END,
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
