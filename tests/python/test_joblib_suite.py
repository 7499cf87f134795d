"""joblib's own tests of Parallel, with the backend "gocluster" in the place of joblib's.

joblib ships them. In a copy every "threading" reads "gocluster", in another every "loky" reads
"processes", which is "gocluster" with workers="processes"; tests that are parametrised over all
registered backends have both. Only tests that mention the backend run; with processes not those
that start another backend's processes as well.
"""

from __future__ import annotations

from pathlib import Path

import joblib
import pytest
import suites

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
    text = suites.source(joblib, "test", "test_parallel.py").replace(f"'{replaced}'", f'"{replaced}"')
    assert text.count(f'"{replaced}"') > 10
    # The imports are for worker processes of other backends, and for programs that tests start.
    text = text.replace(f'"{replaced}"', f'"{name}"')
    text = text.replace(
        "\nfrom joblib import Parallel, delayed", "\nimport in_place\nfrom joblib import Parallel, delayed"
    )
    text = text.replace('"""\\\nfrom joblib import Par', '"""\\\nimport in_place\nfrom joblib import Par')
    conftest = ONLY_THE_BACKEND.format(name=name, exceptions=set(EXCEPTIONS[replaced]))
    files = {"test_parallel.py": "import in_place\n" + text, "in_place.py": IN_PLACE, "conftest.py": conftest}
    suites.write(tmp_path, files)
    outcomes, output = suites.run(tmp_path)
    if again := suites.failed(outcomes):
        # Some of joblib's tests give a program ten seconds to start and work, or wait that a task is soon
        # there: more than a busy machine may give. What fails has to fail again, alone.
        outcomes |= suites.run(tmp_path, *(f"test_parallel.py::{case}" for case in again))[0]
    assert not suites.failed(outcomes), output
    assert suites.passed(outcomes) > least, output
