"""scikit-learn's own tests of KMeans, with this one in its place.

scikit-learn ships them. In a copy the import is replaced; tests of MiniBatchKMeans alone do not run.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import sklearn.cluster
import suites

# Tests that look at private attributes of scikit-learn's class.
EXCEPTIONS = {
    "test_kmeans_init_auto_with_initial_centroids": "reads _n_init",
    "test_n_init_auto": "reads _n_init",
    "test_sample_weight_init": "calls _init_centroids",
    "test_sample_weight_zero": "calls _init_centroids",
}

IMPORT = "from sklearn.cluster import KMeans, MiniBatchKMeans, k_means, kmeans_plusplus\n"


def test_scikit_learns_suite(tmp_path: Path) -> None:
    text = suites.source(sklearn.cluster, "tests", "test_k_means.py")
    if IMPORT not in text:
        pytest.skip("this scikit-learn imports otherwise than 1.9")
    replaced = (
        "from sklearn.cluster import MiniBatchKMeans\nfrom dask_go.cluster import KMeans, k_means, kmeans_plusplus\n"
    )
    suites.write(tmp_path, {"test_k_means.py": text.replace(IMPORT, replaced)})
    wanted = " and ".join(f"not {name}" for name in ("MiniBatch", "minibatch", *EXCEPTIONS))
    outcomes, output = suites.run(tmp_path, "-p", "sklearn.conftest", "-k", wanted)
    assert not suites.failed(outcomes), output
    assert suites.passed(outcomes) > 150, output
