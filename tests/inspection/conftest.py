"""Models that several test files look at, and their pages."""

import pytest
from sklearn.datasets import load_digits

from rhohat import (
    KLSparsity,
    SparseAutoencoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    load_photographs,
    report,
)
from rhohat.recipes.pipelines import complete, make_pipeline
from rhohat.recipes.settings import Settings


@pytest.fixture(scope="session")
def default(tmp_path_factory):
    """The default model and its page."""
    pipeline = make_pipeline(complete(Settings(), "images"), "images")
    photographs = load_photographs()
    pipeline.fit(photographs.images)
    path = tmp_path_factory.mktemp("report") / "report.html"
    report(pipeline, photographs, command="rhohat learn").save(path)
    return pipeline, path


@pytest.fixture(scope="session")
def odd(tmp_path_factory):
    """A model with a dead, a saturated and two duplicate units, on rows with labels."""
    X, y = load_digits(return_X_y=True)
    penalty = KLSparsity(target=0.1)
    model = SparseAutoencoder(12, sparsity_penalty=penalty, max_iter=60, random_state=0).fit(X / 16)
    model.encoder_weights_[3] = 0
    model.encoder_bias_[3] = -9
    model.encoder_weights_[4] *= 1e-3
    model.encoder_bias_[4] = 4
    model.encoder_weights_[6] = 2 * model.encoder_weights_[5]
    path = tmp_path_factory.mktemp("odd") / "report.html"
    report(model, X / 16, shape=(8, 8), labels=[f"digit {label}" for label in y]).save(path)
    return model, X / 16, y, path


@pytest.fixture(scope="session")
def stack(digits):
    """Three layers, on digits."""
    return StackedAutoencoder(
        (16, 8, 5), estimator=SparseAutoencoder(max_iter=20), random_state=0
    ).fit(digits)


@pytest.fixture(scope="session")
def classifier(digits):
    """Two layers and a softmax layer, on digits."""
    labels = load_digits().target
    stack = StackedAutoencoder((16, 8), estimator=SparseAutoencoder(max_iter=20))
    model = StackedAutoencoderClassifier(stack, max_iter=10, random_state=0)
    return model.fit(digits, labels)
