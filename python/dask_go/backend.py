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
import threading
import time
import traceback
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from joblib import register_parallel_backend
from joblib.parallel import TASK_ERROR, AutoBatchingMixin, FallbackToBackend, ParallelBackendBase, SequentialBackend

from . import _lib, _progress

if TYPE_CHECKING:
    from ._threadpools import InnerLimit

__all__ = ["GoclusterBackend", "TaskTraceback", "register"]

# joblib shares a backend among the calls in a `with parallel_config(...)` block, and ends and
# aborts "everything" in it. Which call has ended or failed stands in the Parallel objects.

# What joblib tells every backend. Nothing is put into files, and no process is forked.
_FROM_JOBLIB = {"temp_folder", "max_nbytes", "mmap_mode", "context", "verbose"}
_OF_PROCESSES = {"initializer", "initargs"}


class TaskTraceback(Exception):  # noqa: N818 -- it is the cause of an error
    """The traceback of a task, as text: the cause of the exception that a Parallel call raises."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def _formatted(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 -- of an exception's own __str__, or of Python 3.11's parser in several threads
        return "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__


class _Failure:
    """What a task raised."""

    def __init__(self, error: BaseException) -> None:
        # joblib drops the traceback itself, which keeps alive all that the task's frames hold.
        if not isinstance(error.__cause__, TaskTraceback):
            error.__cause__ = TaskTraceback(_formatted(error))
        self.error = error


class _Means(Protocol):
    """How the threads of a shift run tasks."""

    job_threads: int  # that the library uses for one call in a task; 0 is no limit

    def begin(self) -> None:
        """Prepare for the first task."""

    def enter_thread(self) -> None:
        """Prepare the calling thread."""

    def run(self, func: Callable[[], Any]) -> Any:
        """Run a task in the calling thread or for it."""

    def end(self) -> None:
        """End what was begun; may be done again, should Ctrl-C have cut it short."""


class _InThreads:
    def __init__(self, limit: InnerLimit) -> None:
        self.job_threads = limit.asked_for
        self.begin, self.enter_thread, self.end = limit.enter, limit.enter_thread, limit.exit

    def run(self, func: Callable[[], Any]) -> Any:
        return func()


_Task = tuple[Callable[[], Any], Any]


class _Shift:
    """A queue and the threads that work on it, until it is closed."""

    def __init__(self, size: int, means: _Means, calling_back: threading.Lock) -> None:
        self._pid = os.getpid()
        self._size = size
        self._means = means
        self._queue = _lib.Queue(means.job_threads)
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
                self._means.begin()
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
            self._means.enter_thread()
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
            outcome = self._means.run(func)
        except BaseException as error:  # noqa: BLE001 -- it is raised where the result is wanted
            if self._closed:
                return
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
        if self._pid != os.getpid():
            return  # a forked child has the object, and no thread or lock that works
        with self._lock:
            self._closed = True
            self._tasks.clear()
            self._means.end()
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

    def __init__(self, size: int, new_means: Callable[[], _Means]) -> None:
        self._size = size
        self._new_means = new_means
        self._lock = threading.RLock()
        self._calling_back = threading.Lock()
        self._shift: _Shift | None = None
        self._dismissed = False

    def add(self, func: Callable[[], Any], callback: Any) -> None:
        with self._lock:
            # A worker that ends a task during an abort may bring a last one.
            if not self._dismissed and not (self._shift is not None and self._shift.add(func, callback)):
                self._shift = _Shift(self._size, self._new_means(), self._calling_back)
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
        self._of_this_process()[parallel] = _Crew(n_jobs, self._means(n_jobs, self._given | options))
        return n_jobs

    def _means(self, n_jobs: int, options: dict[str, Any]) -> Callable[[], _Means]:
        from ._threadpools import InnerLimit  # not at the top: it imports threadpoolctl

        limit = InnerLimit(n_jobs, self.inner_max_num_threads, nested=bool(self.nesting_level))
        if self._run_in == "threads":
            return lambda: _InThreads(limit)
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
        if isinstance(outcome, _Failure):
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
