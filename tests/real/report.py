"""Write docs/real.md, and the five lines in the README, from the results of `make real`.

PYTHONPATH=tests .venv-core/bin/python -m real.report
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from dynamo_parsers.registry import TOOL_ROWS

from .ambiguous import rule_of
from .outcome import OUTCOMES, SECONDS, Result
from .questions import CACHE, ROOT, SOURCES, questions
from .running import ITS_OWN, OURS, TURNS, WAYS, results, turns
from .sources import BFCL, SERVERS
from .strings import PLAIN, QUOTING

PAGE, README = ROOT / "docs" / "real.md", ROOT / "README.md"
BEGIN = "<!-- table of real calls: made by `make real` -->"
END = "<!-- end of the table of real calls -->"
TITLES = {
    ("bfcl",): "answers of the Berkeley Function Calling Leaderboard",
    ("mcp",): "calls of MCP tools, strings as agents write them",
    ("quoted",): "the same, strings that quote the reply's markup",
}
HEAD = """\
# Real tools and real calls

`make real` takes tools and calls that nobody here wrote, writes them in the markup of every family, and gives each
reply to the core and to the parsers of vLLM and SGLang, their own and ours. Made on {day}.
Each family gets the same turns, drawn with a fixed seed: {sizes}
of each source; `REAL=all make real` takes all. What a markup cannot write (keys that are not names) it is not asked.

