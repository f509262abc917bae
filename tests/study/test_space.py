import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from betafront.errors import UserError
from betafront.study.space import Space


def only(line: str) -> object:
    return next(iter(Space.parse([line]).distributions.values()))


def test_intervals_are_floats_unless_cast() -> None:
    assert only("a=interval(1,3)") == FloatDistribution(1.0, 3.0)
    assert only("a=tag(log,interval(0.001,10))") == FloatDistribution(0.001, 10.0, log=True)


def test_integers_are_half_open_as_hydra_defines_them() -> None:
    assert only("a=int(interval(1,10))") == IntDistribution(1, 9)
    assert only("a=range(1,10)") == IntDistribution(1, 9)
    assert only("a=range(0,10,4)") == IntDistribution(0, 8, step=4)
    assert only("a=range(0,1,0.25)") == FloatDistribution(0.0, 0.75, step=0.25)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sum", "sum"),
        ("null", None),
        ("true", True),
        ("3", 3),
        ("0.5", 0.5),
        ("[1,2]", [1, 2]),
        ("{x:1}", {"x": 1}),
        ("'a b'", "a b"),
        ("'5'", "5"),
        ("'null'", "null"),
        ("'it\\'s'", "it's"),
    ],
)
def test_choices_survive_as_what_they_are(text: str, value: object) -> None:
    space = Space.parse([f"a={text},other"])
    distribution = space.distributions["a"]
    assert isinstance(distribution, CategoricalDistribution)
    assert space == Space.parse([f"a={text},other"])
    (override,) = space.overrides({"a": distribution.choices[0]})
    came_out = OverridesParser.create().parse_override(override).value()
    assert came_out == value
    assert type(came_out) is type(value)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a=interval(1,1)", "empty"),
        ("a=interval(2,1)", "inverted"),
        ("a=tag(log,interval(0,1))", "above 0"),
        ("a=range(3,3)", "empty"),
        ("a=tag(log,choice(1,2))", "for an interval"),
        ("a=tag(lin,interval(1,2))", "tag lin is unknown"),
        ("a=choice(1,1)", "named twice"),
        ("a=3", "is no search"),
        ("a=choice(1,", "cannot read"),
        ("a=interval(1,inf)", "finite"),
    ],
)
def test_impossible_searches_are_refused_by_name(line: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        Space.parse([line])


def test_branches_go_through_every_combination_and_both_ends() -> None:
    space = Space.parse(["w=interval(1,2)", "a=choice(x,y)", "b=choice(1,2,3)"])
    seen = list(space.branches())
    assert {(p["a"], p["b"]) for p in seen} == {(a, b) for a in "xy" for b in (1, 2, 3)}
    assert {p["w"] for p in seen} == {1.0, 2.0}


def test_many_branches_are_covered_choice_by_choice() -> None:
    names = "abcdefgh"
    space = Space.parse([f"{n}=choice(1,2,3)" for n in names])
    seen = list(space.branches())
    assert len(seen) == 1 + 2 * len(names)
    assert all({p[n] for p in seen} == {1, 2, 3} for n in names)


def test_grid_has_every_point_once_and_no_interval() -> None:
    grid = Space.parse(["a=choice(x,y)", "b=range(0,3)"]).grid()
    assert sorted((p["a"], p["b"]) for p in grid) == [(a, b) for a in "xy" for b in (0, 1, 2)]
    with pytest.raises(UserError, match="interval"):
        Space.parse(["a=interval(0,1)"]).grid()


def test_digest_knows_the_space_and_not_its_order() -> None:
    one = Space.parse(["a=choice(1,2)", "b=interval(0,1)"])
    assert one.digest == Space.parse(["b=interval(0,1)", "a=choice(1,2)"]).digest
    assert one.digest != Space.parse(["a=choice(1,2)", "b=interval(0,2)"]).digest


@pytest.mark.parametrize("text", ["sum", "'5'", "'a b'", "[1,2]", "0.5"])
def test_choice_in_words_is_the_same_as_with_commas(text: str) -> None:
    assert Space.parse([f"a=choice({text},other)"]) == Space.parse([f"a={text},other"])
