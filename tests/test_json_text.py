"""JSON text is passed on byte for byte, except for the closed list of repairs, each with one reading."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest
from dynamo_parsers.arguments import json_text
from dynamo_parsers.cursor import Cursor, Markers

END = Markers(("</end>", "<next>"))


def read(*pieces: str, ends: Markers = END) -> tuple[str, bool, str]:
    """What a value is passed on as, whether it was finished, and what was left unread."""
    cursor = Cursor()
    said: list[str] = []
    reading = json_text.value(cursor, said.append, ends)
    finished: bool | None = None
    feeds: Iterator[str] = iter(pieces)
    rest = ""
    while finished is None:
        try:
            next(reading)
        except StopIteration as stop:
            finished = bool(stop.value)
            break
        piece = next(feeds, None)
        if piece is None:
            assert not cursor.ended, "asked for text after the end"
            cursor.end()
        else:
            cursor.feed(piece)
    rest = cursor.text[cursor.at :] + "".join(feeds)
    return "".join(said), finished, rest


def check(text: str, passed: str, finished: bool, rest: str = "") -> None:
    """The same for the whole text, every cut in two, and character by character."""
    expected = (passed, finished, rest)
    assert read(text) == expected
    for at in range(1, len(text)):
        assert read(text[:at], text[at:]) == expected, f"cut at {at}"
    assert read(*text) == expected


AS_WRITTEN = [
    "{}",
    "[]",
    "{ }",
    "[ ]",
    '{"a": 1}',
    '{"b" : 2 , "a":1}',
    '{\n  "a": [1, 2.50, -0, 1E5, 1e-7],\n\t"b": {}\r\n}',
    '{"n": 123456789012345678901234567890123456789012345678901234567890}',
    '{"n": 1.10, "m": 1.0e+10}',
    '{"a": "é😀", "b": "\\u00e9\\ud83d\\ude00", "c": "\\/\\b\\f\\n\\r\\t\\\\\\""}',
    '{"a": "</end>", "b": "<next>", "c": "{[}]"}',
    '{"a": true, "b": false, "c": null}',
    '{"a": "", "": ""}',
    '{"a": 1, "a": 2}',
    '{"a": "\u2028\u2029\x7f\x85"}',
    '{"lone": "\\ud83d"}',
    '["it\'s", "\'", "a\'b\'"]',
    '"text"',
]


@pytest.mark.parametrize("text", AS_WRITTEN)
def test_json_passes_as_written(text: str) -> None:
    check(text, text, True)
    check(text + " tail", text, True, " tail")
    check(text + "</end>", text, True, "</end>")


@pytest.mark.parametrize("text", ["true", "null", "1", "-1.5e3"])
def test_scalars(text: str) -> None:
    check(text + "</end>", text, True, "</end>")


REPAIRS = [
    # raw control characters in strings are escaped
    ('{"a": "x\ny"}', '{"a": "x\\ny"}'),
    ('{"a": "\t\r\x00\x1f\x0b"}', '{"a": "\\t\\r\\u0000\\u001f\\u000b"}'),
    ('{"a\nb": 1}', '{"a\\nb": 1}'),
    # an unknown escape gets its backslash doubled
    (r'{"a": "\d+\.\w"}', r'{"a": "\\d+\\.\\w"}'),
    (r'{"a": "C:\Users\x41"}', r'{"a": "C:\\Users\\x41"}'),
    (r'{"a": "\u12G4"}', r'{"a": "\\u12G4"}'),
    (r'{"a": "\u"}', r'{"a": "\\u"}'),
    (r"""{"a": "it\'s"}""", r"""{"a": "it\\'s"}"""),
    ('{"a": "x\\\ny"}', '{"a": "x\\\\\\ny"}'),
    # a trailing or doubled comma is dropped
    ('{"a": 1,, "b": 2}', '{"a": 1, "b": 2}'),
    ("[1, , 2,,]", "[1,  2]"),
    ('{"a": 1,}', '{"a": 1}'),
    ('{"a": [1, 2, ], }', '{"a": [1, 2 ] }'),
    ('[{"a": 1,\n},\n]', '[{"a": 1\n}\n]'),
    # Python's words
    ('{"a": True, "b": False, "c": None}', '{"a": true, "b": false, "c": null}'),
    ("[True,None]", "[true,null]"),
    # single-quoted strings
    ("{'a': 'b'}", '{"a": "b"}'),
    ("{'a': 'say \"hi\"'}", '{"a": "say \\"hi\\""}'),
    ("{'a': 'it\\'s'}", '{"a": "it\'s"}'),
    ("{'a': 'x\ny\\d'}", '{"a": "x\\ny\\\\d"}'),
    ("{'a': 'caf\\u00e9'}", '{"a": "caf\\u00e9"}'),
]


@pytest.mark.parametrize(("text", "repaired"), REPAIRS)
def test_repairs(text: str, repaired: str) -> None:
    json.loads(repaired)
    check(text, repaired, True)
    check(text + " tail", repaired, True, " tail")


MISSING = [
    # missing closing brackets are added if a marker or the end follows a finished value
    ('{"a": "b"', '{"a": "b"}'),
    ('{"a": {"b": "c"', '{"a": {"b": "c"}}'),
    ('{"a": [{"b": []', '{"a": [{"b": []}]}'),
    ('[["x"]', '[["x"]]'),
    ('{"a": {}', '{"a": {}}'),
    ('{"a": "b"\n', '{"a": "b"\n}'),
    ('{"a": [1, 2]', '{"a": [1, 2]}'),
]


@pytest.mark.parametrize(("text", "repaired"), MISSING)
def test_missing_brackets(text: str, repaired: str) -> None:
    json.loads(repaired)
    check(text, repaired, True)
    check(text + "</end>", repaired, True, "</end>")
    check(text + "<next>more", repaired, True, "<next>more")


UNFINISHED = [
    # not after a key, a number, a comma or an open string: what was sent is not changed, and stays open
    '{"a"',
    '{"a":',
    '{"a": ',
    "{",
    "[",
    '{"a": [',
]


@pytest.mark.parametrize("text", UNFINISHED)
def test_unfinished_values_stay_open(text: str) -> None:
    check(text, text, False)
    check(text + "</end>", text, False, "</end>")


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ('{"a": 1', '{"a": '),
        ('{"a": 12.', '{"a": '),
        ('{"a": [1, 2', '{"a": [1, '),
        ('{"a": tru', '{"a": '),
        ('{"a": nul', '{"a": '),
        ('{"a": 1,', '{"a": 1'),
        ('{"a": "b",', '{"a": "b"'),
        ('{"a": "b', '{"a": "b'),
        ('{"a": "b\\', '{"a": "b'),
        ('{"a": "b\\u00', '{"a": "b'),
        ('{"ke', '{"ke'),
        ("{'a': 'b", '{"a": "b'),
    ],
)
def test_the_end_in_a_value(text: str, sent: str) -> None:
    """Numbers, words and escapes are output whole or not at all; nothing that was sent is revised."""
    passed, finished, _ = read(text)
    assert (passed.rstrip(), finished) == (sent.rstrip(), False)
    assert read(*text) == (passed, finished, "")


def test_a_number_before_a_marker_is_no_finished_value() -> None:
    passed, finished, rest = read('{"a": 1</end>')
    assert not finished
    assert passed.startswith('{"a": ')
    assert rest == "</end>"


WRONG = [
    # passed on as it is, up to the bracket or marker that ends the body
    "{a: 1}",
    '{"a" 1}',
    '{"a": 1 "b": 2}',
    '{"a": 01}',
    '{"a": 1.}',
    '{"a": .5}',
    '{"a": +1}',
    '{"a": NaN}',
    '{"a": Infinity}',
    '{"a": undefined}',
    '{"a": truex}',
    '{,"a": 1}',
    '{"a": }',
    '{"a": [1}]}',
    '{"a": (1)}',
    "[1 2]",
    "[,1]",
    '{"a": "b" // why\n}',
    '{"a": {bad}, "b": "}"}',
    '{"a": 0x10}',
]


@pytest.mark.parametrize("text", WRONG)
def test_anything_else_is_passed_as_it_is(text: str) -> None:
    passed, finished, _ = read(text)
    assert not finished
    assert text.startswith(passed.rstrip("}]"))
    for at in range(1, len(text)):
        assert read(text[:at], text[at:])[:2] == (passed, False)
    assert read(*text)[:2] == (passed, False)
    behind = read(text + "</end> tail")
    assert not behind[1]
    assert behind[2].endswith("</end> tail")
    assert text.startswith(behind[0].rstrip())


STRINGS = [
    # a marker in a string is text if the quote comes and the JSON goes on, or ends, after it
    ('{"a": "x</end>y"}', '{"a": "x</end>y"}', True, ""),
    ('{"a": "x</end>y", "b": 1}', '{"a": "x</end>y", "b": 1}', True, ""),
    ('["x</end>", "</end>"]', '["x</end>", "</end>"]', True, ""),
    ('{"a</end>": 1}', '{"a</end>": 1}', True, ""),
    ('{"a": "x</end>y"</end>', '{"a": "x</end>y"}', True, "</end>"),
    ('{"a": "x</end>y"', '{"a": "x</end>y"}', True, ""),
    # else the string ended before the first marker
    ('{"a": "x</end>y', '{"a": "x', False, "</end>y"),
    ('{"a": "x</end>{"b": 1}</end>', '{"a": "x', False, '</end>{"b": 1}</end>'),
    ('{"a": "x</end>He said "yes".', '{"a": "x', False, '</end>He said "yes".'),
    ("{'a': 'x</end>y", '{"a": "x', False, "</end>y"),
    ('{"a": b "x</end>y', '{"a": b "x', False, "</end>y"),
    ('{"a": b "x</end>{"c": 1}', '{"a": b "x', False, '</end>{"c": 1}'),
    # a quote too many
    ('{"a": "x "y"}</end> z "', '{"a": "x "y"}', False, '</end> z "'),
]


@pytest.mark.parametrize(("text", "passed", "finished", "rest"), STRINGS)
def test_a_marker_in_a_string(text: str, passed: str, finished: bool, rest: str) -> None:
    check(text, passed, finished, rest)


@pytest.mark.parametrize("text", ["{a: 1}", '{"a" 1}', '{"a": {bad}, "b": "}"}', "[1 2]", '{"a": 01}'])
def test_broken_bodies_pass_byte_for_byte(text: str) -> None:
    check(text + "</end>", text, False, "</end>")


@pytest.mark.parametrize(
    ("text", "passed", "finished"),
    [
        ('{"a": "b" ', '{"a": "b" }', True),
        ('{"a": bad ', '{"a": bad ', False),
        ('{"a": 1 ', '{"a": 1 ', False),
        ('{"a": "b", ', '{"a": "b"', False),
        ('{"a": < ', '{"a": < ', False),
    ],
)
def test_a_marker_outside_of_a_string_ends_the_body(text: str, passed: str, finished: bool) -> None:
    check(text + "</end>x", passed, finished, "</end>x")
    check(text + "<next>", passed, finished, "<next>")


@pytest.mark.parametrize("depth", [10, 1000, 100_000])
def test_depth_is_counted(depth: int) -> None:
    for opened, closed in (("[", "]"), ('{"a":', "}")):
        text = opened * depth + "0" + closed * depth
        assert read(text) == (text, True, "")
        for end in ("", "</end>"):
            passed, finished, _ = read(opened * depth + '"x"' + end)
            assert finished
            assert passed == opened * depth + '"x"' + closed * depth


def test_any_text_ends() -> None:
    """No text loops, raises, or depends on the cutting; a finished value is JSON."""
    letters = "{}[]\",:'\\ \n12.-eutrfaNoneTrue</end><next>"
    for seed in range(20_000):
        rng = random.Random(seed)
        text = "".join(rng.choice(letters) for _ in range(rng.randrange(1, 30)))
        if rng.random() < 0.5:
            text = '{"a":' + text
        whole = read(text)
        assert read(*text) == whole, text
        if whole[1]:
            json.loads(whole[0])


# --- compact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{ "a" : [ 1 , 2 ] }', '{"a":[1,2]}'),
        ('{"a b": " c  d "}', '{"a b":" c  d "}'),
        ("{'a': True,}", '{"a":true}'),
        ("[1.10, 1e5, 123456789012345678901234567890]", "[1.10,1e5,123456789012345678901234567890]"),
        (f"[{'9' * 5000}]", f"[{'9' * 5000}]"),
        ('["\\u00e9", "é"]', '["\\u00e9","é"]'),
        ('{"a": "b"', '{"a":"b"}'),
        ("{bad}", None),
        ("[NaN]", None),
        ("[Infinity, -Infinity]", None),
        ("[1] tail", None),
        ("[1, ", None),
        ("", None),
        ("[" * 256 + "]" * 256, "[" * 256 + "]" * 256),
        ("[" * 257 + "]" * 257, None),
        ("[" * 100_000 + "]" * 100_000, None),
        ("[" * 100_000, None),
        ('["' + "[" * 1000 + '"]', '["' + "[" * 1000 + '"]'),
    ],
    ids=lambda text: str(text)[:20],
)
def test_compact(text: str, expected: str | None) -> None:
    assert compacted(text) == expected


def compacted(text: str) -> str | None:
    pieces = json_text.compact(text, 256)
    return None if pieces is None else "".join(pieces)


@pytest.mark.parametrize(
    "text",
    [
        *(text for text in AS_WRITTEN if text.strip()[:1] in "{["),
        ' {"a" : "x  y\\" {" , \'b\': [True,],} \n',
        '[1, "\\u00e9\\\\", "]"]',
        '{"a": 1} x',
        '{"a": 1',
        '["a", "b"',
        "[1 2]",
        "[" * 300 + "]" * 300,
    ],
)
def test_a_large_container_is_compacted_as_a_small_one(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small = compacted(text.strip())
    monkeypatch.setattr(json_text, "LARGE", 0)
    assert compacted(text.strip()) == small
