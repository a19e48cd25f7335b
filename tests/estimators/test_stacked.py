"""Stacked autoencoders and the network fine-tuned from them."""

import os
import signal
from functools import cache
from pathlib import Path

import distributed
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from rhohat import (
    CheckpointError,
    KLSparsity,
    PatchNormalizer,
    SparseAutoencoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    Whitening,
)
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.network import NetworkObjective
from rhohat.objective.penalties import PENALTIES
from rhohat.rows.cluster import local_cluster
from rhohat.rows.derived import Mapped
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.partition import Partition
from rhohat.rows.sources import in_memory
from rhohat.training.change_of_variables import CenteredVariables
from rhohat.training.checkpoints import FILE
from rhohat.training.evaluation import NetworkEvaluation
from rows.test_stores import as_npy
from support import oracle
from support.cases import MARGIN, five_point, is_allowed, make_penalty, relative, sparse_data
from training.test_checkpoints import Killed, killed_after

X = sparse_data(2600, 8, dtype=np.float32)
Y = np.array(["low", "middle", "high"])[np.digitize(X[:, 0] + X[:, 1], [0.9, 1.1])]


@pytest.fixture(autouse=True)
def every_state_is_written(monkeypatch):
    monkeypatch.setattr("rhohat.training.checkpoints.SPACING", 0)


#: Hidden layers of the networks that gradients are checked on, input to output.
DEPTHS = [(), (4,), (4, 3), (3, 4, 2)]
NETWORKS = [
    (activation, penalty, depth)
    for activation in ACTIVATIONS
    for penalty in PENALTIES
    if is_allowed(activation, penalty)
    for depth in DEPTHS
]
every_network = pytest.mark.parametrize(("activation", "penalty", "depth"), NETWORKS)


@cache
def network(activation, penalty, depth):
    """Objective, theta, rows, labels and weights; weighted inputs keep away from kinks at 0."""
    sizes = (5, *depth, 3)
    objective = NetworkObjective(
        sizes, (activation,) * len(depth), penalty=make_penalty(penalty), weight_decay=0.03
    )
    random = np.random.RandomState(0)
    for _ in range(10_000):
        theta = random.uniform(-1.2, 1.2, objective.n_parameters)
        rows = random.uniform(0.1, 0.9, (6, 5))
        A, least = rows, np.inf
        for (W, b), f in zip(objective.layers(theta), objective.activations, strict=False):
            Z = A @ W.T + b
            least = min(least, np.abs(Z).min())
            A = f.function(Z)
        if least > MARGIN:
            break
    else:
        raise AssertionError("no point keeps the margin")
    return objective, theta, rows, random.randint(0, 3, 6), random.uniform(0.2, 3, 6)


@every_network
def test_gradient_agrees_with_five_point_differences(activation, penalty, depth):
    objective, theta, rows, labels, weight = network(activation, penalty, depth)
    numerical = five_point(lambda t: objective.loss_grad(t, rows, labels, weight)[0], theta)
    assert relative(objective.loss_grad(theta, rows, labels, weight)[1], numerical) < 1e-8


@every_network
def test_loss_and_gradient_are_those_of_plain_loops(activation, penalty, depth):
    objective, theta, rows, labels, weight = network(activation, penalty, depth)
    formula = oracle.PENALTIES[penalty](activation, **objective.penalty.get_params())
    loss, grads = oracle.classify(
        [(W.tolist(), b.tolist()) for W, b in objective.layers(theta)],
        rows.tolist(),
        labels.tolist(),
        weight.tolist(),
        hidden=[activation] * len(depth),
        penalties=[formula] * len(depth),
        decay=objective.weight_decay,
    )
    found_loss, found = objective.loss_grad(theta, rows, labels, weight)
    assert found_loss == pytest.approx(loss, rel=1e-12)
    assert relative(found, np.concatenate([np.ravel(part) for pair in grads for part in pair])) < (
        1e-12
    )


@pytest.mark.parametrize("penalty", PENALTIES)
def test_loss_does_not_depend_on_how_rows_are_split(penalty):
    objective, theta, rows, labels, weight = network("tanh", penalty, (4, 3))
    whole = objective.activities(rows, theta, weight)
    slopes = objective.penalty_slopes(whole)
    parts = [slice(0, 1), slice(1, 4), slice(4, 6)]
    terms = [objective.terms(rows[p], labels[p], theta, weight[p], slopes=slopes) for p in parts]
    for other in terms[1:]:
        terms[0] += other
    loss, grad = objective.finish(terms[0], theta)
    expected_loss, expected = objective.loss_grad(theta, rows, labels, weight)
    assert loss == pytest.approx(expected_loss, rel=1e-14)
    assert relative(grad, expected) < 1e-14


