"""How the audit calls a loss: its arguments, its settings and its answer."""

import json
import logging
import sys
import warnings
from typing import Any

import pytest
from torch import Tensor, nn
from torch.nn import functional

from betafront.errors import UserError
from betafront.weights.audit import audit
from betafront.weights.projects import kl

SHAPE, N, M = (1, 6, 5), 30, 7
EXACT = 1e-9  # float64, where the recognised gradient is the exact one


def kl_sum(mu: Tensor, log_var: Tensor) -> Tensor:
    return kl(mu, log_var).sum(1).mean()


def squared(x: Tensor, r: Tensor) -> Tensor:
    return (x - r).square().flatten(1).sum(1).mean()


def look(loss: Any, **arguments: Any) -> Any:
    return audit(loss, **{"shape": SHAPE, "latents": M} | arguments)


def written(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    return (
        functional.binary_cross_entropy_with_logits(reconstruction, x, reduction="sum")
        + 2 * kl(mu, log_var).sum()
    )


def test_arguments_are_known_by_their_usual_names() -> None:
    def loss(z_logvar: Tensor, recons: Tensor, z_mean: Tensor, images: Tensor) -> Tensor:
        return written(images, recons, z_mean, z_logvar)

    verdict = look(loss)
    assert verdict.beta == pytest.approx(2, rel=EXACT)
    assert "recons = reconstruction" in verdict.arguments


def test_arguments_with_other_names_go_by_position_or_by_order() -> None:
    def loss(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
        return written(b, a, c, d)

    verdict = look(loss)
    assert verdict.arguments.startswith("by position")
    assert verdict.beta is None
    assert "--order" in verdict.unknown["reconstruction"]
    ordered = look(loss, order=("reconstruction", "x", "mu", "log_var"))
    assert ordered.beta == pytest.approx(2, rel=EXACT)


def test_settings_reach_the_function() -> None:
    def loss(x: Tensor, recon: Tensor, mu: Tensor, logvar: Tensor, *, kld_weight: float) -> Tensor:
        return squared(x, recon) / 2 + kld_weight * kl_sum(mu, logvar)

    assert look(loss, settings={"kld_weight": 7}).beta == pytest.approx(7, rel=EXACT)
    with pytest.raises(UserError, match="--set kld_weight=VALUE"):
        look(loss)
    with pytest.raises(UserError, match="did you mean 'kld_weight'"):
        look(loss, settings={"kld_weigth": 7})


@pytest.mark.parametrize(
    ("wrap", "where"),
    [
        (lambda loss: (loss, 1, 2), "the first of 3"),
        (lambda loss: {"kl": 0, "loss": loss}, "'loss' of the returned dict"),
        (lambda loss: loss[None], "the returned value"),
    ],
)
def test_the_scalar_is_found(wrap: Any, where: str) -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Any:
        return wrap(written(x, reconstruction, mu, log_var))

    verdict = look(loss)
    assert where in verdict.value
    assert verdict.beta == pytest.approx(2, rel=EXACT)


def test_a_loss_that_changes_its_arguments_in_place() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return written(x, reconstruction, mu, log_var.clamp_(-20, 20))

    assert look(loss).beta == pytest.approx(2, rel=EXACT)


def test_a_loss_in_float32_is_told_to_its_digits() -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return written(x.float(), reconstruction.float(), mu.float(), log_var.float())

    assert look(loss).beta == pytest.approx(2, rel=1e-5)  # sums of float32


class Criterion(nn.Module):
    """A loss with float32 parameters, and its arguments in an order of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.same = nn.Linear(M, M, bias=False)
        nn.init.eye_(self.same.weight)

    def forward(self, mu: Tensor, log_var: Tensor, reconstruction: Tensor, x: Tensor) -> Tensor:
        return written(x, reconstruction, self.same(mu), log_var)


class Holder:
    def loss(self, x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        return written(x, reconstruction, mu, log_var)


def test_a_module_is_read_by_its_forward_and_called_in_its_floats() -> None:
    verdict = look(Criterion())
    assert verdict.arguments.startswith("by the parameters' names")
    assert verdict.beta == pytest.approx(2, rel=1e-5)  # sums of float32
    assert "in float32" in verdict.layout


def test_an_instances_method_is_a_loss() -> None:
    assert look(Holder().loss).beta == pytest.approx(2, rel=EXACT)


def exiting(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    raise SystemExit(3)


def asserting(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    raise AssertionError


def test_nothing_that_a_loss_prints_warns_or_logs_is_seen(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def loss(x: Tensor, reconstruction: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
        print("printed")
        print("said", file=sys.stderr)
        warnings.warn("warned", stacklevel=1)
        logging.getLogger("loss").error("logged")
        return written(x, reconstruction, mu, log_var)

    assert look(loss).clean
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("loss").isEnabledFor(logging.ERROR)


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        (exiting, "exiting raised SystemExit: 3"),
        (asserting, "asserting raised an assertion without a message"),
        (Holder.loss, "loss is a method of Holder and needs an instance"),
        (Criterion.forward, "forward is a method of Criterion and needs an instance"),
        (Criterion, "Criterion is a class"),
        (
            lambda x, r, m, v: functional.binary_cross_entropy(r, x.view(-1, 15)),
            r"between sizes \[8, 15\] and \[4, 1, 6, 5\] \(a hard-coded image size",
        ),
        (lambda x, r, m, v: (x - r).square().flatten(1).sum(1), "shape"),
        (lambda x, r, m, v: {"kl": m.sum()}, "dict without loss"),
        (lambda x, r, m, v: None, "NoneType"),
        (lambda x, r, m, v: x @ 3, "raised TypeError"),
        (lambda x, r: x.sum(), "takes 2 arguments"),
        (3, "a loss function is needed"),
    ],
)
def test_what_cannot_be_called_is_one_clear_line(loss: Any, says: str) -> None:
    with pytest.raises(UserError, match=says) as refused:
        look(loss)
    assert "\n" not in str(refused.value)


def test_an_order_names_each_argument_once() -> None:
    with pytest.raises(UserError, match=r"'logvra'.*did you mean 'log_var'"):
        look(written, order=("x", "reconstruction", "mu", "logvra"))
    with pytest.raises(UserError, match="once"):
        look(written, order=("x", "reconstruction", "mu", "mu"))


def test_a_verdict_is_plain_json() -> None:
    answer = json.loads(json.dumps(look(written).to_json()))
    assert answer["beta"] == pytest.approx(2, rel=EXACT)
    assert answer["clean"] is True
