"""Finds the parsers that fit a model, by its chat template, its tokens, its config, or its output.

- A `response_template` that the checkpoint declares comes first: if it is a family's markup, that family's parser is
  the answer; otherwise the parser that is made from it.
- After that, the strongest evidence is a call that the template writes into the history and a parser reads back
  exactly.
- Next come the markup in the template, the markers among the tokens, and the kind of model in its config.
- Names of files, folders and models are not evidence. A parser whose special tokens the tokenizer lacks is excluded.
- No answer is better than a wrong one: there is none if two parsers fit equally well, or none fits well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from .explain import Kind, explain, known_markers
from .format import Think, ToolFormat
from .message import Message, parse
from .registry import PREFIX, TOOL_ROWS, reasoning_row, tool_row
from .render import Unrenderable, render
from .response_templates.declared import NAME as RESPONSE_TEMPLATE
from .response_templates.declared import parsers_of, template_of, tool_of
from .response_templates.language import Field, Template, read_template
from .response_templates.markup import texts_of
from .response_templates.patterns import Refused
from .response_templates.sentence import written_call
from .rows import ReasoningRow, ToolRow
from .write.template import markup_of
from .write.values import ParameterTags

ENOUGH = 0.5
"""The lowest score with which a parser is the answer."""

_NO_FAMILY = frozenset({"default", "minimax_append_think"})
"""Parsers that are not of a model family: a user has to choose them."""

_TOOL: dict[str, object] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}
_ARGUMENTS: dict[str, object] = {"city": "Paris", "days": 3}
_QUESTION: dict[str, object] = {"role": "user", "content": "What is the weather?"}
_KEY = re.compile(r'"(?:name|arguments|parameters|args)"')
_SAID = frozenset({Kind.ARGUMENTS, Kind.CONTENT, Kind.REASONING})
_UNKNOWN_TOOLS: Sequence[object] = ({},)
_TOKENS = (
    "added_tokens",
    "added_tokens_decoder",
    "additional_special_tokens",
    "extra_special_tokens",
    "special_tokens",
)
"""The keys under which the files of a tokenizer list added tokens."""

_KINDS = frozenset(kind for row in TOOL_ROWS for kind in row.model_types)
"""The values of `model_type` that identify a family; "llama" does not, as many models have it."""


class Evidence(BaseModel):
    """One finding, and its weight for or (negative) against a parser."""

    model_config = ConfigDict(frozen=True)

    weight: float
    text: str


class Candidate(BaseModel):
    """A tool-call parser, how well it fits (0 to 1), and why."""

    model_config = ConfigDict(frozen=True)

    tool_parser: str
    score: float
    evidence: list[Evidence]


class Detection(BaseModel):
    """The answer. Names have `dynamo_`; no `tool_parser`: there is no answer; no `reasoning_parser`: none is needed."""

    model_config = ConfigDict(frozen=True)

    tool_parser: str | None = None
    reasoning_parser: str | None = None
    score: float = 0.0
    reason: str
    evidence: list[Evidence] = []
    candidates: list[Candidate] = []
    """The parsers with a positive score, best first."""
    template_writes_calls: bool | None = None
    """Whether the model's own template writes calls into the history; None: it could not be rendered."""
    chat_template: str | None = None
    """The template of this package that fits, if the model's own does not write calls."""

    @property
    def conclusive(self) -> bool:
        return self.tool_parser is not None

    @property
    def is_declared(self) -> bool:
        """Whether the parsers are made from the checkpoint's `response_template`."""
        return self.tool_parser == PREFIX + RESPONSE_TEMPLATE


class NotConclusive(ValueError):
    """The evidence does not point to one parser. The message says what was found and what to do."""


@dataclass(frozen=True)
class Model:
    """What is known of a model."""

    tokens: frozenset[str] = frozenset()
    """The tokens that may be markers: all, or the added ones."""
    tokens_known: bool = False
    template: str = ""
    kind: str = ""
    """`model_type` of the config."""
    named_tokens: Mapping[str, str] = field(default_factory=dict)
    """`bos_token` and the like."""
    declared: Mapping[str, object] | None = None
    """The `response_template` of the tokenizer's config."""


# --- what a model shows


