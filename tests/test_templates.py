"""The chat templates: the 18 requirements, the round trip through the parsers, stable prefixes, equal bytes, errors.

`TEMPLATE_EXAMPLES` is the number of random conversations a template and property.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import templates
from dynamo_parsers import Message
from dynamo_parsers.chat_templates import TEMPLATES, chat_template
from dynamo_parsers.cli.commands import app
from dynamo_parsers.registry import reasoning_row, tool_row
from dynamo_parsers.write import markup
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from templates import OURS, REQUIREMENTS, TOOLS, Subject, TemplateRefuses, assistant, by_minijinja, call, result
from typer.testing import CliRunner

ROOT = Path(__file__).parent.parent
random_conversations = settings(
    max_examples=int(os.environ.get("TEMPLATE_EXAMPLES", "20")),
    deadline=None,
    derandomize="PROPERTY_RANDOM" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    print_blob=True,
)
subjects = pytest.mark.parametrize("subject", OURS, ids=[subject.name for subject in OURS])


# --- the table and the files


def test_the_table_lists_the_files() -> None:
    files = {file.stem for file in TEMPLATES[0].path.parent.glob("*.jinja")}
    assert files == {template.name for template in TEMPLATES}
    for template in TEMPLATES:
        tool_row(template.tool_parser)
        reasoning_row(template.reasoning_parser)


def test_an_unknown_name_lists_close_matches() -> None:
    with pytest.raises(ValueError, match="did you mean qwen3_coder"):
        chat_template("qwen3-coder")


def test_the_shared_part_is_the_same_everywhere() -> None:
    spec = importlib.util.spec_from_file_location("template_prelude", ROOT / ".ci" / "templates.py")
    assert spec is not None
    assert spec.loader is not None
    prelude = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prelude)
    assert prelude.stale() == [], "run `make templates`"


def test_the_docs_say_what_each_template_meets() -> None:
    """The table is made by `make template-table`, with the checks that the tests of the requirements run."""
    page = (ROOT / "docs" / "chat-templates.md").read_text(encoding="utf-8")
    for subject in OURS:
        row = next((line for line in page.splitlines() if line.startswith(f"| {subject.name} |")), "")
        marks = [each.strip() for each in row.split("|")[2:20]]
        assert len(marks) == len(REQUIREMENTS), f"{subject.name}: run `make template-table`"
        assert {n for n, mark in enumerate(marks, 1) if mark != "✓"} == unmet(subject), subject.name


def unmet(subject: Subject) -> set[int]:
    return templates.exempt(subject) | (set() if subject.thinks else {4})


# --- the requirements


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=[each.__name__ for each in REQUIREMENTS])
@subjects
def test_requirement(subject: Subject, requirement: Callable[[Subject], None]) -> None:
    if REQUIREMENTS.index(requirement) + 1 not in templates.exempt(subject):
        requirement(subject)
        return
    with pytest.raises((AssertionError, TemplateRefuses)):
        requirement(subject)


# --- the markup, as the grammar of the parsers' tests has it

# GLM-4.5 writes line breaks; Llama's opening and closing tokens may be missing.
ANOTHER_SPELLING = {"glm45", "llama3_json", "llama4_pythonic"}


@subjects
def test_calls_are_written_as_the_grammar_has_them(subject: Subject) -> None:
    made = [markup.Call.of(name, arguments) for name, arguments in templates.TWO_CALLS_SAID]
    grammar = markup.RENDERERS[tool_row(subject.tool_parser).name].calls(made)
    said = subject.said([templates.FIRST_USER], assistant(None, templates.TWO_CALLS), TOOLS, {})
    assert (grammar in said.text) == (subject.name not in ANOTHER_SPELLING)


# --- Gemma 4, where the known templates went wrong

GEMMA = next(subject for subject in OURS if subject.name == "gemma4_tool")
STUB = "<|channel>thought\n<channel|>"
CALL = '<|tool_call>call:get_weather{city:<|"|>Zürich<|"|>}<tool_call|>'
RESPONSE = '<|tool_response>response:get_weather{value:<|"|>sunny<|"|>}<tool_response|>'


def gemma(*messages: Mapping[str, object], generate: bool = True, **kwargs: object) -> str:
    """What follows the turn of the user."""
    prompt = GEMMA.prompt([templates.FIRST_USER, *messages], TOOLS, kwargs, generate)
    return prompt[len(GEMMA.prompt([templates.FIRST_USER], TOOLS, kwargs, generate=False)) :]


def test_gemma_goes_on_in_the_turn_of_its_calls() -> None:
    step = [assistant("I look.", templates.ONE_CALL), result("sunny")]
    off = f"<|turn>model\n{STUB}I look.{CALL}{RESPONSE}{STUB}"
    assert gemma(*step) == off
    assert gemma(*step, assistant("Sun."), generate=False) == f"{off}Sun.<turn|>\n"
    assert gemma(*step, empty_thought=False) == off.replace(STUB, "")
    assert gemma(*step, enable_thinking=True) == f"<|turn>model\nI look.{CALL}{RESPONSE}<|channel>thought\n"
    assert gemma(step[0], {"role": "user", "content": "Stop"}, generate=False).endswith(
        f"{CALL}<turn|>\n<|turn>user\nStop<turn|>\n"
    )


def test_results_of_calls_that_share_an_id_go_to_both() -> None:
    calls = [call("get_time", {"zone": "CET"}, "same"), call("get_weather", {"city": "Bern"}, "same")]
    prompt = gemma(assistant(None, calls), result("noon", "same"), result("sunny", "same"), empty_thought=False)
    noon, sunny = (f"<|tool_response>response:get_{what}{{value:" for what in ("time", "weather"))
    assert f'{noon}<|"|>noon<|"|>}}<tool_response|>{sunny}<|"|>sunny<|"|>}}<tool_response|>' in prompt


def test_gemma_keeps_the_empty_thought_before_a_thought() -> None:
    said = assistant("Sun.", reasoning="plan")
    assert gemma(said, generate=False) == f"<|turn>model\n{STUB}<|channel>thought\nplan\n<channel|>Sun.<turn|>\n"


def test_gemma_writes_values_as_they_are() -> None:
    arguments = {"city": None, "b": [True, 1.5, "x"], "a": {"k": None, "two words": False}}
    written = '{city:null,b:[true,1.5,<|"|>x<|"|>],a:{k:null,<|"|>two words<|"|>:false}}'
    assert f"call:get_weather{written}<tool_call|>" in gemma(assistant(None, [call("get_weather", arguments)]))
    mapping = result({"sky": "blue", "high": 30})
    answer = '<|tool_response>response:get_weather{sky:<|"|>blue<|"|>,high:30}<tool_response|>'
    assert answer in gemma(assistant(None, templates.ONE_CALL), mapping)


def test_gemma_declares_what_a_schema_says() -> None:
    properties = {
        "type": {"description": "Of what", "enum": [1, None], "type": ["integer", "null"]},
        "place": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/P"}]},
        "grid": {"type": "array", "items": {"type": "array", "items": {"type": "number", "minimum": 0}}},
    }
    schema = {"type": "object", "properties": properties, "required": ["type"], "$defs": {"P": {"type": "object"}}}
    prompt = GEMMA.prompt(
        [templates.FIRST_USER], [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    )
    q = '<|"|>'
    assert (
        f"<|tool>declaration:f{{description:{q}{q},"
        f"parameters:{{properties:{{type:{{description:{q}Of what{q},enum:[1,null],"
        f"type:[{q}INTEGER{q},{q}NULL{q}]}},place:{{anyOf:[{{type:{q}STRING{q}}},{{$ref:{q}#/$defs/P{q}}}]}},"
        f"grid:{{items:{{items:{{minimum:0,type:{q}NUMBER{q}}},type:{q}ARRAY{q}}},type:{q}ARRAY{q}}}}},"
        f"required:[{q}type{q}],$defs:{{P:{{type:{q}OBJECT{q}}}}},type:{q}OBJECT{q}}}}}<tool|>"
    ) in prompt


# --- the command


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["template", *arguments])


def test_the_command_prints_a_path_or_the_text() -> None:
    assert Path(run("gemma4_tool").stdout.strip()).read_text(encoding="utf-8") == GEMMA.text
    assert run("gemma4_tool", "--print").stdout == GEMMA.text
    assert run("gemma4").exit_code == run().exit_code == run("jamba", "--list").exit_code == 2
    assert "did you mean gemma4_tool" in run("gemma4").stderr


def test_the_command_lists_the_table() -> None:
    lines = run("--list").stdout
    for template in TEMPLATES:
        (line,) = (line for line in lines.splitlines() if line.startswith(f"{template.name} "))
        assert f"dynamo_{template.tool_parser} " in line
        assert f"dynamo_{template.reasoning_parser} " in line
    listed = json.loads(run("--list", "--json").stdout)
    assert [each["name"] for each in listed] == [template.name for template in TEMPLATES]
    assert all(Path(each["path"]).is_file() for each in listed)


# --- random conversations

CHARS = st.characters(exclude_categories=("Cs",))
NAMES = st.from_regex(r"[a-z_][a-zA-Z0-9_]{0,12}", fullmatch=True)
KEYS = st.from_regex(r"[a-z][a-z0-9_]{1,10}", fullmatch=True)
INTEGERS = st.integers(-(2**53), 2**53)
# minijinja's Python binding hands a whole number over as an integer.
FLOATS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: number != int(number))


def texts(renderer: markup.Renderer) -> st.SearchStrategy[str]:
    """Values with the family's own markers, quotes, escapes, line breaks and any Unicode in them."""
    pieces = st.one_of(
        st.text(CHARS, max_size=15),
        st.text("\"'\\{}[]<>&/,:=|\n\r\t 0aé\u2028😀", max_size=12),
        st.sampled_from(renderer.quotable),
    )
    joined = st.lists(pieces, max_size=3).map("".join)
    return joined if renderer.json_bodies else joined.filter(lambda text: readable(text, renderer))


