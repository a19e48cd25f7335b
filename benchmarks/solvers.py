"""Our L-BFGS against SciPy's on the headline problem, in the plain parameters, for the same start.

    python benchmarks/solvers.py [--iterations 400]

20,000 patches, 100-100-100, all rows in every iteration, no change of variables: only the solver
differs. Prints loss and evaluations for several lengths of memory.
"""

import argparse

import numpy as np
import problems
from scipy.optimize import minimize

from rhohat import LBFGS
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.partition import Partition
from rhohat.rows.sources import ArraySource


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=400)
    iterations = parser.parse_args().iterations

    problem = problems.headline()
    X, objective = problem.X, problem.objective
    r = np.sqrt(6 / 201)
    theta0 = np.random.RandomState(0).uniform(-r, r, objective.n_parameters)
    parts = objective.unpack(theta0)
    parts["b_enc"][:] = parts["b_dec"][:] = 0
    source, partition = ArraySource(X), Partition.for_shape(100, 100, X.dtype)
    engine = ThreadEngine()

    def loss_grad(theta):
        total = engine.map_sum(lambda rows: objective.terms(rows.X, theta), source, partition)
        return objective.finish(total, theta)

    print("| memory | SciPy loss | evaluations | our loss | evaluations |")
    print("|---|---|---|---|---|")
    with engine.running():
        for memory in (10, 20, 50):
            options = {"maxiter": iterations, "maxcor": memory, "ftol": 0, "gtol": 0}
            scipy = minimize(
                loss_grad,
                theta0,
                jac=True,
                method="L-BFGS-B",
                options={**options, "maxfun": 10 * iterations},
            )
            ours = LBFGS(memory).minimize(loss_grad, theta0, max_iter=iterations, tol=0).state
            print(
                f"| {memory} | {scipy.fun:.4f} | {scipy.nfev} "
                f"| {ours.loss:.4f} | {ours.n_evaluations} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