@every_network
def test_the_solvers_variables_are_theta_in_other_words(activation, penalty, depth):
    objective, theta, rows, labels, weight = network(activation, penalty, depth)
    source, engine = in_memory(rows * 7 - 2, weight, labels), ThreadEngine(1)
    partition = Partition(4, 4)
    with engine.running():
        variables = CenteredVariables.at(theta, objective, source, engine, partition)
        evaluate = NetworkEvaluation(objective, variables, engine, partition, source)
        q = variables.from_theta(theta)
        assert_allclose(variables.to_theta(q), theta, rtol=1e-12)
        loss, grad = evaluate(q)
        expected, expected_grad = objective.loss_grad(theta, rows * 7 - 2, labels, weight)
        assert loss == pytest.approx(expected, rel=1e-12)
        step = np.random.RandomState(0).normal(size=len(q))
        moved = variables.to_theta(q + step) - theta
    assert grad @ step == pytest.approx(expected_grad @ moved, rel=1e-9)


def test_scores_of_any_size_have_a_finite_loss():
    objective = NetworkObjective((2, 2), ())
    theta = objective.pack({"W_1": [[1e4, 0], [-1e4, 0]], "b_1": [0, 0]})
    loss, grad = objective.loss_grad(theta, np.array([[1.0, 0]]), [1])
    assert loss > 1e4
    assert np.isfinite(grad).all()


def test_layers_and_activations_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="need 1 activations"):
        NetworkObjective((5, 4, 3), ())
    with pytest.raises(ValueError, match="bounded range"):
        NetworkObjective((5, 4, 3), ("relu",), penalty="kl")


# StackedAutoencoder


def layer(n_components=5, **changes):
    return SparseAutoencoder(n_components, **({"max_iter": 8, "tol": 0.0} | changes))


def stack(**changes):
    settings = {"layers": (5, 4), "estimator": layer(), "random_state": 0, "n_jobs": 1}
    return StackedAutoencoder(**(settings | changes))


def stack_bits(model):
    return [
        getattr(layer, name).tobytes()
        for layer in model.layers_
        for name in ("encoder_weights_", "decoder_weights_", "decoder_bias_", "loss_terms_curve_")
    ]


def test_each_layer_is_an_autoencoder_of_the_one_below():
    model = stack().fit(X)
    below, above = model.layers_
    first = clone(below).fit(X)
    assert_array_equal(below.encoder_weights_, first.encoder_weights_)
    second = clone(above).fit(first.transform(X))
    assert_array_equal(above.encoder_weights_, second.encoder_weights_)
    assert_array_equal(model.transform(X), second.transform(first.transform(X)))
    A = model.transform(X)
    back = first.inverse_transform(second.inverse_transform(A))
    assert_array_equal(model.inverse_transform(A), back)
    assert A.dtype == back.dtype == np.float32


def test_layers_are_sizes_or_autoencoders_and_the_prototype_is_left_alone():
    prototype, own = layer(9, activation="tanh"), layer(3, decoder="tied")
    model = stack(layers=[6, own], estimator=prototype).fit(X)
    assert [len(one.components_) for one in model.layers_] == [6, 3]
    assert [one.activation for one in model.layers_] == ["tanh", "sigmoid"]
    assert prototype.n_components == 9
    assert not hasattr(own, "n_features_in_")
    assert list(model.get_feature_names_out()) == [f"stackedautoencoder{i}" for i in range(3)]


@pytest.mark.parametrize(
    ("layers", "error"),
    [((), ValueError), (5, ValueError), ("55", ValueError), ((5, "6"), TypeError)],
)
def test_wrong_layers_are_refused(layers, error):
    with pytest.raises(error, match="layer"):
        stack(layers=layers).fit(X)


def test_rows_in_files_give_the_bits_of_memory_and_are_mapped(tmp_path):
    path = as_npy(tmp_path, X)
    model = stack().fit(path)
    assert stack_bits(model) == stack_bits(stack().fit(X))
    assert isinstance(model.transform(path), Mapped)
    assert_array_equal(np.asarray(model.transform(path)), model.transform(X))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("before", [None, Whitening(), PatchNormalizer()])
