"""`triage`: the raw text rebuilt from real tokens, every verdict for every family, and what a bundle holds."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from dynamo_parsers.demo.model import DemoModel
from dynamo_parsers.demo.tokenizer import byte_alphabet, tokenizer_json
from dynamo_parsers.explain import explain, known_markers
from dynamo_parsers.message import Message, parse
from dynamo_parsers.registry import PREFIX, TOOL_ROWS, reasoning_row, tool_row
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.triage.bundle import write_bundle
from dynamo_parsers.triage.exchange import NotAnExchange, Request, Response, Token, read_request, read_response
from dynamo_parsers.triage.launch import Launch, read_launch
from dynamo_parsers.triage.raw import GAP, raw_text
from dynamo_parsers.triage.redact import Mask, without_secrets
from dynamo_parsers.triage.verdict import Verdict, triage
from tokenizers import Tokenizer

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Look up the weather for Jane Doe.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]
FAMILIES = [row for row in TOOL_ROWS if row.name != "default" and not row.kin]  # the markers of kin are another's
families = pytest.mark.parametrize("row", FAMILIES, ids=lambda row: row.name)


@cache
def tokenizer(name: str) -> Tokenizer:
    row = tool_row(name)
    text, _ = tokenizer_json([*row.special_tokens, row.turn_end], row.added_tokens)
    return Tokenizer.from_str(text)


def tokens(text: str, family: str = "hermes") -> list[dict[str, object]]:
    """`logprobs.content` for a text, as an engine that gives each token's own bytes writes it."""
    alphabet = {char: byte for byte, char in enumerate(byte_alphabet())}
    read = tokenizer(family)
    found = []
    for token_id in read.encode(text, add_special_tokens=False).ids:
        written = read.id_to_token(token_id)
        special = written in known_markers()
        data = written.encode() if special else bytes(alphabet[char] for char in written)
        found.append({"token": data.decode(errors="replace"), "logprob": -0.1, "bytes": list(data), "top_logprobs": []})
    return found


def response(
    raw: str, message: Message, finish: str | None = None, *, family: str = "hermes", logprobs: bool = True
) -> dict[str, object]:
    """A response to the client that holds `message`, and the logprobs of `raw`."""
    content = tokens(raw, family)
    return {
        "choices": [
            {
                "index": 0,
                "message": message.model_dump(),
                "finish_reason": finish or message.finish_reason,
                "logprobs": {"content": content} if logprobs else None,
            }
        ],
        "usage": {"completion_tokens": len(content)},
    }


def request(**said: object) -> dict[str, object]:
    return {
        "model": "m",
        "messages": [{"role": "user", "content": "What is the weather in Paris, asks Jane Doe?"}],
        "tools": TOOLS,
        **said,
    }


def launch(row: ToolRow, engine: str = "vllm serve m --enable-auto-tool-choice") -> str:
    return f"{engine} --tool-call-parser {PREFIX}{row.name} --reasoning-parser {PREFIX}{row.pairs[0]}"


def judged(asked: dict[str, object], answered: dict[str, object], line: str | None = None) -> Verdict:
    read: Launch | None = read_launch(line) if line else None
    return triage(read_request(json.dumps(asked)), read_response(json.dumps(answered)), read)


def served(row: ToolRow, raw: str, finish: str = "stop", tools: Sequence[object] = TOOLS) -> Message:
    """What a server with the row's parsers gives."""
    inside = False if raw.startswith(tuple(reasoning_row(row.pairs[0]).think.opens)) else None
    return parse(raw, row.name, row.pairs[0], tools, in_reasoning=inside or False, engine_finish=finish)


def another(row: ToolRow) -> ToolRow:
    """A family whose parsers read nothing of this one's calls."""
    for other in FAMILIES[FAMILIES.index(row) + 1 :] + FAMILIES[: FAMILIES.index(row)]:
        if not served(other, row.sample).tool_calls:
            return other
    raise AssertionError(row.name)


lines = pytest.mark.parametrize("told", [True, False], ids=["launch", "no launch"])


# --- verdicts


