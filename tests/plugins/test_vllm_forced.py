"""What constraint vLLM gets for a reply, for every family: xgrammar accepts what the family writes, and no other.

vLLM's own composition makes the constraint, and reads the same replies.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("vllm")

from dynamo_parsers.registry import TOOL_ROWS, reasoning_row
from dynamo_parsers.rows import ReasoningRow, ToolRow
from dynamo_parsers.vllm import _versions
from dynamo_parsers.vllm._versions import FROM_START
from dynamo_parsers.vllm.parser import DynamoParser
from dynamo_parsers.write import structural_tags
from dynamo_parsers.write.markup import RENDERERS, Call, Part
from dynamo_parsers.write.structural_tags import frames_reply
from vllm.exceptions import VLLMValidationError
from vllm.parser import ParserManager
from vllm.parser.abstract_parser import DelegatingParser
from vllm.reasoning import ReasoningParserManager
from vllm.sampling_params import SamplingParams
from vllm.v1.structured_output.backend_xgrammar import validate_xgrammar_grammar
from vllm_harness import TOOLS, TURN, Exchange, chat_request, encode, plain_tokenizer, responses_request
from xgrammar import Grammar, StructuralTag
from xgrammar.testing import _is_grammar_accept_string

PARIS = Call.of("get_weather", {"city": "Paris"})
TIME = Call.of("get_time", {"timezone": "CET"})
UNKNOWN = Call.of("get_price", {})
WRONG = Call.of("get_weather", {"city": "Paris", "days": "three"})
NAMED: dict[str, Any] = {"type": "function", "function": {"name": "get_weather"}}
STRICT: list[dict[str, Any]] = [
    {"type": "function", "function": {**tool["function"], "strict": True}}  # type: ignore[dict-item]
    for tool in TOOLS
]
ANSWER = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object", "properties": {"x": {}}}}}

rows = pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)
apis = pytest.mark.parametrize("made_by", [chat_request, responses_request], ids=["chat", "responses"])


def think_of(row: ToolRow) -> ReasoningRow:
    return reasoning_row(row.pairs[0])


def adjusted(row: ToolRow, request: Any, prompt: str = TURN, level: str | None = None) -> Any:
    """The request as vLLM's renderer leaves it."""
    made = Exchange(f"dynamo_{row.name}", f"dynamo_{think_of(row).name}", request=chat_request(), prompt=prompt)
    said = {} if level is None else {"tool_strict_level": level}
    composed = ParserManager.get_parser(
        tool_parser_name=made.tool, reasoning_parser_name=made.reasoning, enable_auto_tools=True, **said
    )
    assert composed is not None
    parser = composed(made.tokenizer, request.tools, chat_template_kwargs={}, model_config=None)
    parser.set_prompt_token_ids(encode(made.tokenizer, prompt))
    return parser.adjust_request(request)


def accepts(request: Any, text: str) -> bool:
    params = request.extract_structured_outputs()
    return bool(_is_grammar_accept_string(Grammar.from_structural_tag(params.structural_tag), text))


def written(row: ToolRow, *parts: Part) -> str:
    think = think_of(row)
    return "".join(RENDERERS[row.name].write(parts, (think.open + think.think.label, think.close)))


def calls(row: ToolRow, *said: Call) -> str:
    return RENDERERS[row.name].calls(said)


@apis
@rows
def test_required(row: ToolRow, made_by: Any) -> None:
    request = adjusted(row, made_by(tool_choice="required"))
    plan = Part("reasoning", "I plan.")
    assert accepts(request, calls(row, PARIS, TIME))
    assert not accepts(request, calls(row, PARIS, UNKNOWN))
    assert not accepts(request, written(row, Part("content", "Hello.")))
    # An opener that is a phrase opens no thought before a grammar.
    by_phrase = bool(think_of(row).think.words)
    assert accepts(request, written(row, plan, Part("calls", calls=(PARIS,)))) is not by_phrase
    assert not accepts(request, written(row, plan, Part("calls", calls=(UNKNOWN,))))
    assert not accepts(request, written(row, plan))


