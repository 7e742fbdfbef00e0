"""How Sphinx builds the documentation. Everything comes from this tree: nothing is fetched, no network is needed."""

from importlib.metadata import version as installed_version

project = "Rolecall"
copyright = "the Rolecall authors"
version = release = installed_version("rolecall")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist", "attrs_block"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
# The stand-ins for types that a reader of signatures does not need to see spelled out.
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = f"Rolecall {version}"
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
