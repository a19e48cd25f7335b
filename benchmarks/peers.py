"""The same objective as a good user of other libraries would write it.

Every function takes a `Problem` and returns a list of evaluations to time, or minimizes until a
loss is reached. Weights are laid out as in the notes: W1 (k, d), b1, W2 (d, k), b2.
"""

import time

import numpy as np
import scipy.optimize

HISTORY = 100  # steps that quasi-Newton methods remember, where they can be told
ITERATIONS = 400


class Reached(Exception):
    """The loss that was asked for."""


class Clock:
    """Stops a run when its loss is low enough, or its time is up."""

    def __init__(self, goal, limit):
        self.goal, self.limit = goal, limit
        self.best = np.inf
        self.started = time.perf_counter()
        self.seconds = None

    def tell(self, loss):
        now = time.perf_counter() - self.started
        self.best = min(self.best, float(loss))
        if self.best <= self.goal:
            self.seconds = now
            raise Reached
        if now > self.limit:
            raise Reached


def split(theta, d, k):
    W1, b1, W2, b2 = np.split(theta, np.cumsum([k * d, k, d * k]))
    return W1.reshape(k, d), b1, W2.reshape(d, k), b2


def join(parts):
    return np.concatenate([np.ravel(part) for part in parts])


# Textbook NumPy


def textbook(problem, dtype=np.float64):
    """loss_grad of the exercise, vectorized."""
    X = problem.X.astype(dtype)
    m, d = X.shape
    k, rho, beta, lam = (
        problem.n_components,
        problem.target,
        problem.weight,
        problem.weight_decay,
    )
    is_linear = problem.decoder == "linear"

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def loss_grad(theta):
        W1, b1, W2, b2 = (part.astype(dtype, copy=False) for part in split(theta, d, k))
        a2 = sigmoid(X @ W1.T + b1)
        z3 = a2 @ W2.T + b2
        a3 = z3 if is_linear else sigmoid(z3)
        rho_hat = a2.mean(axis=0)
        kl = rho * np.log(rho / rho_hat) + (1 - rho) * np.log((1 - rho) / (1 - rho_hat))
        loss = (
            np.sum((a3 - X) ** 2) / (2 * m)
            + lam / 2 * (np.sum(W1**2) + np.sum(W2**2))
            + beta * np.sum(kl)
        )
        delta3 = a3 - X if is_linear else (a3 - X) * a3 * (1 - a3)
        slope = beta * (-rho / rho_hat + (1 - rho) / (1 - rho_hat))
        delta2 = (delta3 @ W2 + slope) * a2 * (1 - a2)
        grad = (
            delta2.T @ X / m + lam * W1,
            delta2.mean(axis=0),
            delta3.T @ a2 / m + lam * W2,
            delta3.mean(axis=0),
        )
        return float(loss), join(grad).astype(np.float64)

    return loss_grad


# PyTorch


def torch_loss(problem, compiled, device="cpu"):
    """(loss, parameters) with autograd."""
    import torch

    X = torch.tensor(problem.X, device=device)
    m = len(X)
    rho, beta, lam = problem.target, problem.weight, problem.weight_decay
    is_linear = problem.decoder == "linear"
    parameters = [
        torch.tensor(part, dtype=torch.float32, device=device, requires_grad=True)
        for part in problem.start()
    ]

    def loss(X, W1, b1, W2, b2):
        a2 = torch.sigmoid(torch.nn.functional.linear(X, W1, b1))
        z3 = torch.nn.functional.linear(a2, W2, b2)
        a3 = z3 if is_linear else torch.sigmoid(z3)
        rho_hat = a2.mean(dim=0)
        kl = rho * torch.log(rho / rho_hat) + (1 - rho) * torch.log((1 - rho) / (1 - rho_hat))
        return (
            ((a3 - X) ** 2).sum() / (2 * len(X))
            + lam / 2 * ((W1**2).sum() + (W2**2).sum())
            + beta * kl.sum()
        )

    if compiled:
        loss = torch.compile(loss)
        loss(X, *parameters).backward()  # compile now
        for parameter in parameters:
            parameter.grad = None
    return X, m, loss, parameters


