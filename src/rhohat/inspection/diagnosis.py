"""Diagnosis: whether units have learned features and, if not, why and what to change.

Every mistake is one row of `CHECKS`: what is measured, from where on it is a finding, and the one
change to make. Thresholds are those that parted good models from spoiled ones in
``benchmarks/diagnosis.py``. Where two causes look alike, a short trial of each change decides.
"""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import make_pipeline
from sklearn.utils.extmath import randomized_svd

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.caching import cached_property
from rhohat.common.printable import count
from rhohat.estimators.anatomy import Anatomy, nameless
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.measures import (
    Sparseness,
    explained_variance,
    greatest_variance,
    rows_before_units,
    sparseness,
)
from rhohat.inspection.columns import Columns
from rhohat.objective.penalties import KLSparsity, penalty_of
from rhohat.objective.sparse import SparseObjective
from rhohat.preprocessing.extractors import Extractor
from rhohat.preprocessing.standardization import Standardization
from rhohat.preprocessing.whitening import Whitening
from rhohat.rows.extremes import Extremes

#: Rows that are looked at, drawn at random if there are more, and iterations of a trial.
ROWS, TRIAL_ITERATIONS = 4000, 30
#: Rows from which a part may be held out of a trial, and that part.
LEAST_TO_SPLIT, HELD_OUT_SHARE = 20, 0.25
#: A target that suits most data, and the share of lambda_c that weight decay may well have.
USUAL_TARGET, GOOD_DECAY = 0.02, 0.03
#: Share of lambda_c beyond which weight decay silences units.
STRONG_DECAY = 0.5
#: A target below which it is to blame rather than decay.
LOW_TARGET = 0.002
#: Share of the mean variance below which a direction counts as noise; when units are the same.
SMALL_DIRECTION, SAME_COSINE, SAME_CORRELATION = 0.02, 0.95, 0.98
#: Iterations over which the loss may fall at the end.
LAST_ITERATIONS = 10
#: Values in a row from which it has a mean worth speaking of; rows per unit that are enough.
LEAST_PIXELS, ENOUGH_ROWS = 16, 10
#: Columns that are compared with each other, at most; classes of a label; folds to tell it.
MOST_COMPARED, MOST_CLASSES, FOLDS = 1000, 20, 3
ALL = slice(None)
#: Options of ``rhohat learn``, by the parameters that they set.
OPTIONS = {
    "n_components": "units",
    "decoder": "decoder",
    "weight_decay": "weight-decay",
    "max_iter": "iterations",
    "target": "target",
    "weight": "sparsity-weight",
}


@dataclass(frozen=True)
class Change:
    """One change to a model, and how it is typed.

    Attributes
    ----------
    parameters : dict
        Parameters of the autoencoder, with their new values.
    before : BaseEstimator or None
        A step to put before the autoencoder, or in place of `instead_of`.
    instead_of : type or None
    option : str
        What to add to ``rhohat learn``; empty if there is no such option.
    """

    parameters: dict[str, Any] = field(default_factory=dict)
    before: BaseEstimator | None = None
    instead_of: type[Any] | None = None
    option: str = ""

    @property
    def python(self) -> str:
        """The change as Python code."""
        told = [f"SparseAutoencoder({name}={value!r})" for name, value in self.parameters.items()]
        if self.before is not None:
            where = "before the autoencoder"
            if self.instead_of is not None:
                where = f"instead of {self.instead_of.__name__}"
            told.append(f"{self.before!r} {where}")
        return " and ".join(told)

    def __str__(self) -> str:
        """The change as code, and as an option of the command."""
        return f"{self.python}, or {self.option}" if self.option else self.python

    def applied(self, model: BaseEstimator) -> Any:
        """An unfitted copy of the model, changed."""
        steps = [clone(step) for step in Anatomy.of(model).steps]
        steps[-1].set_params(**self.parameters)
        if self.before is not None:
            replaced = [n for n, s in enumerate(steps) if isinstance(s, self.instead_of or ())]
            place = replaced[-1] if replaced else self._place(steps)
            steps[place : place + bool(replaced)] = [clone(self.before)]
        return make_pipeline(*steps) if len(steps) > 1 else steps[0]

    @staticmethod
    def _place(steps: list[Any]) -> int:
        """Where rows begin: after what cuts them out, if anything does."""
        cut = [n for n, step in enumerate(steps) if isinstance(step, Extractor)]
        return cut[-1] + 1 if cut else 0


