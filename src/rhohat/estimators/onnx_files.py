"""Models as ONNX files: the whole pipeline, in float32."""

from __future__ import annotations

from rhohat import __version__
from rhohat.common.extras import import_extra
from rhohat.estimators.computation import Computation
from rhohat.preprocessing.onnx_operations import OPSET, Graph, added_to, label_of

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
    out = added_to(graph, computation.takes, computation.told)
    names = AXES[computation.takes]
    sizes = [size or name for size, name in zip(computation.shape, names, strict=False)]
    given = helper.make_tensor_value_info(computation.takes, floats, sizes)
    if computation.classes is None:
        outputs = {"features": (out, floats, ["m", None])}
    else:
        labels, kind = label_of(graph, out, computation.classes)
        outputs = {"probabilities": (out, floats, ["m", None]), "labels": (labels, kind, ["m"])}
    for name, (value, _, _) in outputs.items():
        graph.copied(value, name)
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


def _told(computation: Computation) -> str:
    """What the model is given and what it gives, in words."""
    columns = f" Columns: {', '.join(computation.names)}." if computation.names else ""
    rates = [step.parameters["rate"] for step in computation.before if "rate" in step.parameters]
    heard = f" Recordings must have {rates[0]} samples per second and one channel." if rates else ""
    return f"Features of {computation.takes}, by rhohat {__version__}.{columns}{heard}"
