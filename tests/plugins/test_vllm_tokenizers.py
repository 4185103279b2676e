"""Replies in the tokens of real vocabularies, through vLLM's own detokenizer and parsers: what was written comes back.

- A family's markers are tokens as in the model's own file, or, if that is in no public package, tokens added to the
  vocabulary that `VOCABULARY_OF` names, special or not as the registry has them.
- Characters, words and markers are cut where tokens are: the deltas have one, two and several of them.
- Grammars are xgrammar's, over the same vocabulary: each token of a forced call is allowed when it comes, and the end.

`make test-tokenizers` runs all; by day some families, if their vocabularies are there.
"""

from __future__ import annotations

import json
import os
import random
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("vllm")

import vocabularies
from dynamo_parsers.registry import TOOL_ROWS, reasoning_row
from dynamo_parsers.rows import ReasoningRow, ToolRow
from dynamo_parsers.write import markup
from dynamo_parsers.write.markup import Call, Part, Renderer
from effort import NIGHTLY
from parity import prompt_for
from vllm.tokenizers import get_tokenizer
from vllm.v1.structured_output.backend_types import StructuredOutputOptions
from vllm.v1.structured_output.backend_xgrammar import XgrammarBackend
from vllm_harness import Answer, Exchange, chat_request, core_answer, encode

REPLIES = int(os.environ.get("TOKENIZER_REPLIES", "200" if NIGHTLY else "15"))
"""Replies of each family."""
STEPS = (1, 2, 7)

VOCABULARY_OF = {
    "hermes": "qwen3",
    "qwen3_coder": "qwen3_5",
    "glm47": "qwen3",
    "minimax_m2": "qwen3",
    "minimax_m3": "qwen3",
    "kimi_k2": "qwen3",
    "kimi_k3": "qwen3",
    "seed_oss": "qwen3",
    "deepseek_v3": "deepseek_v3",
    "deepseek_v3_1": "deepseek_v3",
    "deepseek_v3_2": "deepseek_v4",
    "deepseek_v4": "deepseek_v4",
    "deepseek_v41": "deepseek_v4",
    "nemotron_deci": "llama3_1",
    "default": "llama3_1",
    "llama3_json": "llama3_1",
    "pythonic": "llama3_1",
    "internlm2": "llama3_1",
    "lfm2": "llama3_1",
    "jamba": "llama3_1",
    "harmony": "gptoss",
    "phi4": "gptoss",
    "inkling": "gptoss",
    "muse": "gptoss",
    "mistral": "tekken",
    "gemma4": "gemma3",
    "apertus": "tekken",
    "granite": "llama3_1",
    "granite_20b_fc": "llama3_1",
    "longcat": "llama3_1",
    "xlam": "qwen3",
}
OTHERS = "qwen3"
"""For a family that is not listed."""
BY_DAY = ("deepseek_v3", "llama3_json")
"""Those of small vocabularies."""
FAMILIES = [row for row in TOOL_ROWS if NIGHTLY or row.name in BY_DAY]
rows = pytest.mark.parametrize("row", FAMILIES, ids=lambda row: row.name)

