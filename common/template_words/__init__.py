"""Puts the words of a model's own chat template into a template of this package.

- `block`: the words of a template, which are variables at its top.
- `model`: the model's own template, from its folder or the local cache of the hub.
- `chats`: the conversations that are rendered with both.
- `calls`: which parsers read its calls.
- `learn`: learns the words from what the model's own template writes.
- `handed`: whether engines pass content to a template as text or in parts.
- `ways`: the rewritings of a conversation that may explain a difference.
- `prove`: compares the two, conversation by conversation, and names the requirement for each difference.
"""

from __future__ import annotations

from .block import NotLearned, has_words, is_fallback
from .learn import Learned, learn
from .model import Own, own_template
from .prove import Proof, Row, prove

__all__ = ["Learned", "NotLearned", "Own", "Proof", "Row", "has_words", "is_fallback", "learn", "own_template", "prove"]
