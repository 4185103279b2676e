"""`detect`: the right parsers from what a model shows, and no answer rather than a wrong one."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from corpus import CASES, Case, case_files, load
from dynamo_parsers.chat_templates import TEMPLATES, ChatTemplate
from dynamo_parsers.demo import checkpoint
from dynamo_parsers.demo.model import DemoModel
from dynamo_parsers.detect import Model, NotConclusive, detect, detect_raw, is_any_familys, model_in, pair_for
from dynamo_parsers.registry import PREFIX, REASONING_ROWS, TOOL_ROWS, reasoning_row, tool_row
from dynamo_parsers.rows import ToolRow
from effort import some

INLINE = {"mimo"}
"""Qwen3-Coder writes such a call too, if it leaves out the line breaks: raw output does not give an answer."""
FAMILIES = [row for row in TOOL_ROWS if row.name != "default"]
rows = pytest.mark.parametrize("row", FAMILIES, ids=lambda row: row.name)


def demo(folder: Path, row: ToolRow) -> Path:
    """A demo model's folder without the file that names its parsers."""
    checkpoint.write(folder, DemoModel.of(row.name))
    (folder / "demo.json").unlink()
    for file in folder.glob("*.json*"):
        # Evidence is markup: no file may hold a parser's name for itself.
        assert f'"{row.name}"' not in file.read_text(encoding="utf-8")
    return folder


@pytest.mark.costly(every=3)
@rows
def test_a_model_folder(row: ToolRow, tmp_path: Path) -> None:
    found = detect(model_in(demo(tmp_path, row)))
    assert found.tool_parser == PREFIX + row.name
    assert found.reasoning_parser is not None
    assert reasoning_row(found.reasoning_parser) in [reasoning_row(name) for name in row.pairs]
    assert found.evidence


@pytest.mark.costly(every=3)
@rows
def test_the_folders_and_models_names_are_no_evidence(row: ToolRow, tmp_path: Path) -> None:
    other = FAMILIES[(FAMILIES.index(row) + 1) % len(FAMILIES)]
    folder = demo(tmp_path / other.name, row)
    config = json.loads((folder / "config.json").read_text())
    config["_name_or_path"] = other.models
    (folder / "config.json").write_text(json.dumps(config))
    assert detect(model_in(folder)).tool_parser == PREFIX + row.name


@pytest.mark.costly(every=3)
@rows
def test_a_tokenizer(row: ToolRow, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(demo(tmp_path, row)))
    tool, reasoning, why = pair_for(tokenizer)
    assert tool is row
    assert reasoning is not None
    assert f"{PREFIX}{row.name} with {PREFIX}{reasoning.name}" in why
    assert "\n" not in why


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_a_template_that_writes_calls(template: ChatTemplate) -> None:
    row = tool_row(template.tool_parser)
    tokens = frozenset({"<unk>", *row.special_tokens})
    found = detect(Model(template=template.text, tokens=tokens, tokens_known=True))
    assert found.template_writes_calls
    assert found.tool_parser == PREFIX + row.name
    if found.reasoning_parser is not None:
        assert reasoning_row(found.reasoning_parser) is reasoning_row(template.reasoning_parser)


def test_tokens_that_two_families_share_are_no_answer() -> None:
    found = detect(Model(tokens=frozenset({"<tool_call>", "</tool_call>", "<think>", "</think>"}), tokens_known=True))
    assert found.tool_parser is None
    assert "as well as each other" in found.reason
    assert {each.tool_parser for each in found.candidates} == {"dynamo_hermes", "dynamo_mimo", "dynamo_qwen3_coder"}


def test_the_config_decides_where_tokens_do_not() -> None:
    tokens = frozenset(tool_row("deepseek_v3").special_tokens) | {"｜DSML｜"}
    without = Model(tokens=tokens, tokens_known=True)
    assert detect(without).tool_parser is None
    found = detect(Model(tokens=tokens, tokens_known=True, kind="deepseek_v32"))
    assert found.tool_parser in (None, "dynamo_deepseek_v3_2")


def test_markup_that_nobody_knows_is_no_answer() -> None:
    template = (
        "{%- for m in messages -%}<|{{ m.role }}|>{{ m.content }}"
        "{%- for c in m.tool_calls or [] -%}<tool_call>@{{ c.function.name }}!{{ c.function.arguments }}</tool_call>"
        "{%- endfor -%}{%- endfor -%}"
    )
    found = detect(Model(template=template, tokens=frozenset({"<tool_call>", "</tool_call>"}), tokens_known=True))
    assert found.tool_parser is None


