"""NamedPenalty: parameters of a sparsity penalty that is given by its name."""

from __future__ import annotations

from typing import Any, Self

from sklearn.base import BaseEstimator

from rhohat.objective.penalties import penalty_of

#: What parameters of the penalty begin with.
PREFIX = "sparsity_penalty__"


class NamedPenalty(BaseEstimator):
    """An estimator whose ``sparsity_penalty`` may be a name, and still has parameters to search."""

    sparsity_penalty: Any

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the estimator, or of what it is made of.

        Parameters
        ----------
        **params
            As in scikit-learn. ``sparsity_penalty__target=0.1`` works also where the penalty is a
            name, such as "kl": it then becomes that penalty, here ``KLSparsity(target=0.1)``.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        penalty = params.get("sparsity_penalty", self.sparsity_penalty)
        if isinstance(penalty, str) and any(name.startswith(PREFIX) for name in params):
            params["sparsity_penalty"] = penalty_of(penalty, "sparsity_penalty")
        super().set_params(**params)
        return self
