"""Chat templates in a model's own words: what is learned, what is proven, and what is refused.

Official texts come from public packages, when they are asked for (`official`); by day TRL's, a few of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import templates
from dynamo_parsers.chat_templates import TEMPLATES, chat_template
from dynamo_parsers.cli.commands import app
from dynamo_parsers.render import Unrenderable
from dynamo_parsers.template_words import (
    Learned,
    NotLearned,
    Own,
    encoders,
    has_words,
    is_fallback,
    learn,
    own_template,
    prove,
)
from dynamo_parsers.template_words.block import Words, with_words, words_of
from dynamo_parsers.template_words.chats import CONVERSATIONS, LEARNED_FROM
from dynamo_parsers.template_words.handed import Seen, seen_in, shown_as
from dynamo_parsers.triage.doctor import Finding, check
from dynamo_parsers.triage.launch import read_launch
from effort import NIGHTLY, some
from official import OFFICIAL, TRL, Official, Unreachable
from templates import OURS, REQUIREMENTS, Subject
from typer.testing import CliRunner

PAGE = Path(__file__).parent.parent / "docs" / "chat-templates.md"
BY_DAY = [each for each in OFFICIAL if each.source is TRL and each.template not in ("llama3_json", "nemotron_nano")]


def learned_of(official: Official) -> Learned:
    try:
        own = official.own
    except Unreachable as error:
        pytest.skip(str(error))
    return learn(chat_template(official.template).text, own, official.template)


# --- official texts


@pytest.mark.parametrize("official", OFFICIAL if NIGHTLY else some(BY_DAY, 6), ids=lambda each: each.model)
def test_words_of_models_are_learned_and_proven(official: Official) -> None:
    """As the page says: how many conversations are equal, and that no difference is without a reason."""
    learned = learned_of(official)
    assert learned.proof.unexplained == []
    row = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if f"| {official.model} |" in line)
    cells = [each.strip() for each in row.strip("|").split("|")]
    counted = learned.proof.counted
    assert cells[3:] == [str(counted[each]) for each in ("equal", "explained", "unexplained", "refused")]
    assert not is_fallback(learned.text)
    if NIGHTLY:
        meets_the_requirements(official.template, learned.text)


def meets_the_requirements(name: str, text: str) -> None:
    """What the packaged file meets, the file with the model's words meets."""
    packaged = next(subject for subject in OURS if subject.name == name)
    keeps = words_of(text).get("preserve_default", packaged.keeps) is True
    subject = Subject(name, text, packaged.tool_parser, packaged.reasoning_parser, packaged.thinks, packaged.off, keeps)
    asked = [{"role": "user", "content": "Hi"}]
    on, off = (subject.prompt(asked, None, {"enable_thinking": each}) for each in (True, False))
    if on == off:  # a model that does not think, as DeepSeek V3
        subject = replace(subject, thinks=False)
    elif off == subject.prompt(asked):
        subject = replace(subject, off=True)
    for number, requirement in enumerate(REQUIREMENTS, 1):
        if number not in templates.exempt(packaged):
            requirement(subject)


def test_a_family_s_words_are_not_read_off_another_family() -> None:
    official = next(each for each in OFFICIAL if each.model == "Qwen3")
    with pytest.raises(NotLearned, match=r'in "a question" ours writes .* where the model\'s own template writes'):
        learned_of(Official("mistral", "Qwen3", official.source, official.file))


# --- a template of nobody, in ChatML

OWN = """
{%- set system = messages[0].content if messages[0].role == 'system' else 'Speak plainly.' -%}
{{- '<|im_start|>system\n' + system -}}
{%- if tools -%}
  {{- '\n~~ what there is:\n' -}}
  {%- for tool in tools -%}
    {{- TOOL -}}
    {{- '' if loop.last else ' & ' -}}
  {%- endfor -%}
  {{- "\n~~ say it's <tool_call>, \\\\ and be done" -}}
{%- endif -%}
{{- '<|im_end|>\n' -}}
{%- for message in messages -%}
  {%- if message.role == 'user' or (message.role == 'assistant' and not message.tool_calls) -%}
    {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' -}}
  {%- elif message.role == 'assistant' -%}
    {{- '<|im_start|>assistant\n' -}}
    {%- for call in message.tool_calls -%}
      {{- ('' if loop.first else '\n') + '<tool_call>\n{"name": "' + call.function.name + '", "arguments": ' -}}
      {{- (call.function.arguments | tojson) + '}\n</tool_call>' -}}
    {%- endfor -%}
    {{- '<|im_end|>\n' -}}
  {%- elif message.role == 'tool' -%}
    {{- '<|im_start|>user' if loop.previtem.role != 'tool' else '' -}}
    {{- '\n<tool_response>\n' + message.content + '\n</tool_response>' -}}
    {{- '<|im_end|>\n' if loop.last or loop.nextitem.role != 'tool' else '' -}}
  {%- endif -%}
{%- endfor -%}
{{- '<|im_start|>assistant\n' if add_generation_prompt else '' -}}
"""
PLAIN = OWN.replace("TOOL", "tool | tojson")