@apis
@rows
def test_a_named_function(row: ToolRow, made_by: Any) -> None:
    named = NAMED if made_by is chat_request else {"type": "function", "name": "get_weather"}
    request = adjusted(row, made_by(tool_choice=named))
    assert accepts(request, calls(row, PARIS))
    assert not accepts(request, calls(row, TIME))
    assert not accepts(request, calls(row, PARIS, PARIS))


@rows
def test_strict_tools_and_levels(row: ToolRow) -> None:
    assert adjusted(row, chat_request()).extract_structured_outputs() is None
    for request in (adjusted(row, chat_request(STRICT)), adjusted(row, chat_request(), level="parameter")):
        assert accepts(request, written(row, Part("content", "Hello.")))
        assert accepts(request, calls(row, PARIS, TIME))
        assert not accepts(request, calls(row, WRONG))
        assert not accepts(request, calls(row, UNKNOWN))
    framing = adjusted(row, chat_request(), level="function")
    assert accepts(framing, calls(row, WRONG))
    assert not accepts(framing, calls(row, UNKNOWN))


@rows
def test_one_call_only(row: ToolRow) -> None:
    for choice in ("auto", "required"):
        request = adjusted(row, chat_request(tool_choice=choice, parallel_tool_calls=False))
        assert accepts(request, calls(row, PARIS))
        assert not accepts(request, calls(row, PARIS, TIME))


unframed = pytest.mark.parametrize(
    "row",
    [row for row in TOOL_ROWS if not frames_reply(row) and not think_of(row).think.words],
    ids=lambda row: row.name,
)


@apis
@unframed
def test_how_the_prompt_ended_counts(row: ToolRow, made_by: Any) -> None:
    think = think_of(row)
    inside = adjusted(row, made_by(tool_choice="required"), prompt=TURN + think.open)
    assert accepts(inside, f"I plan.{think.close}{calls(row, PARIS)}")
    assert accepts(inside, f"I plan.{calls(row, PARIS)}")
    assert not accepts(inside, f"I plan.{calls(row, UNKNOWN)}")
    closed = adjusted(row, made_by(tool_choice="required"), prompt=f"{TURN}{think.open}{think.close}")
    assert accepts(closed, calls(row, PARIS))
    assert not accepts(closed, f"I plan.{think.close}{calls(row, PARIS)}")
    # Nothing was opened: a call, or a thought that the reply opens and closes. Prose is neither.
    nothing = adjusted(row, made_by(tool_choice="required"))
    assert accepts(nothing, calls(row, PARIS))
    assert accepts(nothing, f"{think.open}I plan.{think.close}{calls(row, PARIS)}")
    assert not accepts(nothing, f"I plan.{think.close}{calls(row, PARIS)}")
    for request, starts in ((inside, True), (nothing, True), (closed, None)):
        assert begins_with_the_reply(row, request) is starts


@apis
@pytest.mark.parametrize("thinking", [None, True, False], ids=["unset", "on", "off"])
def test_a_model_without_the_opener_as_a_token_opens_no_thought(made_by: Any, thinking: bool | None) -> None:
    """It would open one to talk on, as a small model that cannot think did two times of three."""
    said = {} if thinking is None else {"chat_template_kwargs": {"enable_thinking": thinking}}
    call = calls(next(row for row in TOOL_ROWS if row.name == "hermes"), PARIS)
    tokenizer = plain_tokenizer("hermes", "qwen3")
    made = Exchange("dynamo_hermes", "dynamo_qwen3", made_by(tool_choice="required", **said), tokenizer=tokenizer)
    assert accepts(made.request, call)
    assert not accepts(made.request, f"<think>I plan.</think>{call}")
    # The grammar begins with the reply, in the engine's process as well.
    core = ReasoningParserManager.get_reasoning_parser("dynamo_qwen3")
    kwargs = made.request.chat_template_kwargs or {}
    assert core(tokenizer, chat_template_kwargs=kwargs).is_reasoning_end(made.prompt_ids)
    answer = Exchange(
        "dynamo_hermes", "dynamo_qwen3", chat_request(response_format=ANSWER, **said), tokenizer=tokenizer
    )
    assert answer.request.extract_structured_outputs().json is not None  # vLLM's own constraint, from the start