TEXTS = (
    "",
    "Paris",
    " leading and trailing ",
    "line one\nline two\n\n\tindented\n",
    'def greet(name: str) -> str:\n    return f"Hello, {name}!"\n\n\nif __name__ == \'__main__\':\n    greet("Zoë")\n',
    '--- a/src/main.rs\n+++ b/src/main.rs\n@@ -1 +1,3 @@\n-fn f() {}\n+fn f() {\n+  println!("{}", 1 << 4);\n+}\n',
    "const re = /^<([a-z]+)>(.*)<\\/\\1>$/gi; // ${x} && `y`",
    '<!DOCTYPE html><html><body class="a&amp;b"><p>1 < 2 && 3 > 2</p></body></html>',
    '{"nested": {"json": [1, 2.5, null, true, "\\"quoted\\""]}, "empty": {}}',
    "C:\\Users\\zoë\\AppData\\new\\table.txt \\\\server\\share \\u00e9 \\n",
    "$\\frac{\\partial f}{\\partial x} = \\sum_{i=0}^{n} \\alpha_i$",
    "cat <<'EOF' | sed -E 's/[\"]+/x/g' > \"$HOME/out.txt\"\nline $1\nEOF",
    "東京の天気は晴れです。気温は23度、湿度は45%。",
    "北京今天的天气怎么样？请用摄氏度告诉我。",
    "안녕하세요, 오늘 서울의 날씨는 어때요?",
    "كيف حال الطقس في القاهرة اليوم؟",
    "नमस्ते दुनिया, यह एक परीक्षण है।",
    "👩🏽‍💻👨‍👩‍👧‍👦🏳️‍🌈🇨🇭 mixed 🎉 with text ✅❌",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 and 𠜎𠜱𠝹 and ﷽ and ½ ≠ ∞",
    "null",
    "true",
    "12",
    "[1, 2]",
    "'single' \"double\" '''triple''' \"\"\"triple\"\"\"",
    "| a | b |\n|---|---|\n| 1 | `x` |\n\n```python\nprint('fence')\n```\n",
    "a" * 200,
    "SELECT * FROM \"t\" WHERE a <> 'x' AND b LIKE '%\\_%' ESCAPE '\\';",
    "\r\nwindows\r\nlines\r\n",
    "tab\there\u00a0nbsp\u2028ls\u200bzw",
)
PROSE = (
    "I'll look that up for you.",
    "Sure! Here's what I found:\n\n1. First\n2. Second <b>bold</b>",
    "東京の天気を調べます。🎉",
    "Let me think: if x < 3 and y > 4, then f(x) = {x, y}.",
    "We need `config.yaml` (see [docs](https://example.org/a_b?c=d&e=f)).",
    "C'est déjà l'été à Zürich — « naïve » façade…",
    "👩🏽‍💻 I write\n```c\nint main(void) { return 0; }\n```\nand run it.",
)
TOOLS: list[dict[str, object]] = [
    {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": properties}},
    }
    for name, properties in (
        ("write_file", {"path": {"type": "string"}, "content": {"type": "string"}, "mode": {"type": "integer"}}),
        (
            "mcp__shell-run",
            {
                "command": {"type": "string"},
                "env": {"type": "object"},
                "args": {"type": "array", "items": {"type": "string"}},
                "timeout": {"type": "number"},
                "dry_run": {"type": "boolean"},
            },
        ),
        ("ping", {}),
    )
]


# --- tokenizers


def reasoning_of(row: ToolRow) -> ReasoningRow:
    return reasoning_row(row.pairs[0])


