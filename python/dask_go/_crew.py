"""One Parallel call on the backend "gocluster": its queue in the library, the threads that work on it, its caller."""

from __future__ import annotations

import functools
import os
import queue
import threading
import time
import traceback
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from joblib.parallel import TASK_ERROR, TASK_PENDING

from . import _lib

if TYPE_CHECKING:
    from ._threadpools import InnerLimit

_PATIENCE = 0.1  # seconds that the caller waits before joblib looks around by itself


class TaskTraceback(Exception):  # noqa: N818 -- it is the cause of an error
    """The traceback of a task, as text: the cause of the exception that a Parallel call raises."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


TaskTraceback.__module__ = "dask_go.backend"  # its name for users


def _formatted(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 -- of an exception's own __str__, or of Python 3.11's parser in several threads
        return "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__


class Failure:
    """What a task raised."""

    def __init__(self, error: BaseException) -> None:
        # joblib drops the traceback itself, which keeps alive all that the task's frames hold.
        if not isinstance(error.__cause__, TaskTraceback):
            error.__cause__ = TaskTraceback(_formatted(error))
        self.error = error


class Means(Protocol):
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


class InThreads:
    def __init__(self, limit: InnerLimit) -> None:
        self.job_threads = limit.asked_for
        self.begin, self.enter_thread, self.end = limit.enter, limit.enter_thread, limit.exit

    def run(self, func: Callable[[], Any]) -> Any:
        return func()


_Task = tuple[Callable[[], Any], Any]


class Caller:
    """The thread that waits in joblib for the results of a call, and is told when there is something for it."""

    def __init__(self) -> None:
        # joblib expects one callback at a time: another that finds the call aborted, while the one before
        # brings the error of an iterable, would end the call before its error is seen.
        self.lock = threading.Lock()
        # Not an Event, which is written in Python: Ctrl-C may leave its lock locked.
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._awaited = 0  # the batch that the thread waits for, by identity

    def expect(self, callback: Any) -> None:
        """Let the thread wait for this batch, where joblib would look again every 10 ms."""
        callback.get_status = functools.partial(self._status, weakref.ref(callback))

    def _status(self, reference: weakref.ref[Any], timeout: float | None) -> Any:
        batch: Any = reference()
        if timeout is None and batch.parallel.return_ordered:  # or joblib sleeps anyway
            self._awaited = id(batch)
            end = time.monotonic() + _PATIENCE
            while batch.status == TASK_PENDING and not batch.parallel._aborting:  # noqa: SLF001
                try:
                    self._news.get(timeout=max(end - time.monotonic(), 0))
                except queue.Empty:
                    break
            self._awaited = 0
        return type(batch).get_status(batch, timeout)

    def call_back(self, callback: Any, outcome: Any) -> None:
        """Give joblib the outcome of a batch, and wake the thread if it can go on."""
        parallel = callback.parallel
        with self.lock:
            try:
                callback(outcome)
            except BaseException as error:  # noqa: BLE001
                # It was to bring further tasks. As joblib does where an iterable fails, a task that has
                # failed takes their place, or the call would wait for ever.
                failed = type(callback)(0, 1, parallel)
                getattr(parallel, "_register_new_job", parallel._jobs.append)(failed)  # noqa: SLF001 -- joblib 1.4 just appends
                failed._register_outcome({"status": TASK_ERROR, "result": error})  # noqa: SLF001
        if self._awaited:
            over = parallel.n_completed_tasks >= parallel.n_dispatched_tasks and not parallel._iterating  # noqa: SLF001
            # Of a list nothing is given out before all is there, and to wake a thread costs more than many tasks.
            next_one = parallel.return_generator and self._awaited == id(callback)
            if over or next_one or parallel._aborting:  # noqa: SLF001
                self._news.put(None)


class _Shift:
    """A queue and the threads that work on it, until it is closed."""

    def __init__(self, size: int, means: Means, caller: Caller) -> None:
        self._pid = os.getpid()
        self._size = size
        self._means = means
        self._queue = _lib.Queue(means.job_threads)
        # A garbage collection in `add` may come to `close`, so a lock that can be taken again. Not a
        # Condition, which is written in Python: Ctrl-C may leave it locked.
        self._lock = threading.RLock()
        self._caller = caller
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
                self._caller.call_back(callback, Failure(error))

    def _run(self, func: Callable[[], Any], callback: Any) -> None:
        try:
            outcome = self._means.run(func)
        except BaseException as error:  # noqa: BLE001 -- it is raised where the result is wanted
            if self._closed:
                return
            outcome = Failure(error)
        self._caller.call_back(callback, outcome)

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


class Crew:
    """The workers of one Parallel object: a shift from its first task until it ends, then perhaps another."""

    def __init__(self, size: int, new_means: Callable[[], Means]) -> None:
        self._size = size
        self._new_means = new_means
        self._lock = threading.RLock()
        self._caller = Caller()
        self._shift: _Shift | None = None
        self._dismissed = False

    def add(self, func: Callable[[], Any], callback: Any) -> None:
        self._caller.expect(callback)
        with self._lock:
            # A worker that ends a task during an abort may bring a last one.
            if not self._dismissed and not (self._shift is not None and self._shift.add(func, callback)):
                self._shift = _Shift(self._size, self._new_means(), self._caller)
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