@cache
def of(text: str) -> Learned:
    return learn(chat_template("hermes").text, Own("nobody's", text), "hermes")


def test_every_word_is_the_template_s_own() -> None:
    learned = of(PLAIN)
    assert learned.proof.unexplained == []
    assert learned.words["with_neither"] == "<|im_start|>system\nSpeak plainly.<|im_end|>\n"
    assert learned.words["with_both"] == [
        "<|im_start|>system\n",
        "\n~~ what there is:\n",
        "\n~~ say it's <tool_call>, \\ and be done<|im_end|>\n",
    ]
    assert learned.words["between_tools"] == " & "


@pytest.mark.parametrize(
    ("written", "wrapped", "indent"),
    [("tool.function | tojson", False, None), ("tool | tojson(indent=4)", True, 4)],
)
def test_how_a_tool_is_written_is_learned(written: str, wrapped: bool, indent: int | None) -> None:
    learned = of(OWN.replace("TOOL", written))
    assert learned.proof.unexplained == []
    assert (learned.words["tools_wrapped"], learned.words["tools_indent"]) == (wrapped, indent)


def test_how_a_reply_starts_is_learned() -> None:
    """A model that always thinks, and one that thinks unless the request turns it off."""
    always = of(PLAIN.replace("'<|im_start|>assistant\n' if add", "'<|im_start|>assistant\n<think>\n' if add"))
    assert always.proof.unexplained == []
    assert (always.words["think_open"], always.words["thinking_default"]) == ("<think>\n", True)
    off = "('<think>\n\n</think>\n\n' if enable_thinking is defined and not enable_thinking else '')"
    told = of(PLAIN.replace("'<|im_start|>assistant\n' if add", f"'<|im_start|>assistant\n' + {off} if add"))
    assert told.proof.unexplained == []
    assert (told.words["think_open"], told.words["thinking_default"]) == ("", None)


def test_whether_earlier_thoughts_are_kept_is_learned() -> None:
    """By default as the model's own template has it; a request may say otherwise."""
    assert of(PLAIN).words["preserve_default"] is False
    thought = "'<think>\n' + message.reasoning_content + '\n</think>\n\n' if message.reasoning_content else ''"
    text = PLAIN
    for old in ("{{- '<|im_start|>' + message.role + '\n'", "{{- '<|im_start|>assistant\n'"):
        assert old in text
        text = text.replace(old, f"{old} + ({thought})", 1)
    learned = of(text)
    assert learned.words["preserve_default"] is True
    assert learned.proof.unexplained == []


def test_reasons_are_the_requirements() -> None:
    """What nobody's template does not do, by conversation."""
    rows = {row.name: row for row in of(PLAIN).proof.rows}
    reasons = {
        "text before a call": (3,),
        "results out of order": (1,),
        "a developer message": (5,),
        "a thought in a loop, not asked for": (4,),
        "thoughts of an earlier answer": (),
        "a result in parts": (6,),
        "null arguments": (7,),
        "system text in the middle": (5,),
    }
    assert {name: rows[name].requirements for name in reasons} == reasons
    assert {rows[name].verdict for name in reasons} <= {"explained", "equal"}


def test_a_difference_without_a_reason_is_none() -> None:
    learned = of(PLAIN)
    own = Own("another", PLAIN.replace("'\n</tool_response>'", "'\n</tool_response>\n'"))
    missed = {row.name for row in prove(learned.text, own).unexplained}
    assert "a call and its result" in missed
    assert "a question" not in missed


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("<|im_start|>' + message.role", "<|' + message.role", "ours writes"),
        ("tool | tojson", "tool.function.name", "cannot be learned"),
        ("Speak plainly.", "'+ strftime_now('%d') +'", "today's date"),
        ("'\n</tool_response>'", "'\n</tool_response>\n'", "still differs"),
    ],
)
def test_what_is_not_learned_is_said(old: str, new: str, sentence: str) -> None:
    assert old in PLAIN
    with pytest.raises(NotLearned, match=sentence):
        of(PLAIN.replace(old, new))


