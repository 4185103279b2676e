"""Reads a response into one message, and notes what breaks the contract of chat completions.

- The body is read as JSON, not through a client's classes, which would repair or hide faults.
- In a stream a call begins with the next index, and its first piece has the id and the whole name; later pieces only
  append arguments; one `finish_reason` comes last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import BaseModel


class BadBody(ValueError):
    """No chat completion could be read."""


class AnswerCall(BaseModel):
    id: str
    name: str
    arguments: str
    deltas: int = 1
    """The number of pieces in which the arguments came."""


class Answer(BaseModel):
    """The message that the client gets."""

    content: str | None = None
    reasoning: str | None = None
    calls: list[AnswerCall] = []
    finish_reason: str | None = None
    broken: list[str] = []
    """Violations of the API's contract, whatever the model wrote."""

    def message(self) -> dict[str, object]:
        """Return the assistant's message for the next request."""
        message: dict[str, object] = {"role": "assistant", "content": self.content}
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        if self.calls:
            message["tool_calls"] = [
                {"id": each.id, "type": "function", "function": {"name": each.name, "arguments": each.arguments}}
                for each in self.calls
            ]
        return message


def read_body(body: object) -> Answer:
    """Return the answer in a whole response. Raises BadBody."""
    choice = _first_choice(body)
    if choice is None:
        raise BadBody("the response has no choices")
    message = choice.get("message")
    if not isinstance(message, dict):
        raise BadBody("the response's choice has no message")
    answer = Answer(content=_text(message, "content"), reasoning=_reasoning(message))
    finish = choice.get("finish_reason")
    answer.finish_reason = finish if isinstance(finish, str) else None
    calls = message.get("tool_calls") or []
    for each in calls if isinstance(calls, list) else []:
        function = each.get("function") if isinstance(each, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            answer.broken.append("a call without a name")
            continue
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            answer.broken.append(f"the arguments of {function['name']} are not text")
            arguments = json.dumps(arguments)
        answer.calls.append(AnswerCall(id=str(each.get("id") or ""), name=function["name"], arguments=arguments))
    _check(answer)
    return answer


def read_stream(text: str) -> Answer:
    """Return the answer in the lines of an event stream. Raises BadBody."""
    answer = Answer()
    content: list[str] = []
    reasoning: list[str] = []
    finishes: list[str] = []
    done = chunks = 0
    for line in text.split("\n"):
        if not line.startswith("data:"):
            if line and not line.startswith((":", "event:", "id:", "retry:")):
                raise BadBody(f"the stream is not an event stream: {line[:200]}")
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            done += 1
            continue
        try:
            chunk = json.loads(data)
        except ValueError:
            raise BadBody(f"a piece of the stream is not JSON: {data[:200]}") from None
        if isinstance(chunk, dict) and "error" in chunk:
            raise BadBody(f"the stream ended in an error: {json.dumps(chunk['error'])[:300]}")
        chunks += 1
        choice = _first_choice(chunk)
        if choice is None:
            continue  # usage
        delta = choice.get("delta")
        if isinstance(delta, dict):
            if finishes and any(delta.get(key) for key in ("content", "tool_calls", "reasoning", "reasoning_content")):
                answer.broken.append("text after the finish_reason")
            content.append(_text(delta, "content") or "")
            reasoning.append(_reasoning(delta) or "")
            for piece in delta.get("tool_calls") or []:
                _add(answer, piece)
        if isinstance(choice.get("finish_reason"), str):
            finishes.append(str(choice["finish_reason"]))
    if not chunks or not done:
        raise BadBody("the stream ended early: no [DONE]" if chunks else "the stream is empty")
    answer.content = "".join(content) or None
    answer.reasoning = "".join(reasoning) or None
    answer.finish_reason = finishes[0] if finishes else None
    if len(finishes) > 1:
        answer.broken.append(f"finish_reason came {len(finishes)} times")
    _check(answer)
    return answer


def _add(answer: Answer, piece: object) -> None:
    """Add one piece of a streamed call."""
    if not isinstance(piece, dict):
        answer.broken.append("a piece of a call is not an object")
        return
    function = piece.get("function")
    function = function if isinstance(function, dict) else {}
    index, name, arguments = piece.get("index"), function.get("name"), function.get("arguments")
    if not isinstance(index, int) or isinstance(index, bool):
        answer.broken.append("a piece of a call has no index")
        index = max(len(answer.calls) - 1, 0)
    if index > len(answer.calls):
        answer.broken.append(f"call {index} comes before call {len(answer.calls)}")
        index = len(answer.calls)
    if arguments is not None and not isinstance(arguments, str):
        answer.broken.append("a piece of arguments is not text")
        arguments = json.dumps(arguments)
    if index == len(answer.calls):
        if not name:
            answer.broken.append(f"call {index} begins without its name")
        answer.calls.append(
            AnswerCall(id=str(piece.get("id") or ""), name=str(name or ""), arguments=arguments or "", deltas=0)
        )
        answer.calls[index].deltas = int(bool(arguments))
        return
    call = answer.calls[index]
    if name:
        again = "twice" if name == call.name else "in pieces"
        answer.broken.append(f"the name of call {index} came {again}: {call.name!r}, {name!r}")
        call.name += "" if name == call.name else str(name)
    if piece.get("id") and piece["id"] != call.id:
        answer.broken.append(f"the id of call {index} changed: {call.id!r}, {piece['id']!r}")
    if index != len(answer.calls) - 1:
        answer.broken.append(f"index {index} was used again after call {len(answer.calls) - 1}")
    call.arguments += arguments or ""
    call.deltas += bool(arguments)


def _check(answer: Answer) -> None:
    """Check what has to be true of any complete answer."""
    ids = [each.id for each in answer.calls]
    if "" in ids:
        answer.broken.append("a call without an id")
    if len(set(ids)) != len(ids):
        answer.broken.append(f"ids are not distinct: {', '.join(ids)}")
    if answer.finish_reason is None:
        answer.broken.append("no finish_reason")


def _first_choice(body: object) -> Mapping[str, object] | None:
    if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
        raise BadBody(f"not a chat completion: {json.dumps(body)[:200]}")
    choice = body["choices"][0] if body["choices"] else None
    return choice if isinstance(choice, dict) else None


def _text(message: Mapping[str, object], key: str) -> str | None:
    text = message.get(key)
    return text if isinstance(text, str) and text else None


def _reasoning(message: Mapping[str, object]) -> str | None:
    return _text(message, "reasoning_content") or _text(message, "reasoning")
