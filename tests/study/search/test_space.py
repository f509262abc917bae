import itertools
import json
import pickle
from collections.abc import Sequence
from typing import Any

import cloudpickle
import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from betafront.errors import UserError
from betafront.study.search.conditions import flatten
from betafront.study.search.distributions import every_value, values
from betafront.study.search.enumeration import branches, grid, size
from betafront.study.search.space import Space


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
    seen = list(branches(space))
    assert {(p["a"], p["b"]) for p in seen} == {(a, b) for a in "xy" for b in (1, 2, 3)}
    assert {p["w"] for p in seen} == {1.0, 2.0}


def test_many_branches_are_covered_choice_by_choice() -> None:
    names = "abcdefgh"
    space = Space.parse([f"{n}=choice(1,2,3)" for n in names])
    seen = list(branches(space))
    assert len(seen) == 1 + 2 * len(names)
    assert all({p[n] for p in seen} == {1, 2, 3} for n in names)


def test_grid_has_every_point_once_and_no_interval() -> None:
    points = grid(Space.parse(["a=choice(x,y)", "b=range(0,3)"]))
    assert sorted((p["a"], p["b"]) for p in points) == [(a, b) for a in "xy" for b in (0, 1, 2)]
    with pytest.raises(UserError, match="interval"):
        grid(Space.parse(["a=interval(0,1)"]))


def test_digest_knows_the_space_and_not_its_order() -> None:
    one = Space.parse(["a=choice(1,2)", "b=interval(0,1)"])
    assert one.digest == Space.parse(["b=interval(0,1)", "a=choice(1,2)"]).digest
    assert one.digest != Space.parse(["a=choice(1,2)", "b=interval(0,2)"]).digest


@pytest.mark.parametrize("text", ["sum", "'5'", "'a b'", "[1,2]", "0.5"])
def test_choice_in_words_is_the_same_as_with_commas(text: str) -> None:
    assert Space.parse([f"a=choice({text},other)"]) == Space.parse([f"a={text},other"])


def test_digest_of_a_plain_space_stays_what_it_is_in_committed_studies() -> None:
    space = Space.parse(
        [
            "objective.weight=tag(log, interval(0.01, 10))",
            "schedule=choice(constant, linear)",
            "model.latents=range(2,10,2)",
            "x=null,[1,2]",
        ]
    )
    assert space.digest == "5de29fcb860ea6be"


def value_in(override: str) -> object:
    return OverridesParser.create().parse_override(override).value()


WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=12)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS
)
VALUES = (
    SCALARS | st.lists(SCALARS, max_size=3) | st.lists(st.lists(SCALARS, max_size=2), max_size=2)
)


def written(value: object) -> str:
    """A value as a careful user writes it."""
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, str):
        return QuotedString(text=value, quote=Quote.single).with_quotes()
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