def readable(text: str, renderer: markup.Renderer) -> bool:
    """Whether the markers in a string cannot be the value's own closer, or half a call."""
    bare = text
    for piece in sorted(renderer.quotable, key=len, reverse=True):
        bare = bare.replace(piece, " ")
    marks = {piece.split()[0] for piece in renderer.quotable} - {"&lt;"}
    return not any(mark in bare for mark in marks)


def typed(strings: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[object, object]]:
    """A schema, and a value that is only readable as what it is under that schema."""

    def of(schema: object, value: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[object, object]]:
        return st.tuples(st.just(schema), value)

    words = st.from_regex(r"[a-z]{3,8}", fullmatch=True).filter(
        lambda word: word not in ("null", "none", "true", "nil")
    )
    inner = {"type": "object", "properties": {"name": {"type": "string"}, "size": {"type": ["number", "null"]}}}
    objects = st.fixed_dictionaries({"name": strings, "size": st.none() | INTEGERS | FLOATS})
    anything = st.recursive(
        st.none() | st.booleans() | INTEGERS | strings,
        lambda each: st.lists(each, max_size=3) | st.dictionaries(KEYS, each, max_size=3),
        max_leaves=6,
    )
    return st.one_of(
        of({"type": "string"}, strings),
        of({"type": "integer", "minimum": 0, "default": 1}, INTEGERS),
        of({"type": "number"}, FLOATS | INTEGERS),
        of({"type": "boolean", "description": "Où ?"}, st.booleans()),
        of({"type": "array", "items": {"type": "string"}}, st.lists(strings, max_size=3)),
        of({"type": "array", "items": inner}, st.lists(objects, max_size=2)),
        of(inner, objects),
        of({"type": ["string", "null"]}, words | st.none()),
        of({"enum": ["north", "south"]}, st.sampled_from(("north", "south"))),
        of({"anyOf": [{"type": "string"}, {"type": "integer"}]}, words | INTEGERS),
        of({"$ref": "#/$defs/Inner"}, objects),
        of({}, st.lists(anything, max_size=3) | st.dictionaries(KEYS, anything, max_size=3)),
    )


