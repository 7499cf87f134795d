"""The backend "gocluster" with workers="processes"."""

from __future__ import annotations

import contextlib
import functools
import gc
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from scipy import sparse

import dask_go
from dask_go import _processes
from dask_go.svm import SVC

# The workers cannot import this module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

LARGE = 1 << 19  # elements: 4 MiB, and what is larger than 1 MiB goes into shared memory


@pytest.fixture(autouse=True)
def processes() -> Iterator[None]:
    with parallel_config(backend="gocluster", workers="processes", n_jobs=2):
        yield
    wait_until(lambda: {w for w in _processes._workers if w.is_alive()} <= set(_processes._idle))
    assert len(_processes._idle) <= 4


def run(*tasks: Any, **options: Any) -> list[Any]:
    return list(Parallel(**({"batch_size": 1} | options))(tasks))


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def square(x: int) -> int:
    return x * x


@pytest.mark.parametrize("return_as", ["list", "generator", "generator_unordered"])
@pytest.mark.parametrize(
    "options", [{"batch_size": 1, "pre_dispatch": 1}, {}, {"batch_size": 7, "pre_dispatch": "all"}]
)
def test_results(return_as: str, options: dict[str, Any]) -> None:
    result = list(Parallel(return_as=return_as, **options)(delayed(square)(i) for i in range(50)))
    assert sorted(result) if return_as == "generator_unordered" else result == [i * i for i in range(50)]


def test_workers_are_processes_that_later_calls_use_again(tmp_path: Path) -> None:
    def meet(n: int) -> int:
        (tmp_path / f"{os.getpid()}-{n}").touch()
        wait_until(lambda: len(list(tmp_path.glob(f"*-{n}"))) == 2)
        return os.getpid()

    pids = [set(run(delayed(meet)(n), delayed(meet)(n))) for n in range(4)]
    assert len(pids[0]) == 2
    assert os.getpid() not in pids[0]
    assert pids == [pids[0]] * 4
    assert {os.getpgid(pid) for pid in pids[0]} == pids[0]  # so Ctrl-C does not reach them


def test_functions_that_have_no_name_elsewhere() -> None:
    class Local:
        def __init__(self, value: int) -> None:
            self.value = value

        def twice(self, more: int) -> Local:
            return Local(2 * self.value + more)

    offset = 5
    assert run(delayed(lambda x: x + offset)(1), delayed(functools.partial(square))(3)) == [6, 9]
    assert [type(x) is Local and x.value for x in run(*(delayed(Local(3).twice)(i) for i in range(2)))] == [6, 7]


# ---- arrays -------------------------------------------------------------------------


def mappings() -> list[str]:
    return [" ".join(line.split()[3:]) for line in Path("/proc/self/maps").read_text().splitlines()]


def mapping(a: np.ndarray) -> str:
    """Return what the memory of an array is a mapping of: device, inode and name."""
    address = a.__array_interface__["data"][0]
    for line in Path("/proc/self/maps").read_text().splitlines():
        low, high = (int(x, 16) for x in line.split()[0].split("-"))
        if low <= address < high:
            return " ".join(line.split()[3:])
    raise AssertionError


def look(*arrays: np.ndarray) -> list[tuple[str, bool, float]]:
    return [(mapping(a), a.flags.writeable, float(a.sum())) for a in arrays]


