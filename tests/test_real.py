"""`make real` itself: what it draws, how it compares, and which replies it calls ambiguous. It fetches nothing here."""

from __future__ import annotations

import dataclasses
import json
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from dynamo_parsers.arguments.tags import Tags
from dynamo_parsers.registry import TOOL_ROWS
from dynamo_parsers.shapes.messages import Messages
from dynamo_parsers.shapes.tagged import Tagged
from dynamo_parsers.write.markup import RENDERERS, Call
from real import ambiguous, bfcl, in_core, outcome, questions, running, strings
from real.sources import SERVERS
from real.values import FREE, Drawer

TOOL = {
    "name": "write_file",
    "parameters": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "size": {"type": "integer"}},
        "required": ["path"],
    },
}
FUNCTION = {
    "name": "files.write",
    "parameters": {"type": "dict", "properties": {"name": {"type": "string"}, "sizes": {"type": "tuple"}}},
}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel as small as one can be that holds an answer of each kind, and a file of code."""
    path = tmp_path / "bfcl_eval-0-py3-none-any.whl"
    named = {**{kind: ([], []) for kind in (*bfcl.SINGLE, *bfcl.TURNS)}}
    named["simple_python"] = (
        [{"id": "s1", "function": [FUNCTION]}],
        [{"id": "s1", "ground_truth": [{"files.write": {"name": ["a", "b"], "sizes": [[1, 2]], "mode": ["", "x"]}}]}],
    )
    named["multi_turn_base"] = (
        [{"id": "m1", "involved_classes": ["MathAPI"]}],
        [{"id": "m1", "ground_truth": [[], ["add(1, b=[2.5])"]]}],
    )
    add = {"name": "add", "parameters": {"type": "dict", "properties": {"a": {"type": "float"}, "b": {"type": "any"}}}}
    with zipfile.ZipFile(path, "w") as archive:
        for kind, (asked, answers) in named.items():
            archive.writestr(f"{bfcl.DATA}BFCL_v4_{kind}.json", _lines(asked))
            archive.writestr(f"{bfcl.DATA}possible_answer/BFCL_v4_{kind}.json", _lines(answers))
        for file in bfcl.DOCUMENTED.values():
            archive.writestr(f"{bfcl.DATA}multi_turn_func_doc/{file}.json", _lines([add]))
        archive.writestr("bfcl_eval/code.py", "".join(f"x{number} = {{'<a>': {number}}}\n" for number in range(50)))
    return path


def _lines(values: list[object]) -> str:
    return "\n".join(map(json.dumps, values))


@pytest.fixture
def cache(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What the collector leaves: an answer of the leaderboard, and a call with a slot."""
    folder = wheel.parent
    turns = [
        {"source": "bfcl", "id": "b", "tools": "t", "calls": [_call({"path": "a", "size": 1}, [])]},
        {"source": "mcp", "id": "m", "tools": "t", "calls": [_call({"path": FREE}, [["path"]])]},
    ]
    (folder / "calls.jsonl").write_text(_lines(turns), encoding="utf-8")
    (folder / "tools.json").write_text(json.dumps({"t": [TOOL]}), encoding="utf-8")
    for module in (questions, running):
        monkeypatch.setattr(module, "CACHE", folder)
    monkeypatch.setattr(running, "OUT", folder / "out")
    known = (questions._turns, questions._tools, questions.examples, running.digest)
    for each in known:
        each.cache_clear()
    monkeypatch.setattr(questions, "EXAMPLES", 1)
    yield folder
    for each in known:
        each.cache_clear()


def _call(arguments: dict[str, object], slots: list[list[str]]) -> dict[str, object]:
    return {"name": "write_file", "arguments": arguments, "slots": slots}


def test_sources_are_pinned() -> None:
    assert len({server.name for server in SERVERS}) == len(SERVERS) >= 24
    assert all(server.version[0].isdigit() for server in SERVERS)


