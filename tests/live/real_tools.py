"""Thirty tools as servers of agents declare them: files, code, shells, issues, mail, databases, browsers, homes.

`TOOLS` are OpenAI tools; `validated` holds arguments against a tool's own schema.
"""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.validators import extend

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "maxLength": 24}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 16}
PATH: Schema = {"type": "string", "description": "An absolute path.", "maxLength": 24}
COUNT: Schema = {"type": "integer", "minimum": 1, "maximum": 100}
FLAG: Schema = {"type": "boolean"}
DAY: Schema = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}


def one_of(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


def some(items: Schema, most: int = 3) -> Schema:
    return {"type": "array", "items": items, "maxItems": most}


def record(**properties: Schema) -> Schema:
    """An object all of whose properties are required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_EDIT = record(old_text=TEXT, new_text=TEXT)
_POINT = record(latitude={"type": "number"}, longitude={"type": "number"})
_NODE: Schema = {
    "type": "object",
    "properties": {"label": NAME, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}, "maxItems": 2}},
    "required": ["label"],
    "additionalProperties": False,
}

SCHEMAS: dict[str, Schema] = {
    "read_file": record(path=PATH),
    "write_file": record(path=PATH, content=TEXT),
    "edit_file": record(path=PATH, edits=some(_EDIT, 2), dry_run=FLAG),
    "list_directory": record(path=PATH, depth=COUNT),
    "search_files": record(pattern=TEXT, exclude=some(TEXT)),
    "move_file": record(source=PATH, destination=PATH),
    "run_command": record(command=TEXT, timeout={"type": "number", "exclusiveMinimum": 0}),
    "run_python": record(code=TEXT),
    "git_commit": record(message=TEXT, all=FLAG),
    "git_log": record(max_count=COUNT, author=maybe(TEXT)),
    "create_issue": record(title=TEXT, body=TEXT, labels=some(NAME)),
    "update_issue": record(number=COUNT, state=one_of("open", "closed")),
    "create_pull_request": record(title=TEXT, head=NAME, base=one_of("main", "develop"), draft=FLAG),
    "search_code": record(query=TEXT, language=one_of("python", "rust", "go", "c++")),
    "send_email": record(to=some(TEXT, 2), subject=TEXT, body=TEXT),
    "post_message": record(channel=NAME, text=TEXT, thread=maybe(NAME)),
    "create_event": record(title=TEXT, day=DAY, minutes=COUNT),
    "find_events": record(start=DAY, end=DAY),
    "run_query": record(sql=TEXT, parameters=some({"type": ["string", "number", "boolean", "null"]})),
    "describe_table": record(table=NAME),
    "open_page": record(url=TEXT),
    "click": record(selector=TEXT, button=one_of("left", "right")),
    "fill_form": record(fields=some(record(name=NAME, value=TEXT), 2)),
    "screenshot": record(full_page=FLAG),
    "get_weather": record(city=TEXT, unit=one_of("celsius", "fahrenheit")),
    "get_route": record(start=_POINT, end=_POINT, mode=one_of("walk", "drive")),
    "set_light": record(room=NAME, on=FLAG, brightness={"type": "integer", "minimum": 0, "maximum": 100}),
    "play_music": record(artist=TEXT, shuffle=FLAG),
    "save_tree": {**record(root={"$ref": "#/$defs/node"}), "$defs": {"node": _NODE}},
    "ping": record(),
}
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": name, "description": name.replace("_", " "), "parameters": schema}}
    for name, schema in SCHEMAS.items()
]
STRICT = [{**tool, "function": {**tool["function"], "strict": True}} for tool in TOOLS]


NOT_ENFORCED = ("minLength", "maxLength")
"""Words that a grammar leaves out (docs/tool-choice.md): a string of a counted length could hold no escape."""
_Enforced = extend(Draft202012Validator, {word: lambda *_: () for word in NOT_ENFORCED})


def validated(name: str, arguments: str) -> Any:
    """The arguments of a call.

    Raises ValueError or ValidationError if they are not what the tool's schema says, lengths of strings aside.
    """
    loaded = json.loads(arguments)
    _Enforced(SCHEMAS[name]).validate(loaded)
    return loaded
