"""scikit-learn's own checks of an estimator."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from dask_go.svm import SVC

# Those that scikit-learn expects of its own SVC, and none where the gamma of the data and the tolerance, which
# weights of zero move within, are out of the way.
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "gamma='scale' ignores weights",
    "check_sample_weight_equivalence_on_sparse_data": "gamma='scale' ignores weights",
}


@parametrize_with_checks(
    [
        SVC(),
        SVC(kernel="linear"),
        SVC(break_ties=True, class_weight="balanced", probability=True),
        SVC(gamma=0.1, tol=1e-12),
    ],
    expected_failed_checks=lambda svc: {} if svc.tol == 1e-12 else EXPECTED_FAILURES,
)
@pytest.mark.filterwarnings("default")
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)
