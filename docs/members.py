"""What the reference shows: which members of a class, and whose docstrings are checked."""

import inspect
from importlib import import_module

import rhohat
from rhohat.objective.activations import Activation
from rhohat.objective.corruption import Corruption
from rhohat.objective.penalty import SparsityPenalty
from rhohat.preprocessing.steps import Step
from rhohat.training.solvers import Solver

#: What the parts of the package ask of each other; see "How to extend".
HOOKS = {
    *(
        name
        for base in (Activation, Corruption, Step, SparsityPenalty, Solver)
        for name in vars(base)
    ),
    *("check_settings", "map_sum", "running", "pack", "get_params", "set_params"),
    *("kept_bytes", "learn", "rebuilds_input", "refuse_targets"),
    *("resident_bytes", "takes_wholes", "targets_of"),
}
#: What scikit-learn's estimators have. Other methods for users have a section in their docstring.
CONVENTIONAL = {
    *("fit", "partial_fit", "transform", "inverse_transform", "fit_transform", "score"),
    *("score_samples", "predict", "predict_proba", "decision_function", "fit_predict"),
}
#: Classes whose page is for those who write another.
BASES = {"Corruption", "SparsityPenalty", "SparseObjective"}


def written_here(member):
    """Whether a member is of this package, not from a base that comes from elsewhere."""
    function = getattr(member, "fget", None) or getattr(member, "func", None) or member
    return getattr(function, "__module__", "").startswith("rhohat")


def is_for_users(cls, member):
    """Whether users call a member, or only other parts of the package."""
    value = inspect.getattr_static(cls, member)
    is_method = inspect.isroutine(getattr(cls, member))
    told = "---" in (getattr(value, "__doc__", None) or "") or member in CONVENTIONAL
    return member not in HOOKS and (told or not is_method)


def members(module, name):
    """Names of the methods and properties to show, and of the methods that are scikit-learn's."""
    cls = getattr(import_module(module), name)
    found = {
        member: inspect.getattr_static(cls, member)
        for member in dir(cls)
        if not member.startswith("_") and (name in BASES or is_for_users(cls, member))
    }
    methods = [
        member
        for member in found
        if inspect.isfunction(getattr(cls, member)) or inspect.ismethod(getattr(cls, member))
    ]
    own = [member for member in found if written_here(found[member])]
    return (
        [member for member in methods if member in own],
        [member for member in own if member not in methods and hasattr(found[member], "__get__")],
        [
            member
            for member in methods
            if getattr(getattr(cls, member), "__module__", "").startswith("sklearn")
        ],
    )


def results():
    """Classes that functions return: users never call them, so attributes stand for parameters."""
    return [
        name
        for name in rhohat.__all__
        if any(
            hasattr(getattr(rhohat, name), mark)
            for mark in ("__dataclass_fields__", "_fields", "_repr_html_")
        )
    ]
