"""The command of a study, as its storage has it: what of it is given again without a question.

Whoever can write to the storage has perhaps written it. Most words choose and set what a run
computes; some would have this machine run other code, write elsewhere or tell what it knows.
"""

import re
from collections.abc import Sequence

from betafront.config.overrides import parse
from betafront.config.parts import TARGET
from betafront.config.trust import of_kept, typed_targets
from betafront.errors import UserError
from betafront.study.stored.places import PLACES, with_own_places

# Settings of launchers that only say how much of which machine a worker takes.
OF_MACHINES = frozenset(
    {
        *("n_jobs", "nodes", "gpus_per_node", "cpus_per_task", "mem_gb", "timeout_min"),
        *("partition", "qos", "account", "constraint", "array_parallelism"),
        *("max_num_timeout", "signal_delay_s"),
    }
)
PLAIN = re.compile(r"[\w.,:@%-]*")  # a value that no shell and no script of a batch system reads
# Of OmegaConf, as ${oc.env:HOME}; its name may be looked up too, as in ${${x}:HOME}.
RESOLVER = re.compile(r"\$\{[^}]*(:|\$\{)")
# A target that is one name: neither a search nor a name that goes on with what is looked up.
ONE_TARGET = re.compile(TARGET.pattern + r"(?![\w.])['\"]?\s*($|\}|,\s*['\"]?\w[\w.@/]*['\"]?\s*:)")
NO_GROUPS = frozenset({"seed", "runs"})  # the keys without a dot that choose no file of a group


def stored_command(
    command: Sequence[str], study: str, typed: Sequence[str], storage: str
) -> list[str]:
    """The words with which a study was begun, to be given again: for the storage in which it was
    found, and where this user has its runs and records (`betafront.study.stored.places`).

    Args:
        command: as it is stored.
        study: its name.
        typed: the words of this command; one of them that is stored too needs no more trust.
        storage: the address of the storage in which this command has found the study.

    Raises:
        UserError: a word might do more than describe the study's runs, or names code that is not
            trusted; the way to give it all the same is named.
    """
    for word in command:
        if word not in typed and not _is_plain(word):
            raise UserError(
                f"the command of {study}, as the storage has it, says {word}, which a storage that "
                "others write to could misuse: give that word in this command, if you want it"
            )
    stored = [word for word in command if word not in typed]
    of_kept().check(typed_targets(stored), f"the command of {study}, as the storage has it,")
    return with_own_places(command, study, typed, storage)


def _is_plain(word: str) -> bool:
    key, equals, value = word.lstrip("+~").partition("=")
    if not equals and not word.startswith("~"):
        return False
    if RESOLVER.search(word) or key.startswith("-"):
        return False
    if word.count("_target_") > len(ONE_TARGET.findall(word)):  # what it names cannot be seen
        return False
    if not key.startswith("hydra"):
        return not _chooses_elsewhere(key, value)
    if key == "hydra/launcher":
        return PLAIN.fullmatch(value) is not None
    group, _, name = key.rpartition(".")
    return group == "hydra.launcher" and name in OF_MACHINES and PLAIN.fullmatch(value) is not None


def _chooses_elsewhere(key: str, value: str) -> bool:
    """Whether a word could choose a file that lies outside of the folders of configurations, as
    `model=../../x` does, or set up Hydra or a place with one (`+model@hydra.callbacks.x=mlp`).
    Such a file may say whatever a configuration can."""
    name, _, package = key.partition("@")
    if {"hydra", *PLACES} & set(re.split("[.:]", package)):
        return True
    searched = name == "study" or name.startswith(("study.space", "study.enqueue"))
    if name in NO_GROUPS or ("." in name and not searched):
        return False
    if value.startswith("{") and not searched and _is_mapping(f"{key}={value}"):
        return False
    return ".." in value or "${" in value


def _is_mapping(word: str) -> bool:
    """Whether what a word gives is a mapping, which chooses nothing."""
    return isinstance(parse([word])[0].value(), dict)
