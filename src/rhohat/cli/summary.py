"""What training came to and what units look for, for JSON and for people."""

from __future__ import annotations

import shlex
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rhohat.cli.config import MANY, typed_paths
from rhohat.cli.data import described
from rhohat.cli.text import count, printable
from rhohat.files.runs import Results

if TYPE_CHECKING:
    from rhohat.inspection.layers import Layer
    from rhohat.inspection.portrait import Portrait
    from rhohat.inspection.report.subject import Making
    from rhohat.recipes.data import Data


def training_facts(layer: Layer) -> dict[str, Any]:
    """Loss terms, average activation and dead units of a layer; None if unknown."""
    estimator: Any = layer.estimator
    terms, average = getattr(estimator, "loss_terms_", None), layer.average
    return {
        "loss": None if terms is None else {"total": estimator.loss_, **terms._asdict()},
        "average_activation": None
        if average is None
        else {
            "mean": float(average.mean()),
            "min": float(average.min()),
            "max": float(average.max()),
        },
        "dead_units": getattr(estimator, "n_dead_", None),
    }


def feature_facts(portrait: Portrait | None) -> dict[str, Any]:
    """Edges, colors and bands that units look for; None if they cannot look for any."""
    if portrait is None:  # there was no time to look
        return dict.fromkeys(("edges", "colors", "bands"))
    edges, chromatic, bands = portrait.edges, portrait.chromatic, portrait.bands
    share = None if chromatic is None else float(chromatic.mean())
    return {
        "edges": edges
        and {
            "share": edges.edge_share,
            "median_r2": edges.median_r2,
            "orientation_coverage": edges.orientation_coverage,
            "pairs_alike": edges.n_alike,
            "pairs_opposite": edges.n_opposite,
        },
        "colors": None
        if share is None
        else {"chromatic_share": share, "achromatic_share": 1 - share},
        "bands": bands
        and {
            "clear_share": float(bands.is_clear.mean()),
            "centre_hz": bands.centre.tolist(),
            "bandwidth_hz": bands.bandwidth.tolist(),
        },
    }


def summary_text(summary: dict[str, Any], data: Data, files: Results) -> str:
    """The summary of `rhohat learn` for people: what was learned, and what to do next."""
    settings, training = summary["settings"], summary["training"]
    source = described(data)
    if data.pieces and settings["patch_size"] != "whole":
        source = f"{training['rows']:,} {data.pieces} of {source}"
    learned = f"{count(settings['units'], 'feature')} learned"
    if summary["dead_units"] == settings["units"]:
        learned = "Nothing learned"
    lines = [
        f"{learned} from {source} in {summary['seconds']['learning']:.1f} s",
        *(f"read {line}" for line in data.told()),
        "",
        *_choice(summary),
        *(f"  {name:<18}  {text}" for name, text in _facts(summary, data).items()),
        "",
        *_overview(summary),
        *_next_steps(summary, data, files),
    ]
    return "\n".join(map(printable, lines))


def _overview(summary: dict[str, Any]) -> list[str]:
    """The sentences that the page opens with: what was learned, and whether it is good."""
    learned, diagnosis = summary["learned"], summary["diagnosis"]
    if diagnosis is None:
        return [learned, ""] if learned else []
    findings = [
        f"  {number}. {finding['told']}"
        for number, finding in enumerate(diagnosis["findings"], start=1)
    ]
    return [diagnosis["verdict"], f"{learned} {diagnosis['facts']}".strip(), *findings, ""]


def _choice(summary: dict[str, Any]) -> list[str]:
    """Why the settings were chosen, and the command that has them; empty if the user did."""
    choice = summary["choice"]
    if choice is None:
        return []
    reasons = [f"  {reason}" for reason in choice["reasons"]]
    return ["Settings were chosen from the data:", *reasons, f"  {choice['command']}", ""]


