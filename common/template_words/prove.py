"""Compares a template with the model's own, text for text, and says which requirement a difference is for.

A difference has a reason where it goes away when the conversation is told differently:
- told to the model's own template in the one way that it knows (a developer message as a system message, text in place
  of parts, results in order), it writes what ours writes for the conversation as it is; or
- told to ours without what the model's own leaves out (thoughts, text beside calls, all calls but the first), ours
  writes what the model's own writes.
Nothing else is a reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ..render import Unrenderable, render
from .chats import CONVERSATIONS, Conversation, Message
from .model import Own

Telling = Callable[[Conversation], Conversation]
_THOUGHT = re.compile(
    r"(?:<think>.*?</think>|</?think>|<\|channel>thought.*?<channel\|>|\[THINK\].*?\[/THINK\])\n{0,2}", re.DOTALL
)


@dataclass(frozen=True)
class Row:
    """One conversation. `requirements`: numbers of docs/chat-templates.md that a difference is for."""

    name: str
    verdict: str
    """equal, explained, unexplained, or refused: by the model's own template, or by ours where `why` says so."""
    requirements: tuple[int, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Proof:
    rows: tuple[Row, ...]

    def of(self, verdict: str) -> list[Row]:
        return [row for row in self.rows if row.verdict == verdict]

    @property
    def unexplained(self) -> list[Row]:
        return self.of("unexplained")

    @property
    def counted(self) -> dict[str, int]:
        return {each: len(self.of(each)) for each in ("equal", "explained", "unexplained", "refused")}

    def missed(self, names: Iterable[str]) -> list[Row]:
        """Those of these conversations that differ without a reason."""
        return [row for row in self.unexplained if row.name in set(names)]


def prove(text: str, own: Own, chats: Sequence[Conversation] = CONVERSATIONS) -> Proof:
    """Every conversation, rendered with `text` and with the model's own template."""
    pair = _Pair(text, own)
    return Proof(tuple(_row(chat, pair) for chat in chats))


@dataclass(frozen=True)
class _Pair:
    text: str
    own: Own

    def ours(self, chat: Conversation) -> str | None:
        try:
            return render(
                self.text,
                chat.messages,
                tools=chat.tools,
                prompt=chat.generate,
                tokens=self.own.tokens,
                kwargs=chat.kwargs,
            )
        except Unrenderable:
            return None

    def theirs(self, chat: Conversation) -> str | None:
        try:
            return self.own.prompt(chat)
        except Unrenderable:
            return None


def _row(chat: Conversation, pair: _Pair) -> Row:
    ours, theirs = pair.ours(chat), pair.theirs(chat)
    if ours is not None and ours == theirs:
        return Row(chat.name, "equal")
    for requirements, why in _reasons(chat, pair):
        return Row(chat.name, "explained", tuple(sorted(set(requirements))), why)
    if theirs is not None and ours is not None:
        if not chat.generate and theirs.startswith(ours):
            return Row(chat.name, "explained", (11,), "it writes on behind the last turn")
        if _behind_calls(chat, ours, theirs, pair):
            return Row(chat.name, "explained", (3,), "it writes the text beside calls behind them")
    if theirs is None:
        return Row(chat.name, "refused", why="the model's own template refuses it")
    if ours is None:
        # What no text of a format can say is refused (requirement 7); everything else is a fault of ours.
        as_text = _arguments_as_mappings(chat) != chat
        return Row(chat.name, "refused" if as_text else "unexplained", (7,) if as_text else (), "ours refuses it")
    return Row(chat.name, "unexplained", why=shown(ours, theirs))


def _reasons(chat: Conversation, pair: _Pair) -> Iterator[tuple[list[int], str]]:
    here = {ways: text for ways in _some(_LEFT_OUT, chat) if (text := pair.ours(_tell(chat, ways))) is not None}
    there = {ways: text for ways in _some(_TOLD, chat) if (text := pair.theirs(_tell(chat, ways))) is not None}
    both = [(told + left_out, a, b) for left_out, a in here.items() for told, b in there.items()]
    both.sort(key=lambda each: len(each[0]))
    for ways, a, b in both:
        if a == b:
            yield [each.requirement for each in ways], "; ".join(each.why for each in ways)
    if _rewrites(chat, pair):
        for ways, a, b in both:
            if _THOUGHT.sub("", a) == _THOUGHT.sub("", b):
                said = [*(each.why for each in ways), "its earlier prompts change in their thoughts"]
                yield [*(each.requirement for each in ways), 12], "; ".join(said)


def _rewrites(chat: Conversation, pair: _Pair) -> bool:
    """Whether the model's own template changes a prompt of this conversation in a later one, and ours does not."""
    ends = [at for at, message in enumerate(chat.messages) if message["role"] == "assistant"]
    steps = [chat.but(messages=chat.messages[:at], generate=True) for at in ends]
    later = chat.but(messages=[*chat.messages, {"role": "user", "content": "And then?"}])
    grows = [(step, chat) for step in steps] + [(chat.but(generate=False), later)]
    return any(_extends(pair.ours, *each) and not _extends(pair.theirs, *each) for each in grows)


def _behind_calls(chat: Conversation, ours: str, theirs: str, pair: _Pair) -> bool:
    """Whether the texts are equal but for text beside calls, which the model's own template writes behind the calls."""
    beside = [message for message in chat.messages if message.get("tool_calls") and message.get("content")]
    places = [(str(message["content"]), str(message["tool_calls"][0]["function"]["name"])) for message in beside]
    moved = [theirs.rfind(text) > theirs.rfind(name) and ours.rfind(text) < ours.rfind(name) for text, name in places]
    bare = _each(_no_text_beside)(chat)
    return any(moved) and pair.ours(bare) == pair.theirs(bare)


def _extends(write: Callable[[Conversation], str | None], before: Conversation, after: Conversation) -> bool:
    first, second = write(before), write(after)
    return first is not None and second is not None and second.startswith(first)


# --- other ways to tell a conversation


@dataclass(frozen=True)
class _Way:
    requirement: int
    why: str
    tell: Telling


def _tell(chat: Conversation, ways: Sequence[_Way]) -> Conversation:
    for way in ways:
        chat = way.tell(chat)
    return chat


def _some(ways: Sequence[_Way], chat: Conversation) -> Iterator[tuple[_Way, ...]]:
    """None of the ways, then each that makes a difference to the conversation, then two and three of them."""
    # By what is written: mappings that differ in order alone are equal.
    useful = [way for way in ways if repr(way.tell(chat)) != repr(chat)]
    for number in range(min(len(useful), 3) + 1):
        yield from combinations(useful, number)


def _each(change: Callable[[dict[str, Any], Sequence[Message], int], Mapping[str, Any]]) -> Telling:
    def tell(chat: Conversation) -> Conversation:
        messages = [change(dict(message), chat.messages, at) for at, message in enumerate(chat.messages)]
        return chat.but(messages=messages)

    return tell


def _calls(change: Callable[[Any], object]) -> Telling:
    """The arguments of each call, changed."""

    def one(message: dict[str, Any], _all: Sequence[Message], _at: int) -> Mapping[str, Any]:
        if message.get("tool_calls"):
            message["tool_calls"] = [
                {**each, "function": {**each["function"], "arguments": change(each["function"]["arguments"])}}
                for each in message["tool_calls"]
            ]
        return message

    return _each(one)


def _last_user(messages: Sequence[Message]) -> int:
    return max((at for at, message in enumerate(messages) if message["role"] == "user"), default=-1)


def _without_thought(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name not in ("reasoning", "reasoning_content")}


def _no_earlier(message: dict[str, Any], messages: Sequence[Message], at: int) -> Mapping[str, Any]:
    return _without_thought(message) if at < _last_user(messages) else message


def _no_current(message: dict[str, Any], messages: Sequence[Message], at: int) -> Mapping[str, Any]:
    return _without_thought(message) if at > _last_user(messages) else message


def _renamed(message: dict[str, Any], _all: Sequence[Message], _at: int) -> Mapping[str, Any]:
    said = message.pop("reasoning", None)
    return {**message, "reasoning_content": said} if said is not None else message


def _as_text(message: dict[str, Any], _all: Sequence[Message], _at: int) -> Mapping[str, Any]:
    content = message.get("content")
    if content is None:
        return {**message, "content": ""}
    if isinstance(content, list):
        return {**message, "content": "\n".join(part["text"] for part in content)}
    return message


def _no_text_beside(message: dict[str, Any], _all: Sequence[Message], _at: int) -> Mapping[str, Any]:
    return {**message, "content": ""} if message.get("tool_calls") and message.get("content") else message


def _as_system(chat: Conversation) -> Conversation:
    """Developer messages as system messages, and those that stand first as one."""
    messages: list[dict[str, Any]] = []
    for message in chat.messages:
        role = "system" if message["role"] == "developer" else message["role"]
        if role == "system" and messages and all(each["role"] == "system" for each in messages):
            messages[0]["content"] = f"{messages[0]['content']}\n\n{message['content']}"
        else:
            messages.append({**message, "role": role})
    return chat.but(messages=messages)


def _no_later_system(chat: Conversation) -> Conversation:
    messages = [message for at, message in enumerate(chat.messages) if not at or message["role"] != "system"]
    return chat.but(messages=messages)


def _in_order(chat: Conversation) -> Conversation:
    """The results of a message in the order of its calls."""
    order = [each.get("id") for message in chat.messages for each in message.get("tool_calls") or ()]
    messages = list(chat.messages)
    for at in range(len(messages)):
        end = at
        while end < len(messages) and messages[end]["role"] == "tool":
            end += 1
        run = messages[at:end]
        if all(each.get("tool_call_id") in order for each in run):
            messages[at:end] = sorted(run, key=lambda each: order.index(each.get("tool_call_id")))
    return chat.but(messages=messages)


def _with_ids(chat: Conversation) -> Conversation:
    """An id for each call that has none, and its result."""
    messages, count = [], 0
    for message in chat.messages:
        changed = dict(message)
        if changed.get("tool_calls"):
            changed["tool_calls"] = [
                {"id": f"call{count + at:05d}", **each} for at, each in enumerate(changed["tool_calls"])
            ]
        elif changed["role"] == "tool" and "tool_call_id" not in changed:
            changed["tool_call_id"] = f"call{count:05d}"
            count += 1
        messages.append(changed)
    return chat.but(messages=messages)


def _native_ids(chat: Conversation) -> Conversation:
    """Ids as Kimi counts them."""
    ids: dict[object, str] = {}
    messages: list[Message] = []
    for message in chat.messages:
        calls = []
        for each in message.get("tool_calls") or ():
            ids[each.get("id")] = f"functions.{each['function']['name']}:{len(ids)}"
            calls.append({**each, "id": ids[each.get("id")]})
        answers = ids.get(message.get("tool_call_id"))
        messages.append(
            {**message, **({"tool_calls": calls} if calls else {}), **({"tool_call_id": answers} if answers else {})}
        )
    return chat.but(messages=messages)


def _one_call(chat: Conversation) -> Conversation:
    """The first call of each message alone, with its result."""
    kept: set[object] = set()
    messages: list[Message] = []
    for message in chat.messages:
        if message.get("tool_calls"):
            messages.append({**message, "tool_calls": message["tool_calls"][:1]})
            kept.add(message["tool_calls"][0].get("id"))
        elif message["role"] != "tool" or message.get("tool_call_id") in kept:
            messages.append(message)
    return chat.but(messages=messages)


def _mapping(arguments: object) -> object:
    if isinstance(arguments, str):
        return json.loads(arguments) if arguments.strip() else {}
    return {} if arguments is None else arguments


_arguments_as_mappings = _calls(_mapping)


def _json_scalars(value: object) -> object:
    """true, false and null as the text that JSON has for them."""
    if isinstance(value, Mapping):
        return {name: _json_scalars(each) for name, each in value.items()}
    return json.dumps(value) if value is None or isinstance(value, bool) else value


_KEYWORDS = frozenset({"type", "description", "enum", "items", "properties", "required"})


def _plain_schema(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    kept = {name: each for name, each in schema.items() if name in _KEYWORDS}
    if isinstance(kept.get("properties"), Mapping):
        kept["properties"] = {name: _plain_schema(each) for name, each in kept["properties"].items()}
    return kept


def _plain_schemas(chat: Conversation) -> Conversation:
    """Tools without the keywords that say more than types, names and texts."""
    tools = []
    for tool in chat.tools:
        function = {
            name: each for name, each in tool["function"].items() if name in ("name", "description", "parameters")
        }
        if "parameters" in function:
            function["parameters"] = _plain_schema(function["parameters"])
        tools.append({**tool, "function": function})
    return chat.but(tools=tools)


def _sorted(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def _schema_scalars(chat: Conversation) -> Conversation:
    return chat.but(tools=[_json_scalars(tool) for tool in chat.tools])


_TOLD: tuple[_Way, ...] = (
    _Way(1, "it does not put results into the order of the calls", _in_order),
    _Way(1, "it needs ids", _with_ids),
    _Way(1, "it takes ids as they are, of any shape", _native_ids),
    _Way(4, "it does not read `reasoning`", _each(_renamed)),
    _Way(5, "it does not read developer messages, or several at the start", _as_system),
    _Way(6, "it reads text alone: no parts, no null", _each(_as_text)),
    _Way(7, "it does not take arguments as text, or null", _arguments_as_mappings),
    _Way(
        7,
        "it takes arguments as text alone",
        _calls(lambda it: it if isinstance(it, str) else json.dumps(it, ensure_ascii=False)),
    ),
    _Way(7, "it writes values as Python does, not as JSON", _calls(_json_scalars)),
    _Way(9, "it writes values of a schema as Python does, not as JSON", _schema_scalars),
)
_LEFT_OUT: tuple[_Way, ...] = (
    _Way(12, "it leaves out earlier thoughts, and its prompts change", _each(_no_earlier)),
    _Way(4, "it leaves out the thoughts of the current loop", _each(_no_current)),
    _Way(3, "it leaves out the text beside calls", _each(_no_text_beside)),
    _Way(5, "it leaves out system text behind the first message", _no_later_system),
    _Way(2, "it writes one call of several", _one_call),
    _Way(9, "it leaves out keywords of schemas", _plain_schemas),
    _Way(12, "it sorts arguments, in which the model may have said them otherwise", _calls(_sorted)),
    _Way(10, "it does not read `enable_thinking`", lambda chat: chat.but(kwargs={})),
)


def shown(ours: str, theirs: str) -> str:
    """Where two texts part."""
    at = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    start = max(0, at - 20)
    return f"ours {ours[start : at + 50]!r}, the model's own {theirs[start : at + 50]!r}"
