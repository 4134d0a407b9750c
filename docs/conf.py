"""Configure Sphinx for the documentation."""

import sys
from pathlib import Path

from bookstore import __version__

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "Bookstore"
author = "Bookstore contributors"
copyright = f"2026, {author}"
release = __version__

extensions = [
    "autodoc_traits",
    "commands",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinxcontrib.httpdomain",
    "sphinxcontrib.openapi",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["deflist"]
# Links to sections: ](page.md#section-title)
myst_heading_anchors = 3

autodoc_member_order = "bysource"
numpydoc_show_class_members = False

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["wrapping.css"]
html_title = f"Bookstore {release}"