@dataclass(frozen=True)
class Finding:
    """A problem, with what was measured.

    Attributes
    ----------
    kind : str
        The problem in a few words, such as "decay".
    text : str
        What is wrong, in a sentence.
    evidence : str
        What was measured, in words.
    value, threshold : float
        The measurement, and the value beyond which it is a finding.
    change : Change or None
        The setting to change; None if no setting is to blame.
    advice : str
        What to do, in words, if no setting is to blame.
    is_note : bool
        Whether this may be intended, and is only worth knowing.
    aspect : str
        Of `ASPECTS`: what it speaks against.
    """

    kind: str
    text: str
    evidence: str
    value: float
    threshold: float
    change: Change | None = None
    advice: str = ""
    is_note: bool = False
    aspect: str = ""

    @property
    def next_step(self) -> str:
        """What to do, in a sentence."""
        if self.advice or self.change is None:
            return self.advice
        return f"Change: {self.change}."

    def __str__(self) -> str:
        """The finding and the change, in plain sentences."""
        return f"{self.text} {self.evidence} {self.next_step}".rstrip()


@dataclass(frozen=True)
class Diagnosis:
    """The problems that were found, the most severe first, and what speaks for the model.

    Attributes
    ----------
    findings : list of Finding
    facts : str
        Measures of the model's quality, in a sentence.
    """

    findings: list[Finding]
    facts: str

    @property
    def is_good(self) -> bool:
        """Whether there are no findings except notes."""
        return all(finding.is_note for finding in self.findings)

    @property
    def aspects(self) -> dict[str, str]:
        """State of each of `ASPECTS`: "good", or the "note" or "mistake" that speaks against it."""
        states = dict.fromkeys(ASPECTS, "good")
        for finding in reversed(self.findings):  # mistakes come before notes
            states[finding.aspect] = "note" if finding.is_note else "mistake"
        return states

    @property
    def verdict(self) -> str:
        """Whether the features are good, in a sentence."""
        if self.is_good:
            noted = ", but note the following" if self.findings else ""
            return f"The features look good: no problem was found{noted}."
        first = next(finding for finding in self.findings if not finding.is_note)
        return f"The features can be better. {first.text}"

    def __str__(self) -> str:
        """A verdict, facts, findings."""
        lines = [f"{number}. {finding}" for number, finding in enumerate(self.findings, start=1)]
        return "\n".join([f"{self.verdict} {self.facts}", *lines])


