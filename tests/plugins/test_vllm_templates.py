"""vLLM finds out by itself what our chat templates can read; what it encodes without a template is what ours write."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import templates
from dynamo_parsers.chat_templates import TEMPLATES, ChatTemplate, chat_template
from dynamo_parsers.template_words import Own, learn
from dynamo_parsers.template_words.encoders import encoders_for

pytest.importorskip("vllm")

from vllm.renderers import hf
from vllm.tokenizers import deepseek_v4_encoding, deepseek_v32_encoding


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_content_format(template: ChatTemplate) -> None:
    """Parts are handed over as parts, and developer messages as what they are."""
    assert hf._detect_content_format(template.text, default="string") == "openai"
    if hasattr(hf, "_detect_developer_role_support"):
        assert hf._detect_developer_role_support(template.text)


@pytest.mark.parametrize("kwargs", [{"enable_thinking": True}, {"enable_thinking": False}], ids=["thinking", "chat"])
@pytest.mark.parametrize("name", ["deepseek_v3_2", "deepseek_v4"])
def test_the_deepseeks_are_what_their_encoders_write(name: str, kwargs: dict[str, object]) -> None:
    """From the first message of the user on, byte for byte; the tools are described in words of our own."""
    subject = next(subject for subject in templates.OURS if subject.name == name)
    thinks = subject.reasons(kwargs)
    encode = {"deepseek_v3_2": deepseek_v32_encoding, "deepseek_v4": deepseek_v4_encoding}[name].encode_messages
    mode = "thinking" if thinks else "chat"
    chat = templates.agent_loop(thinks)
    # Without tools V4's encoder takes results for messages of the user, and drops what was thought before them.
    for tools in (templates.TOOLS, None) if name == "deepseek_v3_2" else (templates.TOOLS,):
        for end in (at for at in range(2, len(chat) + 1) if at == len(chat) or chat[at]["role"] == "assistant"):
            # Its results come in the order of the calls, and its reasoning under one name.
            messages = [{**each, "reasoning": each.get("reasoning_content")} for each in in_order(chat[:end])]
            messages[0]["tools"] = tools
            theirs = encode(messages, thinking_mode=mode)
            ours = subject.prompt(chat[:end], tools, kwargs)
            assert from_the_user(ours) == from_the_user(theirs)


@pytest.mark.parametrize("name", ["deepseek_v3_2", "deepseek_v4"])
def test_the_words_of_the_encoders_are_learned(name: str) -> None:
    """Tools and all: no text differs from the encoder's without a reason."""
    encoder = next(each for each in encoders_for(name) if each.encoder.package == "vllm")
    learned = learn(chat_template(name).text, Own.of(encoder, name), name)
    assert learned.proof.unexplained == []
    assert learned.proof.counted["equal"] >= 70


def in_order(chat: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """The two results that the loop gives in the wrong order, in the right one."""
    return [*chat[:3], *reversed(chat[3:5]), *chat[5:]] if len(chat) >= 5 else [*chat]


def from_the_user(prompt: str) -> str:
    return prompt[prompt.index("<｜User｜>") :]
