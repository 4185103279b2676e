"""Writes a call in a template's markup: the sample of its format, by which `detect` recognises a family.

Of a delimiter's alternatives the fullest is written, so that markers around calls are there; white space is left out.
Closing tags that a template skips as stray text, but a model has to write, are written too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from .language import Field, roles_of
from .patterns import Alternative, Capture, Refused, alternatives_of

_TAG = re.compile(r"<([A-Za-z](?:[\w:.-]*\w)?)(?=[\s=>])")
Arguments = Mapping[str, object]


def written_call(field: Field, name: str, arguments: Arguments) -> str:
    """Return one call in the field's markup. Raises Refused if it has no place for a name and arguments."""
    roles = roles_of(field)
    body: str
    if roles.enveloped:
        body = _json({"type": "function", "function": {"name": name, "arguments": arguments}}, field)
    elif field.content == "json":
        call = {roles.name: name, roles.arguments: arguments}
        body = _json(arguments if roles.name_captured else [call] if field.each else call, field)
    elif field.content == "xml-inline":
        body = "".join(_tags(field, arguments))
    elif field.content == "kv-lines":
        body = _lines(field, arguments)
    elif field.content == "python-call-list":
        body = f"[{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})]"
    else:
        raise Refused(f"{field.scope}.content: no call can be written as {field.content!r}")
    captured = {roles.name: name} if roles.name_captured else {}
    opener, closer = spelled(fullest(field.open), captured), spelled(fullest(field.close), {})
    if field.content in ("xml-inline", "kv-lines"):
        tags = unclosed(spelled(fullest(field.open), dict.fromkeys(captured, "")), closer)
        closer = "".join(f"</{tag}>" for tag in reversed(tags)) + closer
    return opener + body + closer


def fullest(alternatives: Sequence[Alternative]) -> Alternative:
    """Return the alternative with the most text; () if there is none."""
    return max(
        alternatives,
        key=lambda alternative: sum(len(part) for part in alternative if isinstance(part, str)),
        default=(),
    )


def spelled(alternative: Alternative, captured: Mapping[str, str]) -> str:
    """Return a delimiter as text. `captured`: the texts of its groups. Raises Refused for a group that is not in it."""
    pieces: list[str] = []
    for part in alternative:
        if isinstance(part, str):
            pieces.append(part)
        elif isinstance(part, Capture):
            if part.name not in captured:
                raise Refused(f"the group {part.name!r} of a delimiter: its text is not known")
            pieces.append(captured[part.name])
    return "".join(pieces)


def unclosed(opener: str, closer: str) -> list[str]:
    """Return the names of the tags that an opener opens and the closer does not close, the outermost first."""
    return [name for name in _TAG.findall(opener) if f"</{name}>" not in closer]


def _json(value: object, field: Field) -> str:
    delimiters = field.args.get("string_delims")
    first = delimiters[0] if isinstance(delimiters, list) and delimiters else None
    opens, closes = first if isinstance(first, list) and len(first) == 2 else ('"', '"')
    return _dialect(value, str(opens), str(closes), plain_keys=field.args.get("unquoted_keys") is True)


def _dialect(value: object, opens: str, closes: str, *, plain_keys: bool) -> str:
    if opens == '"' and not plain_keys:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        return f"{opens}{value}{closes}"
    if isinstance(value, Mapping):
        quote = "" if plain_keys else '"'
        members = (
            f"{quote}{key}{quote}:{_dialect(each, opens, closes, plain_keys=plain_keys)}" for key, each in value.items()
        )
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return f"[{','.join(_dialect(each, opens, closes, plain_keys=plain_keys) for each in value)}]"
    return json.dumps(value)


def tag_alternatives(field: Field) -> tuple[Alternative, ...]:
    """Return the alternatives of a parameter in `xml-inline`. Raises Refused."""
    pattern = field.args.get("tag_pattern")
    scope = f"{field.scope}.content_args.tag_pattern"
    if not isinstance(pattern, str):
        raise Refused(f"{scope}: missing")
    return alternatives_of(pattern, scope)


def _tags(field: Field, arguments: Arguments) -> Iterator[str]:
    alternative = fullest(tag_alternatives(field))
    for key, value in arguments.items():
        yield spelled(alternative, {"key": key, "value": value if isinstance(value, str) else json.dumps(value)})


def _lines(field: Field, arguments: Arguments) -> str:
    line, between = field.args.get("line_sep", "\n"), field.args.get("kv_sep", ":")
    return f"{line}" + "".join(
        f"{key}{between} {value if isinstance(value, str) else json.dumps(value)}{line}"
        for key, value in arguments.items()
    )
