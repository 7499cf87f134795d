"""SVC's attributes, methods and manners beside scikit-learn's."""

from __future__ import annotations

import copy
import pickle
import threading
import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.svm
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dask_go import _marshal, get_num_threads, set_num_threads
from dask_go.svm import SVC, _variance

DATA = {
    "binary": make_classification(300, 6, flip_y=0.1, random_state=0),
    "iris": load_iris(return_X_y=True),
    "digits": tuple(part[:400] for part in load_digits(return_X_y=True)),
}
KERNELS = ["rbf", "linear"]


@pytest.fixture(params=[(d, k) for d in DATA for k in KERNELS], ids=lambda p: f"{p[0]}-{p[1]}")
def fitted(request: Any) -> tuple[SVC, Any, np.ndarray, np.ndarray]:
    """Ours and scikit-learn's at a tolerance that leaves the attributes no room, and the data."""
    X, y = DATA[request.param[0]]
    params = {"kernel": request.param[1], "tol": 1e-5}
    return SVC(**params).fit(X, y), sklearn.svm.SVC(**params).fit(X, y), X, y


def test_attributes(fitted: Any) -> None:
    ours, theirs, X, _ = fitted
    for name in ("support_", "support_vectors_", "n_support_", "_n_support", "classes_", "class_weight_"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
    for name in ("dual_coef_", "_dual_coef_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=2e-3, err_msg=name)
    for name in ("intercept_", "_intercept_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=1e-4, err_msg=name)
    assert ours._gamma == pytest.approx(theirs._gamma, rel=1e-13)
    for name in ("fit_status_", "shape_fit_", "n_features_in_", "_sparse", "_impl"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.shape_fit_ == X.shape


def test_dtypes_and_shapes(fitted: Any) -> None:
    ours, theirs, _, _ = fitted
    for name, value in vars(theirs).items():
        if isinstance(value, np.ndarray):
            mine = getattr(ours, name)
            assert (mine.dtype, mine.shape) == (value.dtype, value.shape), name
            assert mine.flags.c_contiguous, name
    for name in ("n_support_", "n_iter_"):
        assert getattr(ours, name).dtype == getattr(theirs, name).dtype == np.int32


def test_coef(fitted: Any) -> None:
    ours, theirs, _, _ = fitted
    assert hasattr(ours, "coef_") == hasattr(theirs, "coef_") == (ours.kernel == "linear")
    if ours.kernel == "linear":
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-3)
        assert ours.coef_.shape == theirs.coef_.shape
        with pytest.raises(ValueError, match="read-only"):
            ours.coef_[0, 0] = 1.0
        with pytest.raises(AttributeError):
            ours.coef_ = 1.0


@pytest.mark.parametrize("shape", ["ovr", "ovo"])
def test_decision_function(fitted: Any, shape: str) -> None:
    ours, theirs, X, _ = fitted
    mine = ours.set_params(decision_function_shape=shape).decision_function(X)
    reference = theirs.set_params(decision_function_shape=shape).decision_function(X)
    assert (mine.shape, mine.dtype) == (reference.shape, reference.dtype)
    np.testing.assert_allclose(mine, reference, atol=1e-3)


def test_predict_and_score(fitted: Any) -> None:
    ours, theirs, X, y = fitted
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.predict(X).dtype == theirs.predict(X).dtype
    assert ours.score(X, y) == theirs.score(X, y)


def test_decision_function_is_the_formula() -> None:
    X, y = DATA["binary"]
    model = SVC().fit(X, y)
    squares = ((X[:, None] - model.support_vectors_) ** 2).sum(axis=-1)
    formula = np.exp(-model._gamma * squares) @ model.dual_coef_[0] + model.intercept_
    np.testing.assert_allclose(model.decision_function(X), formula, atol=1e-5)


def test_break_ties() -> None:
    rng = np.random.default_rng(0)
    X, y = DATA["iris"]
    X, y = X[:, :2], y[:]
    grid = rng.uniform(X.min(axis=0) - 3, X.max(axis=0) + 3, size=(3000, 2))
    plain, broken = SVC(kernel="linear").fit(X, y), SVC(kernel="linear", break_ties=True).fit(X, y)
    np.testing.assert_array_equal(broken.predict(grid), np.argmax(broken.decision_function(grid), axis=1))
    theirs = sklearn.svm.SVC(kernel="linear", break_ties=True, tol=1e-5).fit(X, y)
    assert (broken.predict(grid) == theirs.predict(grid)).mean() > 0.995
    with pytest.raises(ValueError, match="break_ties must be False"):
        plain.set_params(break_ties=True, decision_function_shape="ovo").predict(grid)


@pytest.mark.parametrize("labels", [["no", "yes"], [-3.0, 7.0], [True, False], [10**12, -5]])
def test_labels_of_any_type(labels: list[Any]) -> None:
    X, y = DATA["binary"]
    y = np.array(labels)[y]
    ours, theirs = SVC().fit(X, y), sklearn.svm.SVC().fit(X, y)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.predict(X).dtype == theirs.predict(X).dtype


@pytest.mark.parametrize("gamma", ["scale", "auto", 0.3, np.float32(0.5), 2, 0.0])
def test_gamma(gamma: Any) -> None:
    X, y = DATA["iris"]
    ours, theirs = SVC(gamma=gamma).fit(X, y), sklearn.svm.SVC(gamma=gamma).fit(X, y)
    assert ours._gamma == pytest.approx(theirs._gamma, rel=1e-13)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=5e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n", [10, 20011])
def test_variance(n: int, order: str, dtype: type) -> None:
    X = np.asarray(np.random.default_rng(0).normal(3.0, 2.0, size=(n, 13)), dtype=dtype, order=order)
    assert _variance(X) == pytest.approx(X.astype(np.float64).var(), rel=1e-13)
    assert _variance(np.full((n, 13), 5, dtype=dtype)) == 0.0


@pytest.mark.parametrize("class_weight", ["balanced", {0: 2.0}, {0: 0.5, 1: 3, 2: 1.5}])
def test_class_weight(class_weight: Any) -> None:
    X, y = DATA["iris"]
    X, y = X[:130], y[:130]
    ours = SVC(class_weight=class_weight, tol=1e-5).fit(X, y)
    theirs = sklearn.svm.SVC(class_weight=class_weight, tol=1e-5).fit(X, y)
    np.testing.assert_array_equal(ours.class_weight_, theirs.class_weight_)
    np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, atol=2e-3)


def test_weight_zero_leaves_a_row_out() -> None:
    X, y = DATA["binary"]
    w = np.where(np.arange(len(y)) % 3 == 0, 0.0, 1.0)
    w[1] = -2.0
    with_zeros = SVC(gamma=0.2, tol=1e-5).fit(X, y, sample_weight=w)
    without = SVC(gamma=0.2, tol=1e-5).fit(X[w > 0], y[w > 0])
    np.testing.assert_array_equal(with_zeros.support_vectors_, without.support_vectors_)
    np.testing.assert_allclose(with_zeros.dual_coef_, without.dual_coef_, atol=1e-4)
    # scikit-learn's support_ counts the rows that are left; ours are rows of X.
    np.testing.assert_array_equal(X[with_zeros.support_], with_zeros.support_vectors_)


def test_random_state_moves_on_as_in_scikit_learn() -> None:
    X, y = DATA["binary"]
    a, b = np.random.RandomState(3), np.random.RandomState(3)
    SVC(random_state=a).fit(X, y)
    sklearn.svm.SVC(random_state=b).fit(X, y)
    assert a.randint(1 << 30) == b.randint(1 << 30)


def test_max_iter() -> None:
    X, y = make_classification(2000, 10, flip_y=0.3, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"Solver terminated early \(max_iter=3\)"):
        model = SVC(max_iter=3).fit(X, y)
    assert model.fit_status_ == 1
    assert model.predict(X).shape == (2000,)


@pytest.mark.parametrize("max_iter", [0, 1, 2, 50])
@pytest.mark.parametrize("params", [{}, {"kernel": "linear", "C": 100.0}, {"kernel": "poly", "coef0": 1.0}], ids=str)
@pytest.mark.parametrize("n", [100, 1500])
def test_max_iter_counts_as_scikit_learn_counts(n: int, params: dict[str, Any], max_iter: int) -> None:
    X, y = make_classification(n, 10, flip_y=0.3, random_state=0)
    models = [svc(max_iter=max_iter, **params) for svc in (SVC, sklearn.svm.SVC)]
    for model in models:
        with pytest.warns(ConvergenceWarning, match="Solver terminated early"):
            model.fit(X, y)
        assert model.n_iter_.tolist() == [max_iter]
    if n == 100:
        sizes = [np.abs(model.dual_coef_).sum() for model in models]
        assert sizes[0] == pytest.approx(sizes[1], rel=1e-3)


@pytest.mark.parametrize("kernel", ["rbf", "sigmoid"])
def test_steps_of_small_problems_are_libsvms(kernel: str) -> None:
    X, y = DATA["iris"]
    ours, theirs = SVC(kernel=kernel).fit(X, y), sklearn.svm.SVC(kernel=kernel).fit(X, y)
    np.testing.assert_array_equal(ours.n_iter_, theirs.n_iter_)
    np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, atol=1e-4)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-4)


