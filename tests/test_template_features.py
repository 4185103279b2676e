"""What a model's own template can do beside turns and tools: it works in ours, or is refused with a sentence.

Which arguments and keys of messages there are is read off the official texts (`official`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2
import pytest
import templates
from dynamo_parsers.chat_templates import chat_template
from dynamo_parsers.render import environment
from dynamo_parsers.template_words import Own, learn
from dynamo_parsers.template_words.chats import (
    ASK,
    BOTH,
    BRIEF,
    LOOK,
    MORE,
    PLAN,
    RAIN,
    SAID,
    Conversation,
    system,
    user,
)
from dynamo_parsers.template_words.chats import said as answered
from dynamo_parsers.template_words.ways import native_ids
from effort import NIGHTLY, some
from jinja2 import meta, nodes
from official import OFFICIAL, TRL, Official, Unreachable
from templates import TOOLS, Subject, TemplateRefuses, by_minijinja, by_transformers

JINJA = [each for each in OFFICIAL if each.file]
BY_DAY = some([each for each in JINJA if each.source is TRL], 4)
OURS = {subject.name: subject for subject in templates.OURS}
SYSTEM = {"role": "system", "content": "Be brief."}
USER = {"role": "user", "content": "Weather?"}
renderers = pytest.mark.parametrize("render", [by_transformers, by_minijinja])


# --- what there is


@cache
def parsed(text: str) -> jinja2.nodes.Template:
    return environment().parse(text)


def arguments(text: str) -> set[str]:
    """What a template takes beside messages and tools: names that it reads, and does not make itself."""
    tree = parsed(text)
    made = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    defaulted = {
        each.target.name
        for each in tree.find_all(nodes.Assign)
        if isinstance(each.target, nodes.Name)
        and any(n.name == each.target.name for n in each.node.find_all(nodes.Name))
    }
    read = meta.find_undeclared_variables(tree)
    return (read - made) | (read & defaulted)


def keys(text: str, of: tuple[str, ...] = ()) -> set[str]:
    """What a template reads of the variables called so; of anything."""
    found = set()
    for node in parsed(text).find_all((nodes.Getattr, nodes.Getitem)):
        if of and not (isinstance(node.node, nodes.Name) and node.node.name in of):
            continue
        if isinstance(node, nodes.Getattr):
            found.add(node.attr)
        elif isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            found.add(node.arg.value)
    return found


MESSAGE = ("message", "m", "system_message")
# Methods; a clock (`date_string` gives the date), a token that ours have in their text, Jamba's markers, and names of
# their own that are read before they are made.
KNOWN = {"get", "items", "eos_token", "strftime_now", "bom_str", "eom_str", "c", "tool_definition"}


@pytest.mark.parametrize("official", JINJA if NIGHTLY else BY_DAY, ids=lambda each: each.model)
def test_nothing_is_lost(official: Official) -> None:
    """Ours reads every argument and key of a message that the model's own template reads: it writes or refuses it."""
    try:
        theirs = official.text
    except Unreachable as error:
        pytest.skip(str(error))
    ours = chat_template(official.template).text
    known = KNOWN | set(environment().globals)
    assert arguments(theirs) - arguments(ours) - known - keys(theirs, MESSAGE) == set()
    written = {const.value for const in parsed(ours).find_all(nodes.Const) if isinstance(const.value, str)}
    assert keys(theirs, MESSAGE) - keys(ours) - written - known == set()


# --- what is refused

REFUSED: list[tuple[str, dict[str, object], dict[str, object], str]] = [
    *(
        ("jamba", {name: [{"text": "a"}]}, {}, name)
        for name in ("documents", "knobs", "generation_preamble", "role_to_predict")
    ),
    ("jamba", {}, {"citations": ["a"]}, "citations"),
    *(
        (name, {"response_format": {"type": "object"}}, {}, "response_format")
        for name in ("deepseek_v3_2", "deepseek_v4")
    ),
    *(("deepseek_v4", {}, {key: "action"}, key) for key in ("tools", "response_format", "task", "wo_eos")),
    ("gemma4_tool", {}, {"tool_responses": [{}]}, "tool_responses"),
    ("deepseek_v3_2", {}, {"tools": TOOLS}, "tools"),
    ("phi4_mini", {}, {"tools": "[]"}, "tools"),
    ("llama3_json", {"builtin_tools": ["brave_search"]}, {}, "builtin_tools"),
    ("llama3_json", {"tools_in_user_message": True}, {}, "tools_in_user_message"),
    ("llama4_pythonic", {"tools_in_user_message": True}, {}, "tools_in_user_message"),
]


@renderers
@pytest.mark.parametrize(("name", "kwargs", "more", "said"), REFUSED)
def test_what_is_not_written_is_refused(
    name: str, kwargs: Mapping[str, object], more: Mapping[str, object], said: str, render: Any
) -> None:
    subject = OURS[name]
    with pytest.raises(TemplateRefuses, match=f'The (argument|key) "{said}".* is not read: '):
        subject.prompt([{**USER, **more}], TOOLS, kwargs, render=render)
    assert subject.prompt([USER], TOOLS, dict.fromkeys(kwargs), render=render) == subject.prompt([USER], TOOLS)


