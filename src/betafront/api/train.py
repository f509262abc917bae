"""`betafront.train`: one run."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from betafront.api.objects import is_object
from betafront.api.process import working
from betafront.api.words import words_of
from betafront.errors import UserError

if TYPE_CHECKING:
    from betafront.api.trained_run import TrainedRun


def train(
    *words: str,
    folder: str | Path | None = None,
    trust: str | Iterable[str] = (),
    quiet: bool = False,
    **choices: Any,
) -> "TrainedRun":
    """Train one VAE, and evaluate it in nats, as `betafront train` does.

    >>> import betafront
    >>> run = betafront.train(
    ...     data="digits", model={"hidden": [16]}, objective={"weight": 2},
    ...     trainer={"steps": 20, "accelerator": "cpu"}, quiet=True,
    ... )
    >>> run.scale.beta
    2.0
    >>> sorted(run.metrics)[:2]
    ['test/active_units', 'test/bits_per_dim']
    >>> run.model.sample(3, seed=0).shape
    torch.Size([3, 1, 8, 8])

    Args:
        words: choices and settings as on the command line, such as `"objective.weight=0.1"`.
        folder: for the files of the run; None for a new one below `runs/train`. Where it holds a
            run that was stopped, the run goes on.
        trust: modules, and functions of libraries, that may be named (`docs/trust.md`).
        quiet: print nothing.
        choices: by group, the choice (`data="digits"`), the settings (`objective={"weight": 2}`),
            or an object: an array of examples for `data`, or a class of torch's `Dataset`; a
            function or class for any part, as for `model` one that takes the shape of an example
            and the likelihood; a `betafront.data.Data`. An object that cannot be imported by its
            name is taken as it is: such a run has no `config.yaml`, from which another process
            could make it again.

    Raises:
        UserError: what is asked for cannot be made, in one line.
        betafront.training.Diverged: the loss became NaN or infinite.
    """
    from betafront.api.hydra_app import checked_words, train_composed
    from betafront.api.trained_run import TrainedRun
    from betafront.config.compose import compose
    from betafront.config.trust import named_by, trusting

    given = {key: value for key, value in choices.items() if is_object(key, value)}
    rest = {key: value for key, value in choices.items() if key not in given}
    named = words_of(rest)
    arguments = checked_words([*words, *named])
    with working(quiet), trusting(named_by(trust, arguments)):
        config = compose(arguments)
        where = Path(config.hydra.run.dir if folder is None else folder).absolute()
        if "data" in given and config.trainer.get("epochs") is not None:
            raise UserError("trainer.epochs is for data that is named: give trainer.steps here")
        made, result = train_composed(config, where, arguments, given)
    return TrainedRun(result, made)
