"""`betafront weights`, from the command line."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


def answer(betafront: Command, *arguments: str) -> dict[str, Any]:
    said = betafront("weights", "--json", *arguments)
    assert said.code == 0, said.err
    return json.loads(said.out)


@pytest.mark.parametrize(
    ("arguments", "beta"),
    [
        (("pytorch-vae",), 1.536),
        (("pytorch-vae", "--latents", "64", "--weight", "1"), 6144),
        (("disent",), 7.766016),
        (("disentangling-vae",), 1 / 510),
        (("lightning-bolts",), 0.6),
        (("disentanglement-lib", "--weight", "16"), 8),
        (("mr-vae", "--weight", "0.01"), 0.005),
        (("pythae", "--weight", "3"), 3),
        (("sigma-vae", "--sigma", "0.1"), 1),
    ],
)
def test_a_projects_default_on_the_one_scale(
    betafront: Command, arguments: tuple[str, ...], beta: float
) -> None:
    assert answer(betafront, "--project", *arguments)["beta"] == pytest.approx(beta, rel=1e-11)


def test_a_shape_is_the_same_as_its_pixels(betafront: Command) -> None:
    rest = ("--latents", "20", "--normalisation", "mean", "--weight", "0.1")
    by_shape = answer(betafront, "--shape", "1x28x28", *rest)
    assert by_shape == answer(betafront, "--pixels", "784", *rest)


def test_a_squared_error_halves_or_keeps_the_weight(betafront: Command) -> None:
    rest = ("--pixels", "64", "--latents", "8", "--weight", "3")
    assert answer(betafront, *rest, "--squared-error", "full")["beta"] == 1.5
    assert answer(betafront, *rest, "--squared-error", "half")["beta"] == 3
    at_sigma = answer(betafront, *rest, "--squared-error", "half", "--precision", "4")
    assert (at_sigma["beta"], at_sigma["beta_sigma2"], at_sigma["sigma"]) == (12, 3, 0.5)


def test_squared_errors_in_each_reduction(betafront: Command) -> None:
    arguments = ("--pixels", "64", "--latents", "8", "--weight", "3", "--sigma", "0.5")
    assert answer(betafront, *arguments)["squared_error_weights"] == {
        "full": {"sum": 1.5, "mean": 0.1875, "pixel_mean": 0.0234375, "beta_norm": 0.1875},
        "half": {"sum": 0.75, "mean": 0.09375, "pixel_mean": 0.01171875, "beta_norm": 0.09375},
    }


def test_the_table_says_that_sigma_was_taken(betafront: Command) -> None:
    said = betafront("weights", "--project", "pytorch-vae")
    assert "canonical β = 1.536" in said.out
    assert "σ = 1 is taken, since nobody said" in said.out
    assert "6144" in said.out
    assert max(map(len, said.out.splitlines())) <= 100


def test_no_two_rows_have_one_name(betafront: Command) -> None:
    said = betafront("weights", "--pixels", "64", "--latents", "8", "--weight", "3")
    names = [re.split("  +", line.strip())[0] for line in said.out.splitlines()[2:]]
    assert len(names) == len(set(names)) == 13
    assert "sum, ½ squared error" in names


def test_an_optimal_sigma_has_no_squared_error_to_weigh(betafront: Command) -> None:
    said = betafront("weights", "--project", "sigma-vae")
    assert "canonical β = 1" in said.out
    assert "quared error" not in said.out
    assert "σ = 1" not in said.out
    told = answer(betafront, "--project", "sigma-vae")
    assert (told["sigma"], told["squared_error"], told["squared_error_weights"]) == (None, {}, {})


def test_an_optimal_sigma_that_somebody_says_weighs_squared_errors(betafront: Command) -> None:
    said = betafront("weights", "--project", "sigma-vae", "--sigma", "0.1")
    assert "Beside a squared error σ = 0.1." in said.out
    told = answer(betafront, "--project", "sigma-vae", "--sigma", "0.1")
    assert told["squared_error_weights"]["half"]["sum"] == pytest.approx(0.01, rel=1e-11)


SIZES = ("--pixels", "4", "--latents", "2", "--weight", "1")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "or --project"),
        (("--pixels", "4", "--latents", "2"), "--weight"),
        ((*SIZES, "--shape", "1x2x2"), "--pixels and --shape both say N"),
        ((*SIZES, "--sigma", "1", "--precision", "1"), "--sigma and --precision both say σ"),
        ((*SIZES, "--precision", "-1"), "--precision must be above 0"),
        ((*SIZES, "--sigma", "nan"), "--sigma must be above 0"),
        ((*SIZES, "--squared-error", "ful"), "did you mean 'full'?"),
        ((*SIZES, "--coefficient", "0"), "coefficient must be above 0"),
        (("--project", "pytorchvae"), "did you mean 'pytorch-vae'?"),
        (("--shape", "3xax4", "--latents", "2", "--weight", "1"), "--shape is like 3x64x64"),
        (("--pixels", "4", "--latents", "2", "--weight", "nan"), "--weight must be finite"),
    ],
)
def test_bad_input_is_one_clear_line(
    betafront: Command, arguments: tuple[str, ...], says: str
) -> None:
    said = betafront("weights", *arguments)
    assert said.code == 2
    assert says in said.err
    assert len(said.err.strip().splitlines()) == 1


LOSSES = """
import torch

weight = 3


def vae_loss(recon_x, x, mu, logvar, kld_weight=0.25):
    print("called")
    kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1)
    return {"loss": ((x - recon_x) ** 2).flatten(1).sum(1).mean() + kld_weight * kl.mean()}


