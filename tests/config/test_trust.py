"""What a configuration may name, and what it may not, wherever it comes from."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from torch.optim import SGD

from betafront.config.build import build
from betafront.config.compose import compose
from betafront.config.parts import parts
from betafront.config.targets import make
from betafront.config.trust import (
    TRUST,
    Wall,
    of_composed,
    of_kept,
    of_loaded,
    trusted,
    trusting,
    typed_targets,
)
from betafront.errors import UserError

# A module of the user's, with what it imports.
OWN = """
import os
import numpy as np
import torch
from functools import partial
from betafront.files import write_whole
from betafront.models import mlp as ours
def vae(shape, likelihood): return ours(shape, likelihood)
small = partial(vae)
tiny = partial(ours, latents=2)
system = partial(os.system)
class Mine:
    @classmethod
    def of(cls): return cls()
"""
MARK = "import pathlib\npathlib.Path('was_imported').touch()\ndef f(): pass\n"
PATHS = {"own_vae.py": OWN, "own_other.py": MARK, "conf/model/mine.yaml": "_target_: own_vae.vae\n"}
WALLS: dict[str, Callable[[], Wall]] = {
    "composed": of_composed,
    "kept": of_kept,
    "loaded": lambda: of_loaded(()),
}


@pytest.fixture(autouse=True)
def own(own_place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with modules and a conf/ of the user's."""
    monkeypatch.syspath_prepend(own_place)
    monkeypatch.delenv(TRUST, raising=False)
    for path, text in PATHS.items():
        (own_place / path).parent.mkdir(parents=True, exist_ok=True)
        (own_place / path).write_text(text)
    for name in ("own_vae", "own_other"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return own_place


# The targets that runs of earlier versions name, whose folders must still open.
FORMER = {
    "data": "digits sprites tensor torchvision dsprites shapes3d",
    "metrics": "evaluate",
    "models": "conv linear mlp",
    "objective": "Bernoulli Beta Capacity Categorical Constant ContinuousBernoulli ControlVAE "
    "Cosine Cyclical DIP DiscretizedLogistic FreeBits Gaussian GaussianPerImage GECO Laplace "
    "Linear MMD normalisation OpenLoop Plain Sigmoid Staircase TotalCorrelation",
    "training": "Trainer",
}
OF_TORCH = (
    "torch.optim.Adam", "torch.optim.AdamW", "torch.optim.lbfgs.LBFGS", "torch.nn.ReLU",
    "torch.nn.modules.activation.GELU", "torch.optim.lr_scheduler.ReduceLROnPlateau",
    "torchvision.transforms.v2.RandomHorizontalFlip",
)  # fmt: skip


OF_MODELS = "Bernoulli Beta Categorical ContinuousBernoulli DiscretizedLogistic Gaussian "
OF_MODELS += "GaussianPerImage Laplace"
PUBLIC = (
    "betafront.models.VAE", "betafront.models.Posterior", "betafront.objective.Likelihood",
    "betafront.objective.likelihoods.Gaussian", "betafront.data.Images",
)  # fmt: skip


@pytest.mark.parametrize("wall", ["composed", "kept"])
def test_what_is_shipped_or_public_is_made_wherever_it_is_named(wall: str) -> None:
    assert len(parts()) > 30
    former = [f"betafront.{p}.{name}" for p, names in FORMER.items() for name in names.split()]
    WALLS[wall]().check([*parts(), *former, *PUBLIC, *OF_TORCH])


def test_a_trained_model_is_made_of_models_and_likelihoods() -> None:
    likelihoods = [f"betafront.objective.{name}" for name in OF_MODELS.split()]
    models = [f"betafront.models.{name}" for name in ("conv", "linear", "mlp", "VAE")]
    loaded = of_loaded(())
    loaded.check([*likelihoods, *models, *OF_TORCH, "betafront.objective.likelihoods.Beta"])
    for wall, way in ((loaded, r"betafront\.load\("), (of_kept().around("model"), "--trust ")):
        says = rf"is no part of a trained model, .* where you trust it: {way}"
        for target in ("betafront.data.torchvision", "betafront.metrics.evaluate"):
            with pytest.raises(UserError, match=says):
                wall.check(["betafront.models.mlp", target], "config.yaml")
    of_loaded("betafront.data.digits").check(["betafront.data.digits"])
    of_kept().around("data").check(["betafront.data.torchvision"])


def test_a_saved_model_makes_no_data() -> None:
    config = compose(["data.limit=100"])
    config.model = {
        "_target_": "betafront.models.mlp", "_partial_": True,
        "latents": {"_target_": "betafront.data.digits", "name": "digits"},
    }  # fmt: skip
    with pytest.raises(UserError, match=r"betafront\.data\.digits is no part of a trained model"):
        build(config, of_kept())


REFUSED = {
    "betafront.files.write_whole": "call it in a function of your own, and name that",
    "betafront.models.write_programs": "call it in a function of your own, and name that",
    "betafront.models.vae.VAE": "write betafront.models.VAE",
    "betafront.models.Vae": "did you mean 'betafront.models.VAE'?",
    "betafront.model.mlp": "write betafront.models.mlp",
}


@pytest.mark.parametrize("target", sorted(REFUSED))
def test_what_is_ours_but_no_part_is_refused_with_the_way_out(target: str) -> None:
    with pytest.raises(UserError) as refused:
        of_composed().check([target])
    assert str(refused.value).endswith(REFUSED[target])
    assert len(str(refused.value)) < 350


NEVER = {
    "a shell through NumPy": "numpy.testing._private.utils.runstring",
    "a library's loader": "torch.load",
    "a library's own dispatch": "torch.hub.load",
    "Hydra's dispatch": "hydra.utils.get_method",
    "Hydra itself": "hydra.utils.instantiate",
    "the standard library": "os.system",
    "a built-in": "builtins.eval",
    "of ours, but no part": "betafront.files.write_whole",
    "the command line": "betafront.cli.main",
    "the maker of parts": "betafront.config.targets.make",
    "through a module of ours": "betafront.files.os.system",
    "through a part of ours": "betafront.models.mlp.__globals__",
    "of torch.optim, but no optimiser": "torch.optim.swa_utils.update_bn",
    "through torch.optim": "torch.optim.adam.torch.load",
    "of torch.nn, but no module": "torch.nn.functional.relu",
    "through torch.nn": "torch.nn.modules.module.torch.load",
    "of torchvision, but no transform": "torchvision.transforms.v2.functional.hflip",
    "through torchvision's transforms": "torchvision.transforms.v2._geometry.torch.load",
    "a library's reader": "torchvision.io.read_file",
    "through a module of the user's": "own_vae.os.system",
    "a library's, through a module of the user's": "own_vae.np.testing._private.utils.runstring",
    "a library's loader, through a module of the user's": "own_vae.torch.load",
    "ours, imported by the user": "own_vae.write_whole",
    "wrapped": "own_vae.system",
    "a function's own": "own_vae.vae.__globals__.get",
    "no name": "own vae",
}


@pytest.mark.parametrize("wall", sorted(WALLS))
@pytest.mark.parametrize("name", sorted(NEVER))
def test_what_is_no_part_is_refused_wherever_it_is_named(name: str, wall: str) -> None:
    target = NEVER[name]
    with pytest.raises(UserError) as refused:
        WALLS[wall]().check(["betafront.models.mlp", target])
    assert target in str(refused.value)
    assert "\n" not in str(refused.value)


def test_where_a_study_is_recorded_is_chosen_for_this_command_alone() -> None:
    of_composed().check(["betafront.tracking.MLflowTracker"])
    for wall in (of_kept(), of_loaded(())):
        with pytest.raises(UserError, match="none of the parts that a configuration makes"):
            wall.check(["betafront.tracking.MLflowTracker"], "config.yaml")


def test_the_users_own_code_is_made_of_what_is_composed() -> None:
    names = ("vae", "small", "tiny", "ours", "Mine.of")
    of_composed().check([f"own_vae.{name}" for name in names])


def test_a_kept_configuration_names_what_the_users_own_files_name() -> None:
    of_kept().check(["own_vae.vae"])
    with pytest.raises(UserError, match=r"own_vae\.Mine: .* trust it: --trust own_vae$"):
        of_kept().check(["own_vae.Mine"], "runs/s/trial-0000/config.yaml")


def test_of_studies_only_those_that_can_be_chosen_name_code(own: Path) -> None:
    for path in ("studies/sent/runs/config.yaml", "studies/sent.yaml", "studies/mine/study.yaml"):
        (own / path).parent.mkdir(parents=True, exist_ok=True)
        (own / path).write_text(f"_target_: own_vae.{'ours' if 'mine' in path else 'Mine'}\n")
    of_kept().check(["own_vae.ours"])
    with pytest.raises(UserError, match=r"names own_vae\.Mine: "):
        of_kept().check(["own_vae.Mine"], "config.yaml")


def test_a_loaded_one_names_what_is_trusted() -> None:
    with pytest.raises(UserError, match=r"trust it: betafront\.load\(…, trust='own_vae'\)$"):
        of_loaded(()).check(["own_vae.vae"], "model/config.yaml")
    of_loaded("own_vae").check(["own_vae.vae", "own_vae.Mine.of", "own_vae.ours"])
    of_loaded(["own_vae.vae"]).check(["own_vae.vae"])
    several = ["own_vae.vae", "numpy.testing.assert_equal", "own_vae.Mine"]
    with pytest.raises(UserError, match=r"trust=\['own_vae', 'numpy\.testing\.assert_equal'\]"):
        of_loaded("other").check(several, "config.yaml")
    for target in ("own_vae.os.system", "own_vae.torch.load", "own_vae.system"):
        with pytest.raises(UserError, match=target):
            of_loaded("own_vae").check([target])


def test_a_function_of_a_library_is_trusted_by_its_name() -> None:
    target = "numpy.testing.assert_equal"
    with pytest.raises(UserError, match=rf"is of an installed library.*--trust {target} \(or "):
        of_composed().check([target])
    with trusting([target]):
        of_composed().check([target])
    with trusting(["own_vae.torch.load"]):  # who names it, wants it
        of_composed().check(["own_vae.torch.load"])


def test_nothing_of_what_is_refused_is_imported(own: Path) -> None:
    for wall in (of_kept(), of_loaded("own_vae")):
        with pytest.raises(UserError, match=r"own_other\.f"):
            wall.check(["own_vae.vae", "own_other.f"])
        assert not (own / "was_imported").exists()
    of_composed().check(["own_other.f"])
    assert (own / "was_imported").exists()


NESTED = {
    "below a setting": {"hidden": [{"deep": {"_target_": "own_other.f"}}]},
    "as a partial": {"hidden": {"_target_": "own_other.f", "_partial_": True}},
    "where Hydra does not look": {"_recursive_": False, "x": {"_target_": "own_other.f"}},
    "among positional arguments": {"_args_": [{"_target_": "own_other.f"}]},
    "by reference": {"a": "own_other.f", "x": {"_target_": "${..a}"}},
}


@pytest.mark.parametrize("name", sorted(NESTED))
def test_a_target_is_found_at_any_depth(name: str) -> None:
    node = OmegaConf.create({"_target_": "betafront.models.mlp", "_partial_": True, **NESTED[name]})
    with pytest.raises(UserError, match=r"own_other\.f"):
        make(node, of_loaded(()))


def test_an_optimiser_of_torch_is_a_choice() -> None:
    config = compose(["optimizer._target_=torch.optim.SGD", "~optimizer.fused", "data.limit=100"])
    run = build(config, of_kept())
    assert isinstance(run.make_optimizer(list(run.vae().parameters())), SGD)


def test_what_is_trusted_within_a_command_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRUST, "a.b, c")
    with trusting(["d,e.f"]):
        assert trusted() == {"a.b", "c", "d", "e.f"}
        with trusting(["g"]):
            assert "g" in trusted()
    assert trusted() == {"a.b", "c"}


@pytest.mark.parametrize(
    ("name", "says"),
    [("my-module", "and not 'my-module'"), ("os", "Python's standard library"), ("a:b", "'a:b'")],
)
def test_what_can_be_no_module_is_not_trusted(name: str, says: str) -> None:
    with pytest.raises(UserError, match=says), trusting([name]):
        pass


def test_what_the_command_line_names_is_seen_in_every_way_to_write_it() -> None:
    words = [
        "optimizer._target_=a.B",
        "+model={_target_: c.d, x: {_target_:'e.f'}}",
        "data._target_=os.system",
        "trainer.steps=3",
    ]
    assert typed_targets(words) == ["a.B", "c.d", "e.f"]
