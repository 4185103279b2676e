"""Llama 4, Llama 3.2, Olmo 3: calls in Python.

[get_weather(city="Paris")]

A list of calls, alone at the start of the reply or of a line, or between `<|python_start|>` and `<|python_end|>`.
Olmo 3 writes one call a line between `<function_calls>` and `</function_calls>`. Between markers Llama also writes
JSON.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..arguments.name import read_name
from ..arguments.python_literals import first_fits, read_arguments
from ..arguments.strays import read_strays
from ..cursor import Cursor, Mark, Markers, Overrun, Reading, union
from ..format import Span
from ..recovery import drift, rule
from ..reply import Reply
from .json_calls import JsonCalls
from .tagged import sample_of

_SEPARATORS = (",", *drift("what separates calls", ";"))
_LIST_END = Markers("]")
_AS_JSON = rule("calls as JSON between the markers", contract="Without any marker")
_TRAILING_SEPARATOR = rule("a separator behind the last call")
_LIST_WITHOUT_BRACKET = rule("calls in markers without a list")


@dataclass(frozen=True)
class Pythonic:
    """A list of calls with the arguments of `arguments.python_literals`."""

    sample: str
    as_json: JsonCalls
    bare: str = "line"
    bare_starts: str = "["

    @property
    def openers(self) -> Markers:
        return self.as_json.openers

    @property
    def closers(self) -> Markers:
        return self.as_json.closers

    @property
    def words(self) -> frozenset[str]:
        return frozenset()

    @property
    def markers(self) -> frozenset[str]:
        return self.as_json.markers

    def read(self, opener: str, mark: Mark, cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        yield from cursor.space()
        if opener and _AS_JSON and (yield from self._at_json(cursor)):
            return (yield from self.as_json.read(opener, mark, cursor, reply))
        in_list = (yield from cursor.peek()) == "["
        if in_list:
            cursor.take(cursor.at + 1)
        elif not _LIST_WITHOUT_BRACKET:
            return False
        fits = yield from self._call(mark, cursor, reply, strict=not opener)
        if not fits:
            return fits
        while (yield from self._further_call(cursor, reply)):
            pass
        if in_list:
            yield from read_strays(cursor, _LIST_END, once=True)
        closers = yield from read_strays(cursor, self.closers)
        close = next((span.close for span in self.as_json.spans if span.open == opener), "")
        reply.owed_closer = "" if closers else close
        return True

    def _at_json(self, cursor: Cursor) -> Reading[bool]:
        mark = cursor.mark()
        if (yield from cursor.peek()) == "[":
            cursor.take(cursor.at + 1)
            yield from cursor.space()
        found = (yield from cursor.peek()) == "{"
        cursor.rewind(mark)
        return found

    def _call(self, mark: Mark, cursor: Cursor, reply: Reply, *, strict: bool) -> Reading[bool | None]:
        """Read a call, whose text `mark` holds until it fits; `strict`: only under a declared name."""
        name = yield from read_name(cursor)
        if not (char := (yield from cursor.peek())):
            return None
        if not name or char != "(" or (strict and not reply.tools.may_declare(name)):
            return False
        cursor.take(cursor.at + 1)
        parameters = reply.tools.parameters(name)
        fits = yield from first_fits(cursor, parameters)
        if not fits:
            return fits
        cursor.settle(mark)
        call = reply.call(name)
        ends = union(self.closers, self.openers, reply.stops)
        call.end((yield from read_arguments(cursor, call.arguments, parameters, ends)))
        return True

    def _further_call(self, cursor: Cursor, reply: Reply) -> Reading[bool]:
        """Read another call of the same list; False where none stands, and then only separators are read."""
        mark = cursor.mark()
        try:
            yield from cursor.space()
            if (yield from cursor.peek()) in _SEPARATORS:
                cursor.take(cursor.at + 1)
                yield from cursor.space()
            separated = cursor.held(mark)
            if separated.strip() and _TRAILING_SEPARATOR and (yield from cursor.peek()) == "]":
                cursor.settle(mark)
                return False
            if separated:
                fits = yield from self._call(mark, cursor, reply, strict=False)
                if fits:
                    return True
                if fits is None and separated.strip():
                    cursor.settle(mark)
                    cursor.take(len(cursor.text))  # the beginning of a call that was cut off
                    return False
        except Overrun:
            pass
        cursor.rewind(mark)
        return False


PYTHONIC = Pythonic(
    sample=sample_of(__doc__),
    as_json=JsonCalls(
        sample="",
        spans=(Span("<|python_start|>", "<|python_end|>"), Span("<function_calls>", "</function_calls>")),
    ),
)
