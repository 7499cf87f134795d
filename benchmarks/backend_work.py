"""What the cases of backends.toml do: each function here makes its data, and returns what is timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from joblib import Parallel, delayed

Call = Callable[[], Any]


def tiny(_peer: str, tasks: int, batch_size: Any = "auto") -> Call:
    def call() -> None:
        if Parallel(batch_size=batch_size)(delayed(abs)(-i) for i in range(tasks)) != list(range(tasks)):
            raise AssertionError

    return call


def svc_grid(_peer: str, samples: int, candidates: int) -> Call:
    from sklearn.datasets import make_classification
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    X, y = make_classification(samples, 20, n_informative=10, flip_y=0.1, random_state=0)
    search = GridSearchCV(SVC(), {"C": np.logspace(-1, 1, candidates // 2)}, cv=2, refit=False)
    return lambda: search.fit(X, y)


def _count(steps: int) -> int:
    total = 0
    for i in range(steps):
        total += i & 1
    return total


def pure_python(_peer: str, tasks: int, steps: int) -> Call:
    return lambda: Parallel()(delayed(_count)(steps) for _ in range(tasks))


def _look(array: np.ndarray[Any, Any]) -> float:
    return float(array[::512].max())  # a look at every page


def arguments(peer: str, tasks: int, arrays: int, megabytes: int, shared: bool = False) -> Call:
    from dask_go import shared_array

    new = shared_array if shared and peer == "gocluster, processes" else np.empty
    data = [new(megabytes * 125_000) for _ in range(arrays)]
    for i, array in enumerate(data):
        array[:] = i

    def call() -> None:
        seen = Parallel(batch_size=1)(delayed(_look)(data[i % arrays]) for i in range(tasks))
        if seen != [i % arrays for i in range(tasks)]:
            raise AssertionError

    return call


def results(_peer: str, tasks: int, megabytes: int) -> Call:
    def call() -> None:
        arrays = Parallel(batch_size=1)(delayed(np.full)(megabytes * 125_000, float(i)) for i in range(tasks))
        if [array[-1] for array in arrays] != list(range(tasks)):
            raise AssertionError

    return call


def _inner(tasks: int, sleep: float) -> int:
    return len(Parallel(n_jobs=-1, batch_size=1)(delayed(time.sleep)(sleep) for _ in range(tasks)))


def nested(_peer: str, tasks: int, sleep: float) -> Call:
    return lambda: Parallel(batch_size=1)(delayed(_inner)(tasks, sleep) for _ in range(tasks))
