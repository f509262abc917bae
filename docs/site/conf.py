"""Sphinx's settings for the site (`make docs`)."""

import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

sys.path.insert(0, str(Path(__file__).parent))  # where Sphinx reads this from elsewhere
import gather

project = "betafront"
copyright = "the authors of betafront"
version = release = version_of("betafront")
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
html_theme = "furo"
html_title = f"betafront {version}"
html_static_path = ["static"]
html_css_files = ["outputs.css"]
exclude_patterns = ["README.md", gather.AS_THEY_ARE]  # a part of index.md, and no pages of Sphinx

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # the notebook comes with its outputs (notebook.py)
nb_output_stderr = "remove"  # what libraries say of the machine
default_role = "code"  # docstrings have single backticks, as Markdown
suppress_warnings = ["ref.python"]  # attributes of several classes have the same name
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_use_rtype = False
napoleon_use_ivar = True  # attributes are described once, in the docstring of their class
copybutton_prompt_text = r"\$ |>>> "
copybutton_prompt_is_regexp = True


LITERAL = re.compile(r"(``?[^`]+``?)")
SPECIAL = re.compile(
    r"(?<![*\w])\*(?=\w)|\|"
)  # of (B, *shape) and q(z|x), which are no markup here


def escape(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Have a docstring's stars and bars mean themselves."""
    for number, line in enumerate(lines):
        parts = LITERAL.split(line)
        parts[::2] = [SPECIAL.sub(r"\\\g<0>", part) for part in parts[::2]]
        lines[number] = "".join(parts)


def take_as_they_are(app: Sphinx, config: Config) -> None:
    """Have the site hold the files that are no pages of Sphinx."""
    config.html_extra_path = [str(Path(app.srcdir) / gather.AS_THEY_ARE)]


def setup(app: Sphinx) -> None:
    """Connect the hooks."""
    app.connect("config-inited", take_as_they_are, priority=1)  # before the paths are looked at
    app.connect("autodoc-process-docstring", escape)
