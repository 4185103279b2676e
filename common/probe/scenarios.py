"""The 24 scenarios: the requests, what must come back, and how a perfect model would answer.

- A scenario is a request and one or more turns. A turn defines what the reply must have and what the tools answer;
  results are canned, so a run can be repeated.
- `thought`, `content` and `calls` are the reply of a perfect model, which `replay` writes in a family's markup. Every
  model is judged by `Demand`, which leaves open what may well differ: wording, and values that were not asked for.
- A request that quotes markers quotes those of the family that is probed; without a family, those of several.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..registry import reasoning_row, tool_row
from ..write.markup import RENDERERS, Call

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Mode: TypeAlias = Literal["whole", "stream"]

MODES: tuple[Mode, ...] = ("whole", "stream")
SYSTEM = "You are a precise assistant. When a tool fits, call it with exactly the values you are given. Be brief."


@dataclass(frozen=True, slots=True)
class Demand:
    """What a reply must have."""

    calls: Literal["exact", "some", "one at most", "cut", "none"] = "none"
    """exact: the turn's calls, in any order, and no others; some: at least one, of a declared tool; cut: at most one,
    whose arguments stay open."""
    says: tuple[str, ...] = ()
    """Texts that the content must contain, without regard to case."""
    content: bool = False
    """Whether there must be content."""
    reasoning: bool | None = None
    """Whether there must be reasoning; None: there may be."""
    in_many_deltas: bool = False
    """Whether a stream must have the arguments in many pieces."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One reply: the perfect one, what every reply must have, and what the tools answer."""

    thought: str = ""
    content: str = ""
    calls: tuple[Call, ...] = ()
    demand: Demand = Demand()
    results: Mapping[str, str] = field(default_factory=dict)
    """The result of each tool; if there are any, another turn follows."""


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    user: str
    turns: tuple[Turn, ...]
    tools: tuple[Mapping[str, Json], ...] = ()
    tool_choice: Json = None
    parallel_tool_calls: bool | None = None
    chat_template_kwargs: Mapping[str, Json] = field(default_factory=dict)

    def messages(self) -> list[dict[str, Json]]:
        return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": self.user}]

    def request(self) -> dict[str, Json]:
        """Return the request's body without model and messages."""
        body: dict[str, Json] = {"temperature": 0}
        if self.tools:
            body["tools"] = [dict(tool) for tool in self.tools]
        if self.tool_choice is not None:
            body["tool_choice"] = self.tool_choice
        if self.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = self.parallel_tool_calls
        if self.chat_template_kwargs:
            body["chat_template_kwargs"] = dict(self.chat_template_kwargs)
        return body