@cache
def _folder(root: Path, row: ToolRow) -> Path:
    think = reasoning_of(row)
    name = VOCABULARY_OF.get(row.name, OTHERS)
    here = vocabularies.CACHE / name / "package" / "models" / "tokenizer.json"
    if not NIGHTLY and not here.is_file():
        pytest.skip(f"the tokenizer of {name} is not here: NIGHTLY=1 fetches it")
    ends = [end for end in (row.turn_end, *row.turn_ends, *think.turn_ends) if end not in row.added_tokens]
    special = [*row.special_tokens, *think.special_tokens, *ends]
    markers = dict.fromkeys((*row.added_tokens, *think.added_tokens), False) | dict.fromkeys(special, True)
    try:
        folder = vocabularies.with_markers(name, root / row.name, markers, row.turn_end)
    except vocabularies.Unreachable as error:
        pytest.skip(str(error))
    (folder / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tokenizers")


_loaded: dict[str, Any] = {}


def tokenizer_of(root: Path, row: ToolRow) -> Any:
    """The tokenizer of a family; one at a time is kept, for they are large."""
    if row.name not in _loaded:
        _loaded.clear()
        _loaded[row.name] = get_tokenizer(str(_folder(root, row)))
    return _loaded[row.name]


@rows
def test_markers_are_special_as_in_the_models_own_file(row: ToolRow) -> None:
    """Where the file has them: the registry says which of a family's markers a detokenizer removes."""
    name = VOCABULARY_OF.get(row.name, OTHERS)
    if not (NIGHTLY or (vocabularies.CACHE / name / "package" / "models" / "tokenizer.json").is_file()):
        pytest.skip(f"the tokenizer of {name} is not here: NIGHTLY=1 fetches it")
    own = vocabularies.added_tokens(name)
    think = reasoning_of(row)
    said = dict.fromkeys((*row.added_tokens, *think.added_tokens), False)
    said |= dict.fromkeys((*row.special_tokens, *think.special_tokens), True)
    assert {marker: own[marker] for marker in said if marker in own} == {
        marker: special for marker, special in said.items() if marker in own
    }


def test_the_page_says_which_vocabulary_a_family_has() -> None:
    lines = (Path(__file__).parents[2] / "docs" / "tokenizers.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    page = {name.strip("` "): row[1] for row in cells for name in row[0].split(",")}
    assert page == {family: vocabularies.VOCABULARIES[name].model for family, name in VOCABULARY_OF.items()}
    assert set(page) <= {row.name for row in TOOL_ROWS}


# --- replies


def written(chosen: random.Random, renderer: Renderer, hidden: re.Pattern[str] | None) -> Iterator[str]:
    """Strings as people's tools get them; one in four quotes the family's own markup."""
    quotable = [each for each in renderer.quotable if hidden is None or not hidden.search(each)]
    while True:
        text = chosen.choice(TEXTS)
        if quotable and chosen.random() < 0.25:
            text += chosen.choice(quotable) + chosen.choice(TEXTS)
        yield unicodedata.normalize("NFC", text)  # Qwen's tokenizers do it themselves


def call(chosen: random.Random, strings: Iterator[str]) -> Call:
    name = chosen.choice(("write_file", "write_file", "mcp__shell-run", "mcp__shell-run", "ping"))
    if name == "ping":
        return Call.of(name, {})
    if name == "write_file":
        arguments: dict[str, object] = {
            "path": chosen.choice(("a.txt", "src/Zürich/日本.py")),
            "content": next(strings),
        }
        if chosen.random() < 0.5:
            arguments["mode"] = chosen.choice((0, 420, -7, 12345678901234567890))
        return Call.of(name, arguments)
    pairs: dict[str, object] = {
        "command": next(strings),
        "env": {"LANG": "de_CH", "X": next(strings)},
        "args": [next(strings), next(strings)],
        "timeout": chosen.choice((0.5, 1e-9, 30.0, 123.456)),
        "dry_run": chosen.random() < 0.5,
    }
    kept = [key for key in pairs if chosen.random() < 0.7]
    return Call.of(name, {key: pairs[key] for key in kept})


def parts(chosen: random.Random, renderer: Renderer, hidden: re.Pattern[str] | None) -> list[Part]:
    strings = written(chosen, renderer, hidden)
    made = []
    if chosen.random() < 0.5:
        made.append(Part("reasoning", chosen.choice(PROSE)))
    if chosen.random() < 0.4:
        made.append(Part("content", chosen.choice(PROSE)))
    if not made or chosen.random() < 0.8:
        count = chosen.choice((1, 1, 1, 2, 3))
        made.append(Part("calls", calls=tuple(call(chosen, strings) for _ in range(count))))
    return made


def hidden_by(exchange: Exchange) -> re.Pattern[str] | None:
    """What the detokenizer removes from a reply to this request."""
    if not exchange.skips_special_tokens:
        return None
    special = [each.content for each in exchange.tokenizer.added_tokens_decoder.values() if each.special]
    return re.compile("|".join(map(re.escape, special)))


def reply_of(row: ToolRow, made: Sequence[Part], inside: bool | None) -> str:
    think = reasoning_of(row)
    opens, closes = think.open + think.think.label, think.close
    texts = markup.RENDERERS[row.name].write(made, (opens, closes))
    if inside and made[0].kind == "reasoning":
        texts[0] = texts[0].removeprefix(think.open).removeprefix(think.think.label)
    return "".join(texts)


def same_values(row: ToolRow, call: Call, arguments: str) -> bool:
    if markup.RENDERERS[row.name].json_bodies:
        return arguments == call.text
    return bool(json.loads(arguments) == call.arguments)


def explained(answer: Answer, other: Answer) -> str:
    return f"\n  {answer}\n  {other}"


@rows
def test_replies(row: ToolRow, root: Path) -> None:
    """The deltas of any number of tokens give what the core says of the text, and the arguments that were written."""
    renderer, think = markup.RENDERERS[row.name], reasoning_of(row)
    tokenizer = tokenizer_of(root, row)
    for number in range(REPLIES):
        chosen = random.Random(f"{row.name} {number}")
        framed = renderer.framed is not None
        inside = None if framed else chosen.choice((True, False, None))
        exchange = Exchange(
            f"dynamo_{row.name}",
            f"dynamo_{think.name}",
            request=chat_request(TOOLS),
            prompt=prompt_for(think.name, inside),
            tokenizer=tokenizer,
        )
        made = parts(chosen, renderer, hidden_by(exchange))
        starts_inside = think.starts.inside if inside is None and not framed else inside
        if starts_inside and made[0].kind != "reasoning":
            made.insert(0, Part("reasoning", chosen.choice(PROSE)))
        reply = reply_of(row, made, inside)
        ids = encode(tokenizer, reply)
        text = exchange.text(ids)
        said = f"{row.name} {number}: {reply!r}"
        assert text == reply, f"{said}: the tokenizer gives {text!r}"
        due = core_answer(text, tool_parser=row.name, reasoning_parser=think.name, tools=TOOLS, in_reasoning=inside)
        calls = [each for part in made for each in part.calls]
        assert [name for name, _ in due.calls] == [each.name for each in calls], said + str(due)
        for each, (_, arguments) in zip(calls, due.calls, strict=True):
            assert same_values(row, each, arguments), f"{said}: {arguments}"
        for kind, found in (("reasoning", due.reasoning), ("content", due.content)):
            wanted = "".join(part.text for part in made if part.kind == kind)
            assert (found or "").strip() == wanted.strip(), f"{said}: {found!r}"
        assert exchange.one_shot(reply) == due, said
        for step in STEPS:
            streamed = exchange.stream(reply, step)
            assert streamed == due, f"{said}, {step} a delta: {explained(streamed, due)}"


# --- grammars


def backend_of(tokenizer: Any) -> Any:
    """vLLM's own backend of grammars over a vocabulary."""
    config = SimpleNamespace(
        structured_outputs_config=SimpleNamespace(disable_any_whitespace=False),
        model_config=None,
        speculative_config=None,
    )
    return XgrammarBackend(config, tokenizer, len(tokenizer))  # type: ignore[arg-type]


STRICT = [{**tool, "function": {**tool["function"], "strict": True}} for tool in TOOLS]  # type: ignore[dict-item]
NAMED = {"type": "function", "function": {"name": "write_file"}}
NO_MARKUP = re.compile("")
"""A string in a grammar ends at the first closer, so none quotes markup."""
FORCED = REPLIES // 5


@rows
def test_forced_calls(row: ToolRow, root: Path) -> None:
    """Each token of a call is allowed when it comes, and then the end of the reply."""
    renderer, tokenizer = markup.RENDERERS[row.name], tokenizer_of(root, row)
    backend = backend_of(tokenizer)
    for tools, choice in ((TOOLS, "required"), (STRICT, "required"), (TOOLS, NAMED), (STRICT, NAMED)):
        exchange = Exchange(
            f"dynamo_{row.name}",
            f"dynamo_{reasoning_of(row).name}",
            request=chat_request(tools, tool_choice=choice),
            prompt=prompt_for(reasoning_of(row).name, None),
            tokenizer=tokenizer,
        )
        asked = exchange.request.extract_structured_outputs()
        assert asked is not None
        for number in range(FORCED):
            chosen = random.Random(f"{row.name} {number}")
            made = call(chosen, written(chosen, renderer, NO_MARKUP))
            if choice is NAMED and made.name != "write_file":
                continue
            reply = renderer.calls([made])
            grammar = backend.compile_grammar(StructuredOutputOptions.STRUCTURAL_TAG, asked.structural_tag)
            ids = encode(tokenizer, reply)
            said = f"{row.name}, {choice}, {'strict' if tools is STRICT else 'not strict'}: {reply!r}"
            for at, each in enumerate(ids):
                before = tokenizer.decode(ids[:at])
                assert grammar.accept_tokens("r", [each]), f"{said}: {tokenizer.decode([each])!r} after {before!r}"
            assert grammar.accept_tokens("r", [tokenizer.eos_token_id]), f"{said}: the end"
            assert grammar.is_terminated()
