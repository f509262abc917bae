"""The configuration of a run in its folder, written before it is trained and read again; and its
trained model.

The folder may be somebody else's: its configuration makes the project's own parts, and what the
user trusts beside them (`betafront.config.trust`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from betafront.config.build import build, with_steps
from betafront.config.former import moved, newer
from betafront.config.parts import ADDED, PARTS, TO_LOAD
from betafront.config.targets import targets_of
from betafront.config.trust import Wall, of_kept
from betafront.damage import COPY, reading
from betafront.errors import UserError, one_line
from betafront.files import write_whole
from betafront.models import Model
from betafront.training.folder import RunFolder
from betafront.training.run import Run


def save(config: DictConfig, folder: Path) -> None:
    """Write the composed configuration, resolved, as `config.yaml`: with steps, where it has
    epochs.

    Raises:
        UserError: the folder holds the checkpoint of a run with another configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = with_steps(config)
    kept, place = OmegaConf.masked_copy(config, [*PARTS, "seed"]), RunFolder(folder)
    OmegaConf.resolve(kept)
    text, path = OmegaConf.to_yaml(kept), place.config
    if place.has_checkpoint and path.is_file() and not _is_of(kept, path):
        raise UserError(
            f"{folder} holds a run that was stopped, with other settings (its {path.name} has "
            f"them): choose another folder, or remove its {place.checkpoint.name}"
        )
    write_whole(path, text)


def write_config(config: DictConfig, folder: RunFolder) -> None:
    """Write a configuration in which nothing is left to be looked up as that of a run."""
    write_whole(folder.config, OmegaConf.to_yaml(config))


def _is_of(config: DictConfig, path: Path) -> bool:
    """Whether a saved configuration is this one, or was before there were some of its settings that
    nobody has set since."""
    try:
        text = path.read_text(encoding="utf-8")
        then, now = _settings(OmegaConf.create(text)), _settings(config)
    except Exception:  # a damaged file makes its reader raise almost anything
        return False
    former = config.copy()
    for part in ADDED:
        if part not in OmegaConf.create(text) and former.get(part) == {}:
            del former[part]
    for key in newer(then, now):
        part, _, name = key.rpartition(".")
        del OmegaConf.select(former, part)[name]
    for key, value in moved(then, now).items():
        OmegaConf.update(former, key, value)
    return OmegaConf.to_container(OmegaConf.create(text)) == OmegaConf.to_container(former)


def _settings(config: Any) -> dict[str, Any]:
    """The settings of all parts, as dotted keys."""

    def leaves(node: Any, key: str) -> Iterator[tuple[str, Any]]:
        if isinstance(node, dict) and node:
            for name, value in node.items():
                yield from leaves(value, f"{key}.{name}" if key else str(name))
        else:
            yield key, node

    return dict(leaves(OmegaConf.to_container(config), ""))


def saved_config(folder: Path) -> DictConfig:
    """The configuration of a run, in which nothing is left to be looked up: it was written so, and
    an interpolation such as `${oc.env:…}` would read what is of no concern to it.

    Raises:
        UserError: it is gone, or damaged, or has interpolations.
    """
    path = RunFolder(folder).config
    if not path.is_file():
        raise UserError(f"the configuration of the run is gone: {path} is missing")
    with reading(path):
        config = OmegaConf.load(path)
        if not isinstance(config, DictConfig):
            raise TypeError
        for part in ADDED:
            config.setdefault(part, {})
        if absent := [part for part in PARTS if part not in config]:
            raise KeyError(", ".join(absent))
        if any("${" in text for text in _texts(OmegaConf.to_container(config))):
            raise UserError(f"{path} has ${{…}} in it, which no run writes there: {COPY}")
    return config


def saved_model(folder: Path, vae: Model) -> Model:
    """`vae` with the weights of a run.

    Raises:
        UserError: they are gone, or damaged, or of another model.
    """
    from safetensors.torch import load_file

    path = RunFolder(folder).model
    if not path.is_file():
        raise UserError(f"the model of the run is gone: {path} is missing")
    with reading(path):
        weights = load_file(path)
    try:
        vae.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"{path} holds the weights of another model") from error
    return vae


def saved_run(folder: Path, wall: Wall | None = None, **parts: Any) -> Run:
    """A run as it was composed, but for `parts`, nodes of its configuration that are replaced.

    Args:
        folder: of the run.
        wall: what its configuration may name; None for what a command takes.
        parts: by their keys.

    Raises:
        UserError: its configuration is gone, cannot be made, or names what is not trusted.
    """
    config = saved_config(folder)
    for name, node in parts.items():
        config[name] = OmegaConf.to_container(node, resolve=True)
    return build_saved(config, folder, wall)


def build_saved(config: DictConfig, folder: Path, wall: Wall | None = None) -> Run:
    """The parts of the run that was saved in `folder` with `config`; `wall` as in `saved_run`.

    Raises:
        UserError: it cannot be made, or names what is not trusted.
    """
    path, wall = RunFolder(folder).config, wall or of_kept()
    wall.check(targets_of(OmegaConf.to_container(config)), str(path))
    with making(path):
        return build(config, wall)


@contextmanager
def making(path: Path) -> Iterator[None]:
    """A context in which something is made of a saved configuration.

    Args:
        path: of its file.

    Raises:
        UserError: naming the file, where anything but a `UserError` is raised.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {one_line(error)[:200]}"
        raise UserError(f"what {path} describes cannot be made ({why}): {COPY}") from error


def targets_to_load(config: DictConfig) -> list[str]:
    """What the saved configuration of a run names for its model, without what trained it."""
    parts = OmegaConf.masked_copy(config, list(TO_LOAD))
    return list(targets_of(OmegaConf.to_container(parts)))


def _texts(node: Any) -> list[str]:
    """Every key and value of plain values that is a text."""
    if isinstance(node, dict):
        return [text for pair in node.items() for value in pair for text in _texts(value)]
    if isinstance(node, list):
        return [text for value in node for text in _texts(value)]
    return [node] if isinstance(node, str) else []
