"""Dask arrays and dataframes as blocks of rows, and graphs over these."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import dask
import dask.array as da
import numpy as np
from dask import threaded

from ._dispatch import warn

__all__ = ["Rows", "active_client", "as_array", "cut", "is_frame_in_memory", "is_small", "names_of"]

Task: TypeAlias = tuple[Any, ...]  # a function, and keys
Merge: TypeAlias = Callable[[list[Any]], Any]

# So many results are merged by a task: with 500 blocks, two levels.
_FAN_IN = 24

# Blocks with fewer bytes are worked on as many at a time as their results are merged: by themselves they take less
# time than the scheduler takes for a task.
_SMALL = 1 << 20

_GETTERS = {"getter", "getter_inline", "getter_nofancy"}


def active_client() -> Any:
    """Return the client of distributed that dask computes with, or None."""
    owner = getattr(dask.base.get_scheduler(), "__self__", None)
    return owner if hasattr(owner, "scheduler_info") else None


def as_array(X: Any) -> da.Array:
    """Return X as a dask array whose blocks hold whole rows.

    Raises
    ------
    TypeError
        If X is neither a dask array nor a dask dataframe, or does not hold real numbers.
    ValueError
        If X does not have two dimensions, or columns of unknown number.
    """
    array = X.to_dask_array() if hasattr(X, "to_dask_array") else X
    if not isinstance(array, da.Array):
        raise TypeError(f"X is a dask collection of type {type(X).__name__}; dask arrays and dataframes are supported")
    if array.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {array.ndim}D array instead. Reshape X with X.reshape(-1, 1) if it has a single "
            "feature or X.reshape(1, -1) if it contains a single sample."
        )
    if array.dtype.kind not in "fiub":
        raise TypeError(f"X has dtype {array.dtype}, and real numbers are needed: convert columns, or leave them out")
    if np.isnan(array.shape[1]):
        raise ValueError("the number of columns of X is unknown; X.compute_chunk_sizes() finds it out")
    if array.numblocks[1] > 1:
        warn(
            f"the columns of X lie in {array.numblocks[1]} chunks and are brought together, which moves data; "
            "X.rechunk({1: -1}) or chunks of whole rows from the start avoid this",
            da.PerformanceWarning,
        )
        array = array.rechunk({1: -1})
    return array


def names_of(X: Any) -> Any:
    """Return an empty pandas frame with the columns of a dask dataframe, or None."""
    return X._meta if hasattr(X, "columns") else None  # noqa: SLF001 -- what dask itself has others use


def is_frame_in_memory(X: Any) -> bool:
    """Return whether X is a dask dataframe that was persisted or made from one of pandas."""
    return type(getattr(X, "expr", None)).__name__ in ("FromGraph", "FromPandas")


def is_small(collection: Any, limit: int) -> bool:
    """Return whether the graph of a collection can be taken elsewhere, in `limit` bytes."""
    from cloudpickle import dumps  # a requirement of dask

    graph = dict(collection.__dask_graph__())
    data = [_value(node) for node in graph.values()]
    if any(type(v).__name__ == "Future" for v in data) or sum(getattr(v, "nbytes", 0) for v in data) > limit:
        return False
    try:
        return len(dumps(graph)) <= limit
    except Exception:  # noqa: BLE001 -- whatever the user's objects raise
        return False


def cut(weights: Any, lengths: Sequence[int], dtype: np.dtype[Any]) -> tuple[da.Array, bool]:
    """Return weights as a dask array that is cut as the rows are, and whether it has chunks for empty blocks, too."""
    rows = sum(lengths)
    if hasattr(weights, "to_dask_array"):
        weights = weights.to_dask_array()
    if not isinstance(weights, da.Array):
        weights = np.asarray(weights, dtype)
        if weights.ndim == 0:
            weights = np.full(rows, weights)
        weights = da.from_array(weights, chunks=-1)
    if weights.ndim != 1:
        raise ValueError(f"Sample weights must be 1D array or scalar, got {weights.ndim}D array")
    if np.isnan(weights.shape[0]):
        if weights.numblocks[0] != len(lengths):
            raise ValueError(
                f"sample_weight has {weights.numblocks[0]} chunks of unknown length, and X has {len(lengths)}: they "
                "must correspond, or sample_weight.compute_chunk_sizes() must find the lengths out"
            )
        return weights, True
    if weights.shape[0] != rows:
        raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(rows,)}!")
    return weights.rechunk((tuple(n for n in lengths if n),)), False


class Rows:
    """The blocks of a dask array of whole rows, and graphs over them.

    Parameters
    ----------
    array : dask array with one chunk of columns
        What is to be worked on, block by block.

    Attributes
    ----------
    blocks : list
        The keys of the blocks.
    in_memory : bool
        Whether the blocks are held in memory, here or by workers.
    token : str
        A part of the names of all tasks.
    together : bool
        Whether a task takes several blocks, where results are merged.
    """

    def __init__(self, array: da.Array) -> None:
        self._graph, self.blocks = _optimized(array)
        kinds = {_kind(node) for node in self._graph.values()}
        if kinds <= {"local", "alias"} and active_client() is not None:
            # Sent to the workers once, not with every graph. The size of that graph is what is wanted.
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
                self._graph, self.blocks = _optimized(array.persist())
        self.in_memory = kinds <= {"local", "remote", "alias"}
        self.token = uuid.uuid4().hex[:8]
        self.together = False
        self._count = 0

    def size_up(self, n_bytes: int) -> None:
        """Decide on `together`, by how many bytes all blocks have: by nothing that results must not depend on."""
        self.together = n_bytes < _SMALL * len(self.blocks)

    def add(self, other: Rows) -> None:
        """Take the graph of another array along."""
        self._graph.update(other._graph)

    def gather(self, what: str, tasks: Sequence[Task], shared: Any = None) -> list[Any]:
        """Compute tasks, to which `shared` is appended if it is given, and return their results in order."""
        results: list[Any] = self._merged(what, tasks, _concatenated, _as_list, shared)
        return results

    def reduce(self, what: str, tasks: Sequence[Task], merge: Merge, shared: Any = None) -> Any:
        """Compute tasks as `gather` does, and merge the results in order, a few at a time."""
        return self._merged(what, tasks, merge, merge, shared)

    def keep(
        self, what: str, tasks: Sequence[Task], digest: Callable[[Any], Any], shared: Any = None
    ) -> tuple[list[Any], list[Any]]:
        """Compute tasks whose results stay where they are made.

        Returns
        -------
        keys : list
            The results', to be used in other tasks, and forgotten with `drop`.
        digests : list
            What `digest` makes of each.
        """
        graph, keys = self._all(what, tasks, shared)
        small = [(f"{keys[0][0]}-digest", i) for i in range(len(keys))]
        graph.update(zip(small, ((digest, key) for key in keys), strict=True))
        top = _tree(graph, small, _concatenated, _as_list)
        (kept,) = dask.persist(_Many({**self._graph, **graph}, [*keys, top]))
        digests = kept.pop(top)
        self._graph.update(kept)
        return keys, self._compute({top: digests}, top)

    def drop(self, keys: Sequence[Any]) -> None:
        """Forget results that were kept."""
        for key in keys:
            del self._graph[key]

    def _merged(self, what: str, tasks: Sequence[Task], merge: Merge, leaf: Merge, shared: Any) -> Any:
        if self.together:
            graph, keys = self._all(what, [_several(part, leaf) for part in _groups(tasks)], shared)
            return self._compute(graph, _tree(graph, keys, merge))
        graph, keys = self._all(what, tasks, shared)
        return self._compute(graph, _tree(graph, keys, merge, leaf))

    def _all(self, what: str, tasks: Sequence[Task], shared: Any) -> tuple[dict[Any, Any], list[Any]]:
        """Return a graph of tasks and their keys, under a name that dask's dashboard groups by `what`."""
        self._count += 1
        name = f"kmeans-{what}-{self.token}-{self._count}"
        keys = [(name, i) for i in range(len(tasks))]
        if shared is None:
            return dict(zip(keys, tasks, strict=True)), keys
        argument = f"{name}-with"
        return {argument: shared, **{key: (*task, argument) for key, task in zip(keys, tasks, strict=True)}}, keys

    def _compute(self, graph: dict[Any, Any], key: Any) -> Any:
        (results,) = dask.compute(_Many({**self._graph, **graph}, [key]))
        return results[0]


