"""What estimators do with collections of dask: the work goes where the blocks are. Nothing here imports dask."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

__all__ = ["is_dask", "on_blocks", "warn"]

Method = TypeVar("Method", bound=Callable[..., Any])


def is_dask(X: Any) -> bool:
    """Return whether X is a collection of dask's own."""
    return type(X).__module__.partition(".")[0] in ("dask", "dask_expr") and hasattr(type(X), "__dask_graph__")


def on_blocks(method: Method) -> Method:
    """Let a method that takes rows be called on the blocks of a dask collection, lazily."""

    @wraps(method)
    def call(self: Any, X: Any) -> Any:
        if is_dask(X):
            from .distributed import apply

            return apply(self, method.__name__, X)
        return method(self, X)

    return call  # type: ignore[return-value]


def warn(message: str, category: type[Warning]) -> None:
    """Warn as from the line that called into this package."""
    frame, level = sys._getframe(1), 2  # noqa: SLF001 -- as warnings does
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("dask_go", "sklearn"):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
