"""Tools with the structures that real ones have: servers of MCP, function-calling benchmarks, generated OpenAPI tools.

Only the structure is theirs (what nests in what, which words of JSON Schema are used); names and texts are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]
Arguments: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Shape:
    """A tool, and arguments for it."""

    name: str
    parameters: Schema | None
    right: Sequence[Arguments]
    """What the schema allows, in the order of the schema."""
    wrong: Sequence[Arguments] = ()
    """What it does not, nor a strict tag: a required argument is missing, a value is not listed, a type is wrong."""
    wrong_inside: Sequence[Arguments] = ()
    """The same inside of values."""
    wrong_in_maps: Sequence[Arguments] = ()
    """The same in objects whose members have any names."""

    @property
    def declared(self) -> frozenset[str]:
        return frozenset((self.parameters or {}).get("properties", ()))

    def tool(self, strict: bool) -> dict[str, Any]:
        function: dict[str, Any] = {"name": self.name, "description": "What it does.", "strict": strict}
        if self.parameters is not None:
            function["parameters"] = self.parameters
        return {"type": "function", "function": function}


STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
BOOLEAN: Schema = {"type": "boolean"}


def closed(properties: Mapping[str, Schema], *required: str, **further: Any) -> dict[str, Any]:
    """An object that says all its members, as zod and pydantic write it."""
    said: dict[str, Any] = {"type": "object", "properties": dict(properties), **further}
    said.setdefault("additionalProperties", False)
    if required:
        said["required"] = list(required)
    return said


def listing(items: Schema, **further: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **further}


def either(*branches: Schema, **further: Any) -> dict[str, Any]:
    return {"anyOf": list(branches), **further}


NULL: Schema = {"type": "null"}
TREE: Schema = closed(
    {"label": STRING, "children": listing({"$ref": "#/$defs/Tree"})},
    "label",
)
RICH_TEXT: Schema = closed(
    {
        "type": {"enum": ["text"], "type": "string"},
        "text": closed({"content": STRING, "link": either(closed({"url": STRING}, "url"), NULL)}, "content"),
    },
    "text",
)
FILTER: Schema = {
    "oneOf": [
        closed({"property": STRING, "equals": STRING}, "property", "equals"),
        closed({"and": listing({"$ref": "#/definitions/filter"})}, "and"),
    ]
}
ELEMENT: Schema = closed(
    {"name": STRING, "kind": {"type": "string", "const": "node"}, "notes": listing(STRING)}, "name"
)
KEY = "Paris, 3 < 4 & \"quoted\" \\ 'single'\nand a second line"

SHAPES: Sequence[Shape] = (
    # --- no parameters, in each way that tools say so
    Shape("list_allowed_places", {"type": "object", "properties": {}}, [{}]),
    Shape("ping", closed({}, **{"$schema": "http://json-schema.org/draft-07/schema#"}), [{}], [{"nope": 1}]),
    Shape("browser_close", {"type": "object", "properties": {}, "required": []}, [{}]),
    Shape("now", {}, [{}]),
    Shape("who_am_i", None, [{}]),
    # --- a file system
    Shape(
        "read_text_file",
        closed({"path": STRING, "tail": {**NUMBER, "description": "Last lines."}, "head": NUMBER}, "path"),
        [{"path": "/tmp/a b.txt"}, {"path": "C:\\x\\y", "head": 10}, {"path": "", "tail": 1.5, "head": -3}],
        [{}, {"head": 3}, {"path": "a", "head": "ten"}, {"path": "a", "nope": 1}],
    ),
    Shape(
        "read_many", closed({"paths": listing(STRING, minItems=1)}, "paths"), [{"paths": ["a", "b, c", 'd "e"']}], [{}]
    ),
    Shape(
        "write_file",
        closed({"path": STRING, "content": STRING}, "path", "content"),
        [{"path": "a.py", "content": 'def f():\n    return {"a": [1, 2]}\n'}, {"path": "b", "content": KEY}],
        [{"path": "a.py"}, {"content": "x"}],
    ),
    Shape(
        "edit-file",
        closed(
            {
                "path": STRING,
                "edits": listing(closed({"oldText": STRING, "newText": STRING}, "oldText", "newText")),
                "dryRun": {**BOOLEAN, "default": False},
            },
            "path",
            "edits",
        ),
        [
            {"path": "a.py", "edits": [{"oldText": "x = 1", "newText": "x = {2}"}], "dryRun": True},
            {"path": "a.py", "edits": [{"oldText": "a", "newText": ""}, {"oldText": "b\nc", "newText": '"d"'}]},
        ],
        [{"path": "a.py", "dryRun": True}, {"path": "a.py", "edits": 3}, {"path": "a", "edits": [], "dryRun": 3}],
        [{"path": "a.py", "edits": [{"oldText": "x"}]}],
    ),
    Shape(
        "directory_tree",
        closed({"path": STRING, "excludePatterns": listing(STRING, default=[])}, "path"),
        [{"path": "."}, {"path": ".", "excludePatterns": ["*.pyc", "**/node_modules"]}],
        [{"excludePatterns": []}],
    ),
    # --- code hosting
    Shape(
        "repo.search_code",
        closed(
            {
                "q": STRING,
                "order": {"type": "string", "enum": ["asc", "desc"]},
                "page": {**NUMBER, "minimum": 1},
                "per_page": {**NUMBER, "minimum": 1, "maximum": 100},
            },
            "q",
        ),
        [{"q": "repo:a/b is:open"}, {"q": "x", "order": "asc", "page": 2, "per_page": 30}],
        [{"q": "x", "order": "up"}, {"order": "asc"}, {"q": "x", "page": "two"}],
    ),
    Shape(
        "create_review",
        closed(
            {
                "owner": STRING,
                "pull_number": NUMBER,
                "event": {"type": "string", "enum": ["APPROVE", "REQUEST_CHANGES", "COMMENT"]},
                "comments": listing(
                    either(
                        closed({"path": STRING, "position": NUMBER, "body": STRING}, "path", "position", "body"),
                        closed({"path": STRING, "line": NUMBER, "body": STRING}, "path", "line", "body"),
                    )
                ),
            },
            "owner",
            "pull_number",
            "event",
        ),
        [
            {"owner": "a", "pull_number": 7, "event": "COMMENT"},
            {"owner": "a", "pull_number": 7, "event": "APPROVE", "comments": [{"path": "x", "line": 3, "body": "y z"}]},
        ],
        [{"owner": "a", "pull_number": 7}, {"owner": "a", "pull_number": 7, "event": "comment"}],
        [{"owner": "a", "pull_number": 7, "event": "COMMENT", "comments": [{"path": "x", "body": "y"}]}],
    ),
    Shape(
        "push_files",
        closed(
            {
                "branch": STRING,
                "files": listing(closed({"path": STRING, "content": STRING}, "path", "content")),
                "from_branch": either(STRING, NULL, default=None),
                "milestone": {**NUMBER, "exclusiveMinimum": 0},
            },
            "branch",
            "files",
        ),
        [
            {"branch": "main", "files": [{"path": "a", "content": "b"}]},
            {"branch": "main", "files": [], "from_branch": "x", "milestone": 2},
        ],
        [{"branch": "main"}, {"files": []}],
    ),
    # --- a browser
    Shape(
        "browser_click",
        closed(
            {
                "element": STRING,
                "ref": STRING,
                "doubleClick": BOOLEAN,
                "button": {"type": "string", "enum": ["left", "right", "middle"]},
                "modifiers": listing({"type": "string", "enum": ["Alt", "Control", "ControlOrMeta", "Shift"]}),
            },
            "element",
            "ref",
        ),
        [
            {"element": "the button", "ref": "e12"},
            {"element": "b", "ref": "e1", "doubleClick": False, "button": "right", "modifiers": ["Alt", "Shift"]},
        ],
        [
            {"element": "b", "ref": "e1", "button": "both"},
            {"ref": "e1"},
            {"element": "b", "ref": "e", "doubleClick": 1},
        ],
        [{"element": "b", "ref": "e1", "modifiers": ["Super"]}],
    ),
    Shape(
        "browser_fill_form",
        closed(
            {
                "fields": listing(
                    closed(
                        {
                            "name": STRING,
                            "type": {"type": "string", "enum": ["textbox", "checkbox", "radio", "combobox", "slider"]},
                            "value": STRING,
                        },
                        "name",
                        "type",
                        "value",
                    )
                )
            },
            "fields",
        ),
        [{"fields": [{"name": "Name", "type": "textbox", "value": "Ann Lee"}]}],
        [{}],
        [{"fields": [{"name": "Name", "type": "select", "value": "x"}]}],
    ),
    Shape(
        "browser_navigate",
        closed({"url": {**STRING, "format": "uri"}}, "url"),
        [{"url": "https://example.com/a?b=c"}],
        [{}],
    ),
    Shape(
        "browser_evaluate",
        closed({"function": STRING, "element": STRING, "timeout": {**INTEGER, "maximum": 30000}}, "function"),
        [{"function": "() => { return [...document.links].map(a => a.href); }"}, {"function": "f", "timeout": 5}],
        [{"timeout": 5}, {"function": "f", "timeout": "soon"}],
    ),
    # --- a knowledge graph, pages with blocks
    Shape(
        "create_entities",
        closed(
            {
                "entities": listing(
                    closed(
                        {"name": STRING, "entityType": STRING, "observations": listing(STRING)},
                        "name",
                        "entityType",
                        "observations",
                    )
                )
            },
            "entities",
        ),
        [{"entities": [{"name": "Ann", "entityType": "person", "observations": ["likes tea", "is tall"]}]}],
        [{}, {"entities": 1}],
        [{"entities": [{"name": "Ann"}]}],
    ),
    Shape(
        "API-post-search",
        closed(
            {
                "query": STRING,
                "sort": closed({"direction": {"enum": ["ascending", "descending"]}, "timestamp": STRING}),
                "filter": closed({"value": {"type": "string", "enum": ["page", "data_source"]}, "property": STRING}),
                "page_size": {**INTEGER, "default": 100, "format": "int32"},
            }
        ),
        [
            {},
            {"query": "x"},
            {"sort": {"direction": "ascending"}, "page_size": 5},
            {"filter": {"value": "page", "property": "object"}},
        ],
        [{"page_size": "five"}, {"nope": 1}],
        [{"filter": {"value": "pages"}}],
    ),
    Shape(
        "API-patch-block-children",
        {
            "type": "object",
            "properties": {"children": listing({"$ref": "#/$defs/block"}), "after": STRING},
            "required": ["children"],
            "additionalProperties": False,
            "$defs": {
                "block": closed(
                    {
                        "type": {"enum": ["paragraph"]},
                        "paragraph": closed({"rich_text": listing(RICH_TEXT)}, "rich_text"),
                    },
                    "paragraph",
                )
            },
        },
        [
            {"children": []},
            {
                "children": [
                    {
                        "type": "paragraph",
                        "paragraph": {
                            "rich_text": [{"type": "text", "text": {"content": "Hi.", "link": {"url": "u"}}}]
                        },
                    },
                    {"paragraph": {"rich_text": [{"text": {"content": "a b", "link": None}}]}},
                ],
                "after": "id-1",
            },
        ],
        [{}, {"after": "x"}],
        [{"children": [{"type": "heading"}]}, {"children": [{"paragraph": {"rich_text": [{"type": "text"}]}}]}],
    ),
    Shape(
        "API-create-page",
        closed(
            {
                "parent": either(
                    closed({"page_id": STRING}, "page_id"), closed({"workspace": {"const": True}}, "workspace")
                ),
                "properties": {"type": "object", "additionalProperties": True},
                "icon": closed({"emoji": STRING}, "emoji"),
            },
            "parent",
            "properties",
        ),
        [
            {"parent": {"page_id": "1"}, "properties": {"title": "a", "tags": ["b", 2], "at": {"x": None}}},
            {"parent": {"page_id": "1"}, "properties": {}, "icon": {"emoji": "☃"}},
        ],
        [{"parent": {"page_id": "1"}}, {"properties": {}}],
        [{"parent": {"page": "1"}, "properties": {}}],
    ),
    Shape(
        "update_page",
        closed({"page-id": {**STRING, "format": "uuid"}, "in_trash": BOOLEAN, "Content-Type": STRING}, "page-id"),
        [{"page-id": "123e4567-e89b-12d3-a456-426614174000"}],
        [{}],
    ),
    # --- references and recursion
    Shape(
        "draw_tree",
        closed({"root": {"$ref": "#/$defs/Tree"}}, "root", **{"$defs": {"Tree": TREE}}),
        [{"root": {"label": "a"}}, {"root": {"label": "a", "children": [{"label": "b", "children": []}]}}],
        [{}],
        [{"root": {"children": []}}, {"root": {"label": "a", "children": [{"nope": 1}]}}],
    ),
    Shape(
        "query_rows",
        closed(
            {"filter": {"$ref": "#/definitions/filter"}, "limit": INTEGER}, "filter", definitions={"filter": FILTER}
        ),
        [
            {"filter": {"property": "a", "equals": "b"}},
            {"filter": {"and": [{"property": "a", "equals": "b c"}]}, "limit": 5},
        ],
        [{"limit": 5}],
        [{"filter": {"property": "a"}}, {"filter": {"or": []}}],
    ),
    Shape(
        "json_value",
        closed(
            {"value": {"$ref": "#/$defs/Json"}},
            "value",
            **{"$defs": {"Json": either(NUMBER, BOOLEAN, NULL, listing({"$ref": "#/$defs/Json"}))}},
        ),
        [{"value": 3}, {"value": [1, [True, [None, 2.5]]]}],
        [{}],
    ),
    # --- pydantic: nullable in both spellings, enums by reference, defaults
    Shape(
        "schedule",
        closed(
            {
                "when": either({**STRING, "format": "date-time"}, NULL, default=None, title="When"),
                "repeat": either({**INTEGER, "minimum": 0, "maximum": 9}, NULL, default=None),
                "kind": {"allOf": [{"$ref": "#/$defs/Kind"}], "default": "soft"},
                "tags": either(listing(STRING), NULL, default=None),
            },
            **{"$defs": {"Kind": {"enum": ["soft", "hard"], "title": "Kind", "type": "string"}}},
        ),
        [{}, {"when": None, "repeat": 3, "kind": "hard", "tags": ["a"]}, {"repeat": None, "tags": None}],
        [{"kind": "medium"}, {"repeat": "x"}, {"tags": 3}],
    ),
    Shape(
        "nullable_type",
        closed(
            {
                "a": {"type": ["integer", "null"]},
                "b": {"type": ["string", "null"]},
                "c": {"type": ["array", "null"], "items": NUMBER},
            },
            "a",
        ),
        [{"a": None}, {"a": 1, "b": "x", "c": [1, 2.5]}, {"a": 1, "c": None}],
        [{"a": "one"}, {"b": "x"}],
        [{"a": 1, "c": ["x"]}],
    ),
    Shape(
        "openapi_nullable",
        closed(
            {"count": {**INTEGER, "nullable": True}, "mode": {"type": "string", "enum": ["a", "b"], "nullable": True}}
        ),
        [{"count": 2}, {"count": None, "mode": "a"}],
        [{"mode": "c"}],
    ),
    # --- values that are listed
    Shape(
        "set_kind",
        closed(
            {
                "mime": {"type": "string", "enum": ["text/plain", "application/json", 'a "b" \\c', "größe", "it's"]},
                "level": {"type": "integer", "enum": [1, 2, 3, 15]},
                "on": {"const": True},
                "mixed": {"enum": ["auto", 5, None, False]},
            },
            "mime",
        ),
        [
            {"mime": "text/plain"},
            {"mime": "application/json", "level": 15},
            {"mime": 'a "b" \\c', "level": 2, "on": True},
            {"mime": "größe", "mixed": 5},
            {"mime": "it's", "mixed": "auto"},
            {"mime": "text/plain", "mixed": None},
            {"mime": "text/plain", "mixed": False},
        ],
        [
            {"mime": "text/html"},
            {"mime": "text/plain", "level": 4},
            {"level": 1},
            {"mime": "text/plain", "mixed": "no"},
        ],
    ),
    Shape(
        "set_currency",
        closed(
            {"currency": {"enum": [f"C{number:02}" for number in range(60)]}, "version": {"const": "2025-01-01"}},
            "currency",
        ),
        [{"currency": "C00"}, {"currency": "C59", "version": "2025-01-01"}],
        [{"currency": "C60"}, {"currency": "C01", "version": "2025-01-02"}],
    ),
    # --- lengths, patterns, formats, limits
    Shape(
        "think",
        closed(
            {
                "thought": {**STRING, "minLength": 1, "maxLength": 20000},
                "number": {**INTEGER, "minimum": 1},
                "more": BOOLEAN,
                "score": {**NUMBER, "minimum": 0, "maximum": 1},
            },
            "thought",
            "number",
            "more",
        ),
        [{"thought": KEY, "number": 1, "more": True}, {"thought": "x", "number": 12, "more": False, "score": 0.5}],
        [{"thought": "x", "number": 1}, {"thought": "x", "number": 1, "more": "perhaps"}],
    ),
    Shape(
        "contact",
        closed(
            {
                "email": {**STRING, "format": "email"},
                "on": {**STRING, "format": "date"},
                "code": {**STRING, "pattern": "^[A-Z]{2}[0-9]{3}$"},
                "color": {**STRING, "format": "color"},
                "zip": {**STRING, "pattern": "^[0-9]{5}$", "minLength": 5, "maxLength": 5},
            },
            "email",
        ),
        [
            {"email": "a@example.com"},
            {"email": "a.b@c.de", "on": "2026-01-31", "code": "AB123", "color": "x y", "zip": "01234"},
        ],
        [{}, {"on": "2026-01-31"}],
    ),
    Shape(
        "move",
        closed(
            {"to": listing(NUMBER, minItems=2, maxItems=2), "by": {"type": "array", "prefixItems": [NUMBER, STRING]}},
            "to",
        ),
        [{"to": [1, 2.5]}, {"to": [0, 0], "by": [3, "m"]}],
        [{}, {"to": 3}],
        [{"to": ["a", "b"]}],
    ),
    # --- maps
    Shape(
        "run",
        closed(
            {
                "command": STRING,
                "env": {"type": "object", "additionalProperties": STRING},
                "limits": {"type": "object", "additionalProperties": INTEGER},
                "body": {"type": "object"},
            },
            "command",
        ),
        [
            {"command": "ls -la | grep '<x>'"},
            {"command": "x", "env": {"PATH": "/bin", "MY_NAME": "a b"}, "limits": {"cpu": 2}},
            {"command": "x", "body": {"a": [1, {"b": "c"}], "d": None}},
        ],
        [{"env": {}}, {"command": "x", "limits": 3}],
        wrong_in_maps=[{"command": "x", "limits": {"cpu": "two"}}],
    ),
    Shape(
        "open_object",
        {
            "type": "object",
            "properties": {"name": STRING, "size": INTEGER},
            "required": ["name"],
            "additionalProperties": True,
        },
        [{"name": "a"}, {"name": "a", "size": 3}, {"name": "a", "size": 3, "other": "b c"}],
        [{"size": 3}],
    ),
    Shape(
        "typed_rest",
        {"type": "object", "properties": {"name": STRING}, "required": ["name"], "additionalProperties": INTEGER},
        [{"name": "a"}, {"name": "a", "width": 3, "height": 4}],
        [{"width": 3}],
    ),
    Shape(
        "nested_open",
        closed(
            {"at": {"type": "object", "properties": {"x": INTEGER}, "required": ["x"], "additionalProperties": True}},
            "at",
        ),
        [{"at": {"x": 1}}, {"at": {"x": 1, "y": "far away"}}],
        [{}],
        [{"at": {"y": 1}}],
    ),
    Shape("just_an_object", {"type": "object", "additionalProperties": True}, [{}, {"a": "b c", "n": 2}]),
    # --- deep and wide
    Shape(
        "deep",
        closed({"a": closed({"b": closed({"c": closed({"d": closed({"e": INTEGER}, "e")}, "d")}, "c")}, "b")}, "a"),
        [{"a": {"b": {"c": {"d": {"e": 1}}}}}],
        [{}],
        [{"a": {"b": {"c": {"d": {"e": "x"}}}}}, {"a": {"b": {"c": {"d": {}}}}}],
    ),
    Shape(
        "matrix",
        closed({"rows": listing(listing(INTEGER)), "names": listing(closed({"of": listing(STRING)}, "of"))}, "rows"),
        [{"rows": [[1, 2], [3]]}, {"rows": [], "names": [{"of": ["a", "b"]}]}],
        [{"names": []}],
        [{"rows": [["a"]]}],
    ),
    Shape(
        "many_optional",
        closed({f"p{number:02}": (STRING, INTEGER, BOOLEAN)[number % 3] for number in range(60)}),
        [{}, {"p00": "a", "p31": 4, "p59": True}, {"p58": 1}, {f"p{number:02}": "x" for number in range(0, 60, 3)}],
        [{"p01": "x"}, {"p60": "a"}],
    ),
    Shape(
        "many_required",
        closed(
            {f"p{number:02}": (STRING, INTEGER)[number % 2] for number in range(24)},
            *(f"p{number:02}" for number in range(24)),
        ),
        [{f"p{number:02}": ("x y", 7)[number % 2] for number in range(24)}],
        [{f"p{number:02}": ("x", 7)[number % 2] for number in range(23)}],
    ),
    # --- names that are no plain words
    Shape(
        "mcp__files-2__get.v1",
        closed(
            {"file_id": STRING, "_meta": closed({"progressToken": either(INTEGER, STRING)}), "camelCase": BOOLEAN},
            "file_id",
        ),
        [{"file_id": "a"}, {"file_id": "a", "_meta": {"progressToken": 3}, "camelCase": True}],
        [{}],
    ),
    Shape(
        "types",
        closed({"type": STRING, "properties": STRING, "required": BOOLEAN, "items": INTEGER, "name": STRING}, "type"),
        [{"type": "a"}, {"type": "object", "properties": "b", "required": True, "items": 2, "name": "n"}],
        [{"required": True}, {"type": "a", "items": "x"}],
    ),
    # --- types as they are written by hand
    Shape(
        "hand_written",
        {
            "type": "dict",
            "properties": {
                "radius": {"type": "float", "description": "In metres."},
                "label": {"type": "str"},
                "flag": {"type": "bool", "default": True},
                "sides": {"type": "list", "items": {"type": "int"}},
                "extra": {"type": "any"},
            },
            "required": ["radius"],
        },
        [{"radius": 1.5}, {"radius": 2, "label": "a b", "flag": False, "sides": [1, 2], "extra": [1]}],
        [{}, {"label": "x"}, {"radius": "far"}, {"radius": 1, "flag": "perhaps"}],
    ),
    Shape(
        "java_written",
        {
            "type": "dict",
            "properties": {
                "owner": {"type": "String"},
                "sizes": {"type": "ArrayList", "items": {"type": "long"}},
                "options": {"type": "HashMap"},
                "strict": {"type": "Boolean"},
            },
            "required": ["owner"],
        },
        [{"owner": "a b"}, {"owner": "x", "sizes": [1, 2], "options": {"a": "b c"}, "strict": True}],
        [{}, {"strict": True}],
    ),
    # --- what xgrammar reads in another way than JSON Schema, or not at all
    Shape(
        "anything_goes",
        closed(
            {
                "list": {"type": "array", "minItems": 1, "description": "Of anything."},
                "object": {"type": "object", "minProperties": 1},
                "pair": {"type": "array", "items": [INTEGER, STRING], "minItems": 2, "maxItems": 2},
                "share": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
            }
        ),
        [{"list": ["a", 1], "object": {"a": "b c"}}, {"pair": [1, "x y"], "share": 0.5}],
        [{"list": 3}, {"share": "x"}],
    ),
    Shape(
        "text_limits",
        closed(
            {
                "free": {**STRING, "pattern": "\\S"},
                "line": {**STRING, "pattern": "^.{1,200}$"},
                "no_comma": {**STRING, "pattern": "^[^,]+$"},
                "ahead": {**STRING, "pattern": "^(?=.*[A-Z]).+$"},
                "link": {**STRING, "contentMediaType": "text/html"},
            }
        ),
        [{"free": KEY, "line": 'say "x" \\ y', "no_comma": 'a "b"\n', "ahead": "xA", "link": "<a>"}],
    ),
    Shape(
        "all_of",
        {
            "type": "object",
            "allOf": [
                {"$ref": "#/$defs/Base"},
                {"properties": {"extra": {"allOf": [INTEGER, {"minimum": 3}]}}, "required": ["extra"]},
            ],
            "$defs": {
                "Base": {
                    "type": "object",
                    "properties": {"id": INTEGER, "kind": {"enum": ["a", "b"]}},
                    "required": ["id"],
                }
            },
        },
        [{"id": 1, "kind": "a", "extra": 4}, {"id": 1, "extra": 3}],
        [{"id": 1}, {"extra": 3}, {"id": 1, "kind": "c", "extra": 3}],
    ),
    Shape(
        "one_or_the_other",
        {**closed({"path": STRING, "line": INTEGER}), "anyOf": [{"required": ["path"]}, {"required": ["line"]}]},
        [{"path": "a b"}, {"line": 3}],
        [{"line": "x"}, {"nope": 1}],
    ),
    Shape(
        "undeclared_but_required",
        {"type": "object", "properties": {"a": INTEGER}, "required": ["a", "b"]},
        [{"a": 1, "b": "x y"}],
        [{"a": 1}],
    ),
    # --- a schema without its outer type, and one with words that say nothing
    Shape(
        "bare_properties",
        {"properties": {"x": INTEGER, "y": INTEGER}, "required": ["x"], "title": "Point", "examples": [{"x": 1}]},
        [{"x": 1}, {"x": 1, "y": 2}],
        [{"y": 2}, {"x": "one"}],
    ),
)
