"""The thread pools of this process: threadpoolctl's view of the library, and limits for the tasks of a backend."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, ClassVar

import threadpoolctl

from . import _lib


class Gocluster(threadpoolctl.LibController):
    """Makes `threadpool_info` and `threadpool_limits` see the library."""

    user_api = "gocluster"
    internal_api = "gocluster"
    filename_prefixes = ("libgocluster",)

    # Not through the file that threadpoolctl found: after a fork that is the parent's copy.
    def get_num_threads(self) -> int | None:
        """Return the library's thread budget; None in a forked child that has not used it."""
        return _lib.get_num_threads() if _lib.is_loaded() else None

    def set_num_threads(self, num_threads: int | None) -> None:
        """Set the library's thread budget."""
        if num_threads is not None and _lib.is_loaded():
            _lib.set_num_threads(num_threads)

    def get_version(self) -> str:
        """Return the version of the package, which the library is a part of."""
        from . import __version__

        return __version__


def register() -> None:
    """Make the library known to threadpoolctl, once."""
    if Gocluster not in threadpoolctl._ALL_CONTROLLERS:  # noqa: SLF001
        threadpoolctl.register(Gocluster)


class _Controller(threadpoolctl.ThreadpoolController):
    """threadpoolctl's, which resolves the links in the path of every loaded file before it looks at its name.

    A program has hundreds, and the first look at them took longer than the rest of its first call.
    """

    def __init__(self) -> None:
        self._prefixes = tuple(
            prefix for library in threadpoolctl.LibController.__subclasses__() for prefix in library.filename_prefixes
        )
        super().__init__()

    def _make_controller_from_path(self, filepath: str) -> None:
        if os.path.basename(filepath).startswith(self._prefixes):
            super()._make_controller_from_path(filepath)


class _Loaded:
    """The OpenMP and BLAS libraries that are loaded. To look for them takes milliseconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._modules = -1
        self._found: Any = None

    def find(self) -> Any:
        with self._lock:
            modules = len(sys.modules)
            if self._modules != modules:
                self._found = _Controller()
                self._modules = modules  # after it, for Ctrl-C may come between
            return self._found


_loaded = _Loaded()


def _set_blas_threads(library: Any, threads: int) -> None:
    # threadpoolctl 3.8 lets only the thread that came first set OpenBLAS's number, but calls may
    # begin and end in different threads.
    getattr(library, "_real_set_num_threads", library.set_num_threads)(threads)


class InnerLimit:
    """How many threads the work of one task may use.

    OpenMP's limit is one of each thread, and BLAS's one of the process: it holds while any
    call is at work. The library's own loops need no limit but one that was asked for, because
    they share the budget with the tasks.
    """

    _lock = threading.RLock()  # a garbage collection in `enter` may come to `exit`
    _calls: ClassVar[set[int]] = set()  # at work, by identity
    _before: ClassVar[list[tuple[Any, int]]] = []

    def __init__(self, n_jobs: int, asked_for: int | None, nested: bool) -> None:
        if asked_for is not None and asked_for < 1:
            raise ValueError(f"inner_max_num_threads must be at least 1, got {asked_for!r}")
        self.asked_for = asked_for or 0
        self.threads = asked_for or (1 if nested else max(_lib.get_num_threads() // n_jobs, 1))
        self._nested = nested

    def _limits(self, user_api: str) -> tuple[Any, dict[str, int]]:
        libraries = _loaded.find().select(user_api=user_api)
        if self.asked_for:
            return libraries, dict.fromkeys((lib.filepath for lib in libraries.lib_controllers), self.asked_for)
        return libraries, {lib.filepath: min(lib.num_threads or 1, self.threads) for lib in libraries.lib_controllers}

    def enter_thread(self) -> None:
        """Limit OpenMP in the calling thread, which is a worker and keeps that limit."""
        libraries, limits = self._limits("openmp")
        for library in libraries.lib_controllers:
            library.set_num_threads(limits[library.filepath])

    def enter(self) -> None:
        """Limit BLAS until the last call exits."""
        if self._nested:
            return
        with InnerLimit._lock:
            first = not InnerLimit._calls
            InnerLimit._calls.add(id(self))
            if first:
                libraries, limits = self._limits("blas")
                for library in libraries.lib_controllers:
                    if library.num_threads is not None:
                        InnerLimit._before.append((library, library.num_threads))
                        _set_blas_threads(library, limits[library.filepath])

    def exit(self) -> None:
        """End what `enter` began, also if Ctrl-C cut it short."""
        if self._nested:
            return
        with InnerLimit._lock:
            InnerLimit._calls.discard(id(self))
            if not InnerLimit._calls:
                while InnerLimit._before:
                    _set_blas_threads(*InnerLimit._before.pop())