def _facts(summary: dict[str, Any], data: Data) -> dict[str, str]:
    """What there is to say about the loss, the units and the training, by the thing's name."""
    loss, rho, training = summary["loss"], summary["average_activation"], summary["training"]
    units, target = summary["settings"]["units"], summary["settings"]["target"]
    edges, colors, bands = summary["edges"], summary["colors"], summary["bands"]
    facts = {
        "loss": f"{loss['total']:.4f} = {loss['reconstruction']:.4f} reconstruction "
        f"+ {loss['weight_decay']:.4f} weight decay + {loss['sparsity']:.4f} sparsity",
        "average activation": f"mean {rho['mean']:.4f}, min {rho['min']:.4f}, "
        f"max {rho['max']:.4f}" + ("" if target is None else f" (target {target:g})"),
        "dead units": f"{summary['dead_units']} of {units}",
    }
    if edges is not None:
        facts["edges"] = (
            f"{round(edges['share'] * units)} of {units} (Gabor fit R2 >= 0.7), median R2 "
            f"{edges['median_r2']:.2f}, orientation coverage {edges['orientation_coverage']:.2f}, "
            f"{count(edges['pairs_alike'], 'duplicate pair')}, {edges['pairs_opposite']} opposite"
        )
    if colors is not None:
        chromatic = round(colors["chromatic_share"] * units)
        facts["colors"] = (
            f"{chromatic} of {units} units chromatic (most of the tile off the gray axis), "
            f"{units - chromatic} achromatic"
        )
    if bands is not None:
        facts["frequencies"] = (
            f"{round(bands['clear_share'] * units)} of {units} units with a clear center frequency "
            "(70% of their power in one band)"
        )
    facts["training"] = (
        f"{training['iterations']} iterations, equivalent to {training['sweeps']:.0f} sweeps over "
        f"all rows; {in_words(training['stop_reason'])}"
    )
    if data.found.skipped:
        facts["skipped"] = f"{len(data.found.skipped):,} files or folders, listed above"
    if summary["replaced"]:
        facts["replaced"] = "the earlier results in the same folder"
    return facts


def in_words(stop_reason: str) -> str:
    """Why training ended, in the words of the command."""
    return stop_reason.replace("at max_iter iterations", "at the limit of --iterations")


def ways_on(model: Path, data: Data, *, predicts: bool = False) -> dict[str, list[str]]:
    """How to go on with a model of the data, in lines to copy; a classifier predicts."""
    inputs = typed_paths(data.request.paths)
    inputs = ["FILES"] if len(inputs) > MANY else inputs
    name, result = ("Predict", "predictions.csv") if predicts else ("Encode", "features.npy")
    call = "labels = pipeline.predict(data)" if predicts else "features = pipeline.transform(data)"
    options = [*data.request.options(), *data.encode_options, "-o", result]
    encode = ["rhohat encode", shlex.quote(str(model)), *inputs, shlex.join(options)]
    return {
        name: [" ".join(encode)],
        "In Python": [
            "import rhohat",
            f"pipeline = rhohat.load({str(model)!r})",
            f"data = {data.expression}",
            call,
        ],
    }


def making_of(
    model: Path,
    data: Data | None,
    command: str | None = None,
    seconds: float | None = None,
    *,
    predicts: bool = False,
) -> Making:
    """What a page says of how it came about; folders are left out, since it may be sent."""
    from rhohat.inspection.report.subject import Making

    if data is None:
        return Making(command)
    shown = copy(data)
    paths = [Path(path.name) if path.is_absolute() else path for path in data.request.paths]
    shown.request = replace(data.request, paths=paths)
    return Making(
        command,
        data.request.title,
        seconds,
        ways_on(Path(model.name), shown, predicts=predicts),
        shown.expression,
    )


def _next_steps(summary: dict[str, Any], data: Data, files: Results) -> list[str]:
    """What to look at, and how to go on with the model, in lines to copy."""
    return headed(
        {
            "Look at": looked_at(files, summary["files"]),
            "Improve": summary["improve"],
            **ways_on(files.model, data),
            "Learn from your own data": [] if data.request.paths else ["rhohat learn FOLDER"],
        }
    )


def looked_at(files: Results, written: list[str]) -> list[str]:
    """A line for each file written that there is something to see in."""
    shown = {
        files.report: "every unit, in a browser",
        files.features: "a picture of each unit",
        files.training: "the loss and its terms",
    }
    shown = {file: what for file, what in shown.items() if str(file) in written}
    widest = max((len(str(file)) for file in shown), default=0)
    return [f"{file!s:<{widest}}  {what}" for file, what in shown.items()]


def headed(parts: dict[str, list[str]]) -> list[str]:
    """Lines below their headings; parts without lines are left out."""
    told = ((name, lines) for name, lines in parts.items() if lines)
    return [text for name, lines in told for text in (f"{name}:", *(f"  {x}" for x in lines))]
