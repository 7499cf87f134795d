"""Rows that lie in files: `.npy` files by their paths, and memory-mapped arrays."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from . import _marshal


class Files(NamedTuple):
    """Files whose rows follow one another."""

    parts: list[_marshal.FilePart]
    shape: tuple[int, int]
    dtype: np.dtype[Any]  # of the rows in memory: integers become float64

    def outline(self) -> _marshal.Array:
        """Return an array of the shape and type that takes no memory, for scikit-learn's checks."""
        return np.broadcast_to(np.zeros(1, self.dtype), self.shape)

    def blocks(self) -> Iterator[tuple[int, _marshal.Array]]:
        """Yield the rows in blocks, each with the number of its first row."""
        first = 0
        for part in self.parts:
            rows, columns = part.shape
            step = max(_BLOCK_BYTES // max(columns * part.dtype.itemsize, 1), 1)
            for low in range(0, rows, step):
                high = min(low + step, rows)
                yield first + low, _marshal.file_rows(part, low, high).astype(self.dtype, copy=False)
            first += rows


_BLOCK_BYTES = 1 << 24


# A smaller map is an array like any other, with that one's defaults: joblib maps large arguments on its
# own account. The bound does not depend on the machine, for the result must not.
_MAP_BYTES = 1 << 30


def files_of(X: Any, *, bounded: bool) -> Files | None:
    """Return the files that X stands for, or None if it is something else.

    Parameters
    ----------
    X : object
        A path, a list or tuple of paths, a memory-mapped array, or anything else.
    bounded : bool
        Whether a memory-mapped array is streamed in any case, and not only if it is large.

    Raises
    ------
    ValueError, TypeError, OSError
        If X stands for files that cannot be streamed.
    """
    if isinstance(X, str | os.PathLike):
        return _of_paths([X])
    if isinstance(X, list | tuple) and len(X) > 0 and all(isinstance(path, str | os.PathLike) for path in X):
        return _of_paths(list(X))
    # A private map (mode 'c') may hold changes that are not in the file.
    large = isinstance(X, np.memmap) and (bounded or X.nbytes > _MAP_BYTES)
    if large and X.filename is not None and X.mode != "c":
        return _of_map(X)
    return None


def _of_paths(paths: list[Any]) -> Files:
    parts = [_marshal.npy_part(os.fspath(path)) for path in paths]
    for part in parts:
        if len(part.shape) != 2:
            raise ValueError(
                f"Expected a 2D array in {part.path}, got an array of shape {part.shape} instead: save "
                "a.reshape(-1, 1) if it has one feature, or a.reshape(1, -1) if it is one sample"
            )
    columns, dtype = parts[0].shape[1], parts[0].dtype
    for part in parts:
        if part.shape[1] != columns or part.dtype != dtype:
            raise ValueError(
                f"{part.path} has {part.shape[1]} columns of {part.dtype}, and {parts[0].path} has {columns} of {dtype}"
            )
    return Files(parts, (sum(part.shape[0] for part in parts), columns), _in_memory(dtype))


def _of_map(X: Any) -> Files:
    advice = "np.asarray(X) is an array like any other, which the system pages in"
    if X.ndim != 2:
        raise ValueError(f"Expected 2D array, got an array of shape {X.shape} instead")
    if X.dtype.str not in ("<f4", "<f8", "<i4", "<i8"):
        raise TypeError(
            f"a memory-mapped X of {X.dtype} cannot be streamed, float32, float64, int32 and int64 can; {advice}"
        )
    if not X.flags.c_contiguous:
        raise ValueError(f"a memory-mapped X can be streamed if its rows are contiguous, in C order; {advice}")
    path = os.path.realpath(X.filename)
    # A view has the offset of the map that it was cut from.
    mapped = X._mmap  # noqa: SLF001
    base = np.frombuffer(mapped, np.uint8).__array_interface__["data"][0]
    start = X.offset - X.offset % mmap.ALLOCATIONGRANULARITY
    offset = start + X.__array_interface__["data"][0] - base if X.size else 0
    part = _marshal.FilePart(path, X.shape, X.dtype, offset)
    _check_same(part, X)
    return Files([part], X.shape, _in_memory(X.dtype))


def _check_same(part: _marshal.FilePart, X: Any) -> None:
    """Refuse a file that is not the one that was mapped: another may have taken its name."""
    width = part.shape[1] * part.dtype.itemsize
    if X.size == 0:
        return
    with open(part.path, "rb") as file:
        end = part.offset + X.nbytes
        if os.fstat(file.fileno()).st_size < end:  # to look at what is no longer there ends the process
            raise OSError(f"{part.path}: is truncated: the memory-mapped X reaches to offset {end}")
        for row, at in (X[:1], part.offset), (X[-1:], end - width):
            if os.pread(file.fileno(), width, at) != row.tobytes():
                raise ValueError(f"{part.path} is not the file that X was mapped from, or changes meanwhile")


def _in_memory(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype if dtype == np.float32 else np.dtype(np.float64)
