"""Models as ONNX files: the whole pipeline, in float32."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from rhohat import __version__
from rhohat.common.extras import import_extra
from rhohat.estimators.computation import Computation, NotComputedError
from rhohat.preprocessing.onnx_operations import ONNX_OPERATIONS, OPSET, Graph, follow

#: The version of ONNX's files that goes with the operators.
IR_VERSION = 8
#: Names of axes that may have any size, by what the model takes.
AXES = {
    "rows": ("n", ""),
    "images": ("n", "height", "width", ""),
    "series": ("n", "", "samples"),
    "recordings": ("n", "samples"),
}


def onnx_content(computation: Computation) -> bytes:
    """A model as the content of an ONNX file.

    Its input is called after what the model takes, its output "features"; a classifier has
    "probabilities" and "labels".

    Raises
    ------
    NotComputedError
        If an operation has no row in `ONNX_OPERATIONS`.
    ImportError
        If onnx is not installed.
    """
    onnx = import_extra("onnx", "onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    graph = Graph()
    out = added_to(graph, computation.takes, computation)
    names = AXES[computation.takes]
    sizes = [size or name for size, name in zip(computation.shape, names, strict=False)]
    given = helper.make_tensor_value_info(computation.takes, floats, sizes)
    if computation.classes is None:
        outputs = {"features": (out, floats, ["m", None])}
    else:
        labels, kind = label_of(graph, out, computation.classes)
        outputs = {"probabilities": (out, floats, ["m", None]), "labels": (labels, kind, ["m"])}
    for name, (value, _, _) in outputs.items():
        graph.nodes.append(helper.make_node("Identity", [value], [name]))
    told = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, (_, kind, shape) in outputs.items()
    ]
    whole = helper.make_graph(graph.nodes, "rhohat", [given], told, graph.constants)
    model = helper.make_model(
        whole,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="rhohat",
        producer_version=__version__,
        doc_string=_told(computation),
    )
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


def added_to(graph: Graph, given: str, computation: Computation) -> str:
    """The name of a model's features, or probabilities, computed from a value of a graph."""
    for operation in computation.operations:
        if operation.name not in ONNX_OPERATIONS:
            raise NotComputedError(f"ONNX has no rendering of {operation.name!r}")
    return follow(graph, given, computation.operations, computation.shape, computation.takes)


def label_of(graph: Graph, probabilities: str, classes: NDArray[Any]) -> tuple[str, int]:
    """The most probable class of every row, and the type of classes in ONNX."""
    onnx = import_extra("onnx", "onnx")
    if classes.dtype.kind in "UO":
        kind = onnx.TensorProto.STRING
        values = [str(name).encode() for name in classes]
    else:
        kind = onnx.TensorProto.INT64 if classes.dtype.kind in "iub" else onnx.TensorProto.FLOAT
        values = classes.tolist()
    known = f"{probabilities}_classes"
    graph.constants.append(onnx.helper.make_tensor(known, kind, [len(classes)], values))
    best = graph("ArgMax", probabilities, axis=-1, keepdims=0)
    return str(graph("Gather", known, best)), kind


def _told(computation: Computation) -> str:
    """What the model is given and what it gives, in words."""
    columns = f" Columns: {', '.join(computation.names)}." if computation.names else ""
    rates = [step.parameters["rate"] for step in computation.before if "rate" in step.parameters]
    heard = f" Recordings have {rates[0]} samples per second and one channel." if rates else ""
    return f"Features of {computation.takes}, by rhohat {__version__}.{columns}{heard}"
