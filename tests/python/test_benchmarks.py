# ruff: noqa: RUF001 -- tables say 42×
"""The benchmarks' judge, tables, cases and worker processes; nothing here looks at a time."""

import dataclasses
import gzip
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.cluster
from sklearn.datasets import load_iris, make_classification
from sklearn.metrics.pairwise import linear_kernel, rbf_kernel
from sklearn.svm import SVC

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))

from benchmarks import cases, clusters, data, kkt, machine, measure, peers, remote, run, table  # noqa: E402

TINY = cases.Case(
    name="tiny",
    data={"make": "make_classification", "n_samples": 120, "n_features": 4, "random_state": 0},
    dtype="float64",
    estimator="SVC",
    params={"C": 2.0},
    action="predict",
    peers=["scikit-learn"],
    goal=3,
)


# ---- the judge -------------------------------------------------------------------


def solution(fitted):
    return kkt.Solution(
        support=fitted.support_,
        dual_coef=fitted.dual_coef_,
        intercept=fitted.intercept_,
        gamma=fitted._gamma,
    )


def noisy(classes=2):
    if classes == 3:
        return load_iris(return_X_y=True)
    return make_classification(200, 5, flip_y=0.2, random_state=0)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_judge_agrees_with_libsvm(kernel, classes):
    X, y = noisy(classes)
    loose = kkt.report(X, y, solution(SVC(kernel=kernel, C=3.0, tol=1e-2).fit(X, y)), kernel, C=3.0)
    tight = kkt.report(X, y, solution(SVC(kernel=kernel, C=3.0, tol=1e-4).fit(X, y)), kernel, C=3.0)
    # libsvm's kernel values are float32, so that its own gap is off by about 6e-8 · Σ|β| · max|K|.
    noise = 1e-4
    assert 1e-4 < loose.gap <= 1e-2 + noise
    assert -1 < tight.gap <= 1e-4 + noise
    assert tight.objective <= loose.objective
    for found in (loose, tight):
        assert found.outside <= 0
        assert found.imbalance <= 1e-9
        assert found.intercept_off <= 1e-6


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_the_objective_is_the_definition(kernel):
    X, y = noisy()
    fitted = SVC(kernel=kernel).fit(X, y)
    beta = np.zeros(len(y))
    beta[fitted.support_] = fitted.dual_coef_[0]
    K = rbf_kernel(X, gamma=fitted._gamma) if kernel == "rbf" else linear_kernel(X)
    expected = 0.5 * beta @ K @ beta - np.where(y == 1, 1, -1) @ beta
    assert kkt.report(X, y, solution(fitted), kernel, C=1.0).objective == pytest.approx(expected, rel=1e-12)


