"""A composed configuration, and the parts of the run that it names."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

from omegaconf import DictConfig, OmegaConf

from betafront.config.complete import check_parts
from betafront.config.explain import explain
from betafront.config.parts import PARTS
from betafront.config.targets import make, targets_of
from betafront.config.trust import Wall
from betafront.data import Data
from betafront.data.seeded import seeded
from betafront.errors import UserError, one_line
from betafront.models import Family, Model, Shape, check_model, fresh_model
from betafront.models.batch_norm import check_batch_norm, normalises_batches
from betafront.models.check import check_log_ratio
from betafront.objective import Objective, told
from betafront.own_modules import cause, users_place
from betafront.training.lightning.trainer import lightning_trainer
from betafront.training.optimizer import optimizer_of
from betafront.training.recipe.aggressive import check_aggressive
from betafront.training.recipe.average import Average
from betafront.training.recipe.learning_rate import check_lr_schedule
from betafront.training.recipe.share import check_devices
from betafront.training.recipe.trainer import STEPS, steps_per_epoch
from betafront.training.recipe.whole_steps import check_accumulation
from betafront.training.run import Run
from betafront.training.validation.best import check_patience


def build(config: DictConfig, wall: Wall | None = None) -> Run:
    """The parts of the run that `config` describes; the data is kept in memory between calls.

    Args:
        config: of the run.
        wall: as in `betafront.config.targets.make`.

    Raises:
        UserError: a part is missing or refuses its settings, or the data does not suit the
            likelihood.
    """
    check_parts(config)
    config = with_steps(config, wall)
    parts: dict[str, Any] = {
        key: _make(config[key], key, wall)
        for key in PARTS
        if key not in ("data", "model", "prior", "objective")
    }
    data = _augmented_data(config.data, wall)
    weight, draws = config.objective.weight, config.objective.get("draws", 1)
    if weight == "auto":
        raise UserError(
            "objective.weight=auto is a range, and one run has one weight: `betafront forecast` "
            "prints the range, and `betafront sweep objective.weight=auto` searches it"
        )
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise UserError(f"objective.weight must be a number, not {weight!r}")
    return Run(
        data=data,
        architecture=_called_later(config.model, "model", wall),
        likelihood=parts["likelihood"],
        make_objective=partial(
            Objective,
            weight=float(weight),
            normalisation=parts["normalisation"],
            schedule=parts["schedule"],
            shaping=parts["shaping"],
            controller=parts["controller"],
            penalties=tuple(parts["penalty"].values()),
            draws=draws,
        ),
        make_optimizer=parts["optimizer"],
        trainer=parts["trainer"],
        evaluate=parts["metrics"],
        seed=config.seed,
        make_lr_schedule=parts["lr_schedule"] or None,
        make_prior=_called_later(config.prior, "prior", wall) if config.prior else None,
        callbacks=parts["callbacks"],
        loggers=_make(config.loggers, "loggers", wall) if config.get("loggers") else {},
    )


def with_steps(config: DictConfig, wall: Wall | None = None) -> DictConfig:
    """The configuration of a run in which the steps stand that `trainer.epochs` are, in its place;
    itself where it has no epochs. What refers to `${trainer.steps}` refers to these.

    Args:
        config: of the run.
        wall: as in `betafront.config.targets.make`.

    Raises:
        UserError: it has both, or the data cannot be had.
    """
    if config.trainer.get("epochs") is None:
        return config
    config = config.copy()
    if config.trainer.get("steps") is None:
        config.trainer.steps = STEPS  # the default, which `epochs` takes the place of
    trainer = _make(config.trainer, "trainer", wall)
    per_epoch = steps_per_epoch(
        _augmented_data(config.data, wall).size("train"), trainer.batch_size, trainer.accumulate
    )
    config.trainer.steps = trainer.epochs * per_epoch
    config.trainer.epochs = None
    return config


def model(
    config: DictConfig,
    shape: Shape,
    log_volume: float = 0.0,
    wall: Wall | None = None,
    symbols: int | None = None,
) -> Model:
    """A fresh model as `config` describes it, for data that need not be there.

    Args:
        config: of the run.
        shape: of one example.
        log_volume: as in `betafront.models.Model`.
        wall: as in `betafront.config.targets.make`.
        symbols: V, as in `betafront.data.Data`; None of numbers.

    Raises:
        UserError: the model or the likelihood refuses its settings.
    """
    likelihood = told(_make(config.likelihood, "likelihood", wall)(), symbols)
    architecture = _make(config.model, "model", wall)
    make_prior = _make(config.prior, "prior", wall) if config.prior else None
    return fresh_model(architecture, likelihood, shape, log_volume, make_prior)


def _called_later(node: DictConfig, key: str, wall: Wall | None) -> Callable[..., Any]:
    """What makes a model, or a prior, as `node` describes it. Modules that the node names within
    are made anew for each model, so that their weights are drawn with the seed of its run, and are
    its own.

    Raises:
        UserError: it cannot be made.
    """
    made: Callable[..., Any] = _make(node, key, wall)
    if sum(1 for _ in targets_of(OmegaConf.to_container(node, resolve=True))) < 2:
        return made

    def of_fresh_modules(*given: Any) -> Any:
        return _make(node, key, wall)(*given)

    return of_fresh_modules


def check(run: Run) -> None:
    """Make every part of a run once, and try the model on examples of the data, without training.

    Raises:
        UserError: a part cannot be made, the data is outside the likelihood's support, or the model
            breaks its contract (`betafront.models.check_model`).
    """
    # With Lightning, which whoever loads a trained model does without.
    from betafront.training.lightning.callbacks import check_callbacks
    from betafront.training.lightning.loggers import check_loggers

    with _of_part("likelihood"):
        likelihood = run.p_x().suit(run.data.shape)
    with _of_part("model"):
        vae = run.architecture(run.data.shape, likelihood)
    if not isinstance(vae, Model):
        raise UserError(
            f"model: what it names has returned {_typed(vae)}, and no betafront.models.Model, such "
            "as a betafront.models.VAE"
        )
    if run.make_prior is not None:
        with _of_part("prior"):
            vae.set_prior(run.make_prior, run.data.shape)
    vae.start_from(run.drawn)
    if (kept := run.trainer.ema) is not None:
        with _of_part("trainer.ema"):
            Average(vae, kept)  # a copy, which not every module can be made of
    run.data.check(vae.likelihood)
    check_model(vae, run.data.examples("val", 2))
    with _of_part("objective"):
        objective = run.objective_of(vae)
    objective.check_model(vae.factorised)
    if isinstance(vae, Family):
        run.stand(vae)
    run.begin(vae)
    objective.check_mean(not vae.likelihood.of_symbols)
    objective.check_likelihood(vae.likelihood)
    if objective.draws > 1:
        check_log_ratio(vae, run.data.examples("val", 2))
    check_patience(run.trainer.patience, objective)
    batch = min(run.trainer.batch_size, run.data.size("train"))
    objective.check_batch(batch)
    if normalises_batches(vae):
        check_batch_norm(batch)
    with _of_part("optimizer"):
        optimizer = optimizer_of(vae, run.make_optimizer)
    check_aggressive(run.trainer, vae, optimizer)
    check_accumulation(run.trainer, run.data.size("train"), optimizer)
    if run.make_lr_schedule is not None:
        with _of_part("lr_schedule"):
            check_lr_schedule(run.make_lr_schedule, optimizer, objective, run.trainer.steps)
    check_callbacks(run.callbacks, run.loggers)
    check_loggers(run.loggers)
    check_devices(run.trainer, run.data.size("train"), vae, objective)
    lightning_trainer(run)


@contextmanager
def _of_part(key: str) -> Iterator[None]:
    """Makes an error of a part that is called with its settings a line that names the part."""
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise UserError(_failed(key, error)) from error


def _failed(key: str, error: BaseException) -> str:
    """Why a part cannot be made: its own error, with the place where it is in the user's files."""
    if isinstance(error, TypeError) and not users_place(error):
        return f"{key}: one of its values is of the wrong type: {one_line(error)[:200]}"
    return f"{key}: {cause(error)}"


