"""Models' own chat templates write a reply as the model was trained to; our parsers read exactly that reply in it.

- The templates are public copies (`official`), also of families that we have no template for.
- A message of the assistant is rendered after a question. What a template leaves out of it (a thought, a second call)
  is not looked for; all that it writes is, and nothing else may be read.
- By day one template in three of what is small to fetch; all at night.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import official
import pytest
from dynamo_parsers import Message, parse
from dynamo_parsers.registry import reasoning_row
from dynamo_parsers.render import Unrenderable
from dynamo_parsers.template_words import Own
from dynamo_parsers.template_words.chats import (
    ASK,
    BOTH,
    FORECAST,
    LOOK,
    NO_PROPERTIES,
    PLAN,
    READ,
    Conversation,
    call,
    said,
)
from dynamo_parsers.template_words.ways import arguments_as_text, native_ids
from effort import NIGHTLY, some
from official import AXOLOTL, LLAMA_CPP, TRL, VLLM, Source, Unreachable
from templates import shared_start
from test_detect_models import ANSWERS, ENDS, by_beginning

TOOLS = (*BOTH, FORECAST, NO_PROPERTIES)
WHERE = {"lat": 59.9, "lon": -10}
TEXT = 'a "text" of\n\ttwo lines, \\ and <b>&amp;</b> of Zürich 東京'
SAID: Mapping[str, Mapping[str, Any]] = {
    "an answer": said("A drizzle."),
    "a call": said("", LOOK),
    "text before a call": said("I look.", LOOK),
    "two calls": said("", LOOK, READ),
    "text before two calls": said("I look.", LOOK, READ),
    "a thought before an answer": said("A drizzle.", **PLAN),
    "a thought before a call": said("", LOOK, **PLAN),
    "a thought and text before two calls": said("I look.", LOOK, READ, **PLAN),
    "values": said("", call("forecast", {"where": WHERE, "unit": "kelvin", "days": [1, 2], "hourly": True})),
    "a text of lines": said("", call("look_up_weather", {"city": TEXT})),
    "digits": said("", call("look_up_weather", {"city": "007"})),
    "no arguments": said("", call("close_door", {})),
}

PAIRS: Mapping[Source, Mapping[str, str]] = {
    TRL: {**ANSWERS[TRL], "lfm2": "lfm2", "llama3_2": "llama3_json"},
    LLAMA_CPP: {
        **ANSWERS[LLAMA_CPP],
        "CohereForAI-c4ai-command-r7b": "cohere_command cohere_command",
        "GigaChat3-10B": "gigachat3",
        "LFM2": "lfm2",
        "Spark2.5": "glm47 glm45",
        "deepseek-ai-DeepSeek-R1-Distill-Qwen": "deepseek_v3 deepseek_r1",
        "ibm-granite-granite-3.3": "granite granite",
        "inclusionai-ling": "glm47 glm45",
        "meta-llama-Llama-3.2": "llama3_json",
        "poolside-Laguna": "glm47 glm45",
        "tencent-Hy3": "hy_v3 hy_v3",
        "unsloth-Apriel": "jamba",
    },
    AXOLOTL: {
        "command_a": "cohere_command cohere_command",
        "deepseek_v3": "deepseek_v3",
        "gemma4": "gemma4 gemma4",
        "jamba": "jamba",
        "llama3_2_vision": "llama3_json",
        "llama4": "llama4_json",
        "mistral_v2v3": "mistral",
        "mistral_v3": "mistral",
        "qwen3": "hermes qwen3",
        "qwen_25": "hermes",
    },
    VLLM: {  # families of which there is no other copy
        "functiongemma": "functiongemma",
        "granite": "granite granite",
        "granite_20b_fc": "granite_20b_fc",
        "hunyuan_a13b": "hunyuan_a13b hunyuan_a13b",
        "internlm2": "internlm2",
        "xlam": "xlam",
    },
}
"""The parsers for a copy, by the beginning of its name; `detect` has no answer for all of them."""
NO_PARSER = (
    "CohereForAI-c4ai-command-r-plus-tool_use",  # Command R's own markup, which Command A left
    "HuggingFaceTB-SmolLM3",
    "MiniMax-M1",
    "Reka-Edge",
    "exaone4",
    "falcon_h1",
    "fireworks-ai-llama-3-firefunction",
    "llama-cpp-deepseek-r1",  # not a model's
    "meetkai-functionary",
    "upstage-Solar",
)
"""Of families that no parser reads."""
NO_CALLS = (
    "LFM2-8B",
    "LFM2.5-Instruct",
    "command_a.jinja",  # with tools it has another one
    "deepseek-ai-DeepSeek-R1-Distill-Llama",
    "deepseek_r1_distill",
    "ibm-granite-granite-3.3",
    "lfm2.jinja",
)
"""They describe tools, and leave out that any was called."""
EOS = {
    **ENDS,
    "CohereForAI": "<|END_OF_TURN_TOKEN|>",
    "deepseek-ai-DeepSeek-R1": "<｜end▁of▁sentence｜>",
    "tencent-Hy3": "<｜hy_eos:opensource｜>",
    "unsloth-Apriel": "<|end|>",
}
PYTHON = ("tool_chat_template_functiongemma.jinja", "values")
"""Numbers, lists and objects are written as Python has them, in the marks of a text."""
LEFT_OPEN = "NVIDIA-Nemotron-Nano-v2"
"""Its history has a block of thoughts that is never closed: all after it counts as a thought."""
LLAMA_4 = "llama4.jinja"
"""Its text beside calls comes after a `<|python_start|>`, which stays."""


@dataclass(frozen=True)
class Copy:
    """A public copy of a model's template, and the parsers for the model."""

    source: Source
    file: str
    tool_parser: str
    reasoning_parser: str | None

    @property
    def title(self) -> str:
        return f"{self.source.package} {self.file.removesuffix('.jinja')}"

    @cached_property
    def own(self) -> Own:
        tokens = {"bos_token": "<s>", "eos_token": self.eos}
        for listed in official.OFFICIAL:
            if (listed.source, listed.file) == (self.source, self.file):
                return Own(self.title, listed.text, tokens)
        return Own(self.title, (official.fetched(self.source) / self.file).read_text(encoding="utf-8"), tokens)

    @property
    def eos(self) -> str:
        return by_beginning(self.file, EOS) or "<|the-eos|>"

    def turn(self, name: str) -> tuple[str, str]:
        """The prompt, and what comes after it once the model has answered. Raises Unrenderable."""
        message = SAID[name]
        thinks = "reasoning_content" in message
        chat = Conversation(name, [ASK, message], TOOLS, {"enable_thinking": thinks, "thinking": thinks}, False)
        if self.tool_parser == "kimi_k2":  # its ids are its names
            chat = native_ids(chat)
        try:
            return self._turn(chat)
        except Unrenderable:
            return self._turn(arguments_as_text(chat))

    def _turn(self, chat: Conversation) -> tuple[str, str]:
        prompt = self.own.prompt(chat.but(messages=chat.messages[:1], generate=True))
        whole = self.own.prompt(chat)
        # Where the history does not have the block that the model is asked to write, the prompt is not its start.
        start = shared_start(prompt, whole)
        cut = None if start == len(prompt) else re.search(r"[<\[][^>\]<\s]*$", whole[:start])
        at = start if cut is None else cut.start()
        return whole[:at], whole[at:]

    @cached_property
    def end(self) -> str:
        """What comes after an answer."""
        return self.turn("an answer")[1].partition("A drizzle.")[2]

    def reply(self, name: str) -> tuple[str, str]:
        """The prompt, and what an engine hands over of the turn: nothing from the token on that ends it."""
        prompt, text = self.turn(name)
        text = text.partition(self.eos)[0]
        same = text[len(text) - shared_start(text[::-1], self.end[::-1]) :]
        token = re.search(r"[<\[]", same)
        return prompt, text[: len(text) - len(same) + token.start()] if token else text

    def read(self, prompt: str, reply: str) -> Message:
        return parse(
            reply, self.tool_parser, self.reasoning_parser, list(TOOLS), in_reasoning=self._opened(prompt, reply)
        )

    def _opened(self, prompt: str, reply: str) -> bool:
        if self.reasoning_parser is None:
            return False
        think = reasoning_row(self.reasoning_parser).think
        openers = [f"{opener}{label}".rstrip() for opener in think.opens for label in ("", think.label)]
        return prompt.rstrip().endswith(tuple(openers)) or reply.lstrip().startswith(think.closes)