def test_limit_with_room_for_the_interior_point() -> None:
    X, y = make_classification(1000, 5, flip_y=0.3, random_state=0)
    params = {"kernel": "linear", "C": 100.0}
    free, limited = SVC(**params).fit(X, y), SVC(**params, max_iter=100_000).fit(X, y)
    np.testing.assert_array_equal(free.dual_coef_, limited.dual_coef_)
    assert 1000 < limited.n_iter_[0] < 100_000


def test_verbose_shows_the_gap(capsys: pytest.CaptureFixture[str]) -> None:
    X, y = DATA["binary"]
    plain = SVC().fit(X, y)
    assert capsys.readouterr() == ("", "")
    verbose = SVC(verbose=True).fit(X, y)
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{verbose.n_iter_[0]} steps" in err
    gap = float(err.rpartition("KKT gap ")[2].partition("]")[0])
    assert gap <= verbose.tol
    np.testing.assert_array_equal(verbose.dual_coef_, plain.dual_coef_)


def test_shrinking_and_threads_do_not_matter() -> None:
    X, y = DATA["digits"]
    models = []
    before = get_num_threads()
    try:
        for shrinking, threads in ((True, 1), (False, 2), (True, 7)):
            set_num_threads(threads)
            models.append(SVC(shrinking=shrinking).fit(X, y))
    finally:
        assert set_num_threads(before) == 7
    for model in models[1:]:
        np.testing.assert_array_equal(model.dual_coef_, models[0].dual_coef_)
        np.testing.assert_array_equal(model.decision_function(X), models[0].decision_function(X))


