"""The model is scikit-learn's: objective, decision values and support vectors, on data of every character.

The reference is scikit-learn at tol=1e-8, five orders tighter than the tolerance under test.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import sklearn.svm

from dask_go.svm import SVC
from problems import PROBLEMS, Problem, kkt_gap, objective, pairs

TOL = 1e-3
CASES = [(problem, kernel) for problem in PROBLEMS for kernel in problem().kernels]
WEIGHTS = ["unweighted", "sample_weight", "class_weight"]


def weights(problem: Problem, weighting: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keywords for the constructor and for fit."""
    if weighting == "sample_weight":
        w = np.random.default_rng(0).uniform(0.1, 3.0, size=len(problem.y))
        w[np.arange(len(w)) % 10 == 9] = 0.0
        return {}, {"sample_weight": w}
    if weighting == "class_weight":
        return {"class_weight": {c: 0.5 + 0.7 * c for c in np.unique(problem.y)}}, {}
    return {}, {}


@cache
def reference(make: Any, kernel: str, weighting: str, tol: float, dtype: type) -> Any:
    problem = make()
    constructor, fit = weights(problem, weighting)
    model = sklearn.svm.SVC(C=problem.C, kernel=kernel, tol=tol, **constructor)
    return model.fit(problem.X.astype(dtype), problem.y, **fit)


def ovo(model: Any, X: np.ndarray) -> np.ndarray:
    values = model.set_params(decision_function_shape="ovo").decision_function(X)
    return values.reshape(len(X), -1)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighting", WEIGHTS)
@pytest.mark.parametrize("make, kernel", CASES, ids=lambda v: v if isinstance(v, str) else v.__name__)
def test_agrees(make: Any, kernel: str, weighting: str, dtype: type) -> None:
    problem = make()
    X = problem.X.astype(dtype)
    constructor, fit = weights(problem, weighting)
    ours = SVC(C=problem.C, kernel=kernel, tol=TOL, **constructor).fit(X, problem.y, **fit)
    exact, loose, tight = (reference(make, kernel, weighting, tol, dtype) for tol in (1e-8, TOL, 1e-6))

    assert ours._gamma == pytest.approx(exact._gamma, rel=1e-12)
    for mine, theirs in zip(pairs(ours), pairs(exact), strict=True):
        # A KKT gap of tol leaves the objective at most tol · Σα above the optimum.
        slack = TOL * np.abs(mine.beta).sum() + 1e-9
        assert abs(objective(ours, mine) - objective(exact, theirs)) <= slack
        assert abs(mine.beta.sum()) <= 1e-9 * np.abs(mine.beta).sum()

    own_change = np.abs(ovo(loose, X) - ovo(tight, X)).max()
    np.testing.assert_allclose(ovo(ours, X), ovo(exact, X), rtol=0, atol=max(5e-3, 2 * own_change))

    # Copies of a row share one multiplier in any proportion, so what is counted are different rows.
    count, *counts = (len(np.unique(m.support_vectors_, axis=0)) for m in (ours, exact, loose))
    allowance = max(1, 0.01 * counts[0])
    assert min(counts) - allowance <= count <= max(counts) + allowance


@pytest.mark.parametrize("tol", [1e-2, 1e-3, 1e-5])
@pytest.mark.parametrize("weighting", WEIGHTS)
@pytest.mark.parametrize("make, kernel", CASES, ids=lambda v: v if isinstance(v, str) else v.__name__)
def test_gap_is_the_true_one(make: Any, kernel: str, weighting: str, tol: float) -> None:
    problem = make()
    constructor, fit = weights(problem, weighting)
    model = SVC(C=problem.C, kernel=kernel, tol=tol, **constructor).fit(problem.X, problem.y, **fit)
    np.testing.assert_array_equal(problem.X[model.support_], model.support_vectors_)
    for p in range(len(model.intercept_)):
        rounding = 1e-11 * np.abs(model.dual_coef_).sum()
        assert kkt_gap(model, problem.X, problem.y, fit.get("sample_weight"), p) <= tol + rounding


@pytest.mark.parametrize("C", [1e4, 1e6])
def test_gap_of_a_nearly_hard_margin(C: float) -> None:
    problem = PROBLEMS[0]()
    model = SVC(C=C, gamma=0.5).fit(problem.X, problem.y)
    assert kkt_gap(model, problem.X, problem.y, None, 0) <= 1e-3 + 1e-11 * np.abs(model.dual_coef_).sum()
