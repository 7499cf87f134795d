"""Problems that are hard on a solver: it must end, and rightly."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from dask_go.svm import SVC
from solutions import pairs


def _cloud(n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, (X[:, 0] + rng.normal(scale=0.7, size=n) > 0).astype(int)


def _twins() -> tuple[np.ndarray, np.ndarray]:
    X, y = _cloud(500, 4, 1)
    return np.vstack([X, X * (1 + 1e-12)]), np.concatenate([y, 1 - y])


def _outliers() -> tuple[np.ndarray, np.ndarray]:
    X, y = _cloud(500, 4, 2)
    X[::100] *= 1e6
    return X, y


def _rare() -> tuple[np.ndarray, np.ndarray]:
    X, _ = _cloud(60000, 4, 3)
    y = np.zeros(60000, dtype=int)
    y[31415] = 1
    return X, y


def _all_alike() -> tuple[np.ndarray, np.ndarray]:
    return np.full((300, 3), 7.0), np.arange(300) % 2


def _half_constant() -> tuple[np.ndarray, np.ndarray]:
    X, y = _cloud(400, 6, 4)
    X[:, ::2] = [1e3, 0.0, -3.0]
    return X, y


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "twins of both classes": (_twins, {}),
    "twins, large C": (_twins, {"C": 1e4}),
    "far outliers": (_outliers, {"gamma": 0.1}),
    "far outliers, linear": (_outliers, {"kernel": "linear"}),
    "huge C": (lambda: _cloud(300, 4, 5), {"C": 1e6}),
    "huge C, linear": (lambda: _cloud(300, 4, 5), {"C": 1e6, "kernel": "linear"}),
    "huge gamma": (lambda: _cloud(500, 4, 6), {"gamma": 1e3}),
    "tiny gamma": (lambda: _cloud(500, 4, 6), {"gamma": 1e-9}),
    "tiny gamma, large C": (lambda: _cloud(500, 4, 6), {"gamma": 1e-9, "C": 1e4}),
    "identical rows": (_all_alike, {}),
    "constant features": (_half_constant, {"gamma": 0.1}),
    "one row against 59,999": (_rare, {}),
    "one row against 59,999, linear": (_rare, {"kernel": "linear", "C": 100.0}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_ends_rightly(case: str, dtype: type) -> None:
    make, params = CASES[case]
    X, y = make()
    X = X.astype(dtype)
    model = SVC(**params).fit(X, y)
    size = np.abs(model.dual_coef_).sum() * np.abs(X.astype(float)).max() ** (2 if model.kernel == "linear" else 0)
    assert pairs(model, X.astype(float), y)[0].gap <= 1e-3 + 1e-11 * size


PEAK = """
import json
import sys
import numpy as np
from dask_go.svm import SVC

def kilobytes(what):
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith(what)).split()[1])

n, d, params = json.loads(sys.argv[1])
rng = np.random.default_rng(0)
X = rng.normal(size=(n, d))
y = (X[:, :3].sum(axis=1) + rng.normal(size=n) > 0).astype(int)
SVC().fit(X[:500], y[:500])
before = kilobytes("VmRSS:")
model = SVC(**params).fit(X, y)
kept = model.support_vectors_.nbytes
print((kilobytes("VmHWM:") - before) * 1024 - kept - n * (d + 2) * 4 - params["cache_size"] * 2**20 - n * 200)
"""


@pytest.mark.parametrize(
    "n, d, params",
    [
        (60000, 30, {"C": 0.1, "tol": 0.1, "cache_size": 20}),  # kept columns
        (60000, 20, {"kernel": "linear", "cache_size": 40}),  # the interior-point method
        (20000, 4, {"kernel": "poly", "C": 10, "cache_size": 20}),  # a factor of low rank
        (6000, 14, {"C": 1e4, "tol": 1e-2, "cache_size": 100}),  # columns, and rows in float64
    ],
)
def test_peak_memory(n: int, d: int, params: dict[str, Any]) -> None:
    command = [sys.executable, "-P", "-c", PEAK, json.dumps([n, d, params])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    # Beyond the packed copy, the cache and 200 bytes a row: working sets, whose size does not depend on n.
    assert int(done.stdout) < 24 << 20
