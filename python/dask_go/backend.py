"""joblib's backend "gocluster": Python threads that take their tasks from the library, and run them or have them run.

`import dask_go` registers it, so that `joblib.parallel_config(backend="gocluster")` and
`Parallel(backend="gocluster")` find it. The library holds the queue: a thread waits in it with
the interpreter lock released, and is given a task when there is one and the thread budget
allows it. The library never calls Python.

By default the threads run the tasks themselves, on the memory of the program; nothing is
pickled or copied. With workers="processes" each has a worker process that does, for code that
holds the interpreter lock.

After an error, a timeout or Ctrl-C, tasks that have not begun are forgotten. Processes that
run a task are ended. In threads, fits of dask_go's own estimators stop; Python cannot be
stopped from outside, so other tasks go on to their end, unobserved.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable
from typing import Any

from joblib import register_parallel_backend
from joblib.parallel import AutoBatchingMixin, FallbackToBackend, ParallelBackendBase, SequentialBackend

from . import _lib, _progress
from ._crew import Crew, Failure, InThreads, Means, TaskTraceback

__all__ = ["GoclusterBackend", "TaskTraceback", "register"]

# joblib shares a backend among the calls in a `with parallel_config(...)` block, and ends and
# aborts "everything" in it. Which call has ended or failed stands in the Parallel objects.

# What joblib tells every backend. Nothing is put into files, and no process is forked.
_FROM_JOBLIB = {"temp_folder", "max_nbytes", "mmap_mode", "context", "verbose"}
_OF_PROCESSES = {"initializer", "initargs"}


class GoclusterBackend(AutoBatchingMixin, ParallelBackendBase):
    """Runs the tasks of `joblib.Parallel` within the library's thread budget.

    Parameters
    ----------
    nesting_level : int, optional
        Set by joblib: 0 for a call that is not inside a task.
    inner_max_num_threads : int, optional
        The most threads that OpenMP, BLAS and dask_go use for the work of one task. By
        default dask_go uses all that are idle, in worker processes a fair share, as OpenMP and
        BLAS do.
    workers : {"threads", "processes"}, default="threads"
        What runs the tasks. Threads share the memory of the program. Processes are for code
        that holds the interpreter lock: tasks and results are pickled, but large arrays are put
        into shared memory, once for all tasks of a call, where tasks read them (`max_nbytes`
        and `mmap_mode` of joblib.Parallel say which and how). `dask_go.shared_array` needs no
        copy. Processes are kept for later calls, and end after five idle minutes.
    initializer : callable, optional
        Called in every process before its first task. Only for processes.
    initargs : tuple, default=()
        The arguments of `initializer`.
    """

    supports_retrieve_callback = True
    supports_inner_max_num_threads = True
    supports_sharedmem = True
    uses_threads = True

    def __init__(
        self,
        nesting_level: int | None = None,
        inner_max_num_threads: int | None = None,
        workers: str = "threads",
        **options: Any,
    ) -> None:
        if workers not in ("threads", "processes"):
            raise ValueError(f"workers must be 'threads' or 'processes', got {workers!r}")
        self._run_in = workers
        unknown = sorted(options.keys() - self._options())
        if unknown:
            raise TypeError(f"the backend 'gocluster' has no parameter {', '.join(map(repr, unknown))}{self._with()}")
        super().__init__(nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads)
        self._given = options
        self.supports_sharedmem = self.uses_threads = workers == "threads"
        self._forget()

    def __reduce__(self) -> Any:
        # Tasks that are sent to a process bring the backend for calls inside them.
        return type(self), (self.nesting_level, self.inner_max_num_threads, self._run_in)

    def _options(self) -> set[str]:
        return _OF_PROCESSES if self._run_in == "processes" else set()

    def _with(self) -> str:
        return f" with workers={self._run_in!r}"

    def _forget(self) -> None:
        self._pid = os.getpid()
        # One backend may serve several calls at a time, as generators do.
        self._crews: weakref.WeakKeyDictionary[Any, Crew] = weakref.WeakKeyDictionary()

    def _of_this_process(self) -> weakref.WeakKeyDictionary[Any, Crew]:
        if self._pid != os.getpid():
            self._forget()  # the threads and the queue stayed in the parent
        return self._crews

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return the number of workers: -1 is the library's thread budget, -2 one less."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if n_jobs is None:
            return 1
        if n_jobs < 0:
            return max(_lib.get_num_threads() + 1 + n_jobs, 1)
        return n_jobs

    def configure(
        self,
        n_jobs: int = 1,
        parallel: Any = None,
        prefer: str | None = None,  # noqa: ARG002 -- the user has chosen
        require: str | None = None,  # noqa: ARG002 -- 'sharedmem' is fulfilled
        **options: Any,
    ) -> int:
        """Prepare for the calls of `parallel`; return the number of workers."""
        unknown = sorted(options.keys() - _FROM_JOBLIB - self._options())
        if unknown:
            raise TypeError(
                f"Parallel has no parameter {', '.join(map(repr, unknown))} with the backend 'gocluster'{self._with()}"
            )
        n_jobs = self.effective_n_jobs(n_jobs)
        if self.nesting_level:
            worker = sys.modules.get("dask_go._worker")
            if worker is not None:
                worker.take_place()
        else:
            _progress.watch(parallel)
        if n_jobs == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        self.parallel = parallel
        self._of_this_process()[parallel] = Crew(n_jobs, self._means(n_jobs, self._given | options))
        return n_jobs

    def _means(self, n_jobs: int, options: dict[str, Any]) -> Callable[[], Means]:
        from ._threadpools import InnerLimit  # not at the top: it imports threadpoolctl

        limit = InnerLimit(n_jobs, self.inner_max_num_threads, nested=bool(self.nesting_level))
        if self._run_in == "threads":
            return lambda: InThreads(limit)
        from ._processes import InProcesses, Kind  # which imports this module

        kind = Kind.of(limit.threads, limit.asked_for > 0, options.get("initializer"), options.get("initargs", ()))
        return lambda: InProcesses(n_jobs, kind, options["max_nbytes"], options["mmap_mode"])

    def submit(self, func: Callable[[], Any], callback: Any) -> None:
        """Give a batch of tasks to the workers; `callback` gets its outcome in one of their threads."""
        crew = self._of_this_process().get(callback.parallel)
        if crew is not None:
            crew.add(func, callback)

    apply_async = submit  # its name in joblib 1.4

    def retrieve_result_callback(self, outcome: Any) -> Any:
        """Return what a batch of tasks returned, or raise what it raised."""
        if isinstance(outcome, Failure):
            raise outcome.error
        return outcome

    def get_nested_backend(self) -> tuple[ParallelBackendBase, None]:
        """Return this backend for calls inside tasks; those inside of these are sequential, as with any backend."""
        level = (self.nesting_level or 0) + 1
        if level > 1:
            return SequentialBackend(nesting_level=level), None
        return GoclusterBackend(nesting_level=level, inner_max_num_threads=self.inner_max_num_threads), None

    def stop_call(self) -> None:
        """Give the processes back, and forget what they were sent, though more calls may follow."""
        if self._run_in == "processes":
            self._leave()

    def terminate(self) -> None:
        """Let the workers go whose call has ended."""
        self._leave()
        self.reset_batch_stats()

    def _leave(self) -> None:
        for parallel, crew in list(self._of_this_process().items()):
            if not parallel._running:  # noqa: SLF001
                crew.leave()
                if not self.nesting_level:
                    _progress.show(parallel)

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Forget the tasks of calls that failed."""
        for parallel, crew in list(self._of_this_process().items()):
            if parallel._aborting:  # noqa: SLF001
                crew.abort(dismiss=not ensure_ready)


def register() -> None:
    """Make the backend known to joblib."""
    register_parallel_backend("gocluster", GoclusterBackend)
