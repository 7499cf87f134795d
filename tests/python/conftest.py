"""What holds for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

# A shell has programs that it starts in the background ignore Ctrl-C, and they hand that down.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module", autouse=True)
def environment_stays() -> Iterator[None]:
    """Undo what a module does to the environment: distributed sets OMP_NUM_THREADS where it starts workers."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
