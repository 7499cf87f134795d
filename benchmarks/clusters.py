"""The judge of clusterings, in float64."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# Rows whose distances from all centres are in memory at a time, in numbers.
BLOCK = 1 << 24


@dataclass(frozen=True)
class Report:
    """What a clustering is worth."""

    objective: float  # the sum of squared distances of rows from the centres of their labels
    wrong: int  # rows that are nearer to another centre, by more than rounding
    inertia_off: float  # the inertia that was reported, against objective
    iterations: int

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for the results file."""
        return asdict(self)


def report(
    X: npt.NDArray[Any],
    centers: npt.NDArray[Any],
    labels: npt.NDArray[np.integer[Any]],
    inertia: float,
    iterations: int,
) -> Report:
    """Judge a clustering of the rows of X."""
    # Labels of float32 data may come from float32 distances.
    slack = 1e-9 if X.dtype == np.float64 else 1e-4
    mean = X.mean(axis=0, dtype=np.float64)
    c = centers.astype(np.float64) - mean
    norms = (c * c).sum(axis=1)
    objective, wrong = 0.0, 0
    rows = max(1, BLOCK // (len(c) + X.shape[1]))
    for first in range(0, len(X), rows):
        x = X[first : first + rows] - mean
        difference = x - c[labels[first : first + rows]]
        own = np.einsum("ij,ij->i", difference, difference)
        squares = np.einsum("ij,ij->i", x, x)
        least = squares + (norms - 2.0 * (x @ c.T)).min(axis=1)
        wrong += int((own > least * (1 + slack) + slack * squares).sum())
        objective += float(own.sum())
    off = abs(inertia - objective) / objective if objective else float(inertia != 0)
    return Report(objective, wrong, off, int(iterations))


def nearest(X: npt.NDArray[Any], centers: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return the index of the centre nearest to each row."""
    c = centers.astype(np.float64)
    norms = (c * c).sum(axis=1)
    step = max(1, BLOCK // (len(c) + X.shape[1]))
    return np.concatenate(
        [(norms - 2.0 * (X[first : first + step] @ c.T)).argmin(axis=1) for first in range(0, len(X), step)]
    )
