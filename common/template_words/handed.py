"""Decides how an engine passes content to a template: as text, or as the parts that a client sent.

vLLM and SGLang inspect a template to find out. If they see no loop over a message's parts, they join the texts
themselves, vLLM by a line break and SGLang by a space; SGLang also assumes that a template reads parts if a word such
as `image` is anywhere in it. A template in the words of a model has to look the same to them as the model's own:
otherwise it would get other messages, and its prompts would differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..render import Unrenderable, environment

if TYPE_CHECKING:
    from jinja2 import nodes

_WORDS = ("image", "audio", "video", "vision")
_SGLANGS_NAMES = frozenset({"message", "msg", "m"})
_MEDIA = re.compile(r"[ ]*\{#- Media\. -#\}\n.*?\{#- End of media\. -#\}\n", re.DOTALL)
_MEDIA_SETTING = re.compile(r"\{%- set (?:placeholders|numbered|between_media|image_first) = .*\n")
_LOOP = "{%- for part in content -%}"
_HIDDEN_LOOP = "{%- for part in parts.given -%}"


@dataclass(frozen=True)
class Seen:
    """What the engines find in a template."""

    loop: bool
    """A loop over a message's content, as vLLM looks for it."""
    media: bool
    """A word of media, or a loop, as SGLang looks for them."""


def seen_in(template: str) -> Seen:
    """Return what the engines find in a template. Raises Unrenderable if it is not a template."""
    try:
        tree = environment().parse(template)
    except Unrenderable:
        raise
    except Exception as error:
        raise Unrenderable(f"{type(error).__name__}: {str(error)[:200]}") from None
    loops = list(_loops(tree))
    words = any(word in template for word in _WORDS)
    return Seen(any(by_vllm for by_vllm, _ in loops), words or any(by_sglang for _, by_sglang in loops))


def shown_as(template: str, seen: Seen) -> str:
    """Change a template of this package so that the engines find `seen` in it. Prompts of text stay the same."""
    if not seen.loop:
        template = template.replace(_LOOP, _HIDDEN_LOOP)
    return template if seen.media else _MEDIA_SETTING.sub("", _MEDIA.sub("", template))


def _loops(tree: nodes.Template) -> Iterator[tuple[bool, bool]]:
    """Yield, for each loop, whether vLLM takes it for a loop over a message's parts, and whether SGLang does."""
    from jinja2 import nodes

    messages = _messages(tree)
    macros = list(tree.find_all(nodes.Macro))
    given = {id(loop): _given_content(tree, macro, messages) for macro in macros for loop in macro.find_all(nodes.For)}
    for loop in tree.find_all(nodes.For):
        holder = _content_of(_bare(loop.iter))
        named = loop.iter.name if isinstance(loop.iter, nodes.Name) else ""
        yield holder in messages or named in given.get(id(loop), {"content"}), holder in _SGLANGS_NAMES


def _bare(node: nodes.Node) -> nodes.Node:
    """Return the node without filters, tests and slices."""
    from jinja2 import nodes

    if isinstance(node, nodes.Getitem):
        return _bare(node.node) if isinstance(node.arg, nodes.Slice) else node
    if isinstance(node, (nodes.Filter, nodes.Test)) and node.node is not None:
        return _bare(node.node)
    return node


def _content_of(node: nodes.Node) -> str:
    """Return the variable whose `content` this is; "" if it is something else."""
    from jinja2 import nodes

    if isinstance(node, nodes.Getattr):
        key: object = node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        key = node.arg.value
    else:
        return ""
    return node.node.name if key == "content" and isinstance(node.node, nodes.Name) else ""


def _messages(tree: nodes.Template) -> set[str]:
    """Return the variables that are a message: targets of loops over `messages` or a part of them."""
    from jinja2 import nodes

    every, size = {"messages"}, 0
    while len(every) > size:
        size = len(every)
        for made in tree.find_all(nodes.Assign):
            source = _bare(made.node)
            if isinstance(source, nodes.Name) and source.name in every and isinstance(made.target, nodes.Name):
                every.add(made.target.name)
    loops = ((_bare(loop.iter), loop.target) for loop in tree.find_all(nodes.For))
    return {
        target.name
        for over, target in loops
        if isinstance(over, nodes.Name) and over.name in every and isinstance(target, nodes.Name)
    }


def _given_content(tree: nodes.Template, macro: nodes.Macro, messages: set[str]) -> set[str]:
    """Return the parameters of a macro that get the content of a message in some call."""
    from jinja2 import nodes

    names = [argument.name for argument in macro.args]
    found = set()
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == macro.name:
            given = [*zip(names, call.args, strict=False), *((each.key, each.value) for each in call.kwargs)]
            found |= {name for name, value in given if name in names and _content_of(_bare(value)) in messages}
    return found
