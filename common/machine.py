"""The one machine: reasoning, content and calls as branches of a single pass over the text.

- In content: a tool opener that fits is a call, a reasoning opener starts reasoning, a stray reasoning closer
  is dropped.
- In reasoning: its closer ends it, and so does a call that fits. A repeated opener at its start is dropped,
  later it is text.
- An opener that does not fit is text, read on from right behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .arguments.json_object import read_object
from .arguments.strays import at_last_turn_end
from .cursor import IN_PROSE, NO_MARKERS, RECOVERED, Cursor, Mark, Markers, Overrun, Reading, Sink
from .format import Calls, FrameFormat, Task, Think, ToolFormat
from .formats.json_calls import JsonCalls
from .recovery import recovers, rule
from .reply import Reply

_JSON_STARTS = ("{", "[")

_LATE_CLOSER = rule("a call's closer behind text", contract="The tail")
_REPEATED_OPENER = rule("a reasoning opener repeated at the start of reasoning", contract="An opener repeated")
_STRAY_CLOSER = rule("a reasoning closer that nothing opened", contract="An opener repeated")
_CUT_CALL = rule("a call's opener or header cut off at the end", contract="The tail")
_CALL_IN_REASONING = rule("a call in reasoning that was not closed", contract="A call in open reasoning")

FORCED = JsonCalls(sample="", spans=())
"""What an engine forces where it has no grammar for the family: an array of `{"name", "parameters"}`."""


@dataclass(frozen=True)
class Grammar:
    """The markups that one machine reads."""

    tools: tuple[ToolFormat, ...]
    think: Think | None
    turn_ends: Markers
    frame: FrameFormat | None = None
    """Reads the whole reply instead of the machine here."""
    reopened: str = ""
    """What the prompt ended with and stands before the content again: the opener of reasoning that stays content."""
    mentions: frozenset[str] = frozenset()
    """Tool openers that are text in reasoning."""
    readers: dict[str, tuple[ToolFormat, ...]] = field(init=False, repr=False)
    openers: Markers = field(init=False, repr=False)
    bare: tuple[ToolFormat, ...] = field(init=False, repr=False)
    label: Markers = field(init=False, repr=False)
    in_content: Markers = field(init=False, repr=False)
    behind_call: Markers = field(init=False, repr=False)
    stops: Markers = field(init=False, repr=False)
    in_reasoning: Markers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        openers = frozenset().union(*(tool.openers.all for tool in self.tools))
        readers = {opener: tuple(tool for tool in self.tools if opener in tool.openers.all) for opener in openers}
        think = frozenset[str]() if self.think is None else frozenset((*self.think.opens, *self.think.closes))
        lines = {f"\n{start}" for tool in self.tools if tool.bare == "line" for start in tool.bare_starts}
        put = object.__setattr__
        put(self, "readers", readers)
        put(self, "openers", Markers(openers))
        put(self, "bare", tuple(tool for tool in self.tools if tool.bare))
        put(self, "label", Markers((self.reopened,) if self.think is None else self.think.labels))
        put(self, "in_reasoning", Markers((openers - self.mentions) | self.turn_ends.all | think))
        put(self, "in_content", Markers(self.in_reasoning.all | openers | lines))
        closers = frozenset().union(*(tool.closers.all for tool in self.tools))
        put(self, "behind_call", Markers(self.in_content.all | closers))
        put(self, "stops", Markers(self.turn_ends.all | think))


def read_reply(cursor: Cursor, reply: Reply, grammar: Grammar, task: Task) -> Reading[None]:
    """Read a whole reply, or up to where the task says to stop."""
    if grammar.frame is not None:
        yield from grammar.frame.read_reply(cursor, reply, task)
        return
    think = grammar.think
    opens, closes = (think.opens, think.closes) if think is not None else ((), ())
    phrases = think.words if think is not None else frozenset[str]()
    inside = task.inside
    if task.forced is not None or task.undecided or not inside:
        begins = yield from begins_as_json(cursor, reply, task)
        if begins is None:
            return
        inside = inside and not begins
    if inside and grammar.reopened:
        inside = False
        if (yield from cursor.peek()):
            yield from cursor.match(grammar.label)
            reply.content(grammar.reopened)
    calls_read = 0
    at_start = True  # of the reply, of its content, or behind a call: where a call may do without an opener
    if inside:
        reply.reasoning_starts()
        yield from _read_label(cursor, grammar)
    while True:
        if at_start and not inside and grammar.bare:
            at_start = yield from _bare_call(cursor, reply, grammar, task)
            if task.unread:
                return
            continue
        sink = reply.reasoning if inside else reply.content
        if inside:
            markers = grammar.in_reasoning if _CALL_IN_REASONING else grammar.stops
        else:
            late = _LATE_CLOSER and reply.owed_closer and task.calls is Calls.READ
            markers = grammar.behind_call if late else grammar.in_content
        marker = yield from cursor.until(markers, sink)
        if marker is None:
            return
        if marker in grammar.turn_ends.all:
            (reply.reasoning_tail if inside else reply.tail)(marker)
            # One that is left over before any content leaves the reply at its start, where a bare call counts.
            at_start = at_start or not (inside or reply.content_seen)
        elif marker in phrases and not (yield from cursor.peek()):
            sink(marker)  # an ordinary phrase
            return
        elif marker in opens:
            if not inside:
                inside = True
                reply.reasoning_starts()
            elif reply.reasoning_begun or not _REPEATED_OPENER:
                reply.reasoning(marker)
                continue
            yield from _read_label(cursor, grammar)
        elif marker in closes:
            if inside:
                inside = False
                at_start = True
                reply.reasoning_ends()
            elif not _STRAY_CLOSER:
                sink(marker)
            if (yield from begins_as_json(cursor, reply, task)) is None:
                return
        elif marker[0] == "\n":
            sink("\n")
            cursor.at -= 1
            at_start = yield from _bare_call(cursor, reply, grammar, task)
            if task.unread:
                return
            if not at_start:
                sink(cursor.take(cursor.at + 1))
        elif marker not in grammar.openers.all:
            if marker != reply.owed_closer:
                sink(marker)
            reply.owed_closer = ""
        elif (yield from read_call(marker, cursor, reply, grammar, sink, task)):
            # An empty section is markup, but no call that ends reasoning.
            inside = inside and reply.calls_read == calls_read
            calls_read = reply.calls_read
            at_start = True
            if task.unread:
                return


def _read_label(cursor: Cursor, grammar: Grammar) -> Reading[None]:
    """Read the label that may stand right behind an opener, up to the closer if that follows at once."""
    label = yield from cursor.stands(grammar.label)
    if label is not None and grammar.think is not None:
        closer = next((close for close in grammar.think.closes if label.endswith(close)), "")
        cursor.take(cursor.at + len(label) - len(closer))


def _bare_call(cursor: Cursor, reply: Reply, grammar: Grammar, task: Task) -> Reading[bool]:
    """Read a call without an opener, where one stands."""
    if task.calls is Calls.VERBATIM:
        return False
    mark = cursor.mark()
    if task.calls is Calls.STOP:
        cursor.copy_to(task.unread.append)
    try:
        yield from cursor.space()
        char = yield from cursor.peek()
        for tool in grammar.bare:
            at_its_place = tool.bare == "line" or not (reply.content_seen or reply.calls_made)
            if char and char in tool.bare_starts and at_its_place:
                fits = yield from _attempt(tool, "", mark, cursor, reply, grammar)
                if fits:
                    cursor.copy_to(None)
                    return True
    except Overrun:
        pass
    cursor.copy_to(None)
    cursor.rewind(mark)
    return False


def read_call(opener: str, cursor: Cursor, reply: Reply, grammar: Grammar, text: Sink, task: Task) -> Reading[bool]:
    """Read what a tool opener starts, or hand it to `text` where it does not fit."""
    if task.calls is Calls.VERBATIM:
        cursor.copy_to(reply.call_text())
    elif task.calls is Calls.STOP:
        cursor.copy_to(task.unread.append)
    cut = False
    for tool in grammar.readers[opener]:
        mark = cursor.mark(len(opener))
        fits = yield from _attempt(tool, opener, mark, cursor, reply, grammar)
        if fits:
            cursor.copy_to(None)
            return True
        cursor.rewind(mark, len(opener))
        cut = cut or (_CUT_CALL and fits is None and opener not in tool.words)
    if not cut and (yield from _doubled(opener, cursor, reply, grammar)):
        cursor.copy_to(None)
        return True
    cursor.copy_to(None)
    if cut and (task.calls is Calls.READ or text != reply.content):
        cursor.take(len(cursor.text))  # the beginning of a call that was cut off
        return True
    if not any(opener in tool.words for tool in grammar.readers[opener]):
        cursor.remark(IN_PROSE)
    text(opener)
    return False


@recovers("a call's opener doubled", off=False)
def _doubled(opener: str, cursor: Cursor, reply: Reply, grammar: Grammar) -> Reading[bool]:
    """Read a call whose opener stands twice; False, and nothing read, where the second does not fit either."""
    mark = cursor.mark(len(opener))
    try:
        yield from cursor.space()
        second = yield from cursor.match(grammar.openers)
    except Overrun:
        second = None
    for tool in grammar.readers[opener] if second == opener else ():
        if opener in tool.words:
            continue
        behind = cursor.offset
        if (yield from _attempt(tool, opener, mark, cursor, reply, grammar)):
            cursor.remark(RECOVERED)
            return True
        cursor.rewind(mark, behind - mark.offset)
        mark = cursor.mark(behind - mark.offset)
    cursor.rewind(mark, len(opener))
    return False


def _attempt(
    tool: ToolFormat, opener: str, mark: Mark, cursor: Cursor, reply: Reply, grammar: Grammar
) -> Reading[bool | None]:
    try:
        fits = yield from tool.read(opener, mark, cursor, reply)
    except Overrun:
        return False
    marked = opener != "" and opener not in tool.words
    if fits is False and marked and (yield from at_last_turn_end(cursor, grammar.turn_ends)):
        return None  # the turn ends in the opener or the header: that is the end of the reply
    return fits


def begins_as_json(cursor: Cursor, reply: Reply, task: Task) -> Reading[bool | None]:
    """Where content is due: whether a forced call as JSON stands here, which is then read.

    None where the machine is to stop, as it does at any JSON: what is forced is not its to know.
    """
    if task.calls is Calls.STOP and not reply.content_seen:
        mark = cursor.mark()
        try:
            yield from cursor.space()
            stop = (yield from cursor.peek()) in _JSON_STARTS
        except Overrun:
            stop = False
        cursor.rewind(mark)
        if stop:
            reply.give_reasoning()
            task.unread.append("")
            return None
        return False
    if task.undecided:
        yield from _wait_for_choice(cursor, task)
    if task.forced is None:
        return False
    mark = cursor.mark()
    fits: bool | None = False
    try:
        yield from cursor.space()
        char = yield from cursor.peek()
        if char and char in _JSON_STARTS and task.calls is Calls.VERBATIM:
            cursor.rewind(mark)
            return True
        if char == "{" and task.forced.name is not None:
            cursor.settle(mark)
            call = reply.call(task.forced.name)
            call.end((yield from read_object(cursor, call.arguments, NO_MARKERS)))
            return True
        if char and char in _JSON_STARTS:
            fits = yield from FORCED.read("", mark, cursor, reply)
    except Overrun:
        pass
    if not fits:
        cursor.rewind(mark)
    return bool(fits)


def _wait_for_choice(cursor: Cursor, task: Task) -> Reading[None]:
    """Where JSON stands, wait until the choice is told: it may be what the engine forced."""
    mark = cursor.mark()
    try:
        yield from cursor.space()
        task.waits = (yield from cursor.peek()) in _JSON_STARTS
    except Overrun:
        task.waits = False
    cursor.rewind(mark)
    while task.waits and not cursor.ended:
        yield
