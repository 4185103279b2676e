"""A copy of the core that counts its work: characters handled and steps taken, the same on every machine.

The source of each core module is read, its operations are wrapped, and the result is imported as `counted_parsers`.

Counted, in characters: slices, concatenations, f-strings and joins (the result's length); searches and
comparisons (what was looked at, up to what was found); string methods and functions of other packages (their text);
keys
that are
looked up in a set or dict. Counted as one step: a call of a function, a turn of a loop, an operation on a list
(`pop(0)`, `insert` and the like: the list's length).

Not counted: what a regular expression looks at beyond its match or, without one, beyond its longest possible match;
the interpreter's own work per step; reference counting and allocation.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.util
import operator
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import dynamo_parsers

NAME = "counted_parsers"
_ROOT = Path(dynamo_parsers.__file__).parent
_UNBOUNDED = 1 << 20

_work = [0]
"""Characters and steps so far."""


def _count(amount: int) -> None:
    _work[0] += amount


# --- what the wrapped operations do


def _items(iterable: Iterable[Any]) -> Iterator[Any]:
    for item in iterable:
        _work[0] += 1
        yield item


def _text_of(values: Iterable[object]) -> int:
    return sum(len(value) for value in values if isinstance(value, str))


_FREE = frozenset({"len", "isinstance", "id", "next", "iter", "map", "any", "all", "zip", "range", "super"})
"""Built-in functions that look at no text."""
_COPIES = (list, tuple, sorted, set, frozenset, dict)


def _function(called: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    _work[0] += 1
    if not _is_ours(called):
        _count(_text_of(args))
        if called in _COPIES and args and hasattr(args[0], "__len__"):
            _count(len(args[0]))
    return called(*args, **kwargs)


_BUILT_IN = frozenset().union(*map(dir, (str, list, dict, set, re.Pattern, re.Match)))
_OTHERS = frozenset({"loads", "dumps", "decode", "encode", "raw_decode"})
"""Names of methods, and of functions of modules, that may be another's than the package's own."""


def _method(owner: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    _work[0] += 1
    called = getattr(owner, name)
    kind = type(owner)
    if kind is str:
        return _text_method(owner, name, called, args)
    if kind is re.Pattern:
        return _pattern_method(owner, name, called, args)
    if kind is re.Match:
        result = called(*args)
        _count(len(result) if isinstance(result, str) else 0)
        return result
    if kind in (list, dict, set, frozenset):
        if name == "append":
            return called(*args)
        if (name == "pop" and args == (0,)) or name in (
            "insert",
            "index",
            "count",
            "remove",
            "copy",
            "sort",
            "reverse",
        ):
            _count(len(owner))
        elif name in ("extend", "update"):
            args = tuple(list(arg) for arg in args)
            _count(sum(map(len, args)))
    elif not _is_ours(called):
        _count(_text_of(args))
    return called(*args, **kwargs)


def _text_method(text: str, name: str, called: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    if name == "join":
        pieces = list(args[0])
        result = called(pieces)
        _count(len(result) + len(pieces))
        return result
    result = called(*args)
    if name in ("find", "index"):
        start, end = args[1] if len(args) > 1 else 0, min(args[2] if len(args) > 2 else len(text), len(text))
        _count(max(0, end - start) if result < 0 else result - start + len(args[0]))
    elif name in ("startswith", "endswith"):
        _count(len(args[0]) if isinstance(args[0], str) else _text_of(args[0]))
    else:
        _count(len(text) + _text_of(args))
    return result


def _pattern_method(pattern: re.Pattern[str], name: str, called: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    if name in ("search", "match", "fullmatch"):
        text, start = args[0], args[1] if len(args) > 1 else 0
        end = min(args[2] if len(args) > 2 else len(text), len(text))
        found = called(*args)
        if found is not None:
            _count(found.end() - start + 1)
        elif name == "search":
            _count(max(0, end - start))
        else:
            _count(max(0, min(end - start, _longest(pattern))))
        return found
    _count(_text_of(args))
    result = called(*args)
    return list(result) if name == "finditer" else result


_widths: dict[re.Pattern[str], int] = {}


def _longest(pattern: re.Pattern[str]) -> int:
    """Characters of the longest match that `pattern` can have."""
    if pattern not in _widths:
        parser = importlib.import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")
        _widths[pattern] = min(_UNBOUNDED, parser.parse(pattern.pattern, pattern.flags).getwidth()[1])
    return _widths[pattern]


_ours: dict[object, bool] = {}


def _is_ours(called: object) -> bool:
    """Whether a function is in the counted package, so that its own operations are counted."""
    if type(called) is MethodType:
        called = called.__func__
    if type(called) is FunctionType:
        called = called.__code__  # a closure is made anew each time
    found = _ours.get(called)
    if found is None:
        if isinstance(called, CodeType):
            found = called.co_filename.startswith(f"<{NAME}")
        else:
            found = isinstance(called, type) and called.__module__.startswith(NAME)
        if isinstance(called, CodeType | type):
            _ours[called] = found
    return found


def _binary(op: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    result = op(left, right)
    if isinstance(result, (str, list, tuple)):
        _count(len(result))
    elif isinstance(result, (set, frozenset)):
        _count(len(left) + len(right))
    return result


def _in_place(op: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    result = op(left, right)
    if isinstance(result, str):
        _count(len(result))
    elif isinstance(result, list):
        _count(len(right))
    return result


def _compare(op: Callable[[Any, Any], bool], left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        _count(len(left) if len(left) == len(right) else 1)
    return op(left, right)


def _contains(left: Any, right: Any) -> bool:
    found = left in right
    if isinstance(right, str):
        place = right.find(left)
        _count(len(right) if place < 0 else place + len(left))
    elif isinstance(right, (list, tuple)):
        _count(len(right))
    else:
        _count(len(left) if isinstance(left, str) else 1)
    return found


def _slice(owner: Any, place: Any) -> Any:
    result = owner[place]
    if isinstance(place, slice):
        _count(len(result))
    return result


def _result(text: str) -> str:
    _count(len(text))
    return text


# --- wrapping

_BINARY = {ast.Add: "add", ast.Mult: "mul", ast.Mod: "mod", ast.BitOr: "or_", ast.BitAnd: "and_", ast.Sub: "sub"}
_COMPARE = {ast.Eq: "eq", ast.NotEq: "ne"}


class _Wrap(ast.NodeTransformer):
    def _step(self, node: ast.stmt) -> ast.stmt:
        return ast.copy_location(ast.parse("_work[0] += 1").body[0], node)

    def _call(self, name: str, node: ast.expr, *args: ast.expr) -> ast.expr:
        return ast.copy_location(ast.Call(ast.Name(name, ast.Load()), list(args), []), node)

    def _operator(self, name: str) -> ast.expr:
        return ast.Attribute(ast.Name("_operator", ast.Load()), name, ast.Load())

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in _FREE:
            return node
        if isinstance(node.func, ast.Attribute):
            if node.func.attr not in _BUILT_IN | _OTHERS:
                return node  # a method of the package's own
            first: list[ast.expr] = [node.func.value, ast.Constant(node.func.attr)]
            name = "_method"
        else:
            first, name = [node.func], "_function"
        called = ast.Call(ast.Name(name, ast.Load()), [*first, *node.args], node.keywords)
        return ast.copy_location(called, node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        name = _BINARY.get(type(node.op))
        return self._call("_binary", node, self._operator(name), node.left, node.right) if name else node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        name = _BINARY.get(type(node.op))
        if name is None:
            return node
        read = ast.parse(ast.unparse(node.target), mode="eval").body
        name = {"or_": "ior", "and_": "iand"}.get(name, f"i{name}")
        value = self._call("_in_place", node.value, self._operator(name), read, node.value)
        return ast.copy_location(ast.Assign([node.target], value), node)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if len(node.ops) != 1:
            return node
        op, right = node.ops[0], node.comparators[0]
        if isinstance(op, ast.In):
            return self._call("_contains", node, node.left, right)
        if isinstance(op, ast.NotIn):
            return ast.copy_location(ast.UnaryOp(ast.Not(), self._call("_contains", node, node.left, right)), node)
        name = _COMPARE.get(type(op))
        return self._call("_compare", node, self._operator(name), node.left, right) if name else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load) or not isinstance(node.slice, ast.Slice):
            return node
        bounds = [bound or ast.Constant(None) for bound in (node.slice.lower, node.slice.upper, node.slice.step)]
        return self._call("_slice", node, node.value, self._call("slice", node, *bounds))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        self.generic_visit(node)
        return self._call("_result", node, node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.expr:
        node.value = self.visit(node.value)  # the format is no text of the reply
        return node

    def visit_For(self, node: ast.For) -> ast.stmt:
        self.generic_visit(node)
        node.iter = self._call("_items", node.iter, node.iter)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        self.generic_visit(node)
        node.iter = self._call("_items", node.iter, node.iter)
        return node

    def visit_Starred(self, node: ast.Starred) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load):
            node.value = self._call("_items", node.value, node.value)
        return node

    def visit_While(self, node: ast.While) -> ast.stmt:
        self.generic_visit(node)
        node.body.insert(0, self._step(node))
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        node.body = [self.visit(statement) for statement in node.body]
        first = node.body[0]
        has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        node.body.insert(1 if has_docstring else 0, self._step(first))
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.MatchValue:
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.match_case:
        node.body = [self.visit(statement) for statement in node.body]
        return node


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        if name != NAME and not name.startswith(f"{NAME}."):
            return None
        place = _ROOT.joinpath(*name.split(".")[1:])
        is_package = place.is_dir()
        source = place / "__init__.py" if is_package else place.with_suffix(".py")
        if not source.exists():
            return None
        spec = ModuleSpec(name, self, origin=str(source), is_package=is_package)
        if is_package:
            spec.submodule_search_locations = [str(place)]
        return spec

    def create_module(self, _spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        assert module.__spec__.origin is not None
        source = Path(module.__spec__.origin)
        tree = ast.fix_missing_locations(_Wrap().visit(ast.parse(source.read_text(encoding="utf-8"))))
        here = globals()
        for name in ("_function", "_method", "_binary", "_in_place", "_compare", "_contains", "_slice", "_result"):
            module.__dict__[name] = here[name]
        module.__dict__.update(_items=_items, _work=_work, _operator=operator)
        exec(compile(tree, f"<{module.__name__}>", "exec"), module.__dict__)


def counted() -> ModuleType:
    """The copy of `dynamo_parsers` that counts."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    return importlib.import_module(NAME)


def work_of(run: Callable[[], object]) -> int:
    """The work of `run`, which uses the counted copy."""
    before = _work[0]
    run()
    return _work[0] - before
