"""Whether a cluster can do the work, and what went wrong if it could not."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import __version__
from ._dask_rows import active_client

__all__ = ["check_workers", "explained"]

# The workers of each client that were found to be all right.
_checked: weakref.WeakKeyDictionary[Any, set[Any]] = weakref.WeakKeyDictionary()

# Evaluated where dask_go may be missing; the function that does it is Python's own.
_VERSION = "__import__('dask_go').__version__"

_LOST = {"CancelledError", "FutureCancelledError", "FuturesCancelledError", "CommClosedError"}


def check_workers() -> None:
    """See that the scheduler and all workers of the active client have this version of dask_go.

    Raises
    ------
    RuntimeError
        Naming one that has not.
    """
    client = active_client()
    if client is None:
        return
    known = _checked.setdefault(client, set())
    workers = {(address, worker["id"]): address for address, worker in _workers_of(client).items()}
    new = {who: address for who, address in workers.items() if who not in known}
    if not new:
        return
    found = client.run(eval, _VERSION, workers=list(new.values()), on_error="return")
    try:
        found["the scheduler"] = client.run_on_scheduler(eval, _VERSION)
    except Exception as error:  # noqa: BLE001 -- the scheduler's, whatever it is
        found["the scheduler"] = error
    for address, version in found.items():
        where = address if address == "the scheduler" else f"worker {address}"
        if isinstance(version, ModuleNotFoundError):
            raise RuntimeError(f"{where} does not have dask_go: {_remedy(where)}") from version
        if isinstance(version, BaseException):
            raise RuntimeError(f"dask_go cannot be imported on {where}: {version}") from version
        if version != __version__:
            raise RuntimeError(f"{where} has dask_go {version}, and this process {__version__}: {_remedy(where)}")
    known.update(new)


def _remedy(where: str) -> str:
    process = "the scheduler" if where == "the scheduler" else "the worker"
    return f"install dask-go {__version__} in the environment that {process} runs in, and restart {process}"


def _workers_of(client: Any) -> dict[str, Any]:
    """Return what the scheduler knows of all workers, also where newer versions of distributed show a few only."""
    try:
        info = client.scheduler_info(n_workers=-1)
    except TypeError:
        info = client.scheduler_info()
    workers: dict[str, Any] = info["workers"]
    return workers


@contextmanager
def explained() -> Iterator[None]:
    """Turn the errors of a lost cluster, and of workers that came without dask_go, into ones that say so."""
    client = active_client()
    try:
        yield
    except Exception as error:
        if client is None:
            raise
        if isinstance(error, ModuleNotFoundError) and error.name is not None and error.name.startswith("dask_go"):
            _checked.pop(client, None)
            check_workers()
        if type(error).__name__ in _LOST or client.status not in ("running", "connecting"):
            raise RuntimeError(
                f"the scheduler at {client.scheduler.address if client.scheduler else 'its address'} was lost, and the "
                "data of the cluster with it: connect another Client, make X again, and fit again"
            ) from error
        raise
