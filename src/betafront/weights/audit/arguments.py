"""How a user's loss is called: which argument is which, and where the scalar is in the answer."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn import Module

from betafront.errors import UserError, near_miss
from betafront.weights.audit.sandbox import LossRaised, error_line, quiet

ROLES = ("x", "reconstruction", "mu", "log_var")
USUAL_NAMES = {
    "x": "x data input inputs target targets image images img imgs batch original originals x_true",
    "reconstruction": (
        "reconstruction reconstructions recon recons rec recon_x x_recon recon_batch x_rec x_hat "
        "xhat x_reconst reconstructed x_reconstructed x_tilde output outputs decoded logits "
        "x_logits pred preds y_pred y_hat recon_data recon_images"
    ),
    "mu": "mu mean means mus z_mean z_mu mu_z q_mu mean_z loc z_loc latent_mean",
    "log_var": (
        "log_var logvar logvars log_vars log_variance z_logvar z_log_var logvar_z q_logvar "
        "log_sigma2 lv log_sigma logsigma log_std logstd log_scale sigma std scale var variance "
        "z_std z_sigma z_var latent_logvar z_scale"
    ),
}
ROLE_OF = {name: role for role, names in USUAL_NAMES.items() for name in names.split()}
LOSS_KEYS = ("loss", "total", "total_loss")


class CannotTell(Exception):
    """The probes do not settle a question; the message is the reason."""


@dataclass(frozen=True)
class Call:
    """A loss function, and which of its arguments is which.

    Args:
        function: the loss.
        name: of it, for messages.
        order: the roles of the arguments passed by position.
        names: parameter by role, of the arguments passed by name.
        settings: further keyword arguments.
        how: which argument was taken for which, in words.
    """

    function: Callable[..., Any]
    name: str
    order: tuple[str, ...]
    names: Mapping[str, str]
    settings: Mapping[str, Any]
    how: str

    def __call__(self, values: Mapping[str, Tensor]) -> tuple[Tensor, str]:
        """The scalar, and where in the answer it was, in words.

        Raises:
            LossRaised: the function raised.
            UserError: there is no scalar in the answer.
            CannotTell: the answer is a plain number, which has no gradient.
        """
        named = {self.names[role]: values[role] for role in ROLES if role in self.names}
        try:
            with quiet():
                answer = self.function(
                    *(values[role] for role in self.order), **named, **self.settings
                )
        except (Exception, SystemExit) as error:
            raise LossRaised(self._refusal(error)) from error
        return scalar(answer, self.name)

    def _refusal(self, error: BaseException) -> str:
        line = f"{self.name} raised {error_line(error)}"
        if isinstance(error, KeyError) and error.args:
            line += f" (--set {error.args[0]!s}=VALUE gives a keyword argument)"
        return line


def arrange(
    function: Callable[..., Any],
    settings: Mapping[str, Any] | None = None,
    order: Sequence[str] | None = None,
) -> Call:
    """Find which argument of a loss is which: by `order` where it is given, else by the names of
    the parameters, else by position.

    Raises:
        UserError: the order is wrong, or an argument is missing or unknown.
    """
    if not callable(function):
        raise UserError(f"a loss function is needed, not a {type(function).__name__}")
    name = str(getattr(function, "__name__", type(function).__name__))
    given = dict(settings or {})
    check_instance(function, name)
    parameters = parameters_of(function)
    if order is not None:
        positions = check_order(order)
        names: dict[str, str] = {}
        how = "as ordered: " + ", ".join(order)
    else:
        positions, names, how = by_name([p for p in parameters if p.name not in given])
    check_rest(name, parameters, len(positions), set(names.values()), given)
    return Call(function, name, positions, names, given, how)


def check_instance(function: Callable[..., Any], name: str) -> None:
    """Refuse a class, and a method without its instance.

    Raises:
        UserError: which of the two, and what to name in its place.
    """
    if isinstance(function, type):
        raise UserError(f"{name} is a class: name a function, or an instance that can be called")
    owner = getattr(function, "__qualname__", "").rpartition("<locals>.")[2].rpartition(".")[0]
    if owner and inspect.isfunction(function) and "self" in inspect.signature(function).parameters:
        raise UserError(
            f"{name} is a method of {owner} and needs an instance: make one where {owner} is "
            f"defined, as in made = {owner}(), and name made.{name}"
        )


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a function, or of a module's `forward`; any number by position where a
    function does not show its own."""
    shown = function.forward if isinstance(function, Module) else function
    try:
        return list(inspect.signature(shown).parameters.values())
    except (TypeError, ValueError):
        return [inspect.Parameter("arguments", inspect.Parameter.VAR_POSITIONAL)]


