"""The decoder output that is best where it is the same for every example."""

import copy

import torch
from torch import Tensor

from betafront.objective import Likelihood

STEPS = 300


def fitted_constant(likelihood: Likelihood, x: Tensor) -> tuple[Likelihood, Tensor]:
    """The constant output with the greatest mean of log p(x|z), with the likelihood's own
    parameters beside it: fitted by gradient, which works for every likelihood.

    Args:
        likelihood: p(x|z); left as it was.
        x: (n, …) examples.

    Returns:
        A copy of the likelihood with its parameters fitted, in evaluation mode; and the output,
        (1, *output_shape).
    """
    likelihood = copy.deepcopy(likelihood).suit(tuple(x.shape[1:]))
    # Where data goes beyond 1, a mean that the decoder gives is in the data's own units.
    units = torch.ones(likelihood.output_shape(tuple(x.shape[1:]))).to(x)
    if likelihood.in_data_units:
        units[: x.shape[1]] = max(1.0, float(x.abs().max()))
    output = torch.zeros_like(units).requires_grad_()
    # The second moment forgets soon: far from the data a density has slopes of any size.
    optimizer = torch.optim.Adam([output, *likelihood.parameters()], lr=0.1, betas=(0.9, 0.9))
    # To nothing at the end: an absolute error has the same slope however small it is.
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 1 / STEPS, STEPS)
    likelihood.train()
    if likelihood.unset:  # it starts as in training, and is fitted from there
        likelihood.remember(likelihood.statistic((units * output)[None], x))
    mean_log_prob = likelihood.mean_log_prob(x)
    for _ in range(STEPS):
        optimizer.zero_grad()
        (-mean_log_prob((units * output)[None])).backward()
        optimizer.step()
        decay.step()
    with torch.no_grad():
        params = (units * output)[None]
        # An optimal σ is that of the fitted output.
        likelihood.remember(likelihood.statistic(params, x))
    return likelihood.eval(), params
