"""Settings of earlier versions beside those of this one: which runs are the same."""

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from betafront.config.build import save
from betafront.config.deciding import FORMERLY, deciding, flat
from betafront.errors import UserError
from betafront.shipped import conf_dir
from betafront.training.folder import RunFolder

FORMER_SCALES = {"gaussian": {"sigma": 1.0}, "laplace": {"scale": 1.0}, "gaussian_per_image": {}}


def composed(*words: str) -> DictConfig:
    with initialize_config_dir(str(conf_dir()), version_base=None):
        return compose("betafront", overrides=list(words))


def as_before(config: DictConfig) -> dict[str, Any]:
    """The configuration as it was when nothing in FORMERLY had a key."""
    former: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    for node in former.values():
        target = node.get("_target_") if isinstance(node, dict) else None
        for key in FORMERLY.get(target, {}):
            node.pop(key, None)
    name = former["likelihood"]["_target_"].rpartition(".")[2]
    kind = {"Gaussian": "gaussian", "Laplace": "laplace"}.get(name, "gaussian_per_image")
    former["likelihood"] |= FORMER_SCALES[kind]
    return former


def decides(node: Any) -> dict[str, Any]:
    plain = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else node
    found = deciding(flat({k: plain[k] for k in ("likelihood", "trainer")}))
    return {k: v for k, v in found.items() if not k.startswith("trainer.keep")}


@pytest.mark.parametrize("likelihood", ["gaussian", "laplace"])
@pytest.mark.parametrize("mode", ["optimal", "fixed"])
def test_a_scale_that_is_not_learned_decides_what_it_did(likelihood: str, mode: str) -> None:
    now = composed(f"likelihood={likelihood}", f"likelihood.mode={mode}")
    assert decides(as_before(now)) == decides(now)


@pytest.mark.parametrize(
    ("likelihood", "way_out"),
    [
        ("gaussian", ("likelihood.sigma=1", "likelihood.lr_factor=1")),
        ("laplace", ("likelihood.scale=1", "likelihood.lr_factor=1")),
        ("gaussian_per_image", ("likelihood.sigma=1",)),
    ],
)
def test_a_learned_scale_is_another_run_until_it_is_told_to_start_at_one(
    likelihood: str, way_out: tuple[str, ...]
) -> None:
    mode = () if likelihood == "gaussian_per_image" else ("likelihood.mode=learned",)
    words = (f"likelihood={likelihood}", *mode)
    former = as_before(composed(*words))
    assert decides(former) != decides(composed(*words))
    assert decides(former) == decides(composed(*words, *way_out))


def test_another_fixed_sigma_is_another_run() -> None:
    one, other = (composed("likelihood.mode=fixed", f"likelihood.sigma={s}") for s in (0.5, 0.6))
    assert decides(one) != decides(other)


def test_a_stopped_run_of_an_earlier_version_goes_on_and_other_settings_are_refused(
    tmp_path: Path,
) -> None:
    now = composed()
    OmegaConf.update(now, "trainer.keep", "last", force_add=True)
    save(now, tmp_path)
    folder = RunFolder(tmp_path)
    written = OmegaConf.load(folder.config)
    former = {key: value for key, value in as_before(now).items() if key in written}
    assert former["likelihood"]["sigma"] == 1.0
    folder.config.write_text(OmegaConf.to_yaml(former))
    folder.checkpoint.touch()
    save(now, tmp_path)  # it is the same run
    now.likelihood.momentum = 0.9
    with pytest.raises(UserError, match="a run that was stopped, with other settings"):
        save(now, tmp_path)
