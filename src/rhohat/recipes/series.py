"""Series as data: windows of signals of one or more channels, such as vibration or EEG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rhohat.common.arrays import FloatArray, float_dtype
from rhohat.common.validation import look_up
from rhohat.files.finding import HELD_BYTES
from rhohat.files.series import (
    HeldSeries,
    LoadedSeries,
    RowOrigins,
    one_rate,
    read_series,
)
from rhohat.recipes.data import Data, Size, pooled_over_time
from rhohat.recipes.settings import FORMS, Recipe, Settings, samples_in

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from rhohat.estimators.anatomy import Anatomy
    from rhohat.preprocessing.extractors import Patches

#: Values of a window of several channels, at most, unless the user says how long it is; and samples
#: that it has at least.
MOST_VALUES, LEAST_WINDOW = 1024, 16
#: Moments of a spectrogram, each of a quarter of the window, an eighth of it apart.
MOMENTS = 7


def in_samples(settings: Settings, n_channels: int, rate: float | None) -> Settings:
    """Settings with the rate, and samples of a window and from one to the next."""
    usual = FORMS[str(settings.form)].window
    while usual * n_channels > MOST_VALUES and usual > LEAST_WINDOW:
        usual //= 2
    window = samples_in("window", settings.window or usual, rate)
    hop = samples_in("hop", settings.hop or max(window // 2, 1), rate)
    whole = int(rate) if rate is not None and rate == int(rate) else rate
    return replace(settings, rate=whole, window=window, hop=hop)


class SeriesData(Data):
    """Series: windows are cut out in order, as they are or as their spectra."""

    kind, noun, described = "series", "series", "series"
    pieces = "windows"
    takes_all_pieces = True
    own_settings = ("form", "rate", "window", "hop")
    selected: ClassVar[Mapping[str, Any]] = {"series": True}
    #: Samples per second, once read; None if it is not known.
    rate: float | None = None

    @classmethod
    def fill_in(cls, settings: Settings, *, rows_are_images: bool) -> Settings:
        """What windows are taken as."""
        if settings.patches != Settings().patches:
            raise ValueError(
                "--patches does not apply to series, whose windows lie one hop apart: set the hop "
                "instead (--hop on the command line)."
            )
        return settings.with_defaults(form="raw")

    @classmethod
    def recipe(cls, settings: Settings) -> Recipe:
        """The recipe that goes with the form, if it is whitened."""
        recipe = super().recipe(settings)
        return recipe if recipe.epsilon is None else look_up("form", settings.form, FORMS).recipe

    @classmethod
    def steps(cls, settings: Settings) -> list[tuple[str, BaseEstimator]]:
        """From series to windows."""
        from rhohat.preprocessing.extractors import WindowExtractor
        from rhohat.preprocessing.series import ChannelScaling, SeriesSpectra, SeriesSpectrogram

        complete: Any = settings  # nothing that is needed here is None
        window, hop, rate = int(complete.window), int(complete.hop), settings.rate
        step: BaseEstimator
        if settings.form == "raw":
            step, moments, stride = ChannelScaling(rate), window, hop
        elif window % 8:
            raise ValueError(
                f"the window of spectra must be a multiple of 8 samples, got {window:,}."
            )
        elif settings.form == "spectrum":
            step = SeriesSpectra(window, hop=hop, rate=rate)
            moments = stride = step.n_frequencies
        else:
            short = window // 8
            if hop % short:
                raise ValueError(
                    "the hop of spectrograms must be a multiple of an eighth of the window, which "
                    f"is {short:,} samples; got {hop:,}."
                )
            step = SeriesSpectrogram(2 * short, hop=short, rate=rate)
            moments, stride = MOMENTS, hop // short
        return [
            ("series", step),
            ("windows", WindowExtractor(moments, n_windows=None, stride=stride)),
        ]

    @classmethod
    def needs(cls, anatomy: Anatomy, convolution: Mapping[str, Any] | None) -> dict[str, Any]:
        """The rate, and series long enough for a window, or for all cells."""
        step, extractor = anatomy.series, anatomy.extractor
        if extractor is None:
            return {}
        moments = extractor.patch_shape_[1]
        samples_of = (lambda left, n: (left, left + n)) if step is None else step.samples_of
        needs: dict[str, Any] = {"rate": None if step is None else step.rate}
        if convolution is not None:  # each becomes a row, and is needed whole
            more = (convolution["grid"] - 1) * convolution["stride"]
            apart = moments if step is not None and step.told(moments) else 1
            if convolution["stride"] % apart:
                raise ValueError(
                    f"each spectrum has {moments} frequencies, one after another: --stride must be "
                    f"a multiple of {moments}, the step to the next spectrum."
                )
            return needs | {"window": samples_of(0, moments + more)[1]}
        stride = extractor._stride
        return needs | {
            "window": samples_of(0, moments)[1],
            "hop": samples_of(stride, moments)[0] - samples_of(0, moments)[0],
        }

    def fill_in_from_files(self, settings: Settings) -> Settings:
        """The rate, and samples of a window and from one to the next."""
        rate = one_rate(self.found, settings.rate)
        n_channels = max(content.shape[1] for content in self.contents)
        settings = in_samples(settings, n_channels, rate)
        complete: Any = settings
        self.request = replace(self.request, rate=rate, window=complete.window, hop=complete.hop)
        self.steps(settings)  # whether they go together
        return settings

    def read(self) -> None:
        """Read all files once, to find what cannot be read; they are kept if memory allows."""
        request = self.request
        self._loaded = read_series(self.found, request.rate, window=request.window, hop=request.hop)
        self.content, self.names = self._loaded.series, self._loaded.names
        self.rate = self._loaded.rate

    def variance(self) -> float:
        """1, to which channels are scaled; 0 if none of those that are held varies."""
        if not isinstance(self.content, HeldSeries):
            return 1.0
        return float(any(np.ptp(series) > 0 for series in self.content))

    @property
    def loaded(self) -> LoadedSeries:
        """The series with their names."""
        return self._loaded

    @property
    def expression(self) -> str:
        """A call of `load_series`."""
        chosen = [word for word in self.request.selection.keywords() if word != "series=True"]
        if self.rate is not None and not any(content.rate for content in self.contents):
            chosen.append(f"rate={self.rate:g}")
        paths = [str(path) for path in self.request.paths]
        shown = "FILES" if self.request.has_many_paths else repr(paths)
        skip = ["on_error='skip'"] if self.found.skipped else []
        return f"rhohat.load_series({', '.join([shown, *chosen, *skip])}).series"

    def size(self, settings: Settings) -> Size:
        """All windows; series are held, or a part of one."""
        complete: Any = settings
        window, hop = int(complete.window), int(complete.hop)
        shapes = [content.shape for content in self.contents]
        n_rows = sum(n * max((samples - window) // hop + 1, 0) for n, _, samples in shapes)
        if n_rows == 0:
            raise ValueError(
                f"all series are shorter than a window of {window:,} samples: choose a shorter "
                "--window."
            )
        form, n_channels = settings.form, shapes[0][1]
        per_channel = {"raw": window, "spectrum": window // 8}.get(
            str(form), MOMENTS * (window // 8)
        )
        itemsize = max(float_dtype(content.dtype).itemsize for content in self.contents)
        return Size(
            n_rows, n_channels * per_channel, itemsize, min(3 * self.found.n_bytes, HELD_BYTES)
        )

    def windows_of(self, model: BaseEstimator) -> RowOrigins:
        """File and samples of each row that a model of windows makes of the series."""
        from rhohat.estimators.anatomy import Anatomy

        pieces, loaded = self._windows(model), self._loaded
        image, _, left = pieces.places(np.arange(pieces.rows.shape[0]))
        extractor, step = Anatomy.of(model).extractor, Anatomy.of(model).series
        assert extractor is not None
        moments = extractor.patch_shape_[1]
        start, stop = left, left + moments
        if step is not None:
            spans = [step.samples_of(int(first), moments) for first in left]
            start, stop = np.array(spans, dtype=np.intp).reshape(-1, 2).T
        begins = np.array(loaded.begins, dtype=np.intp)[image]
        return RowOrigins(loaded.names, image, begins + start, begins + stop, loaded.rate)

    def raw_rows(self, model: BaseEstimator, convolution: Mapping[str, Any]) -> FloatArray:
        """Windows; or channels or spectra, pooled over time as features are."""
        if convolution:
            return pooled_over_time(model, self.content, convolution)
        return np.asarray(self._windows(model).rows)

    def _windows(self, model: BaseEstimator) -> Patches:
        """What a model cuts out of the series."""
        from rhohat.estimators.anatomy import Anatomy

        anatomy = Anatomy.of(model)
        assert anatomy.extractor is not None
        return anatomy.extractor.draw(anatomy.filtered(self.content))
