"""Sphinx's settings. Sources are staged by docs.site.stage; nothing is fetched, so other libraries are not linked."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import rage_env

project = "RAGE"
author = "The RAGE authors"
release = version = rage_env.__version__
copyright = "2026, the RAGE authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton", "docs.site.docstrings"]

root_doc = "index"
myst_heading_anchors = 3
myst_links_external_new_tab = False
smartquotes = False
default_role = "code"
add_module_names = False
autodoc_typehints = "none"
autodoc_class_signature = "mixed"
suppress_warnings = ["misc.highlighting_failure"]
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(np|pd|pa|gymnasium|typing|numpy|pandas|pydantic|collections)\..*"),  # other libraries
    (r"py:.*", r"NDArray|VectorEnv|VecEnv|MinariDataset|Path"),
    (r"py:.*", r"(Bool|Float|Int|Prob)s|Indices|Columns|Info|Arrays"),  # short words for arrays, said where they stand
    (
        r"py:.*",
        r"Growth|Spec|Recipe|Finite|Question|Stream|Saved|Stopping|Stack|Outlook|Step|AnyEnv|Item|Result|(\w+\.)?(Override|Kind)",
    ),
]

html_theme = "furo"
html_title = "RAGE"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
