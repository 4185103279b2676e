"""Rewritings of a conversation: into a form that a model's own template can read, or without what it leaves out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from .chats import Conversation, Message

Rewriting = Callable[[Conversation], Conversation]


@dataclass(frozen=True)
class Rewrite:
    requirement: int
    why: str
    tell: Rewriting


def tell(chat: Conversation, ways: Sequence[Rewrite]) -> Conversation:
    for way in ways:
        chat = way.tell(chat)
    return chat


def some(ways: Sequence[Rewrite], chat: Conversation) -> Iterator[tuple[Rewrite, ...]]:
    """Yield (), then each rewriting that changes the conversation, then combinations of two and three."""
    # Compared by repr, as mappings that differ only in order are equal.
    useful = [way for way in ways if repr(way.tell(chat)) != repr(chat)]
    for number in range(min(len(useful), 3) + 1):
        yield from combinations(useful, number)


def each_message(change: Callable[[dict[str, Any], Sequence[Message], int], Mapping[str, Any]]) -> Rewriting:
    def tell(chat: Conversation) -> Conversation:
        messages = [change(dict(message), chat.messages, at) for at, message in enumerate(chat.messages)]
        return chat.but(messages=messages)

    return tell


def _calls(change: Callable[[Any], object]) -> Rewriting:
    """Return a rewriting that changes the arguments of each call."""

    def one(message: dict[str, Any], _all: Sequence[Message], _at: int) -> Mapping[str, Any]:
        if message.get("tool_calls"):
            message["tool_calls"] = [
                {**each, "function": {**each["function"], "arguments": change(each["function"]["arguments"])}}
                for each in message["tool_calls"]
            ]
        return message

    return each_message(one)


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
        return {**message, "content": "\n".join(part["text"] for part in content if "text" in part)}
    return message


def _text_parts(message: dict[str, Any], _all: Sequence[Message], _at: int) -> Mapping[str, Any]:
    content = message.get("content")
    if isinstance(content, list):
        return {**message, "content": [part for part in content if part["type"] == "text"]}
    return message


def no_text_beside(message: dict[str, Any], _all: Sequence[Message], _at: int) -> Mapping[str, Any]:
    return {**message, "content": ""} if message.get("tool_calls") and message.get("content") else message


def _as_system(chat: Conversation) -> Conversation:
    """Turn developer messages into system messages, and join those at the start."""
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


def _system_on_top(chat: Conversation) -> Conversation:
    """Move all system text into one message at the start."""
    texts = [str(message["content"]) for message in chat.messages if message["role"] == "system"]
    others = [message for message in chat.messages if message["role"] != "system"]
    return chat.but(messages=[{"role": "system", "content": "\n\n".join(texts)}, *others]) if texts else chat


def _in_order(chat: Conversation) -> Conversation:
    """Put the results of a message into the order of its calls."""
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
    """Give each call without an id, and its result, an id."""
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


def native_ids(chat: Conversation) -> Conversation:
    """Replace ids by Kimi's, which count the calls."""
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
    """Keep only the first call of each message, with its result."""
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


arguments_as_mappings = _calls(_mapping)


def _json_scalars(value: object) -> object:
    """Replace true, false and null by their JSON text."""
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
    """Remove the keywords of tools' schemas that are not types, names or texts."""
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


def without_tools(chat: Conversation) -> Conversation:
    return chat.but(tools=())


def tools_in_system(chat: Conversation) -> Conversation:
    """Move the tools into the system message, as JSON text."""
    if not chat.tools:
        return chat
    first, rest = {"role": "system", "content": ""}, list(chat.messages)
    if rest[0]["role"] == "system":
        first = dict(rest.pop(0))
    functions = json.dumps([tool["function"] for tool in chat.tools], ensure_ascii=False)
    return chat.but(messages=[{**first, "tools": functions}, *rest], tools=())


def calls_left_out(chat: Conversation) -> Conversation:
    messages = [{name: value for name, value in message.items() if name != "tool_calls"} for message in chat.messages]
    return chat.but(messages=messages)


def without_calls(chat: Conversation) -> Conversation:
    """Remove calls and their results."""
    bare = calls_left_out(chat)
    return bare.but(messages=[message for message in bare.messages if message["role"] != "tool"])


def _schema_scalars(chat: Conversation) -> Conversation:
    return chat.but(tools=[_json_scalars(tool) for tool in chat.tools])


arguments_as_text = _calls(lambda it: it if isinstance(it, str) else json.dumps(it, ensure_ascii=False))


def _in_quotes(arguments: Any) -> object:
    """Replace each value by Python's text for it."""
    return {name: str(each) for name, each in arguments.items()} if isinstance(arguments, Mapping) else arguments


def _escaped(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _escaped(each) for name, each in value.items()}
    return json.dumps(value, ensure_ascii=False)[1:-1] if isinstance(value, str) else value


def _called_thinking(chat: Conversation) -> Conversation:
    asked = chat.kwargs.get("enable_thinking")
    return chat if asked is None else chat.but(kwargs={**chat.kwargs, "thinking": asked})


def _nothing_asked(chat: Conversation) -> Conversation:
    return chat.but(kwargs={name: value for name, value in chat.kwargs.items() if name == "tools_ts_str"})


as_text = each_message(_as_text)


TOLD: tuple[Rewrite, ...] = (
    Rewrite(1, "it does not put results into the order of the calls", _in_order),
    Rewrite(1, "it needs ids", _with_ids),
    Rewrite(1, "it takes ids as they are, of any shape", native_ids),
    Rewrite(4, "it does not read `reasoning`", each_message(_renamed)),
    Rewrite(5, "it does not read developer messages, or several at the start", _as_system),
    Rewrite(6, "it reads only text: no parts, no null", as_text),
    Rewrite(7, "it does not take arguments as text, or null", arguments_as_mappings),
    Rewrite(7, "it takes arguments only as text", arguments_as_text),
    Rewrite(7, "it writes values as Python does, not as JSON", _calls(_json_scalars)),
    Rewrite(7, "it escapes no text in values", _calls(_escaped)),
    Rewrite(9, "it writes values of a schema as Python does, not as JSON", _schema_scalars),
    Rewrite(10, "it reads `thinking`, not `enable_thinking`", _called_thinking),
    Rewrite(13, "it takes tools as JSON text beside the system text", tools_in_system),
)
LEFT_OUT: tuple[Rewrite, ...] = (
    Rewrite(12, "it leaves out earlier thoughts, and its prompts change", each_message(_no_earlier)),
    Rewrite(4, "it leaves out the thoughts of the current loop", each_message(_no_current)),
    Rewrite(6, "it leaves out parts that are not text", each_message(_text_parts)),
    Rewrite(3, "it leaves out the text beside calls", each_message(no_text_beside)),
    Rewrite(5, "it leaves out system text after the first message", _no_later_system),
    Rewrite(5, "it writes all system text at the top", _system_on_top),
    Rewrite(2, "it writes one call of several", _one_call),
    Rewrite(9, "it leaves out keywords of schemas", _plain_schemas),
    Rewrite(7, "it writes each value as a text", _calls(_in_quotes)),
    Rewrite(12, "it sorts arguments, which the model may have written in another order", _calls(_sorted)),
    Rewrite(13, "it does not describe tools", without_tools),
    Rewrite(10, "it does not read these arguments", _nothing_asked),
)
