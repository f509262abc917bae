"""A study that begins with the trials of another one."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from tests.study.conftest import SPACE, a_spec, a_worker, done, lost
from torch.optim import Adam

from betafront.errors import UserError
from betafront.study.create import make
from betafront.study.imports.import_from import other_study, refuse_other_runs
from betafront.study.seeds import run_seed
from betafront.study.spec import Spec
from betafront.study.storage.opening import load_study, open_storage
from betafront.study.storage.study_store import Store
from betafront.study.trials.ending import release, tell
from betafront.study.trials.lease import has_lease
from betafront.study.trials.ledger import Ledger
from betafront.study.trials.origin import RESULTS, Origin, Source, first_attempt, origin
from betafront.study.trials.ours import RECORD
from betafront.study.trials.status import TAKEN, reason, status

Command = Callable[..., Any]
NARROW = "objective.weight=tag(log,interval(0.5,2))"
WIDE = "objective.weight=tag(log,interval(0.05,20))"


def trials(place: Path, name: str) -> Any:
    return load_study(storage(place), name).get_trials(deepcopy=False)


def storage(place: Path) -> Any:
    return open_storage(f"sqlite:///{place}/runs/studies.db", create=True)


def results(place: Path, name: str) -> dict[str, dict[str, Any]]:
    """What the runs of a study came to, by their folders below the study's."""
    study = place / "runs" / name
    found = sorted(study.glob("trial-*/**/result.json"))
    return {str(p.parent.relative_to(study)): json.loads(p.read_text()) for p in found}


def sources(place: Path, name: str) -> list[int | None]:
    """Of each trial of a study that counts, the number of the trial that it was taken from."""
    why = [origin(t).source for t in trials(place, name) if status(t).counts]
    return [None if source is None else source.number for source in why]


@pytest.fixture
def narrow(swept: Command, fast: tuple[str, ...]) -> Any:
    """A study of three trials, called `narrow`."""
    said = swept(NARROW, *fast, "study.name=narrow", "study.budget.trials=3")
    assert said.code == 0, said.err
    return said


