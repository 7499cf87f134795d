"""k-means on dask arrays and dataframes: the steps of `KMeans.fit` over blocks of rows.

A task works on one block, where it is; what comes back are sums of k × d numbers, merged in a
tree. Parts are added in the order of the blocks, and draws belong to rows, so that a result
does not depend on how many workers there are, nor on how rows are cut into blocks but for
the rounding of sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.random import sample_without_replacement
from sklearn.utils.validation import _check_feature_names, _is_arraylike_not_scalar

from . import _dask_blocks, _marshal
from ._dask_rows import Rows, as_array, cut, is_frame_in_memory, names_of
from ._dask_workers import check_workers, explained
from ._dispatch import warn
from .cluster import _dense, _n_draws

__all__ = ["fit", "score"]

# The blocks of a round look for rows that become candidates before it is known how many they are to
# find: so many times what their part of the cost lets expect, and what chance adds.
_SLACK = 3


class Run(NamedTuple):
    """What one run of Lloyd's algorithm came to."""

    centers: _marshal.Array
    inertia: float
    n_iter: int
    n_distinct: int


def fit(estimator: Any, X: Any, sample_weight: Any, n_init: int) -> tuple[da.Array, Run]:
    """Run a `KMeans` on a dask collection; return that as an array of whole rows, and the best run."""
    _check_feature_names(estimator, names_of(X), reset=True)
    array = as_array(X)
    check_workers()
    blocks = Blocks(array, is_frame_in_memory(X))
    try:
        with explained():
            blocks.survey(estimator.n_clusters)
            if sample_weight is not None:
                blocks.weigh(sample_weight)
            runs = [_lloyd(estimator, blocks, centers) for centers in _starts(estimator, blocks, X, n_init)]
    except BaseException:
        _dask_blocks.interrupted.add(blocks.token)
        raise
    best = min(runs, key=lambda run: run.inertia)  # the first of equals
    if best.n_distinct < estimator.n_clusters:
        warn(
            f"Number of distinct clusters ({best.n_distinct}) found smaller than n_clusters "
            f"({estimator.n_clusters}). Possibly due to duplicate points in X.",
            ConvergenceWarning,
        )
    return array, best._replace(centers=best.centers.astype(blocks.dtype))


def score(estimator: Any, X: Any, sample_weight: Any) -> float:
    """Return the negative of the inertia that the rows of a dask collection have."""
    _check_feature_names(estimator, names_of(X), reset=False)
    array = as_array(X)
    if array.shape[1] != estimator.n_features_in_:
        raise ValueError(
            f"X has {array.shape[1]} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input"
        )
    check_workers()
    with explained():
        blocks = Blocks(array, True)
        if sample_weight is not None:
            blocks.survey(1)
            blocks.weigh(sample_weight)
        return -blocks.assign(estimator.cluster_centers_.astype(np.float64)).inertia


# ---- where centres start ------------------------------------------------------------------


def _starts(estimator: Any, blocks: Blocks, X: Any, n_init: int) -> Any:
    """Yield the centres that runs start from."""
    k, init, random_state = estimator.n_clusters, estimator.init, check_random_state(estimator.random_state)
    if _is_arraylike_not_scalar(init):
        yield blocks.check_centers(init.compute() if hasattr(init, "compute") else init, k)
    elif callable(init):
        for _ in range(n_init):
            yield blocks.check_centers(init(X, k, random_state=random_state), k)
    elif init == "random":
        for _ in range(n_init):
            yield blocks.take(blocks.sample(k, random_state))
    elif init == "k-means++":
        rows, weights = blocks.load()
        for draws in _draws(estimator, random_state, n_init, 0):
            yield _dense(rows[_marshal.kmeans_plusplus(rows, weights, draws, k)])
    else:
        for draws in _draws(estimator, random_state, n_init, 1):
            yield _scalable(estimator, blocks, draws)


def _draws(estimator: Any, random_state: np.random.RandomState, n_init: int, more: int) -> _marshal.FloatArray:
    """Return what each run draws, from the same numbers as for an array in memory."""
    each = more + _n_draws(estimator.n_clusters, None)
    draws: _marshal.FloatArray = random_state.random_sample(n_init * each).reshape(n_init, each)
    return draws


