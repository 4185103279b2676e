"""The one machine: it reads reasoning, content and calls in a single pass over the text.

- In content: a tool opener that fits begins a call, a reasoning opener begins reasoning, a stray reasoning closer is
  dropped.
- In reasoning: its closer ends it. A call that fits is doubtful: it ends reasoning if nothing else follows. A repeated
  opener is dropped at the start, and text later.
- An opener that does not fit is text, and reading goes on right after it.
- A closer that nothing opened is dropped at the end of the reply, unless it is part of a sentence.
- The markers of a family around its answer are dropped: the opener before any content, and then the closer after it.
- Markers around a passage with a source are dropped in content and in reasoning; the passage stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial

from .arguments.json_object import read_object
from .arguments.strays import FENCE
from .cursor import CUT, IN_PROSE, NO_MARKERS, RECOVERED, SPACE, Cursor, Mark, Markers, Reading, Sink, drop
from .format import PLAIN_TAG, Calls, FrameFormat, Task, Think, ToolFormat
from .held import Held
from .proposed import attempt
from .recovery import recovers, rule
from .reply import Reply
from .schema import PREFIXES
from .shapes.json_calls import JsonCalls

_JSON_STARTS = ("{", "[")
_MENTIONS = frozenset((*SPACE, "`"))
"""Characters after a citation's opener that show that a sentence only names it."""
_SOURCES = re.compile(r"[\d:,;\[\] ]*")
_MAX_SOURCES = 128
_CLOSER_NAME = re.compile(rf"[^<>{SPACE}]*")
_MAX_CLOSER_NAME = 256
_CALL_IN_REASONING = rule("a call in reasoning that was not closed", contract="A call ends reasoning")
_CUT_MARKER = rule("a marker cut off at the end", contract="Cut marker")
_CUT_OPENER = rule("a call's opener or header cut off at the end", contract="Cut opener")
_FURTHER_BARE = rule("a call without a marker after another", contract="Unmarked JSON")
_LATE_CLOSER = rule("a call's closer after text", contract="Orphan closers")
_LEFT_OVER = rule("a turn's end before the reply", contract="Unmarked calls")
_NAMED_CLOSER = rule("a closer of any name that nothing opened, at the end", contract="Orphan closers")
_ORPHAN_CLOSER = rule("a closer that nothing opened, at the end", contract="Orphan closers")
_REPEATED_OPENER = rule("a reasoning opener repeated at the start of reasoning", contract="Repeated openers")
_STRAY_CLOSER = rule("a reasoning closer that nothing opened", contract="Stray closers")

_AFTER_MENTION = re.compile(rf"[ \t]+([A-Za-z]+)(?![\w-])|[.,;:!?)]+[{SPACE}]*\Z")
_FENCE_LINE = re.compile(r"(?:`{1,3}(?:(?<=```)[^\n]{0,8})?)?")

FORCED = JsonCalls(sample="", spans=())
"""The JSON that an engine forces if it has no grammar for the family: an array of `{"name", "parameters"}`."""


