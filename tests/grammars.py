"""xgrammar for tests, in an environment with or without torch.

Rules:
- What the tests ask is answered by xgrammar's own library. torch is only the type of the token masks, which no test
  makes; but `import xgrammar` imports it, and torch is 870 MB and half a minute (a CUDA build several GB).
- So without torch an empty module has its place while xgrammar is imported, and is taken away again: nothing else in
  the process may take it for torch. In vLLM's environment the same tests run with the real one.
- xgrammar itself has to be there: without it the import fails, and so does the test.
"""

from __future__ import annotations

import importlib
import json
import random
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from string import ascii_letters
from types import ModuleType
from typing import Any, TypeAlias

from dynamo_parsers.write.tag_text import Tag


class _Nothing:
    """Stands for anything that xgrammar names in torch when it is imported."""

    def __init__(self, *_: object, **__: object) -> None: ...


class _NoTorch(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing


@cache
def xgrammar() -> Any:
    """The module `xgrammar`, its `testing` imported."""
    if find_spec("torch") is not None:
        importlib.import_module("xgrammar.testing")
        return importlib.import_module("xgrammar")
    # Both look for torch themselves, and have to find out that there is no such thing.
    for module in ("tvm_ffi", "transformers"):
        importlib.import_module(module)
    sys.modules["torch"] = _NoTorch("torch")
    try:
        importlib.import_module("xgrammar.testing")
        return importlib.import_module("xgrammar")
    finally:
        del sys.modules["torch"]


Asked: TypeAlias = Tag | Mapping[str, object] | str
"""A structural tag: ours, or as an engine has it."""


def _text(tag: Asked) -> str:
    if isinstance(tag, str):
        return tag
    return tag.text if isinstance(tag, Tag) else json.dumps(tag)


def accepts(tag: Asked | None, text: str) -> bool:
    """Whether a reply that is constrained by the structural tag `tag` can be `text`."""
    return Accepts(tag)(text)


class Accepts:
    """`accepts` of one tag and many texts."""

    def __init__(self, tag: Asked | None) -> None:
        assert tag is not None
        self._grammar = xgrammar().Grammar.from_structural_tag(_text(tag))

    def __call__(self, text: str) -> bool:
        return bool(xgrammar().testing._is_grammar_accept_string(self._grammar, text))

    def stops(self, text: str) -> int:
        """How many characters of a text that is not accepted may begin one that is."""
        matcher = xgrammar().GrammarMatcher(_compiler().compile_grammar(self._grammar))
        return next((at for at, sign in enumerate(text) if not matcher.accept_string(sign)), len(text))


# --- replies that a tag allows

_PROBES = ("☃", " ☃", "<☃", "'☃", '"☃', "}☃")
"""Which of these may come next tells free text from a place where markup is due."""
_PLAIN = ("Paris", "a b", "7", "city")


def allowed_reply(tag: Tag, markers: Sequence[str], seed: int, most: int = 400) -> str | None:
    """A reply that `tag` allows, made with it alone: a random walk through the grammar.

    Where text is free it is plain, up to what ends it: what a value makes of markup in it is the parser's to say, and
    other tests' to ask. None if the walk does not come to an end.
    """
    chosen = random.Random(seed)
    matcher = _matcher(_text(tag))
    text = ""
    words = [*markers, *_PLAIN, *'{}[]()":,=<>|/\n;', "true", "1", "-2", *ascii_letters]
    for _ in range(most):
        if matcher.is_completed() and chosen.random() < 0.5:
            return text
        forced = matcher.find_jump_forward_string()
        if forced:
            assert matcher.accept_string(forced)
            text += forced
            continue
        step = _step(matcher, chosen.sample(words, len(words)))
        if step is None:
            return text if matcher.is_completed() else None
        assert matcher.accept_string(step)
        text += step
    return None


def _step(matcher: Any, words: Sequence[str]) -> str | None:
    before = _places(matcher)
    for word in words:
        ahead = matcher.fork()
        if ahead.accept_string(word) and (word in _PLAIN or not before[0] or _places(ahead) != before):
            return word
    return None


def _places(matcher: Any) -> tuple[bool, ...]:
    return tuple(bool(matcher.fork().accept_string(probe)) for probe in _PROBES)


def _matcher(tag: str) -> Any:
    return xgrammar().GrammarMatcher(_compiler().compile_structural_tag(tag))


@cache
def _compiler() -> Any:
    """A compiler for a vocabulary of bytes."""
    grammars = xgrammar()
    bytes_of = [bytes([number]) for number in range(256)]
    info = grammars.TokenizerInfo([*bytes_of, b"</s>"], grammars.VocabType.RAW, vocab_size=257, stop_token_ids=[256])
    return grammars.GrammarCompiler(info, max_threads=1)
