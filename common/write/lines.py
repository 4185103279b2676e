"""Writes and allows arguments as lines, `city: Paris`: a key, a separator and a value up to the end of the line.

A string is any text on one line, or one of those in the schema's `enum`; other values are JSON on one line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from .. import schema
from .functions import Function
from .literals import Literals
from .schemas import choices
from .tag_text import Format, any_text, const, regex, sequence, star
from .values import ANY_KEY, Call, Named, as_template_text, each_declared, one_of

_JSON = Literals(
    words=("true", "false", "null"),
    argument=lambda name: (f"{json.dumps(name)}:",),
    key=lambda name: (f"{json.dumps(name)}:",),
    quote=lambda text: (json.dumps(text, ensure_ascii=False),),
    rules=r"""
member ::= string gap ":" gap
argument ::= member
string ::= "\"" ([^"\\\n\r\t] | "\\" ["\\/bfnrt])* "\""
""",
    text=json.dumps,
    gap="[ ]{0,8}",
)


@dataclass(frozen=True, eq=False)
class LineValues:
    """One line per parameter: the text after its key, and the end of its line."""

    between: str
    end: str
    closer: str
    """The end of the call. No string may contain it, as it would count before the end of a line."""
    _named: Named = field(default_factory=Named, repr=False)

    def write(self, call: Call) -> str:
        lines = (f"{key}{self.between}{as_template_text(value)}{self.end}" for key, value in call.arguments.items())
        return "".join(lines)

    def formats(self, function: Function) -> Iterator[Format]:
        made = partial(self._line, function)
        yield from each_declared(function, self._named, made)
        if function.further is not False:
            yield star(made(function.further, None))

    def _line(self, function: Function, part: object, name: str | None) -> Format:
        """Return the format of one parameter; `name` None: any that is not declared."""
        root = function.parameters.root
        key = regex(ANY_KEY) if name is None else const(name)
        return sequence(key, const(self.between), self._value(part, root), const(self.end))

    def _value(self, part: object, root: object) -> Format:
        listed = choices(part, root)
        if "string" not in schema.types(part, root):
            return _JSON.value(part, root)
        if listed is None:
            return any_text(*dict.fromkeys(each for each in (self.closer, self.end, "\n") if each))
        return one_of(each for each in listed if self.end not in str(each))