@st.composite
def tools_and_values(draw: st.DrawFn, renderer: markup.Renderer) -> list[tuple[str, dict[str, object], dict[str, Any]]]:
    """Tools: each its name, its schema, and a strategy for each parameter's value."""
    strings = texts(renderer)
    made: list[tuple[str, dict[str, object], dict[str, Any]]] = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)):
        given_ = {key: draw(typed(strings)) for key in draw(st.lists(KEYS, max_size=3, unique=True))}
        schema: dict[str, object] = {
            "type": "object",
            "properties": {key: each[0] for key, each in given_.items()},
            "$defs": {"Inner": {"type": "object"}},
        }
        made.append((name, schema, {key: each[1] for key, each in given_.items()}))
    return made


@st.composite
def conversations(draw: st.DrawFn, subject: Subject) -> tuple[list[Any], list[Any], dict[str, object]]:
    """A conversation of a few turns, its tools, and the template's arguments; ends with a message of the assistant."""
    renderer = markup.RENDERERS[tool_row(subject.tool_parser).name]
    own = own_markers(subject)
    letters = st.text(CHARS, max_size=20).filter(lambda text: not any(marker in f"x{text}x" for marker in own))
    prose = letters.map(lambda text: f"x{text}x")
    anything = texts(renderer)
    known = draw(tools_and_values(renderer))
    tools = [
        {"type": "function", "function": {"name": name, "description": "of é", "parameters": schema}}
        for name, schema, _ in known
    ]
    mode: dict[str, object] = dict(draw(st.sampled_from(subject.modes)))
    reasons = subject.reasons(mode)
    chat: list[dict[str, object]] = []

    def instruct() -> None:
        if draw(st.integers(0, 3)) == 0:
            chat.append({"role": draw(st.sampled_from(("system", "developer"))), "content": draw(prose)})

    count = 0
    for _ in range(draw(st.integers(1, 3))):
        instruct()
        chat.append({"role": "user", "content": draw(content(anything))})
        instruct()
        for _ in range(draw(st.integers(0, 2))):
            calls = []
            for name, _, values in draw(st.lists(st.sampled_from(known), min_size=1, max_size=3)):
                present = draw(st.lists(st.sampled_from(sorted(values)), unique=True)) if values else []
                arguments: object = {key: values[key] for key in present}
                if renderer.json_bodies and draw(st.booleans()):
                    arguments = json.dumps(arguments, ensure_ascii=draw(st.booleans()), separators=(",", ":"))
                calls.append(call(name, arguments, f"call_{count:05d}"))
                count += 1
            said = draw(st.none() | prose)
            chat.append(assistant(said, calls, **reasoning(draw, prose, reasons, first=not steps(chat))))
            results = [result(draw(content(anything)), str(each["id"])) for each in calls]
            chat += draw(st.permutations(results))
            instruct()
        chat.append(assistant(draw(prose), **reasoning(draw, prose, reasons, first=not steps(chat))))
    return chat, tools, mode


