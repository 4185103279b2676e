"""The words of a template: a block of variables at its top, which is read, removed, and written again.

    {#- Words: ours, ... -#}
    {%- set with_system = ['<|im_start|>system\\n', '<|im_end|>\\n'] -%}
    {%- set tools_wrapped = true -%}
    {#- End of the words. -#}

A string, or each string of a list, is a word that is learned; any other value is a choice that is tried.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import TypeAlias

Value: TypeAlias = "str | list[str] | bool | int | None"
Words: TypeAlias = dict[str, Value]

_BLOCK = re.compile(r"\{#- Words: (?P<says>.*?) -#\}\n(?P<lines>.*?)\{#- End of the words\. -#\}\n", re.DOTALL)
_LINE = re.compile(r"\{%- set (\w+) = (.*) -%\}")
_OURS = "ours, as a fallback"
_NAMES = {"none": None, "true": True, "false": False}
_SPOKEN = {None: "none", True: "true", False: "false"}


class NotLearned(ValueError):
    """The words of a template cannot be learned from a model. The message says why."""


def has_words(template: str) -> bool:
    return _BLOCK.search(template) is not None


def is_fallback(template: str) -> bool:
    """Return whether the words in a template are this package's own."""
    found = _BLOCK.search(template)
    return found is not None and found["says"].startswith(_OURS)


def words_of(template: str) -> Words:
    """Return the words of a template. Raises NotLearned if it has no block of words."""
    found = _BLOCK.search(template)
    if found is None:
        raise NotLearned("the template has no words that can be learned")
    return {name: _value(text) for name, text in _LINE.findall(found["lines"])}


def without_words(template: str) -> str:
    """Return the template without its words, so that they come from the rendering's variables."""
    return _BLOCK.sub("", template, count=1)


def with_words(template: str, words: Mapping[str, Value], says: str) -> str:
    """Return the template with these words. `says`: a comment on them."""
    lines = "".join(f"{{%- set {name} = {_written(value)} -%}}\n" for name, value in words.items())
    block = f"{{#- Words: {says} -#}}\n{lines}{{#- End of the words. -#}}\n"
    return _BLOCK.sub(lambda _found: block, template, count=1)


def _value(text: str) -> Value:
    if text in _NAMES:
        return _NAMES[text]
    value: Value = ast.literal_eval(text)
    return value


def _written(value: Value) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_written(each) for each in value) + "]"
    if isinstance(value, str):
        return _quoted(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _SPOKEN[value]


def _quoted(text: str) -> str:
    """Return a string literal that jinja2 and minijinja read alike."""
    body = json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"'{body}'"
