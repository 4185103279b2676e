"""Writes arguments as literals (Gemma, Python), and allows them by one grammar in EBNF.

- Each part of a schema has one rule, to which others refer: the size is linear, and a schema may refer to itself.
- The rules of a parameter's value are named by the content of its schema: functions with equal schemas share them, in
  one grammar and from one request to the next.
- Members come in the order of the schema, or sorted by name, as Gemma's template writes them; required ones have to be
  there. (A grammar that required them in any order would grow exponentially.)
- One of several schemas (`anyOf`, `oneOf`) is one of their rules. Members that are not declared follow those that are.
- A value is any value if its schema says nothing, or if it is nested deeper than 32.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from json.encoder import encode_basestring as _literal

from .. import schema
from ..kept import Kept
from .functions import Function
from .schemas import LATER, NOT_JSON, alternatives, choices, content_of, further_of, is_bare, required_of
from .tag_text import Format, grammar
from .values import Call

_MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Shared:
    """The name of a value's rule, and the text of all rules that it needs."""

    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class Rules:
    """A function's own rules, and the shared rules of its values by the name of the first."""

    text: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Literals:
    """The way in which a markup writes the values of a call's arguments."""

    words: tuple[str, str, str]
    """True, false and null."""
    argument: Callable[[str], Sequence[str]]
    """The spellings of an argument's name, each with the text between it and its value."""
    key: Callable[[str], Sequence[str]]
    """The same for the key of an object in a value."""
    quote: Callable[[str], Sequence[str]]
    """The spellings of a string."""
    rules: str
    """EBNF: `string`, and the text before the value of any `argument` and of any `member` of an object."""

    text: Callable[[Mapping[str, object]], str]
    """Writes arguments."""
    gap: str = r"[ \n]{0,8}"
    """EBNF for white space between the parts."""
    shared: Kept[Shared] = field(default_factory=lambda: Kept(2_000_000), compare=False, repr=False)
    """The rules of values, by the content of their schemas."""

    def write(self, call: Call) -> str:
        return self.text(call.arguments)

    def call(self, functions: Sequence[Function], head: Callable[[str], str], close: str) -> Format:
        """Return the format of one call: `head` gives its text up to the arguments, `close` follows them.

        It is one grammar for all functions: with a rule for strings in each of them, 512 would take ten seconds to
        compile.
        """
        texts, rules = [], []
        values: dict[str, str] = {}
        for number, each in enumerate(functions):
            if each.strict:
                own = self._rules_of(each)
                rules.append(own.text.replace(_OWN, f"f{number}_"))
                values |= own.values
                texts.append(f"{_literal(head(each.name))} gap f{number}_{_ARGUMENTS} gap {_literal(close)}")
        if plain := [_literal(head(each.name)) for each in functions if not each.strict]:
            texts.append(f"({' | '.join(plain)}) gap (further (comma further)*)? gap {_literal(close)}")
        root = f"root ::= {' | '.join(texts)}"
        return self._grammar(root, *rules, *values.values())

    def value(self, part: object, root: object) -> Format:
        """Return the format of one value of the schema `part`."""
        rules = _Rules(self, root, "own_")
        name = rules.parameter(part)
        return self._grammar(f"root ::= {name}", *rules.lines, *rules.values.values())

    def _grammar(self, *rules: str) -> Format:
        true, false, null = map(_literal, self.words)
        scalars = f"boolean ::= {true} | {false}\nnull ::= {null}\ngap ::= {self.gap}"
        return grammar("\n".join([*rules, self.rules.strip(), scalars, _COMMON, ""]))

    def _rules_of(self, function: Function) -> Rules:
        """Return the rules of a strict function's arguments; a mark in their names is the place of its number."""
        known = function.made.get(self.rules)
        if known is None:
            root = function.parameters.root
            rules = _Rules(self, root, _OWN)
            required = function.required
            members = [
                _Member(self.argument(name), rules.parameter(part), name in required)
                for name, part in function.parameters.declared.items()
            ]
            further = rules.further("argument", function.further, 0)
            rules.add(f"{_OWN}{_ARGUMENTS}", rules.members(members, further))
            known = function.made[self.rules] = Rules("\n".join(rules.lines), rules.values)
        return known


