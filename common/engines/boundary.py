"""The boundary between an engine's code and ours: an exception in our code does not fail the request.

- A method that an engine calls is decorated with `guarded`. If it raises, its fallback answers: the reply goes on as
  content.
- One warning per object (an adapter's objects live for one request) names the parser, the method and the type of the
  error. The text of a reply is logged only at debug level.
- An error that is meant for the client (HTTP 400) is listed in `passes` and goes through.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from ..guarded import DEFECT, tell_watchers

Method = TypeVar("Method", bound=Callable[..., Any])

logger = logging.getLogger("dynamo_parsers")

_REPORTED = "_dynamo_parsers_defect"


def guarded(otherwise: Callable[..., Any], passes: tuple[type[Exception], ...] = ()) -> Callable[[Method], Method]:
    """Decorate a method that an engine calls.

    Args:
        otherwise: gives the answer if the method raises; it is called with the same arguments, by position if possible.
        passes: types of errors that are meant for the client.

    Returns:
        A decorator. The decorated method has the original as its attribute `inner`, which tests replace.
    """

    def decorate(method: Method) -> Method:
        signature = inspect.signature(method)

        @wraps(method)
        def safe(self: object, *args: Any, **kwargs: Any) -> Any:
            try:
                return safe.inner(self, *args, **kwargs)  # type: ignore[attr-defined]
            except passes:
                raise
            except Exception as error:
                report(self, method.__name__, error)
                asked = _bound(signature, (self, *args), kwargs)
                return otherwise(*asked.args, **asked.kwargs)

        safe.inner = method  # type: ignore[attr-defined]
        return cast(Method, safe)

    return decorate


def _bound(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> inspect.BoundArguments:
    """Bind the arguments of a call; if they do not fit the method, bind only those that it takes."""
    try:
        return signature.bind(*args, **kwargs)
    except TypeError:
        known = list(signature.parameters)
        taken = {name: value for name, value in kwargs.items() if name in known[len(args) :]}
        return signature.bind_partial(*args[: len(known)], **taken)


def report(where: object, method: str, error: Exception) -> None:
    """Log that a method of ours raised, once for the object `where`, whose attribute `label` names the parser."""
    label = getattr(where, "label", None) or type(where).__name__
    if not getattr(where, _REPORTED, False):
        try:
            setattr(where, _REPORTED, True)
        except AttributeError:  # with slots the warning is logged each time
            logger.debug("%s takes no attribute", type(where).__name__)
        tell_watchers(label, DEFECT)
        logger.warning("%s: a defect in %s (%s); the reply goes on without it", label, method, type(error).__name__)
    logger.debug("the defect", exc_info=error)
