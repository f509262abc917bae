"""A run in a stack is the same run as alone, with every part that a run may have.

In float64, where a hundred steps leave no difference above 1e-8 unless the arithmetic differs; in
float32 the rounding of the first steps grows with them, as it does between two machines.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from betafront.data import Images, digits, in_memory
from betafront.models import (
    GaussianPrior,
    VampPrior,
    conv,
    hierarchical,
    ladder,
    linear,
    resnet,
)
from betafront.objective import (
    DIP,
    GECO,
    MMD,
    Bernoulli,
    Beta,
    Capacity,
    Categorical,
    Constant,
    ContinuousBernoulli,
    ControlVAE,
    Cosine,
    Cyclical,
    DiscretizedLogistic,
    FreeBits,
    Gaussian,
    GaussianPerImage,
    Laplace,
    Layers,
    Linear,
    Multinomial,
    NegativeBinomial,
    Plain,
    Poisson,
    Sigmoid,
    TotalCorrelation,
    ZeroInflatedNegativeBinomial,
    ZeroInflatedPoisson,
    normalisation,
)
from betafront.objective.schedules import Staircase
from betafront.training import Run, Trainer

MakeRun = Callable[..., Run]
Compare = Callable[[Sequence[Run]], None]

LONG = Trainer(steps=100, batch_size=32, accelerator="cpu")
SOME = Trainer(steps=30, batch_size=32, accelerator="cpu")
SHORT = Trainer(steps=12, batch_size=32, accelerator="cpu")

OBJECTIVES: dict[str, list[dict[str, Any]]] = {
    "weights and conventions": [
        {"weight": 0.5},
        {"weight": 2, "seed": 3},
        {"weight": 0.01, "normalisation": normalisation("mean")},
        {"weight": 0.1, "normalisation": normalisation("beta_norm")},
    ],
    "schedules": [
        {"schedule": schedule, "weight": 0.5 + 0.1 * number}
        for number, schedule in enumerate(
            [Constant(), Linear(), Cosine(warmup=0.3), Sigmoid(), Cyclical(), Staircase(start=2.0)]
        )
    ],
    "one schedule": [{"schedule": Linear(), "weight": weight} for weight in (0.3, 3.0)],
    "shapings": [
        {"shaping": Plain()},
        {"shaping": Capacity(2.0, Linear()), "weight": 10.0},
        {"shaping": Capacity(1, Cosine()), "weight": 10.0},
        {"shaping": FreeBits(0.3)},
        {"shaping": FreeBits(0.5, schedule=Linear())},
        {"shaping": FreeBits(0.5, group=2)},
    ],
    "controllers": [
        {},
        {"controller": GECO(20.0, speed=0.02)},
        {"controller": GECO(5.0, speed=0.01, range=(0.5, 2.0), schedule=Linear(), decay=0.01)},
        {"controller": ControlVAE(4.0)},
        {"controller": ControlVAE(2.0, ki=0.02, kp=0.1, range=[0.1, 3.0], decay=0.1)},
    ],
    "controllers of the squared error": [
        {"controller": GECO(target, watches="mse", speed=0.02)} for target in (0.05, 0.1)
    ],
    "penalties": [
        {"penalties": (TotalCorrelation(2.0),)},
        {"penalties": (TotalCorrelation(0.5),)},
        {"penalties": (DIP(1.0), DIP(2.0, kind="ii", diagonal=3.0))},
        {"penalties": (DIP(3.0), DIP(1.0, kind="ii", diagonal=2.0))},
        {"penalties": (MMD(3.0, bandwidth=0.5),)},
        {"penalties": (MMD(1.0),)},
    ],
    "several draws": [
        {"draws": 3, "weight": weight, "likelihood": partial(Gaussian, mode="learned")}
        for weight in (0.3, 1.0)
    ],
}


@pytest.mark.parametrize("parts", OBJECTIVES.values(), ids=OBJECTIVES)
def test_every_objective(
    make_run: MakeRun, same_alone_and_together: Compare, parts: list[dict[str, Any]]
) -> None:
    same_alone_and_together([make_run(trainer=SOME, **changed) for changed in parts])


def test_a_hundred_steps(make_run: MakeRun, same_alone_and_together: Compare) -> None:
    parts = [{"schedule": Linear(), "weight": 2.0}, {"controller": GECO(20.0, speed=0.02)}]
    same_alone_and_together([make_run(trainer=LONG, **changed) for changed in parts])


LIKELIHOODS: dict[str, Any] = {
    "bernoulli": Bernoulli,
    "beta": Beta,
    "categorical": partial(Categorical, levels=17),
    "continuous bernoulli": ContinuousBernoulli,
    "discretised logistic": partial(DiscretizedLogistic, levels=17),
    "logistic per pixel": partial(DiscretizedLogistic, mode="pixel", levels=17),
    "fixed gaussian": partial(Gaussian, sigma=0.3, mode="fixed"),
    "learned gaussian": partial(Gaussian, mode="learned", lr_factor=10.0),
    "optimal gaussian": Gaussian,
    "gaussian per image": GaussianPerImage,
    "laplace": Laplace,
    "multinomial": Multinomial,
    "negative binomial": NegativeBinomial,
    "poisson": Poisson,
    "zero-inflated negative binomial": ZeroInflatedNegativeBinomial,
    "zero-inflated poisson": partial(ZeroInflatedPoisson, total="row"),
}


@pytest.mark.parametrize("likelihood", LIKELIHOODS.values(), ids=LIKELIHOODS)
def test_every_likelihood(
    make_run: MakeRun, small_digits: Images, same_alone_and_together: Compare, likelihood: Any
) -> None:
    data = small_digits
    if likelihood is Bernoulli:
        data = digits(limit=200, binarize=0.5)
    elif likelihood is Beta:
        data = digits(limit=200, dequantize=True)
    parts = {"likelihood": likelihood, "data": data, "trainer": SHORT}
    same_alone_and_together(
        [make_run(weight=weight, seed=seed, **parts) for seed, weight in enumerate((0.5, 1.5))]
    )


MODELS: dict[str, dict[str, Any]] = {
    "linear": {"architecture": partial(linear, latents=2)},
    "conv": {"architecture": partial(conv, latents=2, width=4, hidden=8)},
    "resnet": {
        "architecture": partial(resnet, latents=2, width=2),
        "data": Images("noise", *torch.rand(3, 40, 1, 32, 32).unbind()),
        # Adam makes steps of what rounding leaves of the gradient of a bias before a normalisation.
        "make_optimizer": partial(torch.optim.SGD, lr=1e-5),
        "trainer": replace(SHORT, steps=3),
    },
    "ladder": {
        "architecture": partial(ladder, latents=(3, 2), hidden=(8, 6)),
        "shaping": Layers([1.0, 0.5], [Linear(), Constant()]),
    },
    "hierarchical": {"architecture": partial(hierarchical, latents=(3, 2), hidden=(8, 6))},
    "gaussian prior": {"make_prior": GaussianPrior},
    "vamp prior": {"make_prior": partial(VampPrior, components=5)},
}


@pytest.mark.parametrize("parts", MODELS.values(), ids=MODELS)
def test_every_model(
    make_run: MakeRun, same_alone_and_together: Compare, parts: dict[str, Any]
) -> None:
    parts = {"trainer": SHORT} | parts
    runs = [make_run(weight=0.5, **parts), make_run(seed=1, **parts)]
    if "shaping" in parts:
        other = Layers([0.7, 1.0], [Linear(warmup=0.3), Cosine()])
        runs.append(make_run(**parts | {"shaping": other}))
    same_alone_and_together(runs)


OPTIMISERS = [
    partial(torch.optim.Adam, lr=1e-2),
    partial(torch.optim.Adam, lr=1e-2, fused=True),
    partial(torch.optim.AdamW, lr=1e-2, amsgrad=True),
    partial(torch.optim.SGD, lr=1e-4, momentum=0.9),
    partial(torch.optim.RMSprop, lr=1e-3, centered=True),
    partial(torch.optim.Adagrad, lr=1e-2),
    partial(torch.optim.NAdam, lr=1e-2),
]


@pytest.mark.parametrize("make", OPTIMISERS, ids=lambda make: make.func.__name__)
def test_every_run_has_the_settings_of_its_optimiser(
    make_run: MakeRun, same_alone_and_together: Compare, make: Any
) -> None:
    rate = make.keywords["lr"]
    optimisers = [make, partial(make, lr=rate / 2), make, partial(make, weight_decay=0.1)]
    likelihood = partial(Gaussian, mode="learned", lr_factor=3.0)
    same_alone_and_together(
        [
            make_run(trainer=SHORT, likelihood=likelihood, make_optimizer=each, seed=seed)
            for seed, each in enumerate(optimisers)
        ]
    )


RECIPES: dict[str, dict[str, Any]] = {
    "norm": {"trainer": replace(SHORT, clip_norm=5.0)},
    "value": {"trainer": replace(SHORT, clip_value=0.05)},
    "average": {"trainer": replace(SHORT, ema=0.9)},
}


@pytest.mark.parametrize("parts", RECIPES.values(), ids=RECIPES)
def test_every_recipe(
    make_run: MakeRun, same_alone_and_together: Compare, parts: dict[str, Any]
) -> None:
    same_alone_and_together([make_run(weight=weight, **parts) for weight in (0.1, 10.0)])


def test_every_run_has_its_schedule_of_the_learning_rate(
    make_run: MakeRun, same_alone_and_together: Compare
) -> None:
    schedules = [
        partial(lr_scheduler.OneCycleLR, max_lr=1e-2, total_steps=13),
        partial(lr_scheduler.CosineAnnealingLR, T_max=12),
        partial(lr_scheduler.LinearLR, start_factor=1.0, end_factor=0.0, total_iters=12),
        None,
    ]
    same_alone_and_together(
        [make_run(trainer=SHORT, make_lr_schedule=schedule) for schedule in schedules]
    )


def test_data_that_is_renewed_or_another_of_the_same_shape(
    make_run: MakeRun, same_alone_and_together: Compare
) -> None:
    renewed = digits(limit=200, dequantize=True)
    same_alone_and_together([make_run(trainer=SHORT, data=renewed, seed=seed) for seed in (0, 1)])
    x = torch.rand(200, 64, generator=torch.Generator().manual_seed(0))
    rows = [in_memory("rows", values) for values in (x, x.flip(0))]
    same_alone_and_together([make_run(trainer=SHORT, data=data) for data in rows])
