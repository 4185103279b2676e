"""What a renderer wrote comes back: the same calls, values, content and reasoning, however the text is cut.

- `markup` writes random calls between random content and reasoning; nothing here knows the parser.
- Values come back equal, JSON bodies byte for byte.
- White space between the parts is expected as docs/contract.md says, by a model of its own (`expected_text`).

`PROPERTY_EXAMPLES` is the number of examples a format and property.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace

import pytest
from dynamo_parsers import Event, Message, ToolCall, fold
from dynamo_parsers.cursor import MAX_HELD, Markers
from dynamo_parsers.format import ToolFormat
from dynamo_parsers.registry import TOOL_ROWS, reasoning_row
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.shapes.frames import Frames
from dynamo_parsers.shapes.gemma import GemmaCalls
from dynamo_parsers.write import markup
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from newcomers import FORMATS, newcomer
from replies import Request, check_protocol, events_of, merged, tool

EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "40"))

settings.register_profile(
    "formats",
    max_examples=EXAMPLES,
    deadline=None,
    # The same examples in every run, so that a run says what the change did; PROPERTY_RANDOM=1 looks for new ones.
    derandomize="PROPERTY_RANDOM" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    print_blob=True,
)
settings.load_profile("formats")

pytestmark = pytest.mark.shared
rows = pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)


def test_every_format_has_a_renderer() -> None:
    assert {row.name for row in TOOL_ROWS} == set(markup.RENDERERS)


# --- what a reply is made of

SPACES = st.sampled_from(("", "\n", "\n\n", " ", "\n  ", " \n\t"))
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.\-/]{0,40}", fullmatch=True).filter(
    lambda name: not name.startswith("functions")
)
KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.\-]{0,20}", fullmatch=True)
CHARS = st.characters(exclude_categories=("Cs",))
NUMBERS = st.one_of(
    st.integers(),
    st.integers(min_value=10**20, max_value=10**60),
    st.floats(allow_nan=False, allow_infinity=False),
)


def texts(quotable: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Strings with the family's own markers, quotes, escapes, line breaks and any Unicode in them."""
    pieces = st.one_of(
        st.text(CHARS, max_size=20),
        st.text("\"'\\{}[]<>&/,:=|\n\r\t\x00\x1f 0aé\u2028😀", max_size=12),
        st.sampled_from(quotable),
    )
    return st.lists(pieces, max_size=4).map("".join)


def values(strings: st.SearchStrategy[str], keys: st.SearchStrategy[str]) -> st.SearchStrategy[markup.Value]:
    scalars = st.one_of(st.none(), st.booleans(), NUMBERS, strings)
    return st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
        max_leaves=12,
    )


@st.composite
def json_calls(draw: st.DrawFn, renderer: markup.Renderer) -> markup.Call:
    """A call whose arguments are JSON text in any style."""
    strings = texts(renderer.quotable)
    arguments = draw(st.dictionaries(strings, values(strings, strings), max_size=4))
    if draw(st.integers(0, 20)) == 0:
        deep: markup.Value = "bottom"
        for _ in range(draw(st.integers(1, 300))):
            deep = [deep] if draw(st.booleans()) else {"k": deep}
        arguments["deep"] = deep
    separators = draw(st.sampled_from(((", ", ": "), (",", ":"), (" ,\n ", " : "))))
    text = json.dumps(
        arguments,
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from((None, None, 2))),
        separators=separators,
    )
    return markup.Call(draw(NAMES), arguments, text)


def quotes_a_frame(row: ToolRow, text: str) -> bool:
    """Whether a message's end and the next one's whole header are in `text`: never data of an open value."""
    header = getattr(row.format, "next_header", None)
    if header is None:
        return False
    closers = "|".join(map(re.escape, row.format.closers.all))
    return re.search(rf"(?:{closers})(?:{closers}|\s)*(?:{header})", text) is not None


def safe_in_tags(text: str, renderer: markup.Renderer) -> bool:
    """Whether a string value is not one of the two limits: a closer that could be the value's, or half a call.

    Markers are in it only as `quotable` wrote them, each with a word after it.
    """
    bare = text
    for piece in sorted(renderer.quotable, key=len, reverse=True):
        bare = bare.replace(piece, " ")
    marks = {piece.split()[0] for piece in renderer.quotable} - {"&lt;"}
    return not any(mark in bare for mark in marks)


