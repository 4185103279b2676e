"""The conversations with which a model's own template is compared with ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

Message: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Conversation:
    name: str
    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)
    generate: bool = True
    """Whether the prompt ends with the start of the reply."""

    def but(self, **changes: Any) -> Conversation:
        return replace(self, **changes)


def tool(name: str, description: str | None, parameters: Mapping[str, Any] | None, **more: object) -> dict[str, Any]:
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": {k: v for k, v in function.items() if v is not None} | more}


def system(text: object) -> Message:
    return {"role": "system", "content": text}


def user(text: object) -> Message:
    return {"role": "user", "content": text}


def said(text: object = "", *calls: Message, **more: object) -> Message:
    message: dict[str, Any] = {"role": "assistant", "content": text, **more}
    return message | ({"tool_calls": list(calls)} if calls else {})


def call(name: str, arguments: object, call_id: str | None = "call00001") -> Message:
    made = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return made if call_id is None else {"id": call_id, **made}


def result(text: object, call_id: str | None = "call00001", **more: object) -> Message:
    message = {"role": "tool", "content": text, **more}
    return message if call_id is None else {**message, "tool_call_id": call_id}


CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = tool("look_up_weather", "What the sky does over a city", CITY)
ZONE = {
    "type": "object",
    "properties": {"zone": {"type": "string", "description": "Such as CET"}},
    "required": ["zone"],
}
CLOCK = tool("read_clock", "The hour in a zone", ZONE)
RICH = {
    "type": "object",
    "properties": {
        "where": {
            "type": "object",
            "description": "The place",
            "properties": {"lat": {"type": "number", "minimum": -90}, "lon": {"type": "number"}},
            "required": ["lat", "lon"],
        },
        "unit": {"type": "string", "enum": ["celsius", "kelvin"], "default": "celsius"},
        "days": {"type": "array", "items": {"type": "integer"}, "description": "Which days"},
        "hourly": {"type": "boolean"},
    },
    "required": ["where"],
    "additionalProperties": False,
}
FORECAST = tool("forecast", "Forecast of a place", RICH)
BARE = tool("ring_bell", "Rings it", None)
NO_PROPERTIES = tool("close_door", "Closes it", {"type": "object", "properties": {}})
UNTOLD = tool("count_sheep", None, CITY)
STRICT = tool("look_up_weather", "What the sky does over a city", CITY, strict=True)
ROUTE = {"type": "object", "properties": {"to": {"type": "string"}, "by": {"type": "string"}}, "required": ["to"]}
TRIP = tool("plan_trip", "A way to a place", ROUTE)
UNICODE = tool("wetter", "Das Wetter in Zürich & 東京 <heute>", CITY)
BOTH = (WEATHER, CLOCK)

BRIEF = system("Keep it short, captain.")
ASK = user("Any rain in Oslo?")
LOOK = call("look_up_weather", {"city": "Oslo"})
READ = call("read_clock", {"zone": "CET"}, "call00002")
RAIN = result("drizzle")
NOON = result("12:00", "call00002")
SAID = said("A drizzle.")
MORE = user("And now?")
PLAN = {"reasoning_content": "First the sky."}
THEN = {"reasoning_content": "Then the hour."}
DONE = {"reasoning_content": "That is all of it."}


def _parts(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text}]


def _plain() -> list[Conversation]:
    return [
        Conversation("a question", [ASK]),
        Conversation("system text", [BRIEF, ASK]),
        Conversation("two turns", [ASK, SAID, MORE]),
        Conversation("system text, two turns", [BRIEF, ASK, SAID, MORE]),
        Conversation("three turns", [ASK, SAID, MORE, said("It stopped."), user("Good.")]),
        Conversation("beyond ASCII", [system("Sprich Deutsch. 日本"), user("Regnet es in Zürich? 🌧")]),
        Conversation("lines", [user("One\ntwo\n\n  three")]),
        Conversation("white space around", [user("  Any rain?\n")]),
        Conversation("white space around system text", [system("\n Keep it short. \n"), ASK]),
        Conversation("an empty question", [user("")]),
        Conversation("markup of others", [user("What is <tools> & {\"a\": '1'}?")]),
        Conversation("nothing to follow", [ASK], generate=False),
        Conversation("an answer, nothing to follow", [ASK, SAID], generate=False),
        Conversation("a question after an answer, nothing to follow", [ASK, SAID, MORE], generate=False),
        Conversation("an empty answer", [ASK, said(""), MORE]),
    ]


def _tools() -> list[Conversation]:
    kinds = (
        ("one tool", (WEATHER,)),
        ("two tools", BOTH),
        ("a rich schema", (FORECAST,)),
        ("no properties", (NO_PROPERTIES,)),
        ("no description", (UNTOLD,)),
        ("properties out of order", (TRIP,)),
        ("tools beyond ASCII", (UNICODE,)),
        ("a strict tool", (STRICT,)),
        ("no parameters", (BARE,)),
        ("four tools", (*BOTH, FORECAST, UNTOLD)),
    )
    return [
        *(Conversation(name, [ASK], tools) for name, tools in kinds),
        Conversation("system text, one tool", [BRIEF, ASK], (WEATHER,)),
        Conversation("system text, two tools", [BRIEF, ASK], BOTH),
        Conversation("system text beyond ASCII, tools", [system("Sprich Deutsch."), user("Zürich?")], BOTH),
        Conversation("two turns, tools", [ASK, SAID, MORE], BOTH),
        Conversation("tools, nothing to follow", [ASK], BOTH, generate=False),
    ]


def _loops() -> list[Conversation]:
    def loop(name: str, *messages: Message, generate: bool = True, ask: Message = ASK) -> Conversation:
        return Conversation(name, [ask, *messages], BOTH, generate=generate)

    def valued(name: str, value: object) -> Conversation:
        return loop(name, said("", call("look_up_weather", {"city": value})), RAIN)

    return [
        loop("a call and its result", said("", LOOK), RAIN),
        loop("a call, nothing to follow", said("", LOOK), generate=False),
        loop("a result, nothing to follow", said("", LOOK), RAIN, generate=False),
        loop("text before a call", said("I look.", LOOK), RAIN),
        loop("two calls", said("", LOOK, READ), RAIN, NOON),
        loop("text before two calls", said("I look.", LOOK, READ), RAIN, NOON),
        loop("two steps", said("", LOOK), RAIN, said("", READ), NOON),
        loop("an answer from a result", said("", LOOK), RAIN, SAID, generate=False),
        loop("a question after a loop", said("", LOOK), RAIN, SAID, MORE),
        loop("a second loop", said("", LOOK), RAIN, SAID, MORE, said("", READ), NOON),
        Conversation("system text, a loop", [BRIEF, ASK, said("", LOOK), RAIN], BOTH),
        Conversation("system text, a loop and a question", [BRIEF, ASK, said("", LOOK), RAIN, SAID, MORE], BOTH),
        loop("a result of several lines", said("", LOOK), result("drizzle\n\nwind: 3\n")),
        loop("a result in JSON", said("", LOOK), result('{"sky": "drizzle", "wind": 3}')),
        loop("an empty result", said("", LOOK), result("")),
        loop("a result beyond ASCII", said("", LOOK), result("Nieselregen über Zürich ☔")),
        valued("a number", 7),
        valued("a fraction", -0.5),
        valued("true", True),
        valued("null", None),
        valued("a list", ["Oslo", 3, None]),
        valued("an object", {"name": "Oslo", "at": [59.9, 10.7]}),
        valued("a text of lines", 'one\n"two"\\'),
        valued("a value beyond ASCII", "Zürich 東京"),
        loop("no arguments", said("", call("look_up_weather", {})), RAIN),
        loop("two arguments", said("", call("look_up_weather", {"zone": "CET", "city": "Oslo"})), RAIN),
    ]


_EFFORTS = ("low", "high", "max")


def _thoughts() -> list[Conversation]:
    on, off = {"enable_thinking": True}, {"enable_thinking": False}
    loop = [ASK, said("", LOOK, **PLAN), RAIN]
    two = [*loop, said("", READ, **THEN), NOON]
    answered = [*two, said("A drizzle at noon.", **DONE)]
    return [
        Conversation("thinking on", [ASK], kwargs=on),
        Conversation("thinking off", [ASK], kwargs=off),
        Conversation("thinking on, system text", [BRIEF, ASK], kwargs=on),
        Conversation("thinking off, system text, tools", [BRIEF, ASK], BOTH, off),
        Conversation("thinking on, tools", [ASK], BOTH, on),
        Conversation("thinking off, two turns", [ASK, SAID, MORE], kwargs=off),
        Conversation("thinking on, a loop", [ASK, said("", LOOK), RAIN], BOTH, on),
        Conversation("thinking off, a loop", [ASK, said("", LOOK), RAIN], BOTH, off),
        Conversation("thoughts of an earlier answer", [ASK, said("A drizzle.", **PLAN), MORE], kwargs=on),
        Conversation("a thought in a loop", loop, BOTH, on),
        Conversation("a thought in a loop, not asked for", loop, BOTH),
        Conversation("thoughts of two steps", two, BOTH, on),
        Conversation("a thought and text before a call", [ASK, said("I look.", LOOK, **PLAN), RAIN], BOTH, on),
        Conversation("thoughts of an earlier loop", [*answered, MORE], BOTH, on),
        Conversation("an answer with a thought", answered, BOTH, on, generate=False),
        *(Conversation(f"effort {each}", [ASK], kwargs={**on, "reasoning_effort": each}) for each in _EFFORTS),
    ]


def _less_plain() -> list[Conversation]:
    nothing = said(None, LOOK)
    reasoned = [ASK, said("", LOOK, reasoning="First the sky."), RAIN]
    swapped = [ASK, said("", LOOK, READ), NOON, RAIN]
    without_ids = [ASK, said("", call("look_up_weather", {"city": "Oslo"}, None)), result("drizzle", None)]
    return [
        Conversation("a developer message", [{"role": "developer", "content": "Keep it short, captain."}, ASK]),
        Conversation("system and developer", [BRIEF, {"role": "developer", "content": "In Norwegian."}, ASK]),
        Conversation("system text in the middle", [ASK, SAID, system("In Norwegian now."), MORE]),
        Conversation("parts", [system(_parts("Keep it short.")), user(_parts("Any rain?"))]),
        Conversation("two parts", [user([*_parts("Any rain?"), *_parts("In Oslo.")])]),
        Conversation("null beside a call", [ASK, nothing, RAIN], BOTH),
        Conversation("a result in parts", [ASK, said("", LOOK), result(_parts("drizzle"))], BOTH),
        Conversation("results out of order", swapped, BOTH),
        Conversation("no ids", without_ids, BOTH),
        Conversation("arguments as text", [ASK, said("", call("look_up_weather", '{"city": "Oslo"}')), RAIN], BOTH),
        Conversation("null arguments", [ASK, said("", call("look_up_weather", None)), RAIN], BOTH),
        Conversation("reasoning by its other name", reasoned, BOTH, {"enable_thinking": True}),
    ]


CONVERSATIONS: Sequence[Conversation] = (*_plain(), *_tools(), *_loops(), *_thoughts(), *_less_plain())
"""All conversations: `prove` compares with these."""
_SHOWN = (
    ("a question", "system text", "two turns", "system text, two turns"),
    ("one tool", "two tools", "a rich schema", "system text, one tool", "system text, two tools"),
    (
        "thinking on",
        "thinking off",
        "thinking on, system text",
        "thinking off, system text, tools",
        "thinking on, tools",
        "effort high",
        "effort max",
    ),
    ("thinking off, two turns", "nothing to follow", "an answer, nothing to follow"),
    ("a question after an answer, nothing to follow", "a call and its result", "a call, nothing to follow"),
    ("a result, nothing to follow", "text before a call", "two calls", "text before two calls", "two steps"),
    ("an answer from a result", "a question after a loop", "a second loop", "system text, a loop"),
    ("system text, a loop and a question", "no arguments"),
)
LEARNED_FROM: Sequence[Conversation] = tuple(
    chat for names in _SHOWN for name in names for chat in CONVERSATIONS if chat.name == name
)
"""The simplest conversations that show every word, in the order in which `learn` reads them."""