@settings(max_examples=40, deadline=None)
@given(VALUES)
def test_any_choice_survives_as_what_it_is(value: object) -> None:
    space = Space.parse([f"a={written(value)},'something else'"])
    first = values(space.distributions["a"])[0]
    (override,) = space.overrides({"a": first})
    assert repr(value_in(override)) == repr(value)
    assert space.check_point({"a": value}) == {"a": first}
    assert space.check_point({"a": first}) == {"a": first}
    assert space.check_point({"a": written(value)}) == {"a": first}
    inner = Space.parse(
        ["b=1,2", f"a={written(value)},'something else'"], {"b": [f"a={written(value)}"]}
    )
    assert inner.when == {"b": {"a": (first,)}}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a=int(tag(log,range(1,4)))", "a tag|for an interval"),
        ("a=int(tag(log,choice(1,4)))", "a tag|for an interval"),
        ("a=tag(tag(log,interval(1,4)))", "a tag"),
        ("a=tag(log,tag(log,interval(1,4)))", "a tag"),
        ("a=tag(log,sort(3,1))", "for an interval"),
        ("a=shuffle(choice(1,2,3))", "leave out shuffle"),
        ("a=shuffle(range(1,9))", "leave out shuffle"),
        ("a=glob(*)", "glob"),
        ("a=range(1,3,0)", "step"),
        ("a=choice(null,x)", "takes no null: write the choices with commas"),
        ("a=[interval(1,2)],3", "search within a search"),
        ("a={x:range(3)},3", "search within a search"),
        ("a=range(1,inf)", "finite"),
        ("a=range(0,1,1e-9)", "too many points"),
        ("a=interval(1,2),3", "search within a search"),
        ("a=choice(1,2),3", "search within a search"),
        ("=1,2", "names no parameter"),
        ("a=1,1.0", "for the same choice"),
        ("a=0,false", "for the same choice"),
        ("""a=["1"],['1']""", "named twice"),
        ("~a=1,2", "is no search"),
    ],
)
def test_nothing_in_a_search_is_dropped_in_silence(line: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        Space.parse([line])


def test_logarithm_is_kept_through_a_cast_and_inside_of_quotes_no_tag_is_seen() -> None:
    for line in ("a=int(tag(log,interval(1,30)))", "a=tag(log,int(interval(1,30)))"):
        assert only(line) == IntDistribution(1, 29, log=True)
    assert values(Space.parse(["a='tag(x)',b"]).distributions["a"]) == ["'tag(x)'", "b"]


def test_long_range_of_whole_numbers_is_not_written_out() -> None:
    space = Space.parse(["a=range(0,1000000000000)"])
    assert space.distributions["a"] == IntDistribution(0, 10**12 - 1)
    assert size(space) == 10**12
    with pytest.raises(UserError, match="cannot go through 1000000000000 points"):
        grid(space)


def test_parameter_that_stands_twice_is_refused() -> None:
    with pytest.raises(UserError, match="a is searched already"):
        Space.parse(["a=1,2", "+a=3,4"])


# --- conditions ---

NESTED = {
    "schedule": "choice(constant, linear, cyclical)",
    "objective.weight": "tag(log, interval(0.01, 10))",
    "schedule=linear": {"schedule.warmup": "interval(0.1, 1)"},
    "schedule=cyclical": {
        "schedule.cycles": "range(1, 6)",
        "controller": "choice(none, geco)",
        "controller=geco": {"controller.target": "interval(1, 2)"},
    },
}


def nested(constraints: Sequence[str] = ()) -> Space:
    lines, conditions = flatten(NESTED)
    return Space.parse([f"{k}={v}" for k, v in lines.items()], conditions, constraints)


def finite(constraints: Sequence[str] = ()) -> Space:
    """Four parameters, of which c needs a=x, and d needs c=2."""
    return Space.parse(
        ["a=choice(x,y)", "b=range(0,3)", "c=1,2", "d=range(0,5)"],
        {"c": ["a=x"], "d": ["c=2"]},
        constraints,
    )


def test_flatten_gives_lines_and_conditions() -> None:
    lines, conditions = flatten(NESTED)
    assert lines["controller.target"] == "interval(1, 2)"
    assert conditions == {
        "schedule.warmup": ["schedule=linear"],
        "schedule.cycles": ["schedule=cyclical"],
        "controller": ["schedule=cyclical"],
        "controller.target": ["schedule=cyclical", "controller=geco"],
    }
    assert flatten({"a": 3, "b": True, "c": 0.5}) == ({"a": "3", "b": "true", "c": "0.5"}, {})


@pytest.mark.parametrize(
    ("node", "says"),
    [
        ({"schedule": {"warmup": "interval(0,1)"}}, "'schedule.warmup'"),
        ({"schedule": {}}, "only a condition may"),
        ({"schedule=linear": {}}, "nothing is searched under the condition 'schedule=linear'"),
        ({"schedule=linear": None}, "nothing is searched"),
        ({"schedule=linear": "choice(1,2)"}, "nothing is searched"),
        ({"a": None}, "a has no search"),
        ({"a": [1, 2]}, "a has no search"),
        ({"a": "1,2", "b=1": {"a": "3,4"}}, "a stands twice, without a condition and under b=1"),
        ({"b=1": {"a": "1,2"}, "b=2": {"a": "3,4"}}, "a stands twice, under b=1 and under b=2"),
        ({"b=1": {"a": "1,2", "c=2": {"+a": "3"}}}, "twice, under b=1 and under b=1 / c=2"),
    ],
)
def test_flatten_refuses_by_name(node: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        flatten(node)


def test_conditions_hold_for_what_is_under_those_they_read() -> None:
    assert nested().when["controller.target"] == {
        "schedule": ("cyclical",),
        "controller": ("geco",),
    }
    assert finite().when["d"] == {"a": ("x",), "c": (2,)}
    assert finite().conditional
    assert not Space.parse(["a=1,2"]).conditional


def test_active_parameters_follow_the_choices_and_not_what_is_left_over() -> None:
    space = nested()
    left_over = {"schedule": "constant", "controller": "geco", "controller.target": 1.5}
    assert space.active(left_over) == ["schedule", "objective.weight"]
    assert "controller.target" in space.active(left_over | {"schedule": "cyclical"})
    assert space.overrides(left_over | {"objective.weight": 1.0}) == [
        "schedule=constant",
        "objective.weight=1.0",
    ]


@pytest.mark.parametrize(
    "said",
    [
        {"schedule": "../../archive/x"},
        {"objective.weight": "{_target_: own.f}"},
        {"objective.weight": "${oc.env:SECRET}"},
        {"schedule": "cyclical"},  # a parameter of which is missing
    ],
)
def test_a_storage_that_others_write_to_adds_no_choice(said: dict[str, Any]) -> None:
    space, point = nested(), {"schedule": "constant", "objective.weight": 1.0}
    assert space.holds(point)
    assert space.holds(point | {"objective.weight": 7})
    assert not space.holds(point | said)


def test_what_a_condition_reads_comes_first_and_the_rest_stays_in_order() -> None:
    space = Space.parse(["n=1,2", "c=1,2", "m=1,2", "a=x,y"], {"c": ["a=x"]})
    assert list(space.distributions) == ["n", "a", "c", "m"]
    assert list(Space.parse(["n=1,2", "c=1,2", "a=x,y"]).distributions) == ["n", "c", "a"]


@pytest.mark.parametrize(
    ("choices", "condition", "kept"),
    [
        ("1,2,3", "a=1,3", (1, 3)),
        ("1,2,3", "a=3,1", (1, 3)),
        ("1,2,3", "a=choice(1,3)", (1, 3)),
        ("1,2", "a=1.0", (1,)),
        ("0.001,1", "a=1e-3", (0.001,)),
        ("true,false", "a=True", (True,)),
        ("null,x", "a=null", ("null",)),
        ("null,'null'", "a='null'", ("'null'",)),
        ("'1',1", 'a="1"', ("'1'",)),
        ("'1',1", "a=1", (1,)),
        ("[1,2],x", "a=[1, 2]", ("[1,2]",)),
        ("[1,2],[3],x", "a=[3],[1,2]", ("[1,2]", "[3]")),
        ("'a b',x", "a=a b", ("a b",)),
        ("'a,b',x", "a='a,b'", ("'a,b'",)),
        ("{x:1},y", "a={x: 1}", ("{x:1}",)),
        ("1,2", "+a=1", (1,)),
    ],
)
def test_conditions_compare_what_choices_mean(
    choices: str, condition: str, kept: tuple[Any, ...]
) -> None:
    space = Space.parse([f"a={choices}", "b=1,2"], {"b": [condition]})
    assert space.when == {"b": {"a": kept}}


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("schedul=linear", "reads schedul, which is not searched.*did you mean 'schedule'"),
        ("schedule=lineer", "no choice lineer: did you mean 'linear'"),
        ("schedule=linear,lineer", "no choice lineer"),
        ("schedule=true", "no choice True"),
        ("weight=1", "which is searched as a number"),
        ("schedule=interval(0,1)", "must name choices"),
        ("schedule=range(0,2)", "must name choices"),
        ("schedule=glob(*)", "must name choices"),
        ("~schedule=linear", "must name choices"),
        ("schedule", "cannot read"),
        ("b=1", "in a circle: b reads b"),
    ],
)
def test_impossible_conditions_are_refused_by_name(condition: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        Space.parse(
            ["schedule=linear,constant", "weight=interval(0,1)", "b=1,2"], {"b": [condition]}
        )


def test_conditions_in_a_circle_or_in_conflict_are_refused() -> None:
    lines = ["a=1,2", "b=1,2", "c=1,2"]
    with pytest.raises(UserError, match="a circle: a reads c reads b reads a"):
        Space.parse(lines, {"a": ["c=1"], "b": ["a=1"], "c": ["b=1"]})
    with pytest.raises(UserError, match="c can never be there"):
        Space.parse(lines, {"c": ["a=1", "a=2"]})
    with pytest.raises(UserError, match="c can never be there"):
        Space.parse(lines, {"b": ["a=1"], "c": ["a=2", "b=1"]})
    both = Space.parse(["a=1,2,3", "b=1,2"], {"b": ["a=1,2", "a=2,3"]})
    assert both.when == {"b": {"a": (2,)}}


def test_digest_covers_conditions_and_constraints() -> None:
    lines = ["a=choice(x,y,z)", "b=1,2"]
    spaces = [
        Space.parse(lines),
        Space.parse(lines, {"b": ["a=x"]}),
        Space.parse(lines, {"b": ["a=x,y"]}),
        Space.parse(lines, {}, ["b > 1"]),
        Space.parse(lines, {"b": ["a=x"]}, ["b > 1"]),
    ]
    assert len({space.digest for space in spaces}) == len(spaces)
    assert spaces[2].digest == Space.parse(lines[::-1], {"b": ["a=y,x"]}).digest
    two = [Space.parse(lines, {}, texts).digest for texts in (["b>1", "b<3"], ["b < 3", "b > 1"])]
    assert two[0] == two[1]


def test_space_can_be_sent_to_a_worker() -> None:
    space = nested(["schedule.warmup <= 0.5"])
    for module in (pickle, cloudpickle):
        assert module.loads(module.dumps(space)) == space
        assert module.loads(module.dumps(space)).digest == space.digest


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_trials_draw_what_is_there_and_nothing_else(seed: int) -> None:
    space = nested()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    params = space.suggest(trial)
    assert params == trial.params
    assert list(params) == space.active(params)
    assert trial.distributions == {k: space.distributions[k] for k in params}
    assert space.check_point(params) == params


def test_trials_draw_as_from_fixed_distributions_and_take_up_what_is_queued() -> None:
    lines = ["a=1,2,3", "b=tag(log,interval(0.1,9))", "c=range(0,9,2)", "d=range(0,1,0.25)"]
    space = Space.parse(lines)
    asked, suggested = (
        optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3)) for _ in range(2)
    )
    for _ in range(5):
        assert asked.ask(space.distributions).params == space.suggest(suggested.ask())
    point = space.check_point({"a": "2", "b": "1e0", "c": 4.0, "d": 0.5})
    suggested.enqueue_trial(point)
    assert space.suggest(suggested.ask()) == point


