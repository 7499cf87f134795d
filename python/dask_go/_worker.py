"""A worker process of the backend "gocluster": runs the tasks that its parent sends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import select
import signal
import socket
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle

from . import _lib
from ._transport import Key, Store, dumps, loads, receive, send

active = False  # whether this process is a worker
_place: Iterator[int] | None = None


def main(connection: int, life: int) -> None:
    """Work. Nothing is written to the pipe `life`; its other end is closed when the parent ends."""
    global active
    active = True
    _end_with_parent(life)
    channel = socket.socket(fileno=connection)

    def in_forked_child() -> None:
        channel.close()  # or the parent would not see that this process has ended
        os.close(life)

    os.register_at_fork(after_in_child=in_forked_child)
    os.set_inheritable(connection, False)
    os.set_inheritable(life, False)
    with contextlib.suppress(EOFError, ConnectionError):
        _serve(channel)


def _end_with_parent(life: int) -> None:
    # The kernel ends this process, whatever it does. (PR_SET_PDEATHSIG would end it with the
    # parent's *thread* that started it.)
    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(life, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([life], [], [], 0)[0]:
        os._exit(1)  # the parent had ended before


def _serve(channel: socket.socket) -> None:
    initializer, _ = receive(channel)
    function, arguments = loads(initializer, [])
    known: dict[Key, Any] = {}
    store = Store()
    failed = None
    try:
        if function is not None:
            function(*arguments)
    except BaseException as error:  # noqa: BLE001 -- all is told to the parent
        error.add_note("This happened in the initializer of a worker process.")
        failed = _failed(error, store)
    while True:
        task, memory = receive(channel, known)
        if not task:
            known.clear()  # the call has ended: its arguments need not stay
            del memory
            continue
        if failed is not None:
            send(channel, *failed)
            return
        outcome, placed = _outcome(task, memory, store)
        del task, memory
        send(channel, outcome, placed)
        del outcome, placed


def _outcome(task: bytearray, memory: list[Any], store: Store) -> tuple[Any, Any]:
    """Run a task; return what it returned, or what it raised and its traceback, pickled."""
    try:
        func: Callable[[], Any] = loads(task, memory)
    except BaseException as error:  # noqa: BLE001 -- all is told to the parent
        error.add_note("This happened when a worker process unpickled the task.")
        return _failed(error, store)
    try:
        result = func()
    except BaseException as error:  # noqa: BLE001
        return _failed(error, store)
    del func
    try:
        return dumps((True, result, None), store)
    except BaseException as error:  # noqa: BLE001
        refused = pickle.PicklingError(f"could not pickle the result of a task: {type(error).__name__}: {error}")
        refused.__cause__ = error
        return _failed(refused, store)


def _failed(error: BaseException, store: Store) -> tuple[Any, Any]:
    text = "".join(traceback.format_exception(error))
    try:
        pickled, placed = dumps((False, error.with_traceback(None), text), store)
        loads(cloudpickle.dumps(error), [])  # many exceptions can be pickled and not unpickled
        return pickled, placed
    except BaseException:  # noqa: BLE001
        return dumps((False, RuntimeError(f"{type(error).__qualname__}: {error}"), text), store)


def take_place() -> None:
    """Let the calling thread count as a task of the library, so that calls inside it share its budget."""
    global _place
    if active and _place is None:
        queue = _lib.Queue(0)
        queue.push(0)
        _place = queue.take()
        next(_place)
