"""Finds what writes a model's own prompts: the chat template in its folder, or in the local cache of the hub.

Nothing is downloaded. For a model without a template, the engines have an encoder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from ..chat_templates import chat_template
from ..detect import model_in, template_in
from ..registry import tool_row
from ..render import Unrenderable, render
from .block import NotLearned
from .chats import Conversation
from .encoders import ENCODERS, Loaded, encoders_for

_DAY = datetime(2024, 7, 26)
"""The date with which templates that write a date are rendered: the one that Llama's use without a clock."""
_HELLO = Conversation("a question", [{"role": "user", "content": "Hello"}])


@dataclass(frozen=True)
class Own:
    """A model's own template and the tokens with which it is rendered; or an encoder and its source."""

    name: str
    text: str = field(repr=False)
    tokens: Mapping[str, str] = field(default_factory=dict)
    encode: Callable[[Conversation], str] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, encoder: Loaded, model: str) -> Own:
        return cls(f"{model}, as {encoder.encoder.title} writes it,", encoder.source, encode=encoder)

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    @cached_property
    def dated(self) -> bool:
        """Whether it writes today's date."""
        return self.encode is None and self.prompt(_HELLO) != self.prompt(_HELLO, _DAY + timedelta(days=400))

    def asked(self, chat: Conversation) -> Conversation:
        """Return the conversation with what the model's tokenizer adds: Kimi K2.5's adds the tools as a text.

        Which text does not matter, as the template writes it unchanged.
        """
        if "tools_ts_str" not in self.text or not chat.tools:
            return chat
        declared = "".join(f"// {tool['function']['name']}\n" for tool in chat.tools)
        return chat.but(kwargs={**chat.kwargs, "tools_ts_str": f"# Tools\n\n{declared}"})

    def prompt(self, chat: Conversation, day: datetime = _DAY) -> str:
        """Return the prompt for a conversation on a certain day. Raises Unrenderable."""
        if self.encode is not None:
            try:
                return self.encode(chat)
            except Exception as error:  # an encoder can fail in any way that Python can
                raise Unrenderable(f"{type(error).__name__}: {str(error)[:200]}") from None
        return render(
            self.text,
            chat.messages,
            tools=chat.tools,
            prompt=chat.generate,
            tokens=self.tokens,
            kwargs={"strftime_now": day.strftime, **chat.kwargs},
        )


def own_template(model: str, name: str = "") -> Own:
    """Return a model's own template.

    Args:
        model: its folder, its file, or its id on the hub.
        name: the template of this package that is to get its words, for a model without a template of its own.

    Raises:
        NotLearned: there is none, or it does not render.
    """
    path = Path(model)
    folder = path if path.is_dir() or path.is_file() else _cached(model)
    try:
        text, tokens = (folder.read_text(encoding="utf-8"), {}) if folder.is_file() else template_in(folder)
    except (OSError, ValueError) as error:
        raise NotLearned(str(error)) from None
    own = Own(model, text, tokens) if text else _encoded(model, folder, name)
    try:
        own.prompt(_HELLO)
    except Unrenderable as error:
        raise NotLearned(f"the chat template of {model} does not render: {error}") from None
    return own


def _encoded(model: str, folder: Path, name: str) -> Own:
    """Return the encoder of an installed engine for a model without a template. Raises NotLearned."""
    none = f"{model} has no chat template in a chat_template.jinja, chat_template.json or tokenizer_config.json"
    if name not in ENCODERS or model_in(folder).kind not in tool_row(chat_template(name).tool_parser).model_types:
        raise NotLearned(none)
    for encoder in encoders_for(name):
        return Own.of(encoder, model)
    where = " or ".join(each.package for each in ENCODERS[name])
    raise NotLearned(
        f"{none}: its prompts are written by an encoder in Python. Code in a model's folder is not run, and {where}, "
        "which have the encoder, are not installed here"
    )


def _cached(model: str) -> Path:
    """Return the newest snapshot of a model in the local cache. Raises NotLearned."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise NotLearned(
            f"{model} is not a folder, and the cache of the hub cannot be read: huggingface_hub is not installed here"
        ) from None
    try:
        return Path(snapshot_download(model, local_files_only=True))
    except Exception:  # the hub's client has many error classes for a model that is not there
        raise NotLearned(f"{model} is neither a folder nor a model in the local cache of the hub") from None
