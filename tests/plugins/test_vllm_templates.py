"""vLLM finds out by itself what our chat templates can read; what it encodes without a template is what ours write."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import templates
from dynamo_parsers.chat_templates import TEMPLATES, ChatTemplate, chat_template
from dynamo_parsers.template_words import Own, learn
from dynamo_parsers.template_words.chats import CONVERSATIONS, Conversation
from dynamo_parsers.template_words.encoders import encoders_for
from dynamo_parsers.template_words.ways import arguments_as_text, as_text
from effort import NIGHTLY, some
from official import OFFICIAL, TRL, Official, Unreachable

pytest.importorskip("vllm")

import mistral_common
from mistral_common.protocol.instruct.normalize import get_normalizer
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.tokens.tokenizers.base import SpecialTokens, TokenizerVersion
from mistral_common.tokens.tokenizers.instruct import InstructTokenizerV13
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from vllm.renderers import hf
from vllm.tokenizers import deepseek_v4_encoding, deepseek_v32_encoding


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_content_format(template: ChatTemplate) -> None:
    """Parts are handed over as parts, and developer messages as what they are."""
    assert hf._detect_content_format(template.text, default="string") == "openai"
    if hasattr(hf, "_detect_developer_role_support"):
        assert hf._detect_developer_role_support(template.text)


TRLS = [each for each in OFFICIAL if each.source is TRL]


@pytest.mark.parametrize("official", TRLS if NIGHTLY else some(TRLS, 6), ids=lambda each: each.model)
def test_what_vllm_hands_over_gives_the_same_text(official: Official) -> None:
    """vLLM finds the format of the model's own template in ours: a "string" is parts that it joins by a line break."""
    try:
        own = official.own
    except Unreachable as error:
        pytest.skip(str(error))
    learned = learn(chat_template(official.template).text, own, official.template)
    chat = next(each for each in CONVERSATIONS if each.name == "two parts")
    ours = Own("ours", learned.text, own.tokens)
    assert format_of(ours) == format_of(own)
    handed = [each.prompt(as_text(chat) if format_of(each) == "string" else chat) for each in (ours, own)]
    assert handed[0] == handed[1]


def format_of(own: Own) -> str:
    return str(hf._detect_content_format(own.text, default="string"))


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


def test_the_words_of_mistral_common_are_learned(tmp_path: Path) -> None:
    """Mistral's own package, which vLLM has, writes the prompts of v13: Magistral, Devstral, Ministral 3."""
    learned = learn(chat_template("mistral").text, Own("v13", "", encode=by_mistral_common(tmp_path)), "mistral")
    assert learned.proof.unexplained == []
    assert learned.proof.counted["equal"] >= 59


def by_mistral_common(folder: Path) -> Callable[[Conversation], str]:
    raw = json.loads((Path(mistral_common.__file__).parent / "data" / "tekken_240911.json").read_text(encoding="utf-8"))
    # The package has vocabularies of older generations alone; what they write is the same text.
    raw["config"]["version"] = "v13"
    raw["special_tokens"] = [
        {"rank": rank, "token_str": token.value, "is_control": True} for rank, token in enumerate(SpecialTokens)
    ]
    vocabulary = folder / "tekken.json"
    vocabulary.write_text(json.dumps(raw), encoding="utf-8")
    tokenizer = InstructTokenizerV13(Tekkenizer.from_file(vocabulary))
    normalizer = get_normalizer(TokenizerVersion.v13)

    def encode(chat: Conversation) -> str:
        messages = arguments_as_text(chat).messages
        # Its thoughts are parts of the content, which `test_template_features` has.
        plain = [{key: value for key, value in each.items() if "reasoning" not in key} for each in messages]
        request = ChatCompletionRequest.from_openai(messages=plain, tools=list(chat.tools) or None)
        return str(tokenizer.encode_instruct(normalizer.from_chat_completion_request(request)).text)

    return encode


def in_order(chat: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """The two results that the loop gives in the wrong order, in the right one."""
    return [*chat[:3], *reversed(chat[3:5]), *chat[5:]] if len(chat) >= 5 else [*chat]


def from_the_user(prompt: str) -> str:
    return prompt[prompt.index("<｜User｜>") :]
