"""Lightning: one run from its parts to a Result.

What stands in `__init__.pyi` is imported when it is first asked for: who only reads a run folder
needs neither torch nor Lightning.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
