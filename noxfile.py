#!/usr/bin/env -S python3
# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""The commands of CONTRIBUTING.md, each in an environment of its own: ``nox -l`` lists them."""

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True


@nox.session(python=["3.11", "3.12", "3.13", "3.14"], default=False)
def tests(session: nox.Session) -> None:
    """All tests, or those that are named: ``nox -s tests-3.12 -- tests/objective``."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Lint, format, types, and how well the packages are kept apart."""
    session.install("-e", ".[test,lint,docs]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")
    session.run("python", ".ci/rooms.py")
    session.run("validate-pyproject", "pyproject.toml")
    session.run("sp-repo-review", ".")


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """The documentation, with the gallery executed."""
    session.install("-e", ".[docs,test]")
    session.run("sphinx-build", "-q", "-W", "--keep-going", "docs", "docs/_build/html")
    session.run("python", ".ci/site.py", "docs/_build/html")


@nox.session(default=False)
def packages(session: nox.Session) -> None:
    """Wheel and source distribution, in dist/, built in every way and tried on every Python."""
    session.run("python", ".ci/packages.py", "dist")


@nox.session(default=False)
def numbers(session: nox.Session) -> None:
    """Numbers and figures of README and docs anew: ``nox -s numbers -- all --data DATA``."""
    session.install("-e", ".[test,bench]")
    session.run("python", "docs/regenerate.py", *session.posargs)


@nox.session(default=False)
def links(session: nox.Session) -> None:
    """Links from the docs to other sites, which need a network."""
    session.install("-e", ".[docs]")
    options = ["-D", "plot_gallery=0", "-b", "linkcheck"]
    session.run("sphinx-build", "-q", *options, "docs", "docs/_build/links")


if __name__ == "__main__":
    nox.main()