def _typed(value: Any) -> str:
    return "None" if value is None else f"an object of type {type(value).__name__}"


def _augmented_data(node: DictConfig, wall: Wall | None) -> Data:
    """The data, of which the training batches go through what `augment` names: a list of
    transforms, or a mapping of such by names of their own, of which each setting has a key."""
    settings = OmegaConf.to_container(node, resolve=True)
    assert isinstance(settings, dict)
    written = settings.pop("augment") if _is_of_parts(settings.get("augment", 0)) else None
    data = _data(json.dumps(settings), wall)
    if not written:
        return data
    listed = list(written.values()) if isinstance(written, dict) else written
    made = _make(OmegaConf.create({"transforms": listed}), "data.augment", wall)["transforms"]
    for transform, of in zip(made, listed, strict=True):
        if not callable(transform):
            raise UserError(
                f"data.augment: {of} is no transform: give a list, as "
                "[{_target_: torchvision.transforms.v2.RandomHorizontalFlip}]"
            )
    return data.augmented(made)


def _is_of_parts(value: Any) -> bool:
    """Whether a setting is empty, or holds what is to be made; a function of the user's may have
    another one of that name."""
    return value is None or isinstance(value, list | dict)


@lru_cache(maxsize=2)
def _data(node: str, wall: Wall | None) -> Data:
    with seeded(0):  # a Dataset that draws its examples has the same ones in every process
        data = _make(OmegaConf.create(json.loads(node)), "data", wall)
    if not isinstance(data, Data):
        raise UserError(
            f"data: {node} has made {_typed(data)}, and no betafront.data.Data: return what "
            "betafront.data.in_memory makes"
        )
    return data


def _make(node: DictConfig, key: str, wall: Wall | None) -> Any:
    from hydra.errors import InstantiationException
    from omegaconf.errors import OmegaConfBaseException

    for name in _missing(OmegaConf.to_container(node), key):
        raise UserError(f"{name} has no default: give {name}=…")
    try:
        return make(node, wall and wall.around(key))
    except (InstantiationException, OmegaConfBaseException) as error:
        if isinstance(error, OmegaConfBaseException):
            raise UserError(f"{key}: {explain(error, list)}") from error
        why = error.__cause__ or error
        raise UserError(_failed(key, why) + _if_not_partial(node, key, why)) from error


def _if_not_partial(node: DictConfig, key: str, error: BaseException) -> str:
    """The way out where a part is called at once, and lacks what it would be given later."""
    lacks = isinstance(error, TypeError) and "required positional argument" in str(error)
    if not lacks or key == "data" or node.get("_partial_"):
        return ""
    return f": write _partial_: true beside its _target_, in conf/{key}, and it is given them"


def _missing(node: Any, key: str) -> Iterator[str]:
    """The keys of plain values, at any depth below `key`, that have to be given."""
    if node == "???":
        yield key
    elif isinstance(node, dict):
        for name, value in node.items():
            yield from _missing(value, f"{key}.{name}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from _missing(value, f"{key}.{i}")