def model_in(folder: Path) -> Model:
    """Read the files of a model folder. Raises OSError if there is no folder, ValueError if it is not a model's."""
    config = _json_file(folder / "config.json")
    tokenizer_config = _json_file(folder / "tokenizer_config.json")
    tokenizer = _json_file(folder / "tokenizer.json")
    tekken = _json_file(folder / "tekken.json")
    if not folder.is_dir():
        raise OSError(f"{folder}: no such folder")
    if not (config or tokenizer_config or tokenizer or tekken):
        raise ValueError(f"{folder}: no config.json, tokenizer_config.json, tokenizer.json or tekken.json in it")
    tokens = {*_added(tokenizer), *_added(tokenizer_config), *_added(tekken)}
    return Model(
        frozenset(tokens),
        bool(tokens),
        _template(folder, tokenizer_config),
        _kind(config),
        _named(tokenizer_config),
        declared if isinstance(declared := tokenizer_config.get(RESPONSE_TEMPLATE), dict) else None,
    )


def model_of(tokenizer: object, kind: str = "") -> Model:
    """Return what a Hugging Face tokenizer shows of its model."""
    vocabulary: Mapping[str, int] = getattr(tokenizer, "get_vocab", dict)()
    template = getattr(tokenizer, "chat_template", None)
    if isinstance(template, Mapping):
        template = template.get("tool_use") or template.get("default")
    named = {name: getattr(tokenizer, name, None) for name in ("bos_token", "eos_token")}
    return Model(
        frozenset(str(token) for token in vocabulary),
        bool(vocabulary),
        template if isinstance(template, str) else "",
        kind,
        {name: token for name, token in named.items() if isinstance(token, str)},
        template_of(tokenizer),
    )


def _json_file(file: Path) -> dict[str, object]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ValueError(f"{file}: not JSON ({error})") from None
    return content if isinstance(content, dict) else {}


def _added(content: Mapping[str, object]) -> Iterator[str]:
    """Yield the added tokens of a tokenizer.json, a tokenizer_config.json or a tekken.json."""
    for name in _TOKENS:
        listed = content.get(name)
        for entry in listed.values() if isinstance(listed, dict) else listed if isinstance(listed, list) else ():
            if token := _token(entry):
                yield token


def _token(entry: object) -> str:
    if isinstance(entry, dict):
        entry = entry.get("content", entry.get("token_str"))
    return entry if isinstance(entry, str) else ""


def template_in(folder: Path) -> tuple[str, dict[str, str]]:
    """Return the chat template of a model's folder, "" if there is none, and `bos_token` and the like."""
    config = _json_file(folder / "tokenizer_config.json")
    return _template(folder, config), _named(config)


def _named(tokenizer_config: Mapping[str, object]) -> dict[str, str]:
    return {name: text for name in ("bos_token", "eos_token") if (text := _token(tokenizer_config.get(name)))}


def _template(folder: Path, tokenizer_config: Mapping[str, object]) -> str:
    """Return the chat template that an engine would use for a request with tools; "" if there is none."""
    for file in (folder / "additional_chat_templates" / "tool_use.jinja", folder / "chat_template.jinja"):
        if file.is_file():
            return file.read_text(encoding="utf-8")
    template = tokenizer_config.get("chat_template") or _json_file(folder / "chat_template.json").get("chat_template")
    if isinstance(template, list):
        named = {each.get("name"): each.get("template") for each in template if isinstance(each, dict)}
        template = named.get("tool_use") or named.get("default")
    return template if isinstance(template, str) else ""


def _kind(config: Mapping[str, object]) -> str:
    kind = config.get("model_type")
    text = config.get("text_config")
    if isinstance(text, dict) and kind not in _KINDS:
        kind = text.get("model_type") or kind
    return kind if isinstance(kind, str) else ""


# --- the parts of a markup


@cache
def pieces(row: ToolRow) -> frozenset[str]:
    """Return the markers in the row's sample, and the keys of its JSON."""
    markers = frozenset(marker for marker in row.format.markers if marker in row.sample)
    return markers | frozenset(_KEY.findall(row.sample))


def _markers(row: ToolRow) -> frozenset[str]:
    return frozenset(marker for marker in pieces(row) if not _KEY.fullmatch(marker))


def is_any_familys(row: ToolRow) -> bool:
    """Return whether the markup is JSON without a marker. Other models write that by mistake, so it proves nothing."""
    return bool(pieces(row)) and not _markers(row)