def test_fits_in_many_threads_at_once() -> None:
    X, y = DATA["digits"]
    expected = SVC().fit(X, y)
    results: list[Any] = [None] * 6

    def work(k: int) -> None:
        results[k] = SVC().fit(X, y)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(results))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for model in results:
        np.testing.assert_array_equal(model.dual_coef_, expected.dual_coef_)


def test_set_num_threads_refuses() -> None:
    for threads in (0, -1, 2**31):
        with pytest.raises(ValueError, match="threads must be"):
            set_num_threads(threads)


# ---- memory ---------------------------------------------------------------------


@pytest.fixture
def passed_down(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The arrays whose memory the library was shown."""
    seen: list[np.ndarray] = []
    array = _marshal.array

    def spy(a: np.ndarray) -> Any:
        seen.append(a)
        return array(a)

    monkeypatch.setattr(_marshal, "array", spy)
    return seen


def layouts(dtype: type) -> dict[str, np.ndarray]:
    X = DATA["binary"][0].astype(dtype)
    wide = np.zeros((2 * X.shape[0], 3 * X.shape[1]), dtype=dtype)
    wide[::2, ::3] = X
    reverse = np.ascontiguousarray(X[::-1, ::-1])
    return {
        "C": X,
        "Fortran": np.asfortranarray(X),
        "strided": wide[::2, ::3],
        "negative": reverse[::-1, ::-1],
        "read-only": np.frombuffer(X.tobytes(), dtype).reshape(X.shape),
    }


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", ["C", "Fortran", "strided", "negative", "read-only"])
def test_read_in_place(layout: str, dtype: type, passed_down: list[np.ndarray]) -> None:
    X, y = layouts(dtype)[layout], DATA["binary"][1]
    before = X.copy()
    model = SVC().fit(X, y)
    assert passed_down[0].__array_interface__["data"] == X.__array_interface__["data"]
    assert (passed_down[0].strides, passed_down[0].dtype) == (X.strides, X.dtype)
    for method in (model.predict, model.decision_function):
        passed_down.clear()
        method(X)
        assert any(a.shape == X.shape and np.shares_memory(a, X) for a in passed_down)
    np.testing.assert_array_equal(X, before)
    expected = SVC().fit(np.ascontiguousarray(X), y)
    np.testing.assert_array_equal(model.dual_coef_, expected.dual_coef_)
    assert model.support_vectors_.dtype == np.float64
    np.testing.assert_array_equal(model.support_vectors_, X[model.support_].astype(np.float64))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_copy_of_X(dtype: type) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(40000) % 2
    X = np.asarray(rng.normal(size=(40000, 50)) + 10.0 * y[:, None], dtype=dtype)
    SVC().fit(X[:100], y[:100])
    tracemalloc.start()
    model = SVC().fit(X, y)
    fit_peak = tracemalloc.get_traced_memory()[1]
    model.predict(X)
    predict_peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fit_peak < 0.5 * X.nbytes
    assert predict_peak < 0.5 * X.nbytes


@pytest.mark.parametrize("odd", ["int", "float16", "list", "big-endian", "unaligned", "longdouble"])
def test_other_layouts_are_copied(odd: str) -> None:
    X, y = np.round(DATA["binary"][0], 1), DATA["binary"][1]
    X = np.round(X * 4)
    record = np.zeros(len(X), dtype=[("tag", "i1"), ("x", "f8", (X.shape[1],))])
    record["x"] = X
    as_given = {
        "int": X.astype(int),
        "float16": X.astype(np.float16),
        "list": X.tolist(),
        "big-endian": X.astype(">f8"),
        "unaligned": record["x"],
        "longdouble": X.astype(np.longdouble),
    }[odd]
    np.testing.assert_array_equal(SVC().fit(as_given, y).dual_coef_, SVC().fit(X, y).dual_coef_)


# ---- scikit-learn's company ----------------------------------------------------------


def test_data_frame() -> None:
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = SVC().fit(X, y)
    assert model.feature_names_in_.tolist() == X.columns.tolist()
    np.testing.assert_array_equal(model.predict(X), SVC().fit(X.to_numpy(), y).predict(X.to_numpy()))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(pd.DataFrame(X.to_numpy(), columns=list("abcd")))


def test_copies() -> None:
    X, y = DATA["iris"]
    model = SVC(C=3, class_weight="balanced").fit(X, y)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other.decision_function(X), model.decision_function(X))
    fresh = clone(model)
    assert fresh.get_params() == model.get_params()
    assert is_classifier(fresh)
    with pytest.raises(NotFittedError):
        fresh.predict(X)


def test_takes_scikit_learns_parameters() -> None:
    X, y = DATA["iris"]
    params = sklearn.svm.SVC(C=2.0, gamma="auto").get_params()
    assert set(params) == set(SVC().get_params())
    assert SVC(**params).fit(X, y).C == 2.0


def test_pipeline_and_grid_search() -> None:
    X, y = DATA["iris"]
    grid = {"svc__C": [0.1, 1.0], "svc__kernel": KERNELS}
    scores = [
        GridSearchCV(make_pipeline(StandardScaler(), svc.set_params(tol=1e-5)), grid, cv=3).fit(X, y).cv_results_
        for svc in (SVC(), sklearn.svm.SVC())
    ]
    for name in ("mean_test_score", "rank_test_score"):
        np.testing.assert_array_equal(scores[0][name], scores[1][name])
    parallel = cross_val_score(SVC(), X, y, cv=3, n_jobs=2)
    np.testing.assert_array_equal(parallel, cross_val_score(SVC(), X, y, cv=3))


def test_altered_model_is_refused() -> None:
    X, y = DATA["binary"]
    model = SVC().fit(X, y)
    model._n_support[0] = 1000000
    with pytest.raises(ValueError, match="The internal representation of SVC was altered"):
        model.predict(X)
