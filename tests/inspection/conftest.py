"""Models whose pages several test files look at, and a browser to look with."""

import pytest

from rhohat import (
    KLSparsity,
    SparseAutoencoder,
    load_photographs,
    report,
)
from rhohat.recipes.pipelines import complete, make_pipeline
from rhohat.recipes.settings import Settings
from support.pages import CHROMIUM, FLAGS, Opened


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser):
    pages = []

    def open_it(path, **options):
        pages.append(Opened(browser, path, **options))
        return pages[-1]

    yield open_it
    for page in pages:
        page.context.close()


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
    from sklearn.datasets import load_digits

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


@pytest.fixture
def opened_if_possible(tmp_path, request):
    """Open a page, where there is a browser, and go everywhere: nothing may go wrong."""

    def open_it(page):
        if CHROMIUM is None:
            return
        path = tmp_path / "page.html"
        page.save(path)
        seen = request.getfixturevalue("opened")(path)
        for part in ("#unit-0", "#unit-1", "#model"):
            seen.page.goto(seen.url + part)
        assert seen.errors == []

    return open_it
