"""Sphinx configuration."""

import sys
from pathlib import Path

import rhohat

sys.path.insert(0, str(Path(__file__).parent))

from members import members, results

project = "rhohat"
author = "The rhohat developers"
project_copyright = "2026, the rhohat developers"
version = release = rhohat.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "mathml",
    "myst_parser",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "learn", "**/*.md5"]
templates_path = ["_templates"]
html_math_renderer = "mathml"
autosummary_generate = True
autosummary_context = {"shown_members": members}
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
# All checks but those of style that this package decides otherwise: a summary may be a formula, a
# type may say all there is to say of a parameter, and a single result has a name.
numpydoc_validation_checks = {
    *("all", "ES01", "EX01", "SA01", "SA04", "SS02", "SS05"),
    *("PR07", "PR08", "RT02", "RT03", "RT04"),
}
numpydoc_validation_exclude = {
    rf"^rhohat\.({'|'.join(results())})$",
    r"^rhohat\.(Corruption|SparseObjective|SparsityPenalty)\.",  # each a formula, in a sentence
}
suppress_warnings = ["config.cache"]  # functions in autosummary_context
autodoc_typehints = "none"  # docstrings have the types
toc_object_entries_show_parents = "hide"
sphinx_gallery_conf = {
    "examples_dirs": ["../examples", "learn"],
    "gallery_dirs": ["gallery", "chapter"],
    "subsection_order": [
        f"../examples/{name}"
        for name in ("images", "measurements", "recognition", "objectives", "models")
    ],
    "within_subsection_order": "FileNameSortKey",
    "filename_pattern": "/plot_",
    "abort_on_example_error": True,
    "show_memory": False,
    "capture_repr": ("_repr_html_",),
    "remove_config_comments": True,
    "min_reported_time": 1,
    "write_computation_times": False,  # that page loads its script from elsewhere
}
html_theme = "pydata_sphinx_theme"
html_title = "rhohat"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_sidebars = {"index": [], "quick-start": [], "glossary": []}
html_theme_options = {
    "show_prev_next": False,
    "show_toc_level": 2,
    "navbar_persistent": ["search-button"],
    "secondary_sidebar_items": ["page-toc"],
}