def averaged(recon_x, x, mu, logvar):
    return ((x - recon_x) ** 2).mean() + (mu**2 + logvar.exp() - logvar - 1).sum(1).mean() / 2


def cosine(recon_x, x, mu, logvar):
    return -torch.cosine_similarity(recon_x.flatten(1), x.flatten(1)).mean() + mu.square().sum()


def leaving(recon_x, x, mu, logvar):
    raise SystemExit(3)


class Criterion:
    def loss(self, recon_x, x, mu, logvar):
        return averaged(recon_x, x, mu, logvar)


criterion = Criterion()


def broken(recon_x, x, mu, logvar):
    raise RuntimeError("two\\nlines")
"""


@pytest.fixture
def losses(own_place: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of losses in the current directory, under a name of its own in every test."""
    name = f"losses_{own_place.name}"
    (own_place / f"{name}.py").write_text(LOSSES, encoding="utf-8")
    monkeypatch.setattr(sys, "path", list(sys.path))
    return name


AT = ("--shape", "1x8x8", "--latents", "4")


def test_an_audit_of_a_loss_in_the_current_directory(betafront: Command, losses: str) -> None:
    said = betafront("weights", "audit", f"{losses}:vae_loss", *AT, "--set", "kld_weight=4")
    assert said.code == 0, said.err
    assert "2 at σ = 1; the loss sets only β·σ² = 2" in said.out
    assert "recon_x = reconstruction" in said.out
    assert "normalisation=sum objective.weight=4" in said.out
    assert max(map(len, said.out.splitlines())) <= 100
    assert "called" not in said.out + said.err


def test_an_audit_of_an_instances_method(betafront: Command, losses: str) -> None:
    said = betafront("weights", "audit", f"{losses}:criterion.loss", *AT)
    assert "canonical β" in said.out
    assert "sums beside means" in said.out


def test_an_audit_for_scripts(betafront: Command, losses: str) -> None:
    said = betafront("weights", "audit", f"{losses}.py:vae_loss", *AT, "--json")
    verdict = json.loads(said.out)
    assert (said.code, verdict["clean"]) == (0, True)
    assert verdict["beta"] == pytest.approx(0.125, rel=1e-9)


def test_a_warning_is_status_one(betafront: Command, losses: str) -> None:
    said = betafront("weights", "audit", f"{losses}:averaged", *AT)
    assert said.code == 1
    assert "warning: sums beside means" in said.out


def test_what_cannot_be_told_is_status_one(betafront: Command, losses: str) -> None:
    said = betafront("weights", "audit", f"{losses}:cosine", *AT)
    assert said.code == 1
    assert "cannot tell the reconstruction term: it is none of" in said.out


@pytest.mark.parametrize(
    ("loss", "arguments", "says"),
    [
        ("LOSSES:vae_los", (), "did you mean 'vae_loss'?"),
        ("LOSSESS:vae_loss", (), "did you mean 'LOSSES'?"),
        ("LOSSES", (), "module:function"),
        ("SCRIPT:loss", (), "raised SystemExit"),
        ("SCRIPT_assert:loss", (), "raised an assertion without a message"),
        ("./LOSSES:vae_loss", (), "give the file, as in ./LOSSES.py:function"),
        ("LOSSES:leaving", (), "leaving raised SystemExit: 3"),
        ("LOSSES:Criterion", (), "Criterion is a class"),
        ("LOSSES:Criterion.loss", (), "loss is a method of Criterion and needs an instance"),
        ("LOSSES:weight", (), "is no function but of type int"),
        ("nowhere.py:loss", (), "there is no file 'nowhere.py'"),
        ("LOSSES:broken", (), "broken raised RuntimeError: two lines"),
        ("LOSSES:vae_loss", ("--set", "kld_weigth=1"), "did you mean 'kld_weight'?"),
        ("LOSSES:vae_loss", ("--set", "kld_weight"), "--set is like"),
        ("LOSSES:vae_loss", ("--order", "x,recon,mu,logvra"), "did you mean 'log_var'?"),
        ("LOSSES:vae_loss", ("--shape", "8y8"), "--shape is like"),
        ("LOSSES:vae_loss", ("--latents", "0"), "latents must be at least 1"),
    ],
)
def test_what_cannot_be_audited_is_one_clear_line(
    betafront: Command, losses: str, loss: str, arguments: tuple[str, ...], says: str
) -> None:
    Path(f"{losses}_script.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    Path(f"{losses}_script_assert.py").write_text("assert False\n", encoding="utf-8")
    name = loss.replace("LOSSES", losses).replace("SCRIPT", f"{losses}_script")
    said = betafront("weights", "audit", name, *arguments)
    assert said.code == 2
    assert says.replace("LOSSES", losses) in said.err
    assert len(said.err.strip().splitlines()) == 1


GUIDE = Path(__file__).parents[2] / "docs" / "weights.md"
SHOWN = (
    "weights projects --markdown",
    "weights --shape 1x28x28 --latents 20 --normalisation mean --weight 0.1",
    "weights audit betafront.weights.projects:pytorch_vae --shape 3x64x64 --latents 128",
)
"""The commands whose answers the guide shows."""


@pytest.mark.parametrize("command", SHOWN)
def test_the_guide_shows_what_the_commands_print(betafront: Command, command: str) -> None:
    page = GUIDE.read_text(encoding="utf-8")
    said = betafront(*command.split())
    assert f"betafront {command}\n" in page
    printed = "\n".join(line.rstrip() for line in said.out.strip().splitlines())
    assert printed in page


def test_projects_as_a_table(betafront: Command) -> None:
    said = betafront("weights", "projects")
    assert "lightning-bolts" in said.out
    assert max(map(len, said.out.splitlines())) <= 100
