"""scikit-learn's own tests of its support vector machines, with this SVC in the place of that one.

scikit-learn ships them. A copy is run in which every `svm.SVC` reads `dask_go.svm.SVC`; only tests that mention it run.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import sklearn.svm

# Tests that cannot hold, and why.
EXCEPTIONS = {
    "test_probability_raises_futurewarning": "probability is not deprecated here",
    "test_svc_nusvc_probA_probB_deprecated": "probability is not deprecated here",
}

ONLY_SVC = """
import inspect
import pytest

@pytest.fixture
def global_random_seed():
    return 0

def pytest_collection_modifyitems(config, items):
    def mentions(item):
        params = getattr(item, "callspec", None)
        if params is None or not any("svm" in type(p).__module__ or inspect.isclass(p) for p in params.params.values()):
            return "dask_go.svm.SVC" in inspect.getsource(item.function)
        return any("dask_go" in (p if inspect.isclass(p) else type(p)).__module__ for p in params.params.values())
    config.hook.pytest_deselected(items=[item for item in items if not mentions(item)])
    items[:] = [item for item in items if mentions(item)]
"""


def test_scikit_learns_suite(tmp_path: Path) -> None:
    source = Path(sklearn.svm.__file__).parent / "tests" / "test_svm.py"
    if not source.exists():
        pytest.skip("this scikit-learn was installed without its tests")
    text, count = re.subn(r"\bsvm\.SVC\b", "dask_go.svm.SVC", source.read_text())
    assert count > 40
    (tmp_path / "test_svm.py").write_text("import dask_go.svm\n" + text)
    (tmp_path / "conftest.py").write_text(ONLY_SVC)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    cases = ElementTree.parse(tmp_path / "report.xml").getroot().iter("testcase")
    outcomes = {case.get("name", ""): {child.tag for child in case} for case in cases}
    failed = {name.partition("[")[0] for name, tags in outcomes.items() if tags & {"failure", "error"}}
    assert failed == set(EXCEPTIONS) & {name.partition("[")[0] for name in outcomes}, done.stdout
    assert sum(not tags for tags in outcomes.values()) > 30, done.stdout
