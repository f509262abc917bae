"""A pair of the user's own modules, named in `conf/` or given from Python."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from betafront.config.build import build, check, model
from betafront.config.compose import compose
from betafront.config.saved import saved_model
from betafront.errors import UserError
from betafront.models import VAE, initialised, pair
from betafront.objective import Gaussian
from betafront.own_modules import find_modules_in
from betafront.training import fit_one

MODULE = "ownpair"
CODE = """
import torch
from torch import nn

class Encoder(nn.Module):
    def __init__(self, latents, wide=8):
        super().__init__()
        self.hidden = nn.LazyLinear(wide)
        self.mean, self.log_var = nn.Linear(wide, latents), nn.Linear(wide, latents)

    def forward(self, x):
        h = torch.relu(self.hidden(x.flatten(1)))
        return self.mean(h), self.log_var(h)

def decoder(latents):
    return nn.Sequential(nn.Linear(latents, 64), nn.Unflatten(1, (1, 8, 8)))
"""
CHOICE = f"""
_target_: betafront.models.pair
_partial_: true
encoder: {{_target_: {MODULE}.Encoder, latents: "${{model.latents}}"}}
decoder: {{_target_: {MODULE}.decoder, latents: "${{model.latents}}"}}
latents: 3
"""
FAST = ("data.limit=100", "trainer.steps=6", "trainer.accelerator=cpu", "metrics.samples=1")


@pytest.fixture(autouse=True)
def user(own_place: Path) -> Iterator[None]:
    """A folder with a module and a `conf/` of the user's own."""
    before = list(sys.path)
    find_modules_in(own_place)
    Path("conf/model").mkdir(parents=True)
    Path("conf/model/mine.yaml").write_text(CHOICE)
    Path(f"{MODULE}.py").write_text(CODE)
    yield
    sys.path[:] = before
    sys.modules.pop(MODULE, None)


def weights(vae: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in vae.parameters()])


def test_a_choice_in_conf_names_the_two_modules(own_place: Path) -> None:
    config = compose(["model=mine", "model.latents=4", "+model.encoder.wide=5", *FAST])
    run = build(config)
    check(run)
    torch.manual_seed(0)
    one, other = run.vae(), run.vae()
    torch.manual_seed(0)
    again = run.vae()
    assert one.latents == 4
    assert torch.equal(weights(one), weights(again))  # drawn with the seed, lazy ones too
    assert not torch.equal(weights(one), weights(other))
    assert not {id(p) for p in one.parameters()} & {id(p) for p in other.parameters()}
    loaded = model(config, (1, 8, 8))  # as an exported one is made, without data
    loaded.load_state_dict(one.state_dict())


def test_a_run_of_it_repeats_bit_for_bit(own_place: Path) -> None:
    run = build(compose(["model=mine", *FAST]))
    first, second = (fit_one(run, own_place / name) for name in ("a", "b"))
    assert first.metrics == second.metrics
    assert first.history == second.history


def test_torch_s_own_layers_need_no_module_of_one_s_own() -> None:
    Path("conf/model/mine.yaml").write_text("""
        _target_: betafront.models.pair
        _partial_: true
        latents: [2, 4, 4]
        encoder: {_target_: torch.nn.Conv2d, _args_: [1, 4, 2, 2]}
        decoder:
          _target_: torch.nn.Sequential
          _args_:
            - {_target_: torch.nn.ConvTranspose2d, _args_: [2, 1, 2, 2]}
            - {_target_: torch.nn.Identity}
    """)
    run = build(compose(["model=mine", *FAST]))
    check(run)
    assert run.vae().latent_shape == (2, 4, 4)


WRONG: dict[str, tuple[list[str], str]] = {
    "the width": (
        ["model.encoder.latents=5"],
        "the encoder (Encoder) gives a pair, of which the means are to be (B, 3) and are (2, 5)",
    ),
    "no such class": (["model.encoder._target_=ownpair.Encodr"], "did you mean 'Encoder'?"),
    "a setting that is not there": (["+model.decoder.wide=4"], "model: "),
    "no module": (
        ["model.decoder={_target_: ownpair.decoder.__name__}"],
        "_target_: ownpair.decoder.__name__",
    ),
    "nothing named": (["model=pair"], "model.encoder._target_ has no default: give model.encoder"),
    "no modules": (["~model.decoder", "+model.decoder=3"], "model.decoder is no torch.nn.Module"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line(case: str) -> None:
    words, says = WRONG[case]
    with pytest.raises(UserError) as refused:
        check(build(compose(["model=mine", *words, *FAST])))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_sweep_of_a_wrong_one_trains_nothing(betafront: Callable[..., Any]) -> None:
    said = betafront(
        "sweep", "study.name=s", "model=mine", "model.encoder.latents=5", "objective.weight=1,2",
        "hydra/launcher=basic", "tracking=off", *FAST,
    )  # fmt: skip
    assert said.code == 2
    assert said.err.startswith("betafront: model: the encoder (Encoder) gives a pair")
    assert said.err.count("\n") == 1
    assert not list(Path("runs").glob("*/trial-*"))


def parts() -> tuple[nn.Module, nn.Module]:
    flat = nn.Sequential(nn.Flatten(), nn.Linear(64, 6))
    return flat, nn.Sequential(nn.Linear(3, 64), nn.Unflatten(1, (1, 8, 8)))


def test_from_python_each_model_has_a_copy_or_what_a_function_makes() -> None:
    encoder, decoder = parts()
    copied = partial(pair, encoder=encoder, decoder=decoder, latents=3)
    made = partial(pair, encoder=lambda: parts()[0], decoder=lambda: parts()[1], latents=3)
    for architecture, alike in ((copied, True), (made, False)):
        one, other = (architecture((1, 8, 8), Gaussian()) for _ in range(2))
        assert isinstance(one, VAE)
        assert torch.equal(weights(one), weights(other)) == alike
        assert one.encoder is not other.encoder
    with pytest.raises(UserError, match=r"model\.encoder: what it names has returned .* type int"):
        pair((1, 8, 8), Gaussian(), encoder=lambda: 3, decoder=decoder)  # type: ignore[arg-type]


class Tied(nn.Module):
    """A linear decoder with the weights of an encoder's means."""

    def __init__(self, encoder: nn.Linear) -> None:
        super().__init__()
        self.weight = encoder.weight

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return (z @ self.weight[:3]).unflatten(1, (1, 8, 8))


def test_weights_that_the_two_share_stay_tied_and_are_written(own_place: Path) -> None:
    encoder, _ = parts()
    tied = partial(pair, encoder=encoder, decoder=Tied(encoder[1]), latents=3)  # type: ignore[arg-type,index]
    made = tied((1, 8, 8), Gaussian())
    assert made.decoder.weight is made.encoder[1].weight  # type: ignore[index]
    run = replace(build(compose([*FAST])), architecture=tied)
    check(run)
    fit_one(run, own_place / "run")
    vae = saved_model(own_place / "run", run.vae())
    assert not torch.equal(vae.decoder.weight, encoder[1].weight)  # type: ignore[arg-type,index]


def test_a_part_that_is_kept_in_evaluation_mode_stays_so_where_layers_are_lazy() -> None:
    def made(shape: tuple[int, ...], likelihood: Any) -> VAE:
        frozen = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64)).eval()
        encoder = nn.Sequential(frozen, nn.LazyLinear(6))
        return pair(shape, likelihood, encoder=encoder, decoder=parts()[1], latents=3)

    vae = initialised(made((1, 8, 8), Gaussian()), (1, 8, 8))
    assert vae.training and vae.encoder.training
    assert not vae.encoder[0].training  # type: ignore[index]
