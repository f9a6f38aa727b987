"""How Sphinx builds these pages; ``make docs`` runs it with warnings as errors and every page executed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from unrolled.version import library_version

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "_ext")]
# The executed pages import picture.py and numerics.py too.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
# A profile of their own keeps them from anybody's IPython settings, and quiet about their transport.
profile = HERE / "_build" / "ipython" / "profile_default"
profile.mkdir(parents=True, exist_ok=True)
(profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 40\n", encoding="utf-8")
os.environ["IPYTHONDIR"] = str(profile.parent)
os.environ["UNROLLED_VERBOSE"] = "0"  # nobody watches these notebooks

project = "unrolled"
author = "the unrolled developers"
copyright = author
version = release = library_version()

extensions = [
    "array_types", "myst_nb", "sphinx.ext.autodoc", "sphinx_design", "mathml", "beside", "drawing", "bare_types", "sections",
]  # fmt: skip
exclude_patterns = ["_build", "_ext"]
suppress_warnings = ["config.cache"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = -1  # a page takes as long as the machine needs
nb_merge_streams = True
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
nb_render_markdown_format = "myst"
nb_ipywidgets_js = {}

autodoc_member_order = "bysource"
autodoc_typehints = "both"  # in the signature, and beside each parameter that a docstring describes
autodoc_typehints_description_target = "documented"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 100
autodoc_preserve_defaults = True
nitpicky = False

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "unrolled"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
