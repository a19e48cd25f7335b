"""Sparse autoencoders of language models, as their libraries write them: settings and weights.

Each is a JSON file of settings and a safetensors file of weights. What is subtracted from the input
before it is encoded, and factors of activations, are folded into the weights: W (x - c) + b is
W x + (b - W c), and (n_j a_j) (v_j / n_j) is a_j v_j for n_j > 0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

import numpy as np

from rhohat.common.arrays import Float64Array
from rhohat.common.errors import ModelFileError
from rhohat.common.memory import check_memory
from rhohat.common.tensorfiles import (
    Arrays,
    expect,
    is_count,
    is_text,
    pack_plain,
    parse_json,
    unpack_plain,
)
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.foreign import Weights
from rhohat.objective.activations import activation_of
from rhohat.objective.gates import BatchTopK, JumpReLU, TopK
from rhohat.preprocessing.operations import NotComputedError

#: Version of the layout of SAELens's folders that is written.
SAELENS_VERSION = "6.0.0"
#: Architectures that cannot be read, and why.
REFUSED = {
    "gated": "its units compute two maps of the input, a gate and a magnitude; rhohat's only one",
    "skip_transcoder": "it adds a linear map of the input, W_skip, to the reconstruction",
    "batchtopk": (
        "these weights are in the form used for training: save them for inference in SAELens, as "
        "jumprelu"
    ),
    "matryoshka_batchtopk": (
        "these weights are in the form used for training: save them for inference in SAELens, as "
        "jumprelu"
    ),
}
#: What SAELens may do to the input, and why that cannot be read.
NORMALIZATIONS = {
    "expected_average_only_in": (
        "its input must be multiplied by a factor that the folder does not hold: fold it in with "
        "SAELens's fold_activation_norm_scaling_factor, and save again"
    ),
    "constant_norm_rescale": "it scales each row of its input to the same length",
    "layer_norm": "it scales each row of its input to the same mean and deviation",
}


#: What normalize_activations means where it is true or false.
FLAGS = {True: "expected_average_only_in", False: "none"}


class Layout(NamedTuple):
    """How a library lays out a folder.

    Attributes
    ----------
    settings, weights : str
        Names of the two files.
    read : callable
        ``read(settings, arrays)``: the weights, or ModelFileError. It takes all arrays that it
        knows out of `arrays`.
    """

    settings: str
    weights: str
    read: Callable[[Mapping[str, Any], Arrays], Weights]


def read_folder(path: Path) -> SparseAutoencoder:
    """The autoencoder in a folder.

    Raises
    ------
    ModelFileError
        If it is of no known layout, is damaged, or computes what rhohat's units do not.
    """
    for layout in LAYOUTS.values():
        settings, weights = path / layout.settings, path / layout.weights
        if settings.is_file() and weights.is_file():
            described = parse_json(settings.read_bytes())
            expect(type(described) is dict, f"settings in {layout.settings}", described)
            with weights.open("rb") as stream:
                arrays = unpack_plain(stream, weights.stat().st_size)
            found = layout.read(described, arrays)
            expect(not arrays, "no other arrays", sorted(arrays))
            return found.made()
    if (path / "ae.pt").is_file():
        raise ModelFileError(
            "expected weights in ae.safetensors, found a pickle, ae.pt, which can run code and is "
            "never loaded. If you trust it, convert it in PyTorch: "
            "safetensors.torch.save_file(torch.load('ae.pt', weights_only=True), 'ae.safetensors')"
        )
    known = ", ".join(f"{one.settings} and {one.weights} ({name})" for name, one in LAYOUTS.items())
    raise ModelFileError(f"expected a model, found a folder without {known}")


def read_arrays(path: Path) -> SparseAutoencoder:
    """The autoencoder in a .npz file of W_enc, b_enc, W_dec, b_dec and threshold, as Gemma Scope's.

    Raises
    ------
    ModelFileError
        If it holds something else.
    """
    names = ("W_enc", "b_enc", "W_dec", "b_dec", "threshold")
    try:
        with ZipFile(path) as archive:
            n_bytes = sum(entry.file_size for entry in archive.infolist())
        check_memory(n_bytes, f"reading {path.name}", "Use a machine with more memory.")
        with np.load(path, allow_pickle=False) as file:
            found_names = sorted(file)
            expect(
                set(names) <= set(found_names),
                f"the arrays {', '.join(names)}, as in Gemma Scope (pickles are never loaded)",
                found_names,
            )
            arrays = {name: file[name] for name in names}
    except (ModelFileError, MemoryError, PermissionError):
        raise
    except Exception as error:  # of which damaged archives raise many
        raise ModelFileError(
            f"expected arrays of numbers (pickles are never loaded), found an error: {error}"
        ) from None
    for name, array in arrays.items():
        sound = array.dtype.kind == "f" and bool(np.isfinite(array).all())
        expect(sound, f"finite numbers in {name}", words="others")
    W_enc, b_enc, W_dec, b_dec = (arrays[name] for name in names[:-1])
    found = Weights(W_enc.T, b_enc, W_dec, b_dec, "relu")
    return _jumprelu(found, {}, dict(arrays)).made()


def saelens_contents(weights: Weights) -> dict[str, bytes]:
    """The files of a SAELens folder, by their names.

    Raises
    ------
    NotComputedError
        If SAELens has no such units or decoder.
    """
    activation = activation_of(weights.activation)
    k, d = weights.encoder.shape
    if weights.output not in ("linear", "tied"):
        raise NotComputedError(f"SAELens has no {weights.output} decoders")
    if activation.name not in ARCHITECTURES_WRITTEN:
        raise NotComputedError(f"SAELens has no {activation.name} units")
    architecture, settings = ARCHITECTURES_WRITTEN[activation.name](activation, k)
    if not weights.rebuilds_input:
        if architecture not in TRANSCODERS:
            raise NotComputedError(f"SAELens has no transcoders of {activation.name} units")
        architecture, settings = TRANSCODERS[architecture], {"d_out": weights.decoder.shape[1]}
    described = {
        "d_in": d,
        "d_sae": k,
        "dtype": weights.encoder.dtype.name,
        "device": "cpu",
        "apply_b_dec_to_input": False,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {"sae_lens_version": SAELENS_VERSION},
        **settings,
        "architecture": architecture,
    }
    arrays = {
        "W_enc": np.ascontiguousarray(weights.encoder.T),
        "b_enc": weights.encoder_bias,
        "W_dec": weights.decoder,
        "b_dec": weights.decoder_bias,
    }
    if weights.thresholds is not None:
        arrays["threshold"] = np.broadcast_to(weights.thresholds, k).astype(weights.encoder.dtype)
    return {
        LAYOUTS["SAELens"].settings: (json.dumps(described, indent=2) + "\n").encode(),
        LAYOUTS["SAELens"].weights: pack_plain(arrays, {"format": "np"}),
    }


def _as_topk(activation: Any, n_units: int) -> tuple[str, dict[str, Any]]:
    return "topk", {"k": activation.n_active_among(n_units), "rescale_acts_by_decoder_norm": False}


def _as_jumprelu(activation: Any, n_units: int) -> tuple[str, dict[str, Any]]:
    if getattr(activation, "tau", 0):
        raise NotComputedError(
            f"SAELens has no units with a smooth step, like jumprelu's with tau={activation.tau:g}"
        )
    return "jumprelu", {}


#: What SAELens calls transcoders of its architectures.
TRANSCODERS = {"standard": "transcoder", "jumprelu": "jumprelu_transcoder"}
#: Architectures that SAELens calls units, and settings that they have, by rhohat's names.
ARCHITECTURES_WRITTEN: dict[str, Callable[[Any, int], tuple[str, dict[str, Any]]]] = {
    "relu": lambda activation, n_units: ("standard", {}),
    "topk": _as_topk,
    "batchtopk": _as_jumprelu,  # as SAELens itself saves them
    "jumprelu": _as_jumprelu,
}


def _saelens(settings: Mapping[str, Any], arrays: Arrays) -> Weights:
    """Of SAELens, before version 6 and since."""
    architecture = _text(settings, "architecture", "standard")
    name = _text(settings, "activation_fn_str", _text(settings, "activation_fn", "relu"))
    more = settings.get("activation_fn_kwargs") or {}
    expect(type(more) is dict, "activation_fn_kwargs by their names", more)
    if architecture == "standard" and name == "topk":  # as before version 6
        architecture, settings = "topk", {**settings, "k": more.get("k")}
    _refuse(REFUSED, architecture, "architecture")
    expect(architecture in ARCHITECTURES, f"one of {', '.join(ARCHITECTURES)}", architecture)
    expect(name in ("relu", "topk"), "the activation function relu or topk", name)
    flag = settings.get("normalize_activations")
    if type(flag) is bool or flag is None:  # as in the first versions
        settings = {**settings, "normalize_activations": FLAGS[bool(flag)]}
    normalized = _text(settings, "normalize_activations", "none")
    _refuse(NORMALIZATIONS, normalized, "normalize_activations")
    expect(normalized == "none", "normalize_activations none", normalized)
    W_enc, b_enc = _taken(arrays, "W_enc").T, _taken(arrays, "b_enc")
    W_dec, b_dec = _taken(arrays, "W_dec"), _taken(arrays, "b_dec")
    factors = arrays.pop("scaling_factor", None)
    if factors is not None and not np.all(factors == 1):
        tuned = _flag(settings, "finetuning_scaling_factor", False)
        expect(tuned, "factors only where finetuning_scaling_factor is true", words="others")
        expect(factors.shape == W_dec.shape[:1], "a factor for each unit", factors.shape)
        W_dec = W_dec * factors[:, None]
    if architecture not in TRANSCODERS.values() and _flag(settings, "apply_b_dec_to_input", True):
        b_enc = _moved(W_enc, b_enc, b_dec)
    found = Weights(W_enc, b_enc, W_dec, b_dec, "relu")
    found = ARCHITECTURES[architecture](found, settings, arrays)
    rescaled = _flag(settings, "rescale_acts_by_decoder_norm", False)
    return _scaled(found) if rescaled else found


def _topk(found: Weights, settings: Mapping[str, Any], arrays: Arrays) -> Weights:
    k = settings.get("k")
    expect(is_count(k), "k, how many units are active", k)
    return found._replace(activation=TopK(k))


def _jumprelu(found: Weights, settings: Mapping[str, Any], arrays: Arrays) -> Weights:
    """Units above a threshold, without a step of any width."""
    thresholds = _taken(arrays, "threshold")
    return found._replace(activation=JumpReLU(tau=0.0), thresholds=thresholds)


#: What becomes of weights with ReLU, by SAELens's name of the architecture.
ARCHITECTURES: dict[str, Callable[[Weights, Mapping[str, Any], Arrays], Weights]] = {
    "standard": lambda found, settings, arrays: found,
    "topk": _topk,
    "jumprelu": _jumprelu,
    "transcoder": lambda found, settings, arrays: found._replace(rebuilds_input=False),
    "jumprelu_transcoder": lambda found, settings, arrays: _jumprelu(
        found._replace(rebuilds_input=False), settings, arrays
    ),
}


def _sparsify(settings: Mapping[str, Any], arrays: Arrays) -> Weights:
    """Of EleutherAI's sparsify."""
    name, is_transcoder = settings.get("activation", "topk"), _flag(settings, "transcode", False)
    expect(name == "topk", "topk units", name)
    for unknown in ("skip_connection", "signed", "gram_lookup", "embed_skip"):
        value = settings.get(unknown, False)
        expect(value is False, f"a model without {unknown}, which rhohat does not support", value)
    W_enc, b_enc = _taken(arrays, "encoder.weight"), _taken(arrays, "encoder.bias")
    W_dec, b_dec = _taken(arrays, "W_dec"), _taken(arrays, "b_dec")
    if not is_transcoder:
        b_enc = _moved(W_enc, b_enc, b_dec)
    found = Weights(W_enc, b_enc, W_dec, b_dec, "relu", rebuilds_input=not is_transcoder)
    return _topk(found, settings, arrays)