CALL_IN_JSON = '{"name": "{{ c.function.name }}", "parameters": {{ c.function.arguments | tojson }}}'
WRITES_JSON = (
    "{%- for m in messages -%}{{ m.content or '' }}"
    "{%- for c in m.tool_calls or [] -%}CALL{%- endfor -%}{{ eos_token }}{%- endfor -%}"
)


def test_json_without_a_marker_is_not_of_a_family_that_writes_python() -> None:
    bare = Model(template=WRITES_JSON.replace("CALL", CALL_IN_JSON))
    assert detect(bare).tool_parser is None
    with_token = Model(template=bare.template, tokens=frozenset({"<|python_tag|>"}), tokens_known=True)
    assert detect(with_token).tool_parser == "dynamo_llama3_json"
    python = "[{{ c.function.name }}(city='Paris', days=3)]"
    assert detect(Model(template=WRITES_JSON.replace("CALL", python))).tool_parser == "dynamo_pythonic"


def test_a_template_that_writes_calls_beside_null_content_only() -> None:
    call = (
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>{{ c.function.name }}\n```json\n"
        "{{ c.function.arguments }}\n```<｜tool▁call▁end｜>"
    )
    template = (
        "{%- for m in messages -%}{%- if m.content is none -%}"
        f"{{%- for c in m.tool_calls -%}}{call}{{%- endfor -%}}"
        "{%- else -%}{{ m.content }}{%- endif -%}{%- endfor -%}"
    )
    assert detect(Model(template=template)).tool_parser == "dynamo_deepseek_v3"


def test_the_models_own_end_is_not_content_beside_a_call() -> None:
    call = "<tool_call>{{ c.function | tojson }}</tool_call>"
    own = Model(template=WRITES_JSON.replace("CALL", call), named_tokens={"eos_token": "<|over|>"})
    assert detect(own).tool_parser == "dynamo_hermes"


def test_a_template_with_nothing_of_it() -> None:
    found = detect(Model(template="{{ messages[0].content }}"))
    assert (found.tool_parser, found.template_writes_calls) == (None, None)
    assert "does not write calls" in found.reason


@pytest.mark.parametrize(
    "template", ["{% if %}", "{{ raise_exception('no') }}", "{{ ''.__class__.__mro__ }}{{ x.y.z }}"]
)
def test_a_broken_template_is_told(template: str) -> None:
    assert detect(Model(template=template)).tool_parser is None
    assert "does not render" in detect(Model(template=template)).reason


def test_a_model_that_has_no_reasoning() -> None:
    row = tool_row("mistral")
    found = detect(Model(tokens=frozenset(row.special_tokens), tokens_known=True))
    assert (found.tool_parser, found.reasoning_parser) == ("dynamo_mistral", None)


@pytest.mark.parametrize(
    ("around", "reasoning"),
    [(("", ""), "dynamo_qwen3"), (("<response>\\n", "\\n</response>"), "dynamo_ernie45")],
    ids=["nothing", "tags"],
)
def test_what_stands_around_answers_tells_the_reasoning(around: tuple[str, str], reasoning: str) -> None:
    """Families that write the same calls and the same thoughts."""
    call = '{"name": "\' ~ c.function.name ~ \'", "arguments": \' ~ c.function.arguments|tojson ~ \'}'
    template = (
        "{%- for m in messages -%}{{ '<|im_start|>' ~ m.role ~ '\\n' }}"
        f"{{{{ '{around[0]}' ~ m.content ~ '{around[1]}' if m.role == 'assistant' and m.content else m.content }}}}"
        f"{{%- for c in m.tool_calls or [] -%}}{{{{ '<tool_call>\\n{call}\\n</tool_call>' }}}}{{%- endfor -%}}"
        "{{ '<|im_end|>\\n' }}{%- endfor -%}{{ '<|im_start|>assistant\\n<think>\\n' if add_generation_prompt }}"
    )
    tokens = frozenset({"<tool_call>", "</tool_call>", "<think>", "</think>"})
    found = detect(Model(template=template, tokens=tokens, tokens_known=True))
    assert (found.tool_parser, found.reasoning_parser) == ("dynamo_hermes", reasoning)


def test_the_template_that_is_missing_is_named() -> None:
    row = tool_row("kimi_k2")
    found = detect(Model(tokens=frozenset({*row.special_tokens, "<think>"}), tokens_known=True))
    assert found.tool_parser == "dynamo_kimi_k2"
    assert found.chat_template in [template.name for template in TEMPLATES]