@pytest.mark.parametrize("name", ["jamba", "mistral"])
def test_calls_in_another_markup_are_said(name: str) -> None:
    """As for Llama 4, whose template on the hub writes JSON and ours writes Python."""
    with pytest.raises(NotLearned, match=r"Its calls are those that dynamo_hermes reads, and not dynamo_"):
        learn(chat_template(name).text, Own("nobody's", PLAIN), name)


def test_calls_in_the_same_markup_are_not_the_reason() -> None:
    with pytest.raises(NotLearned) as raised:
        of(PLAIN.replace("<|im_start|>' + message.role", "<|' + message.role"))
    assert "Its calls" not in str(raised.value)


def test_a_word_holds_nothing_of_the_conversation() -> None:
    """A template that says the name of the first tool in its words cannot be learned."""
    with pytest.raises(NotLearned, match="it is not clear where the word"):
        of(PLAIN.replace("'\n~~ what there is:\n'", "'\n~~ such as ' + tools[0].function.name + ':\n'"))


def test_a_learned_template_meets_the_requirements() -> None:
    meets_the_requirements("hermes", of(PLAIN).text)


# --- what engines see in a template, by which they hand content over as a text or in parts

IN_PARTS = """
{%- macro shown(content) -%}
  {%- if content is string -%}
    {{- content -}}
  {%- else -%}
    {%- for part in content -%}
      {{- part.text -}}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
"""


@pytest.mark.parametrize(
    ("written", "loop", "media"),
    [
        (PLAIN, False, False),
        (IN_PARTS + PLAIN.replace("message.content + ", "shown(message.content) + "), True, False),
        (PLAIN.replace("{%- for message", "{#- no image -#}{%- for message", 1), False, True),
    ],
    ids=["text", "parts", "a word"],
)
def test_engines_see_what_they_see_in_the_model_s_own(written: str, loop: bool, media: bool) -> None:
    assert seen_in(written) == Seen(loop, media)
    learned = of(written)
    assert learned.proof.unexplained == []
    # A loop in a macro is vLLM's to see; the words of media are what SGLang looks for.
    assert seen_in(learned.text) == Seen(loop, media)
    subject = Subject("hermes", learned.text, "hermes", "qwen3", thinks=True)
    parts = [{"type": "text", "text": "One"}, {"type": "text", "text": "two"}]
    prompt = subject.prompt([{"role": "user", "content": parts}])
    assert prompt == subject.prompt([{"role": "user", "content": "Onetwo" if loop else "One\ntwo"}])
    with pytest.raises(templates.TemplateRefuses, match="a part of type"):
        subject.prompt([{"role": "user", "content": [{"type": "audio"}]}])


@pytest.mark.costly
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.name)
def test_the_text_of_an_edition_is_the_same(template: Any) -> None:
    """However little of it engines are shown, a template reads parts, and writes the same."""
    assert seen_in(template.text) == Seen(loop=True, media=True)
    bare = shown_as(template.text, Seen(loop=False, media=False))
    assert seen_in(bare) == Seen(loop=False, media=False)
    for chat in CONVERSATIONS[::5]:
        own = Own("ours", template.text)
        try:
            wanted = own.prompt(chat)
        except Unrenderable:
            continue
        assert Own("edition", bare).prompt(chat) == wanted


# --- the block of words


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.name)
def test_packaged_words_are_marked_as_ours(template: Any) -> None:
    assert has_words(template.text)
    assert is_fallback(template.text)
    assert f"dynamo-parsers template {template.name} --model" in template.text
    says = re.findall(r"\{#- Words: (.*?) -#\}\n", template.text)
    assert with_words(template.text, words_of(template.text), *says) == template.text