@families
@lines
def test_a_good_call(row: ToolRow, told: bool) -> None:
    message = served(row, row.sample)
    assert len(message.tool_calls) == 1
    found = judged(request(), response(row.sample, message, family=row.name), launch(row) if told else None)
    assert found.fault == "ok", found
    assert found.raw.text == row.sample


@families
@lines
def test_the_wrong_parser(row: ToolRow, told: bool) -> None:
    other = another(row)
    message = served(other, row.sample)
    found = judged(request(), response(row.sample, message, family=row.name), launch(other) if told else None)
    assert found.fault == "configuration" or (not told and found.fault == "parser"), found
    if found.fault == "configuration":
        assert found.flags is not None
        assert f"--tool-call-parser {PREFIX}{row.name}" in found.flags
        assert f"--reasoning-parser {PREFIX}{reasoning_row(row.pairs[0]).name}" in found.flags


@families
@lines
def test_no_parser_at_all(row: ToolRow, told: bool) -> None:
    message = Message(content=row.sample.strip(), finish_reason="stop")
    line = "vllm serve m --max-model-len 4096" if told else None
    found = judged(request(), response(row.sample, message, family=row.name), line)
    assert found.fault == ("configuration"), found
    assert PREFIX + row.name in str(found.flags)


@families
@lines
def test_a_call_that_was_cut_off(row: ToolRow, told: bool) -> None:
    raw = row.sample[: row.sample.rindex("Paris") + 3]
    message = served(row, raw, "length")
    found = judged(
        request(max_tokens=30), response(raw, message, "length", family=row.name), launch(row) if told else None
    )
    assert found.fault == "truncation", found
    assert any("length" in each for each in found.evidence)


def test_a_cut_call_whose_finish_reason_hides_it() -> None:
    row = tool_row("hermes")
    raw = row.sample[: row.sample.rindex("Paris") + 3]
    answered = response(raw, served(row, raw), "tool_calls")
    used = answered["usage"]["completion_tokens"]  # type: ignore[index]
    assert judged(request(max_tokens=used), answered, launch(row)).fault == "truncation"
    assert judged(request(max_tokens=used + 1), answered, launch(row)).fault == "model"


@families
@lines
def test_a_call_that_the_parser_lost(row: ToolRow, told: bool) -> None:
    message = Message(content="Let me see.", finish_reason="stop")
    found = judged(request(), response(row.sample, message, family=row.name), launch(row) if told else None)
    assert found.fault == "parser", found
    assert [each.where for each in found.differences] == ["tool_calls[0]"]


@families
def test_an_argument_that_the_parser_changed(row: ToolRow) -> None:
    message = served(row, row.sample)
    changed = message.model_copy(
        update={"tool_calls": [message.tool_calls[0].model_copy(update={"arguments": '{"city": "Par"}'})]}
    )
    found = judged(request(), response(row.sample, changed, family=row.name), launch(row))
    assert found.fault == "parser", found
    assert found.differences[0].where == "tool_calls[0].arguments"


@families
@lines
def test_a_tool_that_nobody_declared(row: ToolRow, told: bool) -> None:
    raw = row.sample.replace("get_weather", "get_wether")
    message = served(row, raw)
    if not message.tool_calls:
        pytest.skip("without a marker this family's calls count only under a declared name")
    found = judged(request(), response(raw, message, family=row.name), launch(row) if told else None)
    assert found.fault == "model", found
    assert "get_wether is not among the declared tools (get_weather)" in found.summary


@families
@lines
def test_an_argument_that_is_missing(row: ToolRow, told: bool) -> None:
    raw = row.sample.replace("city", "town")
    found = judged(request(), response(raw, served(row, raw), family=row.name), launch(row) if told else None)
    assert found.fault == "model", found
    assert "lacks the required argument 'city'" in found.summary


@families
@lines
def test_an_answer_without_a_call(row: ToolRow, told: bool) -> None:
    raw = "It is sunny in Paris."
    message = Message(content=raw, finish_reason="stop")
    found = judged(request(), response(raw, message, family=row.name), launch(row) if told else None)
    assert found.fault == "model", found
    assert "no call" in found.summary