@st.composite
def tagged_calls(draw: st.DrawFn, renderer: markup.Renderer) -> tuple[markup.Call, dict[str, object]]:
    """A call, and the schema of its tool's parameters as far as they are declared."""
    strings = texts(renderer.quotable).filter(lambda text: safe_in_tags(text, renderer))
    if renderer.one_line:
        strings = strings.map(lambda text: " ".join(text.split()))
    inner_keys = KEYS if renderer.plain_keys else strings
    arguments = draw(st.dictionaries(KEYS, values(strings, inner_keys), max_size=4))
    properties: dict[str, object] = {}
    for key, value in arguments.items():
        schema = draw(st.sampled_from(schemas_for(value)))
        if schema is not None:
            properties[key] = schema
    return markup.Call.of(draw(NAMES), arguments), properties


def schemas_for(value: markup.Value) -> list[object]:
    """Schemas under which the text of `value` can only be read as it; None: undeclared."""
    if isinstance(value, str):
        exact: list[object] = [
            {"type": "string"},
            {"type": ["string"]},
            {"enum": ["x", "y"]},
            {"const": "c"},
            {"anyOf": [{"type": "string"}, {"type": "string", "maxLength": 3}]},
            {"allOf": [{"type": "string"}]},
            {"$ref": "#/$defs/Text"},
        ]
        bare = value.strip()
        if bare.lower() not in ("null", "none"):
            exact += [
                {"type": ["string", "null"]},
                {"type": "string", "nullable": True},
                {"anyOf": [{"type": "null"}, {"type": "string"}]},
            ]
        if re.match(r"[a-z]{2}", bare) and bare.lower() not in ("null", "none", "true", "false"):
            exact += [
                None,
                {},
                True,
                {"type": ["string", "integer", "boolean", "null", "object"]},
                {"description": "x"},
            ]
        if not re.match(r"[\d.+-]", bare):
            exact.append({"oneOf": [{"type": "string"}, {"type": "number"}]})
        if not bare.startswith(("{", "[", "]")):
            exact.append({"type": ["string", "array", "object"]})
        return exact
    kind = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object", type(None): "null"}[
        type(value)
    ]
    exact = [
        {"type": kind},
        {"type": [kind, "string"]},
        {"anyOf": [{"type": "string"}, {"type": kind}]},
        {"oneOf": [{"type": kind}]},
        {"$ref": f"#/$defs/{kind}"},
        None,
        {},
    ]
    if kind == "integer":
        exact.append({"type": "number"})
    if kind in ("integer", "number") and isinstance(value, (int, float)) and abs(value) < 1:
        exact.append({"enum": [value, "x"]})
    return exact


DEFS = {
    "Text": {"type": "string"},
    **{kind: {"type": kind} for kind in ("boolean", "integer", "number", "array", "object", "null")},
}


def think_markers(row: ToolRow) -> list[str]:
    think = reasoning_row(row.pairs[0])
    frame = sorted(think.frame.markers) if think.frame is not None else []
    return [*frame, *think.think.opens, *think.think.closes, row.turn_end, *row.turn_ends, *think.turn_ends]


@dataclass(frozen=True)
class Piece(markup.Part):
    """A part of a reply, and the white space after it."""

    space: str = ""


@dataclass(frozen=True)
class Reply:
    """A rendered reply, its request, and what must come back."""

    text: str
    pieces: tuple[Piece, ...]
    request: Request
    cuts: list[int]
    ends: list[int]
    """Where the markup of each piece ends."""

    @property
    def calls(self) -> list[markup.Call]:
        return [call for piece in self.pieces for call in piece.calls]

    @property
    def reasoning(self) -> str | None:
        return "".join(piece.text for piece in self.pieces if piece.kind == "reasoning") or None

    def up_to(self, end: int) -> Reply:
        """The reply of the pieces that end by `end`."""
        whole = [piece for piece, ends in zip(self.pieces, self.ends, strict=True) if ends <= end]
        return replace(self, pieces=tuple(whole))

    def events(self) -> list[Event]:
        """The merged events; those of the text in pieces must be the same."""
        whole = merged(events_of(self.request, [self.text]))
        check_protocol(whole)
        cut = [self.text[start:end] for start, end in zip([0, *self.cuts], [*self.cuts, len(self.text)], strict=True)]
        assert merged(events_of(self.request, cut)) == whole
        return whole

    def message(self) -> Message:
        return fold(self.events())


