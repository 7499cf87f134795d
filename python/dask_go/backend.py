"""joblib's backend "gocluster": Python threads that take their tasks from the library.

`import dask_go` registers it, so that `joblib.parallel_config(backend="gocluster")` and
`Parallel(backend="gocluster")` find it. The library holds the queue: a thread waits in it with
the interpreter lock released, and is given a task when there is one and the thread budget
allows it. Tasks read and write the memory of the program; nothing is pickled or copied. The
library never calls Python.

After an error, a timeout or Ctrl-C, tasks that have not begun are forgotten, and fits of
dask_go's own estimators that run in tasks stop. Python cannot be stopped from outside, so
other tasks that run go on to their end, unobserved.
"""

from __future__ import annotations

import os
import threading
import time
import traceback
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from joblib import register_parallel_backend
from joblib.parallel import TASK_ERROR, AutoBatchingMixin, FallbackToBackend, ParallelBackendBase, SequentialBackend

from . import _lib, _progress

if TYPE_CHECKING:
    from ._threadpools import InnerLimit

__all__ = ["GoclusterBackend", "TaskTraceback", "register"]

# joblib shares a backend among the calls in a `with parallel_config(...)` block, and ends and
# aborts "everything" in it. Which call has ended or failed stands in the Parallel objects.

# What joblib tells every backend, and which has no meaning where nothing is copied.
_FROM_JOBLIB = {"temp_folder", "max_nbytes", "mmap_mode", "context", "verbose"}


