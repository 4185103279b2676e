"""What the tests of the chat templates share: the renderers, what a model would say, and the 18 requirements.

- A `Subject` is a template under test, ours or an engine's, with the parsers that read what it writes.
- `said` is what the assistant says according to the template: the prompt with its message, less the prompt before it.
- A requirement is a function that fails for a template that does not meet it; it knows no family.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

import jinja2
import minijinja
from dynamo_parsers import Message, parse
from dynamo_parsers.chat_templates import TEMPLATES, ChatTemplate
from dynamo_parsers.registry import reasoning_row
from transformers.utils import chat_template_utils

Chat: TypeAlias = Sequence[Mapping[str, object]]
Tools: TypeAlias = Sequence[Mapping[str, object]]
Kwargs: TypeAlias = Mapping[str, object]

BOS = "<the-bos>"


class TemplateRefuses(Exception):
    """The template itself raised, with this sentence."""


# --- renderers


@cache
def _in_transformers(text: str) -> Any:
    """The template as `apply_chat_template` compiles it."""
    return chat_template_utils._compile_jinja_template(text)


@cache
def _in_minijinja(text: str) -> minijinja.Environment:
    """An environment set up as Dynamo's: white space as transformers has it, `tojson` as Python writes JSON."""
    environment = minijinja.Environment(templates={"chat": text}, trim_blocks=True, lstrip_blocks=True, pycompat=False)
    environment.add_filter("tojson", lambda value: json.dumps(value, ensure_ascii=False))

    def refuse(sentence: str) -> None:
        raise TemplateRefuses(sentence)

    environment.add_function("raise_exception", refuse)
    return environment


def by_transformers(text: str, messages: Chat, tools: Tools | None, generate: bool, kwargs: Kwargs) -> str:
    (rendered,), _ = chat_template_utils.render_jinja_template(
        [messages], tools=tools, chat_template=text, add_generation_prompt=generate, bos_token=BOS, **kwargs
    )
    return str(rendered)


def by_minijinja(text: str, messages: Chat, tools: Tools | None, generate: bool, kwargs: Kwargs) -> str:
    environment = _in_minijinja(text)
    return environment.render_template(
        "chat", messages=messages, tools=tools, add_generation_prompt=generate, bos_token=BOS, **kwargs
    )


# --- what is tested


@dataclass(frozen=True)
class Subject:
    """A template, and the parsers that read what it writes."""

    name: str
    text: str = field(repr=False)
    tool_parser: str
    reasoning_parser: str | None
    thinks: bool
    """Whether the family reasons."""
    off: bool = False
    """Whether it does so only when asked to."""
    keeps: bool = False
    """Whether all reasoning of the history stays in the prompt unless a request says otherwise."""

    @classmethod
    def of(cls, template: ChatTemplate) -> Subject:
        return cls(
            template.name,
            template.text,
            template.tool_parser,
            template.reasoning_parser,
            thinks=any(each.startswith("enable_thinking") for each in template.kwargs),
            off="enable_thinking=false" in template.kwargs,
            keeps="preserve_thinking=true" in template.kwargs,
        )

    @property
    def modes(self) -> list[Kwargs]:
        """Thinking as the template has it, on, and off."""
        return [{}, {"enable_thinking": True}, {"enable_thinking": False}] if self.thinks else [{}]

    def reasons(self, kwargs: Kwargs) -> bool:
        """Whether a reply to a request with these arguments may hold reasoning."""
        return self.thinks and kwargs.get("enable_thinking", not self.off) is True

    def prompt(
        self,
        messages: Chat,
        tools: Tools | None = None,
        kwargs: Kwargs | None = None,
        generate: bool = True,
        render: Callable[..., str] = by_transformers,
    ) -> str:
        try:
            return render(self.text, messages, tools, generate, kwargs or {})
        except (jinja2.exceptions.TemplateError, minijinja.TemplateError) as error:
            raise TemplateRefuses(str(error)) from error

    def refuses(self, messages: Chat, tools: Tools | None) -> str:
        """The sentence with which the template refuses the messages; "" if it accepts them."""
        try:
            self.prompt(messages, tools)
        except TemplateRefuses as error:
            return str(error)
        return ""

    def said(self, before: Chat, message: Mapping[str, object], tools: Tools | None, kwargs: Kwargs) -> Said:
        """What the assistant says when `message` is its answer to `before`."""
        prompt = self.prompt(before, tools, kwargs)
        whole = self.prompt([*before, message], tools, kwargs, generate=False)
        stable = whole.startswith(prompt)
        start = len(prompt) if stable else shared_start(prompt, whole)
        return Said(prompt, whole[start:], stable)

    def read(self, said: Said, tools: Tools | None, kwargs: Kwargs) -> Message:
        """What our parsers read in it."""
        return parse(
            said.text,
            self.tool_parser,
            self.reasoning_parser,
            tools,
            chat_template_kwargs=kwargs,
            in_reasoning=self.reasoning_open(said.prompt),
        )

    def reasoning_open(self, prompt: str) -> bool:
        if self.reasoning_parser is None:
            return False
        think = reasoning_row(self.reasoning_parser).think
        openers = [f"{opener}{label}".rstrip() for opener in think.opens for label in ("", think.label)]
        return prompt.rstrip().endswith(tuple(openers))


