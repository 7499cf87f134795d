"""What fits of a search share: the results are those of fits alone, and the memory is bounded."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import sklearn.model_selection as sk
import sklearn.svm
from sklearn.datasets import load_digits, make_classification

from dask_go.model_selection import GridSearchCV
from dask_go.svm import SVC

TIGHT = 1e-6


def digits(n: int = 250) -> tuple[np.ndarray, np.ndarray]:
    """64 features: enough for kernel values to be kept."""
    X, y = load_digits(return_X_y=True)
    return X[:n] / 16, y[:n]


@pytest.mark.parametrize("cache_size", [200, 0.3], ids=["distances kept", "a table for each gamma"])
def test_many_gammas(cache_size: float) -> None:
    X, y = digits()
    grid = {"C": [0.1, 1.0, 30.0], "gamma": ["scale", "auto", 0.003, 0.1, 2.0]}
    ours = GridSearchCV(SVC(tol=TIGHT, cache_size=cache_size), grid, cv=3).fit(X, y)
    theirs = sk.GridSearchCV(sklearn.svm.SVC(tol=TIGHT), grid, cv=3).fit(X, y)
    assert ours.search_plan_.shared == 45
    for k in range(3):
        key = f"split{k}_test_score"
        assert np.abs(ours.cv_results_[key] - theirs.cv_results_[key]).max() <= 1.01 * 3 / len(y)
    assert np.abs(ours.cv_results_["mean_test_score"] - theirs.cv_results_["mean_test_score"]).max() <= 2e-3


@pytest.mark.parametrize("features", [4, 70])
@pytest.mark.parametrize("kernel", ["rbf", "poly", "linear"])
def test_warm_and_cold_fits_agree_within_tol(kernel: str, features: int) -> None:
    X, y = make_classification(300, features, flip_y=0.2, random_state=2)
    decisions: dict[float, np.ndarray] = {}
    splits = list(sk.StratifiedKFold(2).split(X, y))

    def scorer(estimator: Any, X_test: np.ndarray, _: np.ndarray) -> float:
        decisions.setdefault(estimator.C, estimator.decision_function(X_test))
        return 0.0

    params: dict[str, Any] = {"kernel": kernel, "gamma": 0.1, "coef0": 1.0, "tol": 1e-4}
    grid = {"C": [0.01, 0.1, 0.5, 2.0, 20.0]}
    search = GridSearchCV(SVC(**params), grid, cv=splits, scoring=scorer, refit=False).fit(X, y)
    assert search.search_plan_.shared == 10
    train, test = splits[0]
    for C, warm in decisions.items():
        cold = SVC(C=C, **params).fit(X[train], y[train]).decision_function(X[test])
        assert np.abs(warm - cold).max() <= 0.01 * max(1, np.abs(cold).max()), C


PEAK = """
import numpy as np
from sklearn.model_selection import ShuffleSplit
from dask_go.model_selection import GridSearchCV
from dask_go.svm import SVC

def kilobytes(what):
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith(what)).split()[1])

n, d, cache = 60000, 70, 20
rng = np.random.default_rng(0)
X = rng.normal(size=(n, d))
y = (X[:, :3].sum(axis=1) + rng.normal(size=n) > 0).astype(int)
cv = ShuffleSplit(2, test_size=0.01, train_size=0.5, random_state=0)
grid = {"C": [0.001], "gamma": [0.001, "scale"]}
search = GridSearchCV(SVC(tol=0.5, cache_size=cache), grid, cv=cv, refit=False)
search.fit(X[:500], y[:500])
before = kilobytes("VmRSS:")
search.fit(X, y)
assert search.search_plan_.shared == 4
packed = n * (d + 26) * 4  # the rows of one kernel, and what a fit holds of each
print((kilobytes("VmHWM:") - before) * 1024 - 1.25 * cache * 2**20 - 3 * packed)
"""


def test_peak_memory_of_many_rows() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", PEAK], capture_output=True, text=True, timeout=300, check=True)
    # Three kernels, gamma="scale" being another one in each split, the cache, and working sets whose size
    # does not depend on the number of rows. 60,000² values would be 14 GB.
    assert float(done.stdout) < 48 << 20