@pytest.mark.parametrize("n_rows", [700, 6100])
def test_rows_that_are_computed_have_the_bits_of_those_in_memory(tmp_path, before, n_rows, dtype):
    """Whatever product makes them: of one row, of rows drawn for the first stages, of chunks."""
    rows = sparse_data(n_rows, 90, dtype=dtype)
    models = [
        make_pipeline(clone(before) if before else "passthrough", stack(layers=[8, 6])).fit(given)
        for given in (rows, as_npy(tmp_path, rows))
    ]
    assert stack_bits(models[0][-1]) == stack_bits(models[1][-1])


def test_what_the_layers_say_holds_where_the_stack_says_nothing(tmp_path):
    seeded = [layer(random_state=3, checkpoint=tmp_path / "own"), layer(4, random_state=4)]
    models = [StackedAutoencoder(seeded).fit(X) for _ in range(2)]
    assert stack_bits(models[0]) == stack_bits(models[1])
    assert (tmp_path / "own" / FILE).exists()
    network = [
        StackedAutoencoderClassifier(StackedAutoencoder(seeded, random_state=1), max_iter=2)
        for _ in range(2)
    ]
    assert_array_equal(*(model.fit(X, Y).theta_ for model in network))


def test_arrays_are_sizes_too():
    assert stack_bits(stack(layers=np.array([5, 4])).fit(X)) == stack_bits(stack().fit(X))


def test_a_stack_cut_off_in_any_layer_goes_on_to_the_same_bits(tmp_path):
    undisturbed = stack_bits(stack().fit(X))
    for number, layers in enumerate(
        [[layer(callback=killed_after(3)), 4], [5, layer(4, callback=killed_after(3))]]
    ):
        folder = tmp_path / str(number)
        with pytest.raises(Killed):
            stack(layers=layers, checkpoint=folder).fit(X)
        with pytest.raises(CheckpointError, match="has not ended"):
            stack(checkpoint=folder).fit(X)
        resumed = stack(checkpoint=folder, resume=True).fit(X)
        assert stack_bits(resumed) == undisturbed
    assert {path.parent.name for path in folder.rglob(FILE)} == {"layer1", "layer2"}


def test_layers_keep_and_resume_by_themselves(tmp_path):
    undisturbed = stack_bits(stack().fit(X))
    with pytest.raises(Killed):
        stack(layers=[layer(checkpoint=tmp_path / "a", callback=killed_after(3)), 4]).fit(X)
    resumed = stack(layers=[layer(checkpoint=tmp_path / "a", resume=True), 4])
    assert stack_bits(resumed.fit(X)) == undisturbed
    prototype = layer(checkpoint=tmp_path / "b", resume=True)
    for _ in range(2):
        assert stack_bits(stack(estimator=prototype).fit(X)) == undisturbed
    assert {path.parent.name for path in tmp_path.rglob(FILE)} == {"a", "layer1", "layer2"}
    shared = [layer(checkpoint=tmp_path / "c"), layer(4, checkpoint=str(tmp_path / "c"))]
    with pytest.raises(ValueError, match="state in one folder"):
        stack(layers=shared).fit(X)


def test_an_interrupted_layer_ends_the_whole(tmp_path):
    def interrupt(progress):
        if progress.n_iter == 4:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match="in layer 1 of 2: resume=True goes on from"):
        stack(layers=[layer(callback=interrupt), 4], checkpoint=tmp_path).fit(X)
    resumed = stack(checkpoint=tmp_path, resume=True).fit(X)
    assert stack_bits(resumed) == stack_bits(stack().fit(X))


# StackedAutoencoderClassifier


def classifier(estimator=None, **changes):
    settings = {
        "sparsity_penalty": KLSparsity(0.1, 0.01),
        "max_iter": 12,
        "softmax_max_iter": 6,
        "tol": 0.0,
        "n_jobs": 1,
        "random_state": 0,
    }
    return StackedAutoencoderClassifier(
        stack() if estimator is None else estimator, **(settings | changes)
    )


def bits(model):
    return model.theta_.tobytes(), model.loss_terms_curve_.tobytes()


@pytest.fixture(scope="module")
def undisturbed():
    return bits(classifier().fit(X, Y))