@dataclass(frozen=True)
class Said:
    prompt: str
    text: str
    stable: bool
    """Whether the prompt stood unchanged before it."""


def shared_start(left: str, right: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


OURS = [Subject.of(template) for template in TEMPLATES]


# --- a conversation to look at

SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Où est-ce ? 東京"},
        "days": {"type": "integer", "minimum": 1, "maximum": 16, "default": 3},
    },
    "required": ["city"],
}
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Weather of the coming days", "parameters": SCHEMA},
}
TIME = {
    "type": "function",
    "function": {
        "name": "get_time",
        "description": "Local time of a zone",
        "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
    },
}
TOOLS = [WEATHER, TIME]
ALICE, BOB = "call_00000a", "call_00000b"
FIRST_USER = {"role": "user", "content": "Weather in Zürich, and the time?"}


def call(name: str, arguments: object, call_id: str | None = ALICE) -> dict[str, object]:
    made: dict[str, object] = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return made if call_id is None else {"id": call_id, **made}


def assistant(content: object = None, calls: Sequence[Mapping[str, object]] = (), **more: object) -> dict[str, object]:
    message: dict[str, object] = {"role": "assistant", "content": content, **more}
    return {**message, "tool_calls": list(calls)} if calls else message


def result(content: object, call_id: str | None = ALICE, **more: object) -> dict[str, object]:
    message: dict[str, object] = {"role": "tool", "content": content, **more}
    return message if call_id is None else {**message, "tool_call_id": call_id}


TWO_CALLS_SAID = [("get_weather", {"city": "Zürich", "days": 2}), ("get_time", {"zone": "CET"})]
TWO_CALLS = [call(*said, call_id) for said, call_id in zip(TWO_CALLS_SAID, (ALICE, BOB), strict=True)]
ONE_CALL = [call("get_weather", {"city": "Zürich"})]


def read_calls(message: Message) -> list[tuple[str, object]]:
    return [(each.name, json.loads(each.arguments)) for each in message.tool_calls]


def written_calls(message: Mapping[str, Any]) -> list[tuple[str, object]]:
    made = [each["function"] for each in message.get("tool_calls", ())]
    return [(each["name"], _read(each["arguments"])) for each in made]


def _read(arguments: object) -> object:
    return json.loads(arguments) if isinstance(arguments, str) else arguments


def no_repr(text: str) -> None:
    """No Python or Jinja representation of a value in the text."""
    for trace in ("{'", "['", "': ", "'type'", "None", "undefined", "Undefined", '"type": "text"', "True", "False"):
        assert trace not in text, f"{trace!r} in {text[-600:]!r}"


# --- the requirements


