"""The runner's end of a worker process."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parent.parent

# Set on some machines, and they make NumPy's BLAS, which peers use, slower or faster than it is.
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class WorkerError(Exception):
    """A worker failed, and says why."""


class TooSlow(Exception):  # noqa: N818 -- a result, not an error
    """A worker was ended because it took longer than the limit."""


class Remote:
    """A worker process. Use it as a context manager: it ends with the block."""

    def __init__(
        self, python: str = sys.executable, cores: Sequence[int] | None = None, module: str = "benchmarks.worker"
    ) -> None:
        environment = {key: value for key, value in os.environ.items() if key not in UNSET}
        self._process = subprocess.Popen(
            [python, "-m", module],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if cores is not None:
            # Every library here counts the CPUs it may run on, so this limits all of them alike.
            os.sched_setaffinity(self._process.pid, cores)
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def ask(self, do: str, limit: float | None = None, **arguments: Any) -> dict[str, Any]:
        """Send a request and wait for the reply, at most `limit` seconds."""
        assert self._process.stdin is not None
        try:
            print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)
        except OSError:
            raise WorkerError(f"the worker ended with status {self._process.wait()}") from None
        try:
            line = self._lines.get(timeout=limit)
        except queue.Empty:
            self.close()
            raise TooSlow(f"more than {limit:g} s") from None
        if not line:
            raise WorkerError(f"the worker ended with status {self._process.wait()}")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise WorkerError(reply["error"])
        return reply

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
