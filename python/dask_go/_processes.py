"""Worker processes of the backend "gocluster": started by exec, used again by later calls, ended when idle for long."""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import pickle
import signal
import socket
import subprocess
import threading
import time
import weakref
from collections.abc import Callable
from multiprocessing import spawn, util
from typing import Any, NamedTuple

import cloudpickle
from joblib.externals.loky.process_executor import TerminatedWorkerError
from joblib.parallel import ParallelBackendBase

from ._crew import TaskTraceback
from ._transport import COPY, CallStore, Key, dumps, loads, receive, send

IDLE_SECONDS = 300.0  # after which a worker ends
_ENDING_SECONDS = 2.0  # that a worker has to end by itself

_BOOT = (
    "import pickle, sys; from multiprocessing import spawn; connection, life = map(int, sys.argv[1:]); "
    "f = open(life, 'rb', closefd=False); spawn.prepare(pickle.load(f)); "
    "from dask_go._worker import main; main(connection, life)"
)


class Kind(NamedTuple):
    """What a worker is started with; calls that want the same can have the same workers."""

    threads: int  # that OpenMP, BLAS and the library use in it
    forced: bool  # also if a variable of the environment says less
    initializer: bytes  # pickled: a function and its arguments, or None

    @classmethod
    def of(cls, threads: int, forced: bool, initializer: Callable[..., Any] | None, initargs: tuple[Any, ...]) -> Kind:
        return cls(threads, forced, cloudpickle.dumps((initializer, initargs), protocol=5))

    def environment(self) -> dict[str, str]:
        env = dict(os.environ)
        for name in (*ParallelBackendBase.MAX_NUM_THREADS_VARS, "GOCLUSTER_NUM_THREADS"):
            given = env.get(name, "")
            env[name] = str(min(int(given), self.threads) if given.isdigit() and not self.forced else self.threads)
        return env


