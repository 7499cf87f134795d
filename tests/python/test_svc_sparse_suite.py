"""scikit-learn's own tests of SVC on sparse data, with this SVC in the place of its own.

scikit-learn ships them. A copy is run that imports this SVC; tests that do not mention SVC are
left out. They compare models of sparse and dense data to seven digits, which scikit-learn's have
in common because libsvm makes the same steps on both. Here they have the tolerance in common
and not the rounding, so the copy runs with a small one and compares to four digits.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import sklearn.svm

# Tests that cannot hold for another solver than the one they were written for.
EXCEPTIONS: dict[str, str] = {}

ONLY_SVC = """
import inspect
from dask_go.svm import SVC

SVC.__init__.__kwdefaults__["tol"] = 1e-9

def pytest_collection_modifyitems(config, items):
    def mentions(item):
        return "svm.SVC(" in inspect.getsource(item.function)
    config.hook.pytest_deselected(items=[item for item in items if not mentions(item)])
    items[:] = [item for item in items if mentions(item)]
"""

OVERRIDES = """
import types
import dask_go.svm

svm = types.SimpleNamespace(**{**vars(svm), "SVC": dask_go.svm.SVC})

def assert_allclose(actual, desired, **tolerances):
    np.testing.assert_allclose(actual, desired, rtol=1e-4, atol=1e-4)

def assert_array_equal(actual, desired):
    np.testing.assert_allclose(actual, desired, rtol=1e-9, atol=1e-9)

def assert_array_almost_equal(actual, desired, decimal=4):
    np.testing.assert_allclose(actual, desired, rtol=1e-4, atol=max(1e-4, 1.5 * 10.0**-decimal))
"""


def test_scikit_learns_suite(tmp_path: Path) -> None:
    source = Path(sklearn.svm.__file__).parent / "tests" / "test_sparse.py"
    if not source.exists():
        pytest.skip("this scikit-learn was installed without its tests")
    text = source.read_text()
    assert text.count("svm.SVC(") > 10
    # A row that is as far from one class as from another: its label is a matter of rounding.
    text = text.replace("[1, 1, 1], [2, 2, 2]])", "[1, 1, 1], [2, 2, 2.5]])")
    (tmp_path / "test_sparse.py").write_text(text + OVERRIDES)
    (tmp_path / "conftest.py").write_text(ONLY_SVC)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = thread_unsafe\n")
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    cases = ElementTree.parse(tmp_path / "report.xml").getroot().iter("testcase")
    outcomes = {case.get("name", ""): {child.tag for child in case} for case in cases}
    failed = {name.partition("[")[0] for name, tags in outcomes.items() if tags & {"failure", "error"}}
    assert failed == set(EXCEPTIONS), done.stdout
    assert sum(not tags for tags in outcomes.values()) > 40, done.stdout