def test_words_are_read_as_they_are_written() -> None:
    words: Words = {
        **words_of(chat_template("hermes").text),
        "with_neither": 'it\'s \\n "so"\n\té 東 {{ x }} {%- -%} #}',
    }
    text = with_words(chat_template("hermes").text, words, "of a test")
    assert words_of(text) == words
    subject = Subject("hermes", text, "hermes", "qwen3", thinks=True)
    for render in (templates.by_transformers, templates.by_minijinja):
        prompt = subject.prompt([{"role": "user", "content": "Hi"}], render=render)
        assert prompt.startswith(str(words["with_neither"]))


def test_conversations_are_known_by_their_names() -> None:
    names = [chat.name for chat in CONVERSATIONS]
    assert len(set(names)) == len(names) >= 60
    assert {chat.name for chat in LEARNED_FROM} < set(names)


# --- the model


def folder_with(folder: Path, files: Mapping[str, object]) -> Path:
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "files",
    [
        {"chat_template.jinja": PLAIN, "tokenizer_config.json": {"bos_token": {"content": "<s>"}}},
        {"tokenizer_config.json": {"chat_template": PLAIN, "bos_token": "<s>"}},
        {"chat_template.json": {"chat_template": PLAIN}, "tokenizer_config.json": {"bos_token": "<s>"}},
    ],
    ids=["jinja", "tokenizer_config", "json"],
)
def test_the_template_of_a_folder(tmp_path: Path, files: Mapping[str, object]) -> None:
    own = own_template(str(folder_with(tmp_path, files)))
    assert (own.text, own.tokens) == (PLAIN, {"bos_token": "<s>"})


def test_the_template_of_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--some--model" / "snapshots" / "0123456789abcdef0123456789abcdef01234567"
    snapshot.mkdir(parents=True)
    folder_with(snapshot, {"chat_template.jinja": PLAIN})
    (tmp_path / "models--some--model" / "refs").mkdir()
    (tmp_path / "models--some--model" / "refs" / "main").write_text(snapshot.name)
    assert own_template("some/model").text == PLAIN
    with pytest.raises(NotLearned, match="neither a folder nor a model in the local cache"):
        own_template("some/other")


def test_a_folder_without_a_template(tmp_path: Path) -> None:
    with pytest.raises(NotLearned, match="has no chat template"):
        own_template(str(folder_with(tmp_path, {"tokenizer_config.json": {}})))
    with pytest.raises(NotLearned, match="does not render"):
        own_template(str(folder_with(tmp_path, {"chat_template.jinja": "{{ raise_exception('no') }}"})))


# --- the command


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["template", *arguments])


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "model"
    folder.mkdir()
    return str(folder_with(folder, {"chat_template.jinja": PLAIN}))


def test_the_command_prints_the_path_of_the_file(model: str, tmp_path: Path) -> None:
    printed = run("hermes", "--model", model)
    assert (printed.exit_code, printed.stderr) == (0, "")
    path = Path(printed.stdout.strip())
    assert path.is_relative_to(tmp_path / "cache")
    assert "~~ what there is" in path.read_text(encoding="utf-8")
    assert run("hermes", "--model", model, "--print").stdout == path.read_text(encoding="utf-8")


def test_check_and_print_write_no_file(model: str, tmp_path: Path) -> None:
    assert "~~ what there is" in run("hermes", "--model", model, "--print").stdout
    checked = run("hermes", "--model", model, "--check")
    assert checked.exit_code == 0
    assert "0 without a reason" in checked.stdout
    assert re.search(r"text before a call .*differs .*3 ", checked.stdout)
    assert not (tmp_path / "cache").exists()