@dataclass(frozen=True)
class Grammar:
    """The markups that one machine reads."""

    tools: tuple[ToolFormat, ...]
    think: Think | None
    turn_ends: Markers
    frame: FrameFormat | None = None
    """The format that reads the whole reply, in place of `Machine`."""
    reopened: str = ""
    """The opener of reasoning that stays content, which the prompt ended with: the content begins with it again."""
    unsplit: Think | None = None
    """The markup of reasoning that stays content; calls in it are still doubtful."""
    mentions: frozenset[str] = frozenset()
    """Tool openers that are text in reasoning."""
    held_ends: Markers = field(init=False, repr=False)
    """Turn ends that are not parts of frames: they are held back at the end of a reply."""
    readers: dict[str, tuple[ToolFormat, ...]] = field(init=False, repr=False)
    openers: Markers = field(init=False, repr=False)
    closers: Markers = field(init=False, repr=False)
    named_closers: frozenset[str] = field(init=False, repr=False)
    """What begins closers whose names may be any."""
    plain_closers: frozenset[str] = field(init=False, repr=False)
    unsplit_closes: tuple[str, ...] = field(init=False, repr=False)
    bare: tuple[ToolFormat, ...] = field(init=False, repr=False)
    label: Markers = field(init=False, repr=False)
    phrases: frozenset[str] = field(init=False, repr=False)
    think_markers: Markers = field(init=False, repr=False)
    reasoning_opens: Markers = field(init=False, repr=False)
    reasoning_closes: Markers = field(init=False, repr=False)
    answers: Markers = field(init=False, repr=False)
    """The markers around an answer."""
    cites: Markers = field(init=False, repr=False)
    """The markers around a passage with a source."""
    stops: Markers = field(init=False, repr=False)
    in_content: Markers = field(init=False, repr=False)
    in_reasoning: Markers = field(init=False, repr=False)
    unsplit_markers: frozenset[str] = field(init=False, repr=False)
    in_verbatim_content: Markers = field(init=False, repr=False)
    in_verbatim_reasoning: Markers = field(init=False, repr=False)

    @property
    def around(self) -> Think:
        """The markup that says what is around the answer and in it, also if reasoning is not split off."""
        return self.think or self.unsplit or NO_THINK

    def __post_init__(self) -> None:
        think, tools = self.think or NO_THINK, self.tools
        both, around = _both(think), self.around
        openers = frozenset().union(*(tool.openers.all for tool in tools))
        closers = frozenset().union(*(tool.closers.all for tool in tools)) - {""} - openers
        named = frozenset(tool.named_closer for tool in tools) - {""} if _NAMED_CLOSER else frozenset[str]()
        words = frozenset().union(*(tool.words for tool in tools))
        marks = frozenset().union(*(tool.markers for tool in tools)) - {""}
        others = {mark for mark in marks - openers - closers - words if not mark[0].isalnum()}
        lines = {f"\n{start}" for tool in tools if tool.bare == "line" for start in tool.bare_starts}
        opens_calls = openers - self.mentions if _CALL_IN_REASONING else frozenset[str]()
        answers = {marker for span in around.answers for marker in (span.open, span.close)} - {""}
        cites = frozenset[str]() if around.cited is None else {around.cited.open, around.cited.close}
        in_reasoning = opens_calls | self.turn_ends.all | both | cites
        in_content = in_reasoning | openers | lines | _both(self.unsplit) | answers
        vars(self).update(
            held_ends=Markers(self.turn_ends.all - (NO_MARKERS if self.frame is None else self.frame.parts).all),
            readers={opener: tuple(tool for tool in tools if opener in tool.openers.all) for opener in openers},
            openers=Markers(openers),
            closers=Markers(closers),
            named_closers=named,
            plain_closers=frozenset(closer for closer in closers if PLAIN_TAG.fullmatch(closer)),
            bare=tuple(tool for tool in tools if tool.bare),
            label=Markers((self.reopened,) if self.think is None else think.labels),
            phrases=words | (both if think.words else frozenset()),
            think_markers=Markers(both),
            reasoning_opens=Markers(think.opens),
            reasoning_closes=Markers(think.closes),
            answers=Markers(answers),
            cites=Markers(cites),
            stops=Markers(self.turn_ends.all | both),
            in_content=Markers(in_content | closers | named | others),
            in_reasoning=Markers(in_reasoning | closers | named | others),
            unsplit_markers=_both(self.unsplit),
            unsplit_closes=() if self.unsplit is None else self.unsplit.closes,
            in_verbatim_content=Markers(in_content),
            in_verbatim_reasoning=Markers(in_reasoning),
        )


def _both(think: Think | None) -> frozenset[str]:
    return frozenset() if think is None else frozenset((*think.opens, *think.closes))


NO_THINK = Think((), ())


def read_reply(cursor: Cursor, reply: Reply, grammar: Grammar, task: Task) -> Reading[None]:
    """Read a whole reply."""
    if grammar.frame is not None:
        return grammar.frame.read_reply(cursor, reply, task)
    return Machine(cursor, reply, grammar, task).read_reply()