class _Many:
    """Some keys of a graph as a collection of dask's."""

    __dask_scheduler__ = staticmethod(threaded.get)

    def __init__(self, graph: dict[Any, Any], keys: list[Any]) -> None:
        self._graph, self._keys = graph, keys

    def __dask_graph__(self) -> dict[Any, Any]:
        return self._graph

    def __dask_keys__(self) -> list[Any]:
        return self._keys

    def __dask_tokenize__(self) -> list[Any]:
        return self._keys

    @staticmethod
    def __dask_optimize__(graph: Any, keys: list[Any], **_: Any) -> Any:
        return dask.optimization.cull(dict(graph), keys)[0]

    def __dask_postcompute__(self) -> tuple[Callable[..., list[Any]], tuple[()]]:
        return list, ()

    def __dask_postpersist__(self) -> tuple[Callable[..., dict[Any, Any]], tuple[()]]:
        return _as_dict, ()


def _tree(graph: dict[Any, Any], keys: list[Any], merge: Merge, leaf: Merge | None = None) -> Any:
    """Add tasks that merge results, `leaf` those of `keys` and `merge` what comes of that, and return the last key.

    Without `leaf` the results of `keys` are merged ones already.
    """
    name, level = keys[0][0], 0
    while leaf is not None or len(keys) > 1:
        groups = _groups(keys)
        keys = [(f"{name}-sum{level}", i) for i in range(len(groups))]
        graph.update(zip(keys, ((leaf or merge, group) for group in groups), strict=True))
        leaf, level = None, level + 1
    return keys[0]


