"""How Sphinx builds the documentation."""

from bookstore import __version__

project = "Bookstore"
author = "Bookstore contributors"
copyright = f"2026, {author}"
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build"]

autodoc_member_order = "bysource"
numpydoc_show_class_members = False

html_title = f"Bookstore {release}"
