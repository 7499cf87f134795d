"""What the tasks of a dask graph run on one block of rows, where the block is.

Nothing here imports dask. What goes in and out besides blocks is small: centres, sums, a few rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from . import _marshal
from .cluster import _dense, _in_rows

# The fits of this process that were interrupted, whose tasks are to end.
interrupted: set[str] = set()


class Where(NamedTuple):
    """What a task has to know of its block."""

    fit: str  # the fit it belongs to
    block: int  # its number
    dtype: np.dtype[Any]  # to work in: float32 or float64
    n_features: int

    def tick(self) -> None:
        """Raise if nobody waits for the task any more."""
        if self.fit in interrupted:
            raise InterruptedError("the fit that this task belongs to was interrupted")

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Add to an error which block it is about."""
        try:
            yield
        except ValueError as error:
            error.add_note(f"This is about block {self.block} of X, whose rows are counted from its first one.")
            raise


def _rows(where: Where, block: Any, weights: Any) -> tuple[Any, _marshal.Array | None]:
    """Return the rows of a block, an array or CSR of the right type, and their weights."""
    shape = np.shape(block)
    if len(shape) != 2 or shape[1] != where.n_features:
        raise ValueError(
            f"X: block {where.block} has shape {shape}, and must have two dimensions and {where.n_features} columns"
        )
    w = None if weights is None else np.asarray(weights, where.dtype)
    if sparse.issparse(block):
        return block.tocsr().astype(where.dtype, copy=False), w
    return _in_rows(np.asarray(block, where.dtype)), w


# ---- a first look --------------------------------------------------------------------------


class Survey(NamedTuple):
    """What a first look at some rows told."""

    rows: int
    mean: _marshal.FloatArray
    variance: float  # the mean of the columns' variances


def survey(block: Any, weights: Any, *, where: Where) -> Survey:
    """Look at a block: its length, its mean, whether all is finite."""
    with where.explained():
        rows, _ = _rows(where, block, weights)
        if rows.shape[0] == 0:
            return Survey(0, np.zeros(where.n_features), 0.0)
        return Survey(rows.shape[0], *_marshal.kmeans_survey(rows, tick=where.tick))


def merge_surveys(parts: Sequence[Survey]) -> Survey:
    """Return what looks at several blocks say of them together."""
    rows = sum(part.rows for part in parts)
    if rows == 0:
        return parts[0]
    mean = sum((part.mean * (part.rows / rows) for part in parts), np.zeros_like(parts[0].mean))
    # The variance within the blocks, and that between their means.
    variance = sum((part.variance + np.mean((part.mean - mean) ** 2)) * (part.rows / rows) for part in parts)
    return Survey(rows, mean, float(variance))


def weigh(weights: Any, *, rows: int, where: Where) -> float:
    """Return the sum of the weights of a block."""
    w = np.asarray(weights, where.dtype)
    if w.shape != (rows,):
        raise ValueError(f"sample_weight: block {where.block} has shape {w.shape}, and that of X has {rows} rows")
    if not (np.isfinite(w).all() and (w >= 0).all()):
        raise ValueError(f"sample_weight: block {where.block} has weights that are negative, NaN or infinite")
    return float(w.sum(dtype=np.float64))


def take(block: Any, index: npt.NDArray[np.int64], dtype: np.dtype[Any]) -> _marshal.Array:
    """Return some rows of a block."""
    rows = block.tocsr() if sparse.issparse(block) else np.asarray(block)
    return np.asarray(_dense(rows[index]), dtype)


def load(block: Any, weights: Any, *, where: Where) -> tuple[Any, _marshal.Array | None]:
    """Return all rows of a block, an array or CSR, and their weights."""
    return _rows(where, block, weights)


def stack(blocks: Sequence[Any]) -> Any:
    """Return the rows of several blocks together."""
    return sparse.vstack(blocks, "csr") if any(map(sparse.issparse, blocks)) else np.concatenate(blocks)


def row_at(weights: Any, *, mass: float, dtype: np.dtype[Any]) -> int:
    """Return the row of a block at which the weights add up to more than mass."""
    ends = np.cumsum(np.asarray(weights, dtype), dtype=np.float64)
    return min(int(np.searchsorted(ends, mass, side="right")), int(np.flatnonzero(weights)[-1]))


Sample: TypeAlias = tuple[_marshal.FloatArray, npt.NDArray[np.int64]]


def sample(weights: Any, *, n: int, key: float, first_row: int, dtype: np.dtype[Any]) -> Sample:
    """Draw rows of a block without replacement, in proportion to their weights (Efraimidis, Spirakis 2006)."""
    w = np.asarray(weights, dtype).astype(np.float64)
    rows = np.flatnonzero(w > 0)
    times = -np.log1p(-_marshal.kmeans_draws(key, 0, first_row, len(w))[rows]) / w[rows]
    return merge_samples([(times, first_row + rows)], n=n)


def merge_samples(parts: Sequence[Sample], *, n: int) -> Sample:
    """Return the rows that were drawn first."""
    times, rows = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(times, kind="stable")[:n]
    return times[order], rows[order]


# ---- Lloyd's steps -------------------------------------------------------------------------


