"""scikit-learn's own tests of its support vector machines, with this SVC in the place of that one.

scikit-learn ships them. A copy is run in which every `svm.SVC` reads `dask_go.svm.SVC`; only tests that mention it run.
"""

from __future__ import annotations

import re
from pathlib import Path

import sklearn.svm
import suites

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
    text, count = re.subn(r"\bsvm\.SVC\b", "dask_go.svm.SVC", suites.source(sklearn.svm, "tests", "test_svm.py"))
    assert count > 40
    suites.write(tmp_path, {"test_svm.py": "import dask_go.svm\n" + text, "conftest.py": ONLY_SVC})
    outcomes, output = suites.run(tmp_path)
    known = set(EXCEPTIONS) & suites.functions(list(outcomes))
    assert suites.functions(suites.failed(outcomes)) == known, output
    assert suites.passed(outcomes) > 30, output
