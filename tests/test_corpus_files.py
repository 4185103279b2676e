"""The corpus's files: that they are complete, that shapes are rendered as they should be, what the loader refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import corpus
import pytest
from corpus import CorpusError, case_files, load
from corpus.loading import family_of
from corpus.pieces import pieces_of
from corpus.templates import Family, Unwritable, compact
from corpus.traits import WORDS, traits_of
from dynamo_parsers import parse, reasoning_parser_names, tool_parser_names
from dynamo_parsers.registry import REASONING_ROWS, TOOL_ROWS, reasoning_row, tool_row
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.write.markup import RENDERERS, Call, renderer_of

FILES = pytest.mark.parametrize("path", case_files(), ids=lambda path: path.name)
FEWEST = {False: 40, True: 15}
"""Cases of a tool format, and of a reasoning format."""


@FILES
def test_file(path: Path) -> None:
    file = load(path)
    if complaints := file.complaints():
        pytest.fail("\n".join([f"tests/cases/{path.name}:", *complaints]), pytrace=False)
    assert len(file.cases) >= FEWEST[path.name.endswith(".reasoning.md")]


def test_every_parser_has_a_file() -> None:
    files = {path.name for path in corpus.CASES.glob("*.md")}
    missing = [f"{row.name}.md" for row in TOOL_ROWS if files.isdisjoint(f"{name}.md" for name in row.names)]
    missing += [
        f"{row.name}.reasoning.md"
        for row in REASONING_ROWS
        if files.isdisjoint(f"{name}.reasoning.md" for name in row.names)
    ]
    assert missing == []


def test_every_shape_is_for_several_parsers() -> None:
    """What is one parser's own belongs into its file."""
    users: dict[tuple[str, int], set[str]] = {}
    for path in corpus.CASES.glob("*.md"):
        for case in load(path).cases:
            users.setdefault((case.source, case.line), set()).add(case.file)
    shapes = {place: files for place, files in users.items() if place[0].startswith("tests/shapes/")}
    assert len(shapes) > 400
    assert [place for place, files in shapes.items() if len(files) < 2] == []


@pytest.mark.parametrize("name", tool_parser_names())
def test_sample_is_a_case(name: str) -> None:
    """The sample in a format's docstring is a reply of its parser, under each of its names one call."""
    row = tool_row(name)
    path = next(path for each in row.names if (path := corpus.CASES / f"{each}.md").exists())
    assert any(case.reply == row.sample for case in load(path).cases)
    message = parse(row.sample, tool_parser=name, tools=list(corpus.declared_tools().values()))
    assert [(call.name, json.loads(call.arguments), call.complete) for call in message.tool_calls] == [
        ("get_weather", {"city": "Paris"}, True)
    ]


@pytest.mark.parametrize("name", reasoning_parser_names())
def test_reasoning_under_every_name(name: str) -> None:
    row = reasoning_row(name)
    plan = row.frame.reasoning_sample if row.frame is not None else f"{row.open}plan{row.close}"
    message = parse(plan, reasoning_parser=name, in_reasoning=False)
    assert (message.reasoning, message.content) == (("plan", None) if row.splits else (None, plan))


# --- shapes

PARTS = pytest.mark.parametrize("name", [row.name for row in TOOL_ROWS if pieces_of(row.name) is not None])


@PARTS
def test_the_parts_make_the_call(name: str) -> None:
    """What was taken apart is again what the renderer writes."""
    values: dict[str, object] = {"city": "Paris", "days": 3}
    whole = RENDERERS[name].calls([Call.of("get_weather", values)])
    body = json.dumps(values) if Family(name, None).json_bodies else "{arg city}Paris{/arg}{arg days=3}"
    assert Family(name, None).write(f"{{calls}}{{call get_weather}}{body}{{/call}}{{/calls}}").text == whole


@PARTS
def test_the_markers_are_in_the_parts(name: str) -> None:
    family = Family(name, None)
    markers = [family.write(f"{{mark {part}}}").text for part in ("calls", "call", "/call", "/calls")]
    whole = family.write("{call ping {}}").text
    assert all(marker in whole for marker in markers)
    assert any(markers)