def share(row: ToolRow, text: str) -> float:
    """Return the share of the markup that is in a text: 1 if all pieces of the sample are."""
    wanted = pieces(row)
    return sum(piece in text for piece in wanted) / len(wanted) if wanted else 0.0


def _spaced_so(row: ToolRow, text: str) -> bool:
    """Return whether a text has a parameter with the same white space around its value as the sample.

    Two markups may have the same markers, and differ in that only.
    """
    pattern = _parameter_of(row)
    return pattern is not None and pattern.search(text) is not None


@cache
def _parameter_of(row: ToolRow) -> re.Pattern[str] | None:
    values = markup_of(row).forms[0].values
    if not isinstance(values, ParameterTags):
        return None
    opener, key_end, close = map(re.escape, (values.values.open, values.between, values.framed + values.values.close))
    return re.compile(rf"{opener}[^<>]*?{key_end}[^\s<](?:[^<]*[^\s<])?{close}")


def families() -> Iterator[ToolRow]:
    """Yield the parsers of model families."""
    return (row for row in TOOL_ROWS if row.name not in _NO_FAMILY)


# --- a model


def detect(model: Model) -> Detection:
    """Return the parsers that fit a model."""
    written, problem = _written_call(model)
    readers = _readers(written, model) if written else {}
    if model.declared is not None:
        try:
            return _declared(model.declared, model, writes=None if written is None else bool(readers))
        except Refused as refused:
            problem = _with(f"its response_template is not used ({refused})", problem)
    # A template may write calls in the history as plain text, and show the markup in its instructions.
    marked = written is not None and any(marker in written for marker in _call_markers())
    shown = "" if marked else _shown_text(model)
    judged = [_judged(row, model, readers, shown) for row in families()]
    found = sorted((each for each in judged if each.score > 0), key=lambda each: -each.score)
    writes = None if written is None else bool(readers)
    if not found:
        reason = "nothing in the chat template, the tokens or the config shows a known markup of calls"
        return Detection(reason=_with(reason, problem), template_writes_calls=writes)
    best = [each for each in found if each.score == found[0].score]
    if len(best) > 1 or best[0].score < ENOUGH:
        names = ", ".join(f"{each.tool_parser} ({each.score:.2f})" for each in found[:4])
        why = "these fit as well as each other" if len(best) > 1 else "the evidence is too weak"
        return Detection(
            reason=_with(f"{why}: {names}", problem),
            candidates=found,
            score=best[0].score,
            template_writes_calls=writes,
        )
    row = tool_row(best[0].tool_parser)
    reasoning, said = _reasoning_of(row, model)
    answer = _answer(row, reasoning, [*best[0].evidence, said], best[0].score, writes=writes)
    return answer.model_copy(update={"reason": _with(answer.reason, problem), "candidates": found})


def _answer(
    row: ToolRow, reasoning: ReasoningRow | None, evidence: list[Evidence], score: float = 1.0, *, writes: bool | None
) -> Detection:
    return Detection(
        tool_parser=PREFIX + row.name,
        reasoning_parser=PREFIX + reasoning.name if reasoning is not None else None,
        score=score,
        reason=f"for {row.models}",
        evidence=evidence,
        template_writes_calls=writes,
        chat_template=None if writes else _our_template(row, reasoning),
    )


def _declared(spec: Mapping[str, object], model: Model, *, writes: bool | None) -> Detection:
    """Return the answer for a declared template. Raises Refused if it is not a family's and cannot be served."""
    template = read_template(spec)
    row = family_of(template)
    if row is None:
        made = parsers_of(spec)
        if made.tool is None:
            raise Refused("response_template: it has no field of calls, tool_calls")
        name = PREFIX + RESPONSE_TEMPLATE
        return Detection(
            tool_parser=name,
            reasoning_parser=name if made.reasoning is not None else None,
            score=1.0,
            reason="not a family's markup, but declared by the checkpoint",
            evidence=[Evidence(weight=1.0, text=f"{made.why} can be served as it is")],
            template_writes_calls=writes,
        )
    reasoning, said = _reasoning_of(row, model) if template.thinking is None else _of_field(row, template, model)
    text = f"its response_template is the markup of {PREFIX}{row.name}"
    return _answer(row, reasoning, [Evidence(weight=1.0, text=text), said], writes=writes)