@pytest.mark.parametrize("name", ["hermes", "kimi_k2", "mistral", "deepseek_v3_1"])
def test_a_broken_call(name: str) -> None:
    row = tool_row(name)
    raw = row.sample.replace('{"city": "Paris"}', '{"city" "Paris", oops}')
    found = judged(request(), response(raw, served(row, raw), family=name), launch(row))
    assert found.fault == "model", found


def test_an_engines_own_parser_is_known_by_its_markup() -> None:
    row = tool_row("hermes")
    line = "vllm serve m --enable-auto-tool-choice --tool-call-parser hermes --reasoning-parser qwen3"
    lost = Message(content="", finish_reason="stop")
    found = judged(request(), response(row.sample, lost), line)
    assert found.fault == "parser"
    assert found.flags == "--tool-call-parser dynamo_hermes --reasoning-parser dynamo_qwen3"
    sglang = "python -m sglang.launch_server --model-path m --tool-call-parser qwen25"
    assert judged(request(), response(row.sample, served(row, row.sample)), sglang).fault == "ok"


def test_dynamos_own_workers_are_known() -> None:
    row = tool_row("hermes")
    line = "python -m dynamo.vllm --model m --dyn-tool-call-parser hermes --dyn-reasoning-parser qwen3"
    assert judged(request(), response(row.sample, served(row, row.sample)), line).fault == "ok"
    lost = Message(content="", finish_reason="stop")
    assert judged(request(), response(row.sample, lost), line).fault == "parser"
    other = line.replace("hermes", "kimi_k2").replace("qwen3", "kimi_k25")
    assert judged(request(), response(row.sample, Message(content=row.sample)), other).fault == "configuration"


def test_a_launch_line_with_which_no_parser_runs() -> None:
    row = tool_row("hermes")
    line = "vllm serve m --tool-call-parser dynamo_hermes --reasoning-parser dynamo_qwen3"
    found = judged(request(), response(row.sample, Message(content=row.sample, finish_reason="stop")), line)
    assert (found.fault, found.flags) == ("configuration", "--enable-auto-tool-choice")


def test_an_answer_in_reasoning() -> None:
    raw = "It is sunny."
    line = "vllm serve m --enable-auto-tool-choice --tool-call-parser dynamo_kimi_k2 --reasoning-parser dynamo_kimi_k25"
    message = Message(reasoning=raw, finish_reason="stop")
    found = judged(request(tools=None), response(raw, message, family="kimi_k2"), line)
    assert found.fault == "configuration", found
    assert "answer came out as reasoning" in found.summary


def test_reasoning_in_the_answer() -> None:
    raw = "<think>plan</think>It is sunny."
    line = "vllm serve m --enable-auto-tool-choice --tool-call-parser dynamo_hermes"
    found = judged(request(tools=None), response(raw, Message(content=raw, finish_reason="stop")), line)
    assert found.fault == "configuration", found
    assert "--reasoning-parser" in (found.flags or "")


def test_text_that_was_lost() -> None:
    raw = "<think>plan</think>It is sunny in Paris."
    message = Message(reasoning="plan", content="It is", finish_reason="stop")
    found = judged(request(tools=None), response(raw, message), launch(tool_row("hermes")))
    assert (found.fault, found.differences[0].where) == ("parser", "content")


def test_tool_choice_none_and_no_tools_are_no_loss() -> None:
    row = tool_row("hermes")
    none = parse(row.sample, "hermes", "qwen3", TOOLS, "none")
    assert judged(request(tool_choice="none"), response(row.sample, none), launch(row)).fault == "ok"
    plain = Message(content="Hello.", finish_reason="stop")
    assert judged(request(tools=None), response("Hello.", plain), launch(row)).fault == "ok"


def test_reasoning_that_ate_all_tokens() -> None:
    raw = "<think>Let me think about Paris, and about"
    found = judged(
        request(), response(raw, served(tool_row("hermes"), raw, "length"), "length"), launch(tool_row("hermes"))
    )
    assert found.fault == "truncation"


