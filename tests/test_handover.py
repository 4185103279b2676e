"""Two halves of one machine, as an engine uses them: what they say together is what the core says."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import pytest
from dynamo_parsers import Message, fold, parse
from dynamo_parsers.events import Event, ReasoningDelta
from dynamo_parsers.handover import Beside, Content, ReasoningHalf, ToolHalf, folded

TOOLS: list[dict[str, object]] = [{"name": "get_weather", "parameters": {"type": "object"}}]
CALL = '<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>'
BESIDE = Beside("hermes", TOOLS)
REPLY = f"<think>one</think>\n\n  Sure. {CALL}<think>two</think> And {CALL} so."


def joined(pieces: Sequence[str], *, passed_over: int = 0) -> Message:
    """What a client gets if the tool half is not asked about the first pieces."""
    first, second = ReasoningHalf("qwen3", beside=BESIDE), ToolHalf("hermes")
    reasoning = ""
    events: list[Event] = []
    for number, piece in enumerate(pieces):
        said, content = first.feed(piece)
        reasoning += said
        if number >= passed_over:
            events += second.feed(content, TOOLS)
    said, content = first.finish()
    events += [*second.feed(content, TOOLS), *second.finish()]
    return fold([ReasoningDelta(reasoning + said), *events])


@pytest.fixture
def right() -> Message:
    return parse(REPLY, "hermes", "qwen3", TOOLS)


def same(one: Message, other: Message) -> bool:
    def said(message: Message) -> object:
        return message.reasoning, message.content, [(call.name, call.arguments) for call in message.tool_calls]

    return said(one) == said(other)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_streamed(size: int, right: Message) -> None:
    assert same(joined([REPLY[at : at + size] for at in range(0, len(REPLY), size)]), right)


@pytest.mark.parametrize("passed_over", range(0, 40, 3))
def test_asked_late(passed_over: int, right: Message) -> None:
    """An engine may skip empty content; then nothing is output twice, and nothing is lost."""
    pieces = [REPLY[at : at + 4] for at in range(0, len(REPLY), 4)]
    assert same(joined(pieces, passed_over=min(passed_over, len(pieces))), right)


def test_whole(right: Message) -> None:
    half = ReasoningHalf("qwen3", beside=BESIDE)
    half.feed("something else")
    reasoning, content = half.whole(REPLY)
    assert same(fold([ReasoningDelta(reasoning), *ToolHalf("hermes").whole(content, TOOLS)]), right)


def test_reasoning_that_only_the_tools_show() -> None:
    text = "<tool_call>get_weathercity</arg_key><arg_value>Paris</arg_value></tool_call> More."
    tools = [{"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}]
    first = ReasoningHalf("glm45", {"enable_thinking": True}, True, beside=Beside("glm47", tools))
    second = ToolHalf("glm47")
    said, content = first.feed("Hm. ")
    events = second.feed(content, tools)
    for piece in text:
        more, content = first.feed(piece)
        said += more
        events += second.feed(content, tools)
    right = parse("Hm. " + text, "glm47", "glm45", tools, in_reasoning=True)
    more, _ = first.finish()
    message = fold([*events, *second.finish()])
    assert said + more == right.reasoning
    assert same(message.model_copy(update={"reasoning": right.reasoning}), right)


def test_content_remembers_whose_it_is() -> None:
    half = ReasoningHalf("qwen3", beside=BESIDE)
    _, content = half.feed("Hi")
    for text in (content, content + "!", "Oh: " + content, content + content):
        assert isinstance(text, Content)
        assert text.source is half
    assert content + "!" == "Hi!"
    assert "Oh: " + content == "Oh: Hi"
    copied = pickle.loads(pickle.dumps(content))
    assert type(copied) is str
    assert copied == "Hi"


def test_content_is_not_empty_where_there_is_a_call() -> None:
    """An engine may pass over a delta without content."""
    first, second = ReasoningHalf("qwen3", beside=BESIDE), ToolHalf("hermes")
    events = second.feed(first.feed("<think>x</think>")[1], TOOLS)
    for at in range(0, len(CALL), 8):
        _, content = first.feed(CALL[at : at + 8])
        if content:
            events += second.feed(content, TOOLS)
    assert [(call.name, call.arguments) for call in fold(events).tool_calls] == [("get_weather", '{"city": "Paris"}')]


def test_content_is_what_the_reply_says() -> None:
    """Whatever an engine makes of it: a half that nobody named has no machine of the two."""
    alone = ReasoningHalf("qwen3")
    _, content = alone.whole(f"<think>x</think>Hi. {CALL}")
    assert (type(content), content) == (str, f"Hi. {CALL}")
    beside = ReasoningHalf("qwen3", beside=BESIDE)
    _, content = beside.whole(f"<think>x</think>Hi. {CALL}")
    assert str(content) == "Hi."
    other = ToolHalf("kimi_k2").whole(content, TOOLS)
    assert folded(other) == ("Hi.", [])


def test_finish_twice() -> None:
    for first in (None, ReasoningHalf("qwen3", beside=BESIDE)):
        second = ToolHalf("hermes")
        second.feed("Hi <" if first is None else first.feed("Hi <")[1], TOOLS)
        assert folded(second.finish()) == (" <", [])
        assert second.finish() == []
        assert first is None or first.finish() == ("", "")


def test_nothing_said() -> None:
    second = ToolHalf("hermes")
    assert second.feed("", TOOLS) == []
    assert second.finish() == []


def test_one_piece_of_a_call_each_step() -> None:
    text, (one, two) = folded(ToolHalf("hermes").whole("Hi. " + CALL + CALL, TOOLS))
    assert text == "Hi."
    assert (one.index, one.name, one.arguments) == (0, "get_weather", '{"city": "Paris"}')
    assert (two.index, two.name) == (1, "get_weather")
    assert one.id != two.id


# --- if nobody passes the request


def untold() -> ReasoningHalf:
    half = ReasoningHalf("kimi_k25", in_reasoning=True, end_is_told=False)
    half.may_be_joined = True
    return half


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_tool_half_joins_with_the_first_content(size: int) -> None:
    """A call in open reasoning, which a reasoning half alone does not know: the two read it as one."""
    text = "I look.<|tool_call_begin|>functions.ping:0<|tool_call_argument_begin|>{}<|tool_call_end|>Done."
    half, tool = untold(), ToolHalf("kimi_k2", end_is_told=False)
    reasoning, events = "", []
    for at in range(0, len(text), size):
        thought, content = half.feed(text[at : at + size])
        reasoning += thought
        if content:
            events += tool.feed(content, [{"type": "function", "function": {"name": "ping"}}])
    answer, calls = folded(events)
    if size == 1000:  # all in the first piece: what was read of it alone has been given
        reasoning += half.feed("")[0]
    assert (reasoning, answer, [call.name for call in calls]) == ("I look.", "Done.", ["ping"])


def test_no_half_joins_later() -> None:
    half = untold()
    half.feed("I ")
    half.feed("look.")
    assert not half.join(Beside("kimi_k2", ()))
