"""The kernels 'poly' and 'sigmoid' beside scikit-learn's, over their parameters.

'sigmoid', and 'poly' with a negative coef0, have problems that are not convex, so that two solvers may end in
different places. What holds in every case is that the fit ends, with a gap that is within the tolerance in float64.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import sklearn.svm

import datasets
from dask_go.svm import SVC
from solutions import pairs

TOL = 1e-3
DATA = [
    datasets.overlapping,
    datasets.separable,
    datasets.duplicated_rows,
    datasets.constant_features,
    datasets.imbalanced,
    datasets.one_feature,
    datasets.iris,
]
POLY = [
    {"kernel": "poly"},
    {"kernel": "poly", "degree": 0},
    {"kernel": "poly", "degree": 1, "coef0": 2.0},
    {"kernel": "poly", "degree": 2, "gamma": 0.1, "coef0": 1.0, "C": 100.0},
    {"kernel": "poly", "degree": 3, "gamma": "auto", "coef0": 0.5, "C": 10.0},
    {"kernel": "poly", "degree": 4, "gamma": 0.0, "coef0": 0.7},
    {"kernel": "poly", "degree": 5, "gamma": 0.05, "C": 1e-4},
]
NOT_CONVEX = [
    {"kernel": "sigmoid"},
    {"kernel": "sigmoid", "C": 100.0, "gamma": 0.01, "coef0": -1.0},
    {"kernel": "sigmoid", "C": 0.1, "gamma": "auto", "coef0": 0.5},
    {"kernel": "sigmoid", "C": 1e-4, "gamma": 2.0},
    {"kernel": "sigmoid", "gamma": 0.0, "coef0": 0.3},
    {"kernel": "poly", "degree": 2, "gamma": 0.1, "coef0": -1.0},
    {"kernel": "poly", "degree": 3, "gamma": 0.1, "coef0": -0.5, "C": 10.0},
]


def name(value: Any) -> str:
    return " ".join(str(v) for v in value.values()) if isinstance(value, dict) else value.__name__


@cache
def theirs(make: Any, params: tuple[Any, ...], tol: float, dtype: type) -> Any:
    problem = make()
    return sklearn.svm.SVC(**dict(params), tol=tol, max_iter=2_000_000).fit(problem.X.astype(dtype), problem.y)


def ovo(model: Any, X: np.ndarray) -> np.ndarray:
    return model.set_params(decision_function_shape="ovo").decision_function(X)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("params", POLY, ids=name)
@pytest.mark.parametrize("make", DATA, ids=name)
def test_poly_agrees(make: Any, params: dict[str, Any], dtype: type) -> None:
    problem = make()
    ours = SVC(**params, tol=TOL).fit(problem.X.astype(dtype), problem.y)
    exact, loose, tight = (theirs(make, tuple(params.items()), tol, dtype) for tol in (1e-8, TOL, 1e-6))
    X = problem.X.astype(dtype).astype(np.float64)
    mine, reference = pairs(ours, X, problem.y), pairs(exact, X, problem.y)
    for own, other in zip(mine, reference, strict=True):
        assert own.gap <= TOL + 1e-11 * own.size
        assert abs(own.objective - other.objective) <= TOL * own.size + 1e-9
    # libsvm keeps kernel values in float32: where they are large its best is no reference.
    if max(pair.gap for pair in reference) < 0.1 * TOL:
        own_change = np.abs(ovo(loose, X) - ovo(tight, X)).max()
        np.testing.assert_allclose(ovo(ours, X), ovo(exact, X), rtol=0, atol=max(5e-3, 2 * own_change))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("params", NOT_CONVEX, ids=name)
@pytest.mark.parametrize("make", DATA, ids=name)
def test_indefinite_kernels_end(make: Any, params: dict[str, Any], dtype: type) -> None:
    problem = make()
    ours = SVC(**params, tol=TOL).fit(problem.X.astype(dtype), problem.y)
    X = problem.X.astype(dtype).astype(np.float64)
    assert ours.fit_status_ == 0
    for pair in pairs(ours, X, problem.y):
        assert pair.gap <= TOL + 1e-11 * pair.size
        if len(ours.classes_) == 2:
            np.testing.assert_allclose(ours.decision_function(X), -pair.decision, atol=1e-4 * (1 + pair.size))


@pytest.mark.parametrize("params", NOT_CONVEX[1:3] + NOT_CONVEX[4:5], ids=name)
@pytest.mark.parametrize("make", DATA[:4], ids=name)
def test_sigmoid_agrees_where_there_is_one_solution(make: Any, params: dict[str, Any]) -> None:
    problem = make()
    ours = SVC(**params, tol=1e-5).fit(problem.X, problem.y)
    exact = theirs(make, tuple(params.items()), 1e-8, np.float64)
    np.testing.assert_allclose(ovo(ours, problem.X), ovo(exact, problem.X), rtol=0, atol=1e-3)