# --- what works


def prompt(subject: Subject, *messages: Mapping[str, object], render: Any, **kwargs: object) -> str:
    return subject.prompt(messages, None, kwargs, render=render)


def parts(*made: Mapping[str, object]) -> list[Mapping[str, object]]:
    return list(made)


TEXT = {"type": "text", "text": "Look."}


@renderers
def test_thinking_parts_of_mistral(render: Any) -> None:
    """Magistral's own system prompt has one; an older client sends its text in parts."""
    for thinking in ("Draft.", [{"type": "text", "text": "Draft."}]):
        system = {"role": "system", "content": parts(TEXT, {"type": "thinking", "thinking": thinking}, TEXT)}
        assert "Look.\n[THINK]Draft.[/THINK]Look." in prompt(OURS["mistral"], system, USER, render=render)
    with pytest.raises(TemplateRefuses, match='a part of type "thinking"'):
        prompt(OURS["hermes"], {"role": "user", "content": parts({"type": "thinking", "thinking": "x"})}, render=render)


@renderers
def test_media_are_numbered_for_qwen(render: Any) -> None:
    image, video = {"type": "image_url", "image_url": {"url": "a"}}, {"type": "video"}
    chat = [{"role": "user", "content": parts(image, TEXT)}, {"role": "user", "content": parts(image, video)}]
    for name in ("hermes", "qwen3_coder"):
        text = prompt(OURS[name], *chat, render=render, add_vision_id=True)
        assert [text.count(each) for each in ("Picture 1: <", "Picture 2: <", "Video 1: <", ": <")] == [1, 1, 1, 3]
        assert ": <" not in prompt(OURS[name], *chat, render=render)


@renderers
def test_video_of_kimi(render: Any) -> None:
    text = prompt(OURS["kimi_k25"], {"role": "user", "content": parts({"type": "video_url"}, TEXT)}, render=render)
    assert "<|kimi_k25_video_placeholder|>Look." in text


@renderers
def test_tools_of_kimi_in_typescript(render: Any) -> None:
    """As K2.5's tokenizer passes them with the tools."""
    written = "# Tools\n\n## functions\nnamespace functions {}\n"
    text = OURS["kimi_k25"].prompt([USER], TOOLS, {"tools_ts_str": written}, render=render)
    assert text.startswith(f"<|im_system|>tool_declare<|im_middle|>{written}<|im_end|>")
    assert "get_weather" not in text


@renderers
def test_names_of_messages(render: Any) -> None:
    call = templates.call("get_weather", {"city": "x"})
    chat = [{**USER, "name": "ada"}, templates.assistant(None, [call]), templates.result("sunny", name="weather")]
    kimi = prompt(OURS["kimi_k2"], *chat, render=render)
    assert "<|im_user|>ada<|im_middle|>Weather?" in kimi
    assert "<|im_system|>weather<|im_middle|>## Return of" in kimi
    for tools in ([], TOOLS):
        named = OURS["kimi_k25"].prompt([{**SYSTEM, "name": "sam"}, USER], tools, render=render)
        assert "<|im_system|>sam<|im_middle|>Be brief.<|im_end|><|im_user|>" in named
    jamba = prompt(OURS["jamba"], *chat, render=render)
    assert "<|user|> (ada)Weather?" in jamba
    assert "<|tool|> (weather)sunny" in jamba


@renderers
def test_arguments_of_families(render: Any) -> None:
    minimax = OURS["minimax_m2"]
    assert "]~b]system\nYou are M.[e~[" in prompt(minimax, USER, render=render, model_identity="You are M.")
    dated = {**SYSTEM, "current_date": "1 May", "current_location": "Oslo"}
    assert "Be brief.\nCurrent date: 1 May\nCurrent location: Oslo[e~[" in prompt(minimax, dated, USER, render=render)
    assert "You are M." not in prompt(minimax, SYSTEM, USER, render=render, model_identity="You are M.")
    nemotron = OURS["nemotron_nano"]
    chat = [USER, {"role": "assistant", "content": "Sun."}, USER]
    for argument, said in (("low_effort", "low"), ("medium_effort", "efficient")):
        text = prompt(nemotron, *chat, render=render, **{argument: True})
        assert text.count("{reasoning effort: " + said + "}<|im_end|>\n<|im_start|>assistant") == 1
        assert text.count("{reasoning effort") == 1
    llama = OURS["llama3_json"]
    assert llama.prompt([USER], None, {"custom_tools": TOOLS}, render=render) == llama.prompt([USER], TOOLS)


