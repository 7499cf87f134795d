"""What holds for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def environment_stays() -> Iterator[None]:
    """Undo what a module does to the environment: distributed sets OMP_NUM_THREADS where it starts workers."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
