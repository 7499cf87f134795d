"""KMeans, predictions and searches on clusters of processes, started by Dask and from the command line."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn.model_selection
from sklearn.datasets import make_classification

import dask_go
from dask_go.cluster import KMeans
from dask_go.model_selection import GridSearchCV
from dask_go.svm import SVC
from dask_tasks import X, die_once, ends, executed, note_ends, note_no_ends, work

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

# The scheduler runs in a thread of this process: a warning that is an error there can hang all.
pytestmark = pytest.mark.filterwarnings("default")

LONG = 120  # seconds: only a hang takes longer


def blocks() -> Any:
    return da.from_array(X, chunks=(700, 5))


@pytest.fixture(scope="module")
def threads() -> KMeans:
    """What the threaded scheduler makes of the data."""
    with dask.config.set(scheduler="threads"):
        return KMeans(6, random_state=1, compute_labels=True).fit(blocks())


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with (
        dask.config.set({"distributed.worker.daemon": True}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local,
    ):
        yield local


@pytest.fixture
def client(cluster: Any) -> Iterator[Any]:
    with distributed.Client(cluster) as c:
        c.wait_for_workers(2, timeout=LONG)
        yield c


def same(model: KMeans, other: KMeans) -> None:
    """Not a bit differs."""
    np.testing.assert_array_equal(model.cluster_centers_, other.cluster_centers_)
    assert (model.inertia_, model.n_iter_) == (other.inertia_, other.n_iter_)
    np.testing.assert_array_equal(np.asarray(model.labels_), other.labels_)


def test_the_number_of_workers_changes_nothing(cluster: Any, client: Any, threads: KMeans) -> None:
    for X_ in blocks(), blocks().persist():
        model = KMeans(6, random_state=1).fit(X_)
        same(model, threads)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), threads.labels_)
    np.testing.assert_array_equal(model.predict(X_).compute(), threads.labels_)
    cluster.scale(4)
    client.wait_for_workers(4, timeout=LONG)
    same(KMeans(6, random_state=1).fit(X_), threads)
    cluster.scale(2)
    w = np.random.default_rng(0).random(6000)
    weighted = KMeans(6, random_state=1, compute_labels=True).fit(X_, sample_weight=da.from_array(w, chunks=900))
    with dask.config.set(scheduler="threads"):
        same(weighted, KMeans(6, random_state=1, compute_labels=True).fit(blocks(), sample_weight=w))


def test_a_worker_gives_the_library_its_own_threads(client: Any) -> None:
    KMeans(6, random_state=1).fit(blocks())
    assert set(client.run(dask_go.get_num_threads).values()) == {1}


def test_the_dashboard_can_tell_what_is_done(client: Any) -> None:
    KMeans(6, random_state=1).fit(blocks()).labels_.compute()
    prefixes = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.task_prefixes))
    assert {"kmeans-survey", "kmeans-meet", "kmeans-assign", "KMeans-predict"} <= set(prefixes)


def test_progress_of_distributed(client: Any, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ARG001
    labels = KMeans(6, random_state=1).fit(blocks()).labels_.persist()
    distributed.progress(labels, notebook=False)
    assert "100% Completed" in capsys.readouterr().out


@pytest.mark.parametrize("passes", [0, 3])
def test_a_worker_that_dies_costs_nothing_but_time(client: Any, threads: KMeans, tmp_path: Path, passes: int) -> None:
    parts = [
        da.from_delayed(dask.delayed(die_once)(i, str(tmp_path), passes), (min(700, 6000 - 700 * i), 5), X.dtype)
        for i in range(9)
    ]
    with pytest.warns(da.PerformanceWarning, match="not in memory"):
        model = KMeans(6, random_state=1).fit(da.concatenate(parts))
    assert len(list(tmp_path.iterdir())) > passes + 1  # it was read again
    same(model, threads)
    client.wait_for_workers(2, timeout=LONG)


def test_cancelling_a_future_stops_the_work(client: Any, tmp_path: Path) -> None:
    address = min(client.scheduler_info()["workers"])
    # Hours of work, and the worker has one thread.
    future = client.submit(work, str(tmp_path / "begun"), 1000, workers=[address])
    until(lambda: (tmp_path / "begun").exists())
    future.cancel()
    assert client.submit(pow, 2, 5, workers=[address], pure=False).result(timeout=LONG) == 32


def test_an_interrupt_stops_the_work_on_the_workers(client: Any, tmp_path: Path) -> None:
    """Ctrl-C in the client's process, while a worker is at work on a block."""
    begun = tmp_path / "begun"
    client.run(note_ends, str(begun))
    rows = da.from_delayed(dask.delayed(np.ones)((400_000, 20)), (400_000, 20), float)

    def interrupt() -> None:
        until(begun.exists)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # type: ignore[arg-type]

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            KMeans(20_000, init=np.random.default_rng(0).random((20_000, 20)), max_iter=2).fit(rows)
    finally:
        thread.join(LONG)
    until(lambda: any(client.run(ends).values()))
    assert sorted(client.run(ends).values()) == [[], ["Reschedule"]]
    client.run(note_no_ends)
    assert client.submit(pow, 2, 5, pure=False).result(timeout=LONG) == 32