class Machine:
    """The state of one reply's reading."""

    def __init__(self, cursor: Cursor, reply: Reply, grammar: Grammar, task: Task) -> None:
        self.cursor = cursor
        self.reply = reply
        self.grammar = grammar
        self.task = task
        self._think = grammar.think or NO_THINK
        self.inside = False  # whether the text that is read is reasoning
        self._unsplit = False  # whether it is reasoning that stays content
        # The number of openers that are text; each may have closers that are text too.
        self._opened = 0
        self._closed: dict[str, int] = {}
        self._cited = 0  # the number of open passages with a source
        self._answer_close = ""  # the closer of the answer whose opener was read
        self._owed_elsewhere = False  # the last call's missing closer may come outside its reasoning
        self._bare_calls = 0  # the number of calls without an opener
        self._fenced = False  # a code fence without a call was opened at the start of a line
        self._at_start = True  # of the reply, its content, or after a call: a call may lack its opener here

    def read_reply(self) -> Reading[None]:
        """Read a whole reply."""
        goes_on = yield from self.starts()
        cursor, grammar = self.cursor, self.grammar
        while goes_on:
            if self._at_start and grammar.bare and not (self.inside or self._unsplit):
                self._at_start = yield from self._bare_call()
                continue
            marker = yield from cursor.until(self.markers, self.text, self._cut)
            if marker is None:
                return
            if marker in grammar.openers.all:
                yield from self._call(marker)
            else:
                goes_on = yield from self.marker(marker)

    @property
    def markers(self) -> Markers:
        """The markers that end the text that is read."""
        grammar = self.grammar
        if self.task.calls is Calls.READ:
            if self.inside and grammar.mentions and self.reply.doubts:
                return grammar.in_content  # after a call, another one is not a mention
            return grammar.in_reasoning if self.inside else grammar.in_content
        return grammar.in_verbatim_reasoning if self.inside else grammar.in_verbatim_content

    @property
    def text(self) -> Sink:
        """The sink for the text that is read."""
        return self.reply.reasoning if self.inside else self.reply.content

    # --- the start

    def starts(self) -> Reading[bool]:
        """Read what can only be at the start of a reply. Returns whether reading goes on."""
        task, reply, grammar = self.task, self.reply, self.grammar
        inside = task.inside
        if task.forced is not None or not inside:
            begins = yield from begins_as_json(self.cursor, reply, task)
            inside = inside and not begins
        if inside and grammar.reopened:
            inside = False
            if (yield from self.cursor.peek()):
                yield from self.cursor.match(grammar.label)
                reply.content(grammar.reopened)
                self._unsplit = True
        elif not inside and self._think.label:
            inside = yield from self._starts_with_label()
        if inside:
            self.inside = True
            reply.reasoning_starts()
            yield from self._label()
        return True

    @recovers("a label at the start without its opener", off=False, contract="Gemma's bare thought")
    def _starts_with_label(self) -> Reading[bool]:
        """Return whether the reply starts with reasoning without its opener: a label is here, and a closer follows."""
        cursor, think = self.cursor, self._think
        mark = cursor.mark(room=None)
        yield from cursor.space()
        space = len(cursor.held(mark))
        found = (yield from cursor.match(self.grammar.label)) is not None
        if found and not cursor.held(mark).endswith(think.closes):
            found = (yield from cursor.until(self.grammar.think_markers, drop)) in think.closes
        cursor.rewind(mark, space if found else 0)
        return found

    def _label(self) -> Reading[None]:
        """Read the label that may directly follow an opener, up to a closer that follows at once."""
        label = yield from self.cursor.stands(self.grammar.label)
        if label is not None and self.grammar.think is not None:
            closer = next((close for close in self._think.closes if label.endswith(close)), "")
            self.cursor.take(self.cursor.at + len(label) - len(closer))

    # --- markers

    def marker(self, marker: str) -> Reading[bool]:
        """Handle a marker that was read. Returns whether reading goes on."""
        grammar, reply, think = self.grammar, self.reply, self._think
        if marker in grammar.turn_ends.all:
            (reply.reasoning_tail if self.inside else reply.tail)(marker)
            # After one that is left over before any content, the reply is still at its start, where a bare call counts.
            self._at_start = self._at_start or (_LEFT_OVER and not (self.inside or reply.content_seen))
        elif marker in think.words and not (yield from self.cursor.peek()):
            self.text(marker)  # an ordinary phrase
            return False
        elif marker in think.opens:
            yield from self._opens(marker)
        elif marker in think.closes:
            yield from self._closes(marker)
        elif marker in grammar.unsplit_markers:
            self._unsplit_marker(marker)
            self._at_start = marker in grammar.unsplit_closes
            (self._answer if marker in grammar.answers.all else self.text)(marker)
        elif marker[0] == "\n":
            yield from self._line()
        elif marker in grammar.answers.all:
            self._answer(marker)
        elif marker in grammar.cites.all:
            yield from self._cites(marker)
        elif marker in grammar.closers.all:
            self.closer(marker)
        elif marker in grammar.named_closers:
            yield from self._named_closer(marker)
        elif len(marker) >= CUT and not (yield from self.cursor.peek()):
            self._cut(marker)  # the reply ends with it, and longer markers begin with it
        else:
            self._opened += 1
            self.text(marker)
        return True

    def _opens(self, marker: str) -> Reading[None]:
        if self.inside and (self.reply.reasoning_begun or not _REPEATED_OPENER):
            self.reply.reasoning(marker)
            return
        if not self.inside:
            self.inside = True
            self._nothing_opened()
            self.reply.reasoning_starts()
        yield from self._label()

    def _closes(self, marker: str) -> Reading[None]:
        self._at_start = True
        if self.inside:
            self.inside = False
            self._owed_elsewhere = True
            self._nothing_opened()
            self.reply.reasoning_ends()
        elif not _STRAY_CLOSER:
            self.text(marker)
        self._unsplit_marker(marker)
        yield from begins_as_json(self.cursor, self.reply, self.task)

    def _unsplit_marker(self, marker: str) -> None:
        """Note a marker of reasoning that stays content. Such reasoning opens only before any content and call."""
        unsplit = self.grammar.unsplit or NO_THINK
        if marker in unsplit.closes:
            self._unsplit = False
        elif marker in unsplit.opens:
            self._unsplit = self._unsplit or not (self.reply.content_seen or self.reply.calls_made)

    def _answer(self, marker: str) -> None:
        """Handle a marker around an answer: drop its opener before any content, then its closer; else it is text."""
        reply = self.reply
        answered = reply.content_seen and not reply.ends_with(self.grammar.unsplit_closes)
        said = answered or reply.calls_made or reply.doubts
        opened = next((span for span in self.grammar.around.answers if span.open == marker), None)
        if opened is not None and not said:
            self._answer_close = opened.close or self._answer_close
            self._at_start = True
        elif marker == self._answer_close:
            reply.tail(marker)
        else:
            self.text(marker)

    def _cites(self, marker: str) -> Reading[None]:
        """Drop a marker around a passage with a source. An opener that is only mentioned is text, as is its closer."""
        cursor, cited = self.cursor, self.grammar.around.cited
        assert cited is not None
        if marker == cited.open:
            following = yield from cursor.peek()
            dropped = following not in _MENTIONS
            self._cited += dropped
        else:
            sources = yield from cursor.run(_SOURCES, _MAX_SOURCES)
            marker += sources
            ended = (yield from cursor.peek()) == ">"
            if ended:
                marker += cursor.take(cursor.at + 1)
            dropped = self._cited > 0 and (ended or cursor.at_end)
            self._cited -= dropped
        if not dropped:
            self.text(marker)

    def _line(self) -> Reading[None]:
        """Read the start of a line where a call may lack its opener; its first character was read with the marker."""
        self.reply.content("\n")
        self.cursor.at -= 1
        closes = self._fenced and (yield from self._at_fence()).strip() == FENCE
        self._at_start = not (self._unsplit or closes) and (yield from self._bare_call())
        if closes:
            self._fenced = False
        # An opener that begins with the same character is read as an opener.
        if not self._at_start and (yield from self.cursor.stands(self.grammar.openers)) is None:
            self.reply.content(self.cursor.take(self.cursor.at + 1))

    @property
    def rehearsed(self) -> bool:
        """Whether a call here would be in open reasoning, and wait."""
        return self.task.holds and (self.inside or self._unsplit)

    def opener_read(self, opener: str, *, found: bool, called: bool) -> None:
        """Note that an opener was read. `found`: as a construct; else it is text, and so is its closer."""
        self._owed_elsewhere = False
        if found:
            # An empty section does not end reasoning, as it has no call; a doubtful call may prove to be text.
            self.inside = self.inside and (self.rehearsed or not called)
            self._at_start = True
        if found and not self.reply.doubts:
            self._nothing_opened()
        elif opener not in self.grammar.phrases:
            self._opened += 1

    def closer(self, closer: str) -> None:
        """Handle a closer that is not part of a construct."""
        reply = self.reply
        owed = closer == reply.owed_closer
        reply.owed_closer = ""
        if owed and _LATE_CLOSER and (self._owed_elsewhere or not reply.doubts):
            return
        if not _ORPHAN_CLOSER or self._is_text(closer):
            self.text(closer)
        else:
            (reply.reasoning_tail if self.inside else reply.tail)(closer)

    def _named_closer(self, begun: str) -> Reading[None]:
        """Take a closer without its construct, whose name comes next; if it is not a closer, it is text."""
        text = begun + (yield from self.cursor.run(_CLOSER_NAME, _MAX_CLOSER_NAME))
        end = yield from self.cursor.peek()
        if end == ">":
            text += self.cursor.take(self.cursor.at + 1)
        (self.closer if end in ("", ">") else self.text)(text)

    def _nothing_opened(self) -> None:
        self._opened = 0
        self._closed.clear()

    def _is_text(self, closer: str) -> bool:
        """Return whether such a closer is text: because its opener is text, or because a sentence names it."""
        if self._closed.get(closer, 0) < self._opened:
            self._closed[closer] = self._closed.get(closer, 0) + 1
            return True
        if closer in self.grammar.phrases and not self.reply.calls_read:
            return True
        plain = closer in self.grammar.plain_closers or closer in self.grammar.phrases
        return plain and not self.reply.is_apart(in_reasoning=self.inside)

    def _cut(self, text: str) -> None:
        """Handle the beginning of a marker with which the reply ends: it is dropped if the marker would be."""
        phrases, closers = self.grammar.phrases, self.grammar.closers.all
        begun = {marker for marker in self.droppable if marker.startswith(text) and marker not in phrases}
        if not _CUT_MARKER or (begun <= closers and all(self._is_text(closer) for closer in begun)):
            self.text(text)

    @property
    def droppable(self) -> frozenset[str]:
        """The markers that are dropped at the end of the reply."""
        grammar = self.grammar
        calls = grammar.openers.all | grammar.closers.all if self.task.calls is Calls.READ else frozenset[str]()
        return calls | grammar.stops.all | grammar.answers.all | grammar.cites.all

    # --- calls

    def _call(self, opener: str) -> Reading[None]:
        """Read the construct that begins with a tool opener, or pass the opener on as text if it does not fit."""
        cursor, reply, task, text = self.cursor, self.reply, self.task, self.text
        before = reply.calls_read
        rehearsed = self.rehearsed
        raw = Held()
        if task.calls is Calls.VERBATIM:
            cursor.copy_to(raw.append if rehearsed else reply.call_text())
        reply.rehearsed = text if rehearsed else None
        fits = yield from self._read_call(opener)
        cursor.copy_to(None)
        reply.rehearsed = None
        reply.construct_ends()
        called = reply.calls_read > before
        if fits:
            if rehearsed and not called:
                text(raw.take())  # an empty section does not wait like a call
        elif fits is None and (task.calls is Calls.READ or self.inside) and not self._is_named():
            cursor.take(len(cursor.text))  # the beginning of a call that was cut off
            fits = True
        else:
            if opener not in self.grammar.phrases:
                cursor.remark(IN_PROSE)
            text(opener)
        self.opener_read(opener, found=bool(fits), called=called)

    @recovers("a sentence that names an opener at the end", off=False, contract="Cut opener")
    def _is_named(self) -> bool:
        """Return whether a sentence at the end names the opener: the word after it begins no tool's name."""
        found = _AFTER_MENTION.match(self.cursor.text, self.cursor.at)
        if found is None or not found[1]:
            return found is not None
        word, tools = found[1], self.reply.tools
        return bool(tools) and not PREFIXES[0].startswith(word) and not tools.begins_name(word)

    def _read_call(self, opener: str) -> Reading[bool | None]:
        """Read the construct that begins with a tool opener.

        Returns:
            True if it fits; False if not; None if the reply ends before that is known.
        """
        cursor, reply, grammar = self.cursor, self.reply, self.grammar
        for tool in grammar.readers[opener]:
            read = partial(tool.read, opener, cursor=cursor, reply=reply)
            fits = yield from attempt(read, cursor, back=len(opener), ahead=len(opener))
            if fits:
                return True
            if _CUT_OPENER and fits is None and opener not in tool.words:
                return None
        return (yield from self._doubled(opener)) or (yield from self._after_closer(opener))

    @recovers("a call's opener doubled", off=False)
    def _doubled(self, opener: str) -> Reading[bool]:
        """Read a call whose opener is doubled. Returns False and consumes nothing if the second one does not fit."""
        cursor = self.cursor

        def read(mark: Mark) -> Reading[bool]:
            yield from cursor.space()
            second = yield from cursor.match(self.grammar.openers)
            return second == opener and bool((yield from tool.read(opener, mark, cursor, self.reply)))

        for tool in self.grammar.readers[opener]:
            if opener not in tool.words and (yield from attempt(read, cursor, back=len(opener), ahead=len(opener))):
                cursor.remark(RECOVERED)
                return True
        return False

    @recovers(
        "the end of reasoning between an opener and its call",
        off=False,
        contract="The end of reasoning after an opener",
    )
    def _after_closer(self, opener: str) -> Reading[bool]:
        """Read a call whose opener a closer of reasoning follows. Consumes nothing if it returns False."""
        if self.task.calls is Calls.VERBATIM:
            return False
        cursor, reply = self.cursor, self.reply
        rehearsed, before = reply.rehearsed, reply.calls_read

        def read(mark: Mark) -> Reading[bool]:
            if not (yield from self._reasoning_closers()):
                return False
            reply.rehearsed = None
            return bool((yield from tool.read(opener, mark, cursor, reply)))

        for tool in self.grammar.readers[opener]:
            if opener not in tool.words and (yield from attempt(read, cursor, back=len(opener), ahead=len(opener))):
                cursor.remark(RECOVERED)
                if self.inside and reply.calls_read == before:
                    reply.reasoning_ends()
                self.inside = self._unsplit = False
                return True
            reply.rehearsed = rehearsed
        return False

    def _reasoning_closers(self) -> Reading[bool]:
        """Read closers of reasoning, empty reasoning and white space. Returns whether a closer was the last of them."""
        closed = False
        yield from self.cursor.space()
        while (marker := (yield from self.cursor.match(self.grammar.think_markers))) is not None:
            closed = marker in self.grammar.reasoning_closes.all
            if not closed:
                yield from self._label()
            yield from self.cursor.space()
        return closed

    def _bare_call(self) -> Reading[bool]:
        """Read a call without an opener, if there is one here. Returns whether there was."""
        if self.task.calls is Calls.VERBATIM:
            return False
        before = self.reply.calls_read
        found = bool((yield from attempt(self._read_bare_call, self.cursor)))
        self._bare_calls += self.reply.calls_read - before
        self.reply.construct_ends()
        if not found and (yield from self._at_fence()).startswith(FENCE):
            self._fenced = True
        return found

    @recovers("a code fence that closes an earlier one, before a call", off="")
    def _at_fence(self) -> Reading[str]:
        """Return the code fence here, with its info string, without consuming it; "" if there is none."""
        return (yield from self.cursor.look(_FENCE_LINE)).group()

    def _read_bare_call(self, mark: Mark) -> Reading[bool]:
        yield from self.cursor.space()
        char = yield from self.cursor.peek()
        before = self._bare_calls if _FURTHER_BARE else 0
        nothing_else = not self.reply.content_seen and self.reply.calls_read == before
        for tool in self.grammar.bare:
            at_its_place = tool.bare == "line" or nothing_else
            starts = char != "" and char in tool.bare_starts and at_its_place
            if starts and (yield from tool.read("", mark, self.cursor, self.reply)):
                return True
        return False


