"""SGLang finds out by itself what our chat templates can read, and rewrites content for them."""

from __future__ import annotations

import pytest
from dynamo_parsers.chat_templates import TEMPLATES, ChatTemplate, chat_template
from dynamo_parsers.template_words import Own, learn, prove
from dynamo_parsers.template_words.chats import CONVERSATIONS, Conversation
from dynamo_parsers.template_words.encoders import encoders_for
from effort import NIGHTLY, some
from official import OFFICIAL, TRL, Official, Unreachable

pytest.importorskip("sglang")

from sglang.srt.parser import jinja_template_utils


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_content_format(template: ChatTemplate) -> None:
    """Parts are handed over as parts; reasoning of the history is read; media follow the order of the calls."""
    assert jinja_template_utils.detect_jinja_template_content_format(template.text) == "openai"
    for name in ("jinja_template_reads_reasoning_content", "jinja_template_may_reorder_tool_results"):
        if hasattr(jinja_template_utils, name):
            assert getattr(jinja_template_utils, name)(template.text)


IN_JINJA = [each for each in OFFICIAL if each.file]
BY_DAY = some([each for each in IN_JINJA if each.source is TRL], 4)
TEXT, IMAGE = {"type": "text", "text": "Look."}, {"type": "image_url", "image_url": {"url": "data:a"}}
IN_PARTS = [
    *(each for each in CONVERSATIONS if each.name in ("parts", "two parts", "a result in parts", "null beside a call")),
    Conversation("an image behind a text", [{"role": "user", "content": [TEXT, IMAGE]}]),
    Conversation("texts and images", [{"role": "user", "content": [TEXT, IMAGE, TEXT, IMAGE]}]),
]
OF_TEXT = {(f"Kimi K2{name}", chat.name) for name in (" Instruct", "-Thinking") for chat in IN_PARTS[-2:]}
"""Models that read text alone, whose templates have a place for an image between tokens that they do not have."""


@pytest.mark.parametrize("official", IN_JINJA if NIGHTLY else BY_DAY, ids=lambda each: each.model)
def test_what_sglang_hands_over_gives_the_same_text(official: Official) -> None:
    """SGLang finds the format of the model's own template in ours, and what it hands to both is the same text."""
    try:
        own = official.own
    except Unreachable as error:
        pytest.skip(str(error))
    ours = Own("ours", learn(chat_template(official.template).text, own, official.template).text, own.tokens)
    assert format_of(ours) == format_of(own)
    chats = [handed_over(chat, own) for chat in IN_PARTS if (official.model, chat.name) not in OF_TEXT]
    assert prove(ours.text, own, chats).unexplained == []


def format_of(own: Own) -> str:
    return str(jinja_template_utils.detect_jinja_template_content_format(own.text))


def handed_over(chat: Conversation, own: Own) -> Conversation:
    """As SGLang rewrites the messages for a template."""
    handed = [
        jinja_template_utils.process_content_for_template_format(dict(message), format_of(own), [], [], [], [])
        for message in chat.messages
    ]
    return chat.but(messages=handed)


@pytest.mark.parametrize(("name", "package"), [("deepseek_v3_2", "sglang"), ("deepseek_v4", "deepseek_recipe")])
def test_the_words_of_the_encoders_are_learned(name: str, package: str) -> None:
    """Tools and all: no text differs from what SGLang encodes without a reason."""
    encoder = next(each for each in encoders_for(name) if each.encoder.package == package)
    learned = learn(chat_template(name).text, Own.of(encoder, name), name)
    assert learned.proof.unexplained == []
    assert learned.proof.counted["equal"] >= 65
