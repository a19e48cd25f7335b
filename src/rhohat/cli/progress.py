"""Progress of training, shown while it runs: on a terminal, in a notebook, or in a log file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeAlias

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from rhohat.training.run import IterationCallback, TrainingProgress

#: Seconds between two updates in a notebook.
NOTEBOOK_INTERVAL = 0.1

#: How a display shows an iteration, and the line at the end.
Display: TypeAlias = tuple[Callable[[TrainingProgress], None], Callable[[str], None]]


@contextmanager
def show_progress() -> Iterator[IterationCallback]:
    """Show loss terms, average activation and remaining time during training.

    Two live lines on standard error if it is a terminal, or below the cell of a notebook; elsewhere
    only one line at the end.

    Yields
    ------
    callback : callable
        To be passed as ``SparseAutoencoder(callback=...)``.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import SparseAutoencoder, show_progress
    >>> with show_progress() as callback:
    ...     model = SparseAutoencoder(9, max_iter=5, callback=callback).fit(load_digits().data / 16)
    """
    console = Console(stderr=True)
    show = _in_notebook if console.is_jupyter else _on_terminal if console.is_terminal else _in_log
    last: list[TrainingProgress] = []
    started = time.perf_counter()
    with show(console) as (tell, finish):

        def callback(progress: TrainingProgress) -> None:
            last[:] = [progress]
            tell(progress)

        yield callback
    if last:
        seconds = time.perf_counter() - started
        finish(f"trained in {seconds:.1f} s: {iteration_text(last[0])}, {loss_text(last[0])}")


@contextmanager
def show_work(text: str) -> Iterator[None]:
    """Say on a terminal what is going on, and for how long, until it is done."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(text, total=None)
        yield


def iteration_text(progress: TrainingProgress) -> str:
    """Where training stands."""
    return f"iteration {progress.n_iter}/{progress.max_iter} on {progress.n_rows:,} rows"


def loss_text(progress: TrainingProgress) -> str:
    """The loss and its terms, and the average activation."""
    loss = progress.loss
    return (
        f"loss {loss.total:.4f} = {loss.reconstruction:.4f} error + {loss.weight_decay:.4f} decay "
        f"+ {loss.sparsity:.4f} sparsity, rho_hat {progress.average_activation.mean():.4f}"
    )


@contextmanager
def _in_log(console: Console) -> Iterator[Display]:
    """Nothing but the line at the end."""
    yield lambda progress: None, _line_on(console)


class _TwoLines(Progress):
    """rich's progress with a line of text below."""

    loss = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        """The bar, and the loss."""
        yield self.make_tasks_table(self.tasks)
        yield Text(self.loss)


@contextmanager
def _on_terminal(console: Console) -> Iterator[Display]:
    """Bar and remaining time, with the loss below them; both lines fit 80 columns."""
    lines = _TwoLines(
        TextColumn("training"),
        BarColumn(bar_width=24),
        TextColumn("{task.description}"),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=console,
        transient=True,
    )
    task = lines.add_task("preparing data", total=1.0)

    def tell(progress: TrainingProgress) -> None:
        lines.loss = loss_text(progress)
        description = iteration_text(progress)
        lines.update(task, completed=progress.work_done, description=description)

    with lines:
        yield tell, _line_on(console)


@contextmanager
def _in_notebook(console: Console) -> Iterator[Display]:
    """Text below a notebook's cell, replaced a few times a second as training goes on."""
    from IPython.display import display

    handle = display({"text/plain": "preparing data"}, raw=True, display_id=True)
    started = updated = time.perf_counter()

    def put(text: str) -> None:
        handle.update({"text/plain": text}, raw=True)

    def tell(progress: TrainingProgress) -> None:
        nonlocal updated
        now = time.perf_counter()
        if now - updated < NOTEBOOK_INTERVAL:
            return
        updated = now
        done = progress.work_done
        left = (now - started) * (1 - done) / done
        bar = "#" * round(24 * done) + "-" * round(24 * (1 - done))
        put(f"{bar}  {iteration_text(progress)}, {left:.0f} s left\n{loss_text(progress)}")

    yield tell, put


def _line_on(console: Console) -> Callable[[str], None]:
    """What prints a line of plain text."""
    return partial(console.print, highlight=False, soft_wrap=True)
