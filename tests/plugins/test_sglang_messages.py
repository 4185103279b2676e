"""SGLang's own `/v1/messages`, sent whole, over our classes: what is whole of a cut call is kept, nothing is logged."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("sglang")
pytest.importorskip("sglang_harness")  # before SGLang's own modules: it makes them importable here

from dynamo_parsers.sglang import auto
from sglang.srt.entrypoints.anthropic.protocol import AnthropicMessagesRequest
from sglang.srt.entrypoints.anthropic.serving import AnthropicServing
from sglang.srt.environ import envs
from sglang_harness import TOOLS, run, serving

CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Zürich", "days": 3}}\n</tool_call>'


def message(reply: str, finish: str) -> Any:
    chat, engine = serving("dynamo_hermes", "dynamo_qwen3")
    engine.reply, engine.tokens, engine.finish = reply, None, finish
    tools: list[dict[str, Any]] = [each["function"] for each in TOOLS]  # type: ignore[misc]
    body = {
        "model": "m",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"name": each["name"], "input_schema": each["parameters"]} for each in tools],
    }
    request = AnthropicMessagesRequest.model_validate(body)

    async def answered() -> Any:
        return await AnthropicServing(chat).handle_messages(request, None)  # type: ignore[arg-type]

    return json.loads(run(answered()).body)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (CALL, {"city": "Zürich", "days": 3}),
        (CALL[: CALL.index("days")], {"city": "Zürich"}),
        (CALL[: CALL.index("rich")], {}),
    ],
)
def test_a_cut_call(text: str, given: object, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        made = message(f"<think>Why?</think>{text}", "stop" if text == CALL else "length")
    assert [(block["type"], block.get("input")) for block in made["content"]] == [
        ("thinking", None),
        ("tool_use", given),
    ]
    assert not [record for record in caplog.records if "rich" in record.getMessage()]


def test_the_rust_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    ours: Any = SimpleNamespace(tool_call_parser="dynamo_hermes", reasoning_parser=None)
    theirs: Any = SimpleNamespace(tool_call_parser="hermes", reasoning_parser="qwen3")
    auto._refuse_rust(ours)
    if not hasattr(envs, "SGLANG_RUST_SERVER"):
        pytest.skip("an older SGLang")
    monkeypatch.setenv("SGLANG_RUST_SERVER", "1")
    auto._refuse_rust(theirs)
    with pytest.raises(ValueError, match=r"loads no Python parsers.*--tool-call-parser dynamo_hermes, which is hermes"):
        auto._refuse_rust(ours)
