"""The demo model's chat template, and the code that reads a rendered prompt back into turns.

    <|im_start|>tools
    {"name": "get_weather", "parameters": {...}}
    <|im_end|>
    <|im_start|>user
    What is the weather in Paris?<|im_end|>
    <|im_start|>assistant

- `<|im_start|>` opens a turn in every family; the family's own end-of-turn token closes it.
- If `enable_thinking` or `thinking` is true, the prompt ends with an open `<think>` (any other opener is written by
  the model itself); if it is false, with an empty block; if it is not set, with the start of the turn.
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
    """Return the template of a family.

    It shows the markup of a call only in a comment, and earlier reasoning without its markers: some engines take a
    call's marker in the prompt for the model's, and a closer of reasoning for a sign that the reply begins outside.
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
    """Return the texts between `<<<SCRIPT` and `SCRIPT>>>`, without one line break at each end.

    If a word joiner directly follows `<<<SCRIPT`, all word joiners are removed: `disguised` has inserted them.
    """
    return [said.replace(JOINER, "") if joined else said for joined, said in _SCRIPT.findall(text)]


def disguised(script: str, markers: Iterable[str]) -> str:
    """Return `script` in its brackets, with word joiners that break up `markers`, so that they are not tokens.

    Engines look for some markers in the prompt: a closer of reasoning tells them that the reply begins outside.
    """
    firsts = re.escape(
        "".join(sorted({marker[0] for marker in markers if not (marker[0].isalnum() or marker[0].isspace())}))
    )
    broken = re.sub(f"[{firsts}]", rf"\g<0>{JOINER}", script) if firsts else script
    return f"<<<SCRIPT{JOINER}\n{broken}\nSCRIPT>>>"


def turns(prompt: str, turn_end: str) -> list[Turn]:
    """Return the turns of a rendered prompt, with the open one; an empty list if another template rendered it."""
    heads = list(_heads(prompt))
    if not heads:
        return []
    ends = [head.start() for head in heads[1:]] + [len(prompt)]
    return [
        Turn(head[1], prompt[head.end() : end].removesuffix("\n").removesuffix(turn_end))
        for head, end in zip(heads, ends, strict=True)
    ]


def _heads(prompt: str) -> Iterator[re.Match[str]]:
    """Yield the heads of turns, except those inside a script."""
    quoted = [found.span() for found in _SCRIPT.finditer(prompt)]
    for head in _HEAD.finditer(prompt):
        if not any(start <= head.start() < end for start, end in quoted):
            yield head
