"""A run of a trial: what an earlier attempt has left of it, or how it is to be trained."""

import logging
from pathlib import Path

from betafront.config.compose import Composer
from betafront.study.search.drawing import digest
from betafront.study.search.space import Space
from betafront.study.seeds import confirming_seed, run_seed
from betafront.study.spec import AUTO, OWN_LINE
from betafront.study.storage.study_store import Store
from betafront.study.trials.ending import Outcome
from betafront.study.trials.ledger import Claim
from betafront.study.trials.origin import Confirms, first_attempt, numbered, origin
from betafront.study.trials.replicates import run_folder
from betafront.study.trials.stacking import is_stacked, of_study, program
from betafront.study.worker.attempt import Asked
from betafront.study.worker.confirming import confirming_overrides, may_go_on, shorter_run
from betafront.study.worker.earlier_attempts import begin_with, take_over
from betafront.study.worker.member import Member
from betafront.study.worker.pruner import Pruner
from betafront.training.folder import RunFolder
from betafront.training.result import Result

log = logging.getLogger(__name__)


class RunsOfTrials:
    """Finds what is to be done for the runs of a study's trials.

    Args:
        composer: composes the trials.
        space: what they differ in.
        store: of the study.
        folder: of the study.
    """

    def __init__(self, composer: Composer, space: Space, store: Store, folder: Path) -> None:
        self.composer = composer
        self.space = space
        self.store = store
        self.folder = folder
        self._pays: dict[str, int] = {}  # by the digest of a program

    def at_once(self, claim: Claim) -> int:
        """How many runs are trained as one program with those of a trial: what the study says, or
        as many as pay on this device. Of a run that cannot be made its attempt says why."""
        trial = claim.trial
        if claim.spec.stack != AUTO or not is_stacked(origin(trial)):
            return of_study(claim.spec)
        key = digest(program(trial.params))
        if key not in self._pays:
            try:
                self._pays[key] = self._measured(self.space.overrides(trial.params))
            except Exception:
                return 1
        return self._pays[key]

    def _measured(self, overrides: list[str]) -> int:
        from betafront.config.build import build
        from betafront.training import stack_pays

        return stack_pays(build(self.composer(overrides)))

    def find(self, member: Member, replicate: int) -> Result | Outcome | Asked:
        """The result that an earlier attempt at a run has left; or how the run is trained, from the
        earlier attempt's checkpoint where there is one; or why it cannot be.

        Args:
            member: the trial.
            replicate: which of its runs.
        """
        claim = member.claim
        trial, spec = claim.trial, claim.spec
        left = take_over(self.folder, trial, claim.trials, replicate)
        if left is not None:
            return left
        folder, seconds = self.folder / run_folder(trial.number, replicate), spec.trial_seconds
        run = origin(trial).confirms
        if run is None:
            of_study = origin(trial).seed
            first = first_attempt(trial)
            seed = run_seed(spec.seed if of_study is None else of_study, first, replicate)
            overrides = self.space.overrides(trial.params)
        else:
            found = self._confirming(claim, run, folder)
            if isinstance(found, Outcome):
                return found
            overrides, seed = found, confirming_seed(spec.seed, run.seed)
            seconds = None if seconds is None else seconds * run.times
        overrides = [*overrides, f"seed={seed}"]
        return Asked(overrides, folder, seconds, {}, member.taken.is_set, self._pruner(claim))

    def _confirming(self, claim: Claim, run: Confirms, folder: Path) -> list[str] | Outcome:
        """The overrides of a run that confirms the decision, which begins with the state of a
        shorter one where it may; or why it cannot be made."""
        picked = numbered(claim.trials, run.trial)
        if picked is None:
            return Outcome(reason=f"failed: trial {run.trial} was deleted from the storage")
        if not self.space.holds(picked.params):
            why_not = "has parameters, in the storage, that the study does not search"
            return Outcome(reason=f"failed: trial {run.trial} {why_not}")
        overrides = confirming_overrides(self.composer, self.space.overrides(picked.params), run)
        own, shorter = RunFolder(folder), shorter_run(run, claim.trials, self.folder)
        if (
            shorter is not None
            and not own.has_checkpoint
            and may_go_on(self.composer, overrides)
        ):  # fmt: skip
            begin_with(shorter.last, own)
            log.info("trial %d goes on from %s", claim.trial.number, shorter.path.name)
        return overrides

    def _pruner(self, claim: Claim) -> Pruner | None:
        """What may stop the run of a trial; nothing where the study prunes none, and for runs that
        stand for those of another study, add replicates or confirm the decision."""
        why = origin(claim.trial)
        own = why.source is None and why.adds_to is None and why.confirms is None
        prunes = own and claim.spec.pruner == OWN_LINE
        return Pruner(self.store, claim.trial, claim.trials) if prunes else None
