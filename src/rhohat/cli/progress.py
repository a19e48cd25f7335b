"""Progress of training, shown while it runs: on a terminal, in a notebook, or in a log file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rhohat import TrainingProgress
    from rhohat.inspection.report.exploration import ExplorationProgress

#: Seconds between two updates in a notebook.
NOTEBOOK_INTERVAL = 0.1
#: Seconds between two lines in a log.
LOG_INTERVAL = 10.0
#: Columns from which everything is shown, and which the bar's line has at most.
WIDE, WIDEST = 76, 80


class ProgressCallback:
    """What `show_progress` yields; it shows iterations until its block has ended.

    A model keeps it as a parameter: copied to another process, or called by a later fit, it shows
    nothing.
    """

    def __init__(self, display: _Display | None = None) -> None:
        self._display = display

    def __call__(self, progress: TrainingProgress) -> None:
        """Show an iteration."""
        if self._display is not None:
            self._display.tell(progress)

    def end(self) -> None:
        """Show nothing from now on."""
        self._display = None

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # scikit-learn copies parameters when it clones a model

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()

    def __repr__(self) -> str:
        return "<callback of show_progress>"


@contextmanager
def show_progress() -> Iterator[ProgressCallback]:
    """Show loss terms, average activation and remaining time during training.

    It shows two live lines on standard error if that is a terminal, or below the cell of a
    notebook; elsewhere, only one line at the end.

    Yields
    ------
    callback : callable
        To be passed as ``SparseAutoencoder(callback=...)``. After the block, it no longer shows
        anything; it can be pickled, and shows nothing in another process.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import SparseAutoencoder, show_progress
    >>> with show_progress() as callback:
    ...     model = SparseAutoencoder(9, max_iter=5, callback=callback).fit(load_digits().data / 16)
    """
    from rich.console import Console

    console = Console(stderr=True)
    display: _Display = _InLog()
    if console.is_jupyter:
        display = _InNotebook()
    elif console.is_terminal:
        display = _OnTerminal("preparing")
    started = time.perf_counter()
    with _shown_on(display) as callback:
        yield callback
    if display.last is not None:
        seconds, last = time.perf_counter() - started, display.last
        text = f"trained in {seconds:.1f} s: {iteration_text(last)}, {loss_text(last)}"
        display.finish(text)


@contextmanager
def show_training(preparation: str) -> Iterator[ProgressCallback]:
    """Show two phases of a command: the preparation, then learning."""
    is_terminal = sys.stderr.isatty()
    display = _OnTerminal(preparation) if is_terminal else _InLog(preparation, "learning")
    with _shown_on(display) as callback:
        yield callback


@contextmanager
def show_work(phase: str) -> Iterator[None]:
    """Name a phase of a command until it is done: with a clock on a terminal, else in a line."""
    if not sys.stderr.isatty():
        _say(phase)
        yield
        return
    with _spinner(phase):
        yield


@contextmanager
def show_fits() -> Iterator[Callable[[ExplorationProgress], None]]:
    """Show how many fits are done: with remaining time on a terminal, else in a line now and then.

    Yields
    ------
    callback : callable
        To be passed to `explore`.
    """
    if not sys.stderr.isatty():
        yield _fits_in_log()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(compact=True)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("first fit", total=None)

        def tell(progress: ExplorationProgress) -> None:
            done, total = progress.n_done, progress.n_cells
            bar.update(task, completed=done, total=total, description=f"{done} of {total} fits")

        yield tell


def _fits_in_log() -> Callable[[ExplorationProgress], None]:
    """A callback that writes a line every few seconds."""
    from rhohat.cli.text import duration  # and with it click, which Python does not need

    _say("exploring")
    told = time.perf_counter()

    def tell(progress: ExplorationProgress) -> None:
        nonlocal told
        now = time.perf_counter()
        if now - told >= LOG_INTERVAL and progress.n_done < progress.n_cells:
            told = now
            left = duration(progress.seconds_left)
            _say(f"{progress.n_done} of {progress.n_cells} fits, about {left} left")

    return tell


def _say(line: str) -> None:
    """Write a line to standard error; without click, which only the command needs."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def iteration_text(progress: TrainingProgress) -> str:
    """Where training stands."""
    return f"iteration {progress.n_iter}/{progress.max_iter} on {progress.n_rows:,} rows"


def loss_text(progress: TrainingProgress) -> str:
    """The loss and its terms, and the average activation."""
    loss = progress.loss
    return (
        f"loss {loss.total:.4f} = {loss.reconstruction:.4f} error + {loss.weight_decay:.4f} weight "
        f"decay + {loss.sparsity:.4f} sparsity, rho_hat {progress.average_activation.mean():.4f}"
    )