@dataclass(frozen=True, eq=False)
class Case:
    """A model and rows to judge it by; each measure is computed once, when it is needed.

    Attributes
    ----------
    model : estimator
    anatomy : Anatomy
    given, rows : ndarray of shape (m, d)
        A part of the rows, as the first step of rows and as the autoencoder gets them.
    """

    model: BaseEstimator
    anatomy: Anatomy
    given: FloatArray
    rows: FloatArray

    @classmethod
    def of(cls, model: BaseEstimator, X: Any) -> Case:
        """Look at some rows of the data."""
        anatomy = Anatomy.of(model)
        if anatomy.autoencoder is None:
            raise ValueError(
                "diagnose expects a SparseAutoencoder, or a pipeline that ends in one, got "
                f"{type(model).__name__}."
            )
        given, rows = rows_before_units(model, X, ROWS)
        return cls(model, anatomy, given.reshape(len(given), -1), rows)

    @cached_property
    def autoencoder(self) -> SparseAutoencoder:
        """The autoencoder, as one of arrays."""
        assert self.anatomy.autoencoder is not None
        return nameless(self.anatomy.autoencoder)

    @cached_property
    def activations(self) -> FloatArray:
        """Of all rows."""
        return self.autoencoder.transform(self.rows)

    @cached_property
    def centered(self) -> Float64Array:
        """Rows without their mean."""
        centered: Float64Array = self.rows - self.rows.mean(axis=0, dtype=np.float64)
        return centered

    @cached_property
    def variance(self) -> float:
        """Total variance of the rows."""
        return float(np.square(self.centered).sum()) / len(self.rows)

    @cached_property
    def largest(self) -> float:
        """The greatest variance along a direction."""
        return greatest_variance(self.centered)

    @cached_property
    def explained(self) -> float:
        """Explained variance about the mean."""
        rebuilt = self.autoencoder.inverse_transform(self.activations)
        return explained_variance(self.rows, rebuilt)

    @cached_property
    def sparseness(self) -> Sparseness:
        """How sparse the activations are."""
        return sparseness(self.activations, *self.objective.activation.range)

    @cached_property
    def objective(self) -> SparseObjective:
        """The model's objective."""
        model = self.autoencoder
        return SparseObjective(
            self.rows.shape[1],
            model.n_components,
            activation=model.activation,
            decoder=model.decoder,
            penalty=penalty_of(model.sparsity_penalty),
            weight_decay=model.weight_decay,
        )

    @property
    def target(self) -> float | None:
        """Share of activity that is asked for."""
        return self.objective.penalty.asked_share

    @cached_property
    def shares(self) -> Float64Array:
        """Average activation of each unit, as a share of its range where that is bounded."""
        average = self.activations.mean(axis=0, dtype=np.float64)
        activation = self.objective.activation
        return activation.share(average) if activation.is_bounded else average

    @cached_property
    def dead(self) -> NDArray[np.bool_]:
        """Units whose activation is the same for all rows."""
        A = self.activations
        return Extremes(A.min(axis=0), A.max(axis=0)).constant(self.objective.activation.range)

    def critical_decay(self, target: float | None = None) -> float | None:
        r"""Lambda_c, from which on the model whose units are all constant is a local minimum.

        Small weights v_j, w_j of a unit change J by
        :math:`-f'(\rho) v'\Sigma w + \lambda/2 (\|v\|^2 + \|w\|^2)`, with f' = rho (1 - rho) for
        sigmoid units; with a decoder of slope g', Sigma is multiplied by g' at the mean.
        """
        target = self.target if target is None else target
        activation = self.objective.activation
        if target is None or not activation.is_bounded:
            return None
        slope = activation.slope_at(target)
        output = self.objective.decoder.output
        mean = self.rows.mean(axis=0, dtype=np.float64)
        if output.is_bounded:
            inside = np.clip(mean, output.range[0] + 1e-3, output.range[1] - 1e-3)
            slope *= float(output.derivative(inside, inside.copy()).mean())
        return slope * self.largest * (2 if self.objective.decoder.tied else 1)

    @cached_property
    def decay_share(self) -> float:
        """Weight decay as a share of lambda_c; 0 if there is none."""
        critical = self.critical_decay()
        return self.autoencoder.weight_decay / critical if critical else 0.0

    def diagnosis(self) -> Diagnosis:
        """All findings, notes last."""
        found = [
            replace(finding, aspect=check.aspect)
            for check in CHECKS.values()
            for finding in check.find(self)
        ]
        return Diagnosis(sorted(found, key=lambda finding: finding.is_note), self.facts)

    @property
    def facts(self) -> str:
        """Measures of the model's quality, in a sentence."""
        drawn = f" of {ROWS:,} random rows" if len(self.rows) == ROWS else ""
        facts = [f"They explain {self.explained:.0%} of the variance{drawn}"]
        if self.target is not None:
            share = self.shares.mean() / self.target
            facts.append(f"their average activation is {share:.2f} times its target")
        facts.append(
            f"their sparseness is {self.sparseness.hoyer:.2f} (Hoyer; 1 if a single unit is active)"
        )
        on_these = " on these rows" if drawn else ""
        facts.append(f"{int(self.dead.sum())} of {len(self.dead)} are dead{on_these}")
        return "; ".join(facts) + "."

    def trial(self, change: Change, rows: slice = ALL) -> Case:
        """The case with the change made, after a few iterations on these of its rows."""
        changed = Anatomy.of(change.applied(self.model))
        *before, autoencoder = [*changed.of_rows, *changed.units]
        autoencoder.set_params(
            max_iter=max(TRIAL_ITERATIONS, change.parameters.get("max_iter", 0)),
            **{"growth": False, "engine": "threads", "checkpoint": None, "callback": None},
            **{"warm_start": False, "random_state": 0},
        )
        model = make_pipeline(*before, autoencoder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(self.given[rows])
        return Case.of(model, self.given[rows])

    @cached_property
    def same(self) -> NDArray[np.bool_]:
        """Which live units repeat which earlier ones, (alive, alive), above the diagonal."""
        alive = ~self.dead
        D = self.autoencoder.decoder_weights_[alive].astype(np.float64)
        D /= np.maximum(np.linalg.norm(D, axis=1, keepdims=True), 1e-300)
        Z = self.activations[:, alive].astype(np.float64)
        Z -= Z.mean(axis=0)
        Z /= np.maximum(np.linalg.norm(Z, axis=0), 1e-300)
        same = (D @ D.T > SAME_COSINE) & (Z.T @ Z > SAME_CORRELATION)
        repeats: NDArray[np.bool_] = np.triu(same, 1)
        return repeats

    @cached_property
    def gap(self) -> float:
        """By how much less new rows are explained, after a short training on the others."""
        n_held = int(HELD_OUT_SHARE * len(self.given))
        if len(self.given) < LEAST_TO_SPLIT:
            return 0.0
        order = np.random.RandomState(0).permutation(len(self.given))
        shuffled = replace(self, given=self.given[order], rows=self.rows[order])
        learned = shuffled.trial(Change(), slice(n_held, None))
        new = Case.of(learned.model, shuffled.given[:n_held])
        return learned.explained - new.explained


def diagnose(model: BaseEstimator, X: Any) -> Diagnosis:
    """Find out whether a model has learned features and, if not, what to change.

    Parameters
    ----------
    model : fitted SparseAutoencoder, or pipeline that ends in one
    X : rows, images, series or recordings, as the model takes them
        Preferably the training data. If there are more than 4,000 rows, a random sample of that
        size is used.

    Returns
    -------
    diagnosis : Diagnosis
        Its findings, the most severe first, each with what was measured, the threshold, and one
        change to make. ``str(diagnosis)`` puts all of it into sentences.

    Raises
    ------
    ValueError
        If the model does not end in an autoencoder, or the data do not suit it.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from rhohat import SparseAutoencoder, diagnose
    >>> X = load_wine().data
    >>> model = SparseAutoencoder(16, random_state=0).fit(X)
    >>> diagnose(model, X).findings[0].kind
    'scale of columns'
    """
    return Case.of(model, X).diagnosis()


def _rounded(value: float) -> float:
    """Two digits, which a command shows in full."""
    return float(f"{value:.2g}")


def _set(parameter: str, value: Any) -> Change:
    """The change of a parameter of the autoencoder."""
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    return Change({parameter: value}, option=f"--{OPTIONS[parameter]} {shown}")


def _set_penalty(case: Case, parameter: str, value: float) -> Change:
    """The change of a parameter of the penalty."""
    penalty = clone(case.objective.penalty).set_params(**{parameter: value})
    return Change({"sparsity_penalty": penalty}, option=f"--{OPTIONS[parameter]} {value:g}")


def _more_iterations(model: SparseAutoencoder) -> int:
    """Three times as many as there were, and at least the default."""
    used: int = max(model.max_iter, model.n_iter_)
    return max(3 * used, 100)


def _range(case: Case) -> Iterator[Finding]:
    """Data that the decoder cannot reach."""
    output, threshold = case.objective.decoder.output, 0.01
    low, high = output.range
    outside = float(((case.rows < low) | (case.rows > high)).mean())
    if outside > threshold:
        yield Finding(
            "range",
            f"The {case.autoencoder.decoder} decoder can only produce values between {low:g} and "
            f"{high:g}, but the data go beyond.",
            f"{outside:.0%} of the values are outside that range (threshold {threshold:.0%}).",
            outside,
            threshold,
            _set("decoder", "linear"),
        )


def _columns(case: Case) -> Iterator[Finding]:
    """Columns of unlike scale."""
    variances, threshold = case.rows.var(axis=0, dtype=np.float64), 100.0
    varying = variances[variances > 0]
    if len(varying) < 2 or case.anatomy.extractor is not None:
        return
    ratio, first = float(varying.max() / np.median(varying)), float(varying.max() / varying.sum())
    if ratio > threshold and first > 1 / 3:
        yield Finding(
            "scale of columns",
            f"Column {int(variances.argmax())} varies so much more than the others that the model "
            "learns nothing else.",
            f"Its variance is {ratio:,.0f} times the median (threshold {threshold:g}), and "
            f"{first:.0%} of the total.",
            ratio,
            threshold,
            Change(before=Standardization("columns"), option="--scale columns --whitening none"),
        )


def _silence(case: Case) -> Iterator[Finding]:
    """Units that stay in the linear part of their range, since the data are small."""
    largest, threshold = case.sparseness.largest, 0.5
    per_column = case.variance / case.rows.shape[1]
    if not case.objective.activation.is_bounded or largest >= threshold:
        return
    if per_column < 0.5:
        change = Change(before=Standardization("all"), option="--scale all --whitening none")
        if case.trial(change).sparseness.largest > largest:
            yield Finding(
                "never fires",
                "Units never fire: the data are so small that units stay in the nearly linear part "
                "of the sigmoid, where no single unit means anything.",
                f"Half of the units never exceed {largest:.2f} of their range (threshold "
                f"{threshold:g}); the mean variance of the columns is {per_column:.3g}.",
                largest,
                threshold,
                change,
            )


def _decay(case: Case) -> Iterator[Finding]:
    """Weight decay beside lambda_c, and a target that is too low for it."""
    critical, share = case.critical_decay(), case.decay_share
    if not critical or case.target is None or share <= STRONG_DECAY:
        return
    raised = case.critical_decay(max(USUAL_TARGET, case.target)) or critical
    decay = _set("weight_decay", _rounded(GOOD_DECAY * critical))
    evidence = (
        f"Weight decay is {share:.2g} of lambda_c = {critical:.3g}, the value from which silent "
        f"units minimize the loss (threshold {STRONG_DECAY:g}); the units explain "
        f"{case.explained:.0%} of the variance."
    )
    if case.autoencoder.weight_decay <= STRONG_DECAY * raised:
        target = _set_penalty(case, "target", USUAL_TARGET)
        tried = case.trial(target).explained
        if tried > 0.1 and (case.target < LOW_TARGET or tried >= case.trial(decay).explained):
            yield Finding(
                "target too low",
                f"The target, {case.target:g}, is so low that no feature is worth the weight decay "
                "it costs.",
                evidence,
                share,
                STRONG_DECAY,
                target,
            )
            return
    yield Finding("decay", "Weight decay is too strong.", evidence, share, STRONG_DECAY, decay)


def _dead(case: Case) -> Iterator[Finding]:
    """Dead units, if decay does not explain them."""
    dead, threshold = float(case.dead.mean()), 0.05
    if dead <= threshold or case.decay_share > STRONG_DECAY:
        return
    changes, weight = [], getattr(case.objective.penalty, "weight", 0)
    if case.target is not None:
        raised = _rounded(min(max(4 * case.target, USUAL_TARGET), 0.2))
        changes.append(_set_penalty(case, "target", raised))
    elif weight:
        changes.append(_set_penalty(case, "weight", _rounded(weight / 10)))
    changes.append(_set("n_components", max(int((1 - dead) * len(case.dead)), 1)))
    best = min(changes, key=lambda change: float(case.trial(change).dead.mean()))
    yield Finding(
        "dead units",
        "Units are dead: they respond alike to all data."
        + (" The target is too low." if best is changes[0] and case.target is not None else ""),
        f"{dead:.0%} of the units are dead (threshold {threshold:.0%}).",
        dead,
        threshold,
        best,
    )


def _penalty(case: Case) -> Iterator[Finding]:
    """A penalty that is absent, or too weak for its target."""
    hoyer = case.sparseness.hoyer
    if case.dead.mean() > 0.5 or not case.objective.activation.is_bounded:
        return
    ratio = np.inf if case.target is None else float(case.shares.mean()) / case.target
    threshold = 0.4 if 4 < ratio < np.inf else 0.15  # far beyond its target, it should be sparser
    if hoyer >= threshold or ratio <= 1.5:
        return
    asked = case.target
    target = USUAL_TARGET if asked is None or asked < LOW_TARGET else asked
    penalty = KLSparsity(target, "auto")
    told = (
        "there is no target"
        if case.target is None
        else f"the average activation is {ratio:.2g} times the target"
    )
    yield Finding(
        "penalty",
        "Units are not sparse: the sparsity penalty is missing or too weak.",
        f"Their sparseness is {hoyer:.2f} (Hoyer; threshold {threshold:g}), and {told}.",
        hoyer,
        threshold,
        Change({"sparsity_penalty": penalty}, option=f"--target {target:g} --sparsity-weight auto"),
    )


def _constant(case: Case) -> Iterator[Finding]:
    """A model that is worse than a constant."""
    loss = getattr(case.autoencoder, "loss_", None)
    if loss is None or case.objective.decoder.output.is_bounded:
        return
    share, threshold = float(loss) / max(case.variance / 2, 1e-300), 1.0
    if share >= threshold and case.decay_share <= STRONG_DECAY:
        yield Finding(
            "worse than a constant",
            "The model's loss is higher than that of predicting the mean for every row.",
            f"The loss is {share:.2f} times half the variance (threshold {threshold:g}).",
            share,
            threshold,
            _set("max_iter", _more_iterations(case.autoencoder)),
        )


def _convergence(case: Case) -> Iterator[Finding]:
    """Training that ended while the loss was falling."""
    model, threshold = case.autoencoder, 0.01
    curve = getattr(model, "loss_curve_", None)
    if curve is None or model.converged_:
        return
    last = curve[model.stage_rows_ == model.stage_rows_[-1]][-LAST_ITERATIONS - 1 :]
    fall = float((last[0] - last[-1]) / max(abs(last[-1]), 1e-300)) if len(last) > 1 else 0.0
    if fall > threshold:
        yield Finding(
            "not converged",
            "Training ended while the loss was still falling.",
            f"It fell by {fall:.1%} in the last {len(last) - 1} iterations (threshold "
            f"{threshold:.0%}).",
            fall,
            threshold,
            _set("max_iter", _more_iterations(case.autoencoder)),
        )


def _whitening(case: Case) -> Iterator[Finding]:
    """Whitening whose epsilon lets noise count as much as anything."""
    threshold = 0.6
    for step in case.anatomy.of_rows:
        if not isinstance(step, Whitening):
            continue
        variances = step.explained_variance_
        mean = float(variances.mean())
        white = np.sort(variances / np.maximum(variances + step.epsilon, 1e-300))[::-1]
        upper = float(white[: -(-len(white) // 2)].sum() / max(white.sum(), 1e-300))
        if upper < threshold and variances.min() < SMALL_DIRECTION * mean:
            epsilon = _rounded(0.5 * mean)
            whitening = clone(step).set_params(epsilon=epsilon)
            yield Finding(
                "noise amplified",
                "Whitening amplifies noise: its epsilon is too small.",
                f"The half of the directions with more variance keeps only {upper:.0%} of the "
                f"variance after whitening (threshold {threshold:.0%}); the smallest had "
                f"{variances.min() / mean:.2g} of the mean variance before.",
                upper,
                threshold,
                Change(before=whitening, instead_of=Whitening, option="--epsilon 0.5"),
            )


def _mean_of_patches(case: Case) -> Iterator[Finding]:
    """Patches that still have their own mean."""
    n_features, threshold = case.rows.shape[1], 0.5
    if n_features < LEAST_PIXELS or case.variance == 0:
        return
    share = n_features * float(case.rows.mean(axis=1, dtype=np.float64).var()) / case.variance
    if share > threshold:
        spread = _rounded(0.1 * case.variance / n_features)
        yield Finding(
            "mean of rows",
            "Most of the variance is in the mean of each row, such as the brightness of a patch: "
            "units encode it instead of features.",
            f"It is {share:.0%} of the variance (threshold {threshold:.0%}).",
            share,
            threshold,
            Change(before=Whitening(epsilon=spread), option="--whitening zca --epsilon 0.1"),
        )


def _few_rows(case: Case) -> Iterator[Finding]:
    """Rows that are learned by heart."""
    threshold, n_rows = 0.15, len(case.rows)
    n_trained = n_rows if n_rows < ROWS else np.inf
    if n_trained >= ENOUGH_ROWS * len(case.dead) or case.gap <= threshold:
        return
    yield Finding(
        "few rows",
        "The model overfits: there are too few rows for so many units.",
        f"In a short trial, the explained variance of held-out rows is {case.gap:.2f} lower than "
        f"that of training rows (threshold {threshold:g}); there are {n_rows:,} rows and "
        f"{len(case.dead)} units.",
        case.gap,
        threshold,
        _set("n_components", max(n_rows // (2 * ENOUGH_ROWS), 1)),
    )


def _duplicates(case: Case) -> Iterator[Finding]:
    """Units that are the same, by weights and by activations."""
    pairs, repeated = int(case.same.sum()), int(case.same.any(axis=0).sum())
    if pairs:
        changes = [_set("n_components", len(case.dead) - repeated)]
        weight = getattr(case.autoencoder, "sparsity_weight_", None)
        if case.target is not None and weight:
            # Two units share what one does where it is on more often than the target asks.
            changes.append(_set_penalty(case, "weight", _rounded(weight / 5)))
            changes.append(_set_penalty(case, "target", _rounded(min(2 * case.target, 0.5))))
        yield Finding(
            "duplicates",
            "Several units have learned the same feature.",
            f"{pairs} {'pair has a cosine' if pairs == 1 else 'pairs have cosines'} above "
            f"{SAME_COSINE:g} and activations correlated above {SAME_CORRELATION:g} (threshold 1 "
            "pair).",
            pairs,
            1,
            min(changes, key=lambda change: int(case.trial(change).same.sum())),
        )


def _explained(case: Case) -> Iterator[Finding]:
    """Much less explained than by as many principal components, which a classifier may miss."""
    k, threshold = len(case.dead), 0.15
    if k >= min(case.rows.shape):  # so many components explain all, whatever the units do
        return
    if case.variance == 0 or case.dead.mean() > 0.5:
        return
    lengths = randomized_svd(case.centered, k, random_state=0)[1]
    components = float(np.square(lengths).sum()) / len(case.rows) / case.variance
    lower = _rounded(case.autoencoder.weight_decay / 10)
    if components - case.explained > threshold and lower > 0:
        yield Finding(
            "explains little",
            "Units explain much less than as many principal components do: that is the price of "
            "sparse features, but a classifier may miss what is lost.",
            f"They explain {case.explained:.0%}, principal components {components:.0%} (threshold: "
            f"a difference of {threshold:.0%}).",
            components - case.explained,
            threshold,
            _set("weight_decay", lower),
            is_note=True,
        )


def _called(case: Case, column: int) -> str:
    """A column's name, or its number if it has none."""
    names = case.anatomy.columns
    return str(column) if len(names) != case.given.shape[1] else repr(str(names[column]))


def _left_out(case: Case, columns: list[int]) -> str:
    """How to leave columns out, as it would be typed."""
    if len(case.anatomy.columns) != case.given.shape[1]:
        which = columns[0] if len(columns) == 1 else columns
        return f"numpy.delete(X, {which}, axis=1)"
    names = [str(case.anatomy.columns[column]) for column in columns]
    options = shlex.join(word for name in names for word in ("--drop", name))
    return f"{options} (in Python load_rows(..., drop={names}))"


def _idle_columns(case: Case) -> Iterator[Finding]:
    """Columns that are constant, or the same."""
    variances = case.given.var(axis=0, dtype=np.float64)
    constant = np.flatnonzero(variances == 0)
    if len(constant):
        yield Finding(
            "constant columns",
            f"The data have {count(len(constant), 'constant column')}, without any information.",
            f"The first is column {_called(case, int(constant[0]))}.",
            len(constant),
            1,
            advice="Nothing needs to change, unless they should vary.",
            is_note=True,
        )
    varying = np.flatnonzero(variances > 0)
    names = case.anatomy.columns
    is_axis = case.anatomy.extractor is not None or (
        len(names) == len(variances) and not Columns.of(len(names), names).names
    )
    if is_axis or not 1 < len(varying) <= MOST_COMPARED:
        return  # neighbors along an axis are alike, as those of a spectrum are
    Z = case.given[:, varying].astype(np.float64)
    Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
    R = np.triu(np.abs(Z.T @ Z) / len(Z) > 0.999, 1)
    if R.any():
        one, other = (_called(case, int(column)) for column in varying[np.argwhere(R)[0]])
        repeated = varying[R.any(axis=0)].tolist()
        yield Finding(
            "identical columns",
            f"{count(len(repeated), 'column')} repeated, so that what they hold counts twice.",
            f"Columns {one} and {other} have a correlation above 0.999.",
            int(R.any(axis=0).sum()),
            1,
            advice=f"Leave them out: {_left_out(case, repeated)}.",
            is_note=True,
        )


def _labels(case: Case) -> Iterator[Finding]:
    """Columns that may be labels: few whole numbers, which the other columns tell."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    X, threshold = case.given, 0.25
    if case.anatomy.extractor is not None or not 3 <= X.shape[1] <= MOST_COMPARED:
        return
    levels = np.array([len(np.unique(column[:1000])) for column in X.T])
    if np.median(levels) <= MOST_CLASSES:
        return
    for column in np.flatnonzero((levels > 1) & (levels <= MOST_CLASSES)):
        y = X[:, column]
        _, counts = np.unique(y, return_counts=True)
        if (y != np.rint(y)).any() or counts.min() < FOLDS or len(counts) > MOST_CLASSES:
            continue
        others = np.delete(X, column, axis=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
            told = cross_val_score(LinearDiscriminantAnalysis(), others, y.astype(int), cv=folds)
        gain = float(told.mean() - counts.max() / len(y))
        if gain > threshold:
            yield Finding(
                "labels",
                f"Column {_called(case, int(column))} looks like labels: it has {len(counts)} "
                "distinct whole numbers, which the other columns predict.",
                f"A linear classifier predicts it for {told.mean():.0%} of the rows; always "
                f"guessing the most common value is right for {counts.max() / len(y):.0%} "
                f"(threshold: {threshold:.0%} more).",
                gain,
                threshold,
                advice="Change: if it holds labels, leave it out: "
                f"{_left_out(case, [int(column)])}.",
            )


class Check(NamedTuple):
    """A mistake that is looked for.

    Attributes
    ----------
    find : callable
        ``find(case)`` gives its findings.
    aspect : str
        Of `ASPECTS`: what they speak against.
    """

    find: Callable[[Case], Iterator[Finding]]
    aspect: str


#: What is judged of a model, each with the words for it.
ASPECTS: dict[str, str] = {
    "data": "data prepared",
    "training": "trained to the end",
    "sparsity": "sparse",
    "life": "units alive",
    "difference": "units different",
    "reconstruction": "data reconstructed",
}
#: Mistakes by their kinds, the most severe first.
CHECKS: dict[str, Check] = {
    "range": Check(_range, "data"),
    "labels": Check(_labels, "data"),
    "scale of columns": Check(_columns, "data"),
    "never fires": Check(_silence, "life"),
    "decay": Check(_decay, "life"),
    "penalty": Check(_penalty, "sparsity"),
    "dead units": Check(_dead, "life"),
    "worse than a constant": Check(_constant, "reconstruction"),
    "noise amplified": Check(_whitening, "data"),
    "mean of rows": Check(_mean_of_patches, "data"),
    "not converged": Check(_convergence, "training"),
    "few rows": Check(_few_rows, "data"),
    "duplicates": Check(_duplicates, "difference"),
    "columns": Check(_idle_columns, "data"),
    "explains little": Check(_explained, "reconstruction"),
}
