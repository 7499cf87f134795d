"""Fits on clusters of processes whose workers are killed at random moments.

    python -P tests/python/soak_dask.py KILLS [WORKERS]

Every fit is compared, bit by bit, with that of the threaded scheduler. Data are made by tasks, so that they
can be made again; half of the fits are of persisted data.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
import warnings
from contextlib import suppress

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster
from sklearn.datasets import make_blobs

from dask_go.cluster import KMeans

BLOCKS, ROWS, D, K = 16, 4000, 8, 10
CENTERS = np.random.default_rng(0).normal(scale=2.0, size=(K, D))


def data() -> da.Array:
    parts = [dask.delayed(make_blobs)(ROWS, centers=CENTERS, random_state=i)[0] for i in range(BLOCKS)]
    return da.concatenate([da.from_delayed(part, (ROWS, D), float) for part in parts])


def fit(X: da.Array) -> KMeans:
    return KMeans(K, random_state=1, max_iter=20, tol=0, compute_labels=True).fit(X)


class Killer(threading.Thread):
    """Kills one worker after the other, each a while after the last one was replaced."""

    def __init__(self, cluster: LocalCluster, n_workers: int, kills: int) -> None:
        super().__init__(daemon=True)
        self.cluster, self.n_workers, self.most, self.kills = cluster, n_workers, kills, 0

    def run(self) -> None:
        last = time.monotonic()
        # A nanny whose worker died as it started may give it up; another cluster goes on then.
        while self.kills < self.most and time.monotonic() < last + 20:
            time.sleep(random.random() * 1.5)
            running = [nanny.pid for nanny in self.cluster.workers.values() if nanny.status.name == "running"]
            if len(running) < self.n_workers or None in running:
                continue
            with suppress(ProcessLookupError):
                os.kill(random.choice(running), signal.SIGKILL)
                self.kills += 1
                last = time.monotonic()


def soak(kills: int, n_workers: int, expected: KMeans) -> tuple[int, int]:
    """Fit on one cluster until its workers were killed so many times; return how often they were, and the fits."""
    fits = 0
    with (
        LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
        Client(cluster),
    ):
        killer = Killer(cluster, n_workers, kills)
        killer.start()
        while killer.is_alive():
            X = data()
            found = fit(X.persist() if fits % 2 else X)
            np.testing.assert_array_equal(found.cluster_centers_, expected.cluster_centers_)
            np.testing.assert_array_equal(found.labels_, expected.labels_)
            assert (found.inertia_, found.n_iter_) == (expected.inertia_, expected.n_iter_)
            fits += 1
        return killer.kills, fits


def main(kills: int, n_workers: int) -> None:
    warnings.simplefilter("ignore")
    with dask.config.set(scheduler="threads"):
        expected = fit(data())
    # A block may be lost as often as there are kills.
    dask.config.set({"distributed.scheduler.allowed-failures": kills})
    killed = fits = 0
    while killed < kills:
        more = soak(min(10, kills - killed), n_workers, expected)
        killed, fits = killed + more[0], fits + more[1]
        print(f"{killed} workers killed, {fits} fits of {expected.n_iter_} iterations, all right", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3)
