"""Diagnosis: planted mistakes are named, their changes remove them, and good models have none."""

import shlex

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import rhohat
from rhohat import (
    KLSparsity,
    L1Sparsity,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    StackedAutoencoder,
    Standardization,
    Whitening,
    choose,
    diagnose,
)
from rhohat.estimators.anatomy import Anatomy
from rhohat.inspection.diagnosis import CHECKS, ROWS, Case, Change, Finding
from rhohat.rows.named_rows import NamedRows
from support.command import run
from support.dictionaries import planted
from support.fits import bits

pytestmark = pytest.mark.filterwarnings("ignore:.*decoder.*:UserWarning")  # a mistake, planted

DIGITS = load_digits().data[:600]
ATOMS = planted(800)[0]
WINE, CLASSES = load_wine(return_X_y=True)


def sae(units=25, target=0.02, weight=3.0, decay=1e-3, **options):
    penalty = KLSparsity(target, weight)
    settings = {"sparsity_penalty": penalty, "weight_decay": decay, "random_state": 0}
    return SparseAutoencoder(units, **(settings | options))


def standardized(*arguments, **options):
    return make_pipeline(Standardization(), sae(*arguments, **options))


def spoiled(X, **values):
    """A fitted model, some of whose units are changed afterwards."""
    model = standardized().fit(X)
    for name, change in values.items():
        change(getattr(model[-1], name))
    return model


def copied(values):
    values[:5] = values[5:10]


def zeroed(values):
    values[:5] = 0


def lowered(values):
    values[:5] = -9


#: Mistakes that a change removes: a model, fitted or not, and data that have it.
MISTAKES = {
    "range": lambda X: (standardized(decoder="sigmoid"), X),
    "decay": lambda X: (standardized(decay=0.5), X),
    "target too low": lambda X: (standardized(target=1e-5, decay=5e-3), X),
    "penalty": lambda X: (standardized(sparsity_penalty="none"), X),
    "penalty, a weak one": lambda X: (standardized(weight=1e-4), X),
    "never fires": lambda X: (
        sae(target=0.05, decay=1e-4),
        Standardization().fit_transform(X) / 20,
    ),
    "not converged": lambda X: (standardized(max_iter=8), X),
    "few rows": lambda X: (standardized(100, decay=1e-4), X[:150]),
    "duplicates": lambda X: (
        spoiled(X, encoder_weights_=copied, encoder_bias_=copied, decoder_weights_=copied),
        X,
    ),
    "dead units": lambda X: (spoiled(X, encoder_weights_=zeroed, encoder_bias_=lowered), X),
    "worse than a constant": lambda X: (standardized(25, 1e-3, 1e4, 1e-9, max_iter=1), X),
    "scale of columns": lambda X: (sae(16, target=0.05), X),
    "mean of rows": lambda X: (standardized(target=0.05), X),
    "noise amplified": lambda X: (
        make_pipeline(Whitening(epsilon=1e-9), sae(decay=3e-3)),
        X + 1e-3 * np.random.RandomState(0).randn(*X.shape),
    ),
}
#: Data that they are planted in.
WHERE = {
    "scale of columns": ["wine"],
    "worse than a constant": ["digits"],
    "mean of rows": ["pixels"],
    "noise amplified": ["pixels"],
}
PLANTED = [(name, data) for name in MISTAKES for data in WHERE.get(name, ["digits", "atoms"])]


@pytest.fixture(scope="module")
def data(photographs):
    cut = PatchExtractor(6, n_patches=1000, random_state=0)
    pixels = cut.fit_transform(photographs.images)
    return {"digits": DIGITS, "atoms": ATOMS, "wine": WINE, "pixels": pixels}


def kinds(diagnosis):
    return [finding.kind for finding in diagnosis.findings]


def is_fitted(model):
    return hasattr(Anatomy.of(model).autoencoder, "encoder_weights_")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "where"), PLANTED, ids=map(" in ".join, PLANTED))
