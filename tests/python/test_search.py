"""Searches with shared work beside scikit-learn's own over scikit-learn's SVC."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn.model_selection as sk
import sklearn.svm
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import get_scorer, make_scorer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from dask_go.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score, cross_validate
from dask_go.svm import SVC

# With this tolerance two right solutions differ in the label of a row that lies on the boundary at most.
TIGHT = 1e-6


def two_classes(n: int = 150) -> tuple[np.ndarray, np.ndarray]:
    X, y = make_classification(n, 4, flip_y=0.15, random_state=1)
    return X, y


def unbalanced() -> tuple[np.ndarray, np.ndarray]:
    X, y = make_classification(200, 5, weights=[0.85], flip_y=0.05, random_state=2)
    return X, y


def iris() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_iris(return_X_y=True)
    return X, load_iris().target_names[y]


def digits() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_digits(n_class=5, return_X_y=True)
    return X[:150], y[:150]


def fit_kwargs(name: str, n: int) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    return {"sample_weight": {"sample_weight": rng.uniform(0.2, 2, n)}, "groups": {"groups": np.arange(n) // 7}}[name]


CS = [0.01, 0.5, 1.0, 20.0]
GRIDS: dict[str, tuple[Any, dict[str, Any], dict[str, Any], dict[str, Any], str | None]] = {
    # name: data, the estimator's parameters, the grid, the search's parameters, fit parameters
    "kernels": (two_classes, {"gamma": "auto"}, {"C": CS, "kernel": ["rbf", "poly", "linear"]}, {"cv": 3}, None),
    "shrinking twins": (two_classes, {}, {"C": CS, "shrinking": [True, False]}, {"cv": 4}, None),
    "gamma": (two_classes, {}, {"C": CS, "gamma": ["scale", "auto", 0.1, 2]}, {"cv": 3}, None),
    "list of grids": (
        two_classes,
        {},
        [{"kernel": ["linear"], "C": CS}, {"kernel": ["poly"], "degree": [2, 3], "coef0": [0.0, 1.0]}],
        {"cv": 3},
        None,
    ),
    "three classes": (iris, {}, {"C": CS, "kernel": ["rbf", "linear"]}, {"cv": 5}, None),
    "five classes": (digits, {}, {"C": [0.1, 1.0, 10.0], "break_ties": [False, True]}, {"cv": 3}, None),
    "class weights": (
        unbalanced,
        {},
        # (With a smaller C and balanced classes all rows are at their bounds, and any intercept will do.)
        {"C": CS[1:], "class_weight": [None, "balanced", {0: 1.0, 1: 4.0}]},
        {"cv": 3, "scoring": "balanced_accuracy"},
        None,
    ),
    "sample weights": (two_classes, {}, {"C": CS}, {"cv": 3}, "sample_weight"),
    "groups": (two_classes, {}, {"C": CS}, {"cv": sk.GroupKFold(4)}, "groups"),
    "shuffled": (two_classes, {}, {"C": CS}, {"cv": sk.ShuffleSplit(5, test_size=0.3, random_state=4)}, None),
    "probabilities": (
        unbalanced,
        {"probability": True, "random_state": 0},
        {"C": CS, "gamma": ["scale", 0.1]},
        {"cv": 3, "scoring": ["neg_brier_score", "neg_log_loss", "average_precision"], "refit": "neg_log_loss"},
        None,
    ),
    "probabilities of three classes": (
        iris,
        {"probability": True, "random_state": 3},
        {"C": [0.1, 1.0, 10.0]},
        {"cv": 3, "scoring": ["neg_log_loss", "roc_auc_ovr_weighted"], "refit": "neg_log_loss"},
        None,
    ),
    "unbalanced folds": (
        unbalanced,
        {"kernel": "poly"},
        {"C": CS},
        {"cv": sk.KFold(6), "scoring": "f1"},
        None,
    ),
    "several metrics": (
        unbalanced,
        {},
        {"C": CS},
        {"cv": 3, "scoring": ["roc_auc", "average_precision", "f1"], "refit": "f1", "return_train_score": True},
        None,
    ),
    "decision values of many classes": (
        digits,
        {},
        {"C": [0.1, 1.0], "decision_function_shape": ["ovr", "ovo"]},
        {"cv": 3, "scoring": make_scorer(lambda _, d: -np.abs(d).mean(), response_method="decision_function")},
        None,
    ),
}


@pytest.mark.filterwarnings("ignore:The `probability` parameter was deprecated:FutureWarning")
@pytest.mark.parametrize("name", GRIDS)
def test_agrees_with_scikit_learn(name: str) -> None:
    data, params, grid, options, extra = GRIDS[name]
    X, y = data()
    given = fit_kwargs(extra, len(y)) if extra else {}
    ours = GridSearchCV(SVC(tol=TIGHT, **params), grid, **options).fit(X, y, **given)
    theirs = sk.GridSearchCV(sklearn.svm.SVC(tol=TIGHT, **params), grid, **options).fit(X, y, **given)
    assert ours.search_plan_.shared == ours.search_plan_.fits == ours.n_splits_ * len(ours.cv_results_["params"])
    assert list(ours.cv_results_) == list(theirs.cv_results_)
    for key, values in theirs.cv_results_.items():
        if "_time" in key or key.startswith("rank_"):
            continue
        if "test_" not in key and "train_" not in key:
            assert str(ours.cv_results_[key]) == str(values), key
            continue
        # One row of a fold on the other side.
        assert np.abs(ours.cv_results_[key] - values).max() <= 2e-3 + 1.01 / (len(y) / ours.n_splits_) * (
            "mean" not in key
        ), key
    metric = options.get("refit", "score")
    scores = theirs.cv_results_[f"mean_test_{metric}"]
    assert scores[ours.best_index_] >= scores.max() - 2e-3
    assert ours.best_params_ == ours.cv_results_["params"][ours.best_index_]
    assert np.mean(ours.predict(X) == theirs.predict(X)) > 0.99 or ours.best_index_ != theirs.best_index_
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=0.02) or ours.best_index_ != theirs.best_index_


class Counting(StandardScaler):
    fits = 0

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        Counting.fits += 1
        return super().fit(X, y, sample_weight)


PIPELINES: dict[str, tuple[Any, Any, dict[str, Any], dict[str, Any], int]] = {
    # name: data, a function that makes the pipeline, the grid, fit parameters, how often each step is fitted
    "scaled": (iris, lambda svc: make_pipeline(Counting(), svc), {"svc__C": CS, "svc__gamma": ["scale", 0.1]}, {}, 3),
    "two steps with parameters": (
        digits,
        lambda svc: make_pipeline(Counting(), PCA(random_state=0), svc),
        {"pca__n_components": [5, 20], "svc__C": [0.1, 1.0, 10.0]},
        {},
        6,
    ),
    "nested": (
        iris,
        lambda svc: Pipeline([("scale", Counting()), ("rest", make_pipeline(PCA(2), svc))]),
        {"rest__svc__C": CS},
        {},
        3,
    ),
    "steps exchanged": (
        iris,
        lambda svc: Pipeline([("scale", "passthrough"), ("svc", svc)]),
        {"scale": ["passthrough", Counting()], "svc__C": CS},
        {},
        3,
    ),
    "weights": (
        two_classes,
        lambda svc: make_pipeline(Counting(), svc),
        {"svc__C": CS},
        {"svc__sample_weight": np.arange(150) % 5},
        3,
    ),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines(name: str) -> None:
    data, make, grid, given, fits = PIPELINES[name]
    X, y = data()
    options: dict[str, Any] = {"cv": 3, "scoring": ["accuracy", "f1_macro"], "refit": "f1_macro"}
    Counting.fits = 0
    ours = GridSearchCV(make(SVC(tol=TIGHT)), grid, **options).fit(X, y, **given)
    assert Counting.fits == fits + ("scale" not in ours.best_params_ or ours.best_params_["scale"] != "passthrough")
    theirs = sk.GridSearchCV(make(sklearn.svm.SVC(tol=TIGHT)), grid, **options).fit(X, y, **given)
    assert ours.search_plan_.shared == ours.search_plan_.fits
    for metric in options["scoring"]:
        key = f"mean_test_{metric}"
        assert np.allclose(ours.cv_results_[key], theirs.cv_results_[key], atol=5e-3)
    assert type(ours.best_estimator_) is Pipeline
    assert np.mean(ours.predict(X) == theirs.predict(X)) > 0.99 or ours.best_index_ != theirs.best_index_


def test_a_pipeline_whose_steps_fail() -> None:
    X, y = iris()
    with pytest.warns(FitFailedWarning, match="3 fits failed"), pytest.warns(UserWarning, match="non-finite"):
        search = GridSearchCV(make_pipeline(PCA(), SVC()), {"pca__n_components": [2, 100]}, cv=3).fit(X, y)
    assert search.search_plan_.reasons == {"a step before the SVC fails": 3}
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]


def test_the_same_for_any_number_of_jobs_and_of_threads() -> None:
    import dask_go

    X, y = iris()
    grid = {"C": CS, "kernel": ["rbf", "linear"]}
    one = GridSearchCV(SVC(), grid).fit(X, y)
    before = dask_go.set_num_threads(3)
    try:
        many = GridSearchCV(SVC(), grid, n_jobs=3).fit(X, y)
    finally:
        dask_go.set_num_threads(before)
    for k in range(5):
        assert np.array_equal(one.cv_results_[f"split{k}_test_score"], many.cv_results_[f"split{k}_test_score"])


def test_equal_problems_are_solved_once() -> None:
    X, y = two_classes()
    search = GridSearchCV(SVC(), {"C": [1, 1.0, 2], "shrinking": [True, False], "cache_size": [100]}, cv=3).fit(X, y)
    assert search.search_plan_.solved == 6
    assert str(search.search_plan_) == "18 of 18 fits made together, as 6 problems"


def test_randomized_search() -> None:
    X, y = two_classes()
    distributions = {"C": np.logspace(-2, 2, 30), "gamma": [0.1, 1]}
    given: dict[str, Any] = {"param_distributions": distributions, "n_iter": 7, "random_state": 5, "cv": 3}
    ours = RandomizedSearchCV(SVC(tol=TIGHT), **given).fit(X, y)
    theirs = sk.RandomizedSearchCV(sklearn.svm.SVC(tol=TIGHT), **given).fit(X, y)
    assert ours.search_plan_.shared == 21
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    assert np.allclose(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], atol=2e-3)


def test_cross_validation() -> None:
    X, y = iris()
    expected = sk.cross_validate(
        sklearn.svm.SVC(tol=TIGHT), X, y, scoring=["accuracy", "f1_macro"], return_train_score=True
    )
    got = cross_validate(SVC(tol=TIGHT), X, y, scoring=["accuracy", "f1_macro"], return_train_score=True)
    assert got.keys() == expected.keys()
    for key in expected:
        assert "time" in key or np.allclose(got[key], expected[key], atol=1 / 30), key
    assert np.allclose(cross_val_score(SVC(tol=TIGHT), X, y), expected["test_accuracy"], atol=1 / 30)
    with pytest.raises(ValueError, match="cv"):
        cross_val_score(SVC(), X, y, cv="five")


def test_other_estimators_run_one_by_one() -> None:
    X, y = two_classes()
    ours = GridSearchCV(sklearn.svm.SVC(), {"C": CS}, cv=3).fit(X, y)
    theirs = sk.GridSearchCV(sklearn.svm.SVC(), {"C": CS}, cv=3).fit(X, y)
    assert np.array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])
    assert ours.search_plan_.reasons == {"SVC is not dask_go.svm.SVC": 12}


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_candidate_that_cannot_be_planned_fails_as_in_scikit_learn() -> None:
    X, y = two_classes()
    grid = {"C": [1.0, -1.0]}
    with pytest.warns(FitFailedWarning, match="3 fits failed") as ours:
        search = GridSearchCV(SVC(), grid, cv=3).fit(X, y)
    with pytest.warns(FitFailedWarning, match="3 fits failed") as theirs:
        sk.GridSearchCV(sklearn.svm.SVC(), grid, cv=3).fit(X, y)
    assert [w.category for w in ours] == [w.category for w in theirs]
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]
    assert search.search_plan_.shared == 3
    assert "InvalidParameterError" in str(ours[0].message)
    for model, class_ in ((SVC(), GridSearchCV), (sklearn.svm.SVC(), sk.GridSearchCV)):
        with pytest.raises(ValueError, match="'C' parameter of SVC"):
            class_(model, grid, cv=3, error_score="raise").fit(X, y)


@pytest.mark.parametrize(
    ("grid", "options", "message"),
    [
        ({"c": [1]}, {}, "Invalid parameter 'c'"),
        ({"C": []}, {}, "empty|non-empty"),
        ({"C": [1]}, {"cv": 1000}, "n_splits=1000"),
        ({"C": [1]}, {"scoring": "nonsense"}, "scoring"),
        ({"C": [1]}, {"scoring": ["accuracy", "f1"]}, "refit"),
        ({"C": [1]}, {"error_score": "no"}, "error_score"),
    ],
)
def test_the_same_errors_for_the_same_mistakes(grid: Any, options: Any, message: str) -> None:
    X, y = two_classes(60)
    for model, class_ in ((SVC(), GridSearchCV), (sklearn.svm.SVC(), sk.GridSearchCV)):
        with pytest.raises(ValueError, match=message):
            class_(model, grid, **options).fit(X, y)


def test_verbose_prints_what_scikit_learn_prints(capsys: pytest.CaptureFixture[str]) -> None:
    X, y = two_classes(80)

    def lines(search: Any, verbose: int) -> list[str]:
        search.set_params(verbose=verbose).fit(X, y)
        # But for times and what fills the lines up.
        return [line.split("total time")[0].replace(".", "") for line in capsys.readouterr().out.splitlines()]

    for verbose in (1, 2, 3):
        grid = {"C": [0.1, 1.0], "kernel": ["rbf"]}
        ours = lines(GridSearchCV(SVC(tol=TIGHT), grid, cv=2), verbose)
        assert ours == lines(sk.GridSearchCV(sklearn.svm.SVC(tol=TIGHT), grid, cv=2), verbose)


def test_scorers_get_an_estimator_that_can_do_everything() -> None:
    X, y = two_classes()
    seen: list[Any] = []

    def scorer(estimator: Any, X_test: np.ndarray, y_test: np.ndarray) -> dict[str, float]:
        assert isinstance(estimator, SVC)
        at_hand = float(np.mean(estimator.predict(X_test) == y_test))
        decision = estimator.decision_function(X_test)
        assert not hasattr(estimator, "nonsense_")
        X_test *= -1  # its own rows, so nobody else sees it
        turned = estimator.decision_function(X_test)
        seen.append((decision, turned, estimator.support_vectors_, estimator.n_support_))
        return {"at hand": at_hand, "turned": float(np.mean(estimator.predict(X_test) == y_test))}

    grid = {"C": [0.1, 1.0]}
    ours = GridSearchCV(SVC(tol=TIGHT), grid, cv=3, scoring=scorer, refit=False).fit(X, y)
    assert ours.search_plan_.shared == 6
    mine, seen = seen, []
    for (decision, turned, vectors, counts), params, (train, test) in zip(
        mine,
        [p for p in ours.cv_results_["params"] for _ in range(3)],
        list(sk.StratifiedKFold(3).split(X, y)) * 2,
        strict=True,
    ):
        alone = SVC(tol=TIGHT, **params).fit(X[train], y[train])
        assert np.allclose(decision, alone.decision_function(X[test]), atol=1e-4)
        assert np.array_equal(turned, alone.decision_function(-X[test]))
        assert np.array_equal(vectors, alone.support_vectors_)
        assert np.array_equal(counts, alone.n_support_)


def test_times_are_those_of_the_work() -> None:
    X, y = two_classes(600)
    results = GridSearchCV(SVC(), {"C": [1.0, 1e5]}, cv=2).fit(X, y).cv_results_
    assert (results["mean_fit_time"] > 0).all()
    assert (results["mean_score_time"] > 0).all()
    assert (results["mean_fit_time"] < 60).all()


def test_data_that_are_not_arrays() -> None:
    pd = pytest.importorskip("pandas")
    X, y = two_classes()
    frame = pd.DataFrame(X, columns=list("abcd"))
    search = GridSearchCV(SVC(), {"C": CS}, cv=3).fit(frame, pd.Series(y))
    assert search.search_plan_.shared == 12
    assert search.feature_names_in_.tolist() == list("abcd")
    expected = GridSearchCV(SVC(), {"C": CS}, cv=3).fit(X.tolist(), y.tolist())
    assert np.array_equal(search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])


def test_splits_of_any_kind() -> None:
    X, y = two_classes(90)
    mask = np.arange(90) % 3 == 0
    splits = [(np.flatnonzero(~mask), np.flatnonzero(mask)), (np.r_[0:60, 0:60], np.arange(-30, 0))]
    ours = GridSearchCV(SVC(tol=TIGHT), {"C": CS}, cv=splits).fit(X, y)
    theirs = sk.GridSearchCV(sklearn.svm.SVC(tol=TIGHT), {"C": CS}, cv=splits).fit(X, y)
    assert ours.search_plan_.shared == 8
    assert np.allclose(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], atol=0.02)


def test_a_fold_of_one_class() -> None:
    X, y = two_classes(60)
    order = np.argsort(y, kind="stable")
    with pytest.warns(FitFailedWarning, match="1 fits failed"), pytest.warns(UserWarning, match="non-finite"):
        search = GridSearchCV(SVC(), {"C": [1.0]}, cv=[(order[:20], order[20:]), (order[::2], order[1::2])]).fit(X, y)
    assert np.isnan(search.cv_results_["split0_test_score"]).tolist() == [True]
    assert search.search_plan_.reasons == {"a split trains on one class": 1}


def test_a_fold_that_lacks_a_class() -> None:
    X, y = iris()
    few = np.flatnonzero(y != "virginica")
    cv = [(few[::2], np.arange(150)), (few[1::2], few[::2])]
    options = {"cv": cv, "scoring": {"accuracy": "accuracy", "f1": get_scorer("f1_macro")}, "refit": "f1"}
    ours = GridSearchCV(SVC(), {"C": CS}, **options).fit(X, y)
    theirs = sk.GridSearchCV(sklearn.svm.SVC(), {"C": CS}, **options).fit(X, y)
    assert ours.search_plan_.shared == 8
    assert np.allclose(ours.cv_results_["mean_test_f1"], theirs.cv_results_["mean_test_f1"], atol=0.01)


def test_metadata_routing() -> None:
    import sklearn

    X, y = two_classes()
    weight = fit_kwargs("sample_weight", len(y))["sample_weight"]
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = get_scorer("accuracy").set_score_request(sample_weight=True)
        searches = [
            class_(estimator(tol=TIGHT).set_fit_request(sample_weight=True), {"C": CS}, cv=3, scoring=scorer).fit(
                X, y, sample_weight=weight
            )
            for class_, estimator in ((GridSearchCV, SVC), (sk.GridSearchCV, sklearn.svm.SVC))
        ]
    assert searches[0].search_plan_.shared == 12
    assert np.allclose(*(s.cv_results_["mean_test_score"] for s in searches), atol=2e-3)