def test_blocks_do_not_change_what_is_found(monkeypatch):
    X, y = noisy()
    fitted = solution(SVC().fit(X, y))
    whole = kkt.report(X, y, fitted, "rbf", C=1.0)
    monkeypatch.setattr(kkt, "BLOCK", 1000)
    assert kkt.report(X, y, fitted, "rbf", C=1.0).as_dict() == pytest.approx(whole.as_dict(), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_sparse_data_are_judged_like_dense_ones(kernel, tmp_path):
    X, y = data.make(
        {"make": "documents", "n_samples": 200, "n_features": 90, "density": 0.1, "skew": 2.0, "random_state": 0},
        "float32",
    )
    path = str(tmp_path / "data.npz")
    data.save(path, X, y)
    loaded, labels = data.load(path)
    assert (loaded != X).nnz == 0
    assert loaded.dtype == np.float32
    assert (labels == y).all()
    fitted = solution(SVC(kernel=kernel).fit(X.toarray(), y))
    dense, sparse = (kkt.report(Z, y, fitted, kernel, C=1.0).as_dict() for Z in (X.toarray(), X))
    assert sparse == pytest.approx(dense, rel=1e-9, abs=1e-12)


def halved(right):
    return right._replace(dual_coef=0.5 * right.dual_coef)


def turned(right):
    return right._replace(dual_coef=-right.dual_coef)


def stretched(right):
    return right._replace(dual_coef=1.01 * right.dual_coef)


def unbalanced(right):
    free = np.abs(right.dual_coef[0]) < 1
    return right._replace(dual_coef=right.dual_coef - 1e-4 * free)


def elsewhere(right):
    return right._replace(support=np.arange(len(right.support)))


def shifted(right):
    return right._replace(intercept=right.intercept + 0.01)


@pytest.mark.parametrize("spoil", [halved, turned, stretched, unbalanced, elsewhere, shifted])
def test_a_wrong_solution_of_ours_is_found(spoil):
    X, y = noisy()
    right = SVC().fit(X, y)
    case = cases.Case("x", {"make": "none"}, "float64", "SVC", {}, "fit", ["scikit-learn"])

    def problems(ours):
        both = {peers.OURS: ours._asdict(), "scikit-learn": solution(right)._asdict()}
        return measure.judge(case, X, y, both)[1]

    assert problems(solution(right)) == []
    assert problems(spoil(solution(right)))


def test_another_gamma_is_found():
    X, y = noisy()
    other = solution(SVC(gamma=0.3).fit(X, y))
    both = {peers.OURS: other._asdict(), "scikit-learn": solution(SVC().fit(X, y))._asdict()}
    case = cases.Case("x", {"make": "none"}, "float64", "SVC", {}, "fit", ["scikit-learn"])
    assert any("gamma" in problem for problem in measure.judge(case, X, y, both)[1])


@pytest.mark.parametrize("classes", [2, 3])
def test_predictions_are_held_against_decision_values(classes):
    X, y = noisy(classes)
    fitted = SVC().fit(X, y)
    predicted = fitted.predict(X)
    assert kkt.wrong_predictions(X, y, solution(fitted), "rbf", predicted) == 0
    predicted[7] = (predicted[7] + 1) % classes
    assert kkt.wrong_predictions(X, y, solution(fitted), "rbf", predicted) == 1


# ---- cases and data ----------------------------------------------------------------


def test_every_case_names_what_there_is():
    for case in cases.read():
        assert case.data["make"] in data.GENERATORS
        assert set(case.peers) < set(peers.PEERS)


def test_cases_are_chosen_by_name():
    every = cases.read()
    assert cases.choose(every, []) == every
    assert [case.name for case in cases.choose(every, ["iris", "defaults"])] == ["iris", "defaults"]
    with pytest.raises(ValueError, match="no such case: nonsense"):
        cases.choose(every, ["iris", "nonsense"])


@pytest.mark.parametrize(
    "entry, sentence",
    [('dtype = "int8"', "dtype is 'int8'"), ('action = "score"', "action is 'score'"), ("data = {}", "no generator")],
)
def test_a_case_that_makes_no_sense_is_refused(tmp_path, entry, sentence):
    good = ('name = "a"', 'data = { make = "iris" }', 'dtype = "float64"', 'action = "fit"')
    rest = [line for line in good if line.split()[0] != entry.split()[0]]
    lines = ["[defaults]", 'estimator = "SVC"', "params = {}", "peers = []", "[[case]]", *rest, entry]
    path = tmp_path / "cases.toml"
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=sentence):
        cases.read(path)


def test_one_hot_columns():
    X, y = data.make({"make": "one-hot", "n_samples": 2000, "n_columns": 12, "random_state": 0}, "float32")
    assert X.dtype == np.float32
    assert X.flags.c_contiguous
    assert set(np.unique(X)) == {0, 1}
    assert (X.sum(axis=1) == 12).all()
    assert X.shape[1] == sum(np.linspace(4, 20, 12).round())
    assert 0.3 < y.mean() < 0.7
    # Noisy labels: a model that has seen them all cannot learn them with a wide margin.
    assert SVC().fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) < 0.95


def test_standardised_columns():
    description = {"make": "make_moons", "n_samples": 300, "noise": 0.3, "random_state": 0, "standardise": True}
    X, _ = data.make(description, "float64")
    assert X.mean(axis=0) == pytest.approx([0, 0], abs=1e-12)
    assert X.std(axis=0) == pytest.approx([1, 1])


