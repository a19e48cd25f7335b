"""The anatomy of a model: its steps, by what they are applied to."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any, TypeVar

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from rhohat.common.devices import Device, device_of
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.classifier import StackedAutoencoderClassifier
from rhohat.estimators.stack import StackedAutoencoder
from rhohat.preprocessing.extractors import Extractor
from rhohat.preprocessing.series import SeriesStep
from rhohat.preprocessing.sounds import SoundExtractor
from rhohat.preprocessing.steps import Wholes, step_of


@dataclass(frozen=True)
class Anatomy:
    """A model taken apart, be it a pipeline or one estimator, fitted or not.

    Attributes
    ----------
    filters : list of estimators
        Steps applied to whole images, series or recordings, before pieces are cut out.
    extractor : Extractor or None
        The step that cuts them out; None in a model of rows, which has no filters either.
    of_rows : list of estimators
        Steps applied to pieces; in a model without an extractor, all steps before the units.
    units : list of estimators
        Autoencoders and stacks of them that follow each other, or a classifier with layers.
    after : list of estimators
        Steps after the units.
    """

    filters: list[Any]
    extractor: Extractor | None
    of_rows: list[Any]
    units: list[Any]
    after: list[Any]

    @classmethod
    def of(cls, model: Any) -> Anatomy:
        """Take a model apart."""
        steps = steps_of(model)
        first, last = _units_among(steps)
        before, units, after = steps[:first], steps[first:last], steps[last:]
        for index, step in enumerate(before):
            if isinstance(step, Extractor):
                return cls(before[:index], step, before[index + 1 :], units, after)
        return cls([], None, before, units, after)

    @property
    def before(self) -> list[Any]:
        """All steps before the units."""
        cut = [] if self.extractor is None else [self.extractor]
        return [*self.filters, *cut, *self.of_rows]

    @property
    def steps(self) -> list[Any]:
        """All steps, in order."""
        return [*self.before, *self.units, *self.after]

    @property
    def sound(self) -> SoundExtractor | None:
        """The step that makes images, or waveforms, of recordings."""
        return next((step for step in self.before if isinstance(step, SoundExtractor)), None)

    @property
    def image_filters(self) -> list[Any]:
        """Filters that give back what they are given: images, or series as they have become."""
        return [step for step in self.filters if step not in (self.sound, self.series)]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that the model was fitted on; empty if they had none."""
        return tuple(getattr(self.steps[0], "feature_names_in_", ())) if self.steps else ()

    @property
    def series(self) -> SeriesStep | None:
        """The step that scales series, or makes spectra of them."""
        return next((step for step in self.before if isinstance(step, SeriesStep)), None)

    @property
    def takes(self) -> Wholes | None:
        """What the model is given: images, series or recordings; None if rows."""
        answers = (step_of(step).takes for step in self.before)
        return next((wholes for wholes in answers if wholes is not None), None)

    @property
    def encoder(self) -> SparseAutoencoder | None:
        """The autoencoder that the model ends in, whatever it reconstructs."""
        last = None if self.after or not self.units else self.units[-1]
        return last if isinstance(last, SparseAutoencoder) else None

    @property
    def autoencoder(self) -> SparseAutoencoder | None:
        """The same if it reconstructs its input."""
        last = self.encoder
        return last if last is not None and last.rebuilds_input else None

    def filtered(self, wholes: Any) -> Any:
        """These images, series or recordings as the extractor is given them."""
        for step in self.filters:
            wholes = step.transform(wholes)
        return wholes


#: Estimators whose units can be looked at.
UNITS = (SparseAutoencoder, StackedAutoencoder, StackedAutoencoderClassifier)


def _units_among(steps: list[Any]) -> tuple[int, int]:
    """Where the units begin and end: the last ones, with all directly below unless they classify.

    If there are none, both are the end.
    """
    holders = [index for index, step in enumerate(steps) if isinstance(step, UNITS)]
    if not holders:
        return len(steps), len(steps)
    first = last = holders[-1]
    while first - 1 in holders and not isinstance(steps[first], StackedAutoencoderClassifier):
        first -= 1
    return first, last + 1


def steps_of(model: Any) -> list[Any]:
    """The estimators of a pipeline in order, those of pipelines in it too; or the model itself.

    Steps that do nothing are left out, and frozen estimators are thawed.
    """
    model = thawed(model)
    if not isinstance(model, Pipeline):
        return [model]
    steps = [step for _, step in model.steps if step is not None and step != "passthrough"]
    return [inner for step in steps for inner in steps_of(step)]


def thawed(model: Any) -> Any:
    """The estimator in a FrozenEstimator; any other as it is."""
    return model.estimator if isinstance(model, FrozenEstimator) else model


def compute_on(model: Any, device: str | Device) -> None:
    """Let all units of a model compute on a device, whatever holds them.

    Raises
    ------
    ValueError, ImportError
        If the device is not there.
    """
    device_of(device).check()
    for step in steps_of(model):
        if hasattr(step, "device"):
            step.device = device
        held = (getattr(step, name) for name in ("autoencoder_", "model_") if hasattr(step, name))
        for part in (*getattr(step, "layers_", ()), *held):
            compute_on(part, device)


E = TypeVar("E", bound=Any)


def nameless(estimator: E) -> E:
    """A fitted estimator as one of arrays: its rows have no names, and no table comes out."""
    plain: E = copy(estimator)
    for name in ("feature_names_in_", "_sklearn_output_config"):
        plain.__dict__.pop(name, None)
    if hasattr(plain, "set_output"):
        plain.set_output(transform="default")  # whatever scikit-learn's own setting is
    return plain