- **bfcl**: the functions and answers of {bfcl}: {answers:,} turns, up to eight calls each.
- **mcp**: {tools:,} tools that {started} MCP servers and coding agents list over stdio
  ([below](#where-the-tools-are-from)), one to three calls a reply. A free string of each holds what agents write: code,
  diffs, HTML, XML, shell, JSON, Markdown, SQL, paths, emoji, text that looks like another type, white space, 64 KB of
  all that (**long**).
- **quoted**: such a string holds example calls, markers or templates in the markup of the reply itself.

The calls are written by `common/write/markup.py`, whole and in pieces as tokens cut them: a marker is one token. In the
engines the request, the prompt, the tokenizer and the detokenizer are the engine's, and the same for its own parser and
ours; special tokens are not left out. *Exact*: the names, the arguments as JSON values and the text beside the calls.

A dash: the engine has no such parser, or it needs the model's own tokenizer (DeepSeek V4 and V4.1 in SGLang), or reads
token ids (Harmony in vLLM).

A reply has **one reading**, or by a rule of [the contract](contract.md) more than one. Its text alone decides that
(`tests/real/ambiguous.py`), so all parsers are measured with the same replies.
"""


_WHERE = {"core": "the core", "vLLM": "vLLM", "SGLang": "SGLang"}


@dataclass(frozen=True)
class Asked:
    """A result, and the rule by which its reply is ambiguous."""

    result: Result
    rule: str | None

    @property
    def exact(self) -> bool:
        return self.result.outcome == "exact"


def asked() -> list[Asked]:
    found = results()
    rules = {
        (family, source, question.id): rule_of(question)
        for family, source in {(each.family, each.source) for each in found}
        for question in questions(family, source, _largest(source))
    }
    return [Asked(each, rules[each.family, each.source, each.id]) for each in found]


def _largest(source: str) -> int | None:
    sizes = [turns(environment, source) for environment in TURNS]
    return None if None in sizes else max(size for size in sizes if size is not None)


# --- tables


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines: list[Sequence[object]] = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in lines) + "\n"


def of(found: Iterable[Asked]) -> str:
    """How many of them are exact."""
    each = list(found)
    return f"{sum(one.exact for one in each):,} of {len(each):,}" if each else "-"


Column = tuple[str, Callable[[Asked], bool]]


def columns(found: Sequence[Asked], *, shared: bool) -> list[Column]:
    """The core, and each engine with our parsers and its own; `shared`: ours only in the families that it has, too."""
    made: list[Column] = []
    for environment in sorted({each.result.environment for each in found}, key=_order):
        own = {_asked_of(each) for each in found if _is(each, environment, ITS_OWN)}
        if not own:
            made.append(("core", _column(environment, OURS, None)))
            continue
        made.append((f"{environment}: ours", _column(environment, OURS, own if shared else None)))
        made.append((f"{environment}: its own", _column(environment, ITS_OWN, None)))
    return made


def _order(environment: str) -> int:
    return list(TURNS).index(environment.partition(" ")[0])


def _column(environment: str, parser: str, asked: Collection[tuple[str, str]] | None) -> Callable[[Asked], bool]:
    return lambda each: _is(each, environment, parser) and (asked is None or _asked_of(each) in asked)


def _asked_of(each: Asked) -> tuple[str, str]:
    return each.result.source, each.result.family


def _is(each: Asked, environment: str, parser: str) -> bool:
    return (each.result.environment, each.result.parser) == (environment, parser)


def short(found: Sequence[Asked]) -> str:
    """The five lines of the README."""
    shown = columns(found, shared=True)
    plain = [each for each in found if each.rule is None]
    rows = [
        [title, *(of(each for each in plain if each.result.source in these and of_it(each)) for _, of_it in shown)]
        for these, title in TITLES.items()
    ]
    return table(["exact", *(title for title, _ in shown)], rows)


def outcomes(found: Sequence[Asked]) -> str:
    rows: list[list[object]] = []
    for title, of_it in columns(found, shared=False):
        for source in SOURCES:
            for way in WAYS:
                these = [e for e in found if of_it(e) and e.result.source == source and e.result.way == way]
                counts = Counter(each.result.outcome for each in these)
                policies = sum(bool(each.result.policy) for each in these)
                if these:
                    counted = [f"{counts[each]:,}" if counts[each] else "" for each in OUTCOMES]
                    rows.append([title, source, way, f"{len(these):,}", *counted, policies or ""])
    return table(["", "source", "way", "asked", *OUTCOMES, "wrong by policy"], rows)


def unfinished(found: Sequence[Asked]) -> Iterator[str]:
    """What a run that was stopped has not asked."""
    done = {(e.result.environment, e.result.parser, e.result.source, e.result.family) for e in found}
    for environment, parser in sorted({each[:2] for each in done}):
        families = {each[3] for each in done if each[:2] == (environment, parser)}
        for source in SOURCES:
            missing = [name for name in sorted(families) if (environment, parser, source, name) not in done]
            if missing:
                yield f"{environment}, {parser}, {source}: {', '.join(missing)}"


def by_family(found: Sequence[Asked]) -> str:
    shown = columns(found, shared=False)
    rows = [
        [
            f"`{row.name}`",
            *(_whole_and_pieces([e for e in found if of_it(e) and e.result.family == row.name]) for _, of_it in shown),
        ]
        for row in TOOL_ROWS
    ]
    return table(["family", *(title for title, _ in shown)], rows)


def _whole_and_pieces(found: Sequence[Asked]) -> str:
    if not found:
        return "-"
    whole, pieces = (sum(each.exact for each in found if each.result.way == way) for way in WAYS)
    return f"{whole} / {pieces} of {len(found) // 2}"


def by_kind(found: Sequence[Asked]) -> str:
    shown = columns(found, shared=False)
    rows = [
        [kind, *(of(e for e in found if of_it(e) and e.result.kind == kind) for _, of_it in shown)]
        for kind in (*PLAIN, "long", *QUOTING)
    ]
    return table(["string", *(title for title, _ in shown)], rows)


def by_rule(found: Sequence[Asked]) -> str:
    shown = columns(found, shared=False)
    keys = sorted({(each.rule, each.result.family) for each in found if each.rule})
    rows = [
        [
            rule,
            f"`{family}`",
            *(of(e for e in found if of_it(e) and (e.rule, e.result.family) == (rule, family)) for _, of_it in shown),
        ]
        for rule, family in keys
    ]
    return table(["rule", "family", *(title for title, _ in shown)], rows)


def faults(found: Sequence[Asked], parser: str) -> str:
    """What is not exact of the replies with one reading, with the first example of each kind."""
    kinds: dict[tuple[str, str, str, str], list[Asked]] = defaultdict(list)
    for each in found:
        result = each.result
        if each.rule is None and not each.exact and result.parser == parser:
            why = result.policy or result.outcome
            kinds[result.environment, f"`{result.family}`", result.source, why].append(each)
    rows = [[*key, len(these), f"`{_code(these[0].result.why)}`"] for key, these in sorted(kinds.items())]
    return table(["", "family", "source", "what", "replies", "for example"], rows) if rows else "Nothing.\n"


def _code(text: str) -> str:
    """Without a folder of this machine."""
    text = re.sub(r"(?<![\w<:/])(?:/[\w.+@-]+)+/", "", text)
    return text.replace("`", "'").replace("|", "¦").replace("\n", " ")[:100]


def sources() -> Iterator[str]:
    rows, missing = [], []
    for server in SERVERS:
        file = CACHE / "mcp" / f"{server.name}.json"
        said = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"failed": "not installed"}
        if "tools" in said:
            rows.append([f"`{server.package}`", server.registry, server.version, len(said["tools"])])
        else:
            missing.append([f"`{server.package}`", server.registry, server.version, _code(said["failed"])])
    yield table(["package", "registry", "version", "tools"], rows)
    if missing:
        yield "Not started, without an account or at all:\n"
        yield table(["package", "registry", "version", "why"], missing)


def page(found: Sequence[Asked]) -> Iterator[str]:
    listed = [json.loads(file.read_text(encoding="utf-8")) for file in (CACHE / "mcp").glob("*.json")]
    lines = (CACHE / "calls.jsonl").read_text(encoding="utf-8").splitlines()
    said = ", ".join(f"{turns(name, 'mcp') or 'all'} in {where}" for name, where in _WHERE.items())
    yield HEAD.format(
        day=date.today().isoformat(),
        sizes=said,
        bfcl=" ".join(f"`{each}`" for each in BFCL),
        answers=sum('"source": "bfcl"' in line for line in lines),
        tools=sum(len(each.get("tools", ())) for each in listed),
        started=sum("tools" in each for each in listed),
    )
    plain = [each for each in found if each.rule is None]
    yield "Replies with one reading, whole and in pieces. Of ours in an engine only the families that it has, too.\n"
    yield short(found)
    yield "## Outcomes of the replies with one reading\n"
    yield outcomes(plain)
    if lines := list(unfinished(found)):
        yield "The run was stopped before it asked:\n"
        yield "".join(f"- {line}\n" for line in lines)
    yield "## By family: whole / in pieces\n"
    yield by_family(plain)
    yield "## By what the string is\n"
    yield by_kind(plain)
    yield "## Replies with more than one reading\n"
    yield "By the name of the rule in [the contract](contract.md): nothing in the text tells which was meant.\n"
    yield by_rule(found)
    yield "## What is not exact of ours, with one reading\n"
    yield faults(found, OURS)
    yield "## What is not exact of the engines' own, with one reading\n"
    yield POLICY.format(seconds=SECONDS)
    yield faults(found, ITS_OWN)
    yield "## Where the tools are from\n"
    yield from sources()


POLICY = """\
*What* is an outcome, or a policy: what a parser may well do on purpose or because of this set-up, if it explains the
whole difference. *slow*: no answer after {seconds} s of CPU.
"""


def with_table(readme: str, made: str) -> str:
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{made}\n{END}{after}"


def main() -> None:
    found = asked()
    PAGE.write_text("\n".join(page(found)), encoding="utf-8")
    README.write_text(with_table(README.read_text(encoding="utf-8"), short(found)), encoding="utf-8")
    print(short(found))
    unexplained = [each for each in found if each.rule is None and not each.exact and each.result.parser == OURS]
    print(f"== ours: {len(unexplained)} replies with one reading are not exact; see docs/real.md")


if __name__ == "__main__":
    main()