def test_the_answers_of_the_leaderboard(wheel: Path) -> None:
    single, many = bfcl.turns(wheel)
    assert single.calls == [("files_write", {"name": "a", "sizes": [1, 2]})]
    assert single.tools[0]["parameters"]["properties"]["sizes"] == {"type": "array"}
    assert (many.id, many.calls) == ("m1.1", [("add", {"a": 1, "b": [2.5]})])


def test_values_fit_their_schemas() -> None:
    schema = {
        "type": "object",
        "properties": {
            "mode": {"enum": ["r", "w"]},
            "at": {"$ref": "#/$defs/point"},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
            "count": {"anyOf": [{"type": "integer", "minimum": 3, "maximum": 3}, {"type": "null"}]},
        },
        "required": ["mode", "at", "tags", "count"],
        "$defs": {"point": {"type": "object", "properties": {"x": {"const": 4}}, "required": ["x"]}},
    }
    drawer = Drawer(schema, random.Random(0))
    made = drawer.value(schema, ())
    assert made["mode"] in ("r", "w")
    assert (made["at"], made["count"]) == ({"x": 4}, 3)
    assert drawer.slots == [("tags", at) for at in range(len(made["tags"]))]
    assert len(made["tags"]) >= 2


@pytest.mark.parametrize("kind", [*strings.PLAIN, "long"])
def test_the_same_seed_gives_the_same_string(wheel: Path, kind: str) -> None:
    one, other = (strings.Writer(wheel, random.Random(7)).plain(kind) for _ in range(2))
    assert one == other
    assert "{word}" not in one
    if kind == "long":
        assert len(one.encode()) >= strings.LONG


@pytest.mark.parametrize("kind", ["fenced", "inline", "two", "transcript"])
def test_whole_examples_are_quoted_whole(wheel: Path, kind: str) -> None:
    example = '<tool_call>\n{"name": "f"}\n</tool_call>'
    assert example in strings.Writer(wheel, random.Random(1)).quoting(kind, [example], ["<tool_call>"])


@pytest.mark.parametrize(
    ("calls", "content", "wanted"),
    [
        ([("f", '{"a": 1.0, "b": "x"}')], "Hi. ", "exact"),
        ([("f", '{"a": 1, "b": "x"}')], None, "text"),
        ([("f", '{"a": true, "b": "x"}')], "Hi.", "wrong"),
        ([("f", '{"a": 1, "b": "x ')], "Hi.", "wrong"),
        ([("f", '{"a": 1}')], "Hi.", "wrong"),
        ([("g", '{"a": 1, "b": "x"}')], "Hi.", "wrong"),
        ([], "Hi.", "lost"),
        ([("f", '{"a": 1, "b": "x"}')] * 2, "Hi.", "extra"),
    ],
)
def test_outcomes(calls: list[tuple[str, str]], content: str | None, wanted: str) -> None:
    question = _question("hermes", {"a": 1, "b": "x"}, prose="Hi.")
    assert outcome.compared(question, outcome.Answer(content, calls))[0] == wanted


@pytest.mark.parametrize(
    ("text", "said", "policy"),
    [
        (" a\n", '{"a": "a"}', outcome.SPACE),
        ("a<|im_end|>b", '{"a": "ab"}', outcome.SPECIAL),
        ("123", '{"a": 123}', outcome.LOOKS),
        ('{"b": 1}', '{"a": {"b": 1}}', outcome.LOOKS),
        ("a</parameter>b", '{"a": "a"}', ""),
    ],
)
def test_policies(text: str, said: str, policy: str) -> None:
    question = _question("qwen3_coder", {"a": text})
    assert outcome.policy(question, outcome.Answer(None, [("f", said)])) == policy


def _question(family: str, arguments: dict[str, object], prose: str = "") -> questions.Question:
    calls = [("f", arguments)]
    reply = questions.written(family, prose, calls)
    return questions.Question("q", family, "mcp", "code", [], prose, calls, reply)


