"""Every row of a table, one added here too, is listed, trained, saved, loaded and reported."""

import html
import re

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_array_equal

import rhohat
from rhohat.cli.main import cli
from rhohat.common.libraries import library_of
from rhohat.objective.activations import ACTIVATIONS, Activation
from rhohat.objective.decoders import DECODERS, Decoder
from rhohat.objective.penalties import PENALTIES, SparsityPenalty
from rhohat.preprocessing.variances import variance_of_rows
from rhohat.recipes.pipelines import complete, make_pipeline
from rhohat.recipes.settings import Settings
from rhohat.training.solvers import SOLVERS, GradientDescent
from support.cases import sparse_data

pytestmark = pytest.mark.usefixtures("without_figures")


def softsign(Z):
    xp = library_of(Z)
    return xp.divide(Z, 1 + xp.abs(Z), out=Z)


def softsign_derivative(A, out):
    xp = library_of(A)
    return xp.square(1 - xp.abs(A), out=out)


def softsign_inverse(a):
    inside = np.clip(a, -0.99, 0.99)
    return inside / (1 - np.abs(inside))


class ToySparsity(SparsityPenalty):
    """Average squared activation."""

    def __init__(self, weight=0.25):
        self.weight = weight

    def check(self, activation):
        assert self.weight >= 0

    def on_average(self, average, activation):
        return self.weight * float(average.sum()), np.full_like(average, self.weight)

    def pointwise(self, A):
        return library_of(A).square(A), 2 * A


class ToySolver(GradientDescent):
    """Gradient descent that always tries a short step first."""

    def first_step(self, state, direction):
        return 0.1


#: A toy of each table: the option, the table, and its row.
TOYS = {
    "activation": (
        ACTIVATIONS,
        Activation("toy", softsign, softsign_derivative, softsign_inverse, (-1.0, 1.0)),
    ),
    "decoder": (DECODERS, Decoder("toy", ACTIVATIONS["relu"])),
    "penalty": (PENALTIES, ToySparsity),
    "solver": (SOLVERS, ToySolver),
}
#: The toys, and all rows that there are.
CHOICES = [(option, name) for option, (table, _) in TOYS.items() for name in ("toy", *table)]


#: Choices that go with another one alone.
NEEDED = {"l0": {"activation": "jumprelu"}}


@pytest.fixture(params=CHOICES, ids="-".join)
def choice(request, monkeypatch):
    """An option and the name of a row of its table, which has the toy besides."""
    option, _ = request.param
    table, row = TOYS[option]
    monkeypatch.setitem(table, "toy", row)
    return request.param


def run(*arguments):
    result = CliRunner().invoke(cli, [str(word) for word in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def learned(option, name, folder):
    """The rows, the settings, and the folder that the command writes with the choice."""
    X = sparse_data(400, 8)
    np.save(folder / "rows.npy", X)
    few = ["--units", "5", "--iterations", "12", "--seed", "3"]
    chosen = {option: name, **NEEDED.get(name, {})}
    options = [f"--{option}={name}" for option, name in chosen.items()]
    run("learn", folder / "rows.npy", *options, *few, "-o", folder / "out")
    settings = Settings(units=5, iterations=12, seed=3, **chosen)
    return X, settings, folder / "out"


def test_help_lists_every_row(monkeypatch):
    for table, row in TOYS.values():
        monkeypatch.setitem(table, "toy", row)
    told = run("learn", "--help")
    for option, (table, _) in TOYS.items():
        (names,) = re.findall(rf"^ *--{option}\s+\[(\S+)\]", told, re.MULTILINE)
        assert names.split("|") == list(table)
        assert names.endswith("|toy")


def test_config_takes_it(choice, tmp_path):
    option, name = choice
    (tmp_path / "my.toml").write_text(f'{option} = "{name}"\n')
    np.save(tmp_path / "rows.npy", sparse_data(50, 4))
    data = [tmp_path / "rows.npy", "--units", "3"]
    data += [f"--{option}={name}" for option, name in NEEDED.get(name, {}).items()]
    told = run("learn", *data, "--config", tmp_path / "my.toml", "--dry-run", "--json")
    assert f'"{option}": "{name}"' in told


@pytest.mark.filterwarnings("ignore:decoder=.sigmoid. can only produce:UserWarning")
def test_command_learns_with_it_the_model_comes_back_and_the_report_names_it(choice, tmp_path):
    option, name = choice
    X, settings, out = learned(option, name, tmp_path)
    complete_ones = complete(settings, "rows")
    pipeline = make_pipeline(complete_ones, "rows", variance=variance_of_rows(X)).fit(X)
    assert pipeline[-1].loss_ < pipeline[-1].loss_curve_[0]
    loaded = rhohat.load(out / "model.safetensors")
    assert_array_equal(loaded.transform(X), pipeline.transform(X))
    mine, theirs = (
        {
            name: value
            for name, value in model[-1].get_params().items()
            if not isinstance(value, SparsityPenalty)
        }
        for model in (loaded, pipeline)
    )
    assert mine == theirs
    page = html.unescape((out / "report.html").read_text())
    told = page[page.index("<caption>SparseAutoencoder</caption>") :]
    parameter = {"penalty": "sparsity_penalty"}.get(option, option)
    (value,) = re.findall(rf">{parameter}</th><td>(.*?)</td>", told)
    assert (PENALTIES[name].__name__ + "(" if option == "penalty" else f"'{name}'") in value


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:decoder=.sigmoid. can only produce:UserWarning")
def test_another_device_learns_with_it(choice):
    option, name = choice
    X = sparse_data(400, 8)
    chosen = {option: name, **NEEDED.get(name, {})}
    settings = Settings(units=5, iterations=5, seed=3, **chosen)
    loss = []
    for device in ("cpu", "torch"):
        pipeline = make_pipeline(complete(settings, "rows"), "rows", variance=variance_of_rows(X))
        pipeline[-1].set_params(device=device)
        loss.append(pipeline.fit(X)[-1].loss_)
    assert loss[1] == pytest.approx(loss[0], rel=1e-6)


@pytest.mark.parametrize(("options", "weight"), [([], 0.25), (["--sparsity-weight", "0.5"], 0.5)])
def test_a_penalty_has_the_weight_of_its_class_or_that_which_is_asked_for(
    options, weight, monkeypatch, tmp_path
):
    monkeypatch.setitem(PENALTIES, "toy", ToySparsity)
    np.save(tmp_path / "rows.npy", sparse_data(50, 4))
    command = ["learn", tmp_path / "rows.npy", "--penalty", "toy", *options, "--dry-run", "--json"]
    told = run(*command)
    assert f'"sparsity_weight": {weight}' in told
    assert '"target": null' in told
    refused = CliRunner().invoke(cli, [*map(str, command), "--target", "0.1"])
    assert "target does not apply to the penalty 'toy'" in str(refused.exception)
