"""What a program and its worker processes send each other: pickled objects, with large arrays in shared memory."""

from __future__ import annotations

import io
import os
import pickle
import socket
import struct
import threading
import weakref
from collections import ChainMap, OrderedDict
from collections.abc import Callable, Collection
from typing import Any

import cloudpickle
import numpy as np
import numpy.typing as npt

from . import _memory
from ._memory import Segment

Array = npt.NDArray[Any]
Placed = tuple[Segment, str]  # a segment, and how it is attached: "r", "r+", or one of these
COPY, SHARED = "c", "shared"  # one that is copied where it is written to; a shared array's

# Smaller arrays travel with the pickle: to map memory costs more than to copy so little.
LARGE = 1 << 20
# So many new segments at most for a message; further arrays travel with the pickle, or descriptors might run out.
_MOST_NEW = 16
# So many segments at most are kept in case that another task needs the same array.
_MOST_KEPT = 64
_MOST_PARTS = 4
_CHUNK = 8 << 20


# ---- arrays -------------------------------------------------------------------------


class _Copy:
    """An array's bytes in a segment, written by all threads that need it, each byte once."""

    def __init__(self, array: Array, writers: int = 1) -> None:
        contiguous = _contiguous(array)
        source = array if contiguous else np.ascontiguousarray(array)
        self.segment = Segment(source.nbytes, min(writers, _MOST_PARTS))
        self.address = _address(source)
        self.strides = None if contiguous else source.strides
        self.uses = 1
        self._bytes: Any = source.reshape(-1, order="A").view(np.uint8).data
        chunks = _chunks(source.nbytes, self.segment.part)
        self._chunks = iter(chunks)
        self._left = len(chunks)
        self._lock = threading.Lock()
        self._written = threading.Event()
        self._error: BaseException | None = None

    def finish(self) -> None:
        part = self.segment.part
        while (chunk := self._next()) is not None:
            try:
                begin, end = chunk
                fd = self.segment.fds[begin // part]
                while begin < end:
                    begin += os.pwrite(fd, self._bytes[begin:end], begin % part)
            except BaseException as error:  # noqa: BLE001 -- others wait for this chunk
                self._error = error
            with self._lock:
                self._left -= 1
                if self._left == 0:
                    self._bytes = None  # which kept the array alive
                    self._written.set()
        self._written.wait()
        if self._error is not None:
            raise self._error

    def _next(self) -> tuple[int, int] | None:
        with self._lock:
            return next(self._chunks, None)


def _chunks(nbytes: int, part: int) -> list[tuple[int, int]]:
    """Cut a segment into chunks, those of different parts beside each other: a part can be written by one thread."""
    return [
        (begin, min(begin + _CHUNK, first + part, nbytes))
        for offset in range(0, part, _CHUNK)
        for first in range(0, nbytes, part)
        if (begin := first + offset) < nbytes
    ]


class Store:
    """Puts every large array in a segment of its own, for a receiver who owns it then."""

    smallest = LARGE

    def mode(self, nbytes: int) -> str:  # noqa: ARG002
        """Return how an array of this size is attached."""
        return "r+"

    def copy(self, array: Array) -> _Copy:
        """Return a copy of memory that `array` lies in."""
        return _Copy(array)


class CallStore(Store):
    """The arguments of the tasks of one call: an array that several tasks are given is copied once.

    A copy is forgotten when its array is gone, when two other arrays for each worker were copied before a
    second task used it, or with the call. Arrays of more than `max_nbytes` are attached as
    `mmap_mode` says. To other tasks they look like copies of their own.
    """

    def __init__(self, max_nbytes: int | None, mmap_mode: str | None, n_jobs: int) -> None:
        self._limit = max_nbytes if max_nbytes is not None and mmap_mode is not None else 1 << 62
        self._mode = "r+" if mmap_mode == "w+" else mmap_mode or COPY
        self.smallest = min(LARGE, self._limit + 1)
        self._n_jobs = n_jobs
        self._lock = threading.RLock()  # a garbage collection may come to `forget`
        self._copies: OrderedDict[int, tuple[weakref.ref[Array], _Copy]] = OrderedDict()

    def mode(self, nbytes: int) -> str:
        return self._mode if nbytes > self._limit else COPY

    def copy(self, array: Array) -> _Copy:
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        with self._lock:
            # A view goes as a part of its owner, for other tasks may have other views, unless it is a small part.
            if _contiguous(owner) and (self._known(owner) or 2 * array.nbytes >= owner.nbytes):
                array = owner
            copied = self._known(array)
            if copied is None:
                copied = _Copy(array, self._n_jobs)
                self._keep(array, copied)
            else:
                copied.uses += 1
                self._copies.move_to_end(id(array))
            return copied

    def _known(self, array: Array) -> _Copy | None:
        entry = self._copies.get(id(array))
        return entry[1] if entry is not None and entry[0]() is array else None

    def _keep(self, array: Array, copied: _Copy) -> None:
        for key, (_, other) in list(self._copies.items()):  # the longest unused first
            if len(self._copies) >= (2 * self._n_jobs if other.uses == 1 else _MOST_KEPT):
                del self._copies[key]
        key, reference_to_self = id(array), weakref.ref(self)

        def forget(reference: weakref.ref[Array]) -> None:
            store = reference_to_self()
            if store is not None:
                store._forget(key, reference)  # noqa: SLF001 -- it is this object

        self._copies[key] = weakref.ref(array, forget), copied

    def clear(self) -> None:
        """Forget all copies; may be done again, should Ctrl-C have cut it short."""
        with self._lock:
            self._copies.clear()

    def _forget(self, key: int, reference: weakref.ref[Array]) -> None:
        with self._lock:
            if key in self._copies and self._copies[key][0] is reference:
                del self._copies[key]


def _contiguous(array: Array) -> bool:
    return array.flags.c_contiguous or array.flags.f_contiguous


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _bounds(array: Array) -> tuple[int, int]:
    low = high = _address(array)
    for n, stride in zip(array.shape, array.strides, strict=True):
        low += min((n - 1) * stride, 0)
        high += max((n - 1) * stride, 0)
    return low, high + array.itemsize


class _Arrays:
    """The large arrays of one message: what a pickler asks about them, and what has to be sent beside the pickle."""

    def __init__(self, store: Store) -> None:
        self.placed: list[Placed] = []  # in the order in which the pickle needs them
        self._store = store
        self._tokens: dict[int, tuple[pickle.PickleBuffer, Placed]] = {}
        self._copies: list[_Copy] = []

    def table(self) -> dict[type, Callable[[Any], Any]]:
        return {np.ndarray: self._array, np.memmap: self._memmap}

    def _array(self, array: Array) -> Any:
        if array.nbytes == 0 or array.dtype.hasobject:
            return array.__reduce_ex__(5)
        there = _memory.segment_of(array)
        if there is not None:
            segment, begin = there
            return self._view(array, array.strides, _address(array) - begin, (segment, SHARED))
        if array.nbytes < self._store.smallest or len(self._copies) >= _MOST_NEW:
            return array.__reduce_ex__(5)
        copied = self._store.copy(array)
        self._copies.append(copied)
        placed = copied.segment, self._store.mode(array.nbytes)
        if copied.strides is not None:
            return self._view(array, copied.strides, 0, placed)
        return self._view(array, array.strides, _address(array) - copied.address, placed)

    def _view(self, array: Array, strides: Any, offset: int, placed: Placed) -> Any:
        token = pickle.PickleBuffer(bytearray())  # of bytes it would be read-only
        self._tokens[id(token)] = token, placed
        return _rebuild, (token, array.shape, array.dtype, strides, offset)

    def _memmap(self, array: Any) -> Any:
        root = array
        while isinstance(root.base, np.ndarray):
            root = root.base
        # What was written to one of mode "c" is not in its file.
        by_name = isinstance(root, np.memmap) and root.mode != "c" and root.filename is not None
        if not by_name or array.nbytes == 0 or array.dtype.hasobject or not os.path.exists(root.filename):
            return self._array(np.asarray(array))
        low, high = _bounds(array)
        begin = root.offset + low - _address(root)
        mode = "r+" if root.mode == "w+" else root.mode
        if array.flags.c_contiguous:
            return np.memmap, (root.filename, array.dtype, mode, begin, array.shape)
        view = array.shape, array.dtype, array.strides, _address(array) - low
        return _open, (root.filename, mode, begin, high - low, view)

    def buffer(self, buffer: pickle.PickleBuffer) -> bool:
        """Decide whether a buffer travels with the pickle."""
        _, placed = self._tokens.pop(id(buffer), (None, None))
        if placed is None:
            raw = buffer.raw()
            if raw.nbytes < self._store.smallest or len(self._copies) >= _MOST_NEW:
                return True
            self._copies.append(_Copy(np.frombuffer(raw, np.uint8)))
            placed = self._copies[-1].segment, self._store.mode(raw.nbytes)
        self.placed.append(placed)
        return False

    def finish(self) -> None:
        for copied in self._copies:
            copied.finish()


def _rebuild(memory: Any, shape: Any, dtype: Any, strides: Any, offset: int) -> Array:
    return np.ndarray(shape, dtype, memory, offset, strides)


def _open(path: str, mode: Any, begin: int, nbytes: int, view: tuple[Any, ...]) -> Array:
    return _rebuild(np.memmap(path, np.uint8, mode, begin, nbytes), *view)


class _Pickler(cloudpickle.Pickler):
    def __init__(self, out: io.BytesIO, arrays: _Arrays) -> None:
        self.dispatch_table = ChainMap(arrays.table(), cloudpickle.Pickler.dispatch_table)  # read by __init__
        super().__init__(out, protocol=5, buffer_callback=arrays.buffer)


def dumps(value: Any, store: Store) -> tuple[memoryview, list[Placed]]:
    """Return the pickle of a value, and the segments that belong to it."""
    out, arrays = io.BytesIO(), _Arrays(store)
    _Pickler(out, arrays).dump(value)
    arrays.finish()
    return out.getbuffer(), arrays.placed


def loads(pickled: bytes | bytearray, memory: list[Any]) -> Any:
    """Return the value of a pickle with the memory of its segments."""
    return pickle.loads(pickled, buffers=memory)  # noqa: S301 -- from a process of this program


# ---- messages -----------------------------------------------------------------------

_HEAD = struct.Struct("<QII")  # bytes of the pickle, bytes of the references, descriptors
_FDS = 200  # descriptors at a time; the system takes 253

Key = tuple[int, str]  # the number of a segment, and how it is attached


def send(connection: socket.socket, pickled: Any, placed: Collection[Placed] = (), known: Collection[Key] = ()) -> None:
    """Send a pickle and its segments, without the descriptors of those that the receiver knows."""
    references = [(segment.number, mode) for segment, mode in placed]
    new = {(segment.number, mode): segment for segment, mode in placed if (segment.number, mode) not in known}
    owners = [(key, segment.nbytes, len(segment.fds)) for key, segment in new.items()]
    fds = [fd for segment in new.values() for fd in segment.fds]
    described = pickle.dumps((references, owners)) if references else b""
    head = _HEAD.pack(len(pickled), len(described), len(fds))
    if fds:
        connection.sendall(head)
        for first in range(0, len(fds), _FDS):
            socket.send_fds(connection, [b"\0"], fds[first : first + _FDS])
        head = b""
    _send_all(connection, [head, described, pickled])


def _send_all(connection: socket.socket, parts: list[Any]) -> None:
    sent = connection.sendmsg(parts)
    for part in parts:
        if sent < len(part):
            connection.sendall(memoryview(part)[sent:])
        sent = max(sent - len(part), 0)


def receive(connection: socket.socket, known: dict[Key, Any] | None = None) -> tuple[bytearray, list[Any]]:
    """Return a pickle and the memory of its segments.

    `known` holds the memory of the last message's segments, and afterwards that of this one's
    (but for copies, which the receiver may have changed).

    Raises
    ------
    EOFError
        If the other process has ended, or closed the connection.
    """
    length, describing, n_fds = _HEAD.unpack(_read(connection, _HEAD.size))
    fds: list[int] = []
    try:
        while len(fds) < n_fds:
            _, more, _, _ = socket.recv_fds(connection, 1, _FDS, socket.MSG_CMSG_CLOEXEC)
            if not more:
                raise EOFError
            fds += more
        described, pickled = _read(connection, describing), _read(connection, length)
        memory = _attach(described, fds, known if known is not None else {})
    finally:
        while fds:
            os.close(fds.pop())
    return pickled, memory


def _read(connection: socket.socket, length: int) -> bytearray:
    data = bytearray(length)
    rest = memoryview(data)
    while rest:
        got = connection.recv_into(rest)
        if got == 0:
            raise EOFError
        rest = rest[got:]
    return data


def _attach(described: bytearray, fds: list[int], known: dict[Key, Any]) -> list[Any]:
    references, owners = loads(described, []) if described else ([], [])
    new: dict[Key, Segment] = {}
    for key, nbytes, count in owners:
        new[key] = Segment(nbytes, number=key[0], fds=fds[:count])
        del fds[:count]
    memory: dict[Key, Any] = {}
    for key in references:
        number, mode = key
        if key in memory:
            continue
        if key in known:
            memory[key] = known[key]
        elif mode == SHARED:
            memory[key] = _memory.shared.get(number) or _memory.attach_shared(new[key])
        else:
            there = _memory.attach(new[key], mode)
            # Of a memoryview alone NumPy would take what is below it, and let a task make its array writeable.
            memory[key] = pickle.PickleBuffer(memoryview(there).toreadonly()) if mode == "r" else there
    known.clear()
    known.update((key, there) for key, there in memory.items() if key[1] != COPY)
    return [memory[key] for key in references]
