"""A chat template of this package in the words of a model's own template.

- `block`: the words of a template, as the variables at its top that they are.
- `model`: the model's own template, from its folder or the local cache of the hub.
- `chats`: the conversations that are rendered with both.
- `calls`: which parsers read its calls.
- `learn`: reads the words off what the model's own template writes.
- `handed`: whether engines hand content over as a text or in parts.
- `prove`: compares, conversation by conversation, and says which requirement a difference is for.
"""

from __future__ import annotations

from .block import NotLearned, has_words, is_fallback
from .learn import Learned, learn
from .model import Own, own_template
from .prove import Proof, Row, prove

__all__ = ["Learned", "NotLearned", "Own", "Proof", "Row", "has_words", "is_fallback", "learn", "own_template", "prove"]