_OWN = "\0"
"""The prefix of a function's own rules: no literal contains it, as literals are written as JSON."""
_ARGUMENTS = "args"
_COMMON = r"""
value ::= string | number | boolean | null | array | "{" gap members gap "}"
further ::= argument value
members ::= (member value (comma member value)*)?
integer ::= "-"? ("0" | [1-9] [0-9]*)
number ::= integer ("." [0-9]+)? ([eE] [+-]? [0-9]+)?
array ::= "[" gap (value (comma value)*)? gap "]"
comma ::= gap "," gap
""".strip()


@dataclass(frozen=True, slots=True)
class _Member:
    written: Sequence[str]
    value: str
    """The rule of its value."""
    required: bool

    @property
    def sorts_as(self) -> str:
        """The sort key: Jinja's `dictsort` ignores case."""
        return self.written[0].lower()


class _Rules:
    """Collects the rules of one function's arguments, or of one value."""

    def __init__(self, dialect: Literals, root: object, prefix: str) -> None:
        self.lines: list[str] = []
        self.values: dict[str, str] = {}
        """The shared rules of values, by the name of the first."""
        self._dialect = dialect
        self._root = root
        self._prefix = prefix
        self._values: dict[int, tuple[object, str]] = {}
        """Rules by the id of the schema, which is kept alive with them."""
        self._number = 0

    def add(self, name: str, body: str) -> str:
        self.lines.append(f"{name} ::= {body}")
        return name

    def _named(self, letter: str) -> str:
        self._number += 1
        return f"{self._prefix}{letter}{self._number}"

    # --- members

    def further(self, key: str, part: object, depth: int) -> str:
        """Add and return the rule of members that are not declared; "" if there are none.

        `key` is the rule of the text before a value.
        """
        if part is False:
            return ""
        return self.add(self._named("r"), f"{key} {self.value(part, depth + 1)}")

    def members(self, members: Sequence[_Member], further: str) -> str:
        """Return a rule's body for members, in their order or sorted; members of the rule `further` may follow."""
        if not members:
            return f"({further} (comma {further})*)?" if further else '""'
        rules = [
            (each, self.add(self._named("m"), f"{_either(each.written)} gap {each.value}"), each.required)
            for each in members
        ]
        found = [self._in_order(rules, further)]
        by_name = sorted(rules, key=lambda rule: rule[0].sorts_as)
        if by_name != rules:
            found.append(self._in_order(by_name, further))
        return " | ".join(found)

    def _in_order(self, rules: Sequence[tuple[_Member, str, bool]], further: str) -> str:
        """Add two rules per member: the members from it on, if it is the first, and if another one came before."""
        after = self.add(self._named("a"), f"(comma {further})*") if further else ""
        first = self.add(self._named("f"), f"({further} (comma {further})*)?") if further else '""'
        for _, rule, required in reversed(rules):
            begins = f"{rule} {after}"
            first = self.add(self._named("f"), begins if required else f"{begins} | {first}")
            after = self.add(self._named("a"), f"comma {begins}" if required else f"(comma {rule})? {after}")
        return first

    # --- values

    def parameter(self, part: object) -> str:
        """Return the rule of a parameter's value, which other functions may share."""
        if is_bare(part):
            return self.value(part, 1)
        key = content_of(part)
        if b"$ref" in key or key.startswith(NOT_JSON):
            return self.value(part, 1)
        found = self._dialect.shared.get(key)
        if found is None:
            made = _Rules(self._dialect, part, f"v{blake2b(key, digest_size=6).hexdigest()}")
            found = Shared(made.value(part, 1), "\n".join(made.lines))
            self._dialect.shared.put(key, found, len(found.text) + len(key))
        if found.text:
            self.values[found.rule] = found.text
        return found.rule

    def value(self, part: object, depth: int) -> str:
        """Return the rule of a value of the schema `part`."""
        if is_bare(part) and isinstance(part, Mapping):
            return str(part["type"])
        if depth > _MAX_DEPTH or _says_nothing(part, self._root):
            return "value"
        known = self._values.get(id(part))
        if known is not None:
            return known[1]
        name = self._named("v")
        self._values[id(part)] = part, name
        inner = alternatives(part, self._root)
        if len(inner) == 1 and inner[0] is part:
            kinds = list(self._kinds(part, depth))
        else:
            kinds = [self.value(each, depth) for each in inner]
        self.add(name, " | ".join(dict.fromkeys(kinds)))
        return name

    def _kinds(self, part: object, depth: int) -> Iterator[str]:
        listed = choices(part, self._root)
        if listed is not None:
            yield from (self._literal(each) for each in listed)
            return
        kinds = schema.types(part, self._root)
        yield from (kind for kind in ("string", "number", "boolean", "null") if kind in kinds)
        if "integer" in kinds and "number" not in kinds:
            yield "integer"
        if "array" in kinds:
            yield self._array(part, depth)
        if "object" in kinds:
            yield self._object(part, depth)

    def _array(self, part: object, depth: int) -> str:
        first, last = (schema.element(part, self._root, index) for index in (0, LATER))
        item = self.value(first, depth + 1) if first is last else "value"
        return f'"[" gap ({item} (comma {item})*)? gap "]"'

    def _object(self, part: object, depth: int) -> str:
        declared = schema.properties(part, self._root)
        further = further_of(part, bool(declared))
        inner = "members"
        if declared or further is not True:
            names = required_of(part, self._root)
            members = [
                _Member(self._dialect.key(str(name)), self.value(each, depth + 1), name in names)
                for name, each in declared.items()
            ]
            rest = self.further("member", further, depth)
            inner = self.add(self._named("o"), self.members(members, rest))
        return f'"{{" gap {inner} gap "}}"'

    def _literal(self, value: object) -> str:
        if isinstance(value, str):
            return _either(self._dialect.quote(value))
        if value is None or isinstance(value, bool):
            return _literal(self._dialect.words[2 if value is None else 0 if value else 1])
        return _literal(json.dumps(value))


