import optuna
import pytest

from betafront.errors import UserError
from betafront.study.samplers import SAMPLERS, check_sampler, sampler
from betafront.study.space import Space

SPACE = Space.parse(["w=interval(0,1)", "a=choice(x,y,z)", "k=range(0,50)"])


def draws(name: str, *own: int, count: int = 4) -> list[dict[str, object]]:
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler(name, 7, *own))
    drawn = []
    for i in range(count):
        trial = study.ask(SPACE.distributions)
        drawn.append(trial.params)
        study.tell(trial, [float(i), -float(i)])
    return drawn


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_the_same_seed_gives_the_same_draws_and_another_worker_others(name: str) -> None:
    assert draws(name, 0, 0) == draws(name, 0, 0)
    assert draws(name, 0, 0) != draws(name, 1, 0)
    assert draws(name, 0, 0) != draws(name, 0, 5)


def test_an_unknown_sampler_names_the_near_miss() -> None:
    with pytest.raises(UserError, match="'nsga2'"):
        check_sampler("nsga")
