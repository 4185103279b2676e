"""Response templates of checkpoints that do not exist, in transformers' language: one for each shape of a call.

`DECLARED` has each with a reply of a call, and what is read of it. The plugins' tests serve them, too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from dynamo_parsers.demo import checkpoint
from dynamo_parsers.demo.model import DemoModel

Spec = dict[str, object]

CALL: Spec = {"type": "function", "function": {"name": "{name}", "arguments": "{content}"}}
THINKING: Spec = {"open": "<reason>", "close": "</reason>"}
ANSWER: Spec = {"close": ["<|end|>", "<|stop|>"]}

TOOLS: list[dict[str, object]] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "days": {"type": "integer"},
                    "zip": {"type": "string"},
                    "deep": {"type": "boolean"},
                    "tags": {"type": "array"},
                },
            },
        },
    },
    {"type": "function", "function": {"name": "ping", "parameters": {"type": "object", "properties": {}}}},
]


def template(**fields: object) -> Spec:
    """A template with these fields."""
    return {"version": 1, "defaults": {"role": "assistant"}, "start_anchor": "<|assistant|>", "fields": fields}


def called(content: str, **said: object) -> Spec:
    """A field of calls."""
    return {"repeats": True, "content": content, **said}


@dataclass(frozen=True)
class Declared:
    """A template, a call in its markup and the arguments that are read of it; `quoted` has its markers in a value."""

    spec: Spec
    call: str
    arguments: str
    quoted: str
    quotes: str
    """What the value holds, as JSON text."""
    end: str = "<|end|>"
    answer: tuple[str, str] = ("", "")
    think: tuple[str, str] = ("<reason>", "</reason>")


_JSON = '{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}'
_JSON_QUOTED = '{"name": "get_weather", "arguments": {"city": "</call> <call>{}"}}'

DECLARED: dict[str, Declared] = {
    "json": Declared(
        template(
            thinking=THINKING,
            tool_calls=called(
                "json", open="<call>", close="</call>", transform={"type": "function", "function": "{content}"}
            ),
            content=ANSWER,
        ),
        f"<call>\n{_JSON}\n</call>",
        '{"city": "Paris", "days": 3}',
        f"<call>{_JSON_QUOTED}</call>",
        '{"city": "</call> <call>{}"}',
    ),
    "json keys": Declared(
        template(
            reasoning_content=THINKING,
            tool_calls=called(
                "json",
                open=["<call>", "<tool>"],
                close="</call>",
                transform={"type": "function", "function": {"name": "{content.tool}", "arguments": "{content.with}"}},
            ),
            content=ANSWER,
        ),
        '<tool>{"tool": "get_weather", "with": {"city": "Paris", "days": 3}}</call>',
        '{"city": "Paris", "days": 3}',
        '<call>{"with": {"city": "</call>"}, "tool": "get_weather"}</call>',
        '{"city": "</call>"}',
    ),
    "array in regions": Declared(
        template(
            thinking={"open": "<|R|>", "close": "<|/R|>"},
            content={"open": "<|A|>", "close": "<|/A|>"},
            tool_calls={
                "open": "<|T|>",
                "close": "<|/T|>",
                "content": "json",
                "transform_each": True,
                "transform": {"type": "function", "function": {"name": "{tool_name}", "arguments": "{parameters}"}},
            },
        ),
        '<|T|>[\n  {"tool_name": "get_weather", "parameters": {"city": "Paris", "days": 3}}\n]<|/T|>',
        '{"city": "Paris", "days": 3}',
        '<|T|>[{"tool_name": "get_weather", "parameters": {"city": "<|/T|> <|A|>"}}]<|/T|>',
        '{"city": "<|/T|> <|A|>"}',
        end="",
        answer=("<|A|>", "<|/A|>"),
        think=("<|R|>", "<|/R|>"),
    ),
    "name in the opener": Declared(
        template(
            thinking=THINKING,
            tool_calls=called(
                "json",
                open_pattern=r"<\|call\|>\s*(?P<name>[\w.-]+)<\|args\|>",
                close_pattern=r"<\|done\|>\s*",
                transform=CALL,
            ),
            content=ANSWER,
        ),
        '<|call|>get_weather<|args|>{"city": "Paris", "days": 3}<|done|>',
        '{"city": "Paris", "days": 3}',
        '<|call|>get_weather<|args|>{"city": "<|done|>"}<|done|>',
        '{"city": "<|done|>"}',
    ),
    "tags": Declared(
        template(
            thinking=THINKING,
            tool_calls=called(
                "xml-inline",
                open_pattern=r'(?:<calls>\s*)?<run tool="(?P<name>[^"]+)">',
                close_pattern=r"</run>\s*(?:</calls>)?",
                content_args={"tag_pattern": r'<arg name="(?P<key>[^"]+)">(?P<value>.*?)</arg>'},
                transform=CALL,
            ),
            content=ANSWER,
        ),
        '<calls>\n<run tool="get_weather">\n<arg name="city">Paris</arg>\n<arg name="days">3</arg>\n</run>\n</calls>',
        '{"city":"Paris","days":3}',
        '<run tool="get_weather"><arg name="city">a </arg> b</arg></run>',
        '{"city":"a </arg> b"}',
    ),
    "tags in a wrapper": Declared(
        template(
            thinking={"open_pattern": r"<reason>\n?", "close_pattern": r"</reason>\s*"},
            tool_calls=called(
                "xml-inline",
                open_pattern=r"<act>\s*<fn=(?P<name>[^>\n]+)>",
                close_pattern=r"</act>\s*",
                content_args={
                    "tag_pattern": r"<p=(?P<key>\w+)>\s*(?P<value>.*?)\s*</p>",
                    "value_parser": {"name": "json", "args": {"allow_non_json": True}},
                },
                transform=CALL,
            ),
            content={"close_pattern": r"<\|end\|>\s*|$"},
        ),
        "<act>\n<fn=get_weather>\n<p=city>\nParis\n</p>\n<p=days>\n3\n</p>\n</fn>\n</act>",
        '{"city":"Paris","days":3}',
        "<act>\n<fn=get_weather>\n<p=city>\n</act> is no end\n</p>\n</fn>\n</act>",
        '{"city":"</act> is no end"}',
    ),
    "Beam": Declared(
        template(
            thinking={"open": "<|channel|>analysis<|message|>", "close": "<|end|><|start|>assistant"},
            tool_calls=called(
                "xml-inline",
                open_pattern=r" to=(?P<name>[^\s<]+)<\|channel\|>analysis <\|constrain\|>xml<\|message\|>",
                close=["<|end|><|start|>assistant", "<|call|>"],
                content_args={
                    "tag_pattern": r'<rfl:parameter name="(?P<key>[^"]+)">\n(?P<value>.*?)\n'
                    r'(?:</rfl:parameter>|(?=<rfl:parameter name="))'
                },
                transform=CALL,
            ),
            content={"open": "<|channel|>final<|message|>", "close": ["<|return|>", "<|end|>", "<|call|>"]},
        ),
        ' to=get_weather<|channel|>analysis <|constrain|>xml<|message|><rfl:parameter name="city">\nParis\n'
        '<rfl:parameter name="days">\n3\n</rfl:parameter><|call|>',
        '{"city":"Paris","days":3}',
        ' to=get_weather<|channel|>analysis <|constrain|>xml<|message|><rfl:parameter name="city">'
        "\n<|call|> is no end\n</rfl:parameter><|end|><|start|>assistant",
        '{"city":"<|call|> is no end"}',
        end="<|return|>",
        answer=("<|channel|>final<|message|>", "<|return|>"),
        think=("<|channel|>analysis<|message|>", "<|end|><|start|>assistant"),
    ),
    "lines": Declared(
        template(
            thinking=THINKING,
            tool_calls=called("kv-lines", open_pattern=r"<call:(?P<name>\w+)>", close="</call>", transform=CALL),
            content=ANSWER,
        ),
        "<call:get_weather>\ncity: Paris\n\ndays:  3 \n</call>",
        '{"city":"Paris","days":3}',
        "<call:get_weather>\ncity: say </call> here: now\n</call>",
        '{"city":"say </call> here: now"}',
    ),
    "python": Declared(
        template(
            thinking=THINKING,
            tool_calls={
                "open": "<|py|>",
                "close": "<|/py|>",
                "content": "python-call-list",
                "transform_each": True,
                "transform": {"type": "function", "function": {"name": "{name}", "arguments": "{arguments}"}},
            },
            content=ANSWER,
        ),
        "<|py|>[get_weather(city='Paris', days=3)]<|/py|>",
        '{"city":"Paris","days":3}',
        "<|py|>[get_weather(city='<|/py|>)]')]<|/py|>",
        '{"city":"<|/py|>)]"}',
    ),
}


def checkpoint_of(folder: Path, spec: Spec | None) -> Path:
    """A demo model's folder whose tokenizer's config declares `spec`, and whose family is another's."""
    checkpoint.write(folder, DemoModel.of("hermes"))
    file = folder / "tokenizer_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    if spec is not None:
        config["response_template"] = spec
    file.write_text(json.dumps(config), encoding="utf-8")
    return folder


def reply_of(declared: Declared, call: str) -> str:
    """Reasoning, an answer and a call."""
    opened, closed = declared.think
    before, behind = declared.answer
    return f"{opened}I look.{closed}\n\n{before}One moment:{behind}\n{call}{declared.end}"