class TaskTraceback(Exception):  # noqa: N818 -- it is the cause of an error
    """The traceback of a task, as text: the cause of the exception that a Parallel call raises."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


class _Failure:
    """What a task raised."""

    def __init__(self, error: BaseException) -> None:
        # joblib drops the traceback itself, which keeps alive all that the task's frames hold.
        error.__cause__ = TaskTraceback("".join(traceback.format_exception(error)))
        self.error = error


_Task = tuple[Callable[[], Any], Any]


class _Shift:
    """A queue and the threads that work on it, until it is closed."""

    def __init__(self, size: int, limit: InnerLimit, calling_back: threading.Lock) -> None:
        self._size = size
        self._limit = limit
        self._queue = _lib.Queue(limit.asked_for)
        # A garbage collection in `add` may come to `close`, so a lock that can be taken again. Not a
        # Condition, which is written in Python: Ctrl-C may leave it locked.
        self._lock = threading.RLock()
        # joblib expects one callback at a time: another that finds the call aborted, while the one before
        # brings the error of an iterable, would end the call before its error is seen.
        self._calling_back = calling_back
        self._threads: list[threading.Thread] = []
        self._tasks: dict[int, _Task] = {}  # not begun, by number
        self._added = 0
        self._pending = 0  # added and not ended
        self._closed = False

    def add(self, func: Callable[[], Any], callback: Any) -> bool:
        """Add a task, unless the queue is closed."""
        with self._lock:
            if self._closed:
                return False
            if self._added == 0:
                self._limit.enter()
            self._added += 1
            self._pending += 1
            self._tasks[self._added] = func, callback
            self._queue.push(self._added)
            if len(self._threads) < min(self._size, self._pending):
                name = f"gocluster-{len(self._threads)}"
                self._threads.append(threading.Thread(target=self._work, name=name, daemon=True))
                _start(self._threads[-1])
            return True

    def _work(self) -> None:
        try:
            self._limit.enter_thread()
            for number in self._queue.take():
                task = self._tasks.pop(number, None)
                if task is not None:
                    self._run(*task)
                    del task  # or its arguments would live until the next task comes
                    self._ended()
        except Exception as error:  # noqa: BLE001 -- something broke: nobody shall wait for ever
            while self._tasks:
                _, callback = self._tasks.popitem()[1]
                with self._calling_back:
                    callback(_Failure(error))

    def _run(self, func: Callable[[], Any], callback: Any) -> None:
        try:
            outcome = func()
        except BaseException as error:  # noqa: BLE001 -- it is raised where the result is wanted
            outcome = _Failure(error)
        with self._calling_back:
            _call_back(callback, outcome)

    def _ended(self) -> None:
        with self._lock:
            self._pending -= 1

    def leave(self) -> None:
        """Close the queue, whose tasks have all returned; the last callbacks may still run."""
        try:
            if threading.current_thread() not in self._threads:
                end = time.monotonic() + 1
                while self._pending > 0 and time.monotonic() < end:
                    time.sleep(0.0001)
        finally:
            self.close()

    def close(self) -> None:
        """Forget what has not begun, and let the threads end; may be done again, should Ctrl-C have cut it short."""
        with self._lock:
            self._closed = True
            self._tasks.clear()
            self._limit.exit()
            self._queue.free()


def _start(thread: threading.Thread) -> None:
    try:
        thread.start()
    except RuntimeError as error:
        # `start` waits with a Condition, which answers Ctrl-C at a bad moment with this error.
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        raise


def _call_back(callback: Any, outcome: Any) -> None:
    try:
        callback(outcome)
    except BaseException as error:  # noqa: BLE001
        # It was to bring further tasks. As joblib does where an iterable fails, a task that has
        # failed takes their place, or the call would wait for ever.
        parallel = callback.parallel
        failed = type(callback)(0, 1, parallel)
        getattr(parallel, "_register_new_job", parallel._jobs.append)(failed)  # noqa: SLF001 -- joblib 1.4 just appends
        failed._register_outcome({"status": TASK_ERROR, "result": error})  # noqa: SLF001


class _Crew:
    """The workers of one Parallel object: a shift from its first task until it ends, then perhaps another."""

    def __init__(self, size: int, limit: InnerLimit) -> None:
        self._size = size
        self._limit = limit
        self._lock = threading.RLock()
        self._calling_back = threading.Lock()
        self._shift: _Shift | None = None
        self._dismissed = False

    def add(self, func: Callable[[], Any], callback: Any) -> None:
        with self._lock:
            # A worker that ends a task during an abort may bring a last one.
            if not self._dismissed and not (self._shift is not None and self._shift.add(func, callback)):
                self._shift = _Shift(self._size, self._limit, self._calling_back)
                # For the case that Ctrl-C cuts `leave` or `abort` short.
                weakref.finalize(self, self._shift.close).atexit = False
                self._shift.add(func, callback)

    def leave(self) -> None:
        with self._lock:
            if self._shift is not None:
                self._shift.leave()
                self._shift = None

    def abort(self, *, dismiss: bool) -> None:
        with self._lock:
            self._dismissed = dismiss
            if self._shift is not None:
                self._shift.close()
                self._shift = None


class GoclusterBackend(AutoBatchingMixin, ParallelBackendBase):
    """Runs the tasks of `joblib.Parallel` in threads that share the library's thread budget.

    Parameters
    ----------
    nesting_level : int, optional
        Set by joblib: 0 for a call that is not inside a task.
    inner_max_num_threads : int, optional
        The most threads that OpenMP, BLAS and dask_go use for the work of one task. By
        default dask_go uses all that are idle, and OpenMP and BLAS a fair share.
    workers : "threads"
        What runs the tasks.
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
        **unknown: Any,
    ) -> None:
        if unknown:
            raise TypeError(f"the backend 'gocluster' has no parameter {', '.join(map(repr, sorted(unknown)))}")
        if workers == "processes":
            raise ValueError(
                "workers='processes' is not supported by the backend 'gocluster': leave it out to use threads, "
                "or use joblib's backend 'loky' for code that holds the interpreter lock"
            )
        if workers != "threads":
            raise ValueError(f"workers must be 'threads', got {workers!r}")
        super().__init__(nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads)
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        # One backend may serve several calls at a time, as generators do.
        self._crews: weakref.WeakKeyDictionary[Any, _Crew] = weakref.WeakKeyDictionary()

    def _of_this_process(self) -> weakref.WeakKeyDictionary[Any, _Crew]:
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
        unknown = sorted(options.keys() - _FROM_JOBLIB)
        if unknown:
            raise TypeError(f"Parallel has no parameter {', '.join(map(repr, unknown))} with the backend 'gocluster'")
        n_jobs = self.effective_n_jobs(n_jobs)
        nested = bool(self.nesting_level)
        if not nested:
            _progress.watch(parallel)
        if n_jobs == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        from ._threadpools import InnerLimit  # not at the top: it imports threadpoolctl

        self.parallel = parallel
        self._of_this_process()[parallel] = _Crew(n_jobs, InnerLimit(n_jobs, self.inner_max_num_threads, nested))
        return n_jobs

    def submit(self, func: Callable[[], Any], callback: Any) -> None:
        """Give a batch of tasks to the workers; `callback` gets its outcome in one of their threads."""
        crew = self._of_this_process().get(callback.parallel)
        if crew is not None:
            crew.add(func, callback)

    apply_async = submit  # its name in joblib 1.4

    def retrieve_result_callback(self, outcome: Any) -> Any:
        """Return what a batch of tasks returned, or raise what it raised."""
        if isinstance(outcome, _Failure):
            raise outcome.error
        return outcome

    def get_nested_backend(self) -> tuple[ParallelBackendBase, None]:
        """Return this backend for calls inside tasks; those inside of these are sequential, as with any backend."""
        level = (self.nesting_level or 0) + 1
        if level > 1:
            return SequentialBackend(nesting_level=level), None
        return GoclusterBackend(nesting_level=level, inner_max_num_threads=self.inner_max_num_threads), None

    def terminate(self) -> None:
        """Let the workers go whose call has ended."""
        for parallel, crew in list(self._of_this_process().items()):
            if not parallel._running:  # noqa: SLF001
                crew.leave()
                if not self.nesting_level:
                    _progress.show(parallel)
        self.reset_batch_stats()

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Forget the tasks of calls that failed."""
        for parallel, crew in list(self._of_this_process().items()):
            if parallel._aborting:  # noqa: SLF001
                crew.abort(dismiss=not ensure_ready)


def register() -> None:
    """Make the backend known to joblib."""
    register_parallel_backend("gocluster", GoclusterBackend)