def results_by_id(subject: Subject) -> None:
    """Results are matched by id, come in the order of the calls, and take their name from the call."""
    before = [FIRST_USER, assistant(None, TWO_CALLS)]
    swapped = [result("at noon", BOB), result("sunny", ALICE)]
    wanted = subject.prompt([*before, *reversed(swapped)], TOOLS)
    assert subject.prompt([*before, *swapped], TOOLS) == wanted
    tail = wanted[len(subject.prompt([FIRST_USER], TOOLS, generate=False)) :]
    assert tail.rindex("sunny") < tail.rindex("at noon")
    without_ids = [FIRST_USER, assistant(None, [call("get_weather", {"city": "x"}, None)]), result("sunny", None)]
    assert "sunny" in subject.prompt(without_ids, TOOLS)


def parallel_calls(subject: Subject) -> None:
    """Several calls of one message are all written, and each result."""
    message = assistant(None, TWO_CALLS)
    said = subject.said([FIRST_USER], message, TOOLS, {})
    assert read_calls(subject.read(said, TOOLS, {})) == written_calls(message)
    prompt = subject.prompt([FIRST_USER, message, result("sunny"), result("at noon", BOB)], TOOLS)
    assert "sunny" in prompt
    assert "at noon" in prompt


def text_before_calls(subject: Subject) -> None:
    """The text of a message with calls comes before them, and the turn goes on after the results."""
    # An answer without any reasoning tells that the client sends none back.
    thought = {"reasoning_content": "A look."} if subject.reasons({}) else {}
    message = assistant("I look it up.", ONE_CALL, **thought)
    said = subject.said([FIRST_USER], message, TOOLS, {})
    read = subject.read(said, TOOLS, {})
    assert (read.content or "").strip() == "I look it up."
    assert read_calls(read) == written_calls(message)
    prompt = subject.prompt([FIRST_USER, message, result("sunny")], TOOLS)
    tail = prompt[len(said.prompt) :]
    assert tail.index("I look it up.") < tail.index("get_weather") < tail.index("sunny")
    assert tail.count("I look it up.") == 1


def reasoning_in_history(subject: Subject) -> None:
    """Reasoning of each step of the current tool loop is in the prompt, under either name; older by request."""
    for name in ("reasoning_content", "reasoning"):
        steps = [
            assistant(None, ONE_CALL, **{name: "first thought"}),
            result("sunny"),
            assistant(None, [call("get_time", {"zone": "CET"}, BOB)], **{name: "second thought"}),
            result("at noon", BOB),
        ]
        prompt = subject.prompt([FIRST_USER, *steps], TOOLS)
        assert prompt.count("first thought") == prompt.count("second thought") == 1
        assert prompt.index("first thought") < prompt.index("sunny") < prompt.index("second thought")
        later = [FIRST_USER, *steps, assistant("Noon.", **{name: "third thought"}), {"role": "user", "content": "Ok"}]
        for kwargs in ({"preserve_thinking": True}, {"clear_thinking": False}, {"drop_thinking": False}):
            kept = subject.prompt(later, TOOLS, kwargs)
            assert all(f"{each} thought" in kept for each in ("first", "second", "third"))


def developer_role(subject: Subject) -> None:
    """Developer messages are system messages, anywhere, and several are all there."""
    developer = {"role": "developer", "content": "Be brief."}
    system = {"role": "system", "content": "Be brief."}
    for tools in (None, TOOLS):
        assert subject.prompt([developer, FIRST_USER], tools) == subject.prompt([system, FIRST_USER], tools)
        prompt = subject.prompt([system, {"role": "developer", "content": "Be kind."}, FIRST_USER], tools)
        assert prompt.index("Be brief.") < prompt.index("Be kind.") < prompt.index("Zürich")
    later = subject.prompt([FIRST_USER, assistant("Yes."), developer, {"role": "user", "content": "And?"}])
    assert later.count("Be brief.") == 1
    no_repr(later)