def begins_with_the_reply(row: ToolRow, request: Any) -> bool | None:
    """Whether the engine begins the grammar with the reply because we said so; None: as its reasoning parser says."""
    kwargs = request.chat_template_kwargs or {}
    if getattr(request, "_grammar_from_parser", False):
        return True
    if not kwargs.get(FROM_START):
        return None
    core = ReasoningParserManager.get_reasoning_parser(f"dynamo_{think_of(row).name}")
    made = Exchange(f"dynamo_{row.name}", f"dynamo_{think_of(row).name}")
    return bool(core(made.tokenizer, chat_template_kwargs=kwargs).is_reasoning_end([]))


@apis
@unframed
def test_how_an_answer_has_to_look(row: ToolRow, made_by: Any) -> None:
    """`response_format`: what the prompt left open, or a thought that the reply opens, and then the answer."""
    think = think_of(row)
    said: dict[str, Any] = (
        {"response_format": ANSWER}
        if made_by is chat_request
        else {"text": {"format": {"type": "json_schema", **ANSWER["json_schema"]}}}  # type: ignore[dict-item]
    )
    nothing = adjusted(row, made_by(None, **said))
    assert accepts(nothing, '{"x": 1}')
    assert accepts(nothing, f'{think.open}I plan.{think.close}\n{{"x": 1}}')
    for text in (
        "Hello.",
        f'I plan.{think.close}{{"x": 1}}',
        f"{think.open}I plan.",
        f"{think.open}I.{think.close}No.",
    ):
        assert not accepts(nothing, text), text
    inside = adjusted(row, made_by(None, **said), prompt=TURN + think.open)
    assert accepts(inside, f'I plan.{think.close}\n{{"x": 1}}')
    assert not accepts(inside, f"I plan.{think.close}Hello.")
    assert begins_with_the_reply(row, nothing) is begins_with_the_reply(row, inside) is True
    closed = adjusted(row, made_by(None, **said), prompt=f"{TURN}{think.open}{think.close}")
    params = closed.extract_structured_outputs()
    assert params.structural_tag is None
    assert params.json is not None


@unframed
def test_strict_tools_and_an_answer(row: ToolRow) -> None:
    think = think_of(row)
    either = adjusted(row, chat_request(STRICT, response_format=ANSWER))
    for lead in ("", f"{think.open}I plan.{think.close}"):
        assert accepts(either, lead + '{"x": 1}')
        assert accepts(either, lead + calls(row, PARIS))
        assert not accepts(either, lead + "Hello.")
        assert not accepts(either, lead + calls(row, UNKNOWN))
    assert begins_with_the_reply(row, either) is True


@pytest.mark.parametrize("row", [row for row in TOOL_ROWS if frames_reply(row)], ids=lambda row: row.name)
def test_an_answer_in_a_frame(row: ToolRow) -> None:
    request = adjusted(row, chat_request(None, response_format=ANSWER))
    plan = Part("reasoning", "I plan.")
    assert accepts(request, written(row, plan, Part("content", '{"x": 1}')))
    assert not accepts(request, written(row, plan, Part("content", "Hello.")))
    either = adjusted(row, chat_request(STRICT, response_format=ANSWER))
    assert accepts(either, written(row, plan, Part("content", '{"x": 1}')))
    assert accepts(either, calls(row, PARIS))
    assert not accepts(either, calls(row, UNKNOWN))