def test_a_planted_mistake_is_named_and_gone_after_its_change(
    name, where, data, tmp_path, monkeypatch
):
    monkeypatch.setattr("rhohat.recipes.estimates.TIMED_ROWS", (16, 64))  # of the dry run
    (model, X), kind = MISTAKES[name](data[where]), name.split(",")[0]
    model = model if is_fitted(model) else model.fit(X)
    diagnosis = diagnose(model, X)
    assert kind in kinds(diagnosis)[:2]
    assert not diagnosis.is_good
    finding = diagnosis.findings[kinds(diagnosis).index(kind)]
    assert "threshold" in finding.evidence
    changed = finding.change.applied(model)
    assert not is_fitted(changed)
    assert kind not in kinds(diagnose(changed.fit(X), X))
    assert_is_python_and_an_option(finding.change, changed, X, tmp_path)


def assert_is_python_and_an_option(change, changed, X, folder):
    """What is told is code of this package, and what ``rhohat learn`` takes."""
    code = change.python.partition(" before the autoencoder")[0].partition(" instead of ")[0]
    told = eval(code, vars(rhohat) | {name: getattr(rhohat, name) for name in rhohat.__all__})
    steps = [changed] if isinstance(changed, SparseAutoencoder) else list(changed)
    if change.before is not None:
        assert repr(told) in map(repr, steps)
    for name in change.parameters:
        assert repr(getattr(told, name)) == repr(getattr(steps[-1], name))
    assert str(change) == f"{change.python}, or {change.option}"
    np.save(folder / "x.npy", X)
    result = run("learn", "x.npy", "--dry-run", *shlex.split(change.option), cwd=folder)
    assert result.returncode == 0, result.stderr


def with_labels(X):
    return np.column_stack([X[:, :3], CLASSES, X[:, 3:]])


def with_a_constant(X):
    return np.column_stack([X[:, :1], np.full(len(X), 7), X[:, 1:]])


def test_columns_with_names_are_left_out_by_these():
    X = np.column_stack([WINE[:, :3], CLASSES, WINE[:, 3:], 2 * WINE[:, 1]])
    names = [*(f"c {n}" for n in "abc"), "kind", *(f"d{n}" for n in range(10)), "b's"]
    rows = NamedRows(X, names)
    found = {
        f.kind: str(f)
        for f in diagnose(
            make_pipeline(Standardization("columns"), sae(16)).fit(rows), rows
        ).findings
    }
    assert "Column 'kind' looks like labels" in found["labels"]
    assert "--drop kind (in Python load_rows(..., drop=['kind']))" in found["labels"]
    assert "Columns 'c b' and \"b's\" have a correlation" in found["identical columns"]


def test_neighbors_along_an_axis_are_no_repeated_columns():
    curves = np.repeat(WINE, 2, axis=1)
    for names, is_told in (
        ([f"{n} nm" for n in range(26)], False),
        (list("abcdefghijklmnopqrstuvwxyz"), True),
    ):
        rows = NamedRows(curves, names)
        model = make_pipeline(Standardization("columns"), sae(16)).fit(rows)
        kinds = [finding.kind for finding in diagnose(model, rows).findings]
        assert ("identical columns" in kinds) == is_told


@pytest.mark.parametrize(
    ("kind", "make", "told", "is_good"),
    [
        (
            "labels",
            with_labels,
            "Column 3 looks like labels: it has 3 distinct whole numbers",
            False,
        ),
        ("constant columns", with_a_constant, "The first is column 1.", True),
        (
            "identical columns",
            lambda X: np.column_stack([X, 2 * X[:, 1] + 3]),
            "Columns 1 and 13 have a correlation above 0.999. Leave them out: "
            "numpy.delete(X, 13, axis=1).",
            True,
        ),
    ],
)
def test_columns_that_should_not_be_there_are_named(kind, make, told, is_good):
    X = make(WINE)
    diagnosis = diagnose(make_pipeline(Standardization("columns"), sae(16)).fit(X), X)
    assert kinds(diagnosis)[0] == kind
    assert told in str(diagnosis)
    assert diagnosis.findings[0].change is None
    assert diagnosis.findings[0].is_note == diagnosis.is_good == is_good


def test_whole_numbers_that_the_others_do_not_tell_are_no_labels(rng):
    X = np.column_stack([WINE, rng.randint(3, size=len(WINE))])
    diagnosis = diagnose(make_pipeline(Standardization("columns"), sae(16)).fit(X), X)
    assert "labels" not in kinds(diagnosis)


