import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from betafront.errors import UserError
from betafront.study.search import drawing as drawings
from betafront.study.search.drawing import BLIND, Drawing, digest
from betafront.study.search.samplers import SAMPLERS
from betafront.study.search.space import Space

DIRECTIONS = ["minimize", "minimize"]
SPACE = Space.parse(["w=interval(0,1)", "a=choice(x,y,z)", "k=range(0,50)"])
CONDITIONAL = Space.parse(
    ["s=choice(constant,linear)", "warmup=interval(0,1)"], {"warmup": ["s=linear"]}
)
STRICT = Space.parse(["u=interval(0,1)", "v=interval(0,1)"], constraints=["u + v <= 0.1"])


def drawing(space: Space, name: str = "random", worker: int = 0, seed: int = 0) -> Drawing:
    return Drawing(space, {}, DIRECTIONS, name, seed, worker)


def draws(space: Space, name: str, worker: int = 0, count: int = 12) -> list[dict[str, object]]:
    """A sequential study of `count` trials, each told as soon as it is drawn."""
    own, trials = drawing(space, name, worker), []
    for number in range(count):
        own.learn(trials)
        point = own.draw(number, {digest(t.params) for t in trials})
        trials.append(finished(space, number, point.params, dict(point.system_attrs)))
    return [t.params for t in trials]


def finished(space: Space, number: int, params: dict, attrs: dict | None = None) -> FrozenTrial:
    trial = create_trial(
        state=TrialState.COMPLETE,
        values=[float(number % 5), -float(number)],
        params=params,
        distributions={k: space.distributions[k] for k in params},
        system_attrs=attrs or {},
    )
    trial.number = number
    return trial


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_the_same_history_gives_the_same_points_and_another_worker_others(name: str) -> None:
    assert draws(SPACE, name) == draws(SPACE, name)
    if name != "qmc":  # one sequence for all
        assert draws(SPACE, name) != draws(SPACE, name, worker=1)


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_every_sampler_draws_conditional_spaces_and_keeps_constraints(name: str) -> None:
    for params in draws(CONDITIONAL, name):
        assert ("warmup" in params) == (params["s"] == "linear")
    assert all(p["u"] + p["v"] <= 0.1 for p in draws(STRICT, name))


def test_a_new_process_draws_what_the_old_one_would_have_drawn() -> None:
    for name in ("tpe", "nsga2"):
        whole = draws(SPACE, name, count=15)
        trials = [finished(SPACE, i, p) for i, p in enumerate(whole[:14])]
        fresh = drawing(SPACE, name)
        fresh.learn(trials)
        if name == "tpe":
            assert fresh.draw(14, {digest(p) for p in whole[:14]}).params == whole[14]


def test_tpe_learns_and_keeps_away_from_what_others_are_training() -> None:
    space = Space.parse(["w=interval(0,1)"])
    own = drawing(space, "tpe")
    trials = []
    for number in range(40):
        w = number / 40
        trial = finished(space, number, {"w": w})
        trial.values = [(w - 0.3) ** 2, (w - 0.3) ** 2]
        trials.append(trial)
    own.learn(trials)
    drawn = [own.draw(40 + i, set()).params["w"] for i in range(20)]
    assert sum(abs(w - 0.3) < 0.15 for w in drawn) > 12


def test_what_ends_is_learned_once_and_what_fails_is_forgotten() -> None:
    own = drawing(SPACE, "tpe")
    running = finished(SPACE, 0, {"w": 0.5, "a": "x", "k": 3})
    running.state, running.values, running.datetime_complete = TrialState.RUNNING, None, None
    own.learn([running])
    copies = own.memory.get_trials(deepcopy=False)
    assert [t.state.name for t in copies] == ["RUNNING"]
    own.learn([finished(SPACE, 0, running.params)])
    own.learn([finished(SPACE, 0, running.params)])
    copies = own.memory.get_trials(deepcopy=False)
    assert [t.state.name for t in copies] == ["COMPLETE"]


@pytest.mark.parametrize("name", sorted(BLIND))
def test_a_sampler_that_looks_at_no_history_keeps_no_copy_and_draws_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = [finished(SPACE, i, {"w": i / 9, "a": "x", "k": i}) for i in range(9)]
    own = drawing(SPACE, name)
    own.learn(trials)
    assert own.memory.get_trials() == []
    monkeypatch.setattr(drawings, "BLIND", set())
    learned = drawing(SPACE, name)
    learned.learn(trials)
    assert len(learned.memory.get_trials()) == len(trials)
    assert own.draw(9, set()) == learned.draw(9, set())


def test_a_finite_space_is_gone_through_before_a_point_comes_twice() -> None:
    space = Space.parse(["a=1,2,3", "b=x,y"])
    for name in ("tpe", "random", "qmc"):
        points = draws(space, name, count=6)
        assert len({(p["a"], p["b"]) for p in points}) == 6, name


def test_what_a_given_point_leaves_open_is_drawn() -> None:
    point = drawing(SPACE, "tpe").draw(0, set(), {"a": "y"})
    assert point.params["a"] == "y"
    assert set(point.params) == {"w", "a", "k"}
    assert "fixed_params" not in point.system_attrs


def test_the_sequence_covers_the_space_evenly() -> None:
    points = draws(SPACE, "qmc", count=48)
    for part in range(8):
        assert sum(part <= p["w"] * 8 < part + 1 for p in points) in (5, 6, 7)
    assert {p["a"]: sum(q["a"] == p["a"] for q in points) for p in points}.keys() == {"x", "y", "z"}


def test_constraints_that_leave_nothing_are_named() -> None:
    space = Space.parse(["u=interval(0,1)"], constraints=["u > 2"])
    with pytest.raises(UserError, match=r"study\.constraints"):
        drawing(space).draw(0, set())


@pytest.mark.parametrize("running_before", [True, False])
def test_a_sampler_sees_what_was_pruned_as_complete_with_what_it_had_reached(
    running_before: bool,
) -> None:
    """Where Optuna has trials as pruned, TPE fills its good ones up with any of them."""
    own = Drawing(SPACE, {}, DIRECTIONS, "tpe", 0, 0, lambda trial: [5.0, trial.params["w"]])
    params = own.draw(0, set()).params
    trials = [finished(SPACE, n, {**params, "w": n / 40}) for n in range(40)]
    if running_before:
        own.learn(_in_state(trial, TrialState.RUNNING) for trial in trials)
    own.learn(_in_state(t, TrialState.PRUNED) if t.number > 2 else t for t in trials)
    known = own.memory.get_trials(states=[TrialState.COMPLETE])
    assert [t.values for t in known[3:]] == [[5.0, n / 40] for n in range(3, 40)]
    assert not own.memory.get_trials(states=[TrialState.PRUNED, TrialState.RUNNING])
    assert own.draw(40, set()).params["w"] >= 0


def _in_state(trial: FrozenTrial, state: TrialState) -> FrozenTrial:
    """The trial as it was, or became, without values."""
    made = create_trial(state=state, params=trial.params, distributions=trial.distributions)
    made.number = trial.number
    return made
