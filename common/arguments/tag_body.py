"""Reads the parameters of one call: how they follow each other, and what ends them."""

from __future__ import annotations

import re
from collections.abc import Callable
from json.encoder import encode_basestring as quote
from typing import TYPE_CHECKING

from ..cursor import SPACE, Cursor, Reading, drop, union
from ..cursor import Sink as TextSink
from ..recovery import recovers, rule
from ..schema import STRING, Parameters
from .literals import FOLLOWS_WITHIN
from .name import read_name
from .tag_parts import Around, End, Header, Sink
from .tag_value import Value
from .text_value import TextValue

if TYPE_CHECKING:
    from .tags import Tags

_DEBRIS = 64
_CUT_TAG = re.compile(r"""[^\s<>]*(?:["']?[ \t]+\w+=["']?\w*["']?|["'][ \t]+\w*)?(?:</\S*)?""")
"""What may be left of an opening tag after its opener: a name, an attribute, the beginning of a closing tag."""
_BEFORE_CALL = rule(
    "the closers of a call missing before another call or a turn's end", contract="Only closers missing"
)
_CUT_CLOSER = rule("a closer cut off at the end", contract="Cut marker")
_FOREIGN = rule("a closer around the parameters that is garbled or foreign", contract="Foreign closers")
_ONLY_CLOSERS = rule("the closers of a call missing at the end", contract="Only closers missing")
_VALUE_IN_TAG = rule("a value in its parameter's tag")


def _is_header(found: object) -> bool:
    return isinstance(found, Header)


