"""Progress of training, shown while it runs: on a terminal, in a notebook, or in a log file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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


@contextmanager
def show_progress() -> Iterator[IterationCallback]:
    """Show loss terms, average activation and remaining time while training.

    Two live lines on a terminal, on standard error, and in a notebook below the cell; elsewhere
    nothing but the line at the end.

    Yields
    ------
    callback : callable
        For ``SparseAutoencoder(callback=...)``.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import SparseAutoencoder, show_progress
    >>> with show_progress() as callback:
    ...     model = SparseAutoencoder(9, max_iter=5, callback=callback).fit(load_digits().data / 16)
    """
    console = Console(stderr=True)
    display = _display(console)
    last: list[TrainingProgress] = []
    started = time.perf_counter()

    def callback(progress: TrainingProgress) -> None:
        last[:] = [progress]
        display.tell(progress)

    with display:
        yield callback
    if last:
        seconds = time.perf_counter() - started
        text = f"trained in {seconds:.1f} s: {iteration_text(last[0])}, {loss_text(last[0])}"
        display.finish(text)


@contextmanager
def show_work(text: str) -> Iterator[None]:
    """Say on a terminal what goes on, and for how long, until it is done; elsewhere nothing."""
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


class _Log:
    """Nothing but the line at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass

    def tell(self, progress: TrainingProgress) -> None:
        """Do nothing."""

    def finish(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, highlight=False, soft_wrap=True)


class _Terminal(_Log):
    """Bar and remaining time, and below them the loss: both fit 80 columns."""

    class TwoLines(Progress):
        """rich's progress with a line of text below."""

        loss = ""

        def get_renderables(self) -> Iterator[RenderableType]:
            """Bar, and loss."""
            yield self.make_tasks_table(self.tasks)
            yield Text(self.loss)

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._lines = self.TwoLines(
            TextColumn("training"),
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            transient=True,
        )
        self._task = self._lines.add_task("preparing data", total=1.0)

    def __enter__(self) -> None:
        self._lines.start()

    def __exit__(self, *error: object) -> None:
        self._lines.stop()

    def tell(self, progress: TrainingProgress) -> None:
        """Move the bar on."""
        self._lines.loss = loss_text(progress)
        description = iteration_text(progress)
        self._lines.update(self._task, completed=progress.work_done, description=description)


class _Notebook(_Log):
    """Text below a notebook's cell, replaced as training goes on."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._started = self._updated = time.perf_counter()

    def __enter__(self) -> None:
        from IPython.display import display

        self._handle: Any = display(_plain("preparing data"), raw=True, display_id=True)

    def tell(self, progress: TrainingProgress) -> None:
        """Show bar, remaining time and loss, a few times a second."""
        now = time.perf_counter()
        if now - self._updated < NOTEBOOK_INTERVAL:
            return
        self._updated = now
        done = progress.work_done
        left = (now - self._started) * (1 - done) / done
        bar = "#" * round(24 * done) + "-" * round(24 * (1 - done))
        text = f"{bar}  {iteration_text(progress)}, {left:.0f} s left\n{loss_text(progress)}"
        self._handle.update(_plain(text), raw=True)

    def finish(self, text: str) -> None:
        """Leave one line in place of the others."""
        self._handle.update(_plain(text), raw=True)


def _plain(text: str) -> dict[str, str]:
    return {"text/plain": text}


def _display(console: Console) -> _Log:
    """The display for where the console writes."""
    if console.is_jupyter:
        return _Notebook(console)
    return _Terminal(console) if console.is_terminal else _Log(console)