# --- sizes, grids and branches ---


def brute(space: Space) -> list[dict[str, Any]]:
    """Every point, the slow way: all combinations, without what is not there."""
    axes = [every_value(d) for d in space.distributions.values()]
    points: list[dict[str, Any]] = []
    for combination in itertools.product(*axes):
        full = dict(zip(space.distributions, combination, strict=True))
        point = {key: full[key] for key in space.active(full)}
        if point not in points:
            points.append(point)
    return points


def test_grid_and_size_count_conditional_parameters_only_where_they_are() -> None:
    space = finite()
    assert grid(space) == brute(space)
    assert size(space) == len(grid(space)) == 3 * (1 + 1 + 5)
    assert size(nested()) is None
    assert size(Space.parse(["a=1,2", "b=range(0,1,0.1)"])) == 20


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_grid_size_and_branches_of_any_conditional_space(data: st.DataObject) -> None:
    names = "abcd"
    lines = [
        f"{n}=choice({','.join(map(str, range(data.draw(st.integers(1, 3)))))})" for n in names
    ]
    counts = [len(values(d)) for d in Space.parse(lines).distributions.values()]
    conditions: dict[str, list[str]] = {}
    for i in range(1, len(names)):
        if data.draw(st.booleans()):
            parent = data.draw(st.integers(0, i - 1))
            conditions[names[i]] = [
                f"{names[parent]}={data.draw(st.integers(0, counts[parent] - 1))}"
            ]
    lines.append("n=interval(0,1)")
    conditions["n"] = [f"{data.draw(st.sampled_from(names))}=0"]
    space = Space.parse(lines, conditions)
    assert size(space) is None
    whole = Space.parse(lines[:-1], conditions)
    assert grid(whole) == brute(whole)
    assert size(whole) == len(grid(whole))
    for most in (0, 64):
        visited = {(key, value) for point in branches(space, most) for key, value in point.items()}
        choices = {(k, v) for k, d in whole.distributions.items() for v in values(d)}
        assert visited == choices | {("n", 0.0), ("n", 1.0)}
        assert all(list(point) == space.active(point) for point in branches(space, most))