@renderers
def test_efforts_of_deepseek_v4(render: Any) -> None:
    """High unless a request says otherwise, as DeepSeek's own encoder; less says nothing; none does not think."""
    said = {
        each: prompt(OURS["deepseek_v4"], USER, render=render, reasoning_effort=each)
        for each in (None, "high", "max", "low", "medium", "none")
    }
    assert said[None] == said["high"]
    assert "Absolute maximum" in said["high"]
    assert "Beyond maximum" in said["max"]
    assert said["low"] == said["medium"] == templates.BOS + "<｜User｜>Weather?<｜Assistant｜><think>"
    assert said["none"].endswith("<｜Assistant｜></think>")
    assert "maximum" not in said["none"]


@renderers
def test_parts_of_deepseek_v4(render: Any) -> None:
    image = {"type": "image_url"}
    chat = [{"role": "user", "content": parts(image, TEXT, TEXT, image)}]
    text = prompt(OURS["deepseek_v4"], *chat, render=render)
    assert "<｜User｜><｜deepseek_image｜>\n\nLook.\n\nLook.\n\n<｜deepseek_image｜><｜Assistant｜>" in text


@pytest.mark.parametrize("subject", templates.OURS, ids=lambda each: each.name)
def test_a_prefix_is_to_be_continued(subject: Subject) -> None:
    """DeepSeek's and Mistral's key of the last message."""
    said = {"role": "assistant", "content": "Sun"}
    asked = subject.prompt([USER, {**said, "prefix": True}], None)
    assert asked == subject.prompt([USER, said], None, {"continue_final_message": True})
    assert asked.endswith("Sun")


# --- text for text

TWICE = [{"type": "image"}, TEXT], [TEXT, {"type": "image"}, {"type": "video"}]
DRAFT = {"type": "thinking", "thinking": "Draft."}
PLANNED = [ASK, answered("A drizzle.", **PLAN), MORE]
LOOP = [ASK, answered("", LOOK), RAIN]
NAMED = [{**BRIEF, "name": "sam"}, {**ASK, "name": "ada"}, answered("", LOOK), {**RAIN, "name": "sky"}]
AS_THEIRS = (
    ("Nemotron 3 Super", Conversation("", [ASK, SAID, MORE], BOTH, {"low_effort": True})),
    ("Nemotron 3 Super", Conversation("", LOOP, BOTH, {"low_effort": True})),
    ("Nemotron 3 Nano", Conversation("", PLANNED, kwargs={"truncate_history_thinking": False})),
    ("Qwen3-VL", Conversation("", [user(TWICE[0]), SAID, user(TWICE[1])], kwargs={"add_vision_id": True})),
    ("Qwen3.5", Conversation("", [user(TWICE[0]), SAID, user(TWICE[1])], BOTH, {"add_vision_id": True})),
    ("Qwen3.6", Conversation("", PLANNED, kwargs={"preserve_thinking": True})),
    ("Llama 3.1", Conversation("", [ASK], kwargs={"custom_tools": list(BOTH)})),
    ("Llama 3.1", Conversation("", [ASK], BOTH, {"date_string": "1 May 2026"})),
    ("MiniMax M2", Conversation("", [ASK], BOTH, {"model_identity": "You are M."})),
    ("MiniMax M2", Conversation("", [{**BRIEF, "current_date": "1 May", "current_location": "Oslo"}, ASK], BOTH)),
    ("GLM-4.7-Flash", Conversation("", PLANNED, kwargs={"clear_thinking": False})),
    ("Ministral 3 Reasoning", Conversation("", [system([TEXT, DRAFT, TEXT]), ASK, answered([DRAFT, TEXT]), MORE])),
    ("Ministral 3 Reasoning", Conversation("", [BRIEF, user(TWICE[1][:2])])),
    ("Kimi K2 Instruct", native_ids(Conversation("", NAMED, BOTH))),
    ("Kimi K2-Thinking", native_ids(Conversation("", NAMED))),
    ("Jamba 1.5", Conversation("", NAMED, BOTH)),
    ("DeepSeek V4 (vLLM)", Conversation("", [ASK], BOTH, {"reasoning_effort": "max"})),
    ("DeepSeek V4 (DeepSeek)", Conversation("", [ASK], BOTH, {"reasoning_effort": "max"})),
)


@cache
def pair_of(model: str) -> tuple[Own, Own]:
    """The model's own template, and ours in its words."""
    listed = next(each for each in OFFICIAL if each.model == model)
    own = listed.own
    learned = learn(chat_template(listed.template).text, own, listed.template)
    return own, Own("ours", learned.text, own.tokens)


SMALL = {each.model for each in OFFICIAL if each.source is TRL}
"""What is fetched by day."""


@pytest.mark.costly(every=3)
@pytest.mark.parametrize(("model", "chat"), [each for each in AS_THEIRS if NIGHTLY or each[0] in SMALL])
def test_features_are_written_as_the_model_s_own_writes_them(model: str, chat: Conversation) -> None:
    try:
        own, ours = pair_of(model)
    except Unreachable as error:
        pytest.skip(str(error))
    assert ours.prompt(chat) == own.prompt(chat)
