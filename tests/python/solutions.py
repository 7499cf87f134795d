"""What a fitted SVC says of each pair of classes, and what is true of it, in float64 and from scratch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from sklearn.metrics.pairwise import pairwise_kernels

from dask_go.svm import SVC


class Pair(NamedTuple):
    """One of the binary problems inside a model, over all rows: β = αy, positive for class i, and F = Kβ − y."""

    i: int
    j: int
    beta: np.ndarray
    size: float  # Σ|β|
    objective: float  # ½ βᵀKβ − Σ|β|
    gap: float  # max F over {β above its lower bound} − min F over {β below its upper one}
    decision: np.ndarray  # Kβ + intercept
    ties: int  # rows at a bound to which another multiplier is as good


def pairs(
    model: Any, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None, K: np.ndarray | None = None
) -> list[Pair]:
    """Take a model apart, ours or scikit-learn's; K is the kernel matrix of X, and computed unless it is given."""
    weight = np.ones(len(y)) if sample_weight is None else np.maximum(sample_weight, 0.0)
    bound = model.C * weight * model.class_weight_[np.searchsorted(model.classes_, y)]
    support = support_of(model, sample_weight)
    coef = model._dual_coef_
    coef = coef.toarray() if scipy.sparse.issparse(coef) else coef
    ends = np.cumsum(model.n_support_)
    of = [slice(end - n, end) for end, n in zip(ends, model.n_support_, strict=True)]
    found = []
    for i in range(len(of)):
        for j in range(i + 1, len(of)):
            beta = np.zeros(len(y))
            beta[support[of[i]]] = coef[j - 1, of[i]]
            beta[support[of[j]]] = coef[i, of[j]]
            rows = np.flatnonzero(beta)
            Kb = (gram(model, X, X[rows]) if K is None else K[:, rows]) @ beta[rows]
            intercept = model._intercept_[len(found)]
            found.append(Pair(i, j, beta, *_judge(model.classes_[[i, j]], y, bound, beta, Kb, intercept)))
    return found


def _judge(
    classes: np.ndarray, y: np.ndarray, bound: np.ndarray, beta: np.ndarray, Kb: np.ndarray, intercept: float
) -> tuple[float, float, float, np.ndarray, int]:
    taking_part = np.isin(y, classes) & (bound > 0)
    sign = np.where(y == classes[0], 1.0, -1.0)
    lower, upper = (taking_part * edge for edge in (np.minimum(sign * bound, 0.0), np.maximum(sign * bound, 0.0)))
    assert (lower <= beta).all()
    assert (beta <= upper).all()
    F, size = Kb - sign, float(np.abs(beta).sum())
    assert abs(beta.sum()) <= 1e-9 * size
    gap = float(F[beta > lower].max() - F[beta < upper].min())
    ties = np.sum(taking_part & ((beta == lower) | (beta == upper)) & (np.abs(F + intercept) < 1e-6))
    return size, float(0.5 * beta @ Kb) - size, gap, Kb + intercept, int(ties)


def support_of(model: Any, sample_weight: np.ndarray | None) -> np.ndarray:
    """Return the rows that are support vectors; scikit-learn counts without the rows of weight zero."""
    if isinstance(model, SVC) or sample_weight is None:
        return np.asarray(model.support_)
    return np.flatnonzero(sample_weight > 0)[model.support_]


def gram(model: Any, A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return the kernel values of rows with rows."""
    return pairwise_kernels(
        A, B, metric=model.kernel, filter_params=True, gamma=model._gamma, degree=model.degree, coef0=model.coef0
    )


def convex(K: np.ndarray) -> bool:
    """Whether a kernel matrix has no negative eigenvalues, up to rounding."""
    return bool(np.linalg.eigvalsh(K)[0] >= -1e-9 * np.abs(K).max() * len(K))