@pytest.mark.parametrize("name", ["hermes", "kimi_k2", "harmony"])
def test_a_schema_that_no_grammar_follows(name: str) -> None:
    """vLLM makes HTTP 400 of it."""
    row = next(row for row in TOOL_ROWS if row.name == name)
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "nothing"}, "strict": True}}
    for choice in ("auto", "required"):
        with pytest.raises(VLLMValidationError, match=r"not a JSON Schema .* remove strict .*\(Unsupported type"):
            adjusted(row, chat_request([tool], tool_choice=choice))
    free = json.loads(json.dumps(tool))
    free["function"]["strict"] = False
    assert accepts(adjusted(row, chat_request([free], tool_choice="required")), calls(row, Call.of("f", {"a": 1})))


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {"x": {"type": "string"}}}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
    return {"type": "function", "function": {"name": "f", "parameters": schema, "strict": True}}


@pytest.mark.parametrize("name", ["hermes", "qwen3_coder", "minimax_m3", "harmony"])
def test_a_strict_tool_that_nests_too_deep_is_refused_at_once(name: str) -> None:
    """Up to there, nothing that vLLM refuses once a stream has begun gets through."""
    row = next(row for row in TOOL_ROWS if row.name == name)
    for depth in (1, 5, 9, 20, 35, 60):
        try:
            request = adjusted(row, chat_request([nested(depth)], tool_choice="required"))
        except VLLMValidationError:
            continue
        validate_xgrammar_grammar(SamplingParams(structured_outputs=request.extract_structured_outputs()))
    with pytest.raises(VLLMValidationError, match=r"nested too deeply|not a JSON Schema"):
        adjusted(row, chat_request([nested(200)], tool_choice="required"))


def function(name: str, strict: bool = False) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}, "strict": strict}}


@pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)
def test_a_name_that_is_not_read_back_is_refused_where_forced(row: ToolRow) -> None:
    for name in ("get weather", 'say "hi"', "a<b", "x" * 300):
        with pytest.raises(VLLMValidationError, match="cannot carry the function name"):
            adjusted(row, chat_request([function(name)], tool_choice="required"))
        adjusted(row, chat_request([function(name)]))
    adjusted(row, chat_request([function("get-weather.v2")], tool_choice="required"))


def test_two_strict_tools_of_one_name_are_refused() -> None:
    row = next(row for row in TOOL_ROWS if row.name == "hermes")
    with pytest.raises(VLLMValidationError, match="two tools are called 'f'"):
        adjusted(row, chat_request([function("f", strict=True), function("f", strict=True)]))
    adjusted(row, chat_request([function("f"), function("f")], tool_choice="required"))


@apis
@rows
@pytest.mark.parametrize("single", [False, True])
def test_our_short_way_sets_what_vllm_sets(
    row: ToolRow, single: bool, made_by: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our composed parser puts a tag into a request itself, as text; vLLM's own way asks for an object."""
    for said in ({"tool_choice": "required"}, {"tools": STRICT}, {"tools": STRICT, "tool_choice": "required"}):
        asked = {"parallel_tool_calls": not single, **said}
        ours = adjusted(row, made_by(**asked))
        with monkeypatch.context() as patch:
            patch.setattr(DynamoParser, "_apply_structural_tag", DelegatingParser._apply_structural_tag)
            theirs = adjusted(row, made_by(**asked))
        tags = [json.loads(each.extract_structured_outputs().structural_tag) for each in (ours, theirs)]
        assert tags[0] == tags[1]
        apart = {"structured_outputs", "request_id"}
        assert ours.model_dump(exclude=apart) == theirs.model_dump(exclude=apart)


def test_a_request_costs_no_grammar_and_no_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a schema that xgrammar may refuse is tried in a request; the same tools asked again cost a look-up."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("asked for in a request")

    row = next(row for row in TOOL_ROWS if row.name == "qwen3_coder")
    monkeypatch.setattr(_versions, "_compiles", refused)
    monkeypatch.setattr(StructuralTag, "model_validate", refused)
    first = adjusted(row, chat_request(STRICT, tool_choice="required")).extract_structured_outputs()
    monkeypatch.setattr(structural_tags._Reply, "_made", refused)
    again = adjusted(row, chat_request(STRICT, tool_choice="required")).extract_structured_outputs()
    assert first.structural_tag == again.structural_tag
