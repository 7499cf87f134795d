"""The process in which one of joblib's backends works: started by backends.py, spoken to as worker.py is."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib

import dask_go  # noqa: F401 -- registers the backend
from benchmarks import backend_work
from benchmarks.worker import serve

PEERS: dict[str, dict[str, Any]] = {
    "gocluster": {"backend": "gocluster"},
    "gocluster, processes": {"backend": "gocluster", "workers": "processes"},
    "sequential": {"backend": "sequential"},
    "threading": {"backend": "threading"},
    "loky": {"backend": "loky"},
    "multiprocessing": {"backend": "multiprocessing"},
}


class Worker:
    """One backend with one case."""

    def prepare(self, peer: str, work: dict[str, Any], n_jobs: int) -> dict[str, Any]:
        """Make the data."""
        self._config = {**PEERS[peer], "n_jobs": n_jobs}
        arguments = dict(work)
        self._call = getattr(backend_work, arguments.pop("name"))(peer, **arguments)
        return {"joblib": version("joblib"), "dask_go": version("dask-go")}

    def time(self, calls: int) -> dict[str, Any]:
        """Do the work so many times; return the seconds of each."""
        seconds = []
        for _ in range(calls):
            with joblib.parallel_config(**self._config):
                start = time.perf_counter()
                self._call()
                seconds.append(time.perf_counter() - start)
        return {"seconds": seconds}

    def memory(self) -> dict[str, Any]:
        """Do the work once; return the most megabytes that this process and its children had beside those before."""
        over = threading.Event()
        before = _megabytes()
        most = before

        def watch() -> None:
            nonlocal most
            while not over.wait(0.005):
                most = max(most, _megabytes())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            self.time(1)
        finally:
            over.set()
            watcher.join()
        return {"megabytes": most - before}


def _megabytes() -> float:
    """Add up the memory of this process and its descendants, with what several share counted once."""
    total, processes = 0.0, ["self"]
    for process in processes:
        with suppress(OSError, StopIteration):
            lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000
            for task in Path(f"/proc/{process}/task").iterdir():
                processes += (task / "children").read_text(encoding="ascii").split()
    return total


if __name__ == "__main__":
    serve(Worker())
