"""An independent judge of support vector machines, in float64 NumPy and from the definitions.

For the pair of classes i < j, with yₜ = +1 for i and −1 for j and βₜ = αₜyₜ, a model solves ::

    min over β   ½ βᵀKβ − yᵀβ      subject to   Σβ = 0,   0 ≤ βₜyₜ ≤ C

With the gradient F = Kβ − y it is optimal when max F over {β above its lower bound} is at most
min F over {β below its upper bound}; by how much it is more is the KKT gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

FloatArray = npt.NDArray[np.float64]

# Kernel values held at a time: 32 MiB.
BLOCK = 1 << 22


class Kernel(NamedTuple):
    """K(x, z) = x·z, or (γx·z)³, or exp(−γ‖x−z‖²)."""

    name: str
    gamma: float

    def sums(self, X: FloatArray, V: FloatArray, beta: FloatArray) -> FloatArray:
        """Return Σ βᵥ K(x, v) for every row x of X."""
        if self.name == "linear":
            return X @ (V.T @ beta)
        if self.name == "poly":
            out = np.empty(len(X))
            for rows in _blocks(len(X), max(1, len(V))):
                out[rows] = (self.gamma * X[rows] @ V.T) ** 3 @ beta
            return out
        if self.name != "rbf":
            raise ValueError(f"no kernel {self.name!r} here")
        if sparse.issparse(X):
            return self._sparse_sums(X, V, beta)
        out = np.empty(len(X))
        centre = V.mean(axis=0)  # near zero, the norms and products below cancel less
        V = V - centre
        norms = (V * V).sum(axis=1)
        for rows in _blocks(len(X), max(1, len(V))):
            x = X[rows] - centre
            squares = x @ (-2.0 * V.T)
            squares += (x * x).sum(axis=1)[:, None]
            squares += norms
            np.maximum(squares, 0.0, out=squares)
            squares *= -self.gamma
            out[rows] = np.exp(squares, out=squares) @ beta
        return out

    def _sparse_sums(self, X: Any, V: Any, beta: FloatArray) -> FloatArray:
        out = np.empty(X.shape[0])
        norms, of_x = V.multiply(V).sum(axis=1).A1, X.multiply(X).sum(axis=1).A1
        for rows in _blocks(X.shape[0], max(1, V.shape[0])):
            squares = (-2.0 * (X[rows] @ V.T)).toarray() + of_x[rows, None] + norms
            out[rows] = np.exp(-self.gamma * np.maximum(squares, 0.0)) @ beta
        return out


class Solution(NamedTuple):
    """A fitted SVC: scikit-learn's attributes without the underscore, and the resolved gamma."""

    support: npt.NDArray[np.int64]
    dual_coef: FloatArray
    intercept: FloatArray
    gamma: float

    def pair(self, labels: npt.NDArray[np.int64], i: int, j: int, number: int) -> tuple[Any, FloatArray, float]:
        """Return the rows, β and intercept of a pair of classes; positive decisions mean class i."""
        classes = labels[self.support]
        if len(self.intercept) == 1:
            # scikit-learn turns the signs of a single pair.
            return self.support, -self.dual_coef[0], -self.intercept[0]
        of_i, of_j = classes == i, classes == j
        rows = np.concatenate([self.support[of_i], self.support[of_j]])
        beta = np.concatenate([self.dual_coef[j - 1, of_i], self.dual_coef[i, of_j]])
        return rows, beta, self.intercept[number]


@dataclass(frozen=True)
class Report:
    """What was found; of several pairs, the worst gap and the sums of the rest."""

    gap: float  # KKT gap
    objective: float  # ½ βᵀKβ − yᵀβ
    norm1: float  # Σ|β|
    imbalance: float  # |Σβ|
    outside: float  # how far β lies outside its box
    intercept_off: float  # how far −intercept lies outside [min F, max F] of the condition above
    support: int  # the number of β that are not zero

    def as_dict(self) -> dict[str, float]:
        """Return the fields by name."""
        return asdict(self)


def report(X: npt.NDArray[Any], y: npt.NDArray[Any], solution: Solution, kernel: str, C: float) -> Report:
    """Judge a model on the data it was fitted to."""
    classes, labels = np.unique(y, return_inverse=True)
    X = X.astype(np.float64, copy=False)
    pairs = []
    for number, (i, j) in enumerate(combinations(range(len(classes)), 2)):
        rows, beta, intercept = solution.pair(labels, i, j, number)
        members = np.flatnonzero((labels == i) | (labels == j))
        signs = np.where(labels[members] == i, 1.0, -1.0)
        betas = np.zeros(len(y))
        betas[rows] = beta
        pairs.append(_pair(X[members], signs, betas[members], intercept, Kernel(kernel, solution.gamma), C))
    return Report(
        gap=max(p.gap for p in pairs),
        objective=sum(p.objective for p in pairs),
        norm1=sum(p.norm1 for p in pairs),
        imbalance=max(p.imbalance for p in pairs),
        outside=max(p.outside for p in pairs),
        intercept_off=max(p.intercept_off for p in pairs),
        support=len(solution.support),
    )


def _pair(X: FloatArray, y: FloatArray, beta: FloatArray, intercept: float, kernel: Kernel, C: float) -> Report:
    used = beta != 0
    gradient = kernel.sums(X, X[used], beta[used]) - y
    lower, upper = np.where(y > 0, 0.0, -C), np.where(y > 0, C, 0.0)
    min_up = gradient[beta < upper].min(initial=np.inf)
    max_low = gradient[beta > lower].max(initial=-np.inf)
    least, most = min(min_up, max_low), max(min_up, max_low)
    return Report(
        gap=float(max_low - min_up),
        objective=float(0.5 * beta @ (gradient - y)),
        norm1=float(np.abs(beta).sum()),
        imbalance=float(abs(beta.sum())),
        outside=float(np.maximum(lower - beta, beta - upper).max()),
        intercept_off=float(max(0.0, least + intercept, -intercept - most)),
        support=int(used.sum()),
    )


def wrong_predictions(
    X: npt.NDArray[Any], y: npt.NDArray[Any], solution: Solution, kernel: str, predicted: npt.NDArray[Any]
) -> int:
    """Count the predictions on the training data that the model's own decision values contradict.

    Rows with a value within 1e-4 of zero may go either way.
    """
    classes, labels = np.unique(y, return_inverse=True)
    X = X.astype(np.float64, copy=False)
    votes = np.zeros((X.shape[0], len(classes)), dtype=int)
    sure = np.ones(X.shape[0], dtype=bool)
    for number, (i, j) in enumerate(combinations(range(len(classes)), 2)):
        rows, beta, intercept = solution.pair(labels, i, j, number)
        decision = Kernel(kernel, solution.gamma).sums(X, X[rows], beta) + intercept
        votes[:, i] += decision > 0
        votes[:, j] += decision <= 0
        sure &= np.abs(decision) > 1e-4
    return int((sure & (classes[votes.argmax(axis=1)] != predicted)).sum())


def _blocks(n: int, width: int) -> Iterator[slice]:
    step = max(1, BLOCK // width)
    for first in range(0, n, step):
        yield slice(first, first + step)
