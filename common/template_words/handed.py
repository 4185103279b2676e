"""How an engine hands content over: a text, or the parts that a client sent.

vLLM and SGLang look into a template to find out. Where they see no loop over a message's parts they join the texts
themselves, vLLM by a line break and SGLang by a space; SGLang takes a template for one that reads parts if a word such
as `image` is anywhere in it. A template in the words of a model shows them what the model's own shows them: its prompts
are the model's only if it is handed the same.
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
    """What the engines see in a template."""

    loop: bool
    """A loop over a message's content, as vLLM looks for it."""
    media: bool
    """A word of media, or a loop, as SGLang looks for them."""


def seen_in(template: str) -> Seen:
    """Raises Unrenderable for what is no template."""
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
    """A template of this package that shows the engines this. Every text that it writes of text stays the same."""
    if not seen.loop:
        template = template.replace(_LOOP, _HIDDEN_LOOP)
    return template if seen.media else _MEDIA_SETTING.sub("", _MEDIA.sub("", template))


def _loops(tree: nodes.Template) -> Iterator[tuple[bool, bool]]:
    """Loops that may go over a message's parts: whether vLLM sees it, and whether SGLang does."""
    from jinja2 import nodes

    messages = _messages(tree)
    macros = list(tree.find_all(nodes.Macro))
    given = {id(loop): _given_content(tree, macro, messages) for macro in macros for loop in macro.find_all(nodes.For)}
    for loop in tree.find_all(nodes.For):
        holder = _content_of(_bare(loop.iter))
        named = loop.iter.name if isinstance(loop.iter, nodes.Name) else ""
        yield holder in messages or named in given.get(id(loop), {"content"}), holder in _SGLANGS_NAMES


def _bare(node: nodes.Node) -> nodes.Node:
    """What filters, tests and slices are put on."""
    from jinja2 import nodes

    if isinstance(node, nodes.Getitem):
        return _bare(node.node) if isinstance(node.arg, nodes.Slice) else node
    if isinstance(node, (nodes.Filter, nodes.Test)) and node.node is not None:
        return _bare(node.node)
    return node


def _content_of(node: nodes.Node) -> str:
    """The variable whose `content` this is; "" if it is something else."""
    from jinja2 import nodes

    if isinstance(node, nodes.Getattr):
        key: object = node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        key = node.arg.value
    else:
        return ""
    return node.node.name if key == "content" and isinstance(node.node, nodes.Name) else ""


def _messages(tree: nodes.Template) -> set[str]:
    """The variables that are a message each: those of loops over `messages`, and over what is a part of them."""
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
    """The parameters of a macro that are given the content of a message somewhere."""
    from jinja2 import nodes

    names = [argument.name for argument in macro.args]
    found = set()
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == macro.name:
            given = [*zip(names, call.args, strict=False), *((each.key, each.value) for each in call.kwargs)]
            found |= {name for name, value in given if name in names and _content_of(_bare(value)) in messages}
    return found
