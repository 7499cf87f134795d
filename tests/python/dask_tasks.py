"""Data and tasks of test_dask_cluster.py, in a module that workers can import."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from sklearn.datasets import make_blobs

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