class Body:
    """The parameters of one call."""

    def __init__(self, tags: Tags, cursor: Cursor, call: Sink, parameters: Parameters, around: Around) -> None:
        self.tags = tags
        self.cursor = cursor
        self.call = call
        self.sink: TextSink = drop
        self.parameters = parameters
        self.around = around
        self.written: set[str] = set()
        self.cut = False  # the last thing read was a parameter's opener without its header
        self.closed = False  # a value's closer came before any parameter
        self.followers = union(tags.first, around.closers, around.turn_ends)
        self.markers = union(
            tags.value_end, tags.closing, tags.plain, self.followers, around.openers, around.ends_rehearsal
        )

    def read(self, header: Header | None = None) -> Reading[bool]:
        """Read the parameters; `header` is the first one's, if it was read. Returns whether they are complete."""
        call = self.call
        if header is None:
            header = yield from self._next()
        whole = True
        while header is not None:
            if not header.name:
                whole = False
                if not self.written:
                    return False
            self.sink = call.announce().arguments
            end = yield from self._parameter(header)
            if not end.closed:
                return False
            header = end.header
            if end.over:
                if (yield from self._cut_parameter()):
                    return False
                if not (yield from self._debris()) and self.parameters.lacks(self.written):
                    return False
                break
            if header is None or (not header.valued and (yield from self._valueless())):
                header = yield from self._next()
        else:
            if not (yield from self._ended()):
                return False
        self.sink = call.announce().arguments
        self.end()
        self.sink("}" if self.written else "{}")
        return whole

    def end(self) -> None:
        """Finish: all parameters were read."""

    @recovers("a parameter's opener cut off before a call", off=False, contract="Cut elements")
    def _cut_parameter(self) -> Reading[bool]:
        """Read the next parameter's opener, cut off before another call. Returns whether it was there."""
        return self.cursor.maybe(self._opener_and_call(), False)

    def _opener_and_call(self) -> Reading[bool]:
        cursor, around = self.cursor, self.around
        text: list[str] = []
        yield from cursor.space(FOLLOWS_WITHIN)
        opener = yield from cursor.match(self.tags.first)
        if (yield from cursor.up_to(union(around.openers, around.turn_ends), text.append)) is None:
            return False
        cut = "".join(text).rstrip(SPACE)
        if opener is None:
            return cut != "" and self.tags.first.begins(cut)
        return len(cut) <= _DEBRIS and _CUT_TAG.fullmatch(cut) is not None

    @recovers("what is in place of a closer around the parameters", off=False)
    def _debris(self) -> Reading[bool]:
        """Read what is in place of a closer around the parameters: a few characters before one, or a closing tag."""
        if (yield from self.cursor.maybe(self._stray_text(), False)):
            return True
        return (yield from self.cursor.maybe(self._closing_tag(), "")) != ""

    def _stray_text(self) -> Reading[bool]:
        """Read a little text, if a closer comes after it."""
        around = self.around
        text: list[str] = []
        markers = union(around.closers, around.openers, around.turn_ends)
        marker = yield from self.cursor.up_to(markers, text.append)
        return marker in around.closers.all and len("".join(text).strip()) <= _DEBRIS

    def _closing_tag(self) -> Reading[str]:
        """Read a closing tag that is not one of those around, and the space before it. Returns its name or ""."""
        cursor, around = self.cursor, self.around
        yield from cursor.space(FOLLOWS_WITHIN)
        if (yield from cursor.stands(union(around.closers, around.stops))) is not None:
            return ""
        if (yield from cursor.match(self.tags.closing)) is None:
            return ""
        return (yield from self.tags.read_closing(cursor))

    def _ended(self) -> Reading[bool]:
        """Return whether the parameters end here."""
        cursor, around = self.cursor, self.around
        if cursor.at_end:
            # Arguments that lack only closers are complete, but a reply may also have been cut between two parameters.
            ended = bool(self.written) or self.closed
            return _ONLY_CLOSERS and ended and not self.cut and not self.parameters.lacks(self.written)
        if (yield from cursor.stands(around.closers)) is not None:
            return True
        if (yield from cursor.stands(around.ends_rehearsal)) is not None:
            return False
        if (yield from cursor.stands(union(around.turn_ends, around.openers))) is not None:
            return _BEFORE_CALL and (bool(self.written) or self.closed)
        # The reply's last characters may begin a parameter or a closer: it is a call only if a parameter came before.
        at, first = cursor.at, self.tags.first
        if _CUT_CLOSER and cursor.cut_of(around.closers):
            known = self.written or not first.begins(cursor.text[at:])
            return bool(known) and not self.parameters.lacks(self.written)
        cursor.cut_of(self.followers)
        if not self.written:
            return _FOREIGN and (yield from cursor.ahead(self._foreign_before_closer(), False))
        return (yield from self.foreign_closer()) or (_BEFORE_CALL and (yield from around.message_ends(cursor)))

    def _foreign_before_closer(self) -> Reading[bool]:
        """Return whether a closing tag and a closer around the parameters end a call without parameters here."""
        cursor, around = self.cursor, self.around
        known = union(around.closers, around.stops)
        if (yield from cursor.stands(known)) is not None or (yield from cursor.match(self.tags.closing)) is None:
            return False
        if not (yield from self.tags.read_closing(cursor)):
            return False
        yield from cursor.space(FOLLOWS_WITHIN)
        return (yield from cursor.stands(around.closers)) is not None

    def _next(self) -> Reading[Header | None]:
        """Read the header of the parameter that is due here. Returns None if there is none."""
        cursor, tags = self.cursor, self.tags
        while True:
            yield from cursor.space()
            opener = yield from tags.read_opener(cursor)
            if opener is None and (yield from self._stray_closer()):
                continue
            if opener is None and (self.written or not (yield from self._at_key())):
                return None
            header = yield from self._header(opener)
            self.cut = header is None
            if header is None or header.valued or not (yield from self._valueless()):
                return header

    def _header(self, opener: str | None) -> Reading[Header | None]:
        return self.tags.read_header(self.cursor, opener)

    @recovers("a closing tag that closes nothing, before a parameter", off=False)
    def _stray_closer(self) -> Reading[bool]:
        """Read a closing tag that closes nothing, if a declared parameter that was not given follows."""
        cursor, tags = self.cursor, self.tags
        if (yield from cursor.stands(tags.closing)) is None or (
            yield from cursor.stands(self.around.closers)
        ) is not None:
            return False
        size = yield from cursor.ahead(self._size_of_stray(), 0)
        cursor.skip(size)
        return size > 0

    def _size_of_stray(self) -> Reading[int]:
        """Return the length of a closing tag that a parameter follows, or 0 if none does."""
        cursor, tags = self.cursor, self.tags
        start = cursor.offset
        yield from cursor.match(tags.closing)
        name = yield from tags.read_closing(cursor)
        size = cursor.offset - start
        return size if name and (yield from self._follows_stray()) else 0

    def _follows_stray(self) -> Reading[bool]:
        """Return whether a declared parameter that was not given is here, with or without closing tags before it."""
        cursor, tags = self.cursor, self.tags
        while True:
            yield from cursor.space(FOLLOWS_WITHIN)
            if (yield from self.next_declared()) is not None:
                return True
            if (yield from cursor.stands(self.around.closers)) is not None:
                return False
            if (yield from cursor.match(tags.closing)) is None or not (yield from tags.read_closing(cursor)):
                return False

    @recovers("a parameter without its opener", off=False)
    def _at_key(self) -> Reading[bool]:
        """Return whether a name without its opener is here, or only the marker that ends a name."""
        cursor, tags = self.cursor, self.tags
        return tags.key_end.all != frozenset() and (yield from cursor.ahead(self._key_end_follows(), False))

    def _key_end_follows(self) -> Reading[bool]:
        yield from read_name(self.cursor)
        return (yield from self.cursor.stands(self.tags.key_end)) is not None

    @recovers("a parameter without a value", off=False)
    def _valueless(self) -> Reading[bool]:
        """Return whether the name that was read has no value: the next parameter or a closer around them is here."""
        return (yield from self.cursor.ahead(self._follower_is_here(), False))

    def _follower_is_here(self) -> Reading[bool]:
        yield from self.cursor.space()
        return (yield from self.cursor.stands(self.followers)) is not None

    # --- one parameter

    # These return a generator instead of being one: each generator that others go through costs time with every token.

    def _parameter(self, header: Header) -> Reading[End]:
        """Read a parameter after its header."""
        name = header.name
        if not name:
            return Value(self, header, TextValue(drop, STRING, framed=False)).read()
        if _VALUE_IN_TAG and "=" in name and self.parameters.declares(name[: name.index("=")]):
            return self._assigned(header)
        return self._named(header, self.sink)

    def _named(self, header: Header, sink: TextSink) -> Reading[End]:
        """Read a parameter that has a name."""
        self._key(header.name, sink)
        text = TextValue(sink, self.tags.types(header, self.parameters), framed=self.tags.framed)
        return Value(self, header, text).read()

    def _key(self, name: str, sink: TextSink) -> None:
        sink(("," if self.written else "{") + quote(name) + ":")
        self.written.add(name)

    def _assigned(self, header: Header) -> Reading[End]:
        """Read a parameter whose value is in its tag, if it closes at once."""
        if not (yield from self._closes_at_once()):
            return (yield from self._named(header, self.sink))
        name, _, text = header.name.partition("=")
        self._key(name, self.sink)
        value = TextValue(self.sink, self.parameters.types(name), framed=False)
        value.text(text)
        value.end()
        return End(True)

    def _closes_at_once(self) -> Reading[bool]:
        """Read a value's closers, if only these come before something that may follow a value."""
        return self.cursor.maybe(self._closers_and_follower(), False)

    def _closers_and_follower(self) -> Reading[bool]:
        cursor = self.cursor
        yield from cursor.space()
        while (yield from cursor.match(self.tags.value_end)) is not None:
            yield from cursor.space()
        return (yield from cursor.stands(self.followers)) is not None

    # --- what is here

    def follows(self) -> Reading[Header | bool]:
        """Find what comes after a value's closer.

        Returns:
            The header of the next parameter, which was read; True for anything else that can follow: a closer around
            the parameters, a garbled one, a call, the end. False if this cannot follow.
        """
        return self.cursor.ahead(self._follows(), False, _is_header)

    def _follows(self) -> Reading[Header | bool]:
        cursor, tags = self.cursor, self.tags
        yield from cursor.space(FOLLOWS_WITHIN)
        opener = yield from tags.read_opener(cursor)
        if opener is None:
            return (yield from self._ends_here())
        header = yield from self._header(opener)
        if header is not None and (opener not in tags.variants.all or self._may_come(header)):
            return header
        return cursor.at_end

    def _ends_here(self) -> Reading[bool]:
        """Return whether the parameters can end here; consumes what it looks at."""
        cursor, around = self.cursor, self.around
        if (yield from cursor.stands(union(around.closers, around.turn_ends, around.ends_rehearsal))) is not None:
            return True
        if cursor.at_end or cursor.cut_of(self.followers):
            return True
        if (yield from cursor.stands(self.tags.value_end)) is not None:
            return False
        if _FOREIGN:
            ends = yield from self._foreign_closers()
            if ends is not None:
                return ends
        return (yield from around.message_ends(cursor)) or (yield from self._call_fits(declared=False))

    def _foreign_closers(self) -> Reading[bool | None]:
        """Read closing tags of any name. Returns whether the parameters can end after them, or None if not known."""
        cursor, tags, around = self.cursor, self.tags, self.around
        ends = union(around.closers, around.turn_ends)
        own = False  # one of them is a value's closer
        while (yield from cursor.match(tags.closing)) is not None:
            if not (yield from tags.read_closing(cursor)):
                return cursor.at_end
            yield from cursor.space(FOLLOWS_WITHIN)
            if cursor.at_end or cursor.cut_of(ends) or (yield from cursor.stands(ends)) is not None:
                return not own
            if (yield from self.next_declared()) is not None:
                return True
            own = own or (yield from cursor.stands(tags.value_end)) is not None
        return None

    def _call_fits(self, *, declared: bool) -> Reading[bool]:
        opener = yield from self.cursor.match(self.around.openers)
        if opener is None:
            return False
        return bool((yield from self.around.call_fits(opener, self.cursor, declared=declared))) or self.cursor.at_end

    def foreign_closer(self) -> Reading[bool]:
        """Return whether a closing tag here, in place of a closer around the parameters, can end them."""
        return self.cursor.ahead(self._foreign_closer(), False)

    def _foreign_closer(self) -> Reading[bool]:
        cursor = self.cursor
        # The closer of reasoning does not close the call.
        known = union(self.around.closers, self.tags.value_end, self.around.stops)
        own = (yield from cursor.stands(known)) is not None
        closing = _FOREIGN and not own and (yield from cursor.stands(self.tags.closing)) is not None
        return closing and (yield from self._ends_here())

    def goes_on(self, opened: Callable[[str], bool]) -> Reading[Header | bool]:
        """Find what comes after a closing tag that may have ended a value without its closer.

        It returns what `follows` does, but is stricter: a parameter must be declared and not given, and the end of the
        reply does not count. Another closing tag may replace the call's closer, unless the value has `opened` it.
        """
        return self.cursor.ahead(self._goes_on(opened), False, _is_header)

    def _goes_on(self, opened: Callable[[str], bool]) -> Reading[Header | bool]:
        cursor, tags, around = self.cursor, self.tags, self.around
        yield from cursor.space(FOLLOWS_WITHIN)
        header = yield from self.next_declared()
        if header is not None:
            return header
        if (yield from cursor.stands(around.closers)) is not None:
            return True
        own = (yield from cursor.stands(union(tags.value_end, around.stops))) is not None
        if _FOREIGN and not own and (yield from cursor.match(tags.closing)) is not None:
            name = yield from tags.read_closing(cursor)
            if not name or opened(name):
                return False
            yield from cursor.space(FOLLOWS_WITHIN)
            closer = yield from cursor.stands(around.closers)
            if closer is not None:  # before the call's own closer, this tag closes the value and the last one is data
                return closer not in around.call_closers.all
        return (yield from self._call_fits(declared=True))

    def run(self, closer: Callable[[], Reading[bool]]) -> Reading[Header | bool]:
        """Find what is here if a value has ended before it without its own closer, which `closer` reads.

        Returns:
            The header of the next parameter, which was read; True for a whole run of the closers around the value, if
            the end, a turn's end or a call of a declared function follows; False if only more text can tell.
        """
        return self.cursor.ahead(self._run(closer, whole=False), False, _is_header)

    def ends_with_call(self, closer: Callable[[], Reading[bool]]) -> Reading[bool]:
        """Return whether a run as above is here that has the call's closer; the reply's end cannot replace that."""
        return (yield from self.cursor.ahead(self._run(closer, whole=True), False)) is True

    def _run(self, own_closer: Callable[[], Reading[bool]], *, whole: bool) -> Reading[Header | bool]:
        cursor, tags, around = self.cursor, self.tags, self.around
        call = outer = False
        while True:
            yield from cursor.space(FOLLOWS_WITHIN)
            closer = yield from cursor.match(around.closers)
            if closer is not None:
                call = call or closer in around.call_closers.all
                outer = outer or closer in around.outer_closers.all
                continue
            if (yield from own_closer()):
                return False
            if (yield from cursor.match(tags.closing)) is None or not (yield from tags.read_closing(cursor)):
                break
        if cursor.at_end or cursor.cut_of(around.closers) or (yield from cursor.stands(around.turn_ends)) is not None:
            return call or not whole
        header = yield from self.next_declared()
        if header is not None:
            return header
        return call and outer and (yield from self._call_fits(declared=True))

    def _may_come(self, header: Header) -> bool:
        """Return whether a parameter is declared and was not given; one without a name may come, and is dropped."""
        if not header.name:
            return True
        known = self.parameters.declares(header.name) or not self.parameters.names
        return known and header.name not in self.written

    def next_declared(self) -> Reading[Header | None]:
        """Read the opener and header of a parameter that is declared and was not given.

        Returns None and consumes nothing if there is none.
        """
        return self.cursor.maybe(self._next_declared(), None)

    def _next_declared(self) -> Reading[Header | None]:
        opener = yield from self.tags.read_opener(self.cursor)
        header = None if opener is None else (yield from self._header(opener))
        if header is None or not self.parameters.declares(header.name) or header.name in self.written:
            return None
        return header
