"""What a task of dask.distributed owes its worker: the worker's number of threads, and an end when it is cancelled.

Nothing here imports dask. A process in which `distributed.worker` was never imported runs no
such task.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["task_watch"]

_shared = 0  # the budget that was set last


def task_watch(set_num_threads: Callable[[int], object]) -> Callable[[], None] | None:
    """Prepare for a job inside a task of dask.distributed.

    All workers of a process give the library as many threads as they have themselves. Workers
    that live in the client's own process leave its budget alone, and so do those that were started
    with GOCLUSTER_NUM_THREADS.

    Parameters
    ----------
    set_num_threads : callable
        Sets the thread budget of the library.

    Returns
    -------
    callable or None
        Called while the job runs, it raises if the task was cancelled; None outside of such a task.
    """
    module = sys.modules.get("distributed.worker")
    key = None if module is None else getattr(module.thread_state, "key", None)
    if module is None or key is None:
        return None
    try:
        worker = module.get_worker()
    except ValueError:
        return None
    _share_threads(module, worker, set_num_threads)
    tasks = worker.state.tasks

    def watch() -> None:
        task = tasks.get(key)
        if task is None or task.state == "cancelled":
            # Nobody wants the result. Should somebody again by now, the task runs once more.
            raise module.Reschedule

    return watch


def _share_threads(module: Any, worker: Any, set_num_threads: Callable[[int], object]) -> None:
    global _shared
    if worker.address.startswith("inproc:") or os.environ.get("GOCLUSTER_NUM_THREADS"):
        return
    everyone = module.Worker._instances  # noqa: SLF001 -- of this process; there is no other way to find them
    threads = sum(other.state.nthreads for other in everyone if other.status == worker.status)
    if threads != _shared:
        set_num_threads(threads)
        _shared = threads
