"""What skl2onnx asks of estimators that it does not know: it finds these methods by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rhohat.preprocessing.operations import Told


class Convertible:
    """An estimator that skl2onnx converts, alone or in a pipeline with others."""

    def _told(self) -> Told:
        """What it computes."""
        raise NotImplementedError

    def onnx_shape_calculator(self) -> Callable[[Any], None]:
        """For skl2onnx: how types of the outputs are found."""
        return lambda operator: _find_types(operator, self._told())

    def onnx_converter(self) -> Callable[[Any, Any, Any], None]:
        """For skl2onnx: how nodes are added to a graph."""
        return lambda scope, operator, container: _convert(scope, operator, container, self._told())


def _find_types(operator: Any, told: Told) -> None:
    """Outputs are a table of floats and, before it, the labels of a classifier."""
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    if told.classes is not None:
        is_text = told.classes.dtype.kind in "UO"
        operator.outputs[0].type = (StringTensorType if is_text else Int64TensorType)([None])
    n_classes = None if told.classes is None else len(told.classes)
    operator.outputs[-1].type = FloatTensorType([None, n_classes])


def _convert(scope: Any, operator: Any, container: Any, told: Told) -> None:
    """Add what is computed to the graph that skl2onnx builds.

    Raises
    ------
    RuntimeError
        If the graph is to be of a version of ONNX's operators that is too old.
    """
    from rhohat.preprocessing.onnx_operations import OPSET, Graph, added_to, label_of

    if container.target_opset < OPSET:
        raise RuntimeError(
            f"{type(operator.raw_operator).__name__} needs version {OPSET} of ONNX's operators or "
            f"newer: target_opset={OPSET}, got {container.target_opset}."
        )
    graph = Graph(scope.get_unique_variable_name("rhohat") + "_")
    given = graph("Cast", operator.inputs[0].full_name, to=1)
    found = [added_to(graph, given, told)]
    if told.classes is not None:
        found.insert(0, label_of(graph, found[0], told.classes)[0])
    for value, output in zip(found, operator.outputs, strict=True):
        graph.copied(value, output.full_name)
    container.initializers.extend(graph.constants)
    for node in graph.nodes:
        container.nodes.append(node)
    container.node_domain_version_pair_sets.add(("", OPSET))