def _dictionary_learning(settings: Mapping[str, Any], arrays: Arrays) -> Weights:
    """Of dictionary_learning, whose state dicts are in safetensors."""
    trainer: Any = settings.get("trainer")
    expect(type(trainer) is dict, "settings of a trainer", trainer)
    name = _text(trainer, "dict_class", "")
    expect(name in DICTIONARIES, f"dict_class among {', '.join(DICTIONARIES)}", name)
    return DICTIONARIES[name](trainer, arrays)


def _dictionary(arrays: Arrays, bias: str) -> Weights:
    """Weights with ReLU, of an input from which a bias is subtracted that the output regains."""
    W_enc, b_enc = _taken(arrays, "encoder.weight"), _taken(arrays, "encoder.bias")
    W_dec, b_dec = _taken(arrays, "decoder.weight").T, _taken(arrays, bias)
    return Weights(W_enc, _moved(W_enc, b_enc, b_dec), W_dec, b_dec, "relu")


def _dictionary_without_shift(arrays: Arrays) -> Weights:
    """Weights with ReLU, of the input as it is."""
    return Weights(
        _taken(arrays, "encoder.weight"),
        _taken(arrays, "encoder.bias"),
        _taken(arrays, "decoder.weight").T,
        _taken(arrays, "decoder.bias"),
        "relu",
    )