def _scalable(estimator: Any, blocks: Blocks, draws: _marshal.FloatArray) -> _marshal.Array:
    """Return centres by k-means||. See core/kmeans/scalable.go, whose steps these are."""
    k, key = estimator.n_clusters, float(draws[0])
    expected = estimator.oversampling_factor * k
    fresh = blocks.take(blocks.first(key))
    candidates, limit, round_ = fresh, estimator.init_max_iter, 0
    parts = blocks.cost_before(fresh[0])
    states: list[Any] = []
    while True:
        if len(fresh):
            base = len(candidates) - len(fresh)
            states, maybe = blocks.meet(states, fresh, base, key, round_ + 1, expected, parts)
            parts = np.array([one.cost for one in maybe])
            cost = sum(parts.tolist())
        if round_ == 0 and limit is None:
            limit = int(min(max(np.floor(np.log(cost) + 0.5), 2), 5)) if cost > 0 else 0
        if round_ >= limit:
            expected = max(expected, k)
        if not (0 < cost < np.inf and (round_ < limit or len(candidates) < k)):
            break
        round_ += 1
        fresh = blocks.pick(states, maybe, key, round_, expected, cost)
        candidates = np.concatenate([candidates, fresh])
    weights = blocks.attracted(states, len(candidates))
    if len(candidates) <= k:
        start: _marshal.Array = candidates[np.arange(k) % len(candidates)]
        return start
    prm = estimator._params(1, "plusplus")  # noqa: SLF001 -- a part of it, in a file of its own
    # As in core: as few iterations as cost next to nothing beside those over all rows.
    prm.max_iter, prm.tol = 30, 1e-4
    fitted = _marshal.kmeans_fit(
        prm, np.ascontiguousarray(candidates), weights, init=None, draws=draws[1:], trace=None, tick=None
    )
    return fitted.centers


# ---- Lloyd's steps --------------------------------------------------------------------------


def _lloyd(estimator: Any, blocks: Blocks, start: _marshal.Array) -> Run:
    tol, verbose = estimator.tol * blocks.variance, estimator.verbose
    centers = np.ascontiguousarray(start, np.float64)
    if verbose:
        print("Initialization complete")
    for iteration in range(estimator.max_iter):
        part = blocks.assign(centers)
        following = _means(blocks, part, centers)
        moved = float(((following - centers) ** 2).sum())
        centers = following
        # Means come from labels alone: where no label changed, no centre moves at all.
        settled, converged = moved == 0, moved <= tol
        if verbose:
            print(f"Iteration {iteration}, inertia {part.inertia}.")
            if settled:
                print(f"Converged at iteration {iteration}: strict convergence.")
            elif converged:
                print(f"Converged at iteration {iteration}: center shift {moved} within tolerance {tol}.")
        if converged:
            break
    if not settled:
        part = blocks.assign(centers)
    return Run(centers, part.inertia, iteration + 1, int((part.counts > 0).sum()))


def _means(blocks: Blocks, part: _marshal.BlockPart, centers: _marshal.FloatArray) -> _marshal.FloatArray:
    """Return the means of the clusters, in the precision of the data."""
    sums, mass = part.sums.copy(), part.mass.copy()
    empty = np.flatnonzero(part.counts == 0)
    if len(empty):
        # As in scikit-learn, the rows farthest from their centres become clusters of their own.
        far = blocks.farthest(centers, len(empty))
        if far.distances[0] > 0:
            for e, j in enumerate(empty[: len(far.distances)]):
                w, row, old = far.weights[e], far.rows[e].astype(np.float64), far.labels[e]
                sums[old] -= w * row
                sums[j] = w * row
                mass[j] = w
                mass[old] -= w
    kept = mass > 0
    means = np.zeros_like(sums)
    np.divide(sums, mass[:, None], out=means, where=kept[:, None])
    means = means.astype(blocks.dtype).astype(np.float64)
    # A cluster for which no row is left joins the heaviest.
    means[~kept] = means[mass.argmax()]
    return means


# ---- passes over the blocks -----------------------------------------------------------------