def test_annotations_reach_the_tasks(client: Any) -> None:
    here, there = sorted(client.scheduler_info()["workers"])
    before = client.run(executed)
    with dask.annotate(workers=[here]):
        KMeans(6, random_state=1).fit(blocks())
    after = client.run(executed)
    assert after[there] == before[there]
    assert after[here] > before[here]


def until(condition: Any) -> None:
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_errors_of_workers_are_those_of_memory(client: Any) -> None:  # noqa: ARG001
    Y = X.copy()
    Y[1000, 3] = np.nan
    with pytest.raises(ValueError, match="row 300, column 3 is NaN"):
        KMeans(6).fit(da.from_array(Y, chunks=(700, 5)))


# ---- from the command line ------------------------------------------------------------------

DASK = str(Path(sys.executable).with_name("dask"))


@contextmanager
def process(*command: str, cwd: Path, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    cwd.mkdir()
    with (
        (cwd / "log").open("wb") as log,
        subprocess.Popen([DASK, *command], cwd=cwd, env={**os.environ, **env}, stdout=log, stderr=log) as running,
    ):
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                running.kill()


@contextmanager
def worker(address: str, cwd: Path, *options: str, **env: str) -> Iterator[None]:
    with process("worker", address, "--nthreads", "1", "--host", "127.0.0.1", *options, cwd=cwd, **env):
        yield


def fails(match: str) -> None:
    with pytest.raises(RuntimeError, match=match):
        KMeans(6, random_state=1).fit(blocks())


def test_machines_of_their_own(tmp_path: Path, threads: KMeans) -> None:
    address = tmp_path / "address"
    options = ["--port", "0", "--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(address)]
    with process("scheduler", *options, cwd=tmp_path / "s") as scheduler:
        until(lambda: address.exists() and address.stat().st_size)
        tcp = distributed.utils.json.loads(address.read_text())["address"]
        assert tcp.startswith("tcp://127.0.0.1:")
        with worker(tcp, tmp_path / "a"), worker(tcp, tmp_path / "b", "--no-nanny"), distributed.Client(tcp) as client:
            client.wait_for_workers(2, timeout=LONG)
            model = KMeans(6, random_state=1).fit(blocks())
            same(model, threads)
            np.testing.assert_array_equal(model.predict(blocks()).compute(), threads.labels_)
            svc = SVC().fit(X, threads.labels_)
            np.testing.assert_array_equal(svc.predict(blocks()).compute(), svc.predict(X))
            assert set(client.run(dask_go.get_num_threads).values()) == {1}
            assert len(set(client.run(os.getcwd).values())) == 2

            other = tmp_path / "other" / "dask_go"
            other.mkdir(parents=True)
            (other / "__init__.py").write_text("__version__ = '0.0.1'\n")
            wanted = rf"has dask_go 0\.0\.1, and this process .*install dask-go {dask_go.__version__}"
            with worker(tcp, tmp_path / "c", "--no-nanny", PYTHONPATH=str(other.parent)):
                client.wait_for_workers(3, timeout=LONG)
                fails(rf"worker tcp://127\.0\.0\.1:\d+ {wanted}")
                with pytest.raises(RuntimeError, match=wanted):
                    model.predict(blocks())
            until(lambda: len(client.scheduler_info()["workers"]) == 2)

            hidden = tmp_path / "hidden" / "dask_go.py"
            hidden.parent.mkdir()
            hidden.write_text("raise ModuleNotFoundError(\"No module named 'dask_go'\", name='dask_go')\n")
            with worker(tcp, tmp_path / "d", "--no-nanny", PYTHONPATH=str(hidden.parent)):
                client.wait_for_workers(3, timeout=LONG)
                fails(r"worker tcp://127\.0\.0\.1:\d+ does not have dask_go: install dask-go .* and restart the worker")
            until(lambda: len(client.scheduler_info()["workers"]) == 2)
            same(KMeans(6, random_state=1).fit(blocks()), threads)

            def init(*_: Any, **__: Any) -> np.ndarray:
                scheduler.kill()
                scheduler.wait(LONG)
                return X[:6]

            with (
                dask.config.set({"distributed.comm.timeouts.connect": "1s", "distributed.comm.retry.count": 0}),
                pytest.raises(RuntimeError, match=r"the scheduler at tcp://127\.0\.0\.1:\d+ was lost.*another Client"),
            ):
                KMeans(6, init=init, n_init=1).fit(blocks())


def test_a_scheduler_that_was_restarted(tmp_path: Path, threads: KMeans) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        tcp = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    options = ["scheduler", "--port", tcp.rpartition(":")[2], "--host", "127.0.0.1", "--no-dashboard"]
    with process(*options, cwd=tmp_path / "s") as scheduler, worker(tcp, tmp_path / "a"):
        client = distributed.Client(tcp, timeout=LONG)
        client.wait_for_workers(1, timeout=LONG)
        X_ = blocks().persist()
        same(KMeans(6, random_state=1).fit(X_), threads)
        scheduler.kill()
        scheduler.wait(LONG)
        with process(*options, cwd=tmp_path / "t"), worker(tcp, tmp_path / "b"):
            until(lambda: client.status == "running" and client.scheduler_info()["workers"])
            with pytest.raises(RuntimeError, match=f"the scheduler at {tcp} was lost.*another Client, make X again"):
                KMeans(6, random_state=1).fit(X_)
            client.close()
            with distributed.Client(tcp, timeout=LONG) as another:
                another.wait_for_workers(1, timeout=LONG)
                same(KMeans(6, random_state=1).fit(blocks()), threads)


def search(cls: Any, seed: int) -> Any:
    rows, labels = make_classification(300, 4, random_state=seed)
    grid = {"C": [0.1, 1, 10], "kernel": ["rbf", "poly", "linear"], "shrinking": [True, False]}
    return cls(SVC(gamma="auto", random_state=0), grid, cv=3, n_jobs=-1), rows, labels


@pytest.mark.parametrize(("cls", "seed"), [(GridSearchCV, 1), (sklearn.model_selection.GridSearchCV, 2)])
def test_a_search_as_in_the_notebook(client: Any, cls: Any, seed: int) -> None:
    searching, rows, labels = search(cls, seed)
    with joblib.parallel_backend("dask", scatter=[rows, labels]):
        searching.fit(rows, labels)
    with dask.config.set(scheduler="threads"):
        expected = search(GridSearchCV, seed)[0].fit(rows, labels)
    for name in "mean_test_score", "rank_test_score":
        np.testing.assert_array_equal(searching.cv_results_[name], expected.cv_results_[name])
    assert searching.best_params_ == expected.best_params_
    if cls is GridSearchCV:
        assert searching.search_plan_.shared == 54
        prefixes = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.task_prefixes))
        assert "svc-search" in prefixes
        assert not any(prefix.startswith("batch_of") for prefix in prefixes)