def content_kinds(subject: Subject) -> None:
    """Content may be a string, null, missing, or a list of parts, of a user, an assistant and a tool."""

    def chat(kind: Callable[[str], object]) -> Chat:
        return [
            {"role": "system", "content": kind("Be brief.")},
            {"role": "user", "content": kind("Weather?")},
            assistant(kind("I look."), ONE_CALL),
            result(kind("sunny")),
        ]

    whole = subject.prompt(chat(lambda text: text), TOOLS)
    assert subject.prompt(chat(lambda text: [{"type": "text", "text": text}]), TOOLS) == whole
    empty = subject.prompt([FIRST_USER, assistant("", ONE_CALL), result("")], TOOLS)
    for nothing in (None, []):
        assert subject.prompt([FIRST_USER, assistant(nothing, ONE_CALL), result(nothing)], TOOLS) == empty
    missing = [FIRST_USER, {"role": "assistant", "tool_calls": ONE_CALL}, {"role": "tool", "tool_call_id": ALICE}]
    assert subject.prompt(missing, TOOLS) == empty
    subject.prompt([{"role": "user", "content": None}])


def arguments_kinds(subject: Subject) -> None:
    """Arguments may be a mapping, JSON text (or a clear error if the format has no JSON), null or empty."""
    mapping = {"city": "Zürich", "days": 2}
    wanted = [("get_weather", mapping)]
    message = assistant(None, [call("get_weather", mapping)])
    assert read_calls(subject.read(subject.said([FIRST_USER], message, TOOLS, {}), TOOLS, {})) == wanted
    text = '{"days":2,  "city": "Z\\u00fcrich"}'
    message = assistant(None, [call("get_weather", text)])
    sentence = subject.refuses([FIRST_USER, message], TOOLS)
    if sentence:
        assert re.search("get_weather.*object", sentence)
    else:
        read = subject.read(subject.said([FIRST_USER], message, TOOLS, {}), TOOLS, {})
        assert (read.tool_calls[0].arguments, read_calls(read)) == (text, wanted)
    for nothing in (None, "", {}):
        message = assistant(None, [call("get_weather", nothing)])
        said = subject.said([FIRST_USER], message, TOOLS, {})
        assert read_calls(subject.read(said, TOOLS, {})) == [("get_weather", {})]


def non_ascii(subject: Subject) -> None:
    """Text beyond ASCII is unescaped, in messages, arguments and schemas."""
    message = assistant(None, [call("get_weather", {"city": "Łódź 🌧"})])
    prompt = subject.prompt([FIRST_USER, message, result("Schönes Wetter ☀")], TOOLS)
    for text in ("Zürich", "Łódź 🌧", "Schönes Wetter ☀", "Où est-ce ? 東京"):
        assert text in prompt, text


RICH: dict[str, object] = {
    "type": "object",
    "properties": {
        "where": {
            "type": "object",
            "properties": {"box": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}},
            "required": ["box"],
        },
        "unit": {"type": "string", "enum": ["celsius", "kelvin"]},
        "step": {"enum": [17, 34, None]},
        "mode": {"const": "exactly-this"},
        "span": {"type": ["integer", "null"], "default": 77, "minimum": 11, "maximum": 99},
        "either": {"anyOf": [{"type": "string", "pattern": "^either-a$"}, {"type": "integer", "minimum": 41}]},
        "one": {"oneOf": [{"type": "boolean"}, {"$ref": "#/$defs/Place"}]},
        "both": {"allOf": [{"type": "string"}, {"minLength": 23}]},
        "maybe": {"type": "string", "nullable": True, "description": "said of maybe"},
        "free": {"type": "object", "additionalProperties": {"type": "string", "format": "date-time"}},
        "type": {"type": "string", "description": "said of type"},
        "description": {"type": "string", "description": "said of description"},
        "properties": {"type": "array", "items": {"type": "string"}},
        "required": {"type": "boolean"},
    },
    "required": ["where", "type"],
    "additionalProperties": False,
    "$defs": {"Place": {"type": "object", "properties": {"inside_the_definition": {"type": "string"}}}},
}