def test_fashion_mnist_is_read_from_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "_fashion_mnist_folders", lambda: [tmp_path])
    pixels = np.arange(3 * 784, dtype=np.uint32).astype(np.uint8)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + pixels.tobytes()))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + bytes([9, 0, 5])))
    X, y = data.make({"make": "Fashion-MNIST", "n_samples": 2}, "float64")
    assert X.shape == (2, 784)
    assert X.max() == 1
    assert X[1, 0] == pixels[784] / 255
    assert y.tolist() == [9, 0]


def test_fashion_mnist_that_cannot_be_had_skips_the_case(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data, "_fashion_mnist_folders", lambda: [tmp_path / "absent"])
    monkeypatch.setattr(shutil, "which", lambda _: None)
    results = tmp_path / "results.json"
    assert run.main(["fashion-mnist", "--results", str(results)]) == 0
    assert "skipped: Fashion-MNIST needs the Debian package" in capsys.readouterr().out
    assert not results.exists()


# ---- workers and turns --------------------------------------------------------------


def test_a_tiny_case_from_end_to_end(tmp_path, capsys):
    of = tmp_path / "cases.toml"
    of.write_text(
        '[[case]]\nname = "tiny"\ndtype = "float64"\nestimator = "SVC"\nparams = { C = 2.0 }\naction = "predict"\n'
        'peers = ["scikit-learn"]\n'
        'data = { make = "make_classification", n_samples = 120, n_features = 4, random_state = 0 }\n'
    )
    path = tmp_path / "results.json"
    words = ["--cases", str(of), "--results", str(path), "--rounds", "2", "--threads", "1"]
    assert run.main(words) == 0
    assert "1 core," in capsys.readouterr().out
    results = json.loads(path.read_text())
    record = results["cases"]["tiny"]
    assert results["machine"]["cores"] == 1
    assert record["problems"] == []
    assert record["rows"], record["features"] == (120, 4)
    assert set(record["seconds"]) == set(record["versions"]) == set(record["checks"]) == {"dask_go", "scikit-learn"}
    ours, theirs = (record["seconds"][name] for name in ("dask_go", "scikit-learn"))
    assert len(ours) == len(theirs) == 2 * record["calls"]
    assert min(ours + theirs) > 0
    assert table.markdown(results, cases.read(of), full=True).count("\n| `SVC(C=2.0).predict`") == 1


def test_a_worker_says_what_went_wrong():
    with remote.Remote() as worker, pytest.raises(remote.WorkerError, match="KeyError: 'nobody'"):
        worker.ask("prepare", peer="nobody", estimator="SVC", params={}, action="fit", data="")


def test_a_worker_that_died_is_an_error():
    with remote.Remote() as worker:
        worker._process.kill()
        with pytest.raises(remote.WorkerError, match="ended with status"):
            worker.ask("time", calls=1)


def test_a_worker_that_is_too_slow_is_ended():
    with remote.Remote() as worker:
        with pytest.raises(remote.TooSlow):
            worker.ask("time", limit=0.001, calls=1)
        assert worker._process.returncode is not None


def test_a_peer_that_falls_back_is_found_out():
    pretender = peers.Peer("pretender", "scikit-learn", {"SVC": "sklearn.svm"}, own_work="_own")
    with pytest.raises(RuntimeError, match="pretender handed SVC to scikit-learn"):
        pretender.check_own_work(pretender.estimator("SVC", {}))


def test_turns_are_fewer_for_slow_peers_and_calls_the_same_for_all():
    assert [measure.turns(took, rounds=5) for took in (0.1, 9, 11, 59, 61)] == [5, 5, 3, 3, 1]
    assert measure.turns(20, rounds=2) == 2
    assert measure.calls_per_turn([0.01, 0.5]) == 4
    assert measure.calls_per_turn([1e-6]) == measure.MOST_CALLS
    assert measure.calls_per_turn([0.01, 70.0]) == 1