class Blocks:
    """The blocks of X with what is known of them, and passes over them.

    Parameters
    ----------
    array : dask array with one chunk of columns
        X.
    in_memory : bool
        Whether X is in memory for reasons that its graph does not show.
    """

    def __init__(self, array: da.Array, in_memory: bool) -> None:
        self.d = int(array.shape[1])
        self.dtype = np.dtype(np.float32 if array.dtype == np.float32 else np.float64)
        self._rows = Rows(array)
        self.token = self._rows.token
        self._keys = self._rows.blocks
        self._weights: list[Any] = [None] * len(self._keys)
        self._mass: _marshal.FloatArray | None = None
        self._where = [_dask_blocks.Where(self.token, i, self.dtype, self.d) for i in range(len(self._keys))]
        self._in_memory = self._rows.in_memory or in_memory
        self._passes = 0

    def _tasks(self, function: Any, extra: Sequence[tuple[Any, ...]] | None = None, **common: Any) -> list[Any]:
        """Return one task for each block; `extra` are more arguments by block."""
        self._passes += 1
        if self._passes == 2 and not self._in_memory:
            warn(
                "X is not in memory, so that every pass of k-means reads or computes its blocks again; where it fits "
                "into the memory of the workers, X.persist() makes it stay there",
                da.PerformanceWarning,
            )
        every = zip(self._keys, self._weights, self._where, extra or [()] * len(self._keys), strict=True)
        return [(partial(function, where=where, **common), key, w, *more) for key, w, where, more in every]

    def survey(self, k: int) -> None:
        """Find out how long the blocks are, and whether all is finite; leave out those without rows."""
        surveys = self._rows.gather("survey", self._tasks(_dask_blocks.survey))
        self._lengths = [seen.rows for seen in surveys]
        whole = _dask_blocks.merge_surveys(surveys)
        self.n, self.variance = whole.rows, whole.variance
        if self.n < k:
            raise ValueError(f"n_samples={self.n} should be >= n_clusters={k}.")
        kept = [i for i, rows in enumerate(self._lengths) if rows]
        self._keys, self._weights = [self._keys[i] for i in kept], [self._weights[i] for i in kept]
        self._where, self._surveys = [self._where[i] for i in kept], [surveys[i] for i in kept]
        self._rows.size_up(self.n * self.d * self.dtype.itemsize)
        self._first = np.concatenate([[0], np.cumsum([seen.rows for seen in self._surveys])])

    def weigh(self, sample_weight: Any) -> None:
        """Take weights along, cut as X is cut."""
        weights, empties = cut(sample_weight, self._lengths, self.dtype)
        rows = Rows(weights)
        self._rows.add(rows)
        lengths = self._lengths if empties else [seen.rows for seen in self._surveys]
        self._weights = [key for key, n in zip(rows.blocks, lengths, strict=True) if n]
        tasks = [
            (partial(_dask_blocks.weigh, rows=seen.rows, where=where), key)
            for key, seen, where in zip(self._weights, self._surveys, self._where, strict=True)
        ]
        self._mass = np.array(self._rows.gather("weigh", tasks))
        if not self._mass.sum() > 0:
            raise ValueError("sample_weight: all weights are zero")

    def assign(self, centers: _marshal.FloatArray) -> _marshal.BlockPart:
        """Return what all rows contribute to a step."""
        part: _marshal.BlockPart = self._rows.reduce(
            "assign", self._tasks(_dask_blocks.assign), _dask_blocks.add_parts, centers
        )
        return part

    def farthest(self, centers: _marshal.FloatArray, n: int) -> _dask_blocks.Far:
        """Return the rows that are farthest from the nearest centre."""
        tasks = self._tasks(_dask_blocks.farthest, n=n)
        far: _dask_blocks.Far = self._rows.reduce("farthest", tasks, partial(_dask_blocks.merge_far, n=n), centers)
        return far

    # ---- single rows

    def take(self, rows: npt.NDArray[np.int64]) -> _marshal.Array:
        """Return some rows of X by their numbers."""
        blocks = np.searchsorted(self._first, rows, side="right") - 1
        tasks = [
            (partial(_dask_blocks.take, index=rows[blocks == b] - self._first[b], dtype=self.dtype), self._keys[b])
            for b in np.unique(blocks)
        ]
        taken: _marshal.Array = np.empty((len(rows), self.d), self.dtype)
        taken[np.argsort(blocks, kind="stable")] = np.concatenate(self._rows.gather("take", tasks))
        return taken

    def sample(self, k: int, random_state: np.random.RandomState) -> npt.NDArray[np.int64]:
        """Draw the numbers of k rows, in proportion to their weights."""
        if self._mass is None:
            rows: npt.NDArray[np.int64] = sample_without_replacement(self.n, k, random_state=random_state)
            return rows
        key = float(random_state.random_sample())
        tasks = [
            (partial(_dask_blocks.sample, n=k, key=key, first_row=first, dtype=self.dtype), weights)
            for first, weights in zip(self._first.tolist(), self._weights, strict=False)
        ]
        _, drawn = self._rows.reduce("sample", tasks, partial(_dask_blocks.merge_samples, n=k))
        if len(drawn) < k:
            raise ValueError(f"sample_weight: {len(drawn)} rows have weight, fewer than n_clusters={k}")
        return np.asarray(drawn)

    def check_centers(self, given: Any, k: int) -> _marshal.Array:
        """Return given centres if their shape fits."""
        centers: _marshal.Array = check_array(given, dtype=self.dtype)
        if centers.shape[0] != k:
            raise ValueError(
                f"The shape of the initial centers {centers.shape} does not match the number of clusters {k}."
            )
        if centers.shape[1] != self.d:
            raise ValueError(
                f"The shape of the initial centers {centers.shape} does not match the number of features of the data "
                f"{self.d}."
            )
        return centers

    def load(self) -> tuple[Any, _marshal.Array | None]:
        """Bring all rows, and their weights, into this process."""
        rows = self._rows.gather("load", self._tasks(_dask_blocks.load))
        weights = None if self._mass is None else np.concatenate([w for _, w in rows])
        return _dask_blocks.stack([block for block, _ in rows]), weights

    # ---- k-means||

    def first(self, key: float) -> npt.NDArray[np.int64]:
        """Return the number of the row that is the first candidate."""
        u = float(_marshal.kmeans_draws(key, 0, 0, 1)[0])
        if self._mass is None:
            return np.array([min(int(u * self.n), self.n - 1)])
        ends = np.cumsum(self._mass)
        b = min(int(np.searchsorted(ends, u * ends[-1], side="right")), len(ends) - 1)
        rest = u * ends[-1] - (ends[b - 1] if b else 0.0)
        (row,) = self._rows.gather(
            "first", [(partial(_dask_blocks.row_at, mass=rest, dtype=self.dtype), self._weights[b])]
        )
        return np.array([self._first[b] + row])

    def cost_before(self, row: _marshal.Array) -> _marshal.FloatArray:
        """Return what the blocks cost with one candidate, but for weights: their means and variances tell."""
        return np.array(
            [seen.rows * (seen.variance * self.d + np.sum((seen.mean - row) ** 2.0)) for seen in self._surveys]
        )

    def meet(
        self,
        before: list[Any],
        fresh: _marshal.Array,
        base: int,
        key: float,
        round_: int,
        expected: float,
        parts: _marshal.FloatArray,
    ) -> tuple[list[Any], list[_dask_blocks.Maybe]]:
        """Let all rows meet fresh candidates; return what each block keeps, and the rows it may draw."""
        total = parts.sum()
        shares = expected * (parts / total if total > 0 else np.zeros_like(parts))
        draws = [
            _dask_blocks.Draw(key, round_, first, _SLACK * (share + np.sqrt(share)) + 1)
            for first, share in zip(self._first.tolist(), shares.tolist(), strict=False)
        ]
        tasks = [
            (partial(task[0], draw=draw), *task[1:], state)
            for task, draw, state in zip(
                self._tasks(_dask_blocks.meet, base=base), draws, before or [None] * len(draws), strict=True
            )
        ]
        shared = np.ascontiguousarray(fresh, np.float64)
        states, maybe = self._rows.keep("meet", tasks, _dask_blocks.maybe_of, shared)
        self._rows.drop(before)
        return states, maybe

    def pick(
        self, states: list[Any], maybe: list[_dask_blocks.Maybe], key: float, round_: int, expected: float, cost: float
    ) -> _marshal.Array:
        """Return the rows that become candidates."""
        share = expected / cost
        # Blocks that looked for fewer than they should have look once more.
        short = [b for b, one in enumerate(maybe) if one.expected < share * one.cost]
        if short:
            tasks = [
                (
                    partial(
                        _dask_blocks.draw_again,
                        draw=_dask_blocks.Draw(key, round_, int(self._first[b]), share * maybe[b].cost * (1 + 1e-9)),
                        where=self._where[b],
                    ),
                    self._keys[b],
                    self._weights[b],
                    states[b],
                )
                for b in short
            ]
            maybe = list(maybe)
            for b, again in zip(short, self._rows.gather("draw", tasks), strict=True):
                maybe[b] = again
        return np.concatenate([one.rows[one.draws < share * one.costs] for one in maybe])

    def attracted(self, states: list[Any], n: int) -> _marshal.FloatArray:
        """Return what the rows weigh that each candidate is nearest to, and forget the states."""
        tasks = [
            (partial(_dask_blocks.attracted, n=n, dtype=self.dtype), state, weights)
            for state, weights in zip(states, self._weights, strict=True)
        ]
        weights: _marshal.FloatArray = self._rows.reduce("attracted", tasks, _dask_blocks.added)
        self._rows.drop(states)
        return weights