def test_what_components_explain_and_units_do_not_is_a_note():
    model = standardized(decay=2e-2).fit(DIGITS)
    diagnosis = diagnose(model, DIGITS)
    (note,) = [finding for finding in diagnosis.findings if finding.kind == "explains little"]
    assert note.is_note
    assert note.value > note.threshold
    more = note.change.applied(model).fit(DIGITS)
    assert "explains little" not in kinds(diagnose(more, DIGITS)) or (
        next(f for f in diagnose(more, DIGITS).findings if f.kind == note.kind).value < note.value
    )


def test_every_check_has_found_something():
    others = {"labels", "columns", "explains little"}
    assert CHECKS.keys() <= MISTAKES.keys() | others


# --- models without mistakes ---------------------------------------------------------------------


def whitened_digits():
    X = DIGITS / 16
    epsilon = 0.5 * X.var(axis=0).mean()
    return make_pipeline(Whitening(epsilon=epsilon), sae(36, 0.035, 5.0, 3e-3)).fit(X), X


def edges(photographs):
    images = photographs.images
    cut = PatchExtractor(8, n_patches=3000, random_state=0)
    model = make_pipeline(
        OneOverFWhitening(), cut, PatchNormalizer(), sae(36, 0.01, 3.0, 1e-4, decoder="sigmoid")
    )
    return model.fit(images), images


GOOD = {
    "digits, whitened": lambda _: whitened_digits(),
    "digits, with a sigmoid decoder": lambda _: (
        sae(64, 0.1, 3.0, 1e-4, decoder="sigmoid").fit(DIGITS / 16.0001 + 1e-6),
        DIGITS / 16.0001 + 1e-6,
    ),
    "a dictionary, by choose": lambda _: (choose(ATOMS, 16).pipeline_, ATOMS),
    "another start": lambda _: (choose(ATOMS, 16, random_state=5).pipeline_, ATOMS),
    "wine, by choose": lambda _: (choose(WINE).pipeline_, WINE),
    "photographs, 1/f": edges,
}


@pytest.mark.slow
@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_nothing_is_found_in_a_good_model(make, photographs):
    model, X = make(photographs)
    diagnosis = diagnose(model, X)
    assert [finding.kind for finding in diagnosis.findings if not finding.is_note] == []
    assert diagnosis.is_good
    assert str(diagnosis).startswith(f"{diagnosis.verdict} {diagnosis.facts}")
    assert diagnosis.verdict.startswith("The features look good: no problem was found")


def test_facts_are_measured(rng):
    model = standardized(9, 0.1).fit(ATOMS)
    A = model.transform(ATOMS)
    rows = model[0].transform(ATOMS)
    explained = 1 - np.square(rows - model[1].inverse_transform(A)).sum() / np.square(rows).sum()
    facts = diagnose(model, ATOMS).facts
    assert f"They explain {explained:.0%} of the variance" in facts
    assert f"their average activation is {A.mean() / 0.1:.2f} times its target" in facts
    assert facts.endswith("0 of 9 are dead.")


# --- what it says, and of what -------------------------------------------------------------------


def test_findings_come_before_notes_and_are_numbered():
    X = with_a_constant(WINE)
    diagnosis = diagnose(make_pipeline(Standardization("columns"), sae(16, max_iter=4)).fit(X), X)
    notes = [finding.is_note for finding in diagnosis.findings]
    assert notes == sorted(notes)
    assert set(notes) == {False, True}
    lines = str(diagnosis).splitlines()
    assert lines[0] == f"{diagnosis.verdict} {diagnosis.facts}"
    assert diagnosis.verdict == f"The features can be better. {diagnosis.findings[0].text}"
    assert lines[1:] == [f"{n}. {finding}" for n, finding in enumerate(diagnosis.findings, 1)]


def test_a_finding_tells_its_change_or_advice_or_nothing_more():
    finding = Finding("decay", "It is so.", "It is 3.", 3, 2)
    assert str(finding) == "It is so. It is 3."
    assert str(Finding(*("", "So.", "3.", 3, 2), advice="Do that.")) == "So. 3. Do that."
    change = Change({"max_iter": 5, "tol": 0.1})
    assert str(change) == "SparseAutoencoder(max_iter=5) and SparseAutoencoder(tol=0.1)"
    assert str(Finding(*("", "So.", "3.", 3, 2), change=change)) == f"So. 3. Change: {change}."


