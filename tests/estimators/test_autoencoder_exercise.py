"""The exercise "Sparse Autoencoder" of the notes, against textbook code written out here."""

import numpy as np
import pytest
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from rhohat import KLSparsity, SparseAutoencoder, SparseObjective
from rhohat.training.solvers import SOLVERS
from rhohat.training.stages import growth_stages
from support.fits import constant_loss

LAMBDA, RHO, BETA = 1e-4, 0.01, 3.0


def textbook(theta, X, k):
    """Loss and gradient as a student writes them, one column per example."""
    d, m = X.shape
    W1, W2, b1, b2 = np.split(theta, np.cumsum([k * d, d * k, k]))
    W1, W2 = W1.reshape(k, d), W2.reshape(d, k)
    a2 = 1 / (1 + np.exp(-(W1 @ X + b1[:, None])))
    a3 = 1 / (1 + np.exp(-(W2 @ a2 + b2[:, None])))
    rho_hat = a2.mean(axis=1)
    kl = RHO * np.log(RHO / rho_hat) + (1 - RHO) * np.log((1 - RHO) / (1 - rho_hat))
    loss = np.sum((a3 - X) ** 2) / (2 * m) + BETA * kl.sum()
    loss += LAMBDA / 2 * (np.sum(W1**2) + np.sum(W2**2))
    delta3 = (a3 - X) * a3 * (1 - a3)
    slope = BETA * (-RHO / rho_hat + (1 - RHO) / (1 - rho_hat))
    delta2 = (W2.T @ delta3 + slope[:, None]) * a2 * (1 - a2)
    grads = (
        delta2 @ X.T / m + LAMBDA * W1,
        delta3 @ a2.T / m + LAMBDA * W2,
        delta2.mean(axis=1),
        delta3.mean(axis=1),
    )
    return loss, np.concatenate([grad.ravel() for grad in grads])


@pytest.mark.slow
def test_exercise_ends_within_half_a_percent_of_scipy_on_textbook_code(patches):
    X, k = patches(8, 10_000, seed=0), 25
    d = X.shape[1]
    r = np.sqrt(6 / (d + k + 1))
    start = np.random.RandomState(0).uniform(-r, r, 2 * k * d + k + d)
    start[2 * k * d :] = 0
    with threadpool_limits(1):  # NumPy's and SciPy's threads would fight over the cores
        reference = minimize(
            textbook,
            start,
            args=(X.T.astype(np.float64), k),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 400, "maxfun": 10_000},
        )
    for dtype in (np.float32, np.float64):
        model = SparseAutoencoder(
            k,
            decoder="sigmoid",
            sparsity_penalty=KLSparsity(target=RHO, weight=BETA),
            weight_decay=LAMBDA,
            max_iter=400,
            random_state=0,
        ).fit(X.astype(dtype))
        assert model.loss_ <= 1.005 * reference.fun


def test_textbook_code_and_objective_are_the_same_function(rng):
    k, d, m = 4, 6, 20
    theta, X = 0.3 * rng.randn(2 * k * d + k + d), rng.rand(m, d)
    loss, grad = textbook(theta, X.T, k)
    W1, W2, b1, b2 = np.split(theta, np.cumsum([k * d, d * k, k]))
    penalty = KLSparsity(target=RHO, weight=BETA)
    objective = SparseObjective(d, k, decoder="sigmoid", penalty=penalty, weight_decay=LAMBDA)
    ours, our_grad = objective.loss_grad(
        objective.pack(
            {
                "W_enc": W1.reshape(k, d),
                "b_enc": b1,
                "W_dec": W2.reshape(d, k).T,
                "b_dec": b2,
            }
        ),
        X,
    )
    assert ours == pytest.approx(loss, rel=1e-12)
    parts = objective.unpack(our_grad)
    np.testing.assert_allclose(
        np.concatenate(
            [parts["W_enc"].ravel(), parts["W_dec"].T.ravel(), parts["b_enc"], parts["b_dec"]]
        ),
        grad,
        rtol=1e-10,
        atol=1e-14,
    )


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_lowers_the_same_loss(solver, digits):
    model = SparseAutoencoder(6, solver=solver, max_iter=60, tol=0, random_state=0).fit(digits)
    assert (np.diff(model.loss_curve_) <= 0).all()
    assert model.loss_ < 0.5 * constant_loss(digits) < 0.7 * model.loss_curve_[0]


@pytest.mark.slow
def test_growing_stages_are_a_matter_of_speed_only(patches, early_growth):
    """The same objective on all rows is reached with and without growth, to half a percent."""
    X = patches(6, 6000, seed=0)
    assert len(growth_stages(len(X), 300)) == 3
    losses = [
        SparseAutoencoder(
            10, sparsity_penalty=KLSparsity(0.05), growth=growth, max_iter=300, random_state=0
        )
        .fit(X)
        .loss_
        for growth in (True, False)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=5e-3)