def test_without_logprobs() -> None:
    row = tool_row("hermes")
    found = judged(request(), response(row.sample, served(row, row.sample), logprobs=False), launch(row))
    assert found.fault == "inconclusive"
    assert "logprobs" in found.summary
    leaked = Message(content=row.sample, finish_reason="stop")
    found = judged(request(), response(row.sample, leaked, logprobs=False))
    assert (found.fault, found.flags) == ("configuration", "--tool-call-parser dynamo_hermes")


# --- the raw text

TEXT = 'Grüße 👋 日本\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Zürich 🎌"}}\n</tool_call>'


def reply(logged: list[dict[str, object]], **message: object) -> Response:
    return read_response(json.dumps({"choices": [{"message": message, "logprobs": {"content": logged}}]}))


def test_a_character_split_over_tokens() -> None:
    content = tokens(TEXT)
    assert any(GAP in str(each["token"]) for each in content)
    found = raw_text(reply(content))
    assert (found.text, found.gaps, found.notes) == (TEXT, 0, [])


def test_missing_bytes() -> None:
    content = [{**each, "bytes": None} if str(each["token"]).isascii() else each for each in tokens(TEXT)]
    found = raw_text(reply(content))
    assert found.text == TEXT
    assert "have no bytes" in found.notes[0]


def test_bytes_that_were_never_given_are_known_from_the_message() -> None:
    content = [{**each, "bytes": list(str(each["token"]).encode())} for each in tokens(TEXT)]
    lost = raw_text(reply(content))
    assert lost.text is not None
    assert lost.gaps > 0
    told = reply(
        content, content="Grüße 👋 日本", tool_calls=[{"function": {"name": "f", "arguments": '{"city": "Zürich 🎌"}'}}]
    )
    found = raw_text(told)
    assert (found.text, found.gaps) == (TEXT, 0)
    assert found.filled > 0


def test_bytes_as_text() -> None:
    content = [
        {"token": "a", "bytes": None},
        {"token": "<0xC3>", "bytes": None},
        {"token": "<0xBC>", "bytes": None},
        {"token": "bytes:\\xe2\\x82", "bytes": None},
        {"token": "bytes:\\xac", "bytes": None},
    ]
    assert raw_text(reply(content)).text == "aü€"


def test_token_ids_are_no_text() -> None:
    found = raw_text(reply([{"token": "token_id:17", "bytes": list(b"token_id:17")}]))
    assert found.text is None
    assert "ids only" in found.notes[0]


def test_a_reasoning_channel_that_is_not_there() -> None:
    row = tool_row("kimi_k2")
    message = Message(
        reasoning="A long plan.", tool_calls=served(row, row.sample).tool_calls, finish_reason="tool_calls"
    )
    answered = response(row.sample, message, family="kimi_k2")
    found = judged(request(), answered, launch(row))
    assert found.raw.reasoning_missing
    assert found.fault == "ok"
    assert any("reasoning channel is not in the logprobs" in each for each in found.evidence)


def test_a_call_with_a_gap_is_no_difference() -> None:
    row = tool_row("hermes")
    raw = row.sample.replace("Paris", "Zürich 🎌 日")
    answered = response(raw, served(row, raw))
    for each in answered["choices"][0]["logprobs"]["content"]:  # type: ignore[index]
        each["bytes"] = list(str(each["token"]).encode())
    assert judged(request(), answered, launch(row)).fault == "ok"


# --- files