def _either(written: Sequence[str]) -> str:
    """Return EBNF for one of several texts."""
    texts = [_literal(text) for text in dict.fromkeys(written)]
    return texts[0] if len(texts) == 1 else f"({' | '.join(texts)})"


def _says_nothing(part: object, root: object) -> bool:
    """Return whether a schema allows every value, as far as its types show."""
    if not schema.types(part, root) >= schema.ANY or schema.properties(part, root):
        return False
    if any(each is not part for each in alternatives(part, root)):
        return False
    return schema.types(schema.element(part, root, 0), root) >= schema.ANY


@cache
def gemma(delimiter: str) -> Literals:
    """Return Gemma's literals, with strings between delimiters. A string ends at the first delimiter."""

    def written(value: object) -> str:
        if isinstance(value, str):
            return f"{delimiter}{value}{delimiter}"
        if isinstance(value, list):
            return f"[{','.join(map(written, value))}]"
        return f"{{{members(value)}}}" if isinstance(value, Mapping) else json.dumps(value)

    def members(arguments: Mapping[str, object]) -> str:
        return ",".join(f"{key}:{written(each)}" for key, each in arguments.items())

    return Literals(
        words=("true", "false", "null"),
        argument=lambda name: (f"{name}:",),
        key=lambda name: (f"{name}:",),
        quote=lambda text: (f"{delimiter}{text}{delimiter}",),
        rules=rf"""
member ::= [^,:={{}}()<>"' \n\[\]]+ ":" gap
argument ::= member
string ::= {_literal(delimiter)} text {_literal(delimiter)}
text ::= TagDispatch(loop_after_dispatch=false, excludes=({_literal(delimiter)}))
""",
        text=members,
    )


def _in_quotes(text: str) -> tuple[str, str]:
    """Return a string in single and in double quotes, as Python writes it."""
    # `repr` uses single quotes for a string that has both.
    inner = repr("\"'" + text)[len("'\"\\'") : -1].replace("\\'", "'").replace('"', '\\"')
    return repr(text), f'"{inner}"'


PYTHON = Literals(
    words=("True", "False", "None"),
    argument=lambda name: (f"{name}=",),
    key=lambda name: tuple(f"{quoted}:" for quoted in _in_quotes(name)),
    quote=_in_quotes,
    rules=r"""
member ::= string gap ":" gap
argument ::= [A-Za-z_] [A-Za-z0-9_\-]* "=" gap
string ::= "'" ([^'\\\n] | "\\" [^\n])* "'" | "\"" ([^"\\\n] | "\\" [^\n])* "\""
""",
    text=lambda arguments: ", ".join(f"{key}={value!r}" for key, value in arguments.items()),
)