def _dictionary_topk(trainer: Mapping[str, Any], arrays: Arrays) -> Weights:
    k = _taken(arrays, "k")
    expect(k.size == 1 and k.dtype.kind == "i", "one whole number as k", k)
    arrays.pop("threshold", None)  # which is not applied unless it is asked for
    return _topk(_dictionary(arrays, "b_dec"), {"k": int(k.ravel()[0])}, arrays)


def _dictionary_batch_topk(trainer: Mapping[str, Any], arrays: Arrays) -> Weights:
    """Units above one threshold, which is what is left of a batch after training."""
    k, threshold = _taken(arrays, "k"), _taken(arrays, "threshold")
    for name, number in {"k": k, "threshold": threshold}.items():
        expect(number.size == 1, f"one number as {name}", number)
    found = _dictionary(arrays, "b_dec")
    activation = BatchTopK(float(k.ravel()[0]))
    return found._replace(activation=activation, thresholds=threshold.reshape(1))


def _dictionary_jumprelu(trainer: Mapping[str, Any], arrays: Arrays) -> Weights:
    """Units above thresholds, and multiplied by the norms of their decoder weights."""
    names = ("W_enc", "b_enc", "W_dec", "b_dec")
    W_enc, b_enc, W_dec, b_dec = (_taken(arrays, name) for name in names)
    found = Weights(W_enc.T, b_enc, W_dec, b_dec, "relu")
    return _scaled(_jumprelu(found, trainer, arrays))


