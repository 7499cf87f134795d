"""scikit-learn's own checks of an estimator."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from dask_go.svm import SVC

# scikit-learn's own SVC fails the same one.
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "weights of zero move the solver to another solution within tol",
    "check_sample_weight_equivalence_on_sparse_data": "likewise",
}


@parametrize_with_checks(
    [SVC(), SVC(kernel="linear"), SVC(break_ties=True, class_weight="balanced", probability=True)],
    expected_failed_checks=lambda _: EXPECTED_FAILURES,
)
@pytest.mark.filterwarnings("default")
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)
