"""Strings as coding agents write them into arguments, drawn with a seed.

- `Writer.plain`: code, diffs, HTML, shell, JSON, Markdown, paths, emoji, spaces, and 64 KB of them. Code and diffs are
  cut from the files of the leaderboard's wheel, which nobody here wrote; among them are parsers of such markups.
- `Writer.quoting`: Markdown, tests, diffs and logs that hold example calls in the markup of the reply itself.
"""

from __future__ import annotations

import difflib
import json
import random
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LONG = 64 * 1024
SUFFIXES = (".py", ".md", ".txt")


@cache
def files(wheel: Path) -> tuple[tuple[str, str], ...]:
    """Name and text of what a wheel holds as text."""
    with zipfile.ZipFile(wheel) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(SUFFIXES))
        texts = ((name, archive.read(name).decode("utf-8", "replace")) for name in names)
        return tuple((name, text) for name, text in texts if text.count("\n") > 10)


HTML = """\
<!doctype html>
<html lang="de"><head><meta charset="utf-8"><title>{word} &amp; Co &lt;3</title>
<style>a > b { content: "</style>"; }</style></head>
<body onload='go("{word}")'>
  <p class="a b">Grüße, <b>{word}</b>!<br/>1 &lt; 2 &amp;&amp; 3 > 2</p>
  <!-- {word} --><script>if (a < b && c > d) { alert(`<p>${x}</p>`); }</script>
</body>
</html>
"""
XML = """\
<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <function name="{word}"><parameter name="city" type="string">Paris</parameter></function>
  <![CDATA[ <raw> & "{word}" ]]>
</project>
"""
SHELL = r"""cat > "$HOME/{word}.sh" <<'EOF'
#!/usr/bin/env bash
set -euo pipefail
for f in *.{py,md}; do echo "${f%.*}: $(grep -c '\bdef\b' "$f" || true)" >> log.txt 2>&1; done
awk -F'\t' '$3 ~ /^[0-9]+$/ { print $1 " -> " $3 }' {word}.tsv | sort -u | head -n 5
EOF
chmod +x "$HOME/{word}.sh" && "$HOME/{word}.sh" --flag="a b" '{"k": [1, 2]}' \
  && git commit -am 'fix: `{word}` isn'"'"'t "quoted"' || exit 1
"""
MARKDOWN = """\
# {word}

1. Run `{word} --help` and *read* it.
   - nested **bold** [link](https://example.com/a_(b)?q=1#c)

```python
def {word}(a: int, *, b: str = "x") -> dict[str, int]:
    return {"a": a, b: 1}  # {} [] ()
```

| a | b |
|---|---|
| `1 \\| 2` | <br> |

> The last line has no end"""
SQL = "SELECT \"{word}\".id, 'it''s', E'\\n' FROM {word} WHERE a <> b AND c <= 3 AND d LIKE '%\\_%' -- done\n;"
PATHS = (
    "C:\\new\\table\\{word}\\users.txt",
    "/home/{word}/a b/[x]/(y)/$HOME/~/*.py",
    "\\\\server\\share\\{word}",
    "src/**/{word}.{ts,tsx}",
    "file:///tmp/{word}%20x?y#z",
    "./-{word}",
)
EMOJI = (
    "👩🏽‍💻 {word} 🇩🇪 ✅",
    "e\u0301 \u200b{word}\u200f \ufeff𝔘𝔫𝔦",
    "日本語の{word}、中文「引用」한국어",
    "مرحبا {word} שלום",
    "\u2028{word}\u2029\u00a0x",
    "🎉" * 9,
)
LITERALS = (
    "null",
    "None",
    "true",
    "False",
    "123",
    "-1.5e3",
    "NaN",
    "{}",
    "[]",
    '""',
    '"{word}"',
    "'{word}'",
    "[1, 2",
    "",
)
SPACES = ("  {word}", "{word}  ", "\n{word}\n", "\t{word}\n\n", "\n\n", " ", "a\r\nb {word}\r\n", "{word}\n  ")
REGEX = (
    r"^(?P<{word}>\d{1,3})(?:\.\d+)?\s*[^<>\[\]{}\"']+$",
    r"\\{word}\b|\/\*.*?\*\/",
    "s/\\(a\\|b\\)/\\1{word}/g",
)
WORDS = ("parse", "weather", "user_id", "naïve", "Größe", "get_weather", "x1", "tool-call", "main")

PLAIN = (
    "code",
    "diff",
    "html",
    "xml",
    "shell",
    "json",
    "markdown",
    "sql",
    "path",
    "emoji",
    "literal",
    "spaces",
    "regex",
)
QUOTING = (
    "fenced",
    "inline",
    "two",
    "markers",
    "test",
    "patch",
    "escaped",
    "log",
    "transcript",
    "stream",
    "template",
    "cut",
)


