"""The chat template that a model comes with: of a folder, or of the local cache of the hub. Nothing is downloaded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from ..detect import template_in
from ..render import Unrenderable, render
from .block import NotLearned
from .chats import Conversation

_DAY = datetime(2024, 7, 26)
"""The day on which a template with a clock is read: Llama's own say it where there is no clock."""
_HELLO = Conversation("a question", [{"role": "user", "content": "Hello"}])


@dataclass(frozen=True)
class Own:
    """A model's own template, and the tokens it is rendered with."""

    name: str
    text: str = field(repr=False)
    tokens: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    @cached_property
    def dated(self) -> bool:
        """Whether it writes today's date."""
        return self.prompt(_HELLO) != self.prompt(_HELLO, _DAY + timedelta(days=400))

    def prompt(self, chat: Conversation, day: datetime = _DAY) -> str:
        """What it writes for a conversation on a certain day. Raises Unrenderable."""
        return render(
            self.text,
            chat.messages,
            tools=chat.tools,
            prompt=chat.generate,
            tokens=self.tokens,
            kwargs={"strftime_now": day.strftime, **chat.kwargs},
        )


def own_template(model: str) -> Own:
    """The template of a model, named by its folder or its id on the hub. Raises NotLearned."""
    folder = Path(model) if Path(model).is_dir() else _cached(model)
    try:
        text, tokens = template_in(folder)
    except (OSError, ValueError) as error:
        raise NotLearned(str(error)) from None
    if not text:
        raise NotLearned(
            f"{model} has no chat template in a chat_template.jinja, chat_template.json or tokenizer_config.json"
        )
    own = Own(model, text, tokens)
    try:
        own.prompt(_HELLO)
    except Unrenderable as error:
        raise NotLearned(f"the chat template of {model} does not render: {error}") from None
    return own


def _cached(model: str) -> Path:
    """The newest snapshot of a model in the local cache."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise NotLearned(
            f"{model} is no folder, and the cache of the hub cannot be read: huggingface_hub is not installed here"
        ) from None
    try:
        return Path(snapshot_download(model, local_files_only=True))
    except Exception:  # the hub's client has a class of its own for each way in which nothing is there
        raise NotLearned(f"{model} is neither a folder nor a model in the local cache of the hub") from None
