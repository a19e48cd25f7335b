"""Parameters of a penalty that is given by its name."""

import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import KLSparsity, L1Sparsity, SparseAutoencoder, StackedAutoencoderClassifier


@pytest.mark.parametrize(
    ("before", "changes", "penalty"),
    [
        ("kl", {"target": 0.1}, KLSparsity(target=0.1)),
        ("l1", {"weight": 0.5}, L1Sparsity(weight=0.5)),
        (KLSparsity(weight=2.0), {"target": 0.1}, KLSparsity(target=0.1, weight=2.0)),
    ],
)
@pytest.mark.parametrize("cls", [SparseAutoencoder, StackedAutoencoderClassifier])
def test_parameters_of_a_penalty_can_be_set_also_where_it_is_a_name(cls, before, changes, penalty):
    model = cls(sparsity_penalty=before)
    nested = {f"sparsity_penalty__{name}": value for name, value in changes.items()}
    assert model.set_params(**nested) is model
    assert repr(model.sparsity_penalty) == repr(penalty)
    assert repr(clone(model).sparsity_penalty) == repr(penalty)


def test_a_name_and_its_parameters_can_be_set_at_once():
    model = SparseAutoencoder().set_params(sparsity_penalty="l1", sparsity_penalty__weight=0.5)
    assert repr(model.sparsity_penalty) == repr(L1Sparsity(weight=0.5))


def test_a_parameter_that_a_penalty_lacks_is_named():
    with pytest.raises(ValueError, match="'soap'"):
        SparseAutoencoder().set_params(sparsity_penalty__soap=1)
    assert SparseAutoencoder().set_params(n_components=3).sparsity_penalty == "kl"


def test_grid_search_needs_no_object_of_the_penalty(digits):
    model = make_pipeline(StandardScaler(), SparseAutoencoder(3, max_iter=2, random_state=0))
    grid = {"sparseautoencoder__sparsity_penalty__target": [0.05, 0.1]}
    found = GridSearchCV(model, grid, cv=2).fit(digits[:100])
    assert len(found.cv_results_["params"]) == 2
