"""Data and tasks of test_dask_cluster.py, in a module that workers can import."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import make_blobs

from dask_go import _marshal
from dask_go.cluster import KMeans

X = make_blobs(6000, 5, centers=6, random_state=0)[0]


def die_once(i: int, marks: str, passes: int) -> np.ndarray:
    """Return block i. Its third one ends its process, the first time that it is read for the given time."""
    if i == 2:
        reads = 0
        while True:
            try:
                os.close(os.open(f"{marks}/{reads}", os.O_CREAT | os.O_EXCL))
                break
            except FileExistsError:
                reads += 1
        if reads == passes:
            os._exit(1)
    return X[700 * i : 700 * (i + 1)]


def work(path: str, n_init: int) -> float:
    Path(path).touch()
    return float(
        KMeans(50, n_init=n_init, max_iter=100_000, tol=0).fit(np.random.default_rng(0).random((50_000, 20))).inertia_
    )


_ends: list[str] = []
_step = _marshal.kmeans_block


def note_ends(path: str) -> None:
    """From now on touch a file when a step on a block begins, and note how each one ends."""

    def step(*arguments: Any, **named: Any) -> Any:
        Path(path).touch()
        try:
            result = _step(*arguments, **named)
        except BaseException as error:
            _ends.append(type(error).__name__)
            raise
        _ends.append("done")
        return result

    _ends.clear()
    _marshal.kmeans_block = step


def note_no_ends() -> None:
    _marshal.kmeans_block = _step


def ends() -> list[str]:
    return _ends


def executed(dask_worker: Any) -> int:
    """Return how many tasks of k-means a worker has done."""
    return sum(line[0][0].startswith("kmeans") for line in dask_worker.state.log if isinstance(line[0], tuple))