def test_a_wider_study_takes_over_what_is_there_and_trains_the_rest(
    narrow: Any, betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    wide = ("sweep", WIDE, *fast, "study.name=wide", "study.import_from=narrow", "study.seed=1")
    said = betafront(*wide, "study.budget.trials=2")
    assert said.code == 0, said.err
    assert "3 trials of narrow are taken over as they are." in said.out
    assert "has room for 2 of these 3: study.budget.trials=3 takes over all" in said.out
    assert sources(own_place, "wide") == [0, 1]
    sweep = (*wide, "study.budget.trials=5")
    said = betafront(*sweep)
    assert said.code == 0, said.err
    assert "taken from trial 2 of narrow" in said.out
    assert sources(own_place, "wide") == [0, 1, 2, None, None]
    there, here = results(own_place, "narrow"), results(own_place, "wide")
    assert len(here) == 5
    for folder, one in there.items():
        assert here[folder] == one
        files = [
            own_place / "runs" / name / folder / "model.safetensors" for name in ("narrow", "wide")
        ]
        assert files[0].samefile(files[1])  # a second name for the same bytes
    assert here["trial-0003"]["seed"] == run_seed(1, 3, 0)
    # They stand in the front as any other, marked.
    table = json.loads(betafront("status", "wide", "--json").out)
    assert (table["complete"], table["imported"], table["budget"]) == (5, 3, 5)
    csv = (own_place / "runs/wide/report/front.csv").read_text()
    assert "imported" in csv.splitlines()[0]
    assert csv.count("of narrow") == len({"trial 0", "trial 1", "trial 2"})
    # What the other study has itself does not come back to it.
    back = ("sweep", NARROW, *fast, "study.name=narrow", "study.budget.trials=3")
    assert betafront(*back, "study.import_from=wide").code == 0
    returned = Spec.of(Store(storage(own_place), "narrow").settings()).imports
    assert {one["origin"]["source"]["number"] for one in returned} <= {3, 4}
    # The other study may be deleted: everything is here, and the same command has nothing to do.
    shutil.rmtree(own_place / "runs/narrow")
    optuna.delete_study(study_name="narrow", storage=storage(own_place).writes)
    again = betafront(*sweep)
    assert again.code == 0, again.err
    assert "The study wide is complete: 5 of 5 trials" in again.out
    assert results(own_place, "wide") == here
    assert "bit for bit" in betafront("train", "--study", "wide", "--trial", "1").out


def test_what_another_study_had_is_drawn_no_second_time(
    swept: Command, betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    few = swept("objective.weight=1,2", *fast, "study.name=few", "study.sampler=grid")
    assert few.code == 0, few.err
    more = ("sweep", "objective.weight=1,2,4", *fast, "study.name=more", "study.sampler=grid",
            "study.enqueue=[{objective.weight: 2}]")  # fmt: skip
    dry = betafront(*more, "study.import_from=few", "--dry-run")
    assert dry.code == 0, dry.err
    assert "2 trials of few are taken over as they are." in dry.out
    assert "1 such runs take" in dry.out
    said = betafront(*more, "study.import_from=few")
    assert said.code == 0, said.err
    found = [t.params["objective.weight"] for t in trials(own_place, "more")]
    assert sorted(found) == [1, 2, 4]
    assert sources(own_place, "more")[2] is None
    assert "complete: 3 of 3" in betafront(*more).out  # nor where the other study is not named


def test_points_outside_the_space_and_lost_folders_are_left_out_and_counted(
    narrow: Any, betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    weights = [t.params["objective.weight"] for t in trials(own_place, "narrow")]
    above = f"objective.weight=tag(log,interval({sorted(weights)[0] * 1.0001},20))"
    lost_one = weights.index(max(weights))
    (own_place / f"runs/narrow/trial-{lost_one:04d}/result.json").unlink()
    sweep = ("sweep", above, *fast, "study.name=above", "study.import_from=narrow")
    said = betafront(*sweep, "study.budget.trials=1")
    assert said.code == 0, said.err
    assert "1 trial of narrow is taken over as it is." in said.out
    assert "1 trial of narrow lies outside the space, and is left out." in said.out
    assert "1 trial of narrow has lost its run folder." in said.out
    assert "nothing is left to be trained: study.budget.trials=2 trains 1 more" in said.out
    assert sources(own_place, "above") == [weights.index(sorted(weights)[1])]


def test_replicates_are_kept_and_added_to_with_the_seeds_of_the_other_study(
    swept: Command, betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    said = swept(NARROW, *fast, "study.name=reps", "study.budget.trials=2", "study.replicates=2")
    assert said.code == 0, said.err
    said = betafront("sweep", WIDE, *fast, "study.name=wide", "study.import_from=reps",
                     "study.seed=1", "study.budget.trials=2", "study.replicates=3")  # fmt: skip
    assert said.code == 0, said.err
    there, here = results(own_place, "reps"), results(own_place, "wide")
    assert here == there | {folder: here[folder] for folder in here if "replicate-2" in folder}
    records = [trial.user_attrs[RECORD] for trial in trials(own_place, "wide")]
    seeds = [[run["seed"] for run in record["replicates"]] for record in records]
    assert seeds == [[run_seed(0, first, r) for r in range(3)] for first in (0, 1)]


@pytest.fixture
def steps_trained(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many steps optimisers took in this process, as `steps`."""
    counted: Counter[str] = Counter()
    step = Adam.step

    def counting(self: Adam, *arguments: Any, **more: Any) -> Any:
        counted["steps"] += self.param_groups[0]["lr"] == 0.001  # not those of a reference point
        return step(self, *arguments, **more)

    monkeypatch.setattr(Adam, "step", counting)
    return counted


def test_longer_runs_go_on_from_the_last_weights_of_shorter_ones(
    swept: Command,
    betafront: Command,
    fast: tuple[str, ...],
    own_place: Path,
    steps_trained: Counter[str],
) -> None:
    space = ("objective.weight=0.5,2", "schedule=constant,linear", "study.sampler=grid")
    said = swept(*space, *fast, "study.name=short")
    assert said.code == 0, said.err
    longer = ("sweep", *space, *fast, "trainer.steps=20", "study.name=long", "study.seed=1",
              "study.import_from=short")  # fmt: skip
    dry = betafront(*longer, "--dry-run")
    assert dry.code == 0, dry.err
    there = trials(own_place, "short")
    constant = [t.number for t in there if t.params["schedule"] == "constant"]
    gone = own_place / f"runs/short/trial-{constant[1]:04d}/last.ckpt"
    gone.unlink()
    steps_trained.clear()
    said = betafront(*longer)
    assert said.code == 0, said.err
    for dry_or_not in (dry.out, said.out):
        assert "on from step 12, to step 20." in dry_or_not
        assert "trained from the start, with the same seeds: schedule (Linear)" in dry_or_not
    assert "1 trial of short is trained from the start, with the same seeds: the state" in said.out
    assert "2.8 such runs take" in dry.out  # 2 whole ones, and 2 of 8 of the 20 steps
    assert sources(own_place, "long") == [0, 1, 2, 3]
    # Of one run the difference alone was trained, of the others all.
    assert steps_trained["steps"] == (20 - 12) + 3 * 20
    found = results(own_place, "long")
    for trial in there:
        folder = f"trial-{trial.number:04d}"
        assert found[folder]["seed"] == results(own_place, "short")[folder]["seed"]
    # A run that went on has the bits of a long one, where the shorter one ended with an epoch.
    assert "bit for bit" in betafront("train", "--study", "long", "--trial", str(constant[0])).out
    history = found[f"trial-{constant[0]:04d}"]["history"]
    assert history[0]["step"] < 12 < history[-1]["step"] == 20
    csv = (own_place / "runs/long/report/front.csv").read_text()
    assert "continued" in csv.splitlines()[0]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("study.import_from=narow",), "there is no study 'narow': did you mean 'narrow'?"),
        (("study.import_from=narrow", "optimizer.lr=0.01"), "optimizer.lr: 0.001, now 0.01"),
    ],
)
def test_what_is_no_run_of_this_study_is_refused(
    narrow: Any, betafront: Command, fast: tuple[str, ...], own_place: Path,
    words: tuple[str, ...], what: str,
) -> None:  # fmt: skip
    said = betafront("sweep", WIDE, *fast, "study.name=wide", *words)
    assert said.code == 2
    assert what in said.err
    assert words[0] in said.err
    assert not (own_place / "runs/wide").exists()


# What workers make of it, without training.


def taken(number: int, study: str = "other", **more: Any) -> dict[str, Any]:
    """A trial of another study to be taken over, as a specification keeps it."""
    source = Source(study, number, 12, RESULTS, (f"trial-{number:04d}",))
    why = Origin(first=number, seed=7, source=source, **more)
    return {"params": {"w": 0.1 * (number + 1)}, "origin": why.written()}


@pytest.fixture
def importing(url: str) -> Store:
    """A study of four trials, of which three are to be taken over."""
    opened = open_storage(url, create=True)
    make(opened, a_spec(4, imports=[taken(n) for n in (4, 2, 6)]))
    return Store(opened, "s", has_lease)


def test_each_is_taken_over_once_also_where_workers_are_lost(importing: Store) -> None:
    lost(importing)
    ledger = Ledger(importing, SPACE, a_worker(), 0)
    first = ledger.claim()
    assert first is not None
    release(importing, first.trial)  # as at a signal
    while claim := ledger.claim():
        tell(importing, claim.trial, done(claim.trial), a_spec())
    counting = [t for t in importing.trials() if status(t).counts]
    numbers = [s.number if (s := origin(t).source) else None for t in counting]
    assert numbers == [4, 2, 6, None]
    assert [(origin(t).seed, first_attempt(t)) for t in counting[:3]] == [(7, 4), (7, 2), (7, 6)]
    assert [t.params["w"] for t in counting[:3]] == pytest.approx([0.5, 0.3, 0.7])


def test_replicates_that_are_added_have_the_seeds_of_the_other_study(importing: Store) -> None:
    ledger = Ledger(importing, SPACE, a_worker(), 0)
    while claim := ledger.claim():
        tell(importing, claim.trial, done(claim.trial), a_spec())
    spec = a_spec(4, replicates=2, imports=[taken(n) for n in (4, 2, 6)])
    spec.store(importing)
    claim = ledger.claim()
    assert claim is not None
    assert origin(claim.trial) == Origin(first=4, adds_to=0, replicates=2, seed=7)


def test_two_workers_never_take_over_the_same(importing: Store) -> None:
    one, other = (Ledger(importing, SPACE, a_worker(str(n)), n) for n in range(2))
    claims = [one.claim(), other.claim()]
    assert [origin(c.trial).source.number for c in claims if c] == [4, 2]  # type: ignore[union-attr]
    # A third makes its trial for the work of the first, which it has not seen yet.
    whole = importing.trials
    seen: list[Any] = [[]]
    importing.trials = lambda: seen.pop() if seen else whole()  # type: ignore[method-assign]
    claim = Ledger(importing, SPACE, a_worker("2"), 2).claim()
    assert claim is not None
    assert origin(claim.trial).source.number == 6  # type: ignore[union-attr]
    assert TAKEN in [reason(t) for t in whole() if t.state.name == "FAIL"]


def test_of_the_settings_only_more_steps_may_differ() -> None:
    spec = a_spec(base={"trainer.steps": 20, "optimizer.lr": 0.1}, data_digest="d")
    assert not refuse_other_runs(spec, spec)
    shorter = replace(spec, name="shorter", base=spec.base | {"trainer.steps": 10}, seed=9)
    assert refuse_other_runs(spec, shorter)
    for other, what in (
        (replace(shorter, data_digest="e"), r"other data \(digest e, now d\)"),
        (replace(shorter, objectives={"a": "minimize"}), r"other objectives \(a\)"),
        (replace(spec, base=spec.base | {"trainer.steps": 30}), "trainer.steps: 30, now 20"),
    ):
        with pytest.raises(UserError, match=what):
            refuse_other_runs(spec, other)
    with pytest.raises(UserError, match="is the study itself"):
        other_study("s", "s", None)


def test_settings_that_an_earlier_version_did_not_have_differ_by_what_its_runs_did() -> None:
    earlier = a_spec(base={"trainer.steps": 10})
    for keep, refused in (("last", False), ("best", True)):
        spec = a_spec(base={"trainer.steps": 10, "trainer.keep": keep, "trainer.patience": None})
        assert bool(spec.other_runs(earlier)) == refused
