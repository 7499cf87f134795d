"""Running another package's own tests, from a copy, with something of ours in the place of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest


def source(package: ModuleType, folder: str, name: str) -> str:
    """Return the text of a test module that a package ships, or skip."""
    path = Path(str(package.__file__)).parent / folder / name
    if not path.exists():
        pytest.skip(f"this {package.__name__} was installed without its tests")
    return path.read_text()


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write the copy and what goes with it."""
    for name, text in {"pytest.ini": "[pytest]\n", **files}.items():
        (folder / name).write_text(text)


def run(folder: Path, *arguments: str) -> tuple[dict[str, set[str]], str]:
    """Run the tests; return the tags of each one's outcome, of which there are none if it passed, and the output."""
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml"]
    # Python 3.11 cannot always parse sources while threads run, and pytest's own tracebacks need that.
    command += ["--tb=native", *arguments]
    env = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=900, check=False)
    found = ElementTree.parse(folder / "report.xml").getroot().iter("testcase")
    return {case.get("name", ""): {child.tag for child in case} for case in found}, done.stdout


def failed(outcomes: Mapping[str, set[str]]) -> list[str]:
    """List the tests that failed."""
    return [case for case, tags in outcomes.items() if tags & {"failure", "error"}]


def passed(outcomes: Mapping[str, set[str]]) -> int:
    """Count the tests that ran and passed."""
    return sum(not tags for tags in outcomes.values())


def functions(cases: list[str]) -> set[str]:
    """Return the names of test functions without their parameters."""
    return {case.partition("[")[0] for case in cases}
