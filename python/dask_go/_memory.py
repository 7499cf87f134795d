"""Memory that processes share: it has no name, so it ends with the last process that holds it, however that ends."""

from __future__ import annotations

import ctypes
import functools
import itertools
import math
import mmap
import os
import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

_counter = itertools.count()

# The memory of shared arrays that is attached in this process, by the number of its segment.
shared: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()


class Segment:
    """Memory in one file without a name or more, and a number that no other process gives out.

    Parameters
    ----------
    nbytes : int
        The size.
    parts : int
        The most files that it is made of, for so many threads to write at a time: the kernel
        lets one write to a file.
    number, fds
        Those of a segment that another process made, if it is that one. The descriptors are
        closed with this object.
    """

    def __init__(self, nbytes: int, parts: int = 1, number: int | None = None, fds: list[int] | None = None) -> None:
        self.nbytes = nbytes
        self.number = (os.getpid() << 32) + next(_counter) if number is None else number
        self.fds: list[int] = [] if fds is None else fds
        weakref.finalize(self, _close, self.fds).atexit = False
        if fds is None:
            part = _part(nbytes, max(min(parts, nbytes // _LEAST_PART), 1))
            for begin in range(0, nbytes, part):
                self.fds.append(memfd("dask-go"))
                os.ftruncate(self.fds[-1], min(part, nbytes - begin))

    @property
    def part(self) -> int:
        """The bytes of each file but the last."""
        return _part(self.nbytes, len(self.fds))


_LEAST_PART = 32 << 20
_ALIGNED = 2 << 20  # a multiple of the page, and of a large page, of any machine


def _part(nbytes: int, parts: int) -> int:
    return nbytes if parts == 1 else -(-nbytes // (parts * _ALIGNED)) * _ALIGNED


def _close(fds: list[int]) -> None:
    while fds:
        os.close(fds.pop())


def memfd(name: str) -> int:
    """memfd_create(2), also where Python was built for a C library that lacks it."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name)
    machine = os.uname().machine
    number = {"x86_64": 319, "aarch64": 279}.get(machine)
    if number is None:
        raise OSError(f"this Python has no os.memfd_create, and the system call is not known on {machine}")
    close_on_exec = 1
    fd: int = _libc().syscall(ctypes.c_long(number), name.encode(), ctypes.c_uint(close_on_exec))
    if fd < 0:
        raise _os_error("memfd_create")
    return fd


@functools.cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
    libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    return libc


def _os_error(function: str) -> OSError:
    error = ctypes.get_errno()
    return OSError(error, f"{function}: {os.strerror(error)}")


# <sys/mman.h>, where Python's mmap does not have them: PROT_NONE, and in the place of what is mapped there.
_NO_ACCESS, _MAP_FIXED = 0, 0x10
_READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE
_MODES = {
    "r": (mmap.PROT_READ, mmap.MAP_SHARED),
    "r+": (_READ_WRITE, mmap.MAP_SHARED),
    "c": (_READ_WRITE, mmap.MAP_PRIVATE),
}


def attach(segment: Segment, mode: str) -> Any:
    """Map a segment: "r" to read, "r+" to share it, "c" to have a copy of what is written to.

    Unlike mmap.mmap the result keeps no descriptor open, so that there may be any number.
    """
    nbytes, part = segment.nbytes, segment.part
    address = _map(None, nbytes, _NO_ACCESS, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1)
    memory = (ctypes.c_char * nbytes).from_address(address)
    weakref.finalize(memory, _libc().munmap, address, nbytes).atexit = False
    protection, flags = _MODES[mode]
    for i, fd in enumerate(segment.fds):
        _map(address + i * part, min(part, nbytes - i * part), protection, flags | _MAP_FIXED, fd)
    return memory


def _map(address: int | None, nbytes: int, protection: int, flags: int, fd: int) -> int:
    mapped: int = _libc().mmap(address, nbytes, protection, flags, fd, 0)
    if mapped == ctypes.c_void_p(-1).value:
        raise _os_error("mmap")
    return mapped


def shared_array(shape: int | tuple[int, ...], dtype: npt.DTypeLike = float) -> npt.NDArray[Any]:
    """Return an array of zeros in memory that the backend's worker processes share.

    Passed to a task of `parallel_config(backend="gocluster", workers="processes")`, the array or
    a view of it is not copied: the task reads and writes this memory. Such an array that a
    task returns is this memory, too. Pickled elsewhere it is copied like any other array.

    Parameters
    ----------
    shape : int or tuple of int
        The shape.
    dtype : dtype
        The type of the elements; not object.

    Returns
    -------
    ndarray
        The memory is freed with the last array that refers to it, in any process.

    Raises
    ------
    ValueError
        If the dtype has Python objects in it, or a length is negative.
    OSError
        If the system gives no memory or no descriptor; an array needs one.

    Examples
    --------
    >>> out = dask_go.shared_array((8, 1000))
    >>> with joblib.parallel_config(backend="gocluster", workers="processes", n_jobs=4):
    ...     Parallel()(delayed(np.copyto)(out[i], i) for i in range(8))
    """
    dtype = np.dtype(dtype)
    if dtype.hasobject:
        raise ValueError(f"dtype {dtype} holds Python objects, which processes cannot share")
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(n < 0 for n in shape):
        raise ValueError(f"shape {shape} has a negative length")
    segment = Segment(max(math.prod(shape) * dtype.itemsize, 1))
    return np.ndarray(shape, dtype, attach_shared(segment))


def attach_shared(segment: Segment) -> Any:
    """Return the memory of a shared array's segment; it is known by its number as long as it is there."""
    memory = attach(segment, "r+")
    memory.segment = segment
    shared[segment.number] = memory
    return memory


def segment_of(array: npt.NDArray[Any]) -> tuple[Segment, int] | None:
    """Return the segment of a shared array or a view of one, and the address where it begins."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if not isinstance(base, ctypes.Array) or not hasattr(base, "segment"):
        return None
    return base.segment, ctypes.addressof(base)