def family_of(template: Template) -> ToolRow | None:
    """Return the family whose markup a template declares, None if there is none.

    A call in the template's markup has to have all of the family's markup, and to be read back.
    """
    if template.calls is None:
        return None
    try:
        written = written_call(template.calls, "get_weather", _ARGUMENTS)
    except Refused:
        return None
    found = [row for row in families() if _is_whole(row, written) and _reads_back(row, written)]
    found = [row for row in found if template.thinking is None or _pairs_with(row, template.thinking)]
    return max(found, key=lambda row: (len(pieces(row)), len(_markers(row))), default=None)


def _is_whole(row: ToolRow, written: str) -> bool:
    """Return whether a call has all the family's markup; parts of a frame's header may be missing."""
    if not _markers(row):
        return False
    return share(row, written) >= (1 if isinstance(row.format, ToolFormat) else ENOUGH)


def _pairs_with(row: ToolRow, field: Field) -> list[ReasoningRow]:
    """Return the reasoning parsers of a family that read the reasoning of a template's field."""
    try:
        opens = texts_of(field.open, field.scope, none=True)
        closes = texts_of(field.close, field.scope, none=True)
    except Refused:
        return []
    return [
        each for each in _pairs(row) if _opens_with(each, opens) and (each.frame or {*closes} & {*each.think.closes})
    ]


def _opens_with(row: ReasoningRow, opens: Sequence[str]) -> bool:
    """Return whether one of `opens` is an opener of this parser; True without openers, as the prompt writes it."""
    return not opens or any(
        text in (opener, (opener + row.think.label).strip()) for opener in row.think.opens for text in opens
    )


def _of_field(row: ToolRow, template: Template, model: Model) -> tuple[ReasoningRow | None, Evidence]:
    """Return the family's reasoning parser that fits a template's field and the prompts of the model best."""
    assert template.thinking is not None
    opened = template.thinking.open and all(isinstance(way[0], str) for way in template.thinking.open if way)
    found = _pairs_with(row, template.thinking)
    # Reasoning without an opener in the reply was opened by the prompt.
    best = min(found, key=lambda each: (_strangeness(each, model), not (opened or each.starts.inside)))
    return best, Evidence(weight=0.0, text=f"{template.thinking.scope} is what {PREFIX}{best.name} reads")


def pair_for(tokenizer: object) -> tuple[ToolRow, ReasoningRow | None, str]:
    """Return the parsers for a tokenizer and its chat template, and one line that says why.

    Raises:
        NotConclusive: the evidence does not point to one tool-call parser.
    """
    model = model_of(tokenizer)
    found = detect(model)
    if found.tool_parser is None:
        raise NotConclusive(
            f"no parser can be chosen by the tokenizer and its chat template: {found.reason}; name one "
            "(`dynamo-parsers list`)"
        )
    tool, reasoning = _rows_of(found, model)
    chosen = f"{found.tool_parser} with {found.reasoning_parser or 'no reasoning parser'}"
    why = "; ".join(each.text for each in found.evidence if each.weight >= 0)
    return tool, reasoning, f"{chosen} (score {found.score:.2f}): {why}"


def _rows_of(found: Detection, model: Model) -> tuple[ToolRow, ReasoningRow | None]:
    if found.is_declared and model.declared is not None:
        made = parsers_of(model.declared)
        return tool_of(made), made.reasoning
    return tool_row(str(found.tool_parser)), reasoning_row(found.reasoning_parser) if found.reasoning_parser else None


def _judged(row: ToolRow, model: Model, readers: Mapping[str, float], shown: str) -> Candidate:
    evidence = [*_template_evidence(row, readers, shown), *_token_evidence(row, model)]
    if model.kind in _KINDS and evidence:
        agrees = model.kind in row.model_types
        evidence.append(Evidence(weight=0.2 if agrees else -0.3, text=f"the config's model_type is {model.kind}"))
    missing = [token for token in row.special_tokens if token not in model.tokens] if model.tokens_known else []
    # A family's older tokenizers may lack some of the markers; a tokenizer without any is another family's.
    if missing and len(missing) == len(row.special_tokens):
        evidence.append(Evidence(weight=-1.0, text=f"the tokenizer has no {missing[0]}"))
    score = max(0.0, min(1.0, sum(each.weight for each in evidence)))
    return Candidate(tool_parser=PREFIX + row.name, score=round(score, 2), evidence=evidence)