def _groups(items: Sequence[Any]) -> list[Any]:
    return [items[at : at + _FAN_IN] for at in range(0, len(items), _FAN_IN)]


def _several(tasks: Sequence[Task], merge: Merge) -> Task:
    """Return a task that does others and merges their results."""
    return (partial(_do, [task[0] for task in tasks], merge), [list(task[1:]) for task in tasks])


def _do(functions: list[Callable[..., Any]], merge: Merge, arguments: list[list[Any]], *shared: Any) -> Any:
    return merge([function(*given, *shared) for function, given in zip(functions, arguments, strict=True)])


def _as_list(results: list[Any]) -> list[Any]:
    return results


def _as_dict(graph: Any, *_: Any, **__: Any) -> dict[Any, Any]:
    return dict(graph)


def _concatenated(lists: list[list[Any]]) -> list[Any]:
    return [v for one in lists for v in one]


def _optimized(array: da.Array) -> tuple[dict[Any, Any], list[Any]]:
    """Return the graph of an array and the keys of its blocks."""
    raw = array.__dask_graph__()
    keys = [row[0] if isinstance(row, list) else row for row in array.__dask_keys__()]
    graph = dict(array.__dask_optimize__(raw, array.__dask_keys__()))
    # Optimizing leaves out the data that workers hold.
    graph.update((key, node) for key, node in dict(raw).items() if type(node).__name__ == "Future")
    return graph, keys


def _value(node: Any) -> Any:
    """Return the data that a node of a graph holds, if it does."""
    value = getattr(node, "value", None) if type(node).__name__ == "DataNode" else node
    if isinstance(value, tuple) and len(value) > 1 and getattr(value[0], "__name__", "") in _GETTERS:
        return value[1]
    return value


def _kind(node: Any) -> str:
    """Return where the data behind a node of a graph are: with the client, on a worker, or nowhere yet."""
    if type(node).__name__ in ("Alias", "TaskRef"):
        return "alias"
    value = _value(node)
    if type(value).__name__ == "Future":
        return "remote"
    local = type(value) is np.ndarray or type(value).__module__.startswith("scipy.sparse")
    return "local" if local else "nowhere"
