"""Progress bars: for joblib's Parallel calls on the backend "gocluster", for fits to files, for SVC."""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_active: _Display | None = None


@contextmanager
def progress(**options: Any) -> Iterator[None]:
    """Show the progress of joblib's Parallel calls on the backend "gocluster", a bar at a time.

    A call inside a task of another has no bar of its own. The total is known once joblib has
    taken the last task from its iterable. A `KMeans.fit` to files shows the rows that it has
    read, pass after pass, those of k-means|| included: up to the end of the present pass, since it is
    not known how many there will be.

    Parameters
    ----------
    **options
        For tqdm: `desc`, `file`, `leave` and so on.

    Raises
    ------
    ImportError
        If tqdm is missing.
    RuntimeError
        If progress is being shown already.

    Examples
    --------
    >>> with dask_go.progress(desc="grid"), joblib.parallel_config(backend="gocluster", n_jobs=-1):
    ...     GridSearchCV(SVC(), {"C": [1, 10, 100]}).fit(X, y)
    """
    global _active
    if _active is not None:
        raise RuntimeError("dask_go.progress() is active already")
    _active = display = _Display(options)
    try:
        yield
    finally:
        _active = None
        display.end()


def watch(parallel: Any) -> None:
    """Show the progress of `parallel`, a call that is not inside a task, if that was asked for."""
    if _active is not None:
        # The one place that joblib comes to after every task, in sequential calls too.
        parallel.print_progress = functools.partial(_print_progress, weakref.ref(parallel))


def _print_progress(reference: weakref.ref[Any]) -> None:
    parallel: Any = reference()
    type(parallel).print_progress(parallel)
    show(parallel)


def show(parallel: Any) -> None:
    """Bring the bar up to date."""
    if _active is not None:
        _active.show(parallel)


def _tqdm(who: str) -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError(f"{who} needs tqdm: pip install tqdm") from error
    return tqdm


@contextmanager
def gap_bar(verbose: object) -> Iterator[Callable[[int, float], None] | None]:
    """Show the steps of an SVC's fit and the KKT gap that it is at, if `verbose` is true."""
    if not verbose:
        yield None
        return
    with _tqdm("SVC(verbose=True)")(desc="SVC", unit=" steps") as bar:

        def report(done: int, gap: float) -> None:
            bar.set_postfix_str(f"KKT gap {gap:.2e}", refresh=False)
            bar.update(max(0, done - bar.n))

        yield report


@contextmanager
def rows_bar(n_rows: int) -> Iterator[Callable[[int, float], None] | None]:
    """Show the rows that a fit reads in passes over so many, if progress is to be shown."""
    if _active is None:
        yield None
        return
    with _active.new_bar(unit=" rows", unit_scale=True) as bar:

        def report(done: int, _: float) -> None:
            passes = max(-(-done // n_rows), 1)
            bar.set_description_str(f"KMeans, pass {passes}", refresh=False)
            bar.total = passes * n_rows
            bar.update(max(0, done - bar.n))

        yield report


class _Display:
    def __init__(self, options: dict[str, Any]) -> None:
        self.new_bar = functools.partial(_tqdm("dask_go.progress()"), **options)
        self._bar: Any = None
        self._shown: weakref.ref[Any] | None = None
        self._lock = threading.Lock()

    def show(self, parallel: Any) -> None:
        done = parallel.n_completed_tasks
        with self._lock:
            shown = self._shown() if self._shown is not None else None
            if shown is parallel and self._bar is not None and done < self._bar.n:
                self._end()  # the same object at work once more
            elif shown is not parallel and (shown is None or not shown._running):  # noqa: SLF001
                self._end()
            elif shown is not parallel:
                return  # another call's bar is there
            if self._bar is None:
                if not parallel._running:  # noqa: SLF001
                    return
                self._bar = self.new_bar()
                self._shown = weakref.ref(parallel)
            over = not parallel._running  # noqa: SLF001
            self._bar.total = done if over and not parallel._aborting else _total(parallel)  # noqa: SLF001
            self._bar.update(done - self._bar.n)
            if over:
                self._end()

    def end(self) -> None:
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = self._shown = None


def _total(parallel: Any) -> int | None:
    n_tasks = getattr(parallel, "n_tasks", None)  # joblib 1.4 does not count them
    if n_tasks is not None:
        return int(n_tasks)
    # None while joblib has not read all tasks from a generator.
    return None if parallel._original_iterator is not None else int(parallel.n_dispatched_tasks)  # noqa: SLF001