def test_a_reply_in_three_markups() -> None:
    shape = 'I look. {call ping {}}{call get_weather {"city": "Pa{mark /calls}ris"}}{end}'
    assert Family("seed_oss", None).write(shape).text == (
        "I look. <seed:tool_call>\n<function=ping>\n</function>\n</seed:tool_call>\n"
        "<seed:tool_call>\n<function=get_weather>\n<parameter=city>Pa</seed:tool_call>ris</parameter>\n</function>\n"
        "</seed:tool_call><seed:eos>"
    )
    assert Family("kimi_k2", None).write(shape).text == (
        "I look. <|tool_calls_section_begin|>"
        "<|tool_call_begin|>functions.ping:0<|tool_call_argument_begin|>{}<|tool_call_end|>"
        "<|tool_call_begin|>functions.get_weather:1<|tool_call_argument_begin|>"
        '{"city": "Pa<|tool_calls_section_end|>ris"}'
        "<|tool_call_end|><|tool_calls_section_end|><|im_end|>"
    )
    assert Family("hermes", None).write(shape).text == (
        'I look. <tool_call>\n{"name": "ping", "arguments": {}}\n</tool_call>\n'
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Pa</tool_call>ris"}}\n</tool_call><|im_end|>'
    )


def test_parts_with_and_without_the_space_of_the_template() -> None:
    shape = "{calls}{call ping}{arg a}b{/arg}{/call}{/calls}"
    assert Family("qwen3_coder", None).write(shape).text == (
        "<tool_call>\n<function=ping>\n<parameter=a>\nb\n</parameter>\n</function>\n</tool_call>"
    )
    assert Family("qwen3_coder", None, tight=True).write(shape).text == (
        "<tool_call><function=ping><parameter=a>b</parameter></function></tool_call>"
    )
    assert Family("qwen3_coder", None).write("{mark /arg}{cut call pi}{cut /calls}").text == (
        "</parameter><function=pi</tool_call"
    )


@pytest.mark.parametrize(
    ("tool", "shape", "wrong"),
    [
        ("hermes", "{cal ping}", "is no placeholder"),
        ("hermes", '{call ping {"a": }}', "Expecting value"),
        ("hermes", "{call ping", "not closed"),
        ("hermes", "{arg city}", "JSON text"),
        ("gemma4", "{calls}", "does not come apart"),
        ("hermes", "{end 9}", "fewer turn ends"),
        (None, "{call ping {}}", "no calls"),
        ("hermes", "{think}", "no reasoning"),
    ],
)
def test_a_family_refuses(tool: str | None, shape: str, wrong: str) -> None:
    with pytest.raises(Unwritable, match=wrong):
        Family(tool, None).write(shape)


def test_braces_before_anything_else_are_braces() -> None:
    text = '{"a": {b: 1}} {} { call } {Call} f"{x}"'.replace("{x}", "{X}")
    assert Family("hermes", None).write(text).text == text


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ('{"a b": [1, 2], "c":  "x, y"}', '{"a b":[1,2],"c":"x, y"}'),
        ('{"city": "Pa  ri', '{"city":"Pa  ri'),
        (r'{"a": "\" , "}', r'{"a":"\" , "}'),
    ],
)
def test_compact(text: str, short: str) -> None:
    assert compact(text) == short


def test_every_word_of_for_holds_for_some_parser_only() -> None:
    families = [(family_of(path), "reasoning" if ".reasoning" in path.name else "tools") for path in case_files()]
    traits = [traits_of(family, kind) for family, kind in families]
    assert {word for each in traits for word in each} == set(WORDS)
    assert [word for word in WORDS if all(word in each for each in traits)] == []


# --- the loader

