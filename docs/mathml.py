"""Mathematics as MathML, made when pages are built: it is read without a script or a network."""

from html import escape

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx


def inline(translator, node):
    """Write a formula in a line."""
    translator.body.append(convert(node.astext(), display="inline"))
    raise nodes.SkipNode


def block(translator, node):
    """Write a formula that stands alone, and its number if it has one."""
    number = f'<span class="eqno">({escape(str(node["number"]))})</span>' if node["number"] else ""
    formula = convert(node.astext(), display="block")
    translator.body.append(f'<div class="formula">{number}{formula}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx):
    """Register the renderer."""
    app.add_html_math_renderer(
        "mathml", inline_renderers=(inline, None), block_renderers=(block, None)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