def content(text: st.SearchStrategy[str]) -> st.SearchStrategy[object]:
    parts = st.lists(text.map(lambda each: {"type": "text", "text": each}), max_size=2)
    return st.one_of(text, text, st.none(), parts)


def reasoning(draw: st.DrawFn, prose: st.SearchStrategy[str], reasons: bool, first: bool) -> dict[str, object]:
    """The first answer has some: before it nothing tells that the client sends reasoning back."""
    if not reasons or (not first and draw(st.integers(0, 4)) == 0):
        return {}
    return {draw(st.sampled_from(("reasoning", "reasoning_content"))): draw(prose)}


def own_markers(subject: Subject) -> list[str]:
    tool = tool_row(subject.tool_parser)
    markers = {*tool.format.markers, tool.turn_end, *tool.turn_ends}
    if subject.reasoning_parser is not None:
        think = reasoning_row(subject.reasoning_parser).think
        markers |= {*think.opens, *think.closes}
    return sorted(markers - {""})


def steps(chat: list[Any]) -> list[int]:
    return [at for at, message in enumerate(chat) if message["role"] == "assistant"]


def same(read: Message, message: Mapping[str, Any]) -> None:
    """What was read is what the message says: the calls, JSON text byte for byte, the reasoning, the content."""
    assert templates.read_calls(read) == templates.written_calls(message)
    for made, each in zip(read.tool_calls, message.get("tool_calls", ()), strict=True):
        assert made.complete
        if isinstance(each["function"]["arguments"], str):
            assert made.arguments == each["function"]["arguments"]
    wanted = message.get("reasoning") or message.get("reasoning_content")
    assert (read.reasoning or "").strip() == (wanted or "").strip()
    assert (read.content or "").strip() == (message["content"] or "").strip()


