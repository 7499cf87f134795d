"""The one door to libgocluster: loading it, its errors, its jobs, its threads.

The library is opened by the first call of `library`, so that importing the package starts
no Go. A Go runtime does not survive fork: the child inherits its memory but none of its
threads. So after a fork the child opens a private copy of the file, a second runtime of
its own. Code elsewhere asks `library()` every time and keeps no reference to what it
returns, or it would reach past that guard.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ._abi import ffi
from ._dask_task import task_watch
from ._memory import memfd

_PATH = Path(__file__).with_name("libgocluster.so.1")

# Ctrl-C is noticed between two waits, so this bounds its delay.
_SLICE_MS = 50

_lock = threading.Lock()
_loaded: Any = None
_inherited = False

# What a running job reads and writes, by the job's identity; see run_job.
_in_use: dict[int, tuple[Any, ...]] = {}

_EXCEPTIONS: dict[str, type[BaseException]] = {
    "GOCLUSTER_ERROR_ARGUMENT": ValueError,
    "GOCLUSTER_ERROR_SHAPE": ValueError,
    "GOCLUSTER_ERROR_STRIDES": ValueError,
    "GOCLUSTER_ERROR_DTYPE": TypeError,
    "GOCLUSTER_ERROR_NOT_FINITE": ValueError,
    "GOCLUSTER_ERROR_OVERLAP": ValueError,
    "GOCLUSTER_ERROR_TOO_LARGE": ValueError,
    "GOCLUSTER_ERROR_ADDRESS": ValueError,
    "GOCLUSTER_ERROR_MEMORY": MemoryError,
    "GOCLUSTER_ERROR_CANCELLED": KeyboardInterrupt,
    "GOCLUSTER_ERROR_IO": OSError,
}


def library() -> Any:
    """Return the loaded library, opening it first if need be.

    Raises
    ------
    OSError
        If the library file is missing or cannot be loaded.
    RuntimeError
        If it is of another version than this package, or if it was loaded before a fork
        and GOCLUSTER_FORK=error forbids a second copy.
    """
    return _loaded if _loaded is not None else _load()


def is_loaded() -> bool:
    """Return whether this process has opened the library."""
    return _loaded is not None


def _load() -> Any:
    global _loaded
    from ._threadpools import register  # which imports this module

    with _lock:
        if _loaded is None:
            lib = _open_private_copy() if _inherited else ffi.dlopen(str(_PATH))
            found = lib.gocluster_abi_version(), lib.gocluster_abi_minor()
            wanted = lib.GOCLUSTER_ABI_VERSION, lib.GOCLUSTER_ABI_MINOR
            if found[0] != wanted[0] or found[1] < wanted[1]:
                raise RuntimeError(
                    f"{_PATH} has ABI {found[0]}.{found[1]}, and this dask_go was made for {wanted[0]}.{wanted[1]}: "
                    "reinstall dask-go"
                )
            _loaded = lib
            register()
    return _loaded


def _open_private_copy() -> Any:
    """Load the library's file a second time, under a name that the dynamic loader has not seen."""
    if os.environ.get("GOCLUSTER_FORK") == "error":
        raise RuntimeError(
            "libgocluster was loaded before this process was forked, and GOCLUSTER_FORK=error is set: "
            "start workers with the spawn or forkserver method, or use dask_go only after the fork"
        )
    fd = memfd("libgocluster")
    try:
        with _PATH.open("rb") as source, open(fd, "wb", closefd=False) as copy:
            copy.write(source.read())
        # Not /proc/self/fd: the loader knows libraries by name, and a grandchild that got
        # the same descriptor number would be given its parent's copy.
        return ffi.dlopen(f"/proc/{os.getpid()}/fd/{fd}")
    finally:
        os.close(fd)


def _after_fork_in_child() -> None:
    global _loaded, _inherited, _lock
    # A lock that is held means that another thread of the parent was loading.
    _inherited = _inherited or _loaded is not None or _lock.locked()
    _loaded = None
    _lock = threading.Lock()
    _in_use.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)


def check(code: int, error: Any) -> None:
    """Raise the Python exception for a negative code; `error` is the gocluster_error that was passed along."""
    if code >= 0:
        return
    message = ffi.string(error.message).decode(errors="replace")
    argument = ffi.string(error.argument).decode(errors="replace")
    name = ffi.string(library().gocluster_error_name(code)).decode()
    if argument and argument not in message:
        message = f"{argument}: {message}"
    raise _EXCEPTIONS.get(name, RuntimeError)(message or name)


