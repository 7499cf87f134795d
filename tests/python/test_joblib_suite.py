"""joblib's own tests of Parallel, with the backend "gocluster" in the place of joblib's.

joblib ships them. In a copy every "threading" reads "gocluster", in another every "loky" reads
"processes", which is "gocluster" with workers="processes"; tests that are parametrised over all
registered backends have both. Only tests that mention the backend run; with processes not those
that start another backend's processes as well.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import joblib
import pytest

# Tests that cannot hold for another backend than the one they were written for.
EXCEPTIONS = {
    "threading": {
        "test_batching_auto_threading": "ThreadingBackend does not batch; this backend does, as loky does",
        "test_overwrite_default_backend": "registers threading as the default, and expects its class by name",
        "test_backend_context_manager": "expects the class ThreadingBackend by name",
        "test_nested_backend_context_manager": "expects the class ThreadingBackend by name",
        "test_nested_parallelism_limit": "expects calls inside tasks on ThreadingBackend; they stay on this one",
    },
    "loky": {
        "test_backend_context_manager": "expects the class LokyBackend by name",
        "test_nested_backend_context_manager": "expects the class ThreadingBackend inside tasks",
        "test_nested_parallelism_limit": "expects calls inside tasks on ThreadingBackend; they stay on this one",
        "test_backend_hinting_and_constraints": "expects the class LokyBackend by name",
        "test_error_capture": "expects a pool in an attribute of the backend",
        "test_nested_parallel_warnings": "loky refuses multiprocessing in workers, and to be called in threads",
        "test_multiple_generator_call_separated_gc": "loky has one executor, which a dropped generator ends",
        "test_auto_memmap_on_arrays_from_generator": "expects memory-mapped files, where here is memory without a name",
        "test_memmapping_leaks": "expects memory-mapped files, where here is memory without a name",
    },
}

ONLY_THE_BACKEND = """
import inspect
import in_place

def pytest_collection_modifyitems(config, items):
    def wanted(item):
        mentioned = "{name}" in item.name or '"{name}"' in inspect.getsource(item.function)
        others = ("loky", "multiprocessing", "back_compat") if "{name}" == "processes" else ()
        slow = any(other in item.name for other in others)
        return mentioned and not slow and item.originalname not in {exceptions}
    config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
    items[:] = [item for item in items if wanted(item)]
"""

IN_PLACE = """
import joblib
from dask_go.backend import GoclusterBackend

class ProcessesBackend(GoclusterBackend):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, workers="processes", **kwargs)

joblib.register_parallel_backend("processes", ProcessesBackend)
"""


@pytest.mark.parametrize("replaced, name, least", [("threading", "gocluster", 80), ("loky", "processes", 140)])
def test_joblib_suite(tmp_path: Path, replaced: str, name: str, least: int) -> None:
    source = Path(joblib.__file__).parent / "test" / "test_parallel.py"
    if not source.exists():
        pytest.skip("this joblib was installed without its tests")
    text = source.read_text().replace(f"'{replaced}'", f'"{replaced}"')
    assert text.count(f'"{replaced}"') > 10
    # The imports are for worker processes of other backends, and for programs that tests start.
    text = text.replace(f'"{replaced}"', f'"{name}"')
    text = text.replace(
        "\nfrom joblib import Parallel, delayed", "\nimport in_place\nfrom joblib import Parallel, delayed"
    )
    text = text.replace('"""\\\nfrom joblib import Par', '"""\\\nimport in_place\nfrom joblib import Par')
    (tmp_path / "test_parallel.py").write_text("import in_place\n" + text)
    (tmp_path / "in_place.py").write_text(IN_PLACE)
    (tmp_path / "conftest.py").write_text(ONLY_THE_BACKEND.format(name=name, exceptions=set(EXCEPTIONS[replaced])))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    outcomes, output = _run(tmp_path)
    failed = [case for case, tags in outcomes.items() if tags & {"failure", "error"}]
    if failed:
        # Some of joblib's tests give a program ten seconds to start and work, or wait that a task is soon
        # there: more than a busy machine may give. What fails has to fail again, alone.
        outcomes |= _run(tmp_path, *failed)[0]
    assert not [case for case, tags in outcomes.items() if tags & {"failure", "error"}], output
    assert sum(not tags for tags in outcomes.values()) > least, output


def _run(folder: Path, *cases: str) -> tuple[dict[str, set[str]], str]:
    """Run the tests, or some; return the tags of each one's outcome, of which there are none if it passed."""
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml"]
    # Python 3.11 cannot always parse sources while threads run, and pytest's own tracebacks need that.
    command += ["--tb=native", *(f"test_parallel.py::{case}" for case in cases)]
    env = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=900, check=False)
    found = ElementTree.parse(folder / "report.xml").getroot().iter("testcase")
    return {case.get("name", ""): {child.tag for child in case} for case in found}, done.stdout