def _template_evidence(row: ToolRow, readers: Mapping[str, float], shown: str) -> Iterator[Evidence]:
    if row.name in readers and readers[row.name] == max(readers.values()):
        yield Evidence(weight=0.7, text=f"the chat template writes a call that {PREFIX}{row.name} reads back exactly")
    wanted = pieces(row)
    if not shown or not wanted or share(row, shown) < 1:
        return
    # The text may show another markup, which has these markers and more.
    if not any(wanted < pieces(other) and share(other, shown) == 1 for other in families()):
        listed = " ".join(sorted(_markers(row))[:4]) or "its JSON"
        yield Evidence(weight=0.5, text=f"the chat template shows the whole markup: {listed}")
        if _spaced_so(row, shown):
            yield Evidence(weight=0.05, text="with its white space around a value")


def _shown_text(model: Model) -> str:
    """Return the template's text, and a prompt with tools that it writes."""
    try:
        prompt = render(model.template, [_QUESTION], tools=[_TOOL], tokens=model.named_tokens)
    except Unrenderable:
        prompt = ""
    return model.template.replace('\\"', '"') + prompt


def _token_evidence(row: ToolRow, model: Model) -> Iterator[Evidence]:
    own = {*row.special_tokens, *row.added_tokens}
    if not own or not own <= model.tokens:
        return
    others = ({*other.special_tokens, *other.added_tokens} for other in families() if other is not row)
    listed = " ".join(sorted(own)[:3])
    if any(own <= other <= model.tokens for other in others):
        yield Evidence(weight=0.1, text=f"the tokenizer has {listed}, as other families' have")
    else:
        yield Evidence(weight=0.5 if row.special_tokens else 0.3, text=f"the tokenizer has {listed}")