def test_a_large_argument_is_written_once_and_read_in_place() -> None:
    X = np.arange(LARGE, dtype=float)
    seen = run(*(delayed(look)(X, X[i:], X[::2]) for i in range(6)))
    assert len({where for task in seen for where, _, _ in task}) == 1
    assert "memfd" in seen[0][0][0]
    assert not any(writeable for task in seen for _, writeable, _ in task)
    assert [task[1][2] for task in seen] == [X[i:].sum() for i in range(6)]
    small = run(*(delayed(look)(X[: LARGE // 100]) for _ in range(2)))
    assert all(writeable for task in small for _, writeable, _ in task)


def test_an_array_in_several_parts() -> None:
    X = np.random.default_rng(0).integers(0, 1 << 40, (12_000_001, 1))  # 96 MB
    X[4 << 20 : 5 << 20] = 7
    sums = [X.sum(), X[5_000_000:].sum(), X[::-3].sum()]
    assert run(*(delayed(np.sum)(a) for a in (X, X[5_000_000:], X[::-3]))) == sums
    first, *_, last = run(*(delayed(lambda a: (mapping(a[:1]), mapping(a[-1:])))(X) for _ in range(4)))
    assert first == last
    assert "memfd" in first[0]
    assert first[0] != first[1]  # files of their own, for two threads to write to
    for a in run(*(delayed(add_one)(X[:, 0]) for _ in range(3)), mmap_mode="c"):
        assert a == X.max() + 1
    (back,) = run(delayed(lambda a: a + 1)(X))
    np.testing.assert_array_equal(back, X + 1)


def test_nothing_is_kept_of_a_call() -> None:
    X = np.zeros(LARGE)

    def held() -> int:
        return sum("memfd:dask-go" in os.readlink(f"/proc/self/fd/{fd.name}") for fd in os.scandir("/proc/self/fd"))

    with Parallel(batch_size=1) as parallel:
        assert parallel(delayed(np.max)(X) for _ in range(3)) == [0] * 3
        assert held() == 0


def test_the_worker_cannot_make_an_argument_writeable() -> None:
    with pytest.raises(ValueError, match="WRITEABLE"):
        run(delayed(np.ndarray.setflags)(np.zeros(LARGE), write=True))


def test_an_array_that_changes_between_calls_of_one_object() -> None:
    X = np.zeros(LARGE)
    with Parallel(batch_size=1) as parallel:
        for i in range(3):
            X[:] = i
            assert parallel(delayed(np.max)(X) for _ in range(3)) == [i] * 3


def test_different_arrays_at_the_same_address() -> None:
    def arrays() -> Iterator[Any]:
        for i in range(40):
            yield delayed(np.max)(np.full(LARGE, i))

    assert Parallel(batch_size=1, pre_dispatch=2)(arrays()) == list(range(40))


def test_memory_does_not_grow_with_the_number_of_arrays() -> None:
    descriptors: list[int] = []
    arrays = [np.full(LARGE, i) for i in range(60)]

    def tasks() -> Iterator[Any]:
        for a in arrays:
            descriptors.append(len(os.listdir("/proc/self/fd")))
            yield delayed(np.max)(a)

    assert Parallel(batch_size=1)(tasks()) == list(range(60))
    assert max(descriptors) - descriptors[0] < 20  # each array that is kept has one


def add_one(a: np.ndarray) -> float:
    a += 1
    return float(a.max())


@pytest.mark.parametrize(
    "options", [{"mmap_mode": "c"}, {"mmap_mode": None}, {"max_nbytes": None}, {"max_nbytes": "1G"}]
)
def test_copies_of_ones_own(options: dict[str, Any]) -> None:
    X = np.zeros(LARGE)
    assert run(*(delayed(add_one)(X) for _ in range(6)), **options) == [1] * 6
    assert X.max() == 0


@pytest.mark.parametrize("mode", ["r+", "w+"])
def test_arguments_that_tasks_write_to_together(mode: str) -> None:
    X = np.zeros(LARGE)
    assert sorted(run(*(delayed(add_one)(X) for _ in range(4)), mmap_mode=mode, pre_dispatch=1, n_jobs=2)) == [
        1,
        2,
        3,
        4,
    ]
    assert X.max() == 0


def test_max_nbytes() -> None:
    X = np.zeros(1000)
    ((_, writeable, _),) = run(delayed(look)(X), delayed(look)(X))[0]
    assert writeable
    first, second = run(delayed(look)(X), delayed(look)(X), max_nbytes=100)
    assert first == second
    assert "memfd" in first[0][0]
    assert not first[0][1]


def describe(a: Any) -> tuple[str, str | None, str | None]:
    return type(a).__name__, getattr(a, "filename", None), getattr(a, "mode", None)


def test_memory_mapped_files_go_by_name(tmp_path: Path) -> None:
    path = str(tmp_path / "x.npy")
    np.save(path, np.arange(LARGE).reshape(-1, 4))
    X = np.load(path, mmap_mode="r+")
    assert run(delayed(describe)(X), delayed(describe)(X[5:])) == [("memmap", path, "r+")] * 2
    expected = [X.sum(), X[7:].sum(), X[:, 2].sum(), X.T[1:].sum(), X[::-3].sum()]
    assert run(*(delayed(np.sum)(a) for a in (X, X[7:], X[:, 2], X.T[1:], X[::-3]))) == expected
    run(delayed(np.copyto)(X[3:5], -1), delayed(np.copyto)(X[:, 3], -2))
    assert X[3, 0] == -1
    assert X[9, 3] == -2
    copy = np.load(path, mmap_mode="c")
    copy[0] = 77
    assert run(*(delayed(np.max)(copy[:2]) for _ in range(2))) == [77, 77]
    deleted = np.load(path, mmap_mode="r")
    os.unlink(path)
    assert run(delayed(np.sum)(deleted)) == [deleted.sum()]


ARRAYS = {
    "C": lambda: np.arange(2 * LARGE).reshape(-1, 8),
    "F": lambda: np.asfortranarray(np.arange(2 * LARGE).reshape(-1, 8)),
    "columns": lambda: np.arange(4 * LARGE).reshape(-1, 16)[:, 3:5],
    "backwards": lambda: np.arange(LARGE)[::-1],
    "permuted": lambda: np.arange(LARGE).reshape(8, -1, 16).transpose(1, 0, 2),
    "broadcast": lambda: np.broadcast_to(np.arange(1000), (300, 1000)),
    "scalar": lambda: np.broadcast_to(np.float32(3), (1000, 1000)),
    "dates": lambda: np.arange(LARGE).astype("M8[s]"),
    "records": lambda: np.ones(LARGE, [("a", "i4"), ("b", "f8", 3)]),
    "strings": lambda: np.full(LARGE, "gocluster"),
    "swapped": lambda: np.arange(LARGE, dtype=">i4"),
    "half": lambda: np.arange(LARGE, dtype="f2"),
    "objects": lambda: np.array([None, 1, "x"] * 100000, object),
    "empty": lambda: np.empty((0, LARGE)),
    "no dimensions": lambda: np.array(3.5),
    "subclass": lambda: np.ma.masked_greater(np.arange(LARGE), 100),
    "bytes": lambda: np.frombuffer(os.urandom(2 * LARGE * 8), "i8"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_all_kinds_there_and_back(name: str) -> None:
    a = ARRAYS[name]()
    for b in run(*(delayed(lambda x: x)(a) for _ in range(2))):
        assert type(b) is type(a)
        assert (b.dtype, b.shape) == (a.dtype, a.shape)
        np.testing.assert_array_equal(b, a)
        assert b.flags.writeable
        if b.ndim > 0 and name != "strings":
            b[...] = b[:1]  # it is memory of its own
    np.testing.assert_array_equal(a, ARRAYS[name]() if name != "bytes" else a)


def test_containers_of_arrays() -> None:
    frame = pd.DataFrame({"a": np.arange(LARGE), "b": np.arange(LARGE) / 2, "c": ["x"] * LARGE})
    matrix = sparse.random_array((3000, 3000), density=0.05, random_state=np.random.default_rng(0)).tocsr()
    (a, m), (b, n) = run(*(delayed(lambda f, s: (f, s))(frame, matrix) for _ in range(2)))
    pd.testing.assert_frame_equal(a, frame)
    pd.testing.assert_frame_equal(b, frame)
    assert (m != matrix).nnz == (n != matrix).nnz == 0


def test_large_results_are_ones_own_and_hold_no_descriptor() -> None:
    before = len(os.listdir("/proc/self/fd"))
    results = run(*(delayed(np.full)(LARGE, i) for i in range(30)), pre_dispatch="all")
    assert len(os.listdir("/proc/self/fd")) <= before + 4  # those of two workers
    for i, a in enumerate(results):
        assert "memfd" in mapping(a)
        a += 1
        assert a.min() == a.max() == i + 1
    where = mapping(results[3])
    del results, a
    gc.collect()
    assert where not in mappings()


def test_a_batch_with_many_large_arrays() -> None:
    arrays = [np.full(LARGE, i) for i in range(40)]
    assert Parallel(batch_size=20)(delayed(np.max)(a) for a in arrays) == list(range(40))
    assert [a.max() for a in run(delayed(lambda: [np.full(LARGE, i) for i in range(40)])())[0]] == list(range(40))


# ---- shared arrays ------------------------------------------------------------------


def test_shared_array() -> None:
    out = dask_go.shared_array((6, 1000))
    assert out.shape == (6, 1000)
    assert out.dtype == float
    assert not out.any()
    run(*(delayed(np.copyto)(out[i, ::2], i) for i in range(6)))
    assert out.sum() == 500 * 15
    same = run(*(delayed(lambda x: x)(out[i]) for i in range(3)))
    for i in range(3):
        assert np.shares_memory(same[i], out[i])
    assert len({where for ((where, *_),) in run(*(delayed(look)(out) for _ in range(4)))}) == 1
    assert mapping(out) == run(delayed(look)(out))[0][0][0]


def test_shared_array_of_a_worker() -> None:
    def make() -> np.ndarray:
        made = dask_go.shared_array(10, "i4")
        made[:] = 5
        return made

    a, b = run(delayed(make)(), delayed(make)())
    a[:] = 7
    run(delayed(np.copyto)(a, 8))
    assert set(a) == {8}
    assert set(b) == {5}


def test_shared_array_ends_with_its_last_view() -> None:
    before = len(os.listdir("/proc/self/fd"))
    a = dask_go.shared_array(LARGE)
    b = a[1:]
    where = mapping(a)
    del a
    assert where in mappings()
    del b
    assert where not in mappings()
    assert len(os.listdir("/proc/self/fd")) == before


def test_shared_array_elsewhere() -> None:
    a = dask_go.shared_array(5, np.int8)
    a[:] = 3
    b = pickle.loads(pickle.dumps(a))
    b[:] = 4
    assert set(a) == {3}
    assert dask_go.shared_array((0, 3)).shape == (0, 3)
    assert dask_go.shared_array(()).shape == ()
    with pytest.raises(ValueError, match="Python objects"):
        dask_go.shared_array(3, object)
    with pytest.raises(ValueError, match="negative"):
        dask_go.shared_array((3, -1))


# ---- errors -------------------------------------------------------------------------


class Odd(Exception):  # noqa: N818
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def fail(error: BaseException | Callable[[], BaseException]) -> None:
    raise error() if callable(error) else error


def test_errors_carry_the_traceback_of_the_task() -> None:
    with pytest.raises(LookupError, match="the third") as caught:
        run(delayed(square)(1), delayed(fail)(LookupError("the third")))
    text = "".join(traceback.format_exception(caught.value))
    assert "in fail\n" in text
    assert "_processes.py" not in text.partition("direct cause")[0]


@pytest.mark.parametrize("error", [lambda: Odd(1, 2), lambda: LookupError(threading.Lock(), "1 and 2")])
def test_errors_that_cannot_be_pickled(error: Callable[[], BaseException]) -> None:
    with pytest.raises(RuntimeError, match=r"(Odd|LookupError).*1 and 2") as caught:
        run(delayed(fail)(error))
    assert "in fail\n" in str(caught.value.__cause__)


def test_the_end_of_a_task_is_an_error_of_the_call() -> None:
    with pytest.raises(SystemExit):
        run(delayed(exit)(3))


class Unpicklable:
    def __reduce__(self) -> Any:
        raise RuntimeError("not this one")


class Unloadable:
    def __reduce__(self) -> Any:
        return fail, (LookupError("not here"),)


def test_what_cannot_be_pickled_is_named() -> None:
    with pytest.raises(pickle.PicklingError, match=r"could not pickle the task.*not this one"):
        run(delayed(id)(Unpicklable()))
    with pytest.raises(pickle.PicklingError, match=r"could not pickle the result.*not this one"):
        run(delayed(Unpicklable)())
    with pytest.raises(LookupError, match="not here") as caught:
        run(delayed(id)(Unloadable()))
    assert "worker process unpickled the task" in str(caught.value.__cause__)
    with pytest.raises(LookupError, match="not here") as caught:
        run(delayed(Unloadable)())
    assert "result of a task was unpickled" in caught.value.__notes__[0]
    assert run(delayed(square)(3)) == [9]


def kill_myself(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


@pytest.mark.parametrize(
    "end, how",
    [
        (delayed(kill_myself)(signal.SIGKILL), "was ended by SIGKILL"),
        (delayed(kill_myself)(signal.SIGSEGV), "was ended by SIGSEGV"),
        (delayed(os._exit)(7), "exited with code 7"),
    ],
)
def test_a_worker_that_dies(end: Any, how: str) -> None:
    pids = set(run(*(delayed(os.getpid)() for _ in range(4))))
    with pytest.raises(TerminatedWorkerError, match=r"the worker process \d+ " + how):
        run(*(delayed(square)(i) for i in range(5)), end, *(delayed(square)(i) for i in range(100)))
    assert run(*(delayed(square)(i) for i in range(5))) == [0, 1, 4, 9, 16]
    assert set(run(*(delayed(os.getpid)() for _ in range(4)))) != pids


def test_a_worker_that_dies_between_calls() -> None:
    (pid,) = run(delayed(os.getpid)())
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid))
    assert run(*(delayed(square)(i) for i in range(5))) == [0, 1, 4, 9, 16]


def test_a_call_that_fails_ends_its_tasks(tmp_path: Path) -> None:
    def stay() -> None:
        (tmp_path / str(os.getpid())).touch()
        time.sleep(60)

    def give_up() -> None:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 1)
        raise LookupError

    with pytest.raises(LookupError):
        run(delayed(stay)(), delayed(give_up)())
    (pid,) = (int(path.name) for path in tmp_path.iterdir())
    wait_until(lambda: not alive(pid))
    with pytest.raises(multiprocessing.TimeoutError):
        run(delayed(time.sleep)(60), delayed(time.sleep)(60), timeout=0.2)
    assert run(delayed(square)(3), timeout=60) == [9]


def test_a_generator_that_is_dropped() -> None:
    generator = Parallel(return_as="generator")(delayed(time.sleep)(60) for _ in range(9))
    with pytest.warns(UserWarning, match="cancelled"):
        generator.close()
    assert run(delayed(square)(3)) == [9]


def test_calls_that_share_a_backend() -> None:
    squares = Parallel(return_as="generator", pre_dispatch=2, batch_size=1)(delayed(square)(i) for i in range(10))
    for i, result in enumerate(squares):
        assert result == i * i
        assert run(delayed(square)(i)) == [i * i]
    assert i == 9


# ---- the budget ---------------------------------------------------------------------


@pytest.fixture
def budget_of_four() -> Iterator[None]:
    before = dask_go.set_num_threads(4)
    yield
    dask_go.set_num_threads(before)


def inner_threads() -> list[int]:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return [*(int(os.environ[name]) for name in names), dask_go.get_num_threads()]


@pytest.mark.parametrize(("n_jobs", "inner", "want"), [(4, None, 1), (2, None, 2), (3, None, 1), (2, 3, 3)])
@pytest.mark.usefixtures("budget_of_four")
def test_inner_pools_get_their_share(
    monkeypatch: pytest.MonkeyPatch, n_jobs: int, inner: int | None, want: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    with parallel_config(backend="gocluster", workers="processes", n_jobs=n_jobs, inner_max_num_threads=inner):
        assert Parallel()([delayed(inner_threads)()]) == [[want] * 4]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    _end_idle_workers()
    with parallel_config(backend="gocluster", workers="processes", n_jobs=n_jobs, inner_max_num_threads=inner):
        assert Parallel()([delayed(inner_threads)()])[0][0] == (inner or 1)


def _end_idle_workers() -> None:
    while _processes._idle:
        _processes._idle.pop().reap()


def most_at_once(n: int) -> int:
    lock, now, most = threading.Lock(), 0, 0

    def leaf() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.005)
        with lock:
            now -= 1

    Parallel(n_jobs=n, batch_size=1)(delayed(leaf)() for _ in range(3 * n))
    return most


@pytest.mark.usefixtures("budget_of_four")
def test_calls_inside_tasks_keep_to_the_budget_of_their_process() -> None:
    assert max(run(*(delayed(most_at_once)(8) for _ in range(4)), n_jobs=4)) == 1
    assert max(run(*(delayed(most_at_once)(8) for _ in range(4)), n_jobs=2)) <= 2


def nested(n: int) -> list[int]:
    return Parallel(n_jobs=3)(delayed(square)(i) for i in range(n))


def test_nested_calls() -> None:
    assert run(*(delayed(nested)(n) for n in range(6))) == [[i * i for i in range(n)] for n in range(6)]

    def processes_in_processes() -> list[int]:
        with parallel_config(backend="gocluster", workers="processes", n_jobs=2):
            return Parallel()(delayed(square)(i) for i in range(4))

    assert run(delayed(processes_in_processes)()) == [[0, 1, 4, 9]]


def test_a_task_may_fit() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 4)), rng.integers(0, 2, 500)
    expected = SVC().fit(X, y).dual_coef_
    for model in run(*(delayed(SVC().fit)(X, y) for _ in range(4))):
        np.testing.assert_array_equal(model.dual_coef_, expected)


# ---- options ------------------------------------------------------------------------


def test_shared_memory_can_be_required() -> None:
    x = np.zeros(100)
    Parallel(require="sharedmem", n_jobs=2)(delayed(x.__setitem__)(i, i) for i in range(100))
    np.testing.assert_array_equal(x, np.arange(100))
    backend, _ = joblib.parallel.get_active_backend()
    assert not backend.supports_sharedmem
    assert not backend.uses_threads


def set_up(value: int) -> None:
    os.environ["SET_UP"] = str(value)
    if value < 0:
        raise LookupError("not below zero")


def test_initializer() -> None:
    for value in (3, 4, 4):
        with parallel_config(backend="gocluster", workers="processes", n_jobs=2, initializer=set_up, initargs=(value,)):
            assert set(run(*(delayed(os.getenv)("SET_UP") for _ in range(4)))) == {str(value)}
    with (
        pytest.raises(LookupError, match="not below zero") as caught,
        parallel_config(backend="gocluster", workers="processes", n_jobs=2, initializer=set_up, initargs=(-1,)),
    ):
        run(delayed(square)(3))
    assert "initializer of a worker process" in str(caught.value.__cause__)
    assert run(delayed(os.getenv)("SET_UP")) == [None]


def test_options_that_are_not_there_are_named() -> None:
    with pytest.raises(TypeError, match="has no parameter 'color' with workers='processes'"):
        parallel_config(backend="gocluster", workers="processes", color=1)
    with pytest.raises(TypeError, match="'initializer' with workers='threads'"):
        parallel_config(backend="gocluster", initializer=print)
    with pytest.raises(TypeError, match="'color'"):
        run(delayed(square)(3), color=1)


def test_one_job_is_sequential() -> None:
    assert run(delayed(os.getpid)(), n_jobs=1) == [os.getpid()]


# ---- what is left -------------------------------------------------------------------


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])


def test_nothing_grows() -> None:
    X = np.zeros(LARGE)

    def call() -> None:
        assert len(Parallel()(delayed(square)(i) for i in range(1000))) == 1000
        run(*(delayed(np.add)(X, i) for i in range(3)))
        with contextlib.suppress(LookupError):
            run(delayed(fail)(LookupError()))

    for _ in range(5):
        call()
    gc.collect()
    before = descriptors(os.getpid()), threading.active_count(), resident(os.getpid())
    for _ in range(20):
        call()
    gc.collect()
    wait_until(lambda: (descriptors(os.getpid()), threading.active_count()) <= before[:2])
    assert resident(os.getpid()) - before[2] < 4096  # pages: 16 MiB, and one array is 2 MiB


def test_workers_keep_no_argument_after_the_call() -> None:
    pids = set(run(*(delayed(lambda x: x.size and os.getpid())(np.zeros(LARGE)) for _ in range(4))))
    for pid in pids:
        wait_until(lambda pid=pid: "dask-go" not in Path(f"/proc/{pid}/maps").read_text())  # type: ignore[misc]