def schemas(subject: Subject) -> None:
    """The whole schema is in the prompt: nesting, unions, references, values of any type, limits."""
    tool = {"type": "function", "function": {"name": "rich", "description": "of all kinds", "parameters": RICH}}
    bare = {"type": "function", "function": {"name": "no_parameters_no_description"}}
    alone = {"type": "function", "function": {"name": "no_properties", "parameters": {"type": "object"}}}
    prompt = subject.prompt([{"role": "user", "content": "hi"}], [tool, bare, alone])
    described = prompt[prompt.index("rich") :]
    names = ["where", "box", "unit", "step", "mode", "span", "either", "one", "both", "maybe", "free"]
    said = ["celsius", "kelvin", "17", "34", "exactly-this", "77", "11", "99", "^either-a$", "41", "Place", "23"]
    last = ["said of maybe", "date-time", "said of type", "said of description", "inside_the_definition"]
    for text in [*names, *said, *last, "no_parameters_no_description", "no_properties"]:
        assert text in described, text
    no_repr(prompt)
    for name in ("properties", "required", "description", "type"):
        assert re.search(rf'["<|\W]{name}["|>\W]', described), name


def kwargs(subject: Subject) -> None:
    """`enable_thinking` (or `thinking`), `reasoning_effort` and `preserve_thinking` may all be given."""
    chat = [FIRST_USER]
    for effort in ("reasoning_effort", "thinking_effort"):
        assert "Zürich" in subject.prompt(chat, TOOLS, {effort: "high"})
    assert "Zürich" in subject.prompt(chat, TOOLS, {"preserve_thinking": True})
    on, off = ({"enable_thinking": each} for each in (True, False))
    for value, wanted in ((True, on), (False, off)):
        assert subject.prompt(chat, TOOLS, {"thinking": value}) == subject.prompt(chat, TOOLS, wanted)
    if subject.thinks:
        assert subject.prompt(chat, TOOLS, on) != subject.prompt(chat, TOOLS, off)
        default = subject.prompt(chat, TOOLS)
        assert subject.prompt(chat, TOOLS, {"reasoning_effort": "none"}) in (default, subject.prompt(chat, TOOLS, off))


def generation_prompt(subject: Subject) -> None:
    """Nothing follows the last turn unless asked for; a message to be continued is left open."""
    chat = [FIRST_USER, assistant("It is raining")]
    without = subject.prompt(chat, generate=False)
    end = without[without.index("It is raining") + len("It is raining") :]
    with_prompt = subject.prompt(chat)
    assert with_prompt.startswith(without)
    assert len(with_prompt) > len(without)
    user_only = subject.prompt([FIRST_USER], generate=False)
    assert subject.prompt([FIRST_USER]).startswith(user_only)
    assert len(subject.prompt([FIRST_USER])) > len(user_only)
    assert end.strip(), "the turn has no end"
    continued = subject.prompt(chat, generate=False, kwargs={"continue_final_message": True})
    assert continued.endswith("It is raining")
    # Where nobody cuts the text, the template leaves the turn open itself.
    template = _in_transformers(subject.text)
    own = template.render(messages=chat, bos_token=BOS, continue_final_message=True, add_generation_prompt=False)
    assert own.endswith("It is raining")


def agent_loop(thinks: bool) -> list[dict[str, object]]:
    """A loop with every kind of step; with reasoning if the family reasons."""

    def reasons(text: str) -> dict[str, object]:
        return {"reasoning_content": text} if thinks else {}

    return [
        {"role": "system", "content": "Be brief."},
        FIRST_USER,
        assistant("I look it up.", TWO_CALLS, **reasons("Both at once.")),
        result("at noon", BOB),
        result("sunny", ALICE),
        assistant(None, [call("get_time", {"zone": "UTC"}, "call_00000c")], **reasons("Once more.")),
        result("eleven", "call_00000c"),
        assistant("Sunny; it is noon.", **reasons("All there.")),
        {"role": "user", "content": "Thanks. And in Łódź?"},
        assistant(None, [call("get_weather", {"city": "Łódź"}, "call_00000d")], **reasons("Again.")),
        result("rain", "call_00000d"),
        assistant("Rain.", **reasons("Done.")),
        {"role": "user", "content": "Bye"},
    ]


def prefix_stability(subject: Subject) -> None:
    """Each prompt, with the model's reply to it, begins the next prompt: thinking as it is, on and off."""
    for mode in subject.modes:
        kwargs = {**mode, "preserve_thinking": True}
        chat = agent_loop(subject.reasons(mode))
        for at, message in enumerate(chat):
            if message["role"] != "assistant":
                continue
            said = subject.said(chat[:at], message, TOOLS, kwargs)
            assert said.stable, f"{mode}: step {at} rewrites its own prompt"
            following = next((n for n in range(at + 1, len(chat)) if chat[n]["role"] == "assistant"), len(chat))
            later = subject.prompt(chat[:following], TOOLS, kwargs)
            assert later.startswith(said.prompt + said.text), f"{mode}: step {at} is rewritten later"


