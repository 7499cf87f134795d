"""The planned fits of a search on a cluster of dask.distributed: those of each kernel are one task."""

from __future__ import annotations

import sys
import uuid
from typing import Any

from . import _spec


def cluster() -> Any:
    """Return the client that dask computes with, unless there is none, or this is itself a task of a worker."""
    worker = sys.modules.get("distributed.worker")
    if worker is None or getattr(worker.thread_state, "key", None) is not None:
        return None
    from ._dask_rows import active_client

    return active_client()


def run(client: Any, X: Any, y: Any, sample_weight: Any, spec: _spec.Spec) -> _spec.Outcome:
    """Do what `_spec.run` does, on the workers of a cluster.

    X, y and weights are sent once. Each task computes with one kernel, so that a worker shares the
    kernel's values among its fits; results are those of one machine.
    """
    from ._dask_workers import check_workers, explained

    check_workers()
    groups = spec.groups()
    token = uuid.uuid4().hex[:8]
    with explained():
        data = client.scatter([X, y, sample_weight], broadcast=True, hash=False)
        futures = [
            client.submit(_spec.run, *data, spec.part(fits), key=f"svc-search-{token}-{i}", pure=False)
            for i, fits in enumerate(groups)
        ]
        try:
            outcomes = client.gather(futures)
        except BaseException:
            client.cancel(futures)
            raise
    return _spec.Outcome.joined(list(zip(groups, outcomes, strict=True)))