def test_check_ends_with_1_where_something_differs(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = PLAIN.replace("message.content + '<|im_end|>", "message.content.replace('Zürich', 'Bern') + '<|im_end|>")
    Path(model, "chat_template.jinja").write_text(own, encoding="utf-8")
    checked = run("hermes", "--model", model, "--check")
    assert checked.exit_code == 1
    assert re.search(r"beyond ASCII .*DIFFERS", checked.stdout)
    used = run("hermes", "--model", model)
    assert used.exit_code == 0
    assert "without a reason" in used.stderr


def test_json_says_it_all(model: str) -> None:
    described = json.loads(run("hermes", "--model", model, "--json").stdout)
    assert described["words"]["between_tools"] == " & "
    assert sum(described["counted"].values()) == len(described["conversations"]) == len(CONVERSATIONS)
    assert Path(described["path"]).is_file()


def test_without_a_model_it_says_whose_words_they_are() -> None:
    for each in TEMPLATES:
        assert "not the model's; --model MODEL" in run(each.name).stderr


def test_a_file_is_a_model_s_template_too(model: str) -> None:
    file = str(Path(model, "chat_template.jinja"))
    assert run("hermes", "--model", file, "--print").stdout.count("~~ what there is") == 2


def test_words_for_tools_stay_ours_where_the_model_has_none(model: str) -> None:
    """DeepSeek's and Microsoft's templates leave out the tools of a request."""
    without = PLAIN.replace("{%- if tools -%}", "{%- if false -%}")
    assert without != PLAIN
    Path(model, "chat_template.jinja").write_text(without, encoding="utf-8")
    described = json.loads(run("hermes", "--model", model, "--json").stdout)
    assert described["words"]["with_tools"] == words_of(chat_template("hermes").text)["with_tools"]
    assert "has no words for tools" in described["note"]
    assert described["words"]["with_neither"] == "<|im_start|>system\nSpeak plainly.<|im_end|>\n"
    rows = {row["conversation"]: row for row in described["conversations"]}
    assert (rows["one tool"]["verdict"], rows["one tool"]["requirements"]) == ("explained", [13])
    assert described["counted"]["unexplained"] == 0
    assert "note: " in run("hermes", "--model", model).stderr


# --- Llama-Nemotron, whose template no public package carries: one of nobody's in its turns

DECI = """
{%- set system = messages[0].content if messages[0].role == 'system' else '' -%}
{{- '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n' -}}
{{- system + '\n\n' if system else '' -}}
{%- if tools -%}
  {{- 'What there is: <AVAILABLE_TOOLS>[' -}}
  {%- for tool in tools -%}
    {{- (tool.function | tojson) + ('' if loop.last else ', ') -}}
  {%- endfor -%}
  {{- ']</AVAILABLE_TOOLS> Say <TOOLCALL>.' -}}
{%- endif -%}
{{- '<|eot_id|>' -}}
{%- for message in messages if message.role != 'system' -%}
  {%- if message.role != 'tool' or loop.previtem.role != 'tool' -%}
    {{- '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' -}}
  {%- endif -%}
  {%- if message.role == 'tool' -%}
    {{- ', ' if loop.previtem.role == 'tool' else '<TOOL_RESPONSE>[' -}}
    {{- message.content + ('' if loop.nextitem and loop.nextitem.role == 'tool' else ']</TOOL_RESPONSE><|eot_id|>') -}}
  {%- else -%}
    {{- message.content -}}
    {%- for call in message.tool_calls or [] -%}
      {{- ('<TOOLCALL>[' if loop.first else ', ') + '{"name": "' + call.function.name + '", "arguments": ' -}}
      {{- (call.function.arguments | tojson) + '}' + (']</TOOLCALL>' if loop.last else '') -}}
    {%- endfor -%}
    {{- '<|eot_id|>' -}}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}
  {{- '<think>\n\n</think>\n\n' if '/no_think' in system else '' -}}
{%- endif -%}
"""


def test_words_of_nemotron_are_learned() -> None:
    learned = learn(chat_template("nemotron_deci").text, Own("nobody's", DECI), "nemotron_deci")
    assert learned.proof.unexplained == []
    assert learned.proof.counted["equal"] >= 60
    assert learned.words["with_tools"] == ["What there is: <AVAILABLE_TOOLS>[", "]</AVAILABLE_TOOLS> Say <TOOLCALL>."]
    assert learned.words["with_system"] == ["", "\n\n"]


# --- Kimi K2.5, whose tokenizer hands the tools over as a text: one of nobody's in its turns

KIMI = """
{%- if tools -%}
  {{- '<|im_system|>tool_declare<|im_middle|>' -}}
  {{- (tools_ts_str or tools | tojson(separators=(',', ':'))) + '<|im_end|>' -}}
{%- endif -%}
{%- set last = namespace(user=-1) -%}
{%- for message in messages if message.role == 'user' -%}
  {%- set last.user = messages.index(message) -%}
{%- endfor -%}
{%- for message in messages -%}
  {%- if message.role == 'tool' -%}
    {{- '<|im_system|>tool<|im_middle|>## Return of ' + message.tool_call_id + '\n' + message.content -}}
  {%- else -%}
    {{- '<|im_' + message.role + '|>' + message.role + '<|im_middle|>' -}}
    {%- if message.role == 'assistant' -%}
      {{- '<think>' + ((message.reasoning_content or '') if loop.index0 > last.user else '') + '</think>' -}}
    {%- endif -%}
    {{- message.content -}}
    {%- for call in message.tool_calls or [] -%}
      {{- '<|tool_calls_section_begin|>' if loop.first else '' -}}
      {{- '<|tool_call_begin|>' + call.id + '<|tool_call_argument_begin|>' + (call.function.arguments | tojson) -}}
      {{- '<|tool_call_end|>' + ('<|tool_calls_section_end|>' if loop.last else '') -}}
    {%- endfor -%}
  {%- endif -%}
  {{- '<|im_end|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- '<|im_assistant|>assistant<|im_middle|>' + ('<think></think>' if thinking is false else '<think>') -}}
{%- endif -%}
"""


def test_words_of_a_tokenizer_that_writes_the_tools_are_learned() -> None:
    learned = learn(chat_template("kimi_k25").text, Own("nobody's", KIMI), "kimi_k25")
    assert learned.proof.unexplained == []
    assert learned.words["with_neither"] == ""
    assert learned.words["with_tools"] == ["<|im_system|>tool_declare<|im_middle|>", "<|im_end|>"]
    with pytest.raises(NotLearned):  # it writes them as JSON
        learn(chat_template("kimi_k2").text, Own("nobody's", KIMI), "kimi_k2")


# --- models without a template


ENCODER = """
def encode_messages(messages, thinking_mode):
    tools = [tool for message in messages for tool in message.get("tools") or ()]
    text = "<bos>" + ("~~ tools ~~" if tools else "")
    return text + "".join(str(message.get("content") or "") for message in messages)
"""


def test_an_engine_s_encoder_stands_for_a_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is loaded without its engine; nothing of the model's folder is run."""
    folder = tmp_path / "model"
    folder.mkdir()
    ran = "raise SystemExit('code of a model was run')"
    (folder / "encoding").mkdir()
    folder_with(folder, {"config.json": {"model_type": "deepseek_v32"}, "encoding/encoding_dsv32.py": ran})
    monkeypatch.setattr(encoders, "_folder", lambda _package: None)
    with pytest.raises(NotLearned, match="Code in a model's folder is not run, and vllm or sglang"):
        own_template(str(folder), "deepseek_v3_2")

    package = tmp_path / "vllm"
    (package / "tokenizers").mkdir(parents=True)
    (package / "tokenizers" / "deepseek_v32_encoding.py").write_text(ENCODER, encoding="utf-8")
    monkeypatch.setattr(encoders, "_folder", {"vllm": package}.get)
    own = own_template(str(folder), "deepseek_v3_2")
    assert "the encoder of vllm" in own.name
    chats = {chat.name: chat for chat in CONVERSATIONS}
    assert own.prompt(chats["system text, one tool"]) == "<bos>~~ tools ~~Keep it short, captain.Any rain in Oslo?"
    for name, kind in (("deepseek_v4", "deepseek_v32"), ("deepseek_v3_2", "qwen3"), ("", "deepseek_v32")):
        folder_with(folder, {"config.json": {"model_type": kind}})
        with pytest.raises(NotLearned, match=r"has no chat template in a chat_template\.jinja"):
            own_template(str(folder), name)


def test_a_failure_prints_no_path(model: str) -> None:
    refused = run("glm45", "--model", model)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "cannot be learned for glm45" in refused.stderr
    assert run("hermes", "--check").exit_code == run("--list", "--model", model).exit_code == 2


# --- doctor


LINE = "vllm serve MODEL --enable-auto-tool-choice --tool-call-parser dynamo_hermes --reasoning-parser dynamo_qwen3"


def doctored(chat_template: str) -> list[Finding]:
    launch = read_launch(f"{LINE} --chat-template {chat_template}")
    return [each for each in check(launch, {}) if each.level == "warning"]


def test_doctor_warns_of_packaged_words(model: str) -> None:
    for named in (str(chat_template("hermes").path), '"$(dynamo-parsers template hermes)"'):
        (finding,) = doctored(named)
        assert (finding.rule, "own words" in finding.text) == ("template", True)
        assert "dynamo-parsers template hermes --model MODEL" in finding.fix
    learned = run("hermes", "--model", model).stdout.strip()
    quiet = (learned, f'"$(dynamo-parsers template hermes --model {model})"')
    assert [doctored(named) for named in quiet] == [[], []]