def assign(block: Any, weights: Any, centers: _marshal.FloatArray, *, where: Where) -> _marshal.BlockPart:
    """Return what a block contributes to a step."""
    with where.explained():
        rows, w = _rows(where, block, weights)
        return _marshal.kmeans_block(rows, w, centers, tick=where.tick)


def add_parts(parts: Sequence[_marshal.BlockPart]) -> _marshal.BlockPart:
    """Add what several blocks contribute, in order."""
    first, *others = parts
    sums, mass, counts, inertia = first.sums.copy(), first.mass.copy(), first.counts.copy(), first.inertia
    for part in others:
        sums += part.sums
        mass += part.mass
        counts += part.counts
        inertia += part.inertia
    return _marshal.BlockPart(sums, mass, counts, inertia)


class Far(NamedTuple):
    """Rows that are far from their centres, the farthest first."""

    distances: _marshal.FloatArray  # squared
    blocks: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]  # in their blocks
    labels: _marshal.IntArray
    rows: _marshal.Array
    weights: _marshal.FloatArray


def farthest(block: Any, weights: Any, centers: _marshal.FloatArray, *, n: int, where: Where) -> Far:
    """Return the rows of a block that are farthest from the nearest centre."""
    rows, w = _rows(where, block, weights)
    m = min(n, rows.shape[0])
    index, distances, labels = _marshal.kmeans_farthest(rows, centers, m, tick=where.tick)
    mass = np.ones(m) if w is None else w[index].astype(np.float64)
    return Far(distances, np.full(m, where.block), index, labels, _dense(rows[index]), mass)


def merge_far(parts: Sequence[Far], *, n: int) -> Far:
    """Return the farthest rows of all; of equals the first."""
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    whole = Far(*columns)
    order = np.lexsort((whole.at, whole.blocks, -whole.distances))[:n]
    return Far(*(column[order] for column in columns))


# ---- k-means|| -----------------------------------------------------------------------------


class Met(NamedTuple):
    """What the rows of a block know of the candidates, and which may become candidates."""

    closest: _marshal.FloatArray  # squared distances
    nearest: _marshal.IntArray
    maybe: Maybe


class Maybe(NamedTuple):
    """Rows of a block that become candidates where draws < share · costs."""

    cost: float  # of all rows of the block
    expected: float  # the share times this cost that the rows were found for
    at: npt.NDArray[np.int64]
    draws: _marshal.FloatArray
    costs: _marshal.FloatArray
    rows: _marshal.Array


class Draw(NamedTuple):
    """What decides which rows a block draws."""

    key: float
    round: int
    first_row: int
    expected: float


def meet(
    block: Any, weights: Any, before: Met | None, fresh: _marshal.FloatArray, *, base: int, draw: Draw, where: Where
) -> Met:
    """Let the rows of a block meet candidates."""
    n = np.shape(block)[0]
    closest = np.empty(n) if before is None else before.closest.copy()
    nearest = np.empty(n, np.int32) if before is None else before.nearest.copy()
    with where.explained():
        return Met(closest, nearest, _round(block, weights, closest, nearest, fresh, base, draw, where))


def draw_again(block: Any, weights: Any, met: Met, *, draw: Draw, where: Where) -> Maybe:
    """Find the rows that may become candidates for another expectation."""
    return _round(block, weights, met.closest.copy(), met.nearest.copy(), None, 0, draw, where)


def _round(
    block: Any,
    weights: Any,
    closest: _marshal.FloatArray,
    nearest: _marshal.IntArray,
    fresh: _marshal.FloatArray | None,
    base: int,
    draw: Draw,
    where: Where,
) -> Maybe:
    """Take a round on a block."""
    rows, w = _rows(where, block, weights)
    candidates, room = fresh, int(2 * draw.expected) + 64
    while True:
        drawn = _marshal.kmeans_round(
            rows,
            w,
            candidates,
            base if candidates is not None else 1,
            closest,
            nearest,
            key=draw.key,
            round_=draw.round,
            first_row=draw.first_row,
            expected=draw.expected,
            room=room,
            tick=where.tick,
        )
        if drawn.found <= room:
            return Maybe(drawn.cost, draw.expected, drawn.rows, drawn.draws, drawn.costs, _dense(rows[drawn.rows]))
        candidates, room = None, drawn.found  # the rows have met them


def maybe_of(met: Met) -> Maybe:
    """Return what is small of a block's state."""
    return met.maybe


def attracted(met: Met, weights: Any, *, n: int, dtype: np.dtype[Any]) -> _marshal.FloatArray:
    """Return the weights of the rows that each candidate is nearest to, added up."""
    w = None if weights is None else np.asarray(weights, dtype).astype(np.float64)
    return np.bincount(met.nearest, w, n).astype(np.float64)


def added(parts: Sequence[_marshal.FloatArray]) -> _marshal.FloatArray:
    """Add arrays, in order."""
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


# ---- any fitted estimator ------------------------------------------------------------------


def apply(block: Any, estimator: Any, *, method: str, empty: _marshal.Array) -> Any:
    """Return what a method of an estimator makes of the rows of a block; `empty` of none."""
    if np.shape(block)[0] == 0:
        return empty
    result = getattr(estimator, method)(block)
    return result if sparse.issparse(result) else np.asarray(result)
