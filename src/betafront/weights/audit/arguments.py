"""How a user's loss is called: which argument is which."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor
from torch.nn import Module

from betafront.errors import UserError, near_miss
from betafront.weights.audit.answer import scalar
from betafront.weights.audit.inputs.extras import EXTRA_NAMES, EXTRA_OF
from betafront.weights.audit.sandbox import LossRaised, error_line, quiet

ROLES = ("x", "reconstruction", "mu", "log_var")
USUAL_NAMES = {
    "x": (
        "x data input inputs target targets image images img imgs batch original originals x_true "
        "y_true counts tokens input_ids sequence sequences src_data"
    ),
    "reconstruction": (
        "reconstruction reconstructions recon recons rec recon_x x_recon recon_batch x_rec x_hat "
        "xhat x_reconst reconstructed x_reconstructed x_tilde output outputs decoded logits "
        "x_logits pred preds y_pred y_hat recon_data recon_images px_rate px_scale predict_image "
        "prediction predictions logp log_probs dec_output decoder_output"
    ),
    "mu": "mu mean means mus z_mean z_mu mu_z q_mu mean_z loc z_loc latent_mean qz_m",
    "log_var": (
        "log_var logvar logvars log_vars log_variance z_logvar z_log_var logvar_z q_logvar "
        "log_sigma2 lv log_sigma logsigma log_std logstd log_scale sigma std scale var variance "
        "z_std z_sigma z_var latent_logvar z_scale qz_v"
    ),
}
ROLE_OF = {name: role for role, names in USUAL_NAMES.items() for name in names.split()}
POSTERIOR = "posterior"
"""The role of an argument that stands for both mu and log_var: a distribution."""
POSTERIOR_NAMES = (POSTERIOR, "posteriors", "latent_dist", "q", "qz", "q_z", "qz_x", "z_posterior")
ANY_ROLE_OF = ROLE_OF | EXTRA_OF | dict.fromkeys(POSTERIOR_NAMES, POSTERIOR)


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
        optional: roles among `names` that the function does without.
    """

    function: Callable[..., Any]
    name: str
    order: tuple[str, ...]
    names: Mapping[str, str]
    settings: Mapping[str, Any]
    how: str
    optional: tuple[str, ...] = ()

    @property
    def extras(self) -> tuple[str, ...]:
        """The roles beside x, the reconstruction, mu and log_var."""
        return tuple(role for role in EXTRA_NAMES if role in self.names or role in self.order)

    def without_optional(self) -> "Call":
        """The same without the arguments that the function does without."""
        names = {role: name for role, name in self.names.items() if role not in self.optional}
        return replace(self, names=names, optional=())

    def __call__(self, values: Mapping[str, Any]) -> tuple[Tensor, str]:
        """The scalar, and where in the answer it was, in words.

        Raises:
            LossRaised: the function raised.
            UserError: there is no scalar in the answer.
            CannotTell: the answer is a plain number, which has no gradient.
        """
        named = {name: values[role] for role, name in self.names.items()}
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
    free = [p for p in parameters if p.name not in given]
    names: dict[str, str] = {}
    optional: tuple[str, ...] = ()
    if order is not None:
        positions = check_order(order)
        how = "as ordered: " + ", ".join(order)
    else:
        extras = extras_by_name(free)
        rest = [p for p in free if p.name not in extras.values()]
        positions, names, how = by_name(rest, keep=bool(extras))
        names |= extras
        optional = tuple(role for role, name in extras.items() if default_of(name, free) is None)
        how += "".join(f", {in_words_of(role, name)}" for role, name in extras.items())
    check_rest(name, parameters, len(positions), set(names.values()), given)
    return Call(function, name, positions, names, given, how, optional)


def extras_by_name(parameters: list[inspect.Parameter]) -> dict[str, str]:
    """Parameter by role, of masks, lengths and further parameters of a likelihood, by their usual
    names; those with a default other than None are left alone."""
    found: dict[str, str] = {}
    for parameter in parameters:
        role = EXTRA_OF.get(parameter.name.lower())
        named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        if role and named and parameter.default in (parameter.empty, None):
            found.setdefault(role, parameter.name)
    return found


def default_of(name: str, parameters: list[inspect.Parameter]) -> Any:
    """The default of a parameter."""
    return next(p.default for p in parameters if p.name == name)


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
    """The roles in the order given, by their own or their usual names.

    Raises:
        UserError: a role is missing, twice there, or unknown.
    """
    for word in order:
        if word.lower() not in ANY_ROLE_OF:
            known = (*ROLES, *EXTRA_NAMES, POSTERIOR)
            raise UserError(f"unknown argument '{word}' in the order: {near_miss(word, known)}")
    roles = tuple(ANY_ROLE_OF[word.lower()] for word in order)
    needed = [role for role in roles if role not in EXTRA_NAMES]
    whole = sorted(needed) in (sorted(ROLES), sorted((*ROLES[:2], POSTERIOR)))
    if not whole or len(set(roles)) < len(roles):
        raise UserError(
            f"the order names each of {', '.join(ROLES)} once (or posterior for the last two), and "
            f"further ones of {', '.join(EXTRA_NAMES)} where the loss has them"
        )
    return roles


def by_name(
    parameters: list[inspect.Parameter], keep: bool = False
) -> tuple[tuple[str, ...], dict[str, str], str]:
    """The roles by the usual names of parameters: (by position, by name, in words).

    Where as many parameters have no usual name as there are roles left, they stand for these roles
    in order; otherwise all four go by position.

    Args:
        parameters: of the function, without those whose role is known.
        keep: whether others stand between them, so that those that go by position are named.
    """
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    names: dict[str, str] = {}
    unnamed = []
    for parameter in plain:
        role = ROLE_OF.get(parameter.name.lower())
        if parameter.name.lower() in POSTERIOR_NAMES and parameter.default is parameter.empty:
            role = POSTERIOR
        if role is not None and role not in names:
            names[role] = parameter.name
        elif parameter.default is parameter.empty:
            unnamed.append(parameter.name)
    roles = (*ROLES[:2], POSTERIOR) if POSTERIOR in names else ROLES
    left = [role for role in roles if role not in names]
    if not left:
        return (), names, in_words("by the parameters' names", names)
    positional_only = any(p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL) for p in parameters)
    if names and not positional_only and len(unnamed) == len(left):
        names |= dict(zip(left, unnamed, strict=True))
        return (), names, in_words("by the parameters' names and, of the rest, positions", names)
    if keep and not positional_only and len(plain) >= len(ROLES):
        names = dict(zip(ROLES, (p.name for p in plain), strict=False))
        return (), names, in_words("by position", names)
    return ROLES, {}, "by position: " + ", ".join(ROLES)


def in_words(how: str, names: Mapping[str, str]) -> str:
    """Which parameter was taken for which role, in words."""
    roles = [role for role in (*ROLES, POSTERIOR) if role in names]
    return f"{how}: " + ", ".join(in_words_of(role, names[role]) for role in roles)


def in_words_of(role: str, name: str) -> str:
    """That a parameter was taken for a role, in words."""
    return name if name == role else f"{name} = {role}"


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
