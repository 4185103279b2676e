"""gpt-oss in vLLM: what `ParserManager.get_parser(is_harmony=True)` composes if our parsers are named.

The tokens are a real gpt-oss model's (openai_harmony has them), the text vLLM's own detokenizer's, and Responses go
through vLLM's `HarmonyContext`.
"""

from __future__ import annotations

import json
import random
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("vllm")

import corpus
import dynamo_parsers.vllm as plugin
from corpus import Case
from dynamo_parsers.parser import named_choice
from dynamo_parsers.vllm import compose as composing
from vllm.parser import HarmonyParser, ParserManager
from vllm_gpt_oss import CALL, PARIS, THINK, TOOL, exchange, of_items, of_segments, responses, tokens
from vllm_harness import (
    Answer,
    chat_request,
    compose,
    core_answer,
    encode,
)

MODES = ("one-shot", 1, 5, None)
"""One-shot, and streams of so many tokens a delta."""


def chat_answer(mode: str | int | None, reply: str, request: Any = None) -> Answer:
    made = exchange(request)
    return made.one_shot(reply) if mode == "one-shot" else made.stream(reply, mode)  # type: ignore[arg-type]


# --- which parser is composed


def test_ours_is_composed_where_it_is_named() -> None:
    composed = compose(TOOL, THINK, True)
    assert issubclass(composed, HarmonyParser)
    assert composed is not HarmonyParser
    assert (composed.tool_parser_cls.row.name, composed.reasoning_parser_cls.row.name) == ("harmony", "gpt_oss")


@pytest.mark.parametrize(
    ("tool", "reasoning"), [("openai", "openai_gptoss"), (None, "openai_gptoss"), ("openai", None)]
)
def test_vllms_own_is_composed_where_that_is_named(tool: str | None, reasoning: str | None) -> None:
    assert compose(tool, reasoning, True) is HarmonyParser


def test_other_models_are_composed_as_ever() -> None:
    assert not issubclass(compose(TOOL, THINK), HarmonyParser)
    assert ParserManager.get_parser(is_harmony=True) is None


def test_naming_ours_leaves_vllms_own_parser_alone() -> None:
    HarmonyParser.tool_parser_cls = HarmonyParser.reasoning_parser_cls = None
    compose.cache_clear()
    compose(TOOL, THINK, True)
    assert HarmonyParser.tool_parser_cls is None
    assert HarmonyParser.reasoning_parser_cls is None


@pytest.mark.parametrize(
    ("tool", "reasoning"),
    [("dynamo_hermes", THINK), (TOOL, "dynamo_qwen3"), (TOOL, "openai_gptoss"), ("openai", THINK)],
)
def test_a_pair_that_cannot_read_harmony_does_not_start(tool: str, reasoning: str) -> None:
    with pytest.raises(TypeError, match=f"{tool} and {reasoning} cannot read .*{TOOL} and .*{THINK}"):
        compose(tool, reasoning, True)


def test_installing_twice_changes_nothing() -> None:
    before = ParserManager.__dict__["get_parser"]
    composing.install()
    plugin.register()
    assert ParserManager.__dict__["get_parser"] is before


def test_it_is_made_with_the_tokenizer_at_start_up() -> None:
    """vLLM makes one to see whether the tokenizer will do."""
    ParserManager.get_parser(
        tool_parser_name=TOOL,
        reasoning_parser_name=THINK,
        enable_auto_tools=True,
        is_harmony=True,
        tokenizer=tokens(),  # type: ignore[arg-type]
    )


# --- replies: the text, and reasoning, content and calls