def call(function: str, *arguments: Any) -> None:
    """Call a function that ends at once, and raise if it fails."""
    error = ffi.new("gocluster_error *")
    check(getattr(library(), function)(*arguments, error), error)


def run_job(
    start: str,
    *arguments: Any,
    result: tuple[str, Any] | None = None,
    tick: Callable[[], None] | None = None,
    report: Callable[[int, float], None] | None = None,
) -> None:
    """Start a job, wait for its end in slices so that signals are handled, and free it.

    Parameters
    ----------
    start : str
        The name of the `..._start` function.
    *arguments : cdata
        Its arguments, without the last two (job and error).
    result : (str, cdata), optional
        The function that takes the job's result, and where it puts it.
    tick : callable, optional
        Called after every wait, for the last time when the job has ended well.
    report : callable, optional
        Likewise, with `done` and `metric` of the job's progress.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C. The work has stopped by then, and nothing touches the arrays any more.
    """
    lib = library()
    watch = task_watch(set_num_threads)
    error = ffi.new("gocluster_error *")
    job = ffi.new("gocluster_job *")
    progress = ffi.NULL if report is None else ffi.new("gocluster_progress *")
    # Should a second Ctrl-C cut the clean-up short, the arrays stay here, and alive.
    _in_use[id(job)] = (job, progress, *arguments)
    try:
        check(getattr(lib, start)(*arguments, job, error), error)
        code = lib.GOCLUSTER_PENDING
        while code == lib.GOCLUSTER_PENDING:
            code = lib.gocluster_job_wait(job[0], _SLICE_MS, progress, error)
            if tick is not None and code >= 0:
                tick()
            if report is not None and code >= 0:
                report(progress.done, progress.metric)
            if watch is not None:
                watch()
        check(code, error)
        if result is not None:
            check(getattr(lib, result[0])(job[0], result[1], error), error)
    finally:
        # Returns when the job has stopped; one that was never started is an error that nobody reads.
        lib.gocluster_job_free(job[0], ffi.NULL)
        del _in_use[id(job)]


class Queue:
    """Tasks that threads of this process run as the thread budget allows; a task is a number.

    Parameters
    ----------
    job_threads : int
        The most threads that the library uses for one call inside a task; 0 is no limit.
    """

    def __init__(self, job_threads: int) -> None:
        self._handle = ffi.new("gocluster_queue *")
        call("gocluster_queue_new", job_threads, self._handle)

    def push(self, task: int) -> None:
        """Append a task."""
        # The struct for an error costs more than all the rest, and a push that fails is rare.
        if library().gocluster_queue_push(self._handle[0], task, ffi.NULL) < 0:
            call("gocluster_queue_push", self._handle[0], task)

    def take(self) -> Iterator[int]:
        """Yield tasks to the calling thread until the queue is freed; to ask for one ends the one before."""
        task = ffi.new("int64_t *")
        error = ffi.new("gocluster_error *")
        while (code := library().gocluster_queue_next(self._handle[0], task, error)) == 0:
            yield task[0]
        if code != library().GOCLUSTER_ERROR_HANDLE:
            check(code, error)

    def free(self) -> None:
        """Forget the tasks that have not begun, wake the threads, and cancel the library's work for running tasks."""
        library().gocluster_queue_free(self._handle[0], ffi.NULL)  # the only error: it was freed before


def get_num_threads() -> int:
    """Return how many threads the library uses, all its callers together.

    At start it is the first of GOCLUSTER_NUM_THREADS, OMP_NUM_THREADS, the container's CPU
    quota and the CPUs that the process may run on.
    """
    return int(library().gocluster_get_num_threads())


def set_num_threads(threads: int) -> int:
    """Set how many threads the library uses, all its callers together.

    Parameters
    ----------
    threads : int
        At least 1. Results do not depend on it.

    Returns
    -------
    int
        The previous number.

    Raises
    ------
    ValueError
        If `threads` is smaller than 1 or larger than 2**31 - 1.
    """
    if not 1 <= threads < 2**31:
        raise ValueError(f"threads must be between 1 and 2**31 - 1, got {threads!r}")
    previous = int(library().gocluster_set_num_threads(threads))
    if previous < 0:
        raise RuntimeError(ffi.string(library().gocluster_error_name(previous)).decode())
    return previous