HEAD = '# hermes\n\ndefaults: {"tool_parser": "hermes"}\n'
CASE = '### one\n    Hi\n    => content "Hi"\n\n'


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (HEAD + "## Whatever\n" + CASE, "is no group"),
        (HEAD + "## Fit\n## Fit\n", "stands twice"),
        (HEAD + "## Fit\n" + CASE + CASE, "stands twice"),
        (HEAD + CASE, "before the first group"),
        ("# hermes\n## Fit\n" + CASE, "lacks the line `defaults:`"),
        (HEAD + "## Fit\n### one\n    Hi\n", "lacks its reply or its events"),
        (HEAD + '## Fit\n### one\n    => content "Hi"\n', "lacks its reply or its events"),
        (HEAD + "## Fit\n" + CASE.replace("    =>", "=>"), "indent"),
        (HEAD + "## Fit\n" + CASE + "    more\n", "after the events"),
        (HEAD + "## Fit\n" + CASE.replace("content", "contents"), "is no event"),
        (HEAD + "## Fit\n" + CASE.replace('"Hi"', "Hi"), "Expecting value"),
        (HEAD.replace("tool_parser", "tools_parser") + "## Fit\n" + CASE, "tools_parser"),
        (HEAD + "## Fit\n" + CASE.replace("    =>", "    1 =>\n    =>"), "the places in the reply"),
        (HEAD + "except: Fit/two -- why\n## Fit\n" + CASE, "no such case"),
        (HEAD + "except: Fit/two\n## Fit\n" + CASE, "gives no reason"),
        (HEAD + "todo: Fit/one\n## Fit\n" + CASE, "gives no reason"),
    ],
)
def test_loader_refuses(text: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "hermes.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=wrong):
        load(path, shapes=tmp_path)


def test_loader_names_missing_groups(tmp_path: Path) -> None:
    path = tmp_path / "hermes.md"
    text = "## Fit\n## Names\n" + CASE + "## Ids\nn/a: none\n## Framing\nn/a: JSON\n"
    path.write_text(HEAD + text, encoding="utf-8")
    complaints = load(path, shapes=tmp_path).complaints()
    for group in ("Drift", "Fit"):
        assert f"the group {group!r} needs either cases or a line `n/a: why` under `## {group}`" in complaints
    assert "the group 'Framing' needs no line `n/a: ...`: hermes has nothing that it is about" in complaints
    named = ("Names", "Ids", "Sections", "Framed replies", "Typing", "Limits")
    assert not any(group in each for each in complaints for group in named)


def written(folder: Path, **texts: str) -> Path:
    """The folder with a folder of shapes and these files; a name with two underscores is a shape's."""
    (folder / "shapes").mkdir()
    for name, text in texts.items():
        file = folder / "shapes" / f"{name[2:]}.md" if name.startswith("__") else folder / f"{name}.md"
        file.write_text(text, encoding="utf-8")
    return folder


SHAPE = 'for: tools\n## Drift\n### one call\n    for: json\n    {call ping {"a": 1}}\n    => call ping {"a": 1}\n'


def test_a_shape_is_taken_over_by_those_that_it_is_for(tmp_path: Path) -> None:
    seed = HEAD.replace("hermes", "seed_oss")
    folder = written(tmp_path, hermes=HEAD, seed_oss=seed, __drift=SHAPE)
    (case,) = load(folder / "hermes.md", shapes=folder / "shapes").cases
    assert case.reply == '<tool_call>\n{"name": "ping", "arguments": {"a": 1}}\n</tool_call>'
    assert case.place.endswith("drift.md:3")
    assert load(folder / "seed_oss.md", shapes=folder / "shapes").cases == ()
    folder.joinpath("shapes/drift.md").write_text(SHAPE.replace("    for: json\n", ""), encoding="utf-8")
    (case,) = load(folder / "seed_oss.md", shapes=folder / "shapes").cases
    assert str(case.records[0]) == 'call ping {"a":1}'


def test_an_exception_and_what_is_to_do_have_reasons(tmp_path: Path) -> None:
    left_out = HEAD + "except: Drift/one call -- it never writes one\n"
    folder = written(tmp_path, hermes=left_out, qwen=HEAD + "todo: Drift/one call -- not yet\n", __drift=SHAPE)
    assert load(folder / "hermes.md", shapes=folder / "shapes").cases == ()
    (case,) = load(folder / "qwen.md", shapes=folder / "shapes").cases
    assert case.todo == "not yet"


def test_a_shape_for_a_word_that_is_not_known(tmp_path: Path) -> None:
    folder = written(tmp_path, hermes=HEAD, __drift=SHAPE.replace("json", "jason"))
    with pytest.raises(CorpusError, match="'jason' is no word"):
        load(folder / "hermes.md", shapes=folder / "shapes")


def test_a_file_like_another(tmp_path: Path) -> None:
    own = '## Drift\n### one\n    Hi <tool_call>{1}\n    1 => content "Hi"\n    => content "Hi"\n'
    like = HEAD + 'like: hermes\nreplace: {"<tool_call>": "<call>"}\n'
    folder = written(tmp_path, hermes=HEAD + own, other=like)
    (case,) = load(folder / "other.md", shapes=folder / "shapes").cases
    assert (case.file, case.reply, case.starts[0].text) == ("other", "Hi <call>", "Hi <call>")
    assert case.place.endswith("hermes.md:5")


# --- renderers that are read off a sample


MORE = {
    "mistral": ("get_weather{", "get_weather[ARGS]{"),
    "xlam": ("[{", "<tool_call>[{"),
    "pythonic": ("[get", "<|python_start|>[get"),
}
"""What a template writes besides the sample, or what else is read."""


@pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)
def test_a_sample_says_how_calls_are_written(row: ToolRow) -> None:
    sample = row.sample.removeprefix("<|message_model|>").replace(*MORE.get(row.name, ("", "")))
    one = RENDERERS[row.name].calls([Call.of("get_weather", {"city": "Paris"})])
    assert one.replace("'", '"') == sample + {"xlam": "</tool_call>", "pythonic": "<|python_end|>"}.get(row.name, "")


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("hermes", '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>\n'
         '<tool_call>\n{"name": "ping", "arguments": {}}\n</tool_call>'),
        ("jamba", '<tool_calls>[\n    {"name": "f", "arguments": {"a": 1}},\n    {"name": "ping", "arguments": {}}\n]'
         "</tool_calls>"),
        ("cohere_command", '<|START_ACTION|>[\n    {"tool_call_id": "0", "tool_name": "f", "parameters": {"a": 1}},\n'
         '    {"tool_call_id": "1", "tool_name": "ping", "parameters": {}}\n]<|END_ACTION|>'),
        ("apertus", '<|tools_prefix|>[{"f": {"a": 1}}, {"ping": {}}]<|tools_suffix|>'),
        ("kimi_k2", '<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{"a": 1}'
         "<|tool_call_end|><|tool_call_begin|>functions.ping:1<|tool_call_argument_begin|>{}<|tool_call_end|>"
         "<|tool_calls_section_end|>"),
        ("glm47", "<tool_call>f<arg_key>a</arg_key><arg_value>1</arg_value></tool_call><tool_call>ping</tool_call>"),
        ("deepseek_v3_2", '<｜DSML｜function_calls>\n<｜DSML｜invoke name="f">\n'
         '<｜DSML｜parameter name="a" string="false">1</｜DSML｜parameter>\n</｜DSML｜invoke>\n'
         '<｜DSML｜invoke name="ping">\n</｜DSML｜invoke>\n'
         "</｜DSML｜function_calls>"),
        ("harmony", '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>'
         "<|start|>assistant<|channel|>commentary to=functions.ping <|constrain|>json<|message|>{}<|call|>"),
        ("gemma4", "<|tool_call>call:f{a:1}<tool_call|><|tool_call>call:ping{}<tool_call|>"),
    ],
)  # fmt: skip
def test_several_calls(name: str, calls: str) -> None:
    assert RENDERERS[name].calls([Call.of("f", {"a": 1}), Call.of("ping", {})]) == calls


def test_a_sample_that_is_not_the_call_of_its_format() -> None:
    row = tool_row("qwen3_coder")
    format = replace(row.format, sample=row.sample.replace("</parameter>", "</param>"))
    with pytest.raises(
        ValueError, match=r"dynamo_qwen3_coder cannot be written: its sample is not a call of get_weather"
    ):
        renderer_of(replace(row, format=format))