@subjects
@given(data=st.data())
@random_conversations
def test_round_trip(subject: Subject, data: st.DataObject) -> None:
    """The parsers read what the template writes for a message as that message, after an unchanged prompt."""
    chat, tools, mode = data.draw(conversations(subject))
    for at in steps(chat):
        said = subject.said(chat[:at], chat[at], tools, mode)
        assert said.stable
        same(subject.read(said, tools, mode), chat[at])


@subjects
@given(data=st.data())
@random_conversations
def test_prompts_only_grow(subject: Subject, data: st.DataObject) -> None:
    """A prompt and what was said to it begin every later prompt, whose history is what the parser read.

    Without `preserve_thinking` this holds up to the next message of the user; from there, what stood in the prompt
    up to the message of the user before is still unchanged.
    """
    chat, tools, mode = data.draw(conversations(subject))
    asked = data.draw(st.booleans())
    keep = asked or subject.keeps
    kwargs = {**mode, **({"preserve_thinking": True} if asked else {})}
    history: list[Any] = []
    began = ""  # everything up to the last message of the user
    grown = ""
    for message in chat:
        if message["role"] != "assistant":
            history.append(message)
            if message["role"] == "user":
                asked_again = subject.prompt(history, tools, kwargs, generate=False)
                assert asked_again.startswith(began)
                began = asked_again
                grown = grown if keep else ""
            continue
        said = subject.said(history, message, tools, kwargs)
        assert said.prompt.startswith(grown)
        assert said.prompt.startswith(began)
        grown = said.prompt + said.text
        history.append(as_the_client_sends_it(subject.read(said, tools, kwargs), message))


def as_the_client_sends_it(read: Message, message: Mapping[str, Any]) -> dict[str, Any]:
    """The message as parsed, under the ids of the results.

    Arguments that the model wrote as `json.dumps` does come back as a mapping, as most servers hand them over; others
    as the text that they are.
    """
    calls = []
    for each, original in zip(read.tool_calls, message.get("tool_calls", ()), strict=True):
        as_text = isinstance(original["function"]["arguments"], str)
        calls.append(call(each.name, each.arguments if as_text else json.loads(each.arguments), original["id"]))
    return assistant(read.content, calls, **({"reasoning": read.reasoning} if read.reasoning else {}))


@subjects
@given(data=st.data())
@random_conversations
def test_every_renderer_writes_the_same(subject: Subject, data: st.DataObject) -> None:
    chat, tools, mode = data.draw(conversations(subject))
    for given_tools in (tools, None):
        wanted = subject.prompt(chat, given_tools, mode)
        assert subject.prompt(chat, given_tools, mode, render=by_minijinja) == wanted


# --- errors

REFUSED = {
    "role": ([{"role": "wizard", "content": "hi"}], r'"wizard".*system, developer, user, assistant and tool'),
    "id": (
        [templates.FIRST_USER, assistant(None, templates.ONE_CALL), result("sunny", "call_of_another")],
        '"call_of_another".*no call with this id',
    ),
    "orphan": ([templates.FIRST_USER, result("sunny", "call_of_nobody")], '"call_of_nobody".*no call'),
    "more": (
        [templates.FIRST_USER, assistant(None, templates.ONE_CALL), result("a", None), result("b", None)],
        "more tool results than calls",
    ),
    "list": (
        [templates.FIRST_USER, assistant(None, [call("get_weather", ["x"])])],
        '"get_weather" are not a JSON object',
    ),
    "text": (
        [templates.FIRST_USER, assistant(None, [call("get_weather", "Paris")])],
        '"get_weather" are (not a JSON object|text, .* pass them as an object)',
    ),
}


@pytest.mark.parametrize("render", [templates.by_transformers, by_minijinja])
@pytest.mark.parametrize("case", REFUSED)
@subjects
def test_errors_are_sentences(subject: Subject, case: str, render: Callable[..., str]) -> None:
    chat, sentence = REFUSED[case]
    with pytest.raises(TemplateRefuses, match=sentence):
        subject.prompt(chat, TOOLS, render=render)
