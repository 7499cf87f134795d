"""Pipelines that end in an SVC: taken apart for a search, and put together again around what is known."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import joblib
import numpy as np
from scipy.sparse import issparse, vstack
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_array

from ._planned import Held, PlannedSVC
from ._spec import IntArray


@dataclass(frozen=True, eq=False)
class Fitted:
    """The steps before the SVC, fitted on one split."""

    steps: list[Any]
    seconds: float  # for each fit that shares them

    def shared_by(self, fits: int) -> Fitted:
        """Return it with its time shared among so many fits."""
        return replace(self, seconds=self.seconds / fits)


@dataclass(frozen=True, eq=False)
class Apart:
    """An estimator taken apart.

    Attributes
    ----------
    steps : list of Pipeline
        What comes before the SVC: each pipeline, from the outermost one on, without its last step.
    svc : estimator
        The last step, which may be anything.
    prefix : str
        Before the names of its parameters.
    key : object
        Equal for estimators whose steps before the SVC are.
    obstacle : str
        Why the pipeline cannot be planned, or nothing.
    """

    steps: list[Pipeline]
    svc: Any
    prefix: str
    key: Any
    obstacle: str

    def transform(self, X: Any, y: Any, train: IntArray, test: IntArray) -> tuple[Fitted, Any]:
        """Fit the steps on a split; return them, and its training and test rows as the SVC would see them.

        If it would see something other than an array or a sparse matrix, what that is.
        """
        start = time.perf_counter()
        rows, held_out, labels = _safe_indexing(X, train), _safe_indexing(X, test), _safe_indexing(y, train)
        fitted = []
        for part in map(clone, self.steps):
            rows = part.fit_transform(rows, labels)
            held_out = part.transform(held_out)
            fitted.append(part)
        steps = Fitted(fitted, time.perf_counter() - start)
        sparse = issparse(rows)
        if not all(issparse(block) if sparse else isinstance(block, np.ndarray) for block in (rows, held_out)):
            return steps, f"the steps before the SVC give {type(rows).__name__}"
        blocks = [
            check_array(block, accept_sparse="csr", dtype=[np.float64, np.float32], ensure_min_samples=0)
            for block in (rows, held_out)
        ]
        return steps, vstack(blocks, format="csr") if sparse else np.concatenate(blocks)


def take_apart(estimator: Any) -> Apart:
    """Take a pipeline apart; any other estimator has no steps before it."""
    steps: list[Pipeline] = []
    prefix = obstacle = ""
    while type(estimator) is Pipeline and estimator.steps:
        if estimator.verbose:
            obstacle = "the pipeline is verbose"
        if getattr(estimator, "transform_input", None) is not None:
            obstacle = "the pipeline has transform_input"
        if len(estimator.steps) == 1:
            obstacle = "the pipeline has a single step"
        else:
            steps.append(Pipeline(estimator.steps[:-1], memory=estimator.memory))
        prefix += estimator.steps[-1][0] + "__"
        estimator = estimator.steps[-1][1]
    key: Any = None
    if steps:
        try:
            key = joblib.hash(steps)
        except Exception:  # noqa: BLE001 -- a step that cannot be pickled: it is shared with no other candidate
            key = id(steps)
    return Apart(steps, estimator, prefix, key, obstacle)


class PlannedPipeline(Pipeline):
    """A pipeline that remembers fits made elsewhere, like PlannedSVC."""

    _planned: tuple[Held, Fitted, Callable[[float], None]] | None = None

    def hold(self, held: Held, fitted: Fitted, spend: Callable[[float], None]) -> None:
        """Give it the fit of its SVC and of the steps before; `spend` is told how long that took."""
        self._planned = held, fitted, spend

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Take over the fits that are held."""
        if self._planned is None:  # a clone
            super().fit(X, y, **params)
            return self
        held, fitted, spend = self._planned
        spend(fitted.seconds)
        self.steps = _assembled(self, list(fitted.steps), held, spend)
        return self


def _assembled(pipeline: Pipeline, fitted: list[Pipeline], held: Held, spend: Callable[[float], None]) -> list[Any]:
    """Return the steps of a pipeline as they are when it is fitted."""
    steps = list(fitted.pop(0).steps) if len(pipeline.steps) > 1 else []
    name, last = pipeline.steps[-1]
    if type(last) is Pipeline:
        inner = Pipeline(_assembled(last, fitted, held, spend), memory=last.memory)
        return [*steps, (name, inner)]
    svc = PlannedSVC(**last.get_params(deep=False))
    svc.hold(held, spend)
    return [*steps, (name, svc.fit(None))]


# Scorers, and who prints them, see scikit-learn's name.
PlannedPipeline.__name__ = PlannedPipeline.__qualname__ = "Pipeline"