def check_order(order: Sequence[str]) -> tuple[str, ...]:
    """The four roles in the order given, by their own or their usual names.

    Raises:
        UserError: a role is missing, twice there, or unknown.
    """
    for word in order:
        if word.lower() not in ROLE_OF:
            raise UserError(f"unknown argument '{word}' in the order: {near_miss(word, ROLES)}")
    roles = tuple(ROLE_OF[word.lower()] for word in order)
    if sorted(roles) != sorted(ROLES):
        raise UserError(f"the order names each of {', '.join(ROLES)} once")
    return roles


def by_name(
    parameters: list[inspect.Parameter],
) -> tuple[tuple[str, ...], dict[str, str], str]:
    """The roles by the usual names of parameters: (by position, by name, in words).

    Where as many parameters have no usual name as there are roles left, they stand for these roles
    in order; otherwise all four go by position.
    """
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    names: dict[str, str] = {}
    unnamed = []
    for parameter in plain:
        role = ROLE_OF.get(parameter.name.lower())
        if role is not None and role not in names:
            names[role] = parameter.name
        elif parameter.default is parameter.empty:
            unnamed.append(parameter.name)
    left = [role for role in ROLES if role not in names]
    if not left:
        return (), names, in_words("by the parameters' names", names)
    positional_only = any(p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL) for p in parameters)
    if names and not positional_only and len(unnamed) == len(left):
        names |= dict(zip(left, unnamed, strict=True))
        return (), names, in_words("by the parameters' names and, of the rest, positions", names)
    return ROLES, {}, "by position: " + ", ".join(ROLES)


def in_words(how: str, names: Mapping[str, str]) -> str:
    """Which parameter was taken for which role, in words."""
    return f"{how}: " + ", ".join(names[r] if names[r] == r else f"{names[r]} = {r}" for r in ROLES)


def check_rest(
    name: str,
    parameters: list[inspect.Parameter],
    positions: int,
    taken: set[str],
    given: Mapping[str, Any],
) -> None:
    """Refuse settings that the function does not have, and required arguments without a value.

    Raises:
        UserError: naming them.
    """
    by_position = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][
        :positions
    ]
    taken = taken | {p.name for p in by_position}
    plain = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    free = [p.name for p in plain if p.name not in taken]
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for word in given:
            if word not in free:
                raise UserError(f"{name} has no argument '{word}' to set: {near_miss(word, free)}")
    missing = [
        p.name for p in plain if p.default is p.empty and p.name in free and p.name not in given
    ]
    if missing:
        ways = " ".join(f"--set {word}=VALUE" for word in missing)
        raise UserError(f"{name} needs more than {', '.join(ROLES)}: give {ways}")
    accepts_any = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if len(by_position) < positions and not accepts_any:
        raise UserError(
            f"{name} takes {len(by_position)} arguments, but a loss of {', '.join(ROLES)} takes "
            "four: wrap it in a function that does"
        )


def scalar(answer: Any, name: str) -> tuple[Tensor, str]:
    """The loss in the answer of a function: (the tensor, where it was in words)."""
    where = "the returned value"
    if isinstance(answer, Mapping):
        key = next((k for k in LOSS_KEYS if k in answer), None)
        if key is None:
            raise UserError(f"{name} returns a dict without {', '.join(LOSS_KEYS)}: wrap it")
        answer, where = answer[key], f"'{key}' of the returned dict"
    elif isinstance(answer, tuple | list) and answer:
        where = f"the first of {len(answer)} returned values"
        answer = answer[0]
    elif not isinstance(answer, Tensor) and isinstance(getattr(answer, "loss", None), Tensor):
        answer, where = answer.loss, "the returned object's loss"
    if isinstance(answer, int | float):
        raise CannotTell("it returns a plain number, which has no gradient (.item()?)")
    if not isinstance(answer, Tensor):
        raise UserError(f"{name} returns a {type(answer).__name__} and no scalar tensor")
    if answer.numel() != 1:
        raise UserError(
            f"{name} returns a tensor of shape {tuple(answer.shape)} and no scalar: reduce it"
        )
    return answer.reshape(()), where
