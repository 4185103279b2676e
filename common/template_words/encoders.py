"""Encoders for models without a chat template, taken from an engine in this environment.

DeepSeek V3.2 and V4 come with Python code instead of a Jinja template. Code in a model's folder is not run; the
engines, which serve the model anyway, have the same encoders. An encoder is one file, loaded without its engine, or
DeepSeek's own package.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from .chats import Conversation

Write = Callable[[ModuleType, Conversation], str]


@dataclass(frozen=True)
class Encoder:
    """An encoder's place: a package and a file in it; "" if the package itself is the encoder."""

    package: str
    file: str
    write: Write

    @property
    def title(self) -> str:
        return f"the encoder of {self.package}"

    def loaded(self, path: Path | None = None) -> Loaded | None:
        """Load the encoder from the file `path`, by default from this environment; None if it is not there."""
        folder = _folder(self.package)
        if not self.file:
            if folder is None:
                return None
            module = importlib.import_module(self.package)
            return Loaded(self, module, f"{self.package} {metadata.version(self.package)}")
        path = path or (folder / self.file if folder is not None else Path())
        if not path.is_file():
            return None
        spec = spec_from_file_location(f"encoder_of_{self.package}_{path.stem}", path)
        if spec is None or spec.loader is None:
            return None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return Loaded(self, module, path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Loaded:
    encoder: Encoder
    module: ModuleType
    source: str
    """A text that identifies its revision."""

    def __call__(self, chat: Conversation) -> str:
        return self.encoder.write(self.module, chat)

    @property
    def digest(self) -> str:
        return sha256(self.source.encode()).hexdigest()[:12]


def encoders_for(template: str) -> Iterator[Loaded]:
    """Yield the encoders in this environment for the markup of the template called `template`."""
    for encoder in ENCODERS.get(template, ()):
        loaded = encoder.loaded()
        if loaded is not None:
            yield loaded


def _folder(package: str) -> Path | None:
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(places))) if places else None


# --- how each is called


def _thinks(chat: Conversation) -> bool:
    return chat.kwargs.get("enable_thinking") is not False and chat.kwargs.get("reasoning_effort") != "none"


def _v32(module: ModuleType, chat: Conversation) -> str:
    mode = "thinking" if _thinks(chat) else "chat"
    return str(module.encode_messages(_with_tools(chat), thinking_mode=mode))


def _v4(module: ModuleType, chat: Conversation) -> str:
    """Call it as vLLM does: the effort is high unless the request gives another."""
    thinks = _thinks(chat)
    effort = chat.kwargs.get("reasoning_effort") or "high"
    keep = chat.kwargs.get("preserve_thinking") is True
    said = {"thinking_mode": "thinking" if thinks else "chat", "drop_thinking": not keep}
    return str(module.encode_messages(_with_tools(chat), reasoning_effort=effort if thinks else None, **said))


def _with_tools(chat: Conversation) -> list[dict[str, Any]]:
    """Return the messages with the tools in the system message, and reasoning under both names."""
    messages = [dict(message) for message in chat.messages]
    for message in messages:
        thought = message.get("reasoning_content")
        if thought is not None:
            message["reasoning"] = thought
    if chat.tools:
        if not messages or messages[0]["role"] != "system":
            messages.insert(0, {"role": "system"})
        messages[0]["tools"] = list(chat.tools)
    return messages


def _recipe(module: ModuleType, chat: Conversation) -> str:
    """Call DeepSeek's package with messages of the Chat Completions API, and the tools unconverted.

    Its conversion of tools would rewrite the schemas of strict ones, as DeepSeek's API does.
    """
    if not chat.generate and chat.messages[-1]["role"] == "assistant":
        raise ValueError("it always asks for a reply, and changes the last answer for it")
    messages = [_in_json(message) for message in chat.messages]
    thinking = {"type": "enabled" if _thinks(chat) else "disabled"}
    body = {"model": "DeepSeek-V4-Pro", "messages": messages, "thinking": thinking}
    asked = module.ChatCompletionRequest(body).convert(module.ConversionOptions()).conversation
    tools = [{"parameters": {}, **tool["function"]} for tool in chat.tools]
    effort = chat.kwargs.get("reasoning_effort")
    conversation = module.Conversation(
        asked.messages,
        thinking_mode=_thinks(chat),
        tools=[module.ToolDefinition(**tool) for tool in tools],
        reasoning_effort=None if effort == "none" else effort,
    )
    return str(module.DeepseekV4Encoding().render_conversation(conversation).prompt)


def _in_json(message: Mapping[str, Any]) -> dict[str, Any]:
    calls = [
        {**each, "function": {**each["function"], "arguments": _text(each["function"]["arguments"])}}
        for each in message.get("tool_calls") or ()
    ]
    return {**message, **({"tool_calls": calls} if calls else {})}


def _text(arguments: object) -> object:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


ENCODERS: Mapping[str, tuple[Encoder, ...]] = {
    "deepseek_v3_2": (
        Encoder("vllm", "tokenizers/deepseek_v32_encoding.py", _v32),
        Encoder("sglang", "srt/entrypoints/openai/encoding_dsv32.py", _v32),
    ),
    "deepseek_v4": (
        Encoder("deepseek_recipe", "", _recipe),
        Encoder("vllm", "tokenizers/deepseek_v4_encoding.py", _v4),
    ),
}
"""The encoders by template; the first is most likely DeepSeek's own revision."""