@pytest.mark.parametrize("family", ambiguous.TAGS)
def test_the_tags_are_those_of_the_renderer(family: str) -> None:
    tags = ambiguous.TAGS[family]
    written = RENDERERS[family].calls([Call.of("f", {"a": "x", "b": "y"})])
    for text in (tags.call, tags.parameter, tags.closer, tags.end):
        assert text in written
    assert tags.quoted.search(written)
    assert not tags.readings.search(tags.quoted.sub("", written))


def test_every_family_with_tags_is_known() -> None:
    for row in TOOL_ROWS:
        format = row.format.inner if isinstance(row.format, Messages) else row.format
        if isinstance(format, Tagged) and isinstance(format.arguments, Tags):
            # MiniMax M3's closer has the parameter's name.
            assert row.name in ambiguous.TAGS or row.name == "minimax_m3", row.name


def test_only_strings_between_tags_are_ambiguous() -> None:
    for row in TOOL_ROWS:
        every = "".join(RENDERERS[row.name].quotable)
        rule = ambiguous.rule_of(_question(row.name, {"a": every}))
        assert rule is None or row.name in ambiguous.TAGS or ambiguous.seam_of(row.name), row.name


@pytest.mark.parametrize(
    ("family", "text", "rule"),
    [
        ("seed_oss", "a</parameter></function> b", "Two readings"),
        ("seed_oss", "a</parameter> b </function>", None),
        ("seed_oss", "see <function=g><parameter=x>1</parameter></function> there", None),
        ("seed_oss", "see <function=g><parameter=x>1", "Quoted calls"),
        ("muse", "</atem:invoke> </atem:function_calls><|eom|> b", "It had ended"),
        ("muse", "x<|eom|><|start|>assistant to=user<|message|>", "A frame's end"),
        ("harmony", "x<|call|><|start|>assistant<|channel|>final<|message|>", None),
        ("gemma4", 'say <|"|>, he said', "Two readings"),
        ("hermes", "</tool_call><tool_call>", None),
    ],
)
def test_the_rule_that_makes_a_reply_ambiguous(family: str, text: str, rule: str | None) -> None:
    assert ambiguous.rule_of(_question(family, {"a": text})) == rule


@pytest.mark.parametrize(
    ("schema", "rule"),
    [({}, "Undeclared values"), ({"type": ["string", "object"]}, "Unions with string"), ({"type": "string"}, None)],
)
def test_a_string_that_reads_as_another_type(schema: dict[str, object], rule: str | None) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": schema}}}}
    for family, wanted in (("seed_oss", rule), ("hermes", None), ("deepseek_v4", None)):
        question = dataclasses.replace(_question(family, {"a": '{"b": 1}'}), tools=[tool])
        assert ambiguous.rule_of(question) == wanted


def test_a_run_goes_on_where_one_ended(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asker = running.Asker("core", "ours", in_core.ask)
    running.run([asker], ["hermes"])
    assert capsys.readouterr().out.count("2 of 2 exact") == len(questions.SOURCES)
    running.run([asker], ["hermes", "seed_oss"])
    said = capsys.readouterr().out
    assert "hermes" not in said
    assert "seed_oss" in said
    results = running.results()
    assert {(each.family, each.source, each.way) for each in results} == {
        (family, source, way)
        for family in ("hermes", "seed_oss")
        for source in questions.SOURCES
        for way in running.WAYS
    }


def test_what_a_parser_raises_is_an_outcome(cache: Path) -> None:
    def ask(question: questions.Question, way: str) -> outcome.Answer:
        raise KeyError(way)

    asker = running.Asker("core", "ours", ask)
    (question,) = questions.questions("hermes", "bfcl", None)
    said = running.result(asker, question, "whole")
    assert (said.outcome, said.why) == ("raised", "KeyError: 'whole' (test_real.py)")
