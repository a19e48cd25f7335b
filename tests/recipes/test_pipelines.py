"""Recipes: what is filled in, what does not go together, and what the pipeline is."""

from dataclasses import replace

import pytest

from rhohat import TopK
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.objective.penalties import PENALTIES
from rhohat.recipes.pipelines import complete, make_pipeline
from rhohat.recipes.settings import RECIPES, STANDARDIZED, Settings


def steps(settings, kind):
    return [type(step).__name__ for _, step in make_pipeline(complete(settings, kind), kind).steps]


@pytest.mark.parametrize(
    ("settings", "kind", "expected"),
    [
        (Settings(), "images", ["OneOverFWhitening", "PatchExtractor", "PatchNormalizer"]),
        (Settings(color=True), "images", ["PatchExtractor", "Whitening"]),
        (Settings(whitening="pca"), "images", ["PatchExtractor", "Whitening"]),
        (Settings(whitening="none"), "images", ["PatchExtractor", "PatchNormalizer"]),
        (Settings(whitening="none", patch_size="whole"), "images", ["PatchExtractor"]),
        (Settings(), "rows", ["Whitening"]),
        (Settings(whitening="none"), "rows", []),
        (Settings(scale="all"), "rows", ["Standardization", "Whitening"]),
        (Settings(scale="columns", whitening="none"), "rows", ["Standardization"]),
        (
            Settings(scale="all", whitening="none"),
            "images",
            ["PatchExtractor", "Standardization"],
        ),
        (
            Settings(scale="all", whitening="zca"),
            "images",
            ["PatchExtractor", "Standardization", "Whitening"],
        ),
    ],
)
def test_steps_follow_from_data_and_whitening(settings, kind, expected):
    assert steps(settings, kind) == [*expected, "SparseAutoencoder"]


def test_default_is_the_recipe_of_the_notes():
    settings = complete(Settings(), "images")
    assert (settings.decoder, settings.target, settings.sparsity_weight, settings.weight_decay) == (
        "sigmoid",
        0.01,
        3.0,
        1e-4,
    )


def test_what_the_user_sets_wins():
    chosen = Settings(decoder="tied", target=0.2, sparsity_weight=0.0, weight_decay=0.0, epsilon=0)
    filled = complete(replace(chosen, whitening="zca"), "rows")
    for name in ("decoder", "target", "sparsity_weight", "weight_decay", "epsilon"):
        assert getattr(filled, name) == getattr(chosen, name)


@pytest.mark.parametrize("kind", ["images", "rows"])
@pytest.mark.parametrize("whitening", RECIPES)
@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_choice_makes_a_model_whose_penalty_suits_its_activation(
    kind, whitening, decoder, activation
):
    if kind == "rows" and whitening == "1/f":
        with pytest.raises(ValueError, match="filters images"):
            complete(Settings(whitening=whitening), kind)
        return
    chosen = Settings(whitening=whitening, decoder=decoder, activation=activation)
    model = make_pipeline(complete(chosen, kind), kind)[-1]
    model.sparsity_penalty.check(ACTIVATIONS[activation])
    assert model.decoder == decoder


@pytest.mark.parametrize("penalty", PENALTIES)
def test_penalties_get_the_parameters_that_they_have(penalty):
    model = make_pipeline(complete(Settings(penalty=penalty), "rows"), "rows")[-1]
    assert type(model.sparsity_penalty) is PENALTIES[penalty]


def test_the_number_of_active_units_is_that_of_topk_and_of_no_other_activation():
    settings = complete(Settings(activation="topk", active=7), "rows")
    model = make_pipeline(settings, "rows")[-1]
    assert (model.activation, settings.penalty) == (TopK(7), "none")
    assert make_pipeline(complete(Settings(activation="topk"), "rows"), "rows")[-1].activation == (
        "topk"
    )
    with pytest.raises(ValueError, match="active does not apply to the activation 'relu'"):
        complete(Settings(activation="relu", active=7), "rows")


def test_epsilon_is_a_share_of_the_variance():
    settings = complete(Settings(epsilon=0.1), "rows")
    assert make_pipeline(settings, "rows", variance=50.0)[0].epsilon == pytest.approx(5)


def test_of_standardized_rows_the_variance_is_1_whatever_it_was():
    settings = complete(Settings(epsilon=0.1, scale="columns"), "rows")
    pipeline = make_pipeline(settings, "rows", variance=50.0)
    assert (pipeline[0].scale, pipeline[1].epsilon) == ("columns", pytest.approx(0.1))


@pytest.mark.parametrize("kind", ["images", "rows"])
def test_standardized_rows_have_a_recipe_unless_they_are_whitened(kind):
    plain = complete(Settings(scale="all", whitening="none"), kind)
    assert (plain.decoder, plain.weight_decay) == (STANDARDIZED.decoder, STANDARDIZED.weight_decay)
    assert (plain.target, plain.sparsity_weight) == (0.02, 5.0)
    white = complete(Settings(scale="all", whitening="zca"), kind)
    usual = complete(Settings(whitening="zca"), kind)
    assert white == replace(usual, scale="all")


def test_a_weight_that_is_sought_is_the_penaltys():
    settings = complete(Settings(sparsity_weight="auto"), "rows")
    assert settings.sparsity_weight == "auto"
    assert make_pipeline(settings, "rows")[-1].sparsity_penalty.weight_is_sought


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(epsilon=0.1), "is for zca and pca"),
        (
            Settings(scale="all"),
            "scale standardizes rows, but 1/f whitening already sets the scale",
        ),
        (Settings(penalty="l1", sparsity_weight="auto"), "must be a number for the penalty"),
        (Settings(penalty="l1", target=0.1), "target does not apply"),
        (Settings(penalty="none", sparsity_weight=1), "sparsity-weight does not apply"),
        (Settings(whitening="wash"), "whitening must be one of"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        complete(settings, "images")


@pytest.mark.parametrize("settings", [Settings(color=True), Settings(patch_size=8)])
def test_settings_of_images_are_refused_for_rows(settings):
    with pytest.raises(ValueError, match="is for images"):
        complete(settings, "rows")


def test_rows_that_are_images_are_taken_whole_unless_said_otherwise():
    assert complete(Settings(), "images", rows_are_images=True).patch_size == "whole"
    assert complete(Settings(patch_size=4), "images", rows_are_images=True).patch_size == 4
    assert complete(Settings(), "images").patch_size == 10