def expected_text(reply: Reply) -> str | None:
    """The content of a reply: white space next to content stays if content is on both sides."""
    text = ""
    behind = ""  # the last content
    for before, piece in zip([None, *reply.pieces], reply.pieces, strict=False):
        if piece.kind != "content":
            continue
        space = before.space if before is not None else ""
        if text:
            text += behind + space
        elif before is not None and before.kind == "reasoning":
            text = space.rpartition("\n")[2]  # the first line keeps its indentation
        text += piece.text
        behind = piece.space
    return text or None


@st.composite
def replies(draw: st.DrawFn, row: ToolRow) -> Reply:
    renderer = markup.RENDERERS[row.name]
    think = reasoning_row(row.pairs[0])
    own = sorted(row.format.markers | set(think_markers(row)))
    letters = st.text(CHARS, max_size=30).filter(lambda text: not any(marker in f"x{text}x" for marker in own))
    # A letter on each side: no white space at the ends, nothing that could join a marker.
    prose = letters.map(lambda text: f"x{text}x")
    properties: dict[str, dict[str, object]] = {}
    pieces: list[Piece] = []
    spaces = SPACES if renderer.framed is None else st.just("")
    for kind in draw(st.lists(st.sampled_from(("content", "reasoning", "calls")), min_size=1, max_size=6)):
        if pieces and pieces[-1].kind == kind == "content":
            continue
        space = draw(spaces)
        if kind != "calls":
            pieces.append(Piece(kind, draw(prose), (), space))
            continue
        calls: list[markup.Call] = []
        for _ in range(draw(st.integers(1, 3))):
            if renderer.json_bodies:
                calls.append(draw(json_calls(renderer)))
                assume(not quotes_a_frame(row, calls[-1].text))
                properties.setdefault(calls[-1].name, {})
            else:
                call, declared = draw(tagged_calls(renderer))
                # In a line a parser looks past a marker as far as a mark holds: what is longer is a limit.
                assume(not renderer.one_line or len(call.text) < MAX_HELD - 100)
                # One tool a name, and a parameter is declared once.
                assume(properties.setdefault(call.name, declared) == declared)
                calls.append(call)
        pieces.append(Piece(kind, "", tuple(calls), space))
    inside = renderer.framed is None and pieces[0].kind == "reasoning" and draw(st.booleans())
    written = renderer.write(pieces, (think.open, think.close))
    if inside:
        written[0] = written[0].removeprefix(think.open)
    text = "" if inside else draw(spaces)
    ends: list[int] = []
    for part, piece in zip(written, pieces, strict=True):
        text += part
        ends.append(len(text))
        text += piece.space
    text += draw(st.sampled_from(("", row.turn_end, *row.turn_ends)))
    tools = [
        {
            "type": "function",
            "function": {"name": name, "parameters": {"properties": declared, "$defs": DEFS}},
        }
        for name, declared in properties.items()
    ]
    tools.append({"type": "function", "function": {"name": "other_tool"}})
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return Reply(text, tuple(pieces), Request(row.name, think.name, tools, in_reasoning=inside), cuts, ends)


# --- properties


def same_values(arguments: str, call: markup.Call, renderer: markup.Renderer) -> None:
    if renderer.json_bodies:
        assert arguments == call.text
    else:
        assert strictly(json.loads(arguments)) == strictly(dict(call.arguments))


