import pytest

from betafront.errors import UserError
from betafront.study.search.distributions import every_value
from betafront.study.search.samplers import check_sampler, quantile, sampler
from betafront.study.search.space import Space
from betafront.study.seeds import seed_from


def test_an_unknown_sampler_names_the_near_miss() -> None:
    with pytest.raises(UserError, match="'nsga2'"):
        check_sampler("nsga")
    with pytest.raises(UserError, match="'tpe'"):
        sampler("tpee", 0)


def test_a_seed_depends_on_all_of_its_entropy_in_order() -> None:
    entropies = [(0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1), (0, 0, 2)]
    assert len({seed_from(*e) for e in entropies}) == len(entropies)


def test_quantiles_stay_in_the_space_and_reach_both_ends() -> None:
    lines = [
        "a=choice(x,y)", "b=interval(0.5,2.0)", "c=tag(log,interval(0.01,10.0))",
        "d=range(0,10,3)", "e=int(interval(2,5))", "f=tag(log,int(interval(1,100)))",
        "g=range(0,1,0.25)",
    ]  # fmt: skip
    for key, d in Space.parse(lines).distributions.items():
        seen = [quantile(d, i / 1000) for i in range(1000)]
        assert all(d._contains(d.to_internal_repr(v)) for v in seen), key
        if key in "adefg":  # those with a last value
            assert seen[-1] == every_value(d)[-1], key
            assert seen[0] == every_value(d)[0], key
