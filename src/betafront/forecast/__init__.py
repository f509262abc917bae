"""What the data says about β before anything is trained: the linear-Gaussian front, and the β
above which collapse is an optimum.

The package itself can be called: `betafront.forecast(data="digits")` makes a forecast
(`betafront.api.forecast.forecast`).
"""

from betafront.callable_package import make_callable

make_callable(__name__, "betafront.api.forecast.forecast")