def copies(source: Source) -> list[Copy]:
    """Those that know of tools, and are no edition for training."""
    found = []
    for file in sorted(official.fetched(source).glob("*.jinja")):
        name = file.name.removeprefix("tool_chat_template_")
        if name.startswith(NO_PARSER) or "_training" in name or "tool" not in file.read_text(encoding="utf-8"):
            continue
        pair = by_beginning(name, PAIRS[source])
        if source is VLLM and not pair:
            continue  # its own editions of templates
        assert pair, f"{source.package} has a new template, {name}: which parsers read what it writes?"
        tool, _, reasoning = pair.partition(" ")
        found.append(Copy(source, file.name, tool, reasoning or None))
    return found


def due(copy: Copy, name: str, reply: str) -> tuple[list[tuple[str, object]], str, str]:
    """Calls, text and thought: what the template wrote of the message."""
    message = SAID[name]
    made = [each["function"] for each in message.get("tool_calls", ())]
    calls = [(each["name"], each["arguments"]) for each in made if each["name"] in reply]
    text, thought = message["content"], str(message.get("reasoning_content", ""))
    if copy.tool_parser == "harmony" and calls:  # Harmony has no text beside calls: its template makes it a thought
        text, thought = "", text or thought
    if copy.file.startswith(LEFT_OPEN) and not calls:
        text, thought = "", text
    if copy.file == LLAMA_4 and calls and text:
        text = f"<|python_start|>{text}"
    return calls, text if text in reply else "", thought if thought in reply else ""


def got(message: Message) -> tuple[list[tuple[str, object]], str, str]:
    calls = [(each.name, json.loads(each.arguments)) for each in message.tool_calls]
    return calls, (message.content or "").strip(), (message.reasoning or "").strip()


@pytest.mark.parametrize("source", PAIRS if NIGHTLY else [TRL, VLLM], ids=lambda source: source.package)
def test_what_own_templates_write_is_read(source: Source) -> None:
    try:
        every = copies(source)
    except Unreachable as error:
        pytest.skip(str(error))
    wrong: dict[tuple[str, str], object] = {}
    for copy in some(every, 3):
        writes = False
        for name in SAID:
            try:
                prompt, reply = copy.reply(name)
            except Unrenderable:
                continue  # by Llama's: several calls
            if (copy.reasoning_parser is None and "thought" in name) or (copy.file, name) == PYTHON:
                continue
            wanted = due(copy, name, reply)
            writes = writes or bool(wanted[0])
            if got(copy.read(prompt, reply)) != wanted:
                wrong[copy.title, name] = (prompt[-20:], reply, got(copy.read(prompt, reply)), wanted)
        if writes == copy.file.startswith(NO_CALLS):
            wrong[copy.title, "any call"] = writes
    assert wrong == {}
