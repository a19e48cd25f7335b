"""Callbacks of scikit-learn are told of every iteration, and can end a fit."""

import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.utils.fixes import parse_version

from rhohat import KLSparsity, SparseAutoencoder, Whitening
from support.dictionaries import planted

HAS_CALLBACKS = parse_version(sklearn.__version__) >= parse_version("1.9")


def model(**options):
    options = {"max_iter": 12, "tol": 0, "random_state": 0, **options}
    return SparseAutoencoder(9, **({"sparsity_penalty": KLSparsity(target=0.1)} | options))


class Recorder:
    """A callback of scikit-learn's."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.events = []
        self.scores = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self.events.append(("end", context.task_name, context.task_id))
        if fitted_estimator is not None and context.task_name == "iteration":
            self.scores.append(fitted_estimator.score(X))
        return context.task_name == "iteration" and context.task_id + 1 == self.stop_after


if HAS_CALLBACKS:

    def test_sklearn_callbacks_are_told_of_every_iteration(digits):
        recorder = Recorder()
        fitted = model().set_callbacks(recorder).fit(digits)
        events = recorder.events
        assert events[:2] == ["setup", ("begin", "fit", 0)]
        assert events[-2:] == [("end", "fit", 0), "teardown"]
        iterations = [event for event in events if event[1] == "iteration"]
        assert iterations == [
            (edge, "iteration", n) for n in range(12) for edge in ("begin", "end")
        ]
        assert recorder.scores[-1] == fitted.score(digits)
        assert recorder.scores[0] < recorder.scores[-1]

    def test_sklearn_callbacks_can_stop_training_and_change_nothing_else(digits):
        recorder = Recorder(stop_after=4)
        stopped = model().set_callbacks(recorder).fit(digits)
        assert stopped.n_iter_ == 4
        assert stopped.stop_reason_ == "stopped by the callback"
        assert recorder.events[-2:] == [("end", "fit", 0), "teardown"]
        plain = model().fit(digits)
        told = model().set_callbacks(Recorder()).fit(digits)
        assert_array_equal(plain.encoder_weights_, told.encoder_weights_)

    def test_iterations_that_are_not_needed_are_ended_too(digits):
        recorder = Recorder()
        fitted = model(tol=0.5, max_iter=100).set_callbacks(recorder).fit(digits)
        assert fitted.converged_
        begun = sum(event[0] == "begin" for event in recorder.events)
        assert begun == sum(event[0] == "end" for event in recorder.events)

    def test_iterations_in_search_of_a_weight_are_told_beyond_max_iter_too():
        """There may be half as many more, so that a search ends with a weight that will do."""
        recorder, X = Recorder(), planted(500)[0]
        fitted = model(max_iter=30, sparsity_penalty=KLSparsity(0.02, "auto"))
        fitted.set_callbacks(recorder).fit(X)
        assert 30 < fitted.n_iter_ <= 45
        ended = [event for event in recorder.events if event[:2] == ("end", "iteration")]
        assert [event[2] for event in ended[: fitted.n_iter_]] == list(range(fitted.n_iter_))
        assert recorder.events[-2:] == [("end", "fit", 0), "teardown"]

    def test_callbacks_are_torn_down_when_fit_fails(digits):
        recorder = Recorder()
        with pytest.raises(RuntimeError, match="enough"):
            model(callback=_raise).set_callbacks(recorder).fit(digits)
        assert recorder.events[-1] == "teardown"

    def test_progress_bar_of_sklearn_runs_through_a_pipeline(digits, capsys):
        from sklearn.callback import ProgressBar

        pipeline = make_pipeline(Whitening(), model()).set_callbacks(ProgressBar())
        with pytest.warns(UserWarning, match="Whitening does not support callbacks"):
            pipeline.fit(digits)
        assert "SparseAutoencoder" in capsys.readouterr().out

else:

    def test_without_sklearn_callbacks_fit_is_as_it_was(digits):
        assert not hasattr(model(), "set_callbacks")
        assert model().fit(digits).n_iter_ == 12


def _raise(progress):
    raise RuntimeError("enough")
