"""Reads one value between tags and finds its end, whose closer may be missing, doubled or quoted.

- A value's closer counts only if the text after it can follow one (`Body.follows`). Further closers after it are
  dropped, unless the value holds openers that they pair with.
- A call that fits, inside a value, is quoted: until its end, its parameters and closers pair up and are data.
- A value that lacks its closer ends at the first candidate: a closer around the parameters, another closing tag before
  one, `</NAME>`, or a call that fits. Its own closer, if what follows does not fit, is a candidate if a call comes
  later; and at once if a garbled closer follows, or if the value is complete and is not a string.
- From a candidate on the text is held, until more text (at the latest the end of the reply) shows what it was.
- A parameter's opener at the start of a line (in inline markups: anywhere) ends the value before it if its name is
  declared and was not given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cursor import CUT, SPACE, Mark, Markers, Reading, drop, union
from ..cursor import Sink as TextSink
from ..recovery import recovers, rule
from .literals import FOLLOWS_WITHIN
from .tag_parts import End, Header, Level
from .text_value import TextValue

if TYPE_CHECKING:
    from .tag_body import Body
    from .tags import Tags

_NEAR = 256
_MOST_SURPLUS = 16
"""The most surplus closers that are read at once: this bounds how often each closer of a long run is looked at."""
_MAX_GARBLED = 64

_AROUND = rule("all closers missing before a call, and a closer around both", contract="It had ended")
_AT_END = rule("a value that had ended, if the reply ends in it", contract="It had ended")
_CALL = rule("a value's closer missing before a call", contract="Candidates")
_ENCLOSING = rule("a value's closer missing before a closer around it", contract="Candidates")
_FOREIGN = rule("a value's closer of another name", contract="Candidates")
_NAMED = rule("a value's closer with the parameter's name", contract="A closer with the parameter's name")
_NEXT_PARAMETER = rule("a value's closer missing before the next parameter", contract="The next parameter")
_TYPED = rule("a call and text in a value that cannot be a string", contract="Local damage")
_OWN_CLOSER = rule("a value's closer before text, and a call after it", contract="It had ended")


class Value:
    """One value, read up to its end.

    From a candidate on the text is held, with a mark of any length. If the value goes on to its closer, the text is the
    value's; if the text after the candidate or the end of the reply shows it, the value ended at the candidate. A call
    that fits is a candidate as long as only calls follow.
    """

    def __init__(self, body: Body, header: Header, text: TextValue) -> None:
        self._body = body
        self._cursor = body.cursor
        self._header = header
        self._closers = _closers(body.tags, header)
        self._text = text
        self._add: TextSink = text.text
        self._quoted: list[Level | str] = []
        self._held: Mark | None = None
        self._skip: int | None = None  # how many characters of the candidate close the value; None: it is a call
        self._unclosed = False  # the candidate has no closer of the value: the value's call is not complete
        self._weak = False  # the candidate counts only if a call follows
        self._again = False  # the text from the candidate on is read for the second time
        self._at_line_start = False  # the held text ends at the start of a line
        self._unpaired = 0  # the number of parameters' openers in the value's text without a closer

    def read(self) -> Reading[End]:
        cursor, markers = self._cursor, self._body.markers
        if self._header.drift or self._header.bracketed:
            markers = union(markers, self._closers)
        while True:
            marker = yield from cursor.up_to(markers, self._add if self._held is None else self._add_held, drop)
            if marker is None or self._read_cut(marker):
                found: End | int = self._at_end()
            elif marker in self._closers.all:
                found = yield from self._at_closer(len(marker))
            else:
                found = yield from self._at(marker)
            if isinstance(found, End):
                if found.closed:
                    self._text.end()
                else:
                    self._text.pass_on()
                return found
            if found:
                self._take(cursor.take(cursor.at + found))

    @recovers("a closer cut off after the start of a closing tag", off=False, contract="Cut marker")
    def _read_cut(self, marker: str) -> bool:
        """Read the beginning of a closing tag, if the reply ends in it: it is a closer that was cut off."""
        cursor = self._cursor
        if len(marker) < CUT or marker not in self._body.tags.closing.all:
            return False
        cut = cursor.ended and cursor.at + len(marker) == len(cursor.text)
        if cut:
            cursor.skip(len(marker))
        return cut

    def _take(self, text: str) -> None:
        """Take a marker, and what is read with it, as text of the value or as held text."""
        if self._held is None:
            self._add(text)
        else:
            self._at_line_start = text[-1] == "\n"

    def _add_held(self, text: str) -> None:
        """Take text after a candidate."""
        self._at_line_start = text[-1] == "\n"
        if self._held is None:
            self._add(text)
        elif self._skip is None and text.strip(SPACE):
            self._leave_around()
            if not self._quoted and (self._text.may_be_string or not _TYPED):
                self._release()

    def _release(self, without: int = 0) -> None:
        """Output the held text, which was data, except its last `without` characters."""
        if self._held is None:
            return
        text = self._cursor.held(self._held)
        self._cursor.settle(self._held)
        self._held = None
        text = text[: len(text) - without]
        if text:
            self._add(text)

    def _at(self, marker: str) -> Reading[End | int]:
        """Judge an unread marker in the value. Returns the value's end, or how many characters are text."""
        body = self._body
        if marker in body.around.ends_rehearsal.all:
            return self._at_end_of_rehearsal(marker)
        if marker in body.around.closers.all:
            return (yield from self._at_enclosing(marker))
        if marker in body.tags.first.all:
            return (yield from self._at_parameter(marker))
        if marker in body.around.openers.all:
            return (yield from self._at_call(marker))
        if marker in body.around.turn_ends.all:
            return (yield from self._at_turn_end(marker))
        if marker in body.tags.plain.all:
            self._unpaired += not self._quoted
            return len(marker)
        return (yield from self._at_closing_tag(marker))

    def _at_closer(self, size: int) -> Reading[End | int]:
        cursor = self._cursor
        if self._quoted and self._quoted[-1] is Level.PARAMETER:
            self._quoted.pop()
            return size
        if self._is_held() and self._quoted[-1:] == [Level.CALL]:
            return size  # the value has perhaps ended, and this is a surplus closer in a call after it
        mark = cursor.mark()
        cursor.skip(size)
        found = yield from self._body.follows()
        surplus = found is False and (yield from self._surplus())
        if surplus:
            found = yield from self._body.follows()
        if found is not False and not (surplus and self._unpaired):
            return self._ended_before(mark, found)
        cursor.rewind(mark)
        self._unpaired -= bool(self._unpaired)
        if _OWN_CLOSER and self._held is None and not self._quoted and not self._text.in_json_string:
            self._hold(size)
            self._weak = not ((yield from self._closing_tag_follows(size)) or (yield from self._opener_follows(size)))
        return size

    @recovers("the end of reasoning in a value", off=lambda _, marker: len(marker), contract="Candidates")
    def _at_end_of_rehearsal(self, marker: str) -> int:
        """Make the end of the reasoning around the call a candidate: it is data if the value goes on to its closer."""
        if not (self._quoted or self._is_held()):
            self._release()
            self._hold(0)
            self._unclosed = True
        return len(marker)

    def _at_turn_end(self, marker: str) -> Reading[End | int]:
        """End the value if only turn ends follow. If the next message begins, this is a candidate, or confirms one."""
        if (yield from self._cursor.ahead(self._only_turn_ends(), False)):
            return self._at_end()
        if not (yield from self._body.around.message_ends(self._cursor)):
            return len(marker)
        if self._held is not None and (self._skip is not None or not self._quoted):
            self._skip, self._weak = self._skip or 0, False
            return len(marker)
        if self._held is not None:
            self._release()
        self._hold(0)
        self._unclosed = True
        return len(marker)

    def _own_closer(self) -> Reading[bool]:
        """Read the value's closer, if it is here. Returns whether it was."""
        return (yield from self._cursor.match(union(self._closers, self._body.tags.value_end))) is not None

    @recovers("closers of a value too many", off=False, contract="Closers too many")
    def _surplus(self) -> Reading[bool]:
        """Read a limited number of further closers of the value. Returns whether there were any."""
        cursor = self._cursor
        found = False
        for _ in range(_MOST_SURPLUS):
            mark = cursor.mark()
            yield from cursor.space(FOLLOWS_WITHIN)
            if not (yield from self._own_closer()):
                cursor.rewind(mark)
                break
            cursor.settle(mark)
            found = True
        return found

    @recovers("a garbled closer after a value's own", off=False, contract="Foreign closers")
    def _closing_tag_follows(self, size: int) -> Reading[bool]:
        """Return whether another closing tag, which the value did not open, is next: a garbled closer around it."""
        name = yield from self._cursor.ahead(self._closing_tag(size), "")
        return name != "" and not self._text.tags.has(name)

    def _opener_follows(self, size: int) -> Reading[bool]:
        """Return whether the next parameter's opener, which has no whole header, comes after `size` characters."""
        return self._cursor.ahead(self._opener(size), False)

    def _opener(self, size: int) -> Reading[bool]:
        self._cursor.skip(size)
        yield from self._cursor.space(FOLLOWS_WITHIN)
        return (yield from self._cursor.stands(self._body.tags.first)) is not None

    def _closing_tag(self, size: int) -> Reading[str]:
        """Return the name in the closing tag after `size` characters, or "" if there is none."""
        cursor, tags = self._cursor, self._body.tags
        cursor.skip(size)
        yield from cursor.space(FOLLOWS_WITHIN)
        if (yield from cursor.match(tags.closing)) is None:
            return ""
        return (yield from tags.read_closing(cursor))

    def _hold(self, skip: int | None) -> None:
        """Hold the text from here; if the value ended here, `skip` characters of it close it, or a call does (None)."""
        cursor = self._cursor
        self._again = cursor.offset < cursor.again
        self._held = cursor.mark(room=None)
        self._skip = skip
        self._unclosed = skip is None
        self._weak = False
        self._at_line_start = self._text.at_line_start

    def _is_held(self) -> bool:
        """Return whether there is a candidate that no later one can replace."""
        return self._held is not None and self._skip is not None and not self._weak

    def _at_enclosing(self, marker: str) -> Reading[End | int]:
        if self._pairs(marker) or not _ENCLOSING or self._text.in_json_string or self._is_held():
            return len(marker)
        if self._held is not None and self._weak and (self._text.is_finished() or self._is_garbled()):
            self._weak = False
            return self._ended() if (yield from self._body.run(self._own_closer)) is True else len(marker)
        # A call that fits was an earlier candidate, unless the call that the value is in has its closer here.
        call = self._held is not None and self._skip is None
        if call and not (yield from self._body.ends_with_call(self._own_closer)):
            if _AROUND and not self._quoted:
                self._skip = 0  # this closes what is around the value's own call: the calls before it are not data
            return len(marker)
        self._release()
        if self._text.is_finished():
            return End(True)
        found = yield from self._body.run(self._own_closer)
        if found is not False:
            self._text.lacks_closer()
            return End(True, found if isinstance(found, Header) else None)
        self._hold(0)
        return len(marker)

    @recovers("a closer after a value's own with other brackets", off=False, contract="Foreign closers")
    def _is_garbled(self) -> bool:
        """Return whether the text held after the value's closer has the word of a closer around it: `<function>`."""
        assert self._held is not None
        if self._cursor.offset - self._held.offset - (self._skip or 0) > _MAX_GARBLED:
            return False
        text = self._cursor.held(self._held)[self._skip or 0 :].strip(SPACE)
        word = _word(text)
        return word not in ("", text) and any(word == _word(closer) for closer in self._body.around.closers.all)

    def _pairs(self, marker: str) -> bool:
        """Close what `marker` closes of the calls quoted in the value. Returns whether it closes something there."""
        quoted = self._quoted
        level = Level.CALL if marker in self._body.around.call_closers.all else Level.AROUND
        if level not in quoted[-_NEAR:]:
            return False
        while quoted.pop() is not level:
            pass
        return True

    def _at_parameter(self, marker: str) -> Reading[End | int]:
        cursor = self._cursor
        if Level.CALL in self._quoted[-1:]:
            self._quoted.append(Level.PARAMETER)
        elif not self._quoted:
            starts = self._text.at_line_start if self._held is None else self._at_line_start
            starts = (starts or not self._body.tags.framed) and not self._text.in_json_string
            if _NEXT_PARAMETER and starts:
                mark = cursor.mark()
                header = yield from self._body.next_declared()
                if header is not None:
                    self._text.lacks_closer()
                    return self._ended_before(mark, header)
                cursor.rewind(mark)
            self._unpaired += not self._body.tags.key_end.all  # else the value's own opener comes after the name
        return len(marker)

    def _at_call(self, marker: str) -> Reading[End | int]:
        """Quote a call that fits. It is also a candidate if its function is declared."""
        size, levels = yield from self._quotes(marker, declared=True)
        declared = bool(levels)
        if not levels:
            size, levels = yield from self._quotes(marker, declared=False)
        if not levels:
            return len(marker)
        if self._held is not None and self._skip is not None:
            if self._again and (declared or not self._weak):
                return self._ended()
            self._weak = self._weak and not declared
        self._leave_open(levels)
        unknown = self._cursor.offset >= self._cursor.twice  # text that was held twice is not held again
        if _CALL and self._held is None and declared and unknown and not (self._quoted or self._text.in_json_string):
            self._hold(None)
        self._quoted += [each for each in levels if each is not Level.CLOSED]
        return size

    def _leave_open(self, levels: list[Level]) -> None:
        """End what cannot hold the call that begins: it was cut off, and its call is not complete."""
        if self._quoted[-1:] == [Level.CALL]:
            self._quoted.pop()
            if self._held is not None and self._skip is None:
                self._release()
        if levels[0] is Level.AROUND:
            self._leave_around()

    @recovers("a quoted section or wrapper that was cut off", off=None, contract="Quoted calls")
    def _leave_around(self) -> None:
        """End what is open around quoted calls: it was not closed."""
        while self._quoted[-1:] == [Level.AROUND]:
            self._quoted.pop()

    def _quotes(self, marker: str, *, declared: bool) -> Reading[tuple[int, list[Level]]]:
        """Return the length of the head of a call here, and what it opens; nothing is open if it is not a call."""
        return self._cursor.ahead(self._head(marker, declared=declared), (0, []))

    def _head(self, marker: str, *, declared: bool) -> Reading[tuple[int, list[Level]]]:
        cursor = self._cursor
        start = cursor.offset
        cursor.skip(len(marker))
        levels = yield from self._body.around.call_fits(marker, cursor, declared=declared)
        return cursor.offset - start, levels

    def _ended_before(self, mark: Mark, found: Header | bool) -> End:
        """End the value at `mark`, after which its end was read, and perhaps the next header."""
        self._cursor.settle(mark)
        self._release(self._cursor.offset - mark.offset)
        return End(True, found if isinstance(found, Header) else None)

    def _ended(self) -> End:
        """End the value at the candidate."""
        assert self._held is not None
        self._cursor.rewind(self._held)
        if not self._skip:
            self._text.lacks_closer()
        self._cursor.take(self._cursor.at + (self._skip or 0))
        return End(not self._unclosed, over=bool(self._skip))

    def _only_turn_ends(self) -> Reading[bool]:
        """Return whether only turn ends follow: in framed replies they are read like any marker."""
        cursor = self._cursor
        while (yield from cursor.match(self._body.around.turn_ends)) is not None:
            yield from cursor.space()
        return cursor.at_end

    def _at_end(self) -> End:
        """End the value with the reply or the turn: at the candidate, or not closed."""
        if self._held is not None and _AT_END and (self._skip is not None or not self._quoted):
            return self._ended()
        self._release()
        return End(False)

    def _at_closing_tag(self, marker: str) -> Reading[End | int]:
        if self._quoted or self._text.in_json_string or self._is_held():
            return len(marker)
        if marker in self._body.tags.value_end.all:  # in brackets it closes nothing
            return (yield from self._at_foreign_closer(marker, len(marker))) or len(marker)
        size, name = yield from self._cursor.ahead(self._name_in_closing(len(marker)), (0, ""))
        if not name or self._has_opened(name):
            return len(marker)
        return (yield from self._at_foreign_closer(name, size)) or len(marker)

    def _has_opened(self, name: str) -> bool:
        """Return whether the value has a tag of this name; for a parameter's, whether one in the text is not closed."""
        if name in self._body.tags.closer_names:
            return self._unpaired > 0
        return self._text.tags.has(name)

    def _name_in_closing(self, size: int) -> Reading[tuple[int, str]]:
        """Return the length and the name of the closing tag whose start has `size` characters."""
        cursor = self._cursor
        start = cursor.offset
        cursor.skip(size)
        name = yield from self._body.tags.read_closing(cursor)
        return cursor.offset - start, name

    def _at_foreign_closer(self, name: str, size: int) -> Reading[End | int]:
        """Judge a closing tag of another name. Returns as `_at` does, but 0 if the tag is only text."""
        cursor, body = self._cursor, self._body
        mark = cursor.mark()
        cursor.take(cursor.at + size)
        found = yield from body.goes_on(self._text.tags.has)
        candidate = (_FOREIGN and found is not False) or (_NAMED and name == self._header.name)
        if candidate and not isinstance(found, Header):
            found = yield from body.run(self._own_closer)
        if isinstance(found, Header):
            return self._ended_before(mark, found)
        cursor.rewind(mark)
        if not candidate:
            self._text.tags.add(name)  # the value uses it
            return 0
        self._release()
        if found:
            cursor.take(cursor.at + size)
            return End(True)
        self._hold(size)
        return size


def _closers(tags: Tags, header: Header) -> Markers:
    """Return the markers that close the value after `header`."""
    if header.bracketed:
        return tags.bracket_end
    return union(tags.value_end, tags.drift_end) if header.drift else tags.value_end


def _word(tag: str) -> str:
    return "".join(char for char in tag if char.isalnum())
