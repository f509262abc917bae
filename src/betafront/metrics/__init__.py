"""What a trained VAE is worth.

What stands in `__init__.pyi` is imported when it is first asked for: the catalogue of the metrics
needs no torch. A metric that bears the name of its module is imported from there.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
