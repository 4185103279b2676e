"""Renders a model's chat template as an engine does.

- jinja2 is required for this, and not for the package: every engine's environment has it.
- A template comes with somebody else's model, so it runs in jinja2's sandbox. Any exception becomes Unrenderable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from jinja2 import Environment, Template

MAX_TEMPLATE = 1_000_000
"""The most characters of a chat template."""


class Unrenderable(Exception):
    """The template raised, is not a template, or jinja2 is not installed."""


def render(
    template: str,
    messages: Sequence[Mapping[str, object]],
    *,
    tools: Sequence[Mapping[str, object]] = (),
    prompt: bool = True,
    tokens: Mapping[str, str] | None = None,
    kwargs: Mapping[str, object] | None = None,
) -> str:
    """Return the text of a conversation.

    Args:
        prompt: add the start of the reply.
        tokens: `bos_token` and the like.
        kwargs: further variables of the template.

    Raises:
        Unrenderable: the template cannot be rendered.
    """
    try:
        return _compiled(template).render(
            messages=messages,
            tools=list(tools) or None,
            documents=None,
            add_generation_prompt=prompt,
            **{"bos_token": "", "eos_token": "", **(tokens or {})},
            **(kwargs or {}),
        )
    except Unrenderable:
        raise
    except Exception as error:  # a template can fail in any way that Python can
        raise Unrenderable(f"{type(error).__name__}: {str(error)[:200]}") from None


@lru_cache(maxsize=16)
def _compiled(template: str) -> Template:
    if len(template) > MAX_TEMPLATE:
        raise Unrenderable("the template is too long")
    try:
        return environment().from_string(template)
    except Unrenderable:
        raise
    except Exception as error:
        raise Unrenderable(f"{type(error).__name__}: {str(error)[:200]}") from None


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return jinja2's sandbox, set up as in transformers. Raises Unrenderable if jinja2 is not installed."""
    try:
        from jinja2.ext import Extension, loopcontrols
        from jinja2.nodes import Node
        from jinja2.parser import Parser
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError:
        raise Unrenderable("jinja2 is not installed") from None

    class Generation(Extension):
        """`{% generation %}` marks what a model is trained on; it writes nothing."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Parser) -> list[Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    made.filters["tojson"] = _to_json
    made.globals["raise_exception"] = _refuse
    made.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return made


def _to_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _refuse(message: str) -> NoReturn:
    raise Unrenderable(message)
