"""scikit-learn's own tests of KMeans, with this one in its place.

scikit-learn ships them. In a copy the import is replaced; tests of MiniBatchKMeans alone do not run.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import sklearn.cluster

# Tests that look at private attributes of scikit-learn's class.
EXCEPTIONS = {
    "test_kmeans_init_auto_with_initial_centroids": "reads _n_init",
    "test_n_init_auto": "reads _n_init",
    "test_sample_weight_init": "calls _init_centroids",
    "test_sample_weight_zero": "calls _init_centroids",
}

IMPORT = "from sklearn.cluster import KMeans, MiniBatchKMeans, k_means, kmeans_plusplus\n"


def test_scikit_learns_suite(tmp_path: Path) -> None:
    source = Path(sklearn.cluster.__file__).parent / "tests" / "test_k_means.py"
    if not source.exists():
        pytest.skip("this scikit-learn was installed without its tests")
    text = source.read_text()
    if IMPORT not in text:
        pytest.skip("this scikit-learn imports otherwise than 1.9")
    replaced = (
        "from sklearn.cluster import MiniBatchKMeans\nfrom dask_go.cluster import KMeans, k_means, kmeans_plusplus\n"
    )
    (tmp_path / "test_k_means.py").write_text(text.replace(IMPORT, replaced))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    wanted = " and ".join(f"not {name}" for name in ("MiniBatch", "minibatch", *EXCEPTIONS))
    plugins = ["-p", "sklearn.conftest", "-p", "no:cacheprovider"]
    command = [sys.executable, "-P", "-m", "pytest", "-q", *plugins, "--junitxml=report.xml", "-k", wanted]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    cases = list(ElementTree.parse(tmp_path / "report.xml").getroot().iter("testcase"))
    bad = [case.get("name") for case in cases if case.find("failure") is not None or case.find("error") is not None]
    assert not bad, done.stdout
    assert sum(case.find("skipped") is None for case in cases) > 150, done.stdout