#: Readers of dictionary_learning's classes.
DICTIONARIES: dict[str, Callable[[Mapping[str, Any], Arrays], Weights]] = {
    "AutoEncoder": lambda trainer, arrays: _dictionary(arrays, "bias"),
    "AutoEncoderNew": lambda trainer, arrays: _dictionary_without_shift(arrays),
    "AutoEncoderTopK": _dictionary_topk,
    "BatchTopKSAE": _dictionary_batch_topk,
    "JumpReluAutoEncoder": _dictionary_jumprelu,
}
#: Layouts by the names of their libraries.
LAYOUTS = {
    "SAELens": Layout("cfg.json", "sae_weights.safetensors", _saelens),
    "sparsify": Layout("cfg.json", "sae.safetensors", _sparsify),
    "dictionary_learning": Layout("config.json", "ae.safetensors", _dictionary_learning),
}


def _refuse(reasons: Mapping[str, str], name: str, what: str) -> None:
    """Raise ModelFileError, with the reason, if a setting is one of those that are refused."""
    if name in reasons:
        raise ModelFileError(f"expected another {what} than {name}: {reasons[name]}")


def _text(settings: Mapping[str, Any], name: str, default: str) -> str:
    """A setting that is a text."""
    value = settings.get(name, default)
    expect(is_text(value), f"a text as {name}", value)
    return str(value)


def _flag(settings: Mapping[str, Any], name: str, default: bool) -> bool:
    """A setting that is true or false."""
    value = settings.get(name, default)
    expect(type(value) is bool, f"true or false as {name}", value)
    return bool(value)


def _taken(arrays: Arrays, name: str) -> Any:
    """An array, which is no longer among the others."""
    expect(name in arrays, f"the array {name}", sorted(arrays))
    return arrays.pop(name)


def _moved(W_enc: Any, b_enc: Any, shift: Any) -> Float64Array:
    """The bias that goes with the input itself, b - W c, where W is applied to x - c."""
    fits = (
        W_enc.ndim == 2
        and b_enc.ndim == 1
        and shift.shape == W_enc.shape[1:]
        and b_enc.shape == W_enc.shape[:1]
    )
    expect(fits, "weights and biases of one encoder", [W_enc.shape, b_enc.shape, shift.shape])
    moved: Float64Array = b_enc - W_enc.astype(np.float64) @ shift.astype(np.float64)
    return moved


def _scaled(found: Weights) -> Weights:
    """Units whose inputs are multiplied by the norms of their decoder weights, n_j."""
    expect(found.decoder.ndim == 2, "weights of a decoder", found.decoder.shape)
    expect(len(found.decoder) == len(found.encoder), "as many units", found.decoder.shape)
    norms = np.linalg.norm(found.decoder.astype(np.float64), axis=1)
    expect(bool((norms > 0).all()), "decoder weights other than 0", words="0")
    dtype, thresholds = found.encoder.dtype, found.thresholds
    if thresholds is not None:
        expect(thresholds.shape == norms.shape, "a threshold for each unit", thresholds.shape)
        thresholds = thresholds * norms
    return found._replace(
        thresholds=thresholds,
        encoder=(found.encoder * norms[:, None]).astype(dtype),
        encoder_bias=found.encoder_bias * norms,
        decoder=(found.decoder / norms[:, None]).astype(dtype),
    )
