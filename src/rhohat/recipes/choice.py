"""The choice of settings, from the data alone: `choose`.

A short search on a part of the rows, one setting after the other, judged on rows held out. Which
settings give features cannot be told by the error, which is least where units are not sparse; it
can be told by how much of a new row very few units rebuild (`rhohat.estimators.measures.pursuit`).
"""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.devices import Device, device_of
from rhohat.common.validation import check_integer, look_up
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.measures import explained_variance, greatest_variance, patterns, pursuit
from rhohat.files.loaded import Loaded, content_of
from rhohat.objective.penalties import KLSparsity
from rhohat.preprocessing.inputs import RowData, drawn_rows
from rhohat.preprocessing.standardization import Standardization
from rhohat.preprocessing.whitening import Whitening
from rhohat.recipes.data import Request
from rhohat.recipes.finding import find_to_learn
from rhohat.recipes.kinds import KINDS
from rhohat.recipes.pipelines import complete, make_pipeline
from rhohat.recipes.series import in_samples
from rhohat.recipes.settings import Settings, option_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

#: Rows that a choice needs; those that the search learns from, and those held out that it is judged
#: on, at most; the share that is held out.
LEAST_ROWS, SEARCH_ROWS, HELD_OUT_ROWS, HELD_OUT_SHARE = 20, 1000, 1000, 0.2
#: Rows, in all, below which one held-out part says little: every part is held out in its turn.
FEW_ROWS, FOLDS = 200, 5
#: Iterations of a trial, and of the fits that the best model is taken from.
TRIAL_ITERATIONS, TRIAL_TOL, FINAL_ITERATIONS = 12, 1e-3, 200
#: Settings that a search begins with.
STARTING_POINT: dict[str, Any] = {
    "scale": "all",
    "whitening": "none",
    "iterations": FINAL_ITERATIONS,
}
#: Settings that a search finds.
FOUND = (
    *("decoder", "penalty", "target", "sparsity_weight", "weight_decay"),
    *("scale", "whitening", "epsilon", "iterations"),
)
#: Fits on all rows, from different starts; the one of least loss is kept.
STARTS = 2
#: Fits like the one that is returned that a choice takes in all, about.
FITS = 5
#: What a setting must gain over those tried before it, which are the simpler ones; and what a
#: weaker penalty may lose.
GAIN, SLACK = 0.001, 0.003
#: Ratio of the columns' variances from which they are of unlike scale, and the share of rows of one
#: value from which a column counts as nearly constant.
UNLIKE, NEARLY_CONSTANT = 100.0, 0.95
#: Share of variance along one direction from which rows must be whitened: all units would serve it.
DOMINANT = 0.5
#: Share of variance whose principal components tell how many units are enough.
RELEVANT = 0.99


class Units(NamedTuple):
    """How many units are enough: some for every principal component that matters.

    Attributes
    ----------
    per_component : int
        For each of the components that explain `RELEVANT` of the variance.
    fewest, most : int
    rows_per_unit : int
        Rows that a unit should have; 0 if it does not matter.
    """

    per_component: int
    fewest: int
    most: int
    rows_per_unit: int


class Aim(NamedTuple):
    """What features are for, and where the search looks for their settings.

    Attributes
    ----------
    criterion : str
    score : callable
        ``score(model, whitening, rows)`` of standardized rows held out; whitening may be None.
    targets : tuple of float
        In ascending order.
    decays : tuple of float
        As shares of lambda_c.
    weights : tuple of float
        As parts of the rows' total variance; scores being the same, the last one.
    epsilons : tuple of float or None
        Of ZCA whitening, as shares of the mean variance; None is no whitening.
    units : Units
        How many, if they are not given.
    """

    criterion: str
    score: Callable[[SparseAutoencoder, Whitening | None, Float64Array], float]
    targets: tuple[float, ...]
    decays: tuple[float, ...]
    weights: tuple[float, ...]
    epsilons: tuple[float | None, ...]
    units: Units


def _rebuilt_by_few(
    model: SparseAutoencoder, whitening: Whitening | None, rows: Float64Array
) -> float:
    atoms = model.decoder_weights_.astype(np.float64)
    return pursuit(
        atoms if whitening is None else whitening.inverse_transform(atoms) - whitening.mean_, rows
    )


