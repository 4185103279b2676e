"""Reads and checks a template: its fields, and the places of a call's name and arguments in one.

Source: `utils/chat_parsing/response_templates.py` and `content_parsers.py` of transformers 5.24.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .patterns import Alternative, Refused, alternatives_of

THINKING = ("thinking", "reasoning_content", "reasoning")
"""The names of the reasoning field in transformers' documentation, TRL's templates and vLLM's messages."""
CONTENT = "content"
CALLS = "tool_calls"

PARSERS = ("text", "int", "float", "bool", "json", "xml-inline", "kv-lines", "python-call-list")
_KEYS = frozenset({"version", "defaults", "fields", "start_anchor", "start_anchor_pattern"})
_DELIMITERS = frozenset({"open", "open_pattern", "close", "close_pattern"})
_FIELD_KEYS = _DELIMITERS | {"content", "content_args", "repeats", "join", "optional", "transform", "transform_each"}
_PLACEHOLDER = re.compile(r"\{(\w+(?:\.\w+)*)\}")


@dataclass(frozen=True, slots=True)
class Field:
    """A region of the reply."""

    name: str
    open: tuple[Alternative, ...]
    """The alternatives of its opener; none: the region is all text that no other one claims."""
    close: tuple[Alternative, ...]
    content: str
    args: Mapping[str, object]
    repeats: bool
    join: str | None
    transform: object
    each: bool

    @property
    def scope(self) -> str:
        return f"fields.{self.name}"


@dataclass(frozen=True, slots=True)
class Template:
    """A template whose fields have a place in an OpenAI message."""

    digest: str
    """8 hexadecimal digits that identify the template."""
    thinking: Field | None
    content: Field | None
    calls: Field | None


@dataclass(frozen=True, slots=True)
class Roles:
    """The places of a call's name and arguments: a key of the content, or (`name_captured`) a group of a delimiter."""

    name: str
    name_captured: bool
    arguments: str
    """A key of the content; "": the content itself."""
    enveloped: bool = False
    """Whether the content is a call in the form of OpenAI's API."""


def read_template(spec: object) -> Template:
    """Read a template. Raises Refused if it is invalid, or has a field for which an OpenAI message has no place."""
    if not isinstance(spec, Mapping):
        raise Refused("response_template: not an object")
    if spec.get("version", 1) != 1:
        raise Refused(f"response_template: version {spec['version']!r} is not supported, only 1 is")
    unknown = sorted(map(str, set(spec) - _KEYS))
    if unknown:
        raise Refused(f"response_template: the key {unknown[0]!r} is not part of the language")
    raw = spec.get("fields")
    if not isinstance(raw, Mapping) or not raw:
        raise Refused("response_template: no fields")
    if not any(isinstance(spec.get(key), str | list) for key in ("start_anchor", "start_anchor_pattern")):
        raise Refused("response_template: neither start_anchor nor start_anchor_pattern")
    fields = {name: _field(str(name), field) for name, field in raw.items()}
    without = [name for name, field in fields.items() if not field.open]
    if len(without) > 1:
        raise Refused(f"response_template: the fields {' and '.join(without)} both lack an opener")
    thinking = [fields.pop(name) for name in THINKING if name in fields]
    content, calls = fields.pop(CONTENT, None), fields.pop(CALLS, None)
    if fields or len(thinking) > 1:
        other = next(iter(fields), thinking[-1].name if thinking else "")
        raise Refused(f"fields.{other}: an OpenAI message has no place for it")
    return Template(digest_of(spec), thinking[0] if thinking else None, content, calls)


def digest_of(spec: object) -> str:
    """Return a short hash of a template."""
    text = json.dumps(spec, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _field(name: str, raw: object) -> Field:
    scope = f"fields.{name}"
    if not isinstance(raw, Mapping):
        raise Refused(f"{scope}: not an object")
    unknown = sorted(map(str, set(raw) - _FIELD_KEYS))
    if unknown:
        raise Refused(f"{scope}: the key {unknown[0]!r} is not part of the language")
    content, args = raw.get("content", "text"), raw.get("content_args", {})
    if content not in PARSERS:
        raise Refused(f"{scope}.content: {content!r} is not supported; supported are {', '.join(PARSERS)}")
    join = raw.get("join")
    return Field(
        name,
        _delimiter(scope, raw, "open"),
        _delimiter(scope, raw, "close"),
        str(content),
        args if isinstance(args, Mapping) else {},
        raw.get("repeats") is True,
        join if isinstance(join, str) else None,
        raw.get("transform"),
        raw.get("transform_each") is True,
    )


def _delimiter(scope: str, raw: Mapping[str, object], key: str) -> tuple[Alternative, ...]:
    pattern = raw.get(f"{key}_pattern")
    said = raw.get(key)
    if pattern is not None:
        if said is not None or not isinstance(pattern, str):
            raise Refused(f"{scope}: {key} and {key}_pattern, or a pattern that is not a text")
        return alternatives_of(pattern, f"{scope}.{key}_pattern")
    if said is None:
        return ()
    texts = [said] if isinstance(said, str) else said
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise Refused(f"{scope}.{key}: neither a text nor a list of texts")
    return tuple((text,) for text in texts)


def roles_of(field: Field) -> Roles:
    """Return the places of the name and the arguments of a field's calls. Raises Refused."""
    scope = f"{field.scope}.transform"
    said = field.transform
    if said is None:
        return Roles("name", False, "arguments", enveloped=True)
    function = said.get("function") if isinstance(said, Mapping) else None
    if isinstance(said, Mapping) and function is None and "name" in said and "arguments" in said:
        function = said
    if function == "{content}" and not field.each:
        return Roles("name", False, "arguments")
    if not isinstance(function, Mapping):
        raise Refused(f"{scope}: it does not give a call with a name and arguments")
    name, name_captured = _path(function.get("name"), field, scope)
    arguments, captured = _path(function.get("arguments"), field, scope)
    if captured:
        raise Refused(f"{scope}: the arguments are in a delimiter")
    if name_captured == (arguments != ""):
        raise Refused(f"{scope}: only one of the name and the arguments is in the content")
    return Roles(name, name_captured, arguments)


def _path(said: object, field: Field, scope: str) -> tuple[str, bool]:
    """Return a placeholder's key in the content ("" for all of it) and False; or the name of a group and True."""
    found = _PLACEHOLDER.fullmatch(said) if isinstance(said, str) else None
    if found is None:
        raise Refused(f"{scope}: {said!r} is not a placeholder")
    root, *keys = found[1].split(".")
    if field.each:
        keys = [root, *keys]
    elif root != "content":
        return root, True
    if len(keys) > 1:
        raise Refused(f"{scope}: {said!r} is deeper than a key of a call")
    return keys[0] if keys else "", False
