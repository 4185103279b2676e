"""Prime Intellect's package `renderers`: Python that writes what models' chat templates write, token by token.

It has models of which no package has the template itself. Its tests compare it with the templates of the hub.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dynamo_parsers.template_words.chats import Conversation

_SPECIAL = 0x110000
"""Beyond Unicode: the number of the first special token; a character is its own."""


class _Letters:
    """A tokenizer that has each character as a token, and every special token that is asked for."""

    name_or_path = "letters"
    unk_token_id = -1
    eos_token_id = None

    def __init__(self) -> None:
        self.special: list[str] = []

    def convert_tokens_to_ids(self, token: str) -> int:
        if token not in self.special:
            self.special.append(token)
        return _SPECIAL + self.special.index(token)

    def encode(self, text: str, *, add_special_tokens: bool = False) -> list[int]:
        return [ord(letter) for letter in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.special[each - _SPECIAL] if each >= _SPECIAL else chr(each) for each in ids)


def writer(folders: Sequence[Path], named: str, switch: str) -> Callable[[Conversation], str]:
    """What the renderer `module:class` writes. `switch`: its setting for thinking, "" for none. Raises ImportError."""
    sys.path[:0] = [str(each) for each in folders if str(each) not in sys.path]
    module_name, _, class_name = named.partition(":")
    module: Any = importlib.import_module(f"renderers.{module_name}")
    configs: Any = importlib.import_module("renderers.configs")
    renderer, config = getattr(module, class_name), getattr(configs, f"{class_name}Config")

    def write(chat: Conversation) -> str:
        letters = _Letters()
        asked = chat.kwargs.get("enable_thinking")
        settings: Mapping[str, object] = {switch: asked} if switch and asked is not None else {}
        made = renderer(letters, config(**settings))
        tools = list(chat.tools) or None
        ids = made.render_ids([dict(each) for each in chat.messages], tools=tools, add_generation_prompt=chat.generate)
        text = letters.decode(ids)
        if (
            tools and "tools_ts_str" in chat.kwargs
        ):  # as the model's tokenizer hands them over, which is asked elsewhere
            return text.replace(module._encode_tools_typescript(tools), str(chat.kwargs["tools_ts_str"]))
        return text

    return write