def begins_as_json(cursor: Cursor, reply: Reply, task: Task) -> Reading[bool]:
    """Read a forced call as JSON, if there is one here at the start of content. Returns whether there is."""
    if task.forced is None:
        return False
    start = yield from cursor.ahead(_json_start(cursor), "")
    if not start or task.calls is Calls.VERBATIM:
        return start != ""
    read = _read_named if start == "{" and task.forced.name is not None else _read_forced
    fits = yield from attempt(partial(read, cursor=cursor, reply=reply, task=task), cursor)
    reply.construct_ends()
    return bool(fits)


def _json_start(cursor: Cursor) -> Reading[str]:
    """Return the bracket with which JSON begins, after white space; "" if something else is here."""
    yield from cursor.space()
    char = yield from cursor.peek()
    return char if char in _JSON_STARTS else ""


def _read_named(mark: Mark, cursor: Cursor, reply: Reply, task: Task) -> Reading[bool]:
    """Read the arguments of a named function that is forced."""
    assert task.forced is not None
    assert task.forced.name is not None
    yield from cursor.space()
    cursor.settle(mark)
    call = reply.call(task.forced.name)
    required = reply.tools.parameters(call.name).required
    call.end((yield from read_object(cursor, call.arguments, NO_MARKERS, required=required)))
    return True


def _read_forced(mark: Mark, cursor: Cursor, reply: Reply, task: Task) -> Reading[bool | None]:
    """Read calls of any function as JSON."""
    yield from cursor.space()
    return (yield from FORCED.read("", mark, cursor, reply))
