"""`betafront.forecast`: what the data says about β, before anything is trained."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from betafront.api.objects import is_object
from betafront.api.process import working
from betafront.api.words import words_of

if TYPE_CHECKING:
    from betafront.forecast.forecast import Forecast


def forecast(*words: str, trust: str | Iterable[str] = (), **choices: Any) -> "Forecast":
    """Forecast what β does on some data, without training, as `betafront forecast` does: the β
    above which collapse is an optimum, the linear-Gaussian front, and the range worth searching.

    >>> import betafront
    >>> found = betafront.forecast(data="digits", model={"latents": 8})
    >>> round(found.beta_c, 2), found.live(3.8)
    (9.72, 7)
    >>> found.search_weight
    (0.086, 15.0)

    Args:
        words: choices and settings as on the command line, such as `"likelihood=bernoulli"`.
            `objective.weight=auto` is what the forecast answers, and changes nothing.
        trust: modules, and functions of libraries, that may be named (`docs/trust.md`).
        choices: as in `betafront.train`.

    Raises:
        UserError: what is asked for cannot be made, or has no forecast, in one line.
    """
    from betafront.api.hydra_app import checked_words
    from betafront.api.objects import with_objects
    from betafront.config.build import build
    from betafront.config.compose import compose
    from betafront.config.trust import named_by, trusting
    from betafront.forecast.forecast import forecast as forecast_of
    from betafront.study.search.automatic import asks_for_range

    given = {key: value for key, value in choices.items() if is_object(key, value)}
    named = words_of({key: value for key, value in choices.items() if key not in given})
    arguments = checked_words([*words, *named])
    with working(), trusting(named_by(trust, arguments)):
        run = build(compose([word for word in arguments if not asks_for_range(word)]))
        run = with_objects(run, given) if given else run
        likelihood = run.p_x()
        run.data.check(likelihood)
        widths = run.vae().widths
        return forecast_of(run.data, likelihood, run.objective(widths))