@dataclass
class Writer:
    wheel: Path
    rng: random.Random

    def plain(self, kind: str) -> str:
        """A string of a kind of `PLAIN`, or of 64 KB ("long")."""
        if kind == "long":
            return self.long()
        if kind == "code":
            return self.lines(self.rng.randint(1, 40))
        if kind == "diff":
            return self.diff(self.lines(30))
        if kind == "json":
            return self.json()
        one = {"html": HTML, "xml": XML, "shell": SHELL, "markdown": MARKDOWN, "sql": SQL}
        many = {"path": PATHS, "emoji": EMOJI, "literal": LITERALS, "spaces": SPACES, "regex": REGEX}
        template = one[kind] if kind in one else self.rng.choice(many[kind])
        return template.replace("{word}", self.rng.choice(WORDS))

    def lines(self, count: int) -> str:
        """Lines of a file of the wheel."""
        _, text = self.rng.choice(files(self.wheel))
        lines = text.splitlines(keepends=True)
        start = self.rng.randrange(len(lines))
        return "".join(lines[start : start + count])

    def diff(self, text: str) -> str:
        """A diff in which some lines of `text` are new, or gone."""
        lines = text.splitlines(keepends=True)
        start = self.rng.randrange(len(lines) + 1)
        less = [*lines[:start], *lines[start + self.rng.randint(1, 8) :]]
        before, after = (less, lines) if self.rng.random() < 0.7 else (lines, less)
        return "".join(difflib.unified_diff(before, after, "a/src/parse.py", "b/src/parse.py"))

    def json(self) -> str:
        value = {
            "name": self.rng.choice(WORDS),
            "arguments": {"text": self.lines(3), "n": [1, 2.5, None, True], "deep": {"a": [{"b": "\\\"'"}]}},
        }
        return json.dumps(value, indent=self.rng.choice((None, 2)), ensure_ascii=self.rng.random() < 0.5)

    def long(self) -> str:
        parts: list[str] = []
        size = 0
        while size < LONG:
            parts.append(self.plain(self.rng.choice(PLAIN)))
            size += len(parts[-1].encode())
        return "\n".join(parts)

    def quoting(self, kind: str, examples: Sequence[str], markers: Sequence[str]) -> str:
        """A string of a kind of `QUOTING` that holds whole calls, or one that ends early ("cut"), or markers alone."""
        one, other = (self.rng.choice(examples) for _ in range(2))
        if kind == "markers":
            named = "\n".join(f"- `{each}` is the marker that comes {at}." for at, each in enumerate(markers, 1))
            return f"# The markup\n\n{named}\n\nThat is all."
        if kind == "template":
            return self.template(markers)
        if kind == "stream":
            return self.stream(one)
        if kind == "cut":
            begun = one[: self.rng.randint(1, len(one) - 1)]
            return f"It stopped in the middle:\n\n```\n{begun}\n```\n\nThen nothing came."
        return {
            "fenced": f"# Calls\n\nThe model answers so:\n\n```text\n{one}\n```\n\nThen the tool runs.\n",
            "inline": f"For example `{one}` is one call, and it goes on.",
            "two": f"First:\n\n{one}\n\nthen:\n\n{other}\n\nand that is all.",
            "test": f"def test_call():\n    text = {one!r}\n    assert parse(text).name == {other!r}, text\n",
            "patch": self.diff(f"import parse\n\nSAMPLE = '''\n{one}\n'''\n\ndef test():\n    assert parse(SAMPLE)\n"),
            "escaped": "<pre>" + one.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") + "</pre>",
            "transcript": f'user: go on\nassistant: {one}\ntool: {{"ok": true}}\nassistant: {other}\nuser: <stop>\n',
            "log": f"[12:00:01] INFO {json.dumps(one, ensure_ascii=False)} stop\n[12:00:02] DEBUG {other} done\n",
        }[kind]

    def template(self, markers: Sequence[str]) -> str:
        """Lines of a chat template that writes one of the markers; of any, if none does."""
        texts = [text for _, text in templates()]
        writing = [text for text in texts if any(marker in text for marker in markers if len(marker) > 3)]
        lines = self.rng.choice(writing or texts).splitlines(keepends=True)
        start = self.rng.randrange(len(lines))
        return "".join(lines[start : start + self.rng.randint(5, 40)])

    def stream(self, text: str) -> str:
        """The lines of a stream that says `text`."""
        size = self.rng.randint(1, 9)
        pieces = (text[at : at + size] for at in range(0, len(text), size))
        choices = ({"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces)
        return "".join(f"data: {json.dumps(each, ensure_ascii=False)}\n\n" for each in choices) + "data: [DONE]\n\n"


@cache
def templates() -> tuple[tuple[str, str], ...]:
    """The chat templates of this package, by name: a file that an agent may well edit."""
    folder = Path(__file__).resolve().parents[2] / "chat_templates"
    return tuple((path.name, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.jinja")))