def tool(name: str, description: str, **properties: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return a tool whose parameters are all required."""
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": {key: dict(schema) for key, schema in properties.items()},
                "required": list(properties),
            },
        },
    }


def call(name: str, **arguments: Json) -> Call:
    return Call.of(name, arguments)


def _string(description: str = "") -> Mapping[str, Json]:
    return {"type": "string", "description": description} if description else {"type": "string"}


WEATHER = tool("get_weather", "Current weather of a city.", city=_string("The city's name."))
TIME = tool("get_time", "Current time of a city.", city=_string("The city's name."))
CALCULATOR = tool(
    "calculate",
    "Apply an operation to two numbers.",
    operation={"type": "string", "enum": ["add", "subtract", "multiply", "divide"]},
    a={"type": "integer"},
    b={"type": "integer"},
)
NOTE = tool("save_note", "Save a text, character by character as given.", text=_string())
FILE = tool("write_file", "Write a file.", path=_string(), content=_string("The whole content, exactly."))
QUERY = tool("run_sql", "Run one SQL statement.", query=_string("The statement, exactly as given."))
STATUS = tool("system_status", "The status of the system; takes no parameters.")
SEARCH = tool("search_web", "Search the web; returns titles and addresses.", query=_string())
CRAWL = tool("fetch_page", "Fetch a page and return its text.", url=_string())
RECORD = tool(
    "save_record",
    "Save a record.",
    count={"type": "integer"},
    ratio={"type": "number"},
    active={"type": "boolean"},
    comment={"anyOf": [{"type": "string"}, {"type": "null"}]},
    level={"type": "string", "enum": ["low", "medium", "high"]},
    tags={"type": "array", "items": {"type": "string"}},
    owner={
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
    },
)
FORM = tool(
    "save_form", "Save a form's fields as text.", code=_string(), flag=_string(), empty=_string(), size=_string()
)

PASSAGE = (
    "The harbour light went out at ten past four, and nobody on the pier said a word until the second bell; then "
    "Marta counted the boats again: twelve, not thirteen."
)
ODD_TEXT = "Zoë said \"naïve\" — C:\\temp\\new\n\ttab, emoji 🦜🏴\u200d☠️, 漢字, ½ and a quote: 'ok'"
PROGRAM = """def render(items):
    if not items:
        return "<ul></ul>"
    rows = [f"<li class='x'>{i} &amp; {n}</li>" for i, n in enumerate(items) if i < 10 and n > 2]

    return "<ul>\\n" + "\\n".join(rows) + "\\n</ul>"
"""
LONG_TEXT = " ".join(
    f"Line {number}: the quick brown fox counts {number * 7919 % 1000} sheep." for number in range(170)
)

_OTHERS = ("</tool_call>", "<|tool_call_end|>", "</parameter>", "</think>")


def _native(family: str | None) -> Callable[[Sequence[Call]], str]:
    return RENDERERS[family or "hermes"].calls


def _exact(*calls: Call, thought: str = "The tool fits.", results: Mapping[str, str] | None = None) -> Turn:
    return Turn(thought, "", calls, Demand("exact"), results or {})


def _said(content: str, *says: str, thought: str = "No tool is needed.", reasoning: bool | None = None) -> Turn:
    return Turn(thought, content, (), Demand(says=says, content=True, reasoning=reasoning))


def _delimiters(family: str | None) -> str:
    """Return an SQL statement that quotes the family's markers, except tokens that would end the turn."""
    markers: Sequence[str] = _OTHERS
    if family is not None:
        row = tool_row(family)
        ends = {row.turn_end, *row.turn_ends, *(end for name in row.pairs for end in reasoning_row(name).turn_ends)}
        markers = [each for each in RENDERERS[family].quotable[1:] if not any(end in each for end in ends if end)][:5]
    return f"SELECT '{' '.join(each.strip() for each in markers)}' AS literal, id FROM log WHERE note <> ''"


def scenarios(family: str | None = None) -> tuple[Scenario, ...]:
    """Return the scenarios; those that quote markers quote those of `family`, a tool-call parser."""
    statement = _delimiters(family)
    example = _native(family)([call("get_weather", city="Oslo")])
    document = f"How to call a tool:\n\n{example}\n\nThat is all."
    return (
        Scenario("no_tools", "Say in one sentence what the capital of France is.", (_said("It is Paris.", "Paris"),)),
        Scenario(
            "auto_no_call",
            "What is the opposite of hot? Answer in one word.",
            (_said("Cold.", "cold"),),
            (WEATHER, TIME),
        ),
        Scenario(
            "simple_arithmetic",
            "Multiply 173 by 29 with the tool.",
            (_exact(call("calculate", operation="multiply", a=173, b=29)),),
            (CALCULATOR,),
        ),
        Scenario(
            "single_call",
            'What is the weather like? Use the city "Reykjavik".',
            (_exact(call("get_weather", city="Reykjavik")),),
            (WEATHER,),
        ),
        Scenario(
            "context_echo",
            f"Save this passage as a note, unchanged, without the brackets: [{PASSAGE}]",
            (_exact(call("save_note", text=PASSAGE)),),
            (NOTE,),
        ),
        Scenario(
            "required_tool",
            "Hello!",
            # A grammar that forces a call may begin with the reply and allow no reasoning.
            (Turn("", "", (call("get_time", city="Paris"),), Demand("some")),),
            (WEATHER, TIME),
            tool_choice="required",
        ),
        Scenario(
            "named_tool",
            'Tell me about "Lima".',
            (Turn("", "", (call("get_time", city="Lima"),), Demand("exact")),),
            (WEATHER, TIME),
            tool_choice={"type": "function", "function": {"name": "get_time"}},
        ),
        Scenario(
            "none_tool",
            "What would you need to know to tell me the weather? One sentence, and do not call anything.",
            (_said("I would need the name of the city."),),
            (WEATHER,),
            tool_choice="none",
        ),
        Scenario(
            "multi_tool",
            'I need both the weather and the time, each for the city "Accra". Call both tools at once.',
            (_exact(call("get_weather", city="Accra"), call("get_time", city="Accra")),),
            (WEATHER, TIME),
        ),
        Scenario(
            "parallel_same_tool",
            'Get the weather for "Lagos" and for "Quito". Call the tool twice at once.',
            (_exact(call("get_weather", city="Lagos"), call("get_weather", city="Quito")),),
            (WEATHER,),
        ),
        Scenario(
            "parallel_disabled",
            'Get the weather for "Lagos" and for "Quito".',
            (Turn("One at a time.", "", (call("get_weather", city="Lagos"),), Demand("one at most")),),
            (WEATHER,),
            parallel_tool_calls=False,
        ),
        Scenario(
            "zero_arguments", "Is everything up? Ask the system.", (_exact(call("system_status")),), (STATUS, WEATHER)
        ),
        Scenario(
            "typed_arguments",
            'Save a record: count 3, ratio 0.25, active true, comment null, level "medium", tags "a" and "b c", owner '
            '"Ada", who is 36.',
            (
                _exact(
                    call(
                        "save_record",
                        count=3,
                        ratio=0.25,
                        active=True,
                        comment=None,
                        level="medium",
                        tags=["a", "b c"],
                        owner={"name": "Ada", "age": 36},
                    )
                ),
            ),
            (RECORD,),
        ),
        Scenario(
            "lookalike_strings",
            'Save the form with code "007", flag "true", empty "null" and size "1e3", all as text.',
            (_exact(call("save_form", code="007", flag="true", empty="null", size="1e3")),),
            (FORM,),
        ),
        Scenario(
            "unicode_escapes",
            f"Save this as a note, exactly, up to the line of stars.\n{ODD_TEXT}\n***",
            (_exact(call("save_note", text=ODD_TEXT)),),
            (NOTE,),
        ),
        Scenario(
            "code_argument",
            f"Write this file as render.py, with every space and the last line break.\n```\n{PROGRAM}```",
            (_exact(call("write_file", path="render.py", content=PROGRAM)),),
            (FILE,),
        ),
        Scenario(
            "delimiter_literal",
            f"Run this statement, exactly as it stands:\n{statement}",
            (_exact(call("run_sql", query=statement)),),
            (QUERY,),
        ),
        Scenario(
            "nested_call_literal",
            f"Write the file help.md with exactly this content, up to the line of stars:\n{document}\n***",
            (_exact(call("write_file", path="help.md", content=document)),),
            (FILE, WEATHER),
        ),
        Scenario(
            "long_argument",
            f"Save this as a note, unchanged:\n{LONG_TEXT}",
            (Turn("A long one.", "", (call("save_note", text=LONG_TEXT),), Demand("exact", in_many_deltas=True)),),
            (NOTE,),
        ),
        Scenario(
            "reasoning_answer",
            "Think about it first: is 91 a prime? Then answer yes or no.",
            (_said("No: 91 is 7 times 13.", "no", thought="91 is 7 times 13, so it is not.", reasoning=True),),
            chat_template_kwargs={"enable_thinking": True, "thinking": True},
        ),
        Scenario(
            "reasoning_call",
            'Think first about which tool you need, then get the weather of "Hanoi".',
            (
                Turn(
                    "The weather tool, for Hanoi.",
                    "",
                    (call("get_weather", city="Hanoi"),),
                    Demand("exact", reasoning=True),
                ),
            ),
            (WEATHER, TIME),
            chat_template_kwargs={"enable_thinking": True, "thinking": True},
        ),
        Scenario(
            "thinking_off",
            "What colour is the sky on a clear day? One word.",
            (_said("Blue.", "blue", thought="", reasoning=False),),
            (WEATHER,),
            chat_template_kwargs={"enable_thinking": False, "thinking": False},
        ),
        Scenario(
            "tool_loop",
            'What is the temperature in "Oslo" right now? Use the tool, then tell me the number.',
            (
                _exact(
                    call("get_weather", city="Oslo"), results={"get_weather": '{"temperature": -7, "unit": "celsius"}'}
                ),
                _said("It is -7 degrees in Oslo.", "7", thought="Now I know it."),
            ),
            (WEATHER,),
        ),
        Scenario(
            "search_and_crawl",
            'Search for "velvet lantern release date", fetch the first result\'s page, and tell me the date it gives.',
            (
                _exact(
                    call("search_web", query="velvet lantern release date"),
                    results={"search_web": '[{"title": "Velvet Lantern", "url": "https://example.com/velvet"}]'},
                ),
                _exact(
                    call("fetch_page", url="https://example.com/velvet"),
                    results={"fetch_page": "Velvet Lantern. Released on 12 March 2031 in Tromso."},
                ),
                _said("It was released on 12 March 2031.", "12", "2031", thought="The page has the date."),
            ),
            (SEARCH, CRAWL),
        ),
    )


def declared(scenario: Scenario) -> frozenset[str]:
    """Return the names of a scenario's tools."""
    names = []
    for each in scenario.tools:
        function = each["function"]
        assert isinstance(function, dict)
        names.append(str(function["name"]))
    return frozenset(names)


def asked_text(scenario: Scenario) -> str:
    """Return all text of the request: markers that it contains are not leaks."""
    return "\n".join((SYSTEM, scenario.user, json.dumps([dict(each) for each in scenario.tools], ensure_ascii=False)))