NEXT = "<|start|>assistant"
REPLIES: dict[str, tuple[str, str | None, str | None, list[tuple[str, str]]]] = {
    "reasoning and an answer": (
        f"<|channel|>analysis<|message|>Hm.<|end|>{NEXT}<|channel|>final<|message|>Hi.<|return|>",
        "Hm.",
        "Hi.",
        [],
    ),
    "a call": (f"<|channel|>commentary {CALL}<|call|>", None, None, [("get_weather", PARIS)]),
    "a call on the analysis channel": (
        f"<|channel|>analysis<|message|>Hm.<|end|>{NEXT}<|channel|>analysis {CALL}<|call|>",
        "Hm.",
        None,
        [("get_weather", PARIS)],
    ),
    "the recipient before the channel": (
        f" to=functions.get_weather<|channel|>commentary <|constrain|>json<|message|>{PARIS}<|call|>",
        None,
        None,
        [("get_weather", PARIS)],
    ),
    "the recipient in both places": (
        f" to=functions.get_weather<|channel|>commentary {CALL}<|call|>",
        None,
        None,
        [("get_weather", PARIS)],
    ),
    "no end of the call": (f"<|channel|>commentary {CALL}", None, None, [("get_weather", PARIS)]),
    "the constraint without its marker": (
        f"<|channel|>commentary to=functions.get_weather json<|message|>{PARIS}<|call|>",
        None,
        None,
        [("get_weather", PARIS)],
    ),
    "no constraint": (
        f"<|channel|>commentary to=functions.get_weather<|message|>{PARIS}<|call|>",
        None,
        None,
        [("get_weather", PARIS)],
    ),
    "no prefix": (
        f"<|channel|>commentary to=get_weather <|constrain|>json<|message|>{PARIS}<|call|>",
        None,
        None,
        [("get_weather", PARIS)],
    ),
    "no role": (
        f"<|channel|>analysis<|message|>Hm.<|end|><|channel|>commentary {CALL}<|call|>",
        "Hm.",
        None,
        [("get_weather", PARIS)],
    ),
    "no start": (
        "<|channel|>analysis<|message|>Hm.<|end|>assistant<|channel|>final<|message|>Hi.<|return|>",
        "Hm.",
        "Hi.",
        [],
    ),
    "no end of the reasoning": (
        f"<|channel|>analysis<|message|>Hm.{NEXT}<|channel|>commentary {CALL}<|call|>",
        "Hm.",
        None,
        [("get_weather", PARIS)],
    ),
    "a header of nonsense": (
        f"<|channel|>??<|end|>{NEXT}<|channel|>final<|message|>Hi.<|return|>",
        None,
        "Hi.",
        [],
    ),
    "a header twice": (
        f"<|channel|>analysis{NEXT}<|channel|>analysis<|message|>Hm.<|end|>{NEXT}<|channel|>final<|message|>Hi.",
        "Hm.",
        "Hi.",
        [],
    ),
    "no frame": ("Hello there.", None, "Hello there.", []),
    "no end of the header": (
        f"<|channel|>commentary to=functions.get_weather {PARIS}<|call|>",
        None,
        None,
        [("get_weather", PARIS)],
    ),
    "several calls": (
        f"<|channel|>commentary {CALL}<|call|>{NEXT}<|channel|>commentary to=functions.get_time <|constrain|>json"
        '<|message|>{"timezone": "CET"}<|call|>',
        None,
        None,
        [("get_weather", PARIS), ("get_time", '{"timezone": "CET"}')],
    ),
    "a preamble, a call, the answer": (
        f"<|channel|>commentary<|message|>I look.<|end|>{NEXT}<|channel|>commentary {CALL}<|call|>"
        f"{NEXT}<|channel|>final<|message|> It rains.<|return|>",
        None,
        "I look. It rains.",
        [("get_weather", PARIS)],
    ),
    "a built-in tool's code on the analysis channel": (
        f"<|channel|>analysis to=python code<|message|>print(1)<|call|>{NEXT}<|channel|>final<|message|>1<|return|>",
        "print(1)",
        "1",
        [],
    ),
    "a built-in tool's arguments": (
        '<|channel|>analysis to=browser.search <|constrain|>json<|message|>{"query": "Paris"}<|call|>',
        None,
        None,
        [("browser.search", '{"query": "Paris"}')],
    ),
    "arguments cut off": (
        '<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Pa',
        None,
        None,
        [("get_weather", '{"city": "Pa')],
    ),
    "a header cut off": (
        f"<|channel|>final<|message|>Hi.<|end|>{NEXT}<|channel|>commentary to=functions.get_wea",
        None,
        "Hi.",
        [],
    ),
    "reasoning cut off": ("<|channel|>analysis<|message|>Hm, le", "Hm, le", None, []),
    "nothing": ("", None, None, []),
    "characters of several tokens": (
        f"<|channel|>analysis<|message|>Ωμέγα 🦜🧵<|end|>{NEXT}<|channel|>final<|message|>漢字 👩‍👩‍👧<|return|>",
        "Ωμέγα 🦜🧵",
        "漢字 👩‍👩‍👧",
        [],
    ),
    "markers in arguments": (
        '<|channel|>commentary to=functions.get_weather<|message|>{"city": "<|end|><|start|>"}<|call|>',
        None,
        None,
        [("get_weather", '{"city": "<|end|><|start|>"}')],
    ),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", REPLIES)
def test_chat(name: str, mode: str | int | None) -> None:
    reply, reasoning, content, calls = REPLIES[name]
    assert chat_answer(mode, reply) == Answer(reasoning, content, tuple(calls))


@pytest.mark.parametrize("mode", MODES)
def test_choices_of_the_request(mode: str | int | None) -> None:
    two = REPLIES["several calls"][0]
    assert chat_answer(mode, two, chat_request(parallel_tool_calls=False)).calls == (("get_weather", PARIS),)
    named = {"type": "function", "function": {"name": "get_time"}}
    assert chat_answer(mode, two, chat_request(tool_choice=named)).calls == (("get_time", '{"timezone": "CET"}'),)
    assert chat_answer(mode, two, chat_request(tool_choice="none")) == Answer(None, None, ())
    reply = REPLIES["reasoning and an answer"][0]
    assert chat_answer(mode, reply, chat_request(include_reasoning=False)) == Answer(None, "Hi.", ())


@pytest.mark.parametrize("mode", MODES)
def test_one_of_the_two_alone(mode: str | int | None) -> None:
    reply = f"<|channel|>analysis<|message|>Hm.<|end|>{NEXT}<|channel|>commentary {CALL}<|call|>"
    for tool, reasoning, right in (
        (TOOL, None, Answer(None, "Hm.", (("get_weather", PARIS),))),
        (None, THINK, Answer("Hm.", f"<|channel|>commentary {CALL}<|call|>", ())),
    ):
        made = exchange(tool=tool, reasoning=reasoning)
        given = made.one_shot(reply) if mode == "one-shot" else made.stream(reply, mode)  # type: ignore[arg-type]
        assert (given.reasoning, given.calls) == (right.reasoning, right.calls)
        assert (given.content or "").replace(NEXT, "") in (
            right.content or "",
            (right.content or "").removesuffix("<|call|>"),
        )


CASES = [case for case in corpus.all_cases() if case.file in ("harmony", "gpt_oss.reasoning")]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_corpus(case: Case) -> None:
    """A client of a gpt-oss model gets what the core says."""
    request, choice = case.request, case.request.tool_choice
    named = named_choice(choice)
    declared = [json.loads(json.dumps(tool))["function"]["name"] for tool in case.tools or ()]
    if request.in_reasoning is not None or (choice not in ("auto", "none") and (named or "") not in (*declared, "")):
        pytest.skip("no such request reaches vLLM's Harmony")
    if "\ud800" <= max(case.reply, default="") <= "\udfff":
        pytest.skip("no tokenizer writes a lone surrogate")
    said: dict[str, object] = {
        "parallel_tool_calls": request.parallel_tool_calls,
        "chat_template_kwargs": request.chat_template_kwargs,
    }
    if case.tools and choice != "auto":
        said["tool_choice"] = choice
    if isinstance(choice, dict) and "function" not in choice:
        pytest.skip("the Responses spelling of a choice, which Chat Completions refuse")
    tool = request.tool_parser and f"dynamo_{request.tool_parser}"
    think = request.reasoning_parser and f"dynamo_{request.reasoning_parser}"
    for mode in MODES:
        made = exchange(chat_request(case.tools, **said), tool, think)
        given = made.one_shot(case.reply) if mode == "one-shot" else made.stream(case.reply, mode)  # type: ignore[arg-type]
        right = core_answer(
            made.text(encode(made.tokenizer, case.reply)),
            tool_parser=request.tool_parser,
            reasoning_parser=request.reasoning_parser,
            tools=case.tools,
            tool_choice=choice,
            parallel_tool_calls=request.parallel_tool_calls,
            chat_template_kwargs=request.chat_template_kwargs,
        )
        assert given == right, mode


# --- Responses: token ids through vLLM's context


@pytest.mark.parametrize("step", [1, 5, None])
@pytest.mark.parametrize("name", REPLIES)
def test_responses(name: str, step: int | None) -> None:
    reply, reasoning, content, calls = REPLIES[name]
    made, segments = responses(reply, step)
    right = Answer(reasoning, content, tuple(calls))
    assert of_items(made.items) == right
    assert of_segments(segments) == right


def test_a_response_cut_off_says_so() -> None:
    made, _ = responses(REPLIES["arguments cut off"][0], 1, end="length")
    assert made.items[-1].status == "incomplete"
    made, _ = responses(REPLIES["a call"][0], 1)
    assert made.items[-1].status in ("completed", None)


@pytest.mark.parametrize("step", [1, 7, None])
def test_reasoning_tokens_of_a_response(step: int | None) -> None:
    made, _ = responses(REPLIES["reasoning and an answer"][0], step)
    assert made.reasoning_tokens == len(tokens().encode("Hm."))


def test_reasoning_tokens_of_a_chat() -> None:
    parser = compose(TOOL, THINK, True)(tokens(), chat_request().tools, model_config=None)
    thoughts = (
        "reasoning and an answer",
        "a call on the analysis channel",
        "a header twice",
        "no end of the reasoning",
    )
    for name in thoughts:
        assert parser.count_reasoning_tokens(tokens().encode(REPLIES[name][0])) == len(tokens().encode("Hm.")), name
    assert parser.count_reasoning_tokens(tokens().encode(REPLIES["a call"][0])) == 0


@pytest.mark.parametrize("name", REPLIES)
def test_reasoning_tokens_of_a_chat_as_it_grows(name: str) -> None:
    """vLLM asks after each token if the client wants the usage with each chunk; the last count is the whole reply's."""
    ids = tokens().encode(REPLIES[name][0])
    whole, growing = (compose(TOOL, THINK, True)(tokens(), chat_request().tools, model_config=None) for _ in range(2))
    counts = [growing.count_reasoning_tokens(ids[:end]) for end in range(len(ids) + 1)]
    assert counts == sorted(counts)
    assert counts[-1] == whole.count_reasoning_tokens(ids)


def test_tools_that_vllm_runs_are_vllms_to_read() -> None:
    """What is sent to its interpreter is code, not JSON."""
    tools = [SimpleNamespace(type="code_interpreter")]
    reply = "<|channel|>analysis to=python code<|message|>print(1)<|call|>"
    parser = compose(TOOL, THINK, True)(tokens(), tools, model_config=None)
    segments = [*parser.process_chunk(tokens().encode(reply)).segments, *parser.flush()]
    messages = [segment.completed_message for segment in segments if segment.completed_message is not None]
    assert [(message.recipient, message.content[0].text) for message in messages] == [("python", "print(1)")]


# --- any text


def test_no_text_raises() -> None:
    dice = random.Random(7)
    pieces = ["<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|call|>", "<|return|>", "<|constrain|>", "<|"]
    pieces += ["assistant", "analysis", "commentary", "final", " to=functions.get_weather", " to=python", "json"]
    pieces += [PARIS, '{"a', "{", "}", "[", "Hi. ", "\n", "é", "🦜"]
    for _ in range(150):
        reply = "".join(dice.choices(pieces, k=dice.randrange(1, 16)))
        one = chat_answer("one-shot", reply)
        assert chat_answer(1, reply) == one, reply
        whole, segments = responses(reply, None)
        single, _ = responses(reply, 1)
        assert of_items(whole.items).calls == of_items(single.items).calls == one.calls, reply
        said = of_segments(segments)
        assert (said.reasoning, said.content, said.calls) == (one.reasoning, one.content, one.calls), reply