@pytest.fixture(scope="module")
def frozen():
    seed = np.random.RandomState(0).randint(2**31 - 1)  # as the classifier draws it
    return FrozenEstimator(stack(random_state=seed).fit(X))


def test_two_threads_give_the_same_bits(undisturbed):
    assert bits(classifier(n_jobs=2).fit(X, Y)) == undisturbed


def test_files_and_dask_give_the_same_bits(undisturbed, tmp_path):
    path = as_npy(tmp_path, X)
    in_file = classifier().fit(path, Y)
    assert bits(in_file) == undisturbed
    assert_array_equal(in_file.predict(path), in_file.predict(X))
    with (
        local_cluster(2) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        assert bits(classifier(engine=client.scheduler.address).fit(path, Y)) == undisturbed


@pytest.mark.parametrize("n_iter", [2, 5, 12])
def test_fine_tuning_cut_off_anywhere_goes_on_to_the_same_bits(n_iter, undisturbed, tmp_path):
    with pytest.raises(Killed):
        classifier(checkpoint=tmp_path, callback=killed_after(n_iter)).fit(X, Y)
    with pytest.raises(CheckpointError, match="has not ended"):
        classifier(checkpoint=tmp_path).fit(X, Y)
    with pytest.raises(CheckpointError, match="its labels"):
        classifier(checkpoint=tmp_path, resume=True).fit(X, Y[::-1])
    assert bits(classifier(checkpoint=tmp_path, resume=True).fit(X, Y)) == undisturbed
    folders = {str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob(FILE)}
    expected = ("layers/layer1", "layers/layer2", "softmax", "network")
    assert folders == {str(Path(folder)) for folder in expected}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"weight_decay": 1e-2}, "weight_decay"),
        ({"sparsity_penalty": "none"}, "sparsity_penalty"),
        ({"max_iter": 13}, "stages"),
    ],
)
def test_the_checkpoint_of_other_settings_is_refused(changes, named, frozen, tmp_path):
    with pytest.raises(Killed):
        classifier(frozen, checkpoint=tmp_path, callback=killed_after(3)).fit(X, Y)
    with pytest.raises(CheckpointError, match=f"its {named}"):
        classifier(frozen, checkpoint=tmp_path, resume=True, **changes).fit(X, Y)


def test_one_that_is_fitted_is_started_from_as_it_is(undisturbed, frozen):
    assert bits(classifier(frozen).fit(X, Y)) == undisturbed
    single = FrozenEstimator(layer(random_state=0).fit(X))
    assert [W.shape for W in classifier(single).fit(X, Y).weights_] == [(5, 8), (3, 5)]
    with pytest.raises(NotFittedError):
        classifier(FrozenEstimator(stack())).fit(X, Y)


@pytest.mark.parametrize("wrong", [LogisticRegression(), "stack"])
def test_what_is_no_autoencoder_is_refused(wrong):
    with pytest.raises(TypeError, match="StackedAutoencoder"):
        classifier(wrong).fit(X, Y)


def test_without_fine_tuning_it_is_softmax_regression_on_the_top_layer(frozen):
    model = classifier(frozen, max_iter=0, softmax_max_iter=2000, weight_decay=1e-3, tol=1e-12)
    model.fit(X.astype(float), Y)
    A = frozen.transform(X.astype(float))
    assert_allclose(model.weights_[0], frozen.layers_[0].encoder_weights_, rtol=1e-12)
    reference = LogisticRegression(C=1 / (len(X) * 1e-3), tol=1e-10, max_iter=5000).fit(A, Y)
    assert_allclose(model.predict_proba(X), reference.predict_proba(A), atol=1e-3)
    assert model.n_iter_ == 0
    assert model.loss_curve_.shape == (1,)


def test_fine_tuning_lowers_the_loss_and_raises_accuracy(frozen):
    before = classifier(frozen, max_iter=0, sparsity_penalty="none").fit(X, Y)
    after = classifier(frozen, max_iter=100, sparsity_penalty="none").fit(X, Y)
    assert (np.diff(after.loss_curve_) <= 0).all()
    assert after.loss_curve_[0] == before.loss_
    assert after.score(X, Y) > before.score(X, Y)