def test_a_step_is_put_where_rows_begin_or_in_place_of_another(rng):
    images = list(rng.rand(5, 10, 10))
    cut = PatchExtractor(4, n_patches=60, random_state=0)
    model = make_pipeline(OneOverFWhitening(), cut, Whitening(), sae(3)).fit(images)
    before = Change(before=Standardization()).applied(model)
    instead = Change(before=Whitening(epsilon=9), instead_of=Whitening).applied(model)
    assert list(map(type, before)) == [
        *(OneOverFWhitening, PatchExtractor, Standardization, Whitening, SparseAutoencoder)
    ]
    assert list(map(type, instead)) == list(map(type, model))
    assert instead[2].epsilon == 9
    alone = Change({"n_components": 2}).applied(model[-1])
    assert isinstance(alone, SparseAutoencoder)
    assert (alone.n_components, model[-1].n_components) == (2, 3)


def test_the_model_is_left_as_it_was_and_told_the_same_twice():
    model = standardized(target=1e-5, decay=5e-3).fit(ATOMS)
    before, parameters = bits(model[-1]), repr(model.get_params())
    first, second = diagnose(model, ATOMS), diagnose(model, ATOMS)
    assert str(first) == str(second)
    assert bits(model[-1]) == before
    assert repr(model.get_params()) == parameters


def test_of_many_rows_a_part_is_looked_at(rng):
    X, _ = planted(ROWS + 1000)
    model = standardized(16, 0.04, 1.6, 2e-3, max_iter=100).fit(X)
    assert diagnose(model, X).is_good
    assert "few rows" not in kinds(diagnose(standardized(500, max_iter=2).fit(X), X))


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(Standardization(), sae(8)),
        make_pipeline(StandardScaler(), sae(8)).set_output(transform="pandas"),
        sae(8, sparsity_penalty="none"),
    ],
    ids=["array out", "table out", "alone"],
)
def test_a_table_with_named_columns_is_as_its_values(model):
    table = pd.DataFrame(ATOMS, columns=[f"x{i}" for i in range(16)])
    named = clone(model).fit(table)
    plain = clone(model).set_output(transform="default").fit(ATOMS)
    assert str(diagnose(named, table)) == str(diagnose(plain, ATOMS))


@pytest.mark.parametrize(
    "options",
    [
        {"activation": "relu", "sparsity_penalty": L1Sparsity(0.1)},
        {"activation": "tanh"},
        {"decoder": "tied"},
        {"weight": "auto"},
        {"weight_decay": 0},
        {"units": 1},
    ],
    ids=str,
)
def test_models_of_every_kind_are_looked_at(options):
    found = diagnose(standardized(**({"units": 12} | options)).fit(ATOMS), ATOMS)
    assert found.facts in str(found)


@pytest.mark.parametrize(
    "X", [ATOMS[:1], ATOMS[:2], np.ones((30, 16)), np.zeros((1, 16))], ids=["1", "2", "1s", "0s"]
)
def test_hardly_any_data_are_no_reason_to_fail(X):
    model = standardized(8).fit(ATOMS)
    assert diagnose(model, X).facts


@pytest.mark.parametrize(
    ("model", "X", "message"),
    [
        (Whitening(), ATOMS, "diagnose expects a SparseAutoencoder, .* got Whitening"),
        (StackedAutoencoder((4, 3), estimator=sae(max_iter=2)), ATOMS, "got StackedAutoencoder"),
        (standardized(4, max_iter=2), ATOMS[:, :5], "5 features"),
        (standardized(4, max_iter=2), np.nan * ATOMS, "NaN"),
    ],
    ids=["no units", "a stack", "columns", "not a number"],
)
def test_what_cannot_be_judged_is_refused(model, X, message):
    model = clone(model).fit(ATOMS)
    with pytest.raises(ValueError, match=message):
        diagnose(model, X)


def test_a_model_has_to_be_fitted():
    with pytest.raises(NotFittedError, match="not fitted"):
        diagnose(sae(), ATOMS)


def test_units_that_are_opposite_are_not_the_same(rng):
    X = rng.randn(200, 6)
    model = SparseAutoencoder(4, activation="tanh", max_iter=3, random_state=0).fit(X)
    for weights in (model.encoder_weights_, model.encoder_bias_, model.decoder_weights_):
        weights[1], weights[3] = -weights[0], weights[2]
    assert np.argwhere(Case.of(model, X).same).tolist() == [[2, 3]]