def torch_evaluation(problem, compiled):
    X, _, loss, parameters = torch_loss(problem, compiled)

    def evaluate():
        for parameter in parameters:
            parameter.grad = None
        value = loss(X, *parameters)
        value.backward()
        return value.item()

    return evaluate


def torch_lbfgs(problem, clock, compiled, history=HISTORY, device="cpu"):
    import torch

    X, _, loss, parameters = torch_loss(problem, compiled, device)
    clock.started = time.perf_counter()  # compiling is not counted
    optimizer = torch.optim.LBFGS(
        parameters,
        max_iter=10 * ITERATIONS,
        max_eval=20 * ITERATIONS,
        history_size=history,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure():
        optimizer.zero_grad()
        value = loss(X, *parameters)
        value.backward()
        clock.tell(value.detach())
        return value

    optimizer.step(closure)


def torch_adam(problem, clock, batch=1000, rate=3e-3, compiled=False, device="cpu"):
    import torch

    X, m, loss, parameters = torch_loss(problem, compiled, device)
    clock.started = time.perf_counter()  # compiling is not counted
    optimizer = torch.optim.Adam(parameters, lr=rate)
    generator = torch.Generator().manual_seed(0)
    while True:
        for rows in torch.randperm(m, generator=generator).to(device).split(batch):
            optimizer.zero_grad()
            loss(X[rows], *parameters).backward()
            optimizer.step()
        with torch.no_grad():
            clock.tell(loss(X, *parameters))


# JAX


def jax_loss(problem, ours=False):
    """Jitted value_and_grad, and where it starts; `ours` in rhohat's variables, from its start."""
    import jax
    import jax.numpy as jnp

    X = jnp.asarray(problem.X)
    rho, beta, lam = problem.target, problem.weight, problem.weight_decay
    is_linear = problem.decoder == "linear"
    mean, scale = 0.0, 1.0
    start = problem.start()
    if ours:
        variables, q = our_variables(problem)
        mean = jnp.asarray(variables.mean, jnp.float32)
        scale = variables.scale
        parts = variables.objective.unpack(q)
        start = parts["W_enc"], parts["b_enc"], parts["W_dec"].T, parts["b_dec"]

    def loss(parameters):
        W1, b1, W2, b2 = parameters
        W1 = W1 / scale
        b1 = b1 - W1 @ mean if ours else b1
        a2 = jax.nn.sigmoid(X @ W1.T + b1)
        z3 = a2 @ W2.T + b2
        a3 = z3 if is_linear else jax.nn.sigmoid(z3)
        rho_hat = a2.mean(axis=0)
        kl = rho * jnp.log(rho / rho_hat) + (1 - rho) * jnp.log((1 - rho) / (1 - rho_hat))
        return (
            jnp.sum((a3 - X) ** 2) / (2 * len(X))
            + lam / 2 * (jnp.sum(W1**2) + jnp.sum(W2**2))
            + beta * jnp.sum(kl)
        )

    start = tuple(jnp.asarray(part, jnp.float32) for part in start)
    return jax.jit(jax.value_and_grad(loss)), loss, start


def our_variables(problem):
    """rhohat's variables for the problem, and the vector of all weights that it starts from."""
    from problems import standardized_start

    from rhohat.rows.engines import ThreadEngine
    from rhohat.rows.partition import Partition
    from rhohat.rows.sources import ArraySource

    engine, source = ThreadEngine(), ArraySource(problem.X)
    partition = Partition.for_shape(problem.X.shape[1], problem.n_components, problem.X.dtype)
    with engine.running():
        return standardized_start(problem.objective, source, engine, partition)


def jax_evaluation(problem):
    import jax

    value_and_grad, _, start = jax_loss(problem)
    return lambda: jax.block_until_ready(value_and_grad(start))


def jax_scipy(problem, clock, ours=False):
    import jax
    import jax.numpy as jnp

    value_and_grad, _, start = jax_loss(problem, ours)
    d, k = problem.X.shape[1], problem.n_components
    jax.block_until_ready(value_and_grad(start))  # compile now
    clock.started = time.perf_counter()

    def loss_grad(theta):
        loss, grad = value_and_grad(
            tuple(jnp.asarray(part, jnp.float32) for part in split(theta, d, k))
        )
        clock.tell(loss)
        return float(loss), join(grad).astype(np.float64)

    minimize(loss_grad, join(start).astype(np.float64))


def jax_optax(problem, clock):
    import jax
    import optax

    _, loss, parameters = jax_loss(problem)
    solver = optax.lbfgs(memory_size=HISTORY)
    state = solver.init(parameters)
    value_and_grad_of = optax.value_and_grad_from_state(loss)

    @jax.jit
    def step(parameters, state):
        value, grad = value_and_grad_of(parameters, state=state)
        updates, state = solver.update(
            grad, state, parameters, value=value, grad=grad, value_fn=loss
        )
        return optax.apply_updates(parameters, updates), state, value

    jax.block_until_ready(step(parameters, state))  # compile now
    clock.started = time.perf_counter()
    while True:
        parameters, state, value = step(parameters, state)
        clock.tell(value)


def jax_kfac(problem, clock, damping=1.0):
    """K-FAC of kfac-jax with adaptive rate, momentum and damping, on all rows at every step.

    It knows the curvature of error and decay; that of the penalty has no place in it.
    """
    import jax
    import jax.numpy as jnp
    import kfac_jax

    rho, beta, lam = problem.target, problem.weight, problem.weight_decay
    is_linear = problem.decoder == "linear"
    W1, b1, W2, b2 = problem.start()
    start = {"W1": W1.T, "b1": b1, "W2": W2.T, "b2": b2}
    start = {name: jnp.asarray(part, jnp.float32) for name, part in start.items()}

    def loss(parameters, X):
        a2 = jax.nn.sigmoid(X @ parameters["W1"] + parameters["b1"])
        z3 = a2 @ parameters["W2"] + parameters["b2"]
        a3 = z3 if is_linear else jax.nn.sigmoid(z3)
        kfac_jax.register_normal_predictive_distribution(a3, X, weight=1.0, variance=1.0)
        rho_hat = a2.mean(axis=0)
        kl = rho * jnp.log(rho / rho_hat) + (1 - rho) * jnp.log((1 - rho) / (1 - rho_hat))
        return (
            jnp.sum((a3 - X) ** 2) / (2 * len(X))
            + lam / 2 * (jnp.sum(parameters["W1"] ** 2) + jnp.sum(parameters["W2"] ** 2))
            + beta * jnp.sum(kl)
        )

    def steps():
        X, key = jnp.asarray(problem.X), jax.random.PRNGKey(0)
        parameters = jax.tree.map(jnp.array, start)  # the optimizer takes its arguments away
        state = optimizer.init(parameters, key, X)
        for number in range(20 * ITERATIONS):
            key, drawn = jax.random.split(key)
            parameters, state, told = optimizer.step(
                parameters, state, drawn, batch=X, global_step_int=number
            )
            yield told["loss"]

    optimizer = kfac_jax.Optimizer(
        jax.value_and_grad(loss),
        l2_reg=lam,
        use_adaptive_learning_rate=True,
        use_adaptive_momentum=True,
        use_adaptive_damping=True,
        initial_damping=damping,
        inverse_update_period=1,
        num_burnin_steps=0,
        multi_device=False,
    )
    for _ in zip(range(12), steps(), strict=False):
        pass  # compile now
    clock.started = time.perf_counter()
    for value in steps():
        clock.tell(value)


# SciPy


def minimize(loss_grad, theta, max_iter=10 * ITERATIONS):
    return scipy.optimize.minimize(
        loss_grad,
        theta,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iter, "maxfun": 20 * max_iter, "maxcor": 20, "ftol": 0, "gtol": 0},
    )


def textbook_scipy(problem, clock, dtype=np.float64):
    evaluate = textbook(problem, dtype)

    def loss_grad(theta):
        loss, grad = evaluate(theta)
        clock.tell(loss)
        return loss, grad

    minimize(loss_grad, join(problem.start()))
