"""joblib's own tests of Parallel, with the backend "gocluster" in the place of "threading".

joblib ships them. A copy is run in which every "threading" reads "gocluster"; tests that are
parametrised over all registered backends have both. Only tests that mention the backend run.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import joblib
import pytest

# Tests that cannot hold for another backend than the one they were written for.
EXCEPTIONS = {
    "test_batching_auto_threading": "ThreadingBackend does not batch; this backend does, as loky does",
    "test_overwrite_default_backend": "registers threading as the default, and expects its class by name",
    "test_backend_context_manager": "expects the class ThreadingBackend by name",
    "test_nested_backend_context_manager": "expects the class ThreadingBackend by name",
    "test_nested_parallelism_limit": "expects calls inside tasks on ThreadingBackend; they stay on this one",
}

ONLY_THE_BACKEND = """
import inspect
import dask_go

def pytest_collection_modifyitems(config, items):
    def mentions(item):
        return "gocluster" in item.name or '"gocluster"' in inspect.getsource(item.function)
    config.hook.pytest_deselected(items=[item for item in items if not mentions(item)])
    items[:] = [item for item in items if mentions(item)]
"""


def test_joblib_suite(tmp_path: Path) -> None:
    source = Path(joblib.__file__).parent / "test" / "test_parallel.py"
    if not source.exists():
        pytest.skip("this joblib was installed without its tests")
    text = source.read_text().replace("'threading'", '"threading"')
    assert text.count('"threading"') > 10
    # The import is for the worker processes of other backends, in which calls nest.
    (tmp_path / "test_parallel.py").write_text("import dask_go\n" + text.replace('"threading"', '"gocluster"'))
    (tmp_path / "conftest.py").write_text(ONLY_THE_BACKEND)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    cases = ElementTree.parse(tmp_path / "report.xml").getroot().iter("testcase")
    outcomes = {case.get("name", ""): {child.tag for child in case} for case in cases}
    failed = {name.partition("[")[0] for name, tags in outcomes.items() if tags & {"failure", "error"}}
    assert failed - set(EXCEPTIONS) == set(), done.stdout
    assert sum(not tags for tags in outcomes.values()) > 80, done.stdout