def _rebuilt_by_all(
    model: SparseAutoencoder, whitening: Whitening | None, rows: Float64Array
) -> float:
    rows = rows if whitening is None else whitening.transform(rows).astype(np.float64)
    return explained_variance(rows, model.inverse_transform(model.transform(rows)))


#: What features may be for, by its name.
AIMS: dict[str, Aim] = {
    "features": Aim(
        "variance of new rows that 1, 2 and 4 units reconstruct, on average",
        _rebuilt_by_few,
        targets=(0.005, 0.01, 0.02, 0.04, 0.08),
        decays=(0.02, 0.005, 0.06),
        weights=(0.5, 0.1),
        epsilons=(None, 0.1, 0.5),
        units=Units(per_component=2, fewest=8, most=256, rows_per_unit=10),
    ),
    "recognition": Aim(
        "variance of new rows that all units explain",
        _rebuilt_by_all,
        targets=(0.05, 0.1),
        decays=(0.005, 0.0005),
        weights=(0.5,),
        epsilons=(None,),
        units=Units(per_component=4, fewest=64, most=800, rows_per_unit=0),
    ),
}


class Point(NamedTuple):
    """Settings that are searched: see `Aim` for their units."""

    epsilon: float | None
    target: float
    decay: float
    weight: float

    @property
    def whitening(self) -> str:
        """Its name among the settings."""
        return "none" if self.epsilon is None else "zca"