def test_grid_leaves_out_what_breaks_a_constraint() -> None:
    space = finite(["b + d <= limit", "c == 2 or b > 0"])
    kept = [p for p in brute(space) if "c" not in p or p["c"] == 2 or p["b"] > 0]
    assert grid(space) == kept
    assert grid(space, {"limit": 3}) == [p for p in kept if p["b"] + p.get("d", 0) <= 3]
    with pytest.raises(UserError, match="no point of the space was found that keeps"):
        grid(Space.parse(["a=1,2"], {}, ["a > 2"]))


def test_branches_reach_numbers_that_are_deep_in_many_choices() -> None:
    lines = [f"{n}=choice(1,2,3)" for n in "abcdefgh"]
    space = Space.parse([*lines, "n=interval(0,1)"], {"n": ["a=2", "b=3", "c=2,3"]})
    seen = list(branches(space))
    assert {p["n"] for p in seen if "n" in p} == {0.0, 1.0}
    assert len(seen) <= 1 + 2 * 8 + 2
    assert all(list(p) == space.active(p) for p in seen)


def test_branches_keep_the_constraints_and_still_go_everywhere() -> None:
    lines, conditions = flatten(NESTED | {"schedule.start": "interval(0, 1)"})
    written = [f"{k}={v}" for k, v in lines.items()]
    texts = ["schedule.warmup + schedule.start <= 1", "schedule.start >= least"]
    space = Space.parse(written, conditions, texts)
    seen = list(branches(space, settings={"least": 0.25}))
    assert all(space.allows(p, {"least": 0.25}) for p in seen)
    assert {p["schedule"] for p in seen} == {"constant", "linear", "cyclical"}
    assert any("controller.target" in p for p in seen)
    assert {0.1} < {p["schedule.warmup"] for p in seen if "schedule.warmup" in p} | {0.1, 0.2}


