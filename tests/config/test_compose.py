"""What is composed on a copy is what Hydra composes."""

import pickle

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from betafront.config.compose import Composer, loader_of_jobs
from betafront.config.explain import COMPOSITION_ERRORS
from betafront.config.parts import PARTS
from betafront.errors import UserError
from betafront.shipped import conf_dir

FIXED = ["likelihood=gaussian", "trainer.steps=7"]
TRIALS = [
    ["objective.weight=0.5", "normalisation=sum", "seed=1"],
    ["objective.weight=2", "normalisation=mean", "seed=2"],
    ["objective.weight=4.5", "normalisation=mean", "seed=3"],
    ["schedule=linear", "schedule.warmup=0.25", "seed=1"],
    ["schedule=linear", "schedule.warmup=0.75", "seed=1"],
    ["schedule=cyclical", "schedule.cycles=3", "seed=1"],
    ["schedule=cyclical", "schedule.cycles=5", "seed=9"],
    ["model.hidden=[8,4]", "seed=1"],
    ["model.hidden=[16]", "seed=1"],
    ["+optimizer.weight_decay=0.5", "seed=1"],
    ["+optimizer.weight_decay=0.01", "seed=1"],
    ["likelihood.sigma=null", "seed=1"],
    ["data.name='1'", "seed=1"],
    ["data.name='a, b'", "seed=1"],
    ["penalty=[mmd]", "penalty.mmd.weight=2", "seed=1"],
    ["penalty=[mmd]", "penalty.mmd.weight=3", "seed=1"],
    ["controller=geco", "schedule@controller.schedule=linear", "seed=1"],
    ["controller=geco", "schedule@controller.schedule=cosine", "seed=2"],
    ["+optimizer.extra={a: 1}", "seed=1"],
    ["+optimizer.extra={b: 2}", "seed=1"],
    ["++optimizer.lr=0.5", "++optimizer.extra=1", "seed=1"],
    ["~optimizer.lr", "seed=1"],
    ["penalty={mine: {weight: 1}}", "seed=1"],
    ["objective.weight=${seed}", "seed=1"],
    ["+optimizer.lr=0.1", "seed=1"],  # there already
    ["objectve.weight=1", "seed=1"],
    ["schedule=linear", "schedule.cycles=3", "seed=1"],
    ["schedule=liner", "seed=1"],
    ["nothing@controller=linear", "seed=1"],
]


@pytest.fixture(scope="module")
def loader() -> ConfigLoaderImpl:
    return ConfigLoaderImpl(create_config_search_path(str(conf_dir())))


@pytest.fixture(scope="module")
def master(loader: ConfigLoaderImpl) -> DictConfig:
    return loader.load_configuration("betafront", list(FIXED), RunMode.MULTIRUN)


def parts(config: DictConfig) -> dict:
    plain = OmegaConf.to_container(config, resolve=False)
    return {key: plain[key] for key in [*PARTS, "seed"]}


def test_every_trial_is_composed_as_hydra_composes_it_in_any_order(
    loader: ConfigLoaderImpl, master: DictConfig
) -> None:
    composer = Composer(loader, master, FIXED)
    assert parts(composer.base()) == parts(loader.load_sweep_config(master, FIXED))
    for overrides in [*TRIALS, *reversed(TRIALS)]:
        try:
            expected = parts(loader.load_sweep_config(master, [*FIXED, *overrides]))
        except COMPOSITION_ERRORS:
            with pytest.raises(UserError):
                composer(overrides)
            continue
        assert parts(composer(overrides)) == expected, overrides


def test_hydra_composes_once_for_each_set_of_choices(
    loader: ConfigLoaderImpl, master: DictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = loader.load_sweep_config
    monkeypatch.setattr(
        loader, "load_sweep_config", lambda *a, **k: asked.append(a) or real(*a, **k)
    )
    composer = Composer(loader, master, FIXED)
    for weight in range(5):
        for normalisation in ("sum", "mean"):
            composer([f"objective.weight={weight}", f"normalisation={normalisation}"])
    assert len(asked) == 2
    composer = Composer(loader, master, FIXED)
    composer.base()  # which Hydra has composed for the command, and with the sum
    composer(["normalisation=sum"])
    composer(["normalisation=mean"])
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("words", "of_job"),
    [
        (["study=weighting", "trainer.steps=7"], ["study=weighting", "trainer.steps=7"]),
        (
            [
                "objective.weight=1,2",
                "+optimizer.weight_decay=0.1",
                "hydra/launcher=basic",
                "normalisation=sum,mean",
                "hydra.job.config.override_dirname.exclude_keys=[seed]",
                "seed=3",
                "hydra.mode=MULTIRUN",
                "data.name=a b",
            ],
            ["+optimizer.weight_decay=0.1", "seed=3", "data.name=a b"],
        ),
        (["objective.weight=1,2"], ["seed=4"]),  # a study of before is gone on with other words
    ],
)
def test_the_configuration_of_a_job_is_what_hydra_composes(
    loader: ConfigLoaderImpl, words: list[str], of_job: list[str]
) -> None:
    sweep = loader.load_configuration("betafront", words, RunMode.MULTIRUN)
    composed = loader.load_sweep_config(sweep, of_job)
    of_jobs = pickle.loads(pickle.dumps(loader_of_jobs(loader)))
    made = of_jobs.load_sweep_config(sweep, of_job)
    assert OmegaConf.to_yaml(made) == OmegaConf.to_yaml(composed)
    assert OmegaConf.get_cache(made) == OmegaConf.get_cache(composed)


def test_a_choice_that_is_missing_is_for_hydra_to_refuse_to_a_job(
    loader: ConfigLoaderImpl,
) -> None:
    sweep = loader.load_configuration("betafront", ["model=???"], RunMode.MULTIRUN)
    with pytest.raises(ConfigCompositionException, match="must specify 'model'"):
        loader_of_jobs(loader).load_sweep_config(sweep, ["model=???"])


def test_what_was_composed_goes_along_to_another_process(
    loader: ConfigLoaderImpl, master: DictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    composer = Composer(loader, master, FIXED)
    expected = composer(["normalisation=mean", "objective.weight=1"])
    arrived = pickle.loads(pickle.dumps(composer))
    monkeypatch.setattr(ConfigLoaderImpl, "load_sweep_config", None)
    assert arrived(["normalisation=mean", "objective.weight=1"]) == expected
    assert arrived(["normalisation=mean", "objective.weight=2", "seed=3"]).objective.weight == 2


def test_a_trial_cannot_change_the_next_one(loader: ConfigLoaderImpl, master: DictConfig) -> None:
    composer = Composer(loader, master, FIXED)
    first = composer(["model.hidden=[8]"])
    first.model.hidden.append(3)
    assert composer(["model.hidden=[8]"]).model.hidden == [8]