def _short_loss_text(progress: TrainingProgress) -> str:
    """The same for narrow terminals."""
    average = progress.average_activation.mean()
    return f"loss {progress.loss.total:.4f}, rho_hat {average:.4f}"


@contextmanager
def _shown_on(display: _Display) -> Iterator[ProgressCallback]:
    """A callback that is told on a display, until the block ends."""
    callback = ProgressCallback(display)
    try:
        with display:
            yield callback
    finally:
        callback.end()


class _Display(ExitStack):
    """How iterations are shown, within a block.

    Attributes
    ----------
    last : TrainingProgress or None
        What was told last.
    """

    last: TrainingProgress | None = None

    def tell(self, progress: TrainingProgress) -> None:
        """Show an iteration."""
        self.last = progress

    def finish(self, text: str) -> None:
        """Show the line at the end."""
        _say(text)


class _InLog(_Display):
    """Nothing but a line for each phase, if they have names."""

    def __init__(self, preparation: str = "", learning: str = "") -> None:
        super().__init__()
        self._preparation, self._learning = preparation, learning

    def __enter__(self) -> Self:
        if self._preparation:
            _say(self._preparation)
        return super().__enter__()

    def tell(self, progress: TrainingProgress) -> None:
        """Say once that learning has begun."""
        if self.last is None and self._learning:
            _say(self._learning)
        super().tell(progress)


class _OnTerminal(_Display):
    """A spinner until the first iteration; then bar, remaining time, and the loss below them."""

    def __init__(self, preparation: str) -> None:
        super().__init__()
        self._preparation = preparation
        self._bar: Callable[[TrainingProgress], None] | None = None

    def __enter__(self) -> Self:
        self.enter_context(_spinner(self._preparation))
        return super().__enter__()

    def tell(self, progress: TrainingProgress) -> None:
        """Move the bar."""
        if self._bar is None:
            self.close()  # ends the spinner
            self._bar = self.enter_context(_bar(progress))
        self._bar(progress)
        super().tell(progress)


class _InNotebook(_Display):
    """Text below a notebook's cell, replaced a few times a second as training goes on."""

    def __enter__(self) -> Self:
        from IPython.display import display

        self._handle = display({"text/plain": "preparing data"}, raw=True, display_id=True)
        self._started = self._updated = time.perf_counter()
        return super().__enter__()

    def tell(self, progress: TrainingProgress) -> None:
        """Replace the text."""
        super().tell(progress)
        now = time.perf_counter()
        if now - self._updated < NOTEBOOK_INTERVAL:
            return
        self._updated = now
        done = progress.work_done
        left = (now - self._started) * (1 - done) / done
        bar = "#" * round(24 * done) + "-" * round(24 * (1 - done))
        self.finish(f"{bar}  {iteration_text(progress)}, {left:.0f} s left\n{loss_text(progress)}")

    def finish(self, text: str) -> None:
        """Replace the text by the line at the end."""
        self._handle.update({"text/plain": text}, raw=True)


def _spinner(phase: str) -> AbstractContextManager[Any]:
    """A spinner with the name of a phase, and how long it has been going on."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    progress.add_task(phase, total=None)
    return progress


@contextmanager
def _bar(first: TrainingProgress) -> Iterator[Callable[[TrainingProgress], None]]:
    """Bar and remaining time, with the loss below them; what does not fit is left out."""
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column
    from rich.text import Text

    console = Console(stderr=True)
    is_wide = console.width >= WIDE

    class TwoLines(Progress):
        """rich's progress with a line of text below."""

        loss = ""

        def get_renderables(self) -> Iterator[RenderableType]:
            """The bar, and the loss."""
            table = self.make_tasks_table(self.tasks)
            table.expand, table.width = True, min(console.width, WIDEST)
            yield table
            yield Text(self.loss)

    columns = [
        TextColumn("learning"),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        TextColumn("{task.description}"),
        TimeRemainingColumn(compact=True),
    ]
    columns += [TextColumn("left")] if is_wide else []
    lines = TwoLines(*columns, console=console, transient=True)
    task = lines.add_task("", total=1.0)

    def tell(progress: TrainingProgress) -> None:
        lines.loss = loss_text(progress) if is_wide else _short_loss_text(progress)
        where = f"{progress.n_iter}/{progress.max_iter}"
        description = iteration_text(progress) if is_wide else where
        lines.update(task, completed=progress.work_done, description=description)

    tell(first)
    with lines:
        yield tell
