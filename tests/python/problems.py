"""Classification problems of different character, and what is true of their solutions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_digits, load_iris, make_blobs, make_classification
from sklearn.metrics.pairwise import pairwise_kernels


class Problem(NamedTuple):
    X: np.ndarray
    y: np.ndarray
    C: float = 1.0
    kernels: tuple[str, ...] = ("rbf", "linear")


def overlapping() -> Problem:
    return Problem(*make_classification(400, 8, flip_y=0.2, random_state=1))


def separable() -> Problem:
    return Problem(*make_blobs(300, 3, centers=[[-6, 0, 0], [6, 0, 0]], random_state=2))


def duplicated_rows() -> Problem:
    X, y = make_classification(80, 5, flip_y=0.1, random_state=3)
    return Problem(np.repeat(X, 4, axis=0), np.repeat(y, 4))


def identical_rows() -> Problem:
    return Problem(np.ones((40, 3)), np.arange(40) % 2)


def constant_features() -> Problem:
    X, y = make_classification(300, 6, flip_y=0.1, random_state=4)
    return Problem(np.hstack([X, np.zeros((300, 1)), np.full((300, 1), 7.0)]), y)


def tiny_C() -> Problem:
    X, y = make_classification(500, 6, flip_y=0.1, random_state=5)
    return Problem(X, y, C=1e-5)


def huge_C() -> Problem:
    # Beyond this C the rounding of libsvm's float kernel values moves its own solution by more than is allowed here.
    X, y = make_classification(200, 4, flip_y=0.05, random_state=6)
    return Problem(X, y, C=1e3, kernels=("rbf",))


def huge_C_linear() -> Problem:
    X, y = make_classification(120, 4, flip_y=0.0, class_sep=1.5, random_state=6)
    return Problem(X, y, C=1e4, kernels=("linear",))


def two_rows() -> Problem:
    return Problem(np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([0, 1]))


def imbalanced() -> Problem:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(2002, 4))
    y = np.zeros(2002, dtype=int)
    y[[100, 1500]] = 1
    X[y == 1] += 1.5
    return Problem(X, y)


def one_feature() -> Problem:
    rng = np.random.default_rng(8)
    X = rng.normal(size=(300, 1))
    return Problem(X, (X[:, 0] + rng.normal(scale=0.4, size=300) > 0).astype(int))


def many_features() -> Problem:
    return Problem(*make_classification(150, 2000, n_informative=50, random_state=9))


def far_from_the_origin() -> Problem:
    X, y = make_classification(300, 5, flip_y=0.1, random_state=10)
    return Problem(X + 1000.0, y, kernels=("rbf",))


def three_classes() -> Problem:
    X, y = load_iris(return_X_y=True)
    return Problem(X, y)


def ten_classes() -> Problem:
    X, y = load_digits(return_X_y=True)
    return Problem(X[:600], y[:600])


PROBLEMS: list[Callable[[], Problem]] = [
    overlapping,
    separable,
    duplicated_rows,
    identical_rows,
    constant_features,
    tiny_C,
    huge_C,
    huge_C_linear,
    two_rows,
    imbalanced,
    one_feature,
    many_features,
    far_from_the_origin,
    three_classes,
    ten_classes,
]


class Pair(NamedTuple):
    """One of the binary problems inside a model: β = αy of its support vectors, positive for class i."""

    i: int
    j: int
    vectors: np.ndarray
    beta: np.ndarray
    intercept: float


def pairs(model: Any) -> Iterator[Pair]:
    """Take a fitted SVC apart, ours or scikit-learn's.

    The vectors are support_vectors_, not X[support_]: scikit-learn's support_ counts without
    the rows of weight zero.
    """
    n_support = model.n_support_
    ends = np.cumsum(n_support)
    of = [slice(end - n, end) for end, n in zip(ends, n_support, strict=True)]
    p = 0
    for i in range(len(of)):
        for j in range(i + 1, len(of)):
            beta = np.concatenate([model._dual_coef_[j - 1, of[i]], model._dual_coef_[i, of[j]]])
            vectors = np.vstack([model.support_vectors_[of[i]], model.support_vectors_[of[j]]])
            taking_part = beta != 0
            yield Pair(i, j, vectors[taking_part], beta[taking_part], model._intercept_[p])
            p += 1


def kkt_gap(model: Any, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None, p: int) -> float:
    """The violation of the optimality conditions of pair p over all rows, in float64 and from scratch.

    With F = Kβ − y, it is max F over {β above its lower bound} − min F over {β below its upper one}.
    """
    C = model.C * model.class_weight_[np.searchsorted(model.classes_, y)]
    if sample_weight is not None:
        C = C * np.maximum(sample_weight, 0.0)
    i, j = [(i, j) for i in range(len(model.classes_)) for j in range(i + 1, len(model.classes_))][p]
    rows = np.flatnonzero(np.isin(y, model.classes_[[i, j]]) & (C > 0))
    sign = np.where(y[rows] == model.classes_[i], 1.0, -1.0)
    beta = np.zeros(len(y))
    ends = np.cumsum(model.n_support_)
    for own, other in ((i, j - 1), (j, i)):
        of = slice(ends[own] - model.n_support_[own], ends[own])
        beta[model.support_[of]] = model._dual_coef_[other, of]
    beta = beta[rows]
    support = np.flatnonzero(beta)
    F = gram(model, X[rows], X[rows[support]]) @ beta[support] - sign
    lower, upper = np.minimum(sign * C[rows], 0.0), np.maximum(sign * C[rows], 0.0)
    assert (lower <= beta).all()
    assert (beta <= upper).all()
    return float(F[beta > lower].max() - F[beta < upper].min())


def gram(model: Any, A: np.ndarray, B: np.ndarray) -> np.ndarray:
    return pairwise_kernels(
        A, B, metric=model.kernel, filter_params=True, gamma=model._gamma, degree=model.degree, coef0=model.coef0
    )


def objective(model: Any, pair: Pair) -> float:
    """The dual objective ½ βᵀKβ − Σ|β|, in float64 and from scratch."""
    K = gram(model, pair.vectors, pair.vectors)
    return float(0.5 * pair.beta @ K @ pair.beta - np.abs(pair.beta).sum())