def test_a_tokenizer_that_shows_nothing_is_refused() -> None:
    tokenizer = SimpleNamespace(get_vocab=lambda: {"a": 0}, chat_template=None)
    with pytest.raises(NotConclusive, match="no parser can be chosen"):
        pair_for(tokenizer)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="in it"):
        model_in(tmp_path)
    with pytest.raises(OSError, match="no such folder"):
        model_in(tmp_path / "missing")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="not JSON"):
        model_in(tmp_path)


# --- raw output


@rows
def test_the_registrys_samples(row: ToolRow) -> None:
    found = detect_raw(row.sample)
    assert found.tool_parser == (None if is_any_familys(row) or row.name in INLINE else PREFIX + row.name)
    assert PREFIX + row.name in {each.tool_parser for each in found.candidates}


# Replies that a family's corpus holds because the model fell into another family's markup.
FOREIGN = {
    ("olmo3", "a list at the start of a line is one of calls"): "pythonic",
    ("pythonic", "the lines between Olmo's tags"): "olmo3",
    ("granite", "a closer that the template does not have"): "hermes",
    ("deepseek_v3", "a missing type, its separator behind the name: V3.1's markup"): "deepseek_v3_1",
    ("deepseek_v3", "a missing name"): "deepseek_v3_1",
    ("deepseek_v3_1", "V3's markup"): "deepseek_v3",
    ("deepseek_v3_1", "a tool that is called as the type in V3's markup"): "deepseek_v3",
    ("mimo", "JSON in the wrapper that is not a call is text"): "hermes",
    ("glm47", "another family's JSON in the tags is a call"): "hermes",
    ("glm47", "another family's tags in the call are a call"): "qwen3_coder",
}


SIBLINGS = {"hermes", "qwen3_coder", "glm47"}
"""The families that share the wrapper `<tool_call>`."""


@pytest.mark.costly
@pytest.mark.parametrize("path", case_files(), ids=lambda path: path.stem)
@pytest.mark.slow
def test_no_answer_rather_than_a_wrong_one(path: Path) -> None:
    for case in some(load(path).cases, 6):
        if case.request.tool_parser is not None:
            for tools in (None, case.tools):
                found = detect_raw(case.reply, tools).tool_parser
                assert found is None or found.removeprefix(PREFIX) in allowed(case), (str(case), found)


def allowed(case: Case) -> set[str]:
    name = tool_row(case.request.tool_parser or "").name
    names = {name, FOREIGN.get((name, case.title), name)}
    row = tool_row(name)
    if is_any_familys(row):  # its markers are all other families'
        names |= {each.name for each in FAMILIES if each.call_openers & row.call_openers}
    if row.kin:
        names.add(row.kin)  # its markers are that one's
    if name == "default":
        names |= {"nemotron_deci", "llama3_json"}  # it reads both markups
    if name == "hy_v4" and not case.reply.startswith("<tool_calls"):
        names |= {"glm47"}  # without its section it is GLM's markup
    if case.group == "Drift" and name in SIBLINGS and "<tool_call>" in case.reply:
        names |= SIBLINGS  # each reads the others' bodies
    if case.group == "Drift" and name.startswith("deepseek_v") and "｜DSML｜" in case.reply:
        names |= {"deepseek_v3_2", "deepseek_v4", "deepseek_v41"}  # each reads the others' spelling
    return names


def test_every_family_is_found_somewhere() -> None:
    of_families = {row.name for row in FAMILIES if (CASES / f"{row.name}.md").is_file() and not is_any_familys(row)}
    assert len(of_families) > 20
    found = {
        detect_raw(case.reply, case.tools).tool_parser
        for path in case_files()
        for case in load(path).cases
        if case.group == "Order and completeness" and case.request.tool_parser is not None
    }
    assert {PREFIX + name for name in of_families - INLINE} <= found


@pytest.mark.parametrize("text", ["", "Hello.", "<think>plan</think>Hello.", "Use <tool_call> tags.", '{"a": 1}', "[]"])
def test_prose_is_no_answer(text: str) -> None:
    assert detect_raw(text).tool_parser is None


def test_reasoning_in_raw_output() -> None:
    call = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>'
    assert detect_raw(f"<think>plan</think>{call}").reasoning_parser == "dynamo_qwen3"
    assert detect_raw(call).reasoning_parser is None
    assert all(row.think.opens for row in REASONING_ROWS)
