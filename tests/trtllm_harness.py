"""Drive TensorRT-LLM's chat post-processors over our parsers, in process: no engine, no HTTP, no weights.

TensorRT-LLM has no build for a machine without CUDA, so these tests bring a stand-in of the part that parsers meet,
written from its interface: `tests/trtllm_standin`, for 1.2 and for 1.3. Where the environment variable `TRTLLM_SOURCE`
names a source tree of TensorRT-LLM, its own files are tested as well: the tool parsers, the reasoning parsers and the
post-processors, in what they need of the rest from the stand-in.

- `v1_2` and `v1_3` hold what differs, `both` what does not. An `init.py` is an `__init__.py` once it is laid out.
- Each engine is imported once, with a copy of our plugin of its own; nothing of it stays in `sys.modules`.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from dynamo_parsers import Message, Parser, fold

STANDIN = Path(__file__).parent / "trtllm_standin"
SOURCE = os.environ.get("TRTLLM_SOURCE")

ENGINES = ("1.2", "1.3", *(("source",) if SOURCE else ()))

REAL = ("serve/tool_parser", "llmapi/reasoning_parser.py", "serve/postprocess_handlers.py")
"""What is TensorRT-LLM's own if its source is given."""


# --- laying an engine out


def lay_out(engine: str, folder: Path) -> None:
    """Make `folder` one that `tensorrt_llm` can be imported from."""
    generation = engine if engine != "source" else generation_of(Path(SOURCE or ""))
    for part in ("both", f"v{generation.replace('.', '_')}"):
        shutil.copytree(STANDIN / part, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for init in folder.rglob("init.py"):
        init.rename(init.with_name("__init__.py"))
    if engine != "source":
        return
    for part in REAL:
        real, place = Path(SOURCE or "", "tensorrt_llm", part), folder / "tensorrt_llm" / part
        if real.is_dir():
            shutil.rmtree(place)
            shutil.copytree(real, place)
        elif real.exists():
            shutil.copyfile(real, place)
    said = Path(SOURCE or "", "tensorrt_llm", "version.py")
    if said.exists():
        shutil.copyfile(said, folder / "tensorrt_llm" / "version.py")


def generation_of(source: Path) -> str:
    """Which of the two interfaces a source tree has."""
    text = (source / "tensorrt_llm/llmapi/reasoning_parser.py").read_text(encoding="utf-8")
    return "1.3" if "def register_reasoning_parser" in text else "1.2"


@cache
def _folders() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="dynamo-parsers-")


@cache
def folder_of(engine: str) -> Path:
    """A folder on whose path an engine can be imported."""
    folder = Path(_folders().name, engine)
    lay_out(engine, folder)
    return folder


@contextmanager
def imported_from(folder: Path) -> Iterator[None]:
    """Inside, `tensorrt_llm` is the one in `folder`, and our plugin is imported anew for it."""

    def ours(name: str) -> bool:
        return name.split(".")[0] == "tensorrt_llm" or name.startswith("dynamo_parsers.trtllm")

    before = {name: sys.modules.pop(name) for name in list(sys.modules) if ours(name)}
    finders = list(sys.meta_path)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.meta_path[:] = finders
        for name in list(sys.modules):
            if ours(name):
                del sys.modules[name]
        sys.modules.update(before)


@dataclass(frozen=True)
class Engine:
    """An engine with our parsers registered."""

    name: str
    plugin: ModuleType
    tool_factory: Any
    reasoning_factory: Any
    base_tool_parser: Any
    base_reasoning_parser: Any
    protocol: ModuleType
    handlers: ModuleType

    @property
    def reasoning_parsers(self) -> Mapping[str, type]:
        """The registered classes."""
        if hasattr(self.reasoning_factory, "_parsers"):
            return {name: parser for name, (parser, _) in self.reasoning_factory._parsers.items()}
        found: Mapping[str, type] = self.reasoning_factory.parsers
        return found

    @property
    def finishes(self) -> bool:
        """Whether parsers learn that a stream has ended."""
        return "finished" in inspect.signature(self.handlers.apply_reasoning_parser).parameters

    @property
    def tells_kwargs(self) -> bool:
        """Whether a reasoning parser gets the request's template arguments."""
        return "chat_template_kwargs" in self.handlers.ChatPostprocArgs.__dataclass_fields__

    @property
    def tells_prompt(self) -> bool:
        """Whether it learns how the prompt ended."""
        return hasattr(self.reasoning_factory, "resolve_prefilled_thinking")


@cache
def engine(name: str) -> Engine:
    """The engine, imported and filled."""
    with imported_from(folder_of(name)):
        plugin = importlib.import_module("dynamo_parsers.trtllm")
        plugin.register()
        tools, reasoning, base, protocol, handlers = (
            importlib.import_module(f"tensorrt_llm.{module}")
            for module in (
                "serve.tool_parser.tool_parser_factory",
                "llmapi.reasoning_parser",
                "serve.tool_parser.base_tool_parser",
                "serve.openai_protocol",
                "serve.postprocess_handlers",
            )
        )
    return Engine(
        name,
        plugin,
        tools.ToolParserFactory,
        reasoning.ReasoningParserFactory,
        base.BaseToolParser,
        reasoning.BaseReasoningParser,
        protocol,
        handlers,
    )


# --- what comes out


@dataclass(frozen=True)
class Answer:
    """What a client gets of one choice."""

    reasoning: str | None
    content: str | None
    calls: tuple[tuple[str, str], ...]
    finish_reason: str | None = field(default=None, compare=False)

    @classmethod
    def of(cls, message: Message) -> Answer:
        calls = tuple((call.name, call.arguments) for call in message.tool_calls)
        return cls(message.reasoning, message.content, calls, message.finish_reason)