class Scripted:
    """A worker that answers from a list."""

    def __init__(self, took):
        self.took, self.asked = took, []

    def ask(self, do, limit=None, calls=1):
        assert do == "time"
        self.asked.append(calls)
        if limit is not None and self.took > limit:
            raise remote.TooSlow("too slow")
        return {"seconds": [self.took] * calls, "processor": [self.took] * calls}


def test_first_calls_warm_up_unless_they_are_long():
    workers = {"quick": Scripted(1.0), "long": Scripted(70.0), "endless": Scripted(1e9)}
    timed = measure.take_turns(workers, measure.Options(rounds=4, limit=300), lambda _: None)
    seconds = timed["seconds"]
    assert timed["calls"] == 1
    assert timed["processor"] == {"quick": 1.0, "long": 70.0}
    assert timed["others"] >= 0
    assert len(seconds["quick"]) == 4
    assert workers["quick"].asked == [1] * 5
    assert seconds["long"] == [70.0]
    assert workers["long"].asked == [1]
    assert seconds["endless"] == []


def test_threads_are_cpus_that_may_be_used():
    usable = machine.cores(None)
    assert machine.cores(1) == usable[:1]
    with pytest.raises(ValueError, match="threads is"):
        machine.cores(len(usable) + 1)


def test_only_disturbed_cases_are_measured_again(tmp_path, monkeypatch, capsys):
    path = tmp_path / "results.json"
    records = {"iris": {"others": 0.01}, "defaults": {"others": 0.5}}
    path.write_text(json.dumps({"machine": {}, "cases": records}))
    asked = []

    def unavailable(case, _):
        asked.append(case.name)
        raise data.Unavailable("nothing is measured here")

    monkeypatch.setattr(run, "measure", unavailable)
    assert run.main(["--again", "--results", str(path), "iris", "defaults", "predict"]) == 0
    assert asked == ["defaults", "predict"]
    assert json.loads(path.read_text())["cases"] == records
    assert "skipped: nothing is measured here" in capsys.readouterr().out


# ---- tables ---------------------------------------------------------------------------


def check(objective=-100.0, support=50):
    return {"gap": 9e-4, "objective": objective, "norm1": 10.0, "imbalance": 0.0, "outside": 0.0, "support": support}


RESULTS = {
    "machine": {
        "cpu": "Some CPU",
        "cores": 2,
        "simd": "AVX-512",
        "system": "Linux x86_64",
        "python": "3.11.7",
    },
    "cases": {
        "tiny": {
            "date": "2026-02-03",
            "commit": "abc",
            "versions": {"dask_go": "0.1.0", "scikit-learn": "1.9.1"},
            "rows": 120,
            "features": 4,
            "calls": 1,
            "limit": 300.0,
            "processor": {"dask_go": 0.02, "scikit-learn": 0.5},
            "others": 0.02,
            "seconds": {"dask_go": [0.0125, 0.012], "scikit-learn": [0.6, 0.5]},
            "checks": {"dask_go": check(-100.001), "scikit-learn": check(support=51)},
            "problems": [],
        }
    },
}


def changed(**record):
    return {**RESULTS, "cases": {"tiny": RESULTS["cases"]["tiny"] | record}}


def test_the_table_is_what_was_measured():
    short = table.markdown(RESULTS, [TINY], full=False)
    caption, _, rows = short.partition("\n\n")
    assert caption.startswith(
        "2 cores of Some CPU, AVX-512, Linux x86_64, Python 3.11.7; dask_go 0.1.0, scikit-learn 1.9.1; "
    )
    assert "2026-02-03, commit abc." in caption.replace("\n", " ")
    assert rows == (
        "|  | data | dask_go | scikit-learn |\n"
        "| --- | --- | ---: | ---: |\n"
        "| `SVC(C=2.0).predict` | make_classification 120 × 4 | 12.0 ms | 500 ms (42×) |\n"
    )
    full = table.markdown(RESULTS, [TINY], full=True)
    assert full.endswith("| 12.0 ms | 500 ms (42×) | 3× | 9.0e-04 | -1e-05 | 50 / 51 |\n")