@pytest.mark.parametrize("most", [0, 64])
def test_branches_complete_a_choice_in_the_way_that_constraints_leave(most: int) -> None:
    lines = ["a=choice(x,y)", "b=choice(x,y)", "n=range(0,100)"]
    space = Space.parse(lines, {}, ["a == b", "n > 40", "n < 60"])
    seen = list(branches(space, most))
    assert {(p["a"], p["b"]) for p in seen} == {("x", "x"), ("y", "y")}
    assert all(40 < p["n"] < 60 for p in seen)
    assert seen == list(branches(space, most))


def test_branches_without_any_point_are_refused() -> None:
    with pytest.raises(UserError, match="no point of the space was found"):
        list(branches(Space.parse(["a=1,2"], {}, ["a > 2"])))


# --- constraints and points ---


def test_constraint_on_what_is_not_there_is_not_applied() -> None:
    space = nested(["schedule.warmup * objective.weight <= model.limit"])
    point = {"schedule": "linear", "objective.weight": 2.0, "schedule.warmup": 0.8}
    assert not space.allows(point, {"model.limit": 1})
    assert space.allows(point, {"model.limit": 2})
    assert space.allows(point | {"schedule": "constant"}, {"model.limit": 1})
    assert space.allows(point)
    # a searched parameter is never read from the settings
    assert space.allows(point | {"schedule": "constant"}, {"model.limit": 1, "schedule.warmup": 9})


def test_constraint_reads_what_a_choice_means_and_where_a_parameter_lies() -> None:
    lines = ["a='5',x", "b=null,[1]", "+c=1,2", "schedule@controller.schedule=linear,constant"]
    texts = ["a == '5'", "b == None", "c < 2", "controller.schedule == 'linear'"]
    point = {"a": "'5'", "b": "null", "+c": 1, "schedule@controller.schedule": "linear"}
    space = Space.parse(lines, {}, texts)
    space.check_constraints([])
    assert space.allows(point)
    for key in point:
        other = values(space.distributions[key])[1]
        assert not space.allows(point | {key: other})


def test_constraint_with_an_unknown_name_is_refused() -> None:
    space = nested(["schedule.warmpu <= model.limit"])
    with pytest.raises(UserError, match=r"did you mean 'schedule\.warmup'"):
        space.check_constraints(["model.limit"])
    with pytest.raises(UserError, match="cannot read the constraint"):
        nested(["schedule.warmup <"])