def tools_once(subject: Subject) -> None:
    """The tools are described once, before the first message of the user, and stay there."""
    chat = agent_loop(False)
    for end in (2, len(chat)):
        prompt = subject.prompt(chat[:end], TOOLS)
        assert prompt.count("Weather of the coming days") == 1
        assert prompt.index("Weather of the coming days") < prompt.index("Zürich, and the time?")


def no_tools(subject: Subject) -> None:
    """An empty list of tools counts as no tools."""
    assert subject.prompt([FIRST_USER], []) == subject.prompt([FIRST_USER], None)
    assert "get_weather" in subject.prompt([FIRST_USER], TOOLS)


def no_clock(subject: Subject) -> None:
    """No date of today is in the prompt unless a request gives one."""
    environment = _in_transformers(subject.text).environment
    template = environment.from_string(subject.text, globals={"strftime_now": lambda _form: "the-clock-was-read"})
    for tools in (None, TOOLS):
        rendered = template.render(messages=[FIRST_USER], tools=tools, bos_token=BOS, add_generation_prompt=True)
        assert "the-clock-was-read" not in rendered


def one_bos(subject: Subject) -> None:
    """The beginning-of-sequence token comes first, once, or not at all."""
    for chat in ([FIRST_USER], agent_loop(False)):
        prompt = subject.prompt(chat, TOOLS)
        assert prompt.count(BOS) <= 1
        assert prompt.find(BOS) in (-1, 0)


def portable(subject: Subject) -> None:
    """minijinja, with Python's JSON and nothing else added, writes the same bytes."""
    for mode in subject.modes:
        chat = agent_loop(subject.thinks)
        for end in range(1, len(chat) + 1):
            for tools in (None, TOOLS):
                wanted = subject.prompt(chat[:end], tools, mode)
                assert subject.prompt(chat[:end], tools, mode, render=by_minijinja) == wanted


def sandboxed(subject: Subject) -> None:
    """A whole conversation renders in the sandbox, and nothing it is given is changed."""
    chat = agent_loop(subject.thinks)
    before = json.dumps([chat, TOOLS])
    for mode in subject.modes:
        assert "Bye" in subject.prompt(chat, TOOLS, mode)
    assert json.dumps([chat, TOOLS]) == before


REQUIREMENTS: tuple[Callable[[Subject], None], ...] = (
    results_by_id,
    parallel_calls,
    text_before_calls,
    reasoning_in_history,
    developer_role,
    content_kinds,
    arguments_kinds,
    non_ascii,
    schemas,
    kwargs,
    generation_prompt,
    prefix_stability,
    tools_once,
    no_tools,
    no_clock,
    one_bos,
    portable,
    sandboxed,
)
"""In their order: the first is number 1."""


def read_again(subject: Subject) -> float:
    """How much of what a server has read or said in an agent loop it has to read again, as a share of characters.

    Each request of the loop is compared with the prompt before it and the answer to that; 0 if prompts only grow.
    """
    kwargs: Kwargs = {"enable_thinking": True} if subject.thinks else {}
    chat = agent_loop(subject.thinks)
    known, cached = 0, 0
    grown = ""
    for at, message in enumerate(chat):
        if message["role"] != "assistant":
            continue
        said = subject.said(chat[:at], message, TOOLS, kwargs)
        known += len(grown)
        cached += shared_start(grown, said.prompt)
        grown = said.prompt + said.text
    return 1 - cached / known


_EXEMPT = re.compile(r"^\s*requirement (\d+) does not apply: ", re.MULTILINE | re.IGNORECASE)


def exempt(subject: Subject) -> set[int]:
    """The requirements that a template's header says do not apply."""
    header = subject.text.partition("-#}")[0]
    return {int(number) for number in _EXEMPT.findall(header)}