def strictly(value: object) -> object:
    """A value in which 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return {key: strictly(each) for key, each in value.items()}
    if isinstance(value, list):
        return [strictly(each) for each in value]
    return type(value), value


@rows
@given(data=st.data())
def test_replies_come_back(row: ToolRow, data: st.DataObject) -> None:
    come_back(row, data)


def come_back(row: ToolRow, data: st.DataObject) -> None:
    reply = data.draw(replies(row))
    message = reply.message()
    assert [call.name for call in message.tool_calls] == [call.name for call in reply.calls]
    for got, call in zip(message.tool_calls, reply.calls, strict=True):
        same_values(got.arguments, call, markup.RENDERERS[row.name])
        assert got.complete
    assert message.reasoning == reply.reasoning
    assert message.content == expected_text(reply)
    assert message.finish_reason == ("tool_calls" if reply.calls else "stop")


@pytest.mark.parametrize("name", FORMATS)
def test_replies_of_newcomers_come_back(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No list has to be longer for a new family."""
    row = newcomer(name, monkeypatch)

    @settings(max_examples=max(EXAMPLES // 4, 1))
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        come_back(row, data)

    check()


@rows
@given(data=st.data())
def test_order(row: ToolRow, data: st.DataObject) -> None:
    """Reasoning, content and calls come out in the order they were written."""
    reply = data.draw(replies(row))
    kinds = {"ContentDelta": "content", "ReasoningDelta": "reasoning", "ToolCallStart": "calls"}
    came = [kinds[type(event).__name__] for event in reply.events() if type(event).__name__ in kinds]
    wrote = [kind for piece in reply.pieces for kind in ([piece.kind] * (len(piece.calls) or 1))]
    assert without_repeats(came) == without_repeats(wrote)


def without_repeats(kinds: list[str]) -> list[str]:
    return [kind for index, kind in enumerate(kinds) if index == 0 or kinds[index - 1] != kind]


@rows
@given(data=st.data())
def test_requests_without_calls(row: ToolRow, data: st.DataObject) -> None:
    """`tool_choice` none takes the markup of calls out and nothing else; without tools it stays, verbatim."""
    reply = data.draw(replies(row))
    none = fold(events_of(reply.request.but(tool_choice="none"), [reply.text]))
    assert (none.content, none.reasoning, none.tool_calls) == (expected_text(reply), reply.reasoning, [])
    assert none.finish_reason == "stop"
    request = reply.request.but(tools=None)
    no_tools = fold(events_of(request, [reply.text]))
    assert no_tools.tool_calls == []
    assert no_tools.reasoning == reply.reasoning
    renderer = markup.RENDERERS[row.name]
    at = 0
    for piece in reply.pieces:
        if renderer.framed is not None and piece.calls:
            continue  # frames are taken off
        written = renderer.calls(piece.calls) if piece.calls else piece.text
        if piece.kind != "reasoning":
            at = (no_tools.content or "").find(written, at)
            assert at >= 0, f"{written!r} is not in {no_tools.content!r}"
            at += len(written)
    cuts = [reply.text[start:end] for start, end in zip([0, *reply.cuts], [*reply.cuts, None], strict=True)]
    assert fold(events_of(request, cuts)) == no_tools


@rows
@given(data=st.data())
def test_choices(row: ToolRow, data: st.DataObject) -> None:
    """One call if calls may not be parallel; only the named function's if one is named."""
    reply = data.draw(replies(row))
    all_calls = reply.message().tool_calls
    single = fold(events_of(reply.request.but(parallel_tool_calls=False), [reply.text]))
    assert single.tool_calls == all_calls[:1]
    assert single.content == expected_text(reply)
    name = all_calls[-1].name if all_calls else "other_tool"
    named = fold(
        events_of(reply.request.but(tool_choice={"type": "function", "function": {"name": name}}), [reply.text])
    )
    assert [(call.name, call.arguments) for call in named.tool_calls] == [
        (call.name, call.arguments) for call in all_calls if call.name == name
    ]
    assert named.content == expected_text(reply)


@rows
@given(data=st.data())
def test_every_beginning_says_no_more(row: ToolRow, data: st.DataObject) -> None:
    """What a cut reply gives is what the whole one gives first: nothing is invented, nothing complete is lost."""
    reply = data.draw(replies(row))
    whole = reply.message()
    end = data.draw(st.integers(0, len(reply.text)))
    beginning = reply.text[:end]
    events = events_of(reply.request, [beginning])
    check_protocol(events)
    message = fold(events, "length")
    assert message.finish_reason == "length"

    done = reply.up_to(end)
    assert message.tool_calls[: len(done.calls)] == whole.tool_calls[: len(done.calls)]
    assert (message.content or "").startswith(expected_text(done) or "")
    assert (message.reasoning or "").startswith(done.reasoning or "")

    if is_cut_behind_a_marker(reply, end, row):
        return  # a value that is cut ends at the first marker that it quotes
    if quotes_markup(whole.tool_calls[len(done.calls) :][:1], row):
        return  # a closer or a call that a value quotes is where it ended, if the reply ends before its own closer
    assert len(message.tool_calls) <= len(whole.tool_calls)
    assert all(call.complete for call in message.tool_calls[:-1])
    for got, call in zip(message.tool_calls, whole.tool_calls, strict=False):
        assert got.name == call.name
        if got.complete and ends_in_quoted_marker(beginning, got.arguments, call.arguments, row):
            continue
        if got.complete:
            says_no_more_arguments(got.arguments, call.arguments, markup.RENDERERS[row.name])
        else:
            assert is_cut(got.arguments, call.arguments, beginning, row), f"{got.arguments!r} of {call.arguments!r}"
    for said, all_said in ((message.content, whole.content), (message.reasoning, whole.reasoning)):
        cut = (said or "").removeprefix(shared_beginning(said or "", all_said or ""))
        assert not cut or is_released(cut, beginning, row)


def is_cut_behind_a_marker(reply: Reply, end: int, row: ToolRow) -> bool:
    """Whether the reply is cut in a call whose value quotes a marker."""
    quoted = {piece.split()[0] for piece in markup.RENDERERS[row.name].quotable} | row.format.markers
    calls = [call for piece, ends in zip(reply.pieces, reply.ends, strict=True) if ends > end for call in piece.calls]
    texts = [json.dumps(call.arguments, ensure_ascii=False) for call in calls]
    return any(mark in text or json.dumps(mark, ensure_ascii=False)[1:-1] in text for text in texts for mark in quoted)


def quotes_messages(text: str, row: ToolRow) -> bool:
    """Whether a message ends in the text and another begins right there."""
    if not isinstance(row.format, Frames):
        return False
    return any(end + start in text for end in row.format.closers.all for start in row.format.parts.all)


def quotes_markup(calls: list[ToolCall], row: ToolRow) -> bool:
    """Whether the values of these calls, each between tags, hold markers of the family."""
    if markup.RENDERERS[row.name].json_bodies:
        return False
    texts = [json.dumps(json.loads(call.arguments), ensure_ascii=False) for call in calls]
    marks = [json.dumps(marker, ensure_ascii=False)[1:-1] for marker in row.format.markers if len(marker) > 1]
    return any(mark in text for text in texts for mark in marks)


def shared_beginning(one: str, other: str) -> str:
    differ = (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return one[: next(differ, min(len(one), len(other)))]


def ends_in_quoted_marker(beginning: str, got: str, whole: str, row: ToolRow) -> bool:
    """Whether a reply was cut directly after a closer that a value quotes: at a reply's end, that is a closer."""
    if markup.RENDERERS[row.name].json_bodies or got == whole:
        return False
    return beginning.rstrip().endswith(tuple(row.format.markers))


def says_no_more_arguments(got: str, whole: str, renderer: markup.Renderer) -> None:
    """The arguments of a cut call that counts: after a finished value only closing brackets were missing."""
    shared = shared_beginning(got, whole)
    assert not got[len(shared) :].strip("]}"), f"{got!r} of {whole!r}"
    if renderer.json_bodies and got != whole:
        assert shared.rstrip().endswith(('"', "]", "}", "null", "true", "false")), f"{got!r} of {whole!r}"


def is_cut(got: str, whole: str, beginning: str, row: ToolRow) -> bool:
    """Whether these may be the arguments of a call that was cut: a beginning of them. The beginning of a closer at the
    end is text of the value before it, and that one, if it may be a string, is a string."""
    if whole.startswith(got):
        return True
    markers = Markers((*row.format.markers, *think_markers(row)))
    starts = (
        place for place in range(max(0, len(beginning) - 64), len(beginning)) if markers.begins(beginning[place:])
    )
    place = max(next(starts, -1), beginning.rfind("]<]minimax[>["))
    if place < 0:
        return False
    said = got.removesuffix(json.dumps(beginning[place:], ensure_ascii=False)[1:-1]).removesuffix("\\n")
    shared = shared_beginning(said, whole)
    return said == shared or (shared[-1:] == ":" and said[len(shared)] == '"')


def is_released(cut: str, beginning: str, row: ToolRow) -> bool:
    """Whether text that the whole reply does not give is the end of a cut one, released: a cut marker, or markup
    after an opener that is an ordinary word or bracket; in a frame, a header without its first marker."""
    if not beginning.rstrip().endswith(cut.strip()):
        return False
    renderer = markup.RENDERERS[row.name]
    bare = cut.lstrip()
    if Markers((*row.format.markers, *think_markers(row))).begins(bare):
        return True
    words = (*row.format.words, *row.format.bare_starts) if isinstance(row.format, ToolFormat) else ()
    return bare.startswith(tuple(words)) or renderer.framed is not None


# --- own markers in values, one by one


NASTY_TOOLS = [
    tool("f", s={"type": "string"}, t={"type": "string"}, a={"type": "array"}, o={"type": "object"}),
    tool("get_weather", city={"type": "string"}),
]


VALUE_CLOSERS = {row.name: (row.format.marks.delimiter,) for row in TOOL_ROWS if isinstance(row.format, GemmaCalls)}
"""What closes a string; one that ends in it would close twice."""


def nasty_texts(row: ToolRow) -> list[str]:
    """Texts of the family's own markers and of whole example calls: alone, at each end, on lines, in a row."""
    renderer = markup.RENDERERS[row.name]

    def example(**arguments: str) -> str:
        return renderer.calls([markup.Call.of("f", arguments)])

    weather = row.sample.strip("\n")
    examples = [weather, example(s="x", t="y"), example(t="y"), example(), example(s=f"a {weather} b")]
    texts = []
    for marker in sorted(row.format.markers | set(think_markers(row)) - {""}):
        texts += [marker, f"a {marker} b", f"{marker} (b)", f"a {marker}", f"a {marker}{marker} (b)", f"a\n{marker}\nb"]
    for text in examples:
        texts += [text, f"a {text} b", f"{text} b", f"a\n{text}", text + text, f"a\n{text}\n{text}\nb"]
    return texts


def value_closers(row: ToolRow) -> set[str]:
    """What closes a parameter's value in a markup of one tag per parameter."""
    grammars = (getattr(row.format, "calls", None), getattr(row.format, "_split", None))
    formats = [row.format, *(tool for grammar in grammars for tool in getattr(grammar, "tools", ()))]
    return {end for each in formats for end in getattr(getattr(each, "arguments", None), "closers", ())}


@pytest.mark.costly
@rows
@pytest.mark.slow
def test_own_markers_come_back(row: ToolRow) -> None:
    """As a string, before and after another, in an array, in an object, as a key."""
    renderer = markup.RENDERERS[row.name]
    request = Request(row.name, row.pairs[0], NASTY_TOOLS, in_reasoning=False)
    wrong = []
    for text in nasty_texts(row):
        if text.endswith(VALUE_CLOSERS.get(row.name, ())):
            continue  # a closer that comes twice is dropped
        if quotes_messages(text, row):
            continue  # the end of a message and the next one's header end a value
        places: list[dict[str, markup.Value]] = [{"s": text}, {"s": text, "t": "z"}, {"t": "z", "s": text}]
        places += [{"a": [text]}, {"o": {"k": text}}]
        if not renderer.plain_keys:
            places.append({"o": {text: 1}})
        if text.endswith(tuple(value_closers(row))):
            places = places[3:]  # a surplus closer, if it ends a string
        for arguments in places:
            written = renderer.calls([markup.Call.of("f", arguments)])
            events = merged(events_of(request, [written]))
            if arguments in (places[0], places[-1]):
                assert merged(events_of(request, list(written))) == events
            message = fold(events)
            got = [(call.complete, json.loads(call.arguments)) for call in message.tool_calls if call.complete]
            if got != [(True, arguments)] or message.content is not None or message.reasoning is not None:
                wrong.append((arguments, events))
    assert not wrong, f"{len(wrong)}, first: {wrong[0]}"
