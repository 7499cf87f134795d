"""An SVC whose fit was made together with others, and that has predictions at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_feature_names, _check_method_params, check_array

from . import _marshal
from ._spec import IntArray
from .svm import SVC


@dataclass(eq=False)
class Source:
    """The data of a search, as they were given to it and as arrays."""

    X: Any
    y: Any
    fit_params: dict[str, Any]
    rows: Any  # X, an array or CSR
    labels: npt.NDArray[np.int64]  # y, as indexes into the classes
    classes: npt.NDArray[Any]
    weights: npt.NDArray[np.float64] | None

    @cached_property
    def symmetric(self) -> bool:
        """Whether X can be a kernel matrix whose rows are its columns."""
        n, columns = self.rows.shape
        return n == columns and not issparse(self.rows) and np.array_equal(self.rows, self.rows.T)


def as_rows(X: Any) -> Any:
    """Check rows as SVC.fit does, and return them as an array or as CSR."""
    rows = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
    return rows if issparse(rows) else np.require(rows, requirements="A")


def bytes_of(rows: Any) -> int:
    """Return how much memory rows take."""
    parts = (rows.data, rows.indices, rows.indptr) if issparse(rows) else (rows,)
    return sum(part.nbytes for part in parts)


def _equal(a: Any, b: Any) -> bool:
    if issparse(a) != issparse(b) or a.shape != b.shape:
        return False
    return (a != b).nnz == 0 if issparse(a) else np.array_equal(a, b)


@dataclass(eq=False)
class Held:
    """What is known of one fit.

    Attributes
    ----------
    source : Source
        What it is of.
    train : ndarray of int
        The rows trained on.
    pairwise : bool
        X is a kernel matrix, of which a fit sees the columns of its training rows.
    pieces : list of ndarray of int
        The rows predicted: those held out, and perhaps those trained on.
    classes : ndarray of int
        The classes of the training rows, among all.
    predicted : ndarray of int
        The class of each row of all pieces, one after the other.
    decision : ndarray of shape (n_rows, n_pairs) or None
        Their decision values, for all pairs of all classes.
    probability : ndarray of shape (n_rows, n_classes) or None
        Their probabilities, for all classes.
    seconds : float
        How long the fit took.
    given : list of (array-like, int)
        Rows handed to scorers that do not change them, and which piece they are.
    """

    source: Source
    train: IntArray
    pairwise: bool
    pieces: list[IntArray]
    classes: npt.NDArray[np.intp]
    predicted: IntArray
    decision: npt.NDArray[np.float64] | None
    probability: npt.NDArray[np.float64] | None
    seconds: float
    given: list[tuple[Any, int]] = field(default_factory=list)

    def find(self, X: Any) -> slice | None:
        """Return where the predictions for X are, if X is one of the pieces, unmodified."""
        piece = next((k for given, k in self.given if given is X), None)
        if piece is None:
            try:
                rows = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
            except (ValueError, TypeError):
                return None  # predict will say what is wrong with it
            same = (_equal(rows, self.seen(self.source.rows, part)) for part in self.pieces)
            piece = next((k for k, found in enumerate(same) if found), None)
        if piece is None:
            return None
        first = sum(len(part) for part in self.pieces[:piece])
        return slice(first, first + len(self.pieces[piece]))

    def seen(self, X: Any, part: IntArray) -> Any:
        """Return what the fit sees of some rows of X."""
        return X[np.ix_(part, self.train)] if self.pairwise else _safe_indexing(X, part)

    def pairs(self) -> npt.NDArray[np.intp]:
        """Return which of the pairs of all classes are those of the fit."""
        i, j = np.triu_indices(len(self.source.classes), 1)
        return np.flatnonzero(np.isin(i, self.classes) & np.isin(j, self.classes))


# What `SVC.fit` learns beyond what a PlannedSVC has at once.
_LEARNED = frozenset(
    [
        "class_weight_",
        "support_",
        "support_vectors_",
        "dual_coef_",
        "intercept_",
        "fit_status_",
        "n_iter_",
        "shape_fit_",
        "_gamma",
        "_n_support",
        "_num_iter",
        "_dual_coef_",
        "_intercept_",
        "_probA",
        "_probB",
    ]
)


class PlannedSVC(SVC):
    """An SVC that remembers a fit made elsewhere, and fits itself for whatever else it is asked."""

    _held: Held | None = None
    _spend: Callable[[float], None]

    def hold(self, held: Held, spend: Callable[[float], None]) -> None:
        """Give it the fit; `spend` is told how long that took when it is asked for."""
        self._held = held
        self._spend = spend

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Take over the fit that is held."""
        held = self._held
        if held is None:  # a clone
            super().fit(X, y, sample_weight)
            return self
        self._spend(held.seconds)
        _check_feature_names(self, held.source.X, reset=True)
        self.n_features_in_ = len(held.train) if held.pairwise else held.source.rows.shape[1]
        self._sparse = issparse(held.source.rows)
        self.classes_ = held.source.classes[held.classes]
        return self

    def __getattr__(self, name: str) -> Any:
        if name not in _LEARNED or self._held is None or "classes_" not in vars(self):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}")
        self._fit_now()
        return vars(self)[name]

    def _fit_now(self) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        source = held.source
        model = SVC(**self.get_params(deep=False)).fit(
            held.seen(source.rows if held.pairwise else source.X, held.train),
            _safe_indexing(source.y, held.train),
            **_check_method_params(source.X, params=source.fit_params, indices=held.train),
        )
        self.__dict__.update(model.__dict__)

    def _pair_decisions(self, X: Any) -> _marshal.FloatArray:
        if self._held is not None and self._held.decision is not None:
            where = self._held.find(X)
            if where is not None:
                return self._held.decision[where][:, self._held.pairs()]
        self._fit_now()
        return super()._pair_decisions(X)

    def _winners(self, X: Any) -> npt.NDArray[np.intp]:
        if self._held is not None:
            where = self._held.find(X)
            if where is not None:
                return np.searchsorted(self._held.classes, self._held.predicted[where])
        self._fit_now()
        return super()._winners(X)

    @available_if(SVC._offers_probabilities)  # noqa: SLF001
    def predict_proba(self, X: Any) -> _marshal.FloatArray:
        """Predict the probability of each class."""
        if self._held is not None and self._held.probability is not None:
            where = self._held.find(X)
            if where is not None:
                return self._held.probability[where][:, self._held.classes]
        self._fit_now()
        probabilities: _marshal.FloatArray = super().predict_proba(X)
        return probabilities


# Scorers, and who prints them, see scikit-learn's name.
PlannedSVC.__name__ = PlannedSVC.__qualname__ = "SVC"
