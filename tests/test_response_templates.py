"""Templates that checkpoints declare: what is compiled reads as the contract says, at every cut; else it is refused."""

from __future__ import annotations

import contextlib
import copy
import importlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import counted
import pytest
from declared import (
    ANSWER,
    CALL,
    DECLARED,
    THINKING,
    TOOLS,
    Declared,
    Spec,
    called,
    checkpoint_of,
    reply_of,
    template,
)
from dynamo_parsers import tool_parser_names
from dynamo_parsers.detect import Model, NotConclusive, detect, model_in, pair_for
from dynamo_parsers.registry import grammar_for, reasoning_row, tool_row
from dynamo_parsers.response_templates.declared import parsers_of, reasoning_of, template_of, tool_of
from dynamo_parsers.response_templates.patterns import Ahead, Capture, Edge, Gap, Refused, Run, alternatives_of
from dynamo_parsers.warm import prepare
from dynamo_parsers.write.structural_tags import answer_tag, has_structural_tag
from effort import some
from replies import Request, check_protocol, deadline, events_of, merged, message_of

shapes = pytest.mark.parametrize("declared", DECLARED.values(), ids=DECLARED)


def request_of(declared: Declared, **changes: object) -> Request:
    made = parsers_of(declared.spec)
    return Request(tool_of(made).name, reasoning_of(made).name, TOOLS).but(**changes)


# --- what is read


@shapes
def test_a_reply(declared: Declared) -> None:
    message = message_of(request_of(declared), reply_of(declared, declared.call))
    assert message.reasoning == "I look."
    assert message.content == "One moment:"
    assert [(call.name, call.arguments, call.complete) for call in message.tool_calls] == [
        ("get_weather", declared.arguments, True)
    ]


@shapes
def test_quoted_markers_are_data(declared: Declared) -> None:
    message = message_of(request_of(declared), reply_of(declared, declared.quoted + declared.call))
    assert [(call.arguments, call.complete) for call in message.tool_calls] == [
        (declared.quotes, True),
        (declared.arguments, True),
    ]
    assert message.content == "One moment:"