def test_a_peer_given_up_and_a_wrong_solution_show():
    given_up = changed(seconds={"dask_go": [0.1], "scikit-learn": []}, checks={"dask_go": check()})
    assert "| 100 ms | > 300 s (> 3000×) |" in table.markdown(given_up, [TINY], full=False)
    assert table.markdown(given_up, [TINY], full=True)
    assert "| **wrong** 12.0 ms |" in table.markdown(changed(problems=["gap"]), [TINY], full=False)


def test_the_table_says_what_was_done_to_the_data():
    case = dataclasses.replace(TINY, data=TINY.data | {"standardise": True}, dtype="float32")
    assert "| make_classification 120 × 4, standardised, float32 |" in table.markdown(RESULTS, [case], full=False)


def test_a_noisy_machine_is_mentioned():
    assert table.line(TINY, RESULTS["cases"]["tiny"]).endswith("42×; goal 3×; gap 0.0009, 50 vectors")
    noisy = table.line(TINY, RESULTS["cases"]["tiny"] | {"others": 0.4})
    assert noisy.endswith("others used 40% of the CPUs (processor time: dask_go 20.0 ms, scikit-learn 500 ms)")


def test_a_case_that_was_not_measured_has_no_row():
    with pytest.raises(ValueError, match="none of the cases"):
        table.markdown({**RESULTS, "cases": {}}, [TINY], full=False)


@pytest.mark.parametrize(
    "value, text",
    [
        (38.84, "38.8 s"),
        (0.9999, "1.00 s"),
        (0.4236, "424 ms"),
        (0.001234, "1.23 ms"),
        (8.76e-4, "876 µs"),
        (123.4, "123 s"),
    ],
)
def test_times_have_three_digits(value, text):
    assert table.seconds(value) == text


def test_only_the_text_between_markers_is_written(tmp_path):
    (tmp_path / "some-machine.json").write_text(json.dumps(RESULTS))
    document = "before\n<!-- benchmarks: some-machine -->\nold\n<!-- end of benchmarks -->\nafter\n"
    filled = table.fill(document, tmp_path, [TINY])
    assert filled.startswith("before\n<!-- benchmarks: some-machine -->\n2 cores")
    assert filled.endswith("(42×) |\n<!-- end of benchmarks -->\nafter\n")
    assert "old" not in filled
    assert table.fill(filled, tmp_path, [TINY]) == filled
    assert table.fill("no markers", tmp_path, [TINY]) == "no markers"


def test_the_tables_of_the_repository_are_what_the_results_say():
    assert table.main(["--check"]) == 0


# ---- clusterings -----------------------------------------------------------------


def test_the_judge_of_clusterings():
    X = np.random.RandomState(0).standard_normal((300, 4))
    fitted = sklearn.cluster.KMeans(5, random_state=0).fit(X)
    good = clusters.report(X, fitted.cluster_centers_, fitted.labels_, fitted.inertia_, fitted.n_iter_)
    assert (good.wrong, good.iterations) == (0, fitted.n_iter_)
    assert good.objective == pytest.approx(fitted.inertia_)
    assert good.inertia_off < 1e-12
    labels = fitted.labels_.copy()
    labels[:3] = (labels[:3] + 1) % 5
    bad = clusters.report(X, fitted.cluster_centers_, labels, fitted.inertia_, fitted.n_iter_)
    assert bad.wrong == 3
    assert bad.objective > good.objective
    assert bad.inertia_off > 1e-6


@pytest.mark.parametrize("action", ["fit", "predict"])
def test_a_clustering_is_measured_and_judged(action):
    case = dataclasses.replace(
        TINY,
        data={"make": "make_blobs", "n_samples": 400, "n_features": 3, "centers": 4, "random_state": 0},
        estimator="KMeans",
        params={"n_clusters": 4, "init": "random", "n_init": 1, "random_state": 0},
        action=action,
    )
    record = measure.measure(case, measure.Options(rounds=1), say=lambda _: None)
    assert record["problems"] == []
    ours, theirs = (record["checks"][name] for name in (peers.OURS, "scikit-learn"))
    assert ours["objective"] == pytest.approx(theirs["objective"])
    assert ours["iterations"] == theirs["iterations"]
    assert "iterations" in table.line(case, record)