def test_a_stream() -> None:
    row = tool_row("hermes")
    content = tokens(row.sample)
    chunks: list[dict[str, object]] = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
        {"choices": [{"index": 0, "delta": {}, "logprobs": {"content": content[:5]}}]},
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "get_weather"}}]},
                    "logprobs": {"content": content[5:]},
                }
            ]
        },
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": '{"city": '}}]}}]},
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {"tool_calls": [{"index": 0, "function": {"arguments": '"Paris"}'}}]},
                    "finish_reason": "tool_calls",
                }
            ]
        },
        {"choices": [], "usage": {"completion_tokens": len(content)}},
    ]
    text = "\n\n".join(f"data: {json.dumps(chunk)}" for chunk in chunks) + "\n\ndata: [DONE]\n"
    found = read_response(text)
    assert found.streamed
    assert triage(Request.model_validate(request()), found, read_launch(launch(row))).fault == "ok"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not a JSON object"),
        ('{"input": "hi"}', "Responses request"),
        ('{"model": "m"}', "no `messages`"),
    ],
)
def test_what_is_no_request(text: str, said: str) -> None:
    with pytest.raises(NotAnExchange, match=said):
        read_request(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [("[]", "not a JSON object"), ('{"error": {"message": "bad"}}', "bad"), ('{"choices": []}', "no `choices`")],
)
def test_what_is_no_response(text: str, said: str) -> None:
    with pytest.raises(NotAnExchange, match=said):
        read_response(text)


# --- bundles

SECRETS = ["sk-abcdefghijklmnop1234", "hf_abcdefghijklmnopqrst", "hunter2", "nvapi-ABCDEFGHIJKLMNOP"]


@pytest.mark.parametrize("redact_text", [False, True])
@families
def test_a_bundle_gives_the_same_verdict(row: ToolRow, redact_text: bool, tmp_path: Path) -> None:
    raw = row.sample.replace("Paris", "Zürich and Basel")
    lost = Message(content="Jane Doe lives there.", finish_reason="stop")
    asked = request(metadata={"who": "Jane Doe"})
    asked["messages"] = [{"role": "user", "content": f"I am Jane Doe, my key is {SECRETS[0]}, from Zürich and Basel."}]
    line = f"VLLM_API_KEY={SECRETS[2]} HF_TOKEN={SECRETS[1]} {launch(row)} --api-key {SECRETS[3]}"
    file = tmp_path / "out.zip"
    answered = json.dumps(response(raw, lost, family=row.name))
    verdict = write_bundle(file, json.dumps(asked), answered, line, redact_text=redact_text)
    assert verdict.fault == judged(asked, json.loads(answered), line).fault == "parser"
    with zipfile.ZipFile(file) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert {
        "README.txt",
        "request.json",
        "response.json",
        "raw.txt",
        "verdict.json",
        "launch.txt",
        "versions.json",
    } <= {*files}
    everything = "".join(files.values())
    assert not [secret for secret in SECRETS if secret in everything]
    assert f"{PREFIX}{row.name}" in files["launch.txt"]
    words = ["Jane", "Doe", "rich and Basel", "lives there"]
    assert [word for word in words if word in everything] == ([] if redact_text else words)
    assert '"get_weather"' in files["request.json"]
    again = triage(read_request(files["request.json"]), read_response(files["response.json"]), read_launch(line))
    assert again.fault == "parser"
    assert again.raw.text == files["raw.txt"]


@families
def test_a_mask_keeps_what_a_parser_reads(row: ToolRow) -> None:
    raw = row.sample.replace("Paris", "Zürich 7, Bahnhof")
    told = explain(raw, row.name, row.pairs[0], TOOLS, in_reasoning=False)
    masked = Mask(TOOLS).raw(told)
    assert len(masked) == len(raw)
    assert "rich" not in masked
    assert "ahnhof" not in masked
    (call,) = served(row, masked).tool_calls
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "xxxxxx 1, xxxxxxx"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vllm serve m --api-key abc --port 1", "vllm serve m --api-key [redacted] --port 1"),
        ("OPENAI_API_KEY='a b' x", "OPENAI_API_KEY=[redacted] x"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"),
        ("http://me:pass@host/x", "http://[redacted]@host/x"),
        ("--tool-call-parser dynamo_hermes", "--tool-call-parser dynamo_hermes"),
        ("max_tokens=100 --max-num-batched-tokens 8", "max_tokens=100 --max-num-batched-tokens 8"),
    ],
)
def test_secrets(text: str, said: str) -> None:
    assert without_secrets(text) == said


def test_tokens_are_typed() -> None:
    assert Token.model_validate({"token": "a", "logprob": 1, "bytes": [97]}).bytes == [97]
    assert DemoModel.of("hermes").call == tool_row("hermes").sample