@shapes
def test_it_does_not_matter_how_a_reply_is_cut(declared: Declared) -> None:
    request = request_of(declared)
    text = reply_of(declared, declared.quoted + declared.call)
    for stop in (len(text), len(text) * 2 // 3):  # whole, and broken off
        reply = text[:stop]
        whole = merged(events_of(request, [reply]))
        check_protocol(whole)
        for at in some(range(1, len(reply)), every=2):
            assert merged(events_of(request, [reply[:at], reply[at:]])) == whole
        assert merged(events_of(request, list(reply))) == whole


@shapes
def test_every_beginning_of_a_reply_parses(declared: Declared) -> None:
    request = request_of(declared)
    text = reply_of(declared, declared.quoted + declared.call)
    for stop in range(len(text)):
        check_protocol(events_of(request, [text[:stop]]))


@shapes
def test_arguments_stream(declared: Declared) -> None:
    request = request_of(declared)
    call = declared.call.replace("Paris", "x" * 400)
    parser = request.parser()
    parser.feed(call[: call.index("x" * 400) + 200])
    assert "x" * 100 in "".join(str(event) for event in parser.feed("x" * 120))


@shapes
def test_without_tools_the_markup_is_content(declared: Declared) -> None:
    message = message_of(request_of(declared, tools=None), reply_of(declared, declared.call))
    assert message.tool_calls == []
    assert message.content is not None
    assert declared.call in message.content


@shapes
def test_prose_that_names_the_markup(declared: Declared) -> None:
    opener = next(iter(sorted(tool_row(request_of(declared).tool_parser or "").format.markers, key=len)))
    before, behind = declared.answer
    message = message_of(request_of(declared), f"{before}The markup has {opener!r}, and then some.{behind}")
    assert message.tool_calls == []


@shapes
def test_warm_start(declared: Declared) -> None:
    request = request_of(declared)
    prepare(request.tool_parser, request.reasoning_parser)


@pytest.mark.parametrize(
    ("name", "written", "read"),
    [
        ("tags", '<arg name="zip">05</arg><arg name="days">05x</arg>', '{"zip":"05","days":"05x"}'),
        ("tags", '<arg name="deep">true</arg><arg name="tags">[1, "a"]</arg>', '{"deep":true,"tags":[1,"a"]}'),
        ("lines", "\nzip: 05\ndays: 5\ndeep: true\n", '{"zip":"05","days":5,"deep":true}'),
        ("lines", '\ntags: [1, "a"]\ncity: \n', '{"tags":[1,"a"],"city":""}'),
        ("lines", "\nnothing here\ncity: Paris\n", None),
        ("lines", "", "{}"),
    ],
)
def test_typing_by_the_schema(name: str, written: str, read: str | None) -> None:
    declared = DECLARED[name]
    head = '<run tool="get_weather">' if name == "tags" else "<call:get_weather>"
    foot = "</run>" if name == "tags" else "</call>"
    message = message_of(request_of(declared), head + written + foot)
    assert [call.arguments for call in message.tool_calls] == ([] if read is None else [read])


@pytest.mark.parametrize(
    ("reply", "calls", "content"),
    [
        ("<call:ping></call>Done.", [("{}", True)], "Done."),
        ("<call:get_weather>\ncity: Paris</call> Done.", [('{"city":"Paris"}', True)], "Done."),
        ("<call:get_weather>\ncity: Paris\n", [('{"city":"Paris"}', True)], None),
        ("<call:get_weather>\ncity: Par", [('{"city":"Par', False)], None),
        ("<call:get_weather>\ncity: Paris<|end|>", [('{"city":"Paris', False)], None),
        ("<call:get_weather>\nthere it\nis", [], "<call:get_weather>\nthere it\nis"),
    ],
)
def test_where_lines_end(reply: str, calls: list[tuple[str, bool]], content: str | None) -> None:
    message = message_of(request_of(DECLARED["lines"]), reply)
    assert [(call.arguments, call.complete) for call in message.tool_calls] == calls
    assert message.content == content


@pytest.mark.parametrize("piece", ["x", " ", "</call>", "</call> x", "</call>\n", "a: b\n", "\n", "<call:f>"])
def test_lines_cost_their_length(piece: str) -> None:
    core = counted.counted()
    declared = importlib.import_module(f"{counted.NAME}.response_templates.declared")
    name = declared.parsers_of(DECLARED["lines"].spec).tool.name

    def work(size: int) -> int:
        text = "<call:get_weather>\ncity: " + piece * (size // len(piece))
        pieces = [text[at : at + 3] for at in range(0, len(text), 3)]

        def feed() -> None:
            parser = core.Parser(name, tools=TOOLS)
            for each in pieces:
                parser.feed(each)
            parser.finish()

        return counted.work_of(feed)

    assert work(4096) <= 2.2 * work(2048)


def test_reasoning_that_the_prompt_opened() -> None:
    spec = template(
        thinking={"open_pattern": r"(?=[\s\S]*?</think>)", "close_pattern": r"</think>\s*"},
        content={"close": "<|end|>"},
    )
    row = reasoning_of(parsers_of(spec))
    assert (row.open, row.close, row.starts.inside) == ("<think>", "</think>", True)
    assert message_of(Request(None, row.name), "A plan.</think>\n\nHello.").reasoning == "A plan."


def test_regions_without_an_opener() -> None:
    request = request_of(DECLARED["array in regions"])
    assert message_of(request, "Plain text.").content == "Plain text."
    inside = message_of(request.but(in_reasoning=True), "A plan.<|A|>Hello.")
    assert (inside.reasoning, inside.content) == ("A plan.", "Hello.")
    assert message_of(request, "<|R|>I call <|T|>[] now<|/R|><|A|>No.").reasoning == "I call <|T|>[] now"


# --- what becomes of a template


def test_templates_are_told_apart_and_the_same_one_is_made_once() -> None:
    names = [tool_of(parsers_of(each.spec)).name for each in DECLARED.values()]
    assert len(set(names)) == len(DECLARED)
    again = copy.deepcopy(DECLARED["json"].spec)
    assert parsers_of(again) is parsers_of(DECLARED["json"].spec)
    assert not set(names) & set(tool_parser_names())
    assert tool_row(f"dynamo_{names[0]}").name == names[0]


def test_calls_are_constrained_where_the_shape_can_be() -> None:
    tags = {name: has_structural_tag(tool_of(parsers_of(each.spec)).name) for name, each in DECLARED.items()}
    assert [name for name, has in tags.items() if not has] == ["array in regions", "Beam"]


def test_an_answer_in_regions_is_constrained_in_its_own() -> None:
    name = reasoning_of(parsers_of(DECLARED["array in regions"].spec)).name
    assert '"<|A|>"' in answer_tag(name, {"type": "json_schema", "json_schema": {}}).text


class Tokenizer:
    """What an older transformers makes of a key that it does not know."""

    def __init__(self, spec: Spec | None) -> None:
        self.init_kwargs = {} if spec is None else {"response_template": spec}


def test_where_the_template_is() -> None:
    spec = DECLARED["json"].spec
    assert template_of(Tokenizer(spec)) == spec
    assert template_of(Tokenizer(None)) is None
    assert template_of(object()) is None


@shapes
def test_a_declared_template_is_the_first_evidence(declared: Declared, tmp_path: Path) -> None:
    found = detect(model_in(checkpoint_of(tmp_path, declared.spec)))
    assert (found.tool_parser, found.reasoning_parser) == ("dynamo_response_template",) * 2
    assert "response_template" in found.evidence[0].text


KNOWN: dict[str, tuple[str, Spec]] = {
    "hermes": (
        "dynamo_qwen3",
        called(
            "json", open="<tool_call>", close="</tool_call>", transform={"type": "function", "function": "{content}"}
        ),
    ),
    "qwen3_coder": (
        "dynamo_qwen3",
        called(
            "xml-inline",
            open_pattern=r"<tool_call>\s*<function=(?P<name>[^>\n]+)>",
            close_pattern=r"</tool_call>\s*",
            content_args={"tag_pattern": r"<parameter=(?P<key>[^>\n]+)>\s*(?P<value>.*?)\s*</parameter>"},
            transform=CALL,
        ),
    ),
    "glm47": (
        "dynamo_glm45",
        called(
            "xml-inline",
            open_pattern=r"<tool_call>(?P<name>\S+)\n?",
            close="</tool_call>",
            content_args={"tag_pattern": r"<arg_key>(?P<key>[^<]+)</arg_key>\s*<arg_value>(?P<value>.*?)</arg_value>"},
            transform=CALL,
        ),
    ),
    "gemma4": (
        "dynamo_gemma4",
        called(
            "json",
            open_pattern=r"<\|tool_call>call:(?P<name>\w+)",
            close="<tool_call|>",
            content_args={"unquoted_keys": True, "string_delims": [['<|"|>', '<|"|>']]},
            transform=CALL,
        ),
    ),
    "harmony": (
        "dynamo_gpt_oss",
        called(
            "json",
            open_pattern=r"<\|channel\|>commentary to=functions\.(?P<name>\w+).*?<\|message\|>",
            close="<|call|>",
            transform=CALL,
        ),
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_familys_markup_is_the_familys_parser(name: str) -> None:
    reasoning, calls = KNOWN[name]
    row = reasoning_row(reasoning)
    opened = (row.open + row.think.label, row.close if row.frame is None else "<|end|>")
    spec = template(thinking={"open": opened[0], "close": opened[1]}, tool_calls=calls, content=ANSWER)
    found = detect(Model(declared=spec))
    assert (found.tool_parser, found.reasoning_parser) == (f"dynamo_{name}", reasoning)
    assert pair_for(Tokenizer(spec))[0] is tool_row(name)
    spec["fields"]["thinking"] = {"open": "<other>", "close": "</other>"}  # type: ignore[index]
    assert detect(Model(declared=spec)).tool_parser != f"dynamo_{name}"


def test_what_is_refused_is_said_and_the_other_evidence_counts(tmp_path: Path) -> None:
    spec = changed("json", "fields/tool_calls/content_args", {"unquoted_keys": True})
    assert detect(model_in(checkpoint_of(tmp_path, spec))).tool_parser == "dynamo_hermes"
    with pytest.raises(NotConclusive, match="unquoted_keys: not JSON"):
        pair_for(Tokenizer(spec))


def test_the_pair_of_a_declared_template() -> None:
    tool, reasoning, why = pair_for(Tokenizer(DECLARED["tags"].spec))
    assert reasoning is not None
    assert tool.name == reasoning.name
    assert "response_template" in why


# --- what is refused


def changed(name: str, path: str, value: object) -> Spec:
    """The spec of that name with something else at a path; None: without it."""
    spec: Any = copy.deepcopy(DECLARED[name].spec)
    *keys, last = path.split("/")
    inner = spec
    for key in keys:
        inner = inner[key]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return spec  # type: ignore[no-any-return]


REFUSED: list[tuple[str, str, object, str]] = [
    ("json", "version", 2, "version 2 is not supported"),
    ("json", "start_anchor", None, "neither start_anchor"),
    ("json", "schema", {}, "'schema' is not part of the language"),
    ("json", "fields", {}, "no fields"),
    ("json", "fields/citations", {"open": "<c>", "close": "</c>"}, r"fields\.citations: .* no place"),
    ("json", "fields/reasoning", {"open": "<c>", "close": "</c>"}, r"fields\.reasoning: .* no place"),
    ("json", "fields/thinking/opens", "<c>", "'opens' is not part of the language"),
    ("json", "fields/thinking/close", None, r"fields\.thinking\.close: missing"),
    ("json", "fields/thinking/open", None, "both lack an opener"),
    ("json", "fields/thinking/content", "json", "only text can be sent as it comes"),
    ("json", "fields/thinking/join", "\n---\n", "join"),
    ("json", "fields/tool_calls/content", "yaml", "'yaml' is not supported"),
    ("json", "fields/tool_calls/content", "text", "no call can be"),
    ("json", "fields/tool_calls/content_args", {"unquoted_keys": True}, "unquoted_keys: not JSON"),
    ("json", "fields/tool_calls/content_args", {"string_delims": [["'", "'"]]}, "string_delims: not JSON"),
    ("json", "fields/tool_calls/open", '{"call": ', "beginning of the JSON"),
    ("json", "fields/tool_calls/open", [], "neither a text nor a list"),
    ("json", "fields/tool_calls/transform", {"type": "function"}, "not give a call with a name"),
    ("json", "fields/tool_calls/transform", {"function": {"name": "x"}}, "'x' is not a placeholder"),
    ("name in the opener", "fields/tool_calls/open_pattern", r"<\|call\|>.*?(?P<name>\w+)>", "may be any text"),
    ("name in the opener", "fields/tool_calls/open_pattern", r"(?P<name>\w+)>", "begins with its name"),
    ("name in the opener", "fields/tool_calls/open_pattern", r"<c (?P<n>\w+)>", "the group 'name'"),
    ("name in the opener", "fields/tool_calls/open_pattern", r"<c (?P<name>(?P<x>\w)+)>", "cannot be read"),
    ("name in the opener", "fields/tool_calls/open_pattern", r"(?i)<c (?P<name>\w+)>", "cannot be read"),
    ("name in the opener", "fields/tool_calls/open_pattern", r"(?<!a)<c (?P<name>\w+)>", "cannot be read"),
    ("name in the opener", "fields/tool_calls/open_pattern", r"(<c (?P<name>\w+)>)\1", "cannot be read"),
    ("name in the opener", "fields/tool_calls/open_pattern", r"<c (?P<name>\w+)x", "not read back"),
    ("name in the opener", "fields/tool_calls/close_pattern", r"\}<\|done\|>", "ends the arguments"),
    ("tags", "fields/tool_calls/content_args/merge_duplicates", True, "merge_duplicates"),
    ("tags", "fields/tool_calls/content_args/tag_pattern", None, "tag_pattern: missing"),
    ("tags", "fields/tool_calls/content_args/tag_pattern", r"(?P<key>\w+)=(?P<value>.*?),", "a text, its key"),
    (
        "tags",
        "fields/tool_calls/content_args/tag_pattern",
        r'<a n="(?P<key>\w+)" t="(?P<type>\w+)">(?P<value>.*?)</a>',
        "not one key, then one value",
    ),
    ("tags", "fields/tool_calls/content_args/tag_pattern", r"<a (?P<key>\w+)>(?P<value>\d+)</a>", "not any text"),
    ("tags", "fields/tool_calls/content_args/value_parser", {"name": "kv-lines"}, "neither text nor JSON"),
    ("lines", "fields/tool_calls/content_args", {"kv_sep": ""}, "a separator is empty"),
]


@pytest.mark.parametrize(("name", "path", "value", "why"), REFUSED)
def test_refused_with_the_reason(name: str, path: str, value: object, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        parsers_of(changed(name, path, value))
    assert "\n" not in str(refused.value)


ODD: list[object] = [
    None,
    {"name": "json", "args": [0]},
    0,
    True,
    "",
    "x",
    "{content.a.b}",
    "(",
    [],
    [0],
    ["a"],
    [["a"]],
    [["a", "b"]],
    {},
    {"name": []},
]


def paths_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from (f"{key}/{path}" for path in paths_in(inner))


@shapes
def test_whatever_a_checkpoint_says_is_served_or_refused(declared: Declared) -> None:
    name = next(name for name, each in DECLARED.items() if each is declared)
    for path in paths_in(declared.spec):
        for odd in some(ODD, every=3):
            spec = changed(name, path, odd)
            with contextlib.suppress(Refused):
                parsers_of(spec)
            family_or_reason = detect(Model(declared=spec))
            assert family_or_reason.tool_parser or family_or_reason.reason


def test_a_template_that_lacks_what_a_flag_asks_for() -> None:
    talks = parsers_of(template(content=ANSWER, thinking=THINKING))
    with pytest.raises(Refused, match="no field of calls"):
        tool_of(talks)
    calls = parsers_of(template(content=ANSWER, tool_calls=DECLARED["lines"].spec["fields"]["tool_calls"]))  # type: ignore[index]
    with pytest.raises(Refused, match="no field of reasoning"):
        reasoning_of(calls)
    assert grammar_for(tool_of(calls), None).tools


def test_framed_without_reasoning_is_refused() -> None:
    with pytest.raises(Refused, match=r"fields\.content: it has an opener"):
        parsers_of(template(content={"open": "<a>", "close": "</a>"}, tool_calls=called("json", open="<c>")))


# --- patterns are taken apart


@pytest.mark.parametrize(
    ("pattern", "alternatives"),
    [
        ("<a>", [("<a>",)]),
        (r"<\|a\|>\s*", [("<|a|>", Gap())]),
        (r"\n?<a>", [(Gap(), "<a>")]),
        (r"a[ \n]+b", [("a", Gap(1), "b")]),
        ("<(?:a|b)>", [("<a>",), ("<b>",)]),
        ("x(?:<a>)?", [("x<a>",), ("x",)]),
        ("a?b", [("ab",), ("b",)]),
        (r"<f=(?P<name>[^>\n]+)>", [("<f=", Capture("name", r"[^>\n]+"), ">")]),
        (r"<a>|$", [("<a>",), (Edge(start=False),)]),
        (r"(?:^|<a>\s*)", [(Edge(start=True),), ("<a>", Gap())]),
        (r"(?=[\s\S]*?</a>)", [(Ahead(r"[\s\S]*?</a>"),)]),
        (r".*?<b>", [(Run(".", 0), "<b>")]),
        (r"\w{2,3}", [(Run(r"\w", 2),)]),
        ("a{0,1}b", [("ab",), ("b",)]),
        ("{}", [("{}",)]),
        (r"[]\]a]", [(Run(r"[]\]a]", 1),)]),
    ],
)
def test_the_alternatives_of_a_pattern(pattern: str, alternatives: list[tuple[object, ...]]) -> None:
    assert list(alternatives_of(pattern, "here")) == alternatives


def nasty() -> Iterator[str]:
    yield "(a+)+$"
    yield "(?:a|a)*" * 40
    yield "(?:a|b)" * 40
    yield "(" * 5000
    yield "(?:" * 400 + ")" * 400
    yield "a?" * 400
    yield from ("[", "[^", "[]", "\\", "(?P<", "(?P<n>a", "*", "a**", ")", "(?P=n)", "(?>a)", r"\1", r"\x41", r"\p{L}")
    for start, end in itertools.product(("<a>", "(?:", "["), ("*", "|", "\\")):
        yield start + end


@pytest.mark.parametrize("pattern", list(nasty()))
def test_a_pattern_is_taken_apart_or_refused_in_no_time(pattern: str) -> None:
    alternatives: tuple[object, ...] = ()
    with deadline(1, "taking a pattern apart"), contextlib.suppress(Refused):
        alternatives = alternatives_of(pattern, "here")
    assert len(alternatives) <= 32
