"""Estimators that skl2onnx converts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rhohat.preprocessing.onnx_conversion import Convertible

if TYPE_CHECKING:
    from rhohat.preprocessing.operations import Told


class ConvertibleEstimator(Convertible):
    """An estimator of units, or of features that they make, that skl2onnx converts."""

    def _told(self) -> Told:
        from rhohat.estimators.computation import computation_of

        return computation_of(self).told
