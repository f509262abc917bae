"""How many runs it pays to stack."""

import torch
from torch import nn

from betafront.data.seeded import seeded
from betafront.training.run import Run
from betafront.training.stacked.alike import why_alone

MOST = 16
"""Runs in a stack, the most that was measured."""

WORK_ON_CPU = 70e6
"""Weights times examples of a batch, up to which stacking pays on a CPU."""

CONVOLUTIONS = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


def stack_pays(run: Run) -> int:
    """How many runs like this one to stack on this device; 1 where it does not pay, or where the
    run cannot be stacked.

    A stack takes away what PyTorch's calls cost beside the arithmetic, and gains as much as these
    have of a step. Measured on one core of a CPU (`benchmarks/results/stacked.txt`), the time of a
    step alone divided by that in a stack of 4, 8 and 16:

    - mlp 64-64, 0.6 million weights times examples: 1.8, 3.0, 4.3
    - mlp 64-256-128, 6.5 million: 1.4, 1.9, 2.3
    - mlp 784-256-128, 60 million: 1.1, 1.15, 1.2
    - mlp 784-512-256, 137 million: 1.0, 1.05, 1.1

    So stacks of 16 up to 70 million, and none above, where the gain is no greater than what such
    measurements vary by. A convolution does more with each weight, and was not measured: it is not
    stacked. Nor was a GPU: there a study says itself how many runs it stacks.

    Args:
        run: its parts.
    """
    if why_alone(run) or on_gpu(run):
        return 1
    with seeded(run.seed):
        model = run.vae()
    if any(isinstance(module, CONVOLUTIONS) for module in model.modules()):
        return 1
    weights = sum(parameter.numel() for parameter in model.parameters())
    examples = min(run.trainer.batch_size, run.data.size("train"))
    return MOST if weights * examples <= WORK_ON_CPU else 1


def on_gpu(run: Run) -> bool:
    """Whether a run is trained on a GPU of NVIDIA's, where there is one."""
    return run.trainer.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
