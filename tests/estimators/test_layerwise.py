"""Training part by part: each is kept, goes on and ends as the whole does."""

import os
import signal

import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError

from rhohat import (
    CheckpointError,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
)
from rhohat.training.checkpoints import FILE
from support.fits import Killed, killed_after
from support.stacks import X, Y, classifier, layer, stack, stack_bits


@pytest.fixture(autouse=True)
def every_state_is_written(monkeypatch):
    monkeypatch.setattr("rhohat.training.checkpoints.SPACING", 0)


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


def test_a_stack_cut_off_in_any_layer_goes_on_to_the_same_bits(tmp_path):
    undisturbed = stack_bits(stack().fit(X))
    for number, layers in enumerate(
        [[layer(callback=killed_after(3)), 4], [5, layer(4, callback=killed_after(3))]]
    ):
        folder = tmp_path / str(number)
        with pytest.raises(Killed):
            stack(layers=layers, checkpoint=folder).fit(X)
        with pytest.raises(CheckpointError, match="holds an unfinished run"):
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
    with pytest.raises(ValueError, match="layers share the checkpoint folder"):
        stack(layers=shared).fit(X)


def test_an_interrupted_layer_ends_the_whole(tmp_path):
    def interrupt(progress):
        if progress.n_iter == 4:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match="in layer 1 of 2: resume=True continues from"):
        stack(layers=[layer(callback=interrupt), 4], checkpoint=tmp_path).fit(X)
    resumed = stack(checkpoint=tmp_path, resume=True).fit(X)
    assert stack_bits(resumed) == stack_bits(stack().fit(X))


@pytest.mark.parametrize("make", [stack, classifier])
def test_a_first_fit_that_fails_leaves_it_unfitted(make):
    def fail(progress):
        raise Killed

    model = make(layers=[layer(callback=fail)]) if make is stack else make(layer(callback=fail))
    with pytest.raises(Killed):
        model.fit(X, Y)
    with pytest.raises(NotFittedError):
        (model.transform if make is stack else model.predict)(X)