def core_answer(text: str, *, finish: bool = True, engine_finish: str | None = "stop", **request: object) -> Answer:
    """What the core says of the same text; without `finish`, as far as it is known before the end."""
    parser = Parser(**{"end_is_told": finish, **request})  # type: ignore[arg-type]
    events = parser.feed(text)
    return Answer.of(fold([*events, *(parser.finish() if finish else ())], engine_finish))


# --- a reply, as the server handles it


def tokens(text: str, markers: Iterable[str]) -> list[str]:
    """The text in pieces: a marker is one token, other text comes in fours."""
    known = "|".join(re.escape(marker) for marker in sorted(markers, key=len, reverse=True))
    return re.findall(rf"{known}|(?:(?!{known}).){{1,4}}" if known else ".{1,4}", text, re.DOTALL)


@dataclass
class Exchange:
    """One request and how its reply is parsed."""

    engine: Engine
    tool: str | None = None
    """A name for --tool_parser, and --reasoning_parser below; ours are `dynamo_...`."""
    reasoning: str | None = None
    tools: Sequence[Mapping[str, object]] | None = None
    tool_choice: object = "auto"
    template_kwargs: Mapping[str, object] = field(default_factory=dict)
    prompt: str = ""
    finish_reason: str = "stop"
    parallel_tool_calls: bool = True

    def __post_init__(self) -> None:
        protocol = self.engine.protocol
        self._tools = (
            None
            if self.tools is None
            else [protocol.ChatCompletionToolsParam.model_validate(dict(tool)) for tool in self.tools]
        )
        self._choice = self.tool_choice
        if isinstance(self.tool_choice, Mapping):
            self._choice = protocol.ChatCompletionNamedToolChoiceParam.model_validate(self.tool_choice)

    def arguments(self) -> Any:
        """What the server makes of a request for its post-processors."""
        asked = {"model": "m", "tools": self._tools, "tool_choice": self._choice, "messages": [], "n": 1}
        if not self.parallel_tool_calls:
            asked["parallel_tool_calls"] = False
        request = SimpleNamespace(
            echo=False,
            add_generation_prompt=True,
            stream_options=None,
            logprobs=None,
            top_logprobs=None,
            disaggregated_params=None,
            chat_template_kwargs=dict(self.template_kwargs) if self.engine.tells_kwargs else None,
            parallel_tool_calls=False,
            model_fields_set=set(asked),
            **{name: value for name, value in asked.items() if name != "parallel_tool_calls"},
        )
        made = self.engine.handlers.ChatPostprocArgs.from_request(request)
        made.tool_parser, made.reasoning_parser, made.num_prompt_tokens = self.tool, self.reasoning, 1
        if self.engine.tells_prompt and self.reasoning is not None and self.prompt:
            inside = self.engine.reasoning_factory.resolve_prefilled_thinking(self.reasoning, self.prompt)
            if inside is not None:
                found = {"thinking": inside, "enable_thinking": inside}
                made.chat_template_kwargs = {**self.template_kwargs, **found}
        return made

    def one_shot(self, reply: str) -> Answer:
        said = self.engine.handlers.chat_response_post_processor(
            _generated(_output(reply, reply, self.finish_reason)), self.arguments()
        )
        choice = json.loads(said.model_dump_json())["choices"][0]
        message = choice["message"]
        calls = tuple((call["function"]["name"], call["function"]["arguments"]) for call in message["tool_calls"])
        return Answer(
            message["reasoning_content"] or None, message["content"] or None, calls, choice.get("finish_reason")
        )

    def stream(self, pieces: Sequence[str]) -> Answer:
        """The answer to a stream that comes in these pieces; the last one finishes."""
        reasoning = content = ""
        names: list[str] = []
        arguments: list[str] = []
        finish_reason = None
        for delta, finished in self.deltas(pieces):
            reasoning += delta.get("reasoning_content") or ""
            content += delta.get("content") or ""
            finish_reason = finished or finish_reason
            for call in delta.get("tool_calls") or ():
                function = call["function"]
                if function.get("name"):
                    assert call["index"] == len(names), "calls are counted"
                    assert call["id"]
                    names.append(function["name"])
                    arguments.append(function["arguments"])
                else:
                    assert call["index"] == len(names) - 1, "the arguments of the last call"
                    arguments[-1] += function["arguments"]
        return Answer(reasoning or None, content or None, tuple(zip(names, arguments, strict=True)), finish_reason)

    def deltas(self, pieces: Sequence[str]) -> Iterator[tuple[dict[str, Any], str | None]]:
        """Every delta, and the finish reason that came with it."""
        asked = self.arguments()
        whole = ""
        for number, piece in enumerate(pieces):
            whole += piece
            last = number == len(pieces) - 1
            generated = _generated(_output(whole, piece, self.finish_reason if last else None))
            for line in self.engine.handlers.chat_stream_post_processor(generated, asked):
                (choice,) = json.loads(line.removeprefix("data: "))["choices"]
                yield choice["delta"], choice.get("finish_reason")


def _output(text: str, difference: str, finish_reason: str | None) -> SimpleNamespace:
    return SimpleNamespace(
        index=0,
        text=text,
        text_diff=difference,
        token_ids=[0],
        token_ids_diff=[0],
        length=1,
        finish_reason=finish_reason,
        stop_reason=None,
        disaggregated_params=None,
    )


def _generated(output: SimpleNamespace) -> SimpleNamespace:
    return SimpleNamespace(id=1, outputs=[output], cached_tokens=0, _done=output.finish_reason is not None)