@pytest.mark.parametrize(
    ("point", "normal"),
    [
        ({"objective.weight": 1}, {"objective.weight": 1.0}),
        ({"objective.weight": "1e-1"}, {"objective.weight": 0.1}),
        ({"objective.weight": 10}, {"objective.weight": 10.0}),
        ({"+schedule": "linear"}, {"schedule": "linear"}),
        ({"schedule.warmup": 0.5}, {"schedule.warmup": 0.5}),
        (
            {"schedule.cycles": 3.0, "schedule": "cyclical"},
            {"schedule": "cyclical", "schedule.cycles": 3},
        ),
        ({}, {}),
    ],
)
def test_points_are_stored_as_they_are_drawn(point: dict[str, Any], normal: dict[str, Any]) -> None:
    checked = nested().check_point(point)
    assert list(checked.items()) == list(normal.items())
    assert list(map(type, checked.values())) == list(map(type, normal.values()))


@pytest.mark.parametrize(
    ("choices", "given", "stored"),
    [
        ("null,x", None, "null"),
        ("null,x", "null", "null"),
        ("null,'null'", "'null'", "'null'"),
        ("[1,2],x", [1, 2], "[1,2]"),
        ("[1,2],x", "[1, 2]", "[1,2]"),
        ("{x:1},x", {"x": 1}, "{x:1}"),
        ("'1',x", "1", "'1'"),
        ("'1',x", "'1'", "'1'"),
        ("'1',1", 1, 1),
        ("a b,x", "a b", "a b"),
        ("true,x", True, True),
        ("true,x", "true", True),
        ("1.0,x", 1, 1.0),
        ("0,x", 0, 0),
        ("'',x", "", ""),
    ],
)
def test_points_take_choices_as_yaml_or_as_text(
    choices: str, given: object, stored: object
) -> None:
    checked = Space.parse([f"a={choices}"]).check_point({"a": given})["a"]
    assert checked == stored
    assert type(checked) is type(stored)


@pytest.mark.parametrize(
    ("point", "says"),
    [
        ({"objective.wieght": 1}, "has no objective.wieght: did you mean 'objective.weight'"),
        ({"objective.weight": 11}, "cannot be 11.*the numbers from 0.01 to 10.0"),
        ({"objective.weight": "high"}, "cannot be high"),
        ({"objective.weight": True}, "cannot be True"),
        ({"objective.weight": None}, "cannot be null"),
        ({"objective.weight": float("nan")}, "cannot be nan"),
        ({"schedule": "lineer"}, "cannot be lineer.*constant, linear, cyclical"),
        ({"schedule": "a: b]"}, "cannot be a: b]"),
        ({"schedule": None}, "cannot be null"),
        ({"schedule.cycles": 2.5}, "whole numbers from 1 to 5"),
        ({"schedule.cycles": 6}, "whole numbers from 1 to 5"),
        ({"schedule": "constant", "schedule.warmup": 0.5}, "warmup is not there.*schedule=linear"),
        ({"controller": "none", "controller.target": 1.5}, "target is not there"),
        ({"schedule": "linear", "controller": "geco"}, "controller is not there"),
        ({"schedule": "linear", "schedule.warmup": 1, "objective.weight": 9}, "does not hold"),
        ({"objective.weight": 5, "schedule": "constant"}, "'objective.weight < 5' does not hold"),
    ],
)
def test_points_that_do_not_fit_are_refused_by_name(point: dict[str, Any], says: str) -> None:
    space = nested(["schedule.warmup * objective.weight < limit", "objective.weight < 5"])
    with pytest.raises(UserError, match=says):
        space.check_point(point, {"limit": 5})


def test_points_keep_to_the_steps_of_a_range() -> None:
    space = Space.parse(["a=range(0,10,4)", "b=range(0,1,0.1)"])
    assert space.check_point({"a": 8, "b": 0.3}) == {"a": 8, "b": 0.3}
    for point in ({"a": 7}, {"b": 0.35}):
        with pytest.raises(UserError, match="in steps of"):
            space.check_point(point)
    assert all(space.check_point(point) == point for point in grid(space))


@pytest.mark.parametrize("point", branches(nested()))
def test_every_branch_is_a_point(point: dict[str, Any]) -> None:
    assert nested().check_point(point) == point
