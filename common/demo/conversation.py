"""The demo model's chat template, and reading a rendered prompt back into turns.

    <|im_start|>tools
    {"name": "get_weather", "parameters": {...}}
    <|im_end|>
    <|im_start|>user
    What is the weather in Paris?<|im_end|>
    <|im_start|>assistant

- `<|im_start|>` opens a turn in every family; the family's own end-of-turn token closes it.
- `enable_thinking` or `thinking`, when true, leave a `<think>` open at the end of the prompt (any other opener a model
  writes itself); when false, they end the prompt with an empty block; unset, it ends with the bare turn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

TURN_OPEN = "<|im_start|>"

_TEMPLATE = r"""
{%- if tools -%}
  {{- turn_open ~ 'tools\n' -}}
  {%- for tool in tools -%}{{- (tool.function or tool) | tojson ~ '\n' -}}{%- endfor -%}
  {{- turn_end ~ '\n' -}}
{%- endif -%}
{%- for message in messages -%}
  {{- turn_open ~ ('system' if message.role == 'developer' else message.role) ~ '\n' -}}
  {%- set reasoning = message.reasoning_content or message.reasoning -%}
  {%- if reasoning -%}{{- reasoning ~ '\n' -}}{%- endif -%}
  {{- message.content or '' -}}
  {%- for call in message.tool_calls or [] -%}
    {%- set arguments = call.function.arguments -%}
    {{- '\n' ~ call.function.name ~ ' ' ~ (arguments if arguments is string else arguments | tojson) -}}
  {%- endfor -%}
  {{- turn_end ~ '\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- turn_open ~ 'assistant\n' -}}
  {%- set wanted = enable_thinking if enable_thinking is defined else thinking -%}
  {%- if think_open == '<think>' and wanted is true -%}
    {{- think_open ~ '\n' -}}
  {%- elif think_open and wanted is false -%}
    {{- think_open ~ '\n\n' ~ think_close ~ '\n\n' -}}
  {%- endif -%}
{%- endif -%}
"""

_HEAD = re.compile(re.escape(TURN_OPEN) + r"(\w+)\n")
JOINER = "\u2060"
_SCRIPT = re.compile(rf"<<<SCRIPT({JOINER}?)\n?(.*?)\n?SCRIPT>>>", re.DOTALL)


def chat_template(turn_end: str, think_open: str, think_close: str, call: str) -> str:
    """The template of a family.

    It shows a call to its reader only, and earlier thoughts without their markers: some engines take a call's marker in
    the prompt for the model's, and a closer of reasoning there for a sign that the reply begins outside.
    """
    markers = {
        "turn_open": TURN_OPEN,
        "turn_end": turn_end,
        "think_open": think_open,
        "think_close": think_close,
    }
    # A JSON string is a Jinja string.
    return (
        f"{{#- A call is written as:\n{call}\n-#}}\n"
        + "".join(f"{{%- set {name} = {json.dumps(text)} -%}}\n" for name, text in markers.items())
        + _TEMPLATE.lstrip()
    )


@dataclass(frozen=True, slots=True)
class Turn:
    role: str
    text: str


def scripts(text: str) -> list[str]:
    """What stands between `<<<SCRIPT` and `SCRIPT>>>`, less one line break at each end.

    A word joiner directly behind `<<<SCRIPT` says that all of them are to be left out: `disguised` puts them in.
    """
    return [said.replace(JOINER, "") if joined else said for joined, said in _SCRIPT.findall(text)]


def disguised(script: str, markers: Iterable[str]) -> str:
    """A script in whose text none of `markers` stands, so that they are no tokens of the prompt.

    Engines look for some markers in the prompt: a closer of reasoning there tells them that the reply begins outside.
    """
    firsts = re.escape(
        "".join(sorted({marker[0] for marker in markers if not (marker[0].isalnum() or marker[0].isspace())}))
    )
    broken = re.sub(f"[{firsts}]", rf"\g<0>{JOINER}", script) if firsts else script
    return f"<<<SCRIPT{JOINER}\n{broken}\nSCRIPT>>>"


def turns(prompt: str, turn_end: str) -> list[Turn]:
    """The turns of a rendered prompt, the open one included; none if the prompt is another template's."""
    heads = list(_heads(prompt))
    if not heads:
        return []
    ends = [head.start() for head in heads[1:]] + [len(prompt)]
    return [
        Turn(head[1], prompt[head.end() : end].removesuffix("\n").removesuffix(turn_end))
        for head, end in zip(heads, ends, strict=True)
    ]


def _heads(prompt: str) -> Iterator[re.Match[str]]:
    """The heads of turns, except those that a script quotes."""
    quoted = [found.span() for found in _SCRIPT.finditer(prompt)]
    for head in _HEAD.finditer(prompt):
        if not any(start <= head.start() < end for start, end in quoted):
            yield head
