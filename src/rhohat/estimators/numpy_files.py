"""Models as files of NumPy code: what is computed, to be read, and then the weights."""

from __future__ import annotations

import base64
import dis
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from types import CodeType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat import __version__
from rhohat.estimators.computation import Computation
from rhohat.preprocessing import numpy_operations
from rhohat.preprocessing.numpy_operations import NUMPY_OPERATIONS
from rhohat.preprocessing.operations import NotComputedError, Told
from rhohat.preprocessing.steps import Operation

#: What the code is given, as it explains, by what a model takes.
GIVEN = {
    "rows": "(n, {columns})",
    "images": "(n, height, width{colors}), at the contrast that they were learned at",
    "series": "(n, channels, samples)",
    "recordings": "(n, samples), one channel at the rate that they were learned at",
}
#: Characters of a line of weights.
LINE = 100

HEAD = '''\
"""{title}

Written by rhohat {version}. Needs only NumPy:

    from {name} import {function}
    {function}({takes})  # an array {given}

or, from and to .npy files: python {name}.py {takes}.npy features.npy
"""

import base64
import sys

import numpy as np
'''
BODY = '''\
def {function}({takes}):
    """{told}"""
    x = np.asarray({takes}, dtype=np.float64)
{lines}
    return x
'''
LABELS = '''\
def predict({takes}):
    """The most probable class of each."""
    return np.array(CLASSES)[{function}({takes}).argmax(axis=-1)]


CLASSES = {classes}
'''
UNPACK = '''\
def unpacked(dtype, shape, text):
    """An array from base64 of its bytes."""
    return np.frombuffer(base64.b64decode(text), dtype).reshape(shape).astype(np.float64)
'''
TAIL = """\
if __name__ == "__main__":
    np.save(sys.argv[2], {function}(np.load(sys.argv[1])))
"""


def numpy_content(computation: Computation, name: str) -> bytes:
    """A model as the content of a file of NumPy code.

    Parameters
    ----------
    computation : Computation
    name : str
        Of the file, without its ending.

    Raises
    ------
    NotComputedError
        If an operation has no function in `NUMPY_OPERATIONS`.
    """
    told = computation.told
    arrays: dict[str, NDArray[Any]] = {}
    lines = [*_shaped(told), *_calls(told, arrays), *_flattened(told)]
    used = [NUMPY_OPERATIONS[operation.name] for operation in told.operations]
    classifies = computation.classes is not None
    words = {
        "title": f"Features of {told.takes}." if not classifies else f"Classes of {told.takes}.",
        "version": __version__,
        "name": name if name.isidentifier() else "model",
        "function": "predict_proba" if classifies else "transform",
        "takes": told.takes,
        "given": _given(computation),
        "told": "Probabilities of the classes." if classifies else "Activations of units.",
        "lines": "\n".join(f"    {line}" for line in lines),
        "classes": None if computation.classes is None else computation.classes.tolist(),
    }
    parts = [HEAD, *map(_source, _with_helpers(used)), BODY]
    parts += [LABELS] if classifies else []
    head, *rest = [part.format(**words) if part in (HEAD, BODY, LABELS) else part for part in parts]
    packed = "WEIGHTS = {\n" + "".join(_packed(arrays)) + "}\n"
    return "\n\n".join([head, *rest, UNPACK, packed, TAIL.format(**words)]).encode()


def _given(computation: Computation) -> str:
    """The shape of what is given, in words."""
    n_columns, colors = computation.shape[-1], ", channels" * (len(computation.shape) == 4)
    words = GIVEN[computation.takes].format(columns=n_columns, colors=colors)
    columns = ", ".join(map(_quoted, computation.names))
    return f"{words}: {columns}" if columns else words


def _quoted(text: str) -> str:
    """A text from anywhere, as it can stand in a docstring without ending it."""
    return ascii(text)[1:-1].replace('"', "'")


def _shaped(told: Told) -> Iterator[str]:
    """Lines that give pictures an axis of channels."""
    first = told.operations[0].name if told.operations else ""
    is_flat = told.takes == "images" and len(told.shape) == 3
    if is_flat or (told.takes == "series" and first == "patch"):
        yield "x = x[..., None]"


def _flattened(told: Told) -> Iterator[str]:
    """Lines that make rows of pieces."""
    names = [operation.name for operation in told.operations]
    if "patch" in names and "pool" not in names:
        yield "x = x.reshape(-1, x.shape[-1])"


def _calls(told: Told, arrays: dict[str, NDArray[Any]]) -> Iterator[str]:
    """A line for each operation; arrays that they take go to `arrays`."""
    for number, operation in enumerate(told.operations, start=1):
        if operation.name not in NUMPY_OPERATIONS:
            raise NotComputedError(f"there is no NumPy code for {operation.name!r}")
        yield f"x = {operation.name}({', '.join(['x', *_arguments(number, operation, arrays)])})"


def _arguments(number: int, operation: Operation, arrays: dict[str, NDArray[Any]]) -> Iterator[str]:
    """The arguments of a call, of those that the function takes."""
    for name in list(inspect.signature(NUMPY_OPERATIONS[operation.name]).parameters)[1:]:
        value = operation.parameters[name]
        if isinstance(value, np.ndarray):
            key = f"{name} {number}"
            arrays[key] = value
            yield f'{name}=WEIGHTS["{key}"]'
        else:
            yield f"{name}={value!r}"


def _with_helpers(functions: Sequence[Callable[..., Any]]) -> list[Callable[..., Any]]:
    """Functions, each once, and before them those of the module that they use."""
    found: list[Callable[..., Any]] = []
    for function in functions:
        names = _names_in(function.__code__)
        helpers = [
            other
            for name, other in vars(numpy_operations).items()
            if name in names and inspect.isfunction(other)
        ]
        for one in [*_with_helpers(helpers), function]:
            if one not in found:
                found.append(one)
    return found


def _names_in(code: CodeType) -> set[str]:
    """Names of the module that code refers to."""
    inner = [part for part in code.co_consts if isinstance(part, CodeType)]
    own = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    return own.union(*map(_names_in, inner))


def _source(function: Callable[..., Any]) -> str:
    """The source of a function, without types."""
    text = inspect.getsource(function)
    signature = f"def {function.__name__}({', '.join(inspect.signature(function).parameters)}):"
    return re.sub(r"\Adef .*?\) -> .*?:$", signature, text, count=1, flags=re.DOTALL | re.MULTILINE)


def _packed(arrays: dict[str, NDArray[Any]]) -> Iterator[str]:
    """Entries of the dictionary of weights."""
    for name, array in arrays.items():
        dtype = array.dtype.newbyteorder("<").str
        text = base64.b64encode(np.ascontiguousarray(array, dtype=dtype).tobytes()).decode()
        lines = "\n".join(text[i : i + LINE] for i in range(0, len(text), LINE))
        yield f'    "{name}": unpacked("{dtype}", {array.shape}, """\n{lines}\n"""),\n'
