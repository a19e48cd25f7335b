"""scikit-learn's callbacks (from 1.9 on), called after every iteration of a fit.

An estimator derives from `CallbackSupportMixin` and decorates ``fit`` with `with_callbacks`. Then
``set_callbacks`` gives it callbacks of its own, and a meta-estimator hands down others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

try:
    import sklearn.callback as callback_api

    CallbackSupportMixin: Any = callback_api.CallbackSupportMixin
except ImportError:  # scikit-learn < 1.9
    callback_api = None
    CallbackSupportMixin = type("CallbackSupportMixin", (), {})

#: Frames that `with_callbacks` puts between a fit and its caller.
WRAPPERS = 0 if callback_api is None else 1

Method = TypeVar("Method", bound=Callable[..., Any])


def with_callbacks(fit: Method) -> Method:
    """Tear callbacks down after `fit`, however it ends."""
    return fit if callback_api is None else cast(Method, callback_api.with_callbacks(fit))


class FitTasks:
    """One fit as a task, and its iterations as subtasks, as scikit-learn's callbacks see them.

    Parameters
    ----------
    estimator : estimator
    max_iter : int
        Most iterations.
    **data
        X and metadata, for the hooks that ask for them.
    """

    def __init__(self, estimator: BaseEstimator, max_iter: int, **data: Any) -> None:
        self._estimator = estimator
        self._data = data
        self._left = max_iter
        self._fit: Any = None
        self._iteration: Any = None
        if hasattr(estimator, "_init_callback_context"):
            self._fit = estimator._init_callback_context(max_subtasks=max_iter)
            self._fit.call_on_fit_task_begin(estimator=estimator, **data)
            self._begin_iteration()

    def end_iteration(self, attributes: Callable[[], dict[str, Any]]) -> bool:
        """Tell callbacks that an iteration has ended; return whether one asks to stop.

        Parameters
        ----------
        attributes : callable
            Returns the fitted attributes that `transform` would need if training stopped here.
        """
        if self._fit is None:
            return False
        stop = self._iteration.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=attributes, **self._data
        )
        self._iteration = None
        self._left -= 1
        if self._left and not stop:
            self._begin_iteration()
        return bool(stop)

    def end(self) -> None:
        """Tell callbacks that the fit has ended."""
        if self._fit is None:
            return
        if self._iteration is not None:  # begun, but not needed any more
            self._iteration.call_on_fit_task_end(estimator=self._estimator)
        self._fit.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes={}, **self._data
        )

    def _begin_iteration(self) -> None:
        self._iteration = self._fit.subcontext(task_name="iteration")
        self._iteration.call_on_fit_task_begin(estimator=self._estimator, **self._data)