def test_the_reported_loss_and_averages_are_those_of_the_model(frozen):
    model = classifier(frozen).fit(X.astype(float), Y)
    objective = model.objective()
    numbers = np.searchsorted(model.classes_, Y)
    assert model.loss_ == pytest.approx(objective.loss_grad(model.theta_, X, numbers)[0], rel=1e-5)
    A = objective.activate(X.astype(float), model.theta_)[1:]
    averages = np.concatenate([layer.mean(axis=0) for layer in A])
    assert_allclose(model.average_activation_, averages, rtol=1e-9)
    chosen = model.predict_proba(X)[np.arange(len(X)), numbers]
    assert_allclose(model.loss_terms_.reconstruction, -np.log(chosen).mean(), rtol=1e-5)
    assert model.coef_.shape == (3, 4)
    assert model.intercept_.shape == (3,)


@pytest.mark.parametrize("stored", [False, True])
def test_a_weight_of_two_is_a_row_twice(stored, frozen, tmp_path):
    rows = X.astype(float)[:300]
    weight = np.random.RandomState(0).randint(1, 4, 300)
    settings = {"max_iter": 5, "softmax_max_iter": 5}
    given = as_npy(tmp_path, rows) if stored else rows
    weighted = classifier(frozen, **settings).fit(given, Y[:300], sample_weight=weight)
    repeated = classifier(frozen, **settings).fit(
        np.repeat(rows, weight, axis=0), np.repeat(Y[:300], weight)
    )
    assert_allclose(weighted.theta_, repeated.theta_, rtol=1e-6)


@pytest.mark.parametrize(
    "labels", [[False, True], [3, 7, 9], [0.5, 1.5], ["yes", "no", "perhaps", "never"]]
)
def test_labels_of_any_kind_come_back(labels, frozen):
    y = np.array(labels)[np.arange(len(X)) % len(labels)]
    if y.dtype == float:
        y = y * 2  # fractions are regression's
    model = classifier(frozen, max_iter=2).fit(X, y)
    assert model.predict(X).dtype == y.dtype
    assert set(model.classes_) == set(y)
    scores, P = model.decision_function(X), model.predict_proba(X)
    assert scores.shape == ((len(X),) if len(labels) == 2 else (len(X), len(labels)))
    assert_allclose(P.sum(axis=1), 1, rtol=1e-5)
    assert P.dtype == X.dtype


def test_labels_that_do_not_fit_are_refused(frozen):
    with pytest.raises(ValueError, match="one each is needed"):
        classifier(frozen).fit(X, Y[:-1])
    with pytest.raises(ValueError, match="at least two classes"):
        classifier(frozen).fit(X, Y == "none of these")


def test_grid_search_reaches_the_layers():
    search = GridSearchCV(
        classifier(max_iter=3), {"estimator__estimator__weight_decay": [1e-4, 1.0]}, cv=2
    )
    assert search.fit(X[:500], Y[:500]).best_params_ is not None


def test_a_fit_that_fails_leaves_the_model_as_it_was(frozen):
    model = classifier(frozen).fit(X, Y)
    before = bits(model), model.predict(X)
    with pytest.raises(ValueError, match="sparsity_penalty"):
        model.set_params(sparsity_penalty="bogus").fit(X, np.where(Y == "low", "z", "a"))
    model.set_params(sparsity_penalty=KLSparsity(0.1, 0.01))
    assert bits(model) == before[0]
    assert_array_equal(model.predict(X), before[1])


@pytest.mark.parametrize("make", [stack, classifier])
def test_a_first_fit_that_fails_leaves_it_unfitted(make):
    def fail(progress):
        raise Killed

    model = make(layers=[layer(callback=fail)]) if make is stack else make(layer(callback=fail))
    with pytest.raises(Killed):
        model.fit(X, Y)
    with pytest.raises(NotFittedError):
        (model.transform if make is stack else model.predict)(X)


def test_rows_in_files_are_checked_before_they_are_classified(frozen, tmp_path):
    rows = X.copy()
    rows[1500, 3] = np.nan
    with pytest.raises(ValueError, match="holds nan in row 1500, column 3"):
        classifier(frozen).fit(X, Y).predict(as_npy(tmp_path, rows))


def test_output_as_tables_stays_outside():
    with config_context(transform_output="pandas"):
        model = classifier(stack()).fit(X, Y)
        table = stack().fit(X).transform(X)
    assert bits(model) == bits(classifier(stack()).fit(X, Y))
    assert_array_equal(table.to_numpy(), stack().fit(X).transform(X))