class Worker:
    """A process that runs one task at a time."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.idle_since = 0.0
        self._knows: set[Key] = set()
        self._connection, theirs = socket.socketpair()
        life, self._life = os.pipe()
        try:
            self.process = subprocess.Popen(
                [*_command(), str(theirs.fileno()), str(life)],
                pass_fds=(theirs.fileno(), life),
                stdin=subprocess.DEVNULL,
                env=kind.environment(),
                process_group=0,  # Ctrl-C is for the parent
            )
        except BaseException:
            self._connection.close()
            os.close(self._life)
            raise
        finally:
            theirs.close()
            os.close(life)
        _workers.add(self)
        try:
            _write(self._life, _preparation())
            send(self._connection, kind.initializer)
        except OSError:
            raise self._ended("before it began") from None

    def run(self, func: Callable[[], Any], store: CallStore) -> Any:
        """Return what a function returned in the process, or raise what it raised."""
        try:
            pickled, placed = dumps(func, store)
        except (OSError, MemoryError):
            raise
        except Exception as error:
            raise pickle.PicklingError(
                f"could not pickle the task to send it to the workers: {type(error).__name__}: {error}"
            ) from error
        try:
            send(self._connection, pickled, placed, self._knows)
            self._knows = {(segment.number, mode) for segment, mode in placed if mode != COPY}
            del pickled, placed
            outcome, memory = receive(self._connection)
        except (EOFError, ConnectionError):
            raise self._ended("while it ran a task") from None
        try:
            succeeded, result, text = loads(outcome, memory)
        except Exception as error:
            error.add_note("This happened when the result of a task was unpickled.")
            raise
        if not succeeded:
            result.__cause__ = TaskTraceback(text)
            raise result
        return result

    def rest(self) -> None:
        """Let the process forget the arguments of its last task."""
        if self._knows:
            self._knows = set()
            with contextlib.suppress(OSError):  # should it have ended, that is noticed when it is needed
                send(self._connection, b"")

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """End the process at once; may be done again, and from any thread."""
        self.process.kill()

    def close(self) -> None:
        """Let the process end, which waits for a task."""
        self._connection.close()

    def reap(self) -> None:
        """Wait until the process has ended, and close what is left of it."""
        self.close()
        try:
            self.process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._close_life()

    def _close_life(self) -> None:
        life, self._life = self._life, -1
        if life >= 0:
            os.close(life)

    def _ended(self, when: str) -> TerminatedWorkerError:
        self.reap()
        code = self.process.returncode
        how = f"was ended by {_signal(-code)}" if code < 0 else f"exited with code {code}"
        hint = ""
        if code == -signal.SIGKILL:
            hint = "; where memory is short, the system does that: use fewer jobs, or dask_go.shared_array"
        return TerminatedWorkerError(f"the worker process {self.process.pid} {how} {when}{hint}")

    def forget(self) -> None:
        """Leave the process to the parent, of which this one is a forked child."""
        self._connection.close()
        self._close_life()
        self.process.returncode = 0  # or its finalizer would look for it


def _command() -> list[str]:
    executable = spawn.get_executable()
    if not executable:
        raise RuntimeError("the path of Python is not known: set it with multiprocessing.set_executable")
    flags: list[str] = util._args_from_interpreter_flags()  # type: ignore[attr-defined] # noqa: SLF001 -- as multiprocessing does
    return [os.fsdecode(executable), *flags, "-c", _BOOT]


def _preparation() -> bytes:
    data = spawn.get_preparation_data("gocluster worker")
    # Functions of __main__ are pickled whole, so it need not run again.
    for name in ("init_main_from_name", "init_main_from_path"):
        data.pop(name, None)
    if data.get("start_method") not in multiprocessing.get_all_start_methods():
        data.pop("start_method", None)  # loky's is known once it is loaded
    data["authkey"] = bytes(data["authkey"])
    return pickle.dumps(data)


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


# ---- those that are idle --------------------------------------------------------------

_workers: weakref.WeakSet[Worker] = weakref.WeakSet()
_idle: list[Worker] = []  # the longest first
_lock = threading.RLock()  # a garbage collection may come to `_give_back`
_tidying = False


def _lease(kind: Kind) -> Worker:
    """Return an idle worker of this kind, or start one, in place of one of another kind."""
    spare = None
    with _lock:
        for worker in reversed(_idle):
            if worker.kind == kind and worker.is_alive():
                _idle.remove(worker)
                return worker
        if _idle:
            spare = _idle.pop(0)
    if spare is not None:
        spare.kill()
        spare.reap()
    worker = Worker(kind)
    _tidy()
    return worker


def _give_back(worker: Worker) -> None:
    worker.rest()
    worker.idle_since = time.monotonic()
    with _lock:
        _idle.append(worker)


def _tidy() -> None:
    """See to it that a thread ends workers that are idle for long, as long as there are workers."""
    global _tidying
    with _lock:
        if _tidying:
            return
        _tidying = True
    threading.Thread(target=_keep_tidy, name="gocluster idle workers", daemon=True).start()


def _keep_tidy() -> None:
    global _tidying
    while True:
        time.sleep(IDLE_SECONDS / 10)
        _end_old()
        with _lock:
            if not _workers:
                _tidying = False
                return


def _end_old() -> None:
    with _lock:
        now = time.monotonic()
        old = [w for w in _idle if now - w.idle_since > IDLE_SECONDS or not w.is_alive()]
        _idle[:] = [w for w in _idle if w not in old]
    for worker in old:
        worker.reap()


@atexit.register
def _end() -> None:
    workers = list(_workers)
    for worker in workers:
        if worker in _idle:
            worker.close()
        else:
            worker.kill()
    _idle.clear()
    for worker in workers:
        worker.reap()


def _after_fork_in_child() -> None:
    global _lock, _tidying
    for worker in list(_workers):
        worker.forget()
    _workers.clear()
    _idle.clear()
    _lock, _tidying = threading.RLock(), False


os.register_at_fork(after_in_child=_after_fork_in_child)


# ---- those of a call ------------------------------------------------------------------


class InProcesses:
    """How the tasks of one call run: in worker processes that the call has until it ends."""

    job_threads = 0

    def __init__(self, n_jobs: int, kind: Kind, max_nbytes: int | None, mmap_mode: str | None) -> None:
        self._store = CallStore(max_nbytes, mmap_mode, n_jobs)
        self._kind = kind
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._free: list[Worker] = []
        self._busy: list[Worker] = []
        self._over = False

    def begin(self) -> None:
        """Do nothing: workers are taken as tasks come."""

    def enter_thread(self) -> None:
        """Do nothing: the calling thread will wait only."""

    def run(self, func: Callable[[], Any]) -> Any:
        worker = self._take()
        try:
            return worker.run(func, self._store)
        finally:
            self._put_back(worker)

    def _take(self) -> Worker:
        with self._lock:
            worker = self._free.pop() if self._free else None
            if worker is not None:
                self._busy.append(worker)
        if worker is None:
            worker = _lease(self._kind)
            with self._lock:
                self._busy.append(worker)
        if self._over:
            worker.kill()
        return worker

    def _put_back(self, worker: Worker) -> None:
        with self._lock:
            self._busy.remove(worker)
            if not self._over and worker.is_alive():
                self._free.append(worker)
                return
        worker.reap()

    def end(self) -> None:
        """Give idle workers back and end the others; may be done again, should Ctrl-C have cut it short."""
        if self._pid != os.getpid():
            return
        with self._lock:
            self._over = True
            for worker in self._busy:
                worker.kill()
            self._store.clear()
            while self._free:
                _give_back(self._free.pop())
