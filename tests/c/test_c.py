"""The C tests as one pytest test; tests/c/run.sh says more when it is run by itself."""

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build"


@pytest.mark.skipif(not (BUILD / "lib" / "libgocluster.so").exists(), reason="run ./build.sh lib first")
def test_c_programs() -> None:
    done = subprocess.run([HERE / "run.sh", BUILD], capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
