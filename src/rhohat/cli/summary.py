"""What training came to and what units look for, for JSON and for people."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rhohat.cli.data import arguments_for, described
from rhohat.cli.text import count, printable

if TYPE_CHECKING:
    from rhohat.inspection.layers import Layer
    from rhohat.inspection.portrait import Portrait
    from rhohat.recipes.data import Data


class Results(NamedTuple):
    """Files that learning writes, the most interesting first."""

    report: Path = Path("report.html")
    features: Path = Path("features.png")
    features_svg: Path = Path("features.svg")
    training: Path = Path("training.png")
    model: Path = Path("model.safetensors")


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
    lines = [
        f"{count(settings['units'], 'feature')} learned from {source} in "
        f"{summary['seconds']['learning']:.1f} s",
        "",
        *_choice(summary),
        *(f"  {name:<18}  {text}" for name, text in _facts(summary, data).items()),
        "",
        *_verdict(summary),
        *_next_steps(data, files, summary["files"]),
    ]
    return "\n".join(map(printable, lines))


def _verdict(summary: dict[str, Any]) -> list[str]:
    """Whether the features are good and, if not, what to change; empty if nobody knows."""
    diagnosis = summary["diagnosis"]
    if diagnosis is None:
        return []
    if diagnosis["good"]:
        return ["No mistake was found in the features.", ""]
    lines = ["The features can be better:"]
    for finding in diagnosis["findings"]:
        if not finding["is_note"]:
            change = finding["change"]
            told = f"{change['python']}, or {change['option']}" if change else finding["advice"]
            lines.append(f"  {finding['text']} {finding['evidence']} {told}".rstrip())
    return [*lines, ""]


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
            f"{edges['pairs_alike']} pairs alike, {edges['pairs_opposite']} opposite"
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
            "(70 % of their power in one band)"
        )
    facts["training"] = (
        f"{training['iterations']} iterations, worth {training['sweeps']:.0f} sweeps over all "
        f"rows; {training['stop_reason']}"
    )
    if data.found.skipped:
        skipped = count(len(data.found.skipped), "file")
        facts["skipped"] = f"{skipped} that could not be used, named above"
    return facts


def _next_steps(data: Data, files: Results, written: list[str]) -> list[str]:
    """What to look at, and how to go on with the model."""
    shown = {
        files.report: "every unit, in a browser",
        files.features: "a picture of each unit",
        files.training: "the loss and its terms",
    }
    looks = [f"{file}  ({what})" for file, what in shown.items() if str(file) in written]
    inputs = [*arguments_for(data.request), *data.encode_options]
    encode = shlex.join(["rhohat", "encode", str(files.model), *inputs, "-o", "features.npy"])
    own = [] if data.request.paths else ["Or learn from your own: rhohat learn FOLDER"]
    return [
        *(f"{'' if number else 'Look at':<11}{look}" for number, look in enumerate(looks)),
        f"Go on with {encode}",
        "or, in Python:",
        "           import rhohat",
        f"           pipeline = rhohat.load({str(files.model)!r})",
        f"           activations = pipeline.transform({data.expression})",
        *own,
    ]