@dataclass(frozen=True)
class Choice:
    """A model whose settings were chosen from its data, and why.

    Attributes
    ----------
    pipeline_ : Pipeline
        Fitted on all of the data; its last step is a `SparseAutoencoder`.
    patterns_ : ndarray of shape (k, d)
        What each unit stands for in the data's own columns; see `rhohat.patterns`.
    settings : dict
        Keyed by the names of the options of ``rhohat learn``.
    tried : list of dict
        The settings that were tried, each with its score: rows of a table.
    criterion : str
        What the score is.
    reasons : list of str
        Why these settings, in sentences.
    command : str
        The command that produces the same model.
    """

    pipeline_: Pipeline
    patterns_: Float64Array
    settings: dict[str, Any]
    tried: list[dict[str, Any]]
    criterion: str
    reasons: list[str]
    command: str

    def __str__(self) -> str:
        """Reasons, what was tried, and the command, as text."""
        names = list(self.tried[0])
        cells = [names, *([_short(row[name]) for name in names] for row in self.tried)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
        table = ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
        return "\n".join([*self.reasons, "", f"score: {self.criterion}", *table, "", self.command])


def choose(
    X: Any,
    n_components: int | None = None,
    *,
    aim: str = "features",
    random_state: int | None = None,
    device: str | Device = "cpu",
) -> Choice:
    r"""Choose all settings from the data, without labels, and fit a model with them.

    It decides whether columns share a scale, whether to whiten, the decoder, the target and weight
    of the penalty, the weight decay, the number of units if it is not given, and the random start.
    Every setting is judged on held-out rows:

    - ``aim="features"``: by how much of a row one, two and four units reconstruct.
    - ``aim="recognition"``: by the variance that all units together explain.

    Parameters
    ----------
    X : array-like of shape (m, d), images, recordings, path or list of paths
        Rows; images as (n, height, width[, 3]), as a list, or as `load_images` returns them;
        recordings and series as `load_recordings` and `load_series` return them; or files of any
        of these, and folders of such files.
    n_components : int, default=None
        Number of units. None: twice the number of principal components that explain 99% of the
        variance, at least 8 and at most a tenth of the rows; for recognition, four times that
        number, from 64 to 800.
    aim : {"features", "recognition"}, default="features"
        Whether units are meant to be looked at, each as a part that the data are made of, or to be
        given to a classifier, all together.
    random_state : int, default=None
        Seed for drawing rows and random starts; the same number gives the same choice. None counts
        as 0.
    device : str or TorchDevice, default="cpu"
        Where models are fitted; see `SparseAutoencoder`.

    Returns
    -------
    choice : Choice

    Raises
    ------
    ValueError, TypeError
        If there are fewer than 20 rows, they do not vary, or a parameter is not as described.

    Notes
    -----
    Weight decay is chosen as a share of :math:`\lambda_c = \rho (1 - \rho) l_1`, where l_1 is the
    largest variance of the rows along any direction: from that value on, the loss is lowest if all
    units are silent. The weight of the penalty is chosen as a share of the rows' total variance.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import choose
    >>> choice = choose(load_digits().data, 16, random_state=0)
    >>> choice.patterns_.shape
    (16, 64)
    """
    if n_components is not None:
        check_integer("n_components", n_components, low=1)
    seed = 0 if random_state is None else check_integer("random_state", random_state, low=0)
    look_up("aim", aim, AIMS)
    device_of(device).check()
    content, kind, settings, paths = _content_of(X, seed)
    return choose_for(content, kind, settings, n_components, aim=aim, paths=paths, device=device)


def choose_for(
    content: Any,
    kind: str,
    settings: Settings,
    n_components: int | None = None,
    *,
    aim: str = "features",
    paths: Sequence[str] = ("DATA",),
    device: str | Device = "cpu",
) -> Choice:
    """`choose`, for data of a kind that are read already.

    Parameters
    ----------
    content : images, rows or recordings
        What a pipeline is given.
    kind : str
        A name in `KINDS`.
    settings : Settings
        Complete, from `STARTING_POINT`: how data are cut, and the seed, are kept.
    n_components : int, default=None
    aim : str, default="features"
    paths : sequence of str, default=("DATA",)
        Where the data came from, for the command.
    device : str or TorchDevice, default="cpu"
    """
    row = look_up("aim", aim, AIMS)
    rows = _rows_of(content, kind, settings)
    search = _Search.over(rows, row, kind, n_components, settings.seed, device)
    best = search.run()
    pipeline, settings = _fitted(content, kind, search.settings(settings, best), device)
    return Choice(
        pipeline,
        patterns(pipeline),
        _chosen(settings),
        search.table(),
        row.criterion,
        search.reasons(best),
        _command(paths, settings),
    )


def _content_of(X: Any, seed: int) -> tuple[Any, str, Settings, Sequence[str]]:
    """What the pipeline is given, its kind, settings that follow from it, and its paths."""
    settings = replace(Settings(seed=seed), **STARTING_POINT)
    paths = [X] if isinstance(X, (str, os.PathLike)) else X
    if isinstance(paths, (list, tuple)) and paths and isinstance(paths[0], (str, os.PathLike)):
        data, settings = find_to_learn(Request([Path(path) for path in paths]), settings)
        data.read()
        return data.content, data.kind, settings, [str(path) for path in paths]
    shown = ["DATA"]
    if isinstance(X, Loaded):
        settings = replace(settings, rate=getattr(X, "rate", None))
        X, kind = content_of(X), X._fields[0]
    elif isinstance(X, (list, tuple)) and all(np.ndim(image) in (2, 3) for image in X):
        kind = "images"
    else:
        kind = "images" if getattr(X, "ndim", 2) in (3, 4) else "rows"
    if kind == "images":
        settings = replace(settings, color=np.ndim(X[0]) == 3)
    settings = complete(settings, kind)
    if kind == "series":
        settings, shown = in_samples(settings, len(X[0]), settings.rate), ["DATA", "--series"]
    return X, kind, settings, shown


def _rows_of(content: Any, kind: str, settings: Settings) -> RowData:
    """The rows that are learned from: the content's, or pieces cut out of it."""
    for _, step in KINDS[kind].steps(settings):
        content = step.fit_transform(content)
    rows: RowData = content
    return rows


@dataclass
class _Search:
    """The search for settings.

    Attributes
    ----------
    aim : Aim
    scale : str
        See `Standardization`.
    why_scale : str
    units : int
    why_units : str
    folds : list of _Fold
        Rows to learn from, and to judge by; a score is the mean over them.
    n_rows : int
        Of all rows.
    seed : int
    device : str or Device
        Where models are fitted.
    scores : dict of Point to float
    losses : dict of Point to float
        J as a part of that of the best constant.
    """

    aim: Aim
    scale: str
    why_scale: str
    units: int
    why_units: str
    folds: list[_Fold]
    n_rows: int
    seed: int
    device: str | Device = "cpu"

    scores: dict[Point, float] = field(default_factory=dict)
    losses: dict[Point, float] = field(default_factory=dict)

    @classmethod
    def over(
        cls,
        rows: RowData,
        aim: Aim,
        kind: str,
        units: int | None,
        seed: int,
        device: str | Device,
    ) -> _Search:
        """Draw rows, and settle what follows from them at once."""
        drawn, n_rows = drawn_rows(rows, HELD_OUT_ROWS + SEARCH_ROWS, seed)
        if n_rows < LEAST_ROWS:
            raise ValueError(
                f"choose judges settings on held-out rows and needs at least {LEAST_ROWS} rows, "
                f"got {n_rows}."
            )
        parts = _parts(drawn, n_rows)
        scale, why_scale = _scale_for(parts[0][0], kind)
        folds = [_Fold.of(X, held_out, scale) for X, held_out in parts]
        why_units = "the number you gave"
        if units is None:
            units, why_units = _units_for(folds[0].X, n_rows, aim.units)
        return cls(aim, scale, why_scale, units, why_units, folds, n_rows, seed, device)

    def run(self) -> Point:
        """The best point that a search finds along one setting after the other."""
        aim = self.aim
        epsilons = self._epsilons
        best = self._best(Point(epsilons[0], t, aim.decays[0], aim.weights[0]) for t in aim.targets)
        best = self._best(best._replace(epsilon=epsilon) for epsilon in epsilons)
        best = self._best(best._replace(decay=decay) for decay in aim.decays)
        best = self._best(best._replace(weight=weight) for weight in aim.weights)
        place = aim.targets.index(best.target)
        near = aim.targets[max(place - 1, 0) : place + 2]
        best = self._best(best._replace(target=target) for target in near)
        return self._weaker(best)

    @property
    def _dominance(self) -> float:
        """Share of the variance along one direction."""
        plain = self.folds[0].whitened(None)
        return plain.largest / plain.variance

    @property
    def _epsilons(self) -> list[float | None]:
        """Those that come into question: where one direction dominates, none without whitening."""
        epsilons = list(self.aim.epsilons)
        if self._dominance > DOMINANT and len(epsilons) > 1:
            epsilons.remove(None)
        return epsilons

    def _best(self, points: Iterable[Point]) -> Point:
        """The first one that no other is better than by more than `GAIN`."""
        points = list(points)
        enough = max(map(self.score, points)) - GAIN
        return next(point for point in points if self.score(point) >= enough)

    def _weaker(self, best: Point) -> Point:
        """The point with the least weight whose score is as good."""
        least = best
        for weight in self.aim.weights:
            point = best._replace(weight=weight)
            if weight < least.weight and self.score(point) >= self.score(best) - SLACK:
                least = point
        return least

    def score(self, point: Point) -> float:
        """Learn a little with these settings, and judge by the rows held out."""
        if point not in self.scores:
            found = [self._trial(point, fold) for fold in self.folds]
            self.losses[point], self.scores[point] = map(float, np.mean(found, axis=0))
        return self.scores[point]

    def _trial(self, point: Point, fold: _Fold) -> tuple[float, float]:
        """J as a part of that of the best constant, and the score."""
        whitened = fold.whitened(point.epsilon)
        penalty, decay = self._penalty(point)
        model = SparseAutoencoder(
            self.units,
            sparsity_penalty=penalty,
            weight_decay=decay,
            max_iter=TRIAL_ITERATIONS,
            tol=TRIAL_TOL,
            growth=False,
            device=self.device,
            random_state=self.seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(whitened.X)
        score = self.aim.score(model, whitened.step, fold.held_out)
        return model.loss_ / (0.5 * whitened.variance), score

    def _penalty(self, point: Point) -> tuple[KLSparsity, float]:
        """Penalty and decay of a point, rounded to what a command shows."""
        whitened, rho = self.folds[0].whitened(point.epsilon), point.target
        decay = point.decay * rho * (1 - rho) * whitened.largest
        return KLSparsity(rho, _rounded(point.weight * whitened.variance)), _rounded(decay)

    def settings(self, settings: Settings, point: Point) -> Settings:
        """Settings that make the point's model."""
        penalty, decay = self._penalty(point)
        return replace(
            settings,
            units=self.units,
            scale=self.scale,
            whitening=point.whitening,
            epsilon=point.epsilon,
            decoder="linear",
            target=penalty.target,
            sparsity_weight=penalty.weight,
            weight_decay=decay,
        )

    def table(self) -> list[dict[str, Any]]:
        """What was tried, the best first."""
        rows = []
        for point, score in sorted(self.scores.items(), key=lambda item: -item[1]):
            penalty, decay = self._penalty(point)
            rows.append(
                {
                    "score": score,
                    "whitening": point.whitening,
                    "epsilon": point.epsilon,
                    "target": point.target,
                    "sparsity_weight": penalty.weight,
                    "weight_decay": decay,
                    "share_of_critical_decay": point.decay,
                    "loss_to_constant": self.losses[point],
                }
            )
        return rows

    def reasons(self, best: Point) -> list[str]:
        """Why these settings, in sentences."""
        penalty, decay = self._penalty(best)
        score = self.score(best)
        return [
            f"Scale: {self.why_scale}.",
            f"Whitening: {self._why_whitening(best)}.",
            "Decoder: linear, since it reconstructs values of any size, and its weights are solved "
            "for exactly.",
            f"Target {best.target:g}: {self._against('target', self.aim.targets)}.",
            f"Sparsity weight {penalty.weight:g}, {best.weight:g} of the rows' variance: "
            f"{self._against('weight', self.aim.weights)}.",
            f"Weight decay {decay:g}, {best.decay:.1%} of the value that would silence all units: "
            f"{self._against('decay', self.aim.decays, '.1%')}.",
            f"Units {self.units}: {self.why_units}.",
            f"Score {score:.3f}, on {self._held_out}; the model is the better of {STARTS} random "
            "starts, fitted on all rows.",
        ]

    @property
    def _held_out(self) -> str:
        if len(self.folds) > 1:
            return f"each of {len(self.folds)} parts of {self.n_rows:,} rows, held out in turn"
        return f"{len(self.folds[0].held_out):,} rows held out of {self.n_rows:,}"

    def _why_whitening(self, best: Point) -> str:
        others = [point for point in self.scores if point.epsilon != best.epsilon]
        if not others:
            return "none, since it would make noise count as much as everything else"
        name = "none" if best.epsilon is None else f"zca, epsilon {best.epsilon:g}"
        if None not in self._epsilons:
            return (
                f"{name}, since one direction holds {self._dominance:.0%} of the variance, and all "
                "units would encode it"
            )
        highest = max(map(self.score, others))
        return f"{name} (score {self.score(best):.3f}; others at most {highest:.3f})"

    def _against(self, name: str, values: Sequence[float], form: str = "g") -> str:
        """The best score that was found with each value of a setting."""
        told = []
        for value in values:
            found = [score for p, score in self.scores.items() if getattr(p, name) == value]
            if found:
                told.append(f"{max(found):.3f} at {value:{form}}")
        return "best scores " + ", ".join(told) if len(told) > 1 else "not searched"


@dataclass
class _Fold:
    """Standardized rows to learn from, and rows held out, which are centered like them."""

    X: FloatArray
    held_out: Float64Array
    _whitened: dict[float | None, _Whitened] = field(default_factory=dict)

    @classmethod
    def of(cls, X: FloatArray, held_out: FloatArray, scale: str) -> _Fold:
        standardization = Standardization(scale).fit(X)
        X = standardization.transform(X)
        if not X.any():
            raise ValueError("the rows do not vary, so there is nothing to learn from them.")
        return cls(X, standardization.transform(held_out).astype(np.float64))

    def whitened(self, epsilon: float | None) -> _Whitened:
        if epsilon not in self._whitened:
            self._whitened[epsilon] = _Whitened.of(self.X, epsilon)
        return self._whitened[epsilon]


class _Whitened(NamedTuple):
    """Rows that are whitened or not, and what penalty and decay follow from."""

    step: Whitening | None
    X: FloatArray
    variance: float
    largest: float

    @classmethod
    def of(cls, X: FloatArray, epsilon: float | None) -> _Whitened:
        step = None if epsilon is None else Whitening("zca", epsilon=epsilon).fit(X)
        rows = X if step is None else step.transform(X)
        centered = rows - rows.mean(axis=0)
        variance = float(np.square(centered, dtype=np.float64).sum()) / len(rows)
        return cls(step, rows, variance, greatest_variance(centered))


def _parts(drawn: FloatArray, n_rows: int) -> list[tuple[FloatArray, FloatArray]]:
    """Rows to learn from and rows held out: once, or where rows are few, each in its turn."""
    if n_rows < FEW_ROWS:
        held = np.array_split(np.arange(n_rows), FOLDS)
        return [(np.delete(drawn, part, axis=0), drawn[part]) for part in held]
    n_held = min(int(HELD_OUT_SHARE * n_rows), HELD_OUT_ROWS)
    return [(drawn[n_held : n_held + SEARCH_ROWS], drawn[:n_held])]


def _scale_for(X: FloatArray, kind: str) -> tuple[str, str]:
    """One scale for all columns or one for each, and why."""
    if kind != "rows":
        return "all", f"one for all columns, since all values of {kind} have the same unit"
    variances = X.var(axis=0, dtype=np.float64)
    varying = variances > 0
    if not varying.any():
        return "all", "one for all columns"
    ratio = float(variances[varying].max() / variances[varying].min())
    same = (np.median(X, axis=0) == X).mean(axis=0)
    if ratio <= UNLIKE:
        return (
            "all",
            f"one for all columns, since their variances differ only by a factor of {ratio:.3g}",
        )
    if (same[varying] > NEARLY_CONSTANT).any():
        return "all", (
            "one for all columns, since some are nearly constant, and a scale of their own would "
            "amplify noise"
        )
    return (
        "columns",
        f"one for each column, since their variances differ by a factor of {ratio:.3g}",
    )


def _units_for(X: FloatArray, n_rows: int, enough: Units) -> tuple[int, str]:
    """How many units, and why."""
    spectrum = np.linalg.svd(X - X.mean(axis=0), compute_uv=False).astype(np.float64) ** 2
    relevant = int(np.searchsorted(np.cumsum(spectrum) / spectrum.sum(), RELEVANT)) + 1
    units = min(max(enough.per_component * relevant, enough.fewest), enough.most)
    why = (
        f"{relevant} principal components explain {RELEVANT:.0%} of the variance; "
        f"{enough.per_component} units for each, at most {enough.most}"
    )
    if enough.rows_per_unit:
        affordable = max(n_rows // enough.rows_per_unit, enough.fewest)
        if units > affordable:
            why += f" and no more than one per {enough.rows_per_unit} rows"
            units = affordable
    return units, f"{why}, but at least {enough.fewest}"


def _fitted(
    content: Any, kind: str, settings: Settings, device: str | Device
) -> tuple[Pipeline, Settings]:
    """The best one of several starts, on all of the data, and its settings."""
    tried = [replace(settings, seed=settings.seed + start) for start in range(STARTS)]
    fitted = [make_pipeline(candidate, kind, device=device).fit(content) for candidate in tried]
    best = min(range(STARTS), key=lambda start: fitted[start][-1].loss_)
    return fitted[best], tried[best]


def _chosen(settings: Settings) -> dict[str, Any]:
    """What differs from what ``rhohat learn`` does of itself."""
    usual = asdict(Settings())
    return {name: value for name, value in asdict(settings).items() if value != usual[name]}


def _command(paths: Sequence[str], settings: Settings) -> str:
    """The command that learns with these settings."""
    words = ["rhohat", "learn", *paths]
    for name, value in _chosen(settings).items():
        option = option_of(name)
        words += [option] if value is True else [option, str(value)]
    return shlex.join(words)


def _rounded(value: float) -> float:
    """Three significant digits, which a command shows in full."""
    return float(f"{value:.3g}")


def _short(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