def _written_call(model: Model) -> tuple[str | None, str]:
    """Return what the template writes for a call in the history; or None, and the reason."""
    if not model.template:
        return None, "the model has no chat template"
    problem = ""
    # Some templates need the arguments as JSON text, and some write calls only if the content is null.
    for content, arguments in product(("", None), (_ARGUMENTS, json.dumps(_ARGUMENTS))):
        call = {"id": "callabc12", "type": "function", "function": {"name": "get_weather", "arguments": arguments}}
        reply = {"role": "assistant", "content": content, "tool_calls": [call]}
        try:
            before = render(model.template, [_QUESTION], tools=[_TOOL], tokens=model.named_tokens)
            after = render(model.template, [_QUESTION, reply], tools=[_TOOL], prompt=False, tokens=model.named_tokens)
        except Unrenderable as error:
            problem = f"the chat template does not render ({error})"
            continue
        same = next((at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
        tag = after.rfind("<", 0, same)  # the two may differ inside a tag: `<think>` and `</think>`
        text = after[tag if tag > after.rfind(">", 0, same) else same :]
        if "get_weather" in text:
            return text.rstrip().removesuffix(model.named_tokens.get("eos_token", "")), ""
        problem = "the chat template does not write calls into the history"
    return None, problem


def _readers(written: str, model: Model) -> dict[str, float]:
    """Return the parsers that read a written call back exactly, each with how well its markup fits."""
    found: dict[str, float] = {}
    for row in families():
        if not _reads_back(row, written):
            continue
        part = share(row, written)
        markers = _markers(row)
        marked = any(marker in written for marker in markers)
        if markers and not marked and not all(each in model.tokens or each in model.template for each in markers):
            continue  # it only reads it as bare JSON, which may be of any family
        if is_any_familys(row):
            continue
        if not pieces(row) and _KEY.search(written):
            continue  # its own calls are Python without markers; the JSON that it also reads is another family's
        found[row.name] = round(part + len(pieces(row)) / 1000 + _spaced_so(row, written) / 10_000, 4)
    return found


def _reads_back(row: ToolRow, written: str) -> bool:
    for start in _starts(written):
        message = parse(start, row.name, row.pairs[0], [_TOOL], in_reasoning=False)
        if len(message.tool_calls) == 1 and not _said(message, row):
            call = message.tool_calls[0]
            try:
                return call.complete and call.name == "get_weather" and json.loads(call.arguments) == _ARGUMENTS
            except ValueError:
                return False
    return False


def _starts(written: str) -> Iterator[str]:
    """Yield the reply, with and without the head of the turn, which is the text before its first line break."""
    yield written
    head, line, rest = written.partition("\n")
    if line and len(head) < 80:
        yield rest


def _said(message: Message, row: ToolRow) -> str:
    """Return the content beside a call, without the tokens that end a turn."""
    content = message.content or ""
    for end in (row.turn_end, *row.turn_ends):
        content = content.replace(end, "")
    return content.strip()


def _pairs(row: ToolRow) -> list[ReasoningRow]:
    """Return the reasoning parsers of a family."""
    return [reasoning_row(name) for name in row.pairs if name not in _NO_FAMILY]


def _reasoning_of(row: ToolRow, model: Model) -> tuple[ReasoningRow | None, Evidence]:
    """Return the reasoning parser of a family for this model, by its markers and by how a prompt ends, and why."""
    shown = [each for each in _pairs(row) if _shows(each, model)]
    if not shown:
        return None, Evidence(weight=0.0, text="neither the tokens nor the chat template show reasoning")
    best = min(
        shown, key=lambda each: (_answers_shown(each, model), _strangeness(each, model), each.name != model.kind)
    )
    text = f"{best.open.strip()} is among the tokens or in the chat template: {PREFIX}{best.name}"
    return best, Evidence(weight=0.0, text=text)


def _strangeness(row: ReasoningRow, model: Model) -> tuple[bool, int]:
    """Return how badly a reasoning parser's `starts` fits the prompts of the template; the smallest fits best.

    If the template opens no reasoning, a parser that starts inside would take the answer for reasoning, while one that
    starts outside reads the opener that the model writes.
    """
    if not model.template:
        return False, 0
    usual = _prompt_ends_inside(row.think, model, {}) is True
    asked: list[dict[str, object]] = [
        {name: value} for name in ("enable_thinking", "thinking") for value in (True, False)
    ]
    ends = [(kwargs, _prompt_ends_inside(row.think, model, kwargs)) for kwargs in asked]
    wrong = sum(end is not None and end != row.starts.inside_for(kwargs) for kwargs, end in ends)
    return row.starts.inside_for({}) != usual, wrong


def _answers_shown(row: ReasoningRow, model: Model) -> int:
    """Return -1 if the model has the family's markers around answers, 1 if not, 0 if the family has none."""
    openers = [span.open for span in row.think.answers]
    if not openers:
        return 0
    return -1 if any(opener in model.tokens or opener in model.template for opener in openers) else 1


def _shows(row: ReasoningRow, model: Model) -> bool:
    if row.frame is not None:
        return True
    return any(opener in model.tokens or opener in model.template for opener in row.think.opens)


def _prompt_ends_inside(think: Think, model: Model, kwargs: Mapping[str, object]) -> bool | None:
    if not model.template:
        return None
    try:
        prompt = render(model.template, [_QUESTION], tools=[_TOOL], tokens=model.named_tokens, kwargs=kwargs)
    except Unrenderable:
        return None
    end = prompt.rstrip()
    if end.endswith(tuple(opener + think.label.rstrip() for opener in think.opens)):
        return True
    return False if end.endswith(think.closes) else None


def _our_template(row: ToolRow, reasoning: ReasoningRow | None) -> str | None:
    from .chat_templates import TEMPLATES

    named = [each for each in TEMPLATES if tool_row(each.tool_parser) is row]
    if reasoning is not None:
        named = [each for each in named if reasoning_row(each.reasoning_parser) is reasoning] or named
    return named[0].name if named else None


def _with(reason: str, problem: str) -> str:
    return f"{reason}; {problem}" if problem else reason


# --- raw output


@dataclass(frozen=True, slots=True)
class RawReading:
    """The reading of a raw reply by one parser."""

    row: ToolRow
    message: Message
    share: float
    """The share of the markup that is in the text."""
    leaks: tuple[str, ...]
    """Markers that were left in content and reasoning."""

    @property
    def said(self) -> int:
        """The number of characters of its calls' arguments."""
        return sum(len(call.arguments) for call in self.message.tool_calls)

    @property
    def whole(self) -> bool:
        """Whether it reads calls, all of them complete, and leaves no marker in the text."""
        calls = self.message.tool_calls
        return bool(calls) and all(call.complete for call in calls) and not self.leaks


def read_raw(row: ToolRow, text: str, tools: Sequence[object] | None = None) -> RawReading:
    """Return the reading of a raw reply by one parser with its usual reasoning parser."""
    think = reasoning_row(row.pairs[0]).think
    inside = starts_inside(text, think)
    message = parse(text, row.name, row.pairs[0], tools or _UNKNOWN_TOOLS, in_reasoning=inside)
    markup = text
    if message.tool_calls and share(row, text) == 1:  # text that an argument quotes is not markup
        told = explain(text, row.name, row.pairs[0], tools or _UNKNOWN_TOOLS, in_reasoning=inside)
        markup = "".join(span.text if span.kind not in _SAID else "\0" for span in told.spans)
    return RawReading(row, message, share(row, markup), left_markers(message))


def starts_inside(text: str, think: Think) -> bool:
    """Return whether a reply starts inside reasoning: it has a closer without an opener before it."""
    closes = [at for closer in think.closes if (at := text.find(closer)) >= 0]
    return bool(closes) and not any(opener in text[: min(closes)] for opener in think.opens)


def left_markers(message: Message) -> tuple[str, ...]:
    """Return the markers of any family in content and reasoning, except ordinary words and brackets."""
    said = (message.content or "") + "\0" + (message.reasoning or "")
    return tuple(sorted(marker for marker in distinctive_markers() if marker in said))


@cache
def _call_markers() -> frozenset[str]:
    """Return the markers of calls that do not also end a turn."""
    ends = {end for row in TOOL_ROWS for end in (row.turn_end, *row.turn_ends)}
    return frozenset().union(*(_markers(row) for row in families())) - ends


@cache
def distinctive_markers() -> frozenset[str]:
    return frozenset(marker for marker in known_markers() if len(marker) > 3 and not marker[0].isalpha())


def detect_raw(text: str, tools: Sequence[object] | None = None) -> Detection:
    """Return the parsers that fit a raw reply: all their markup is in it, and they read every call in it."""
    readings = [read_raw(row, text, tools) for row in families()]
    # A markup without pieces is Python without markers; JSON calls without a marker may be of any family.
    plain = _KEY.search(text.replace("'", '"')) is None and not any(marker in text for marker in _call_markers())
    whole = [
        each
        for each in readings
        if each.whole and not is_any_familys(each.row) and (each.share == 1 or (plain and not pieces(each.row)))
    ]
    candidates = [
        Candidate(
            tool_parser=PREFIX + each.row.name,
            score=round(each.share if pieces(each.row) else 0.5, 2),
            evidence=[Evidence(weight=each.share, text=f"reads {_count(len(each.message.tool_calls), 'call')} in it")],
        )
        for each in sorted(readings, key=lambda each: (-each.share, -len(pieces(each.row))))
        if each.whole
    ]
    # If one markup has all markers of another and more, it is the right one.
    meant = [each for each in whole if not any(pieces(each.row) < pieces(other.row) for other in whole)]
    # If two have the same markers, the one that reads the template's white space as part of values is wrong.
    meant = [
        each
        for each in meant
        if not any(pieces(each.row) == pieces(other.row) and each.said > other.said for other in meant)
    ]
    if len(meant) != 1:
        names = ", ".join(PREFIX + each.row.name for each in meant)
        reason = f"these read it as well as each other: {names}" if meant else "no parser reads a whole call in it"
        return Detection(reason=reason, candidates=candidates)
    row = meant[0].row
    reasoning, said = _reasoning_in(row, text)
    listed = " ".join(sorted(_markers(row))[:4]) or "its calls"
    evidence = [Evidence(weight=1.0, text=f"the whole markup is in the text: {listed}"), said]
    answer = _answer(row, reasoning, evidence, candidates[0].score, writes=None)
    return answer.model_copy(update={"candidates": candidates, "chat_template": None})


def _reasoning_in(row: ToolRow, text: str) -> tuple[ReasoningRow | None, Evidence]:
    shown = [each for each in _pairs(row) if any(marker in text for marker in (*each.think.opens, *each.think.closes))]
    if not shown:
        return None, Evidence(weight=0.0, text="no reasoning in it")
    inside = starts_inside(text, shown[0].think)
    best = next((each for each in shown if each.starts.inside == inside), shown[0])
    return best, Evidence(weight=0.0, text=f"reasoning in it: {PREFIX}{best.name}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
