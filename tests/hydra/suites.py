"""Hydra's own suites for plugins, on the Hydra that is installed (1.3 and 1.4).

`hydra.test_utils` and the tests of Hydra's example plugins, suite by suite:

- **Discovery** and **search path** (example plugins): apply, and run on all three of our plugins.
- **ConfigSourceTestSuite**: applies to `StudySource`, which serves one group of configurations as
  folders. Each case runs on a source whose group is the one that the case looks at. Cases on
  configurations outside any group, and on groups within groups, have no place in such a source.
- **LauncherTestSuite, BatchedSweeperTestSuite, IntegrationTestSuite**: they run applications of
  their own. Our search path plugin and our config source are loaded into every Hydra application of
  the environment, so all three run with Hydra's own sweeper to show that we leave others alone.
- The same three **with our sweeper**: it trains betafront's own application and keeps what came of
  the trials in its storage, so a case that sweeps another application, and looks at the job returns
  of its launcher, does not apply. `TestOurSweeper` has what such a case is about where it is
  about a sweeper. A case that is new in a later Hydra is run, and fails until it is judged here.
- **Completion** (`hydra.test_utils.completion` is an application for tests that Hydra does not
  ship): a completion of our own choices stands for it.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigSource
from hydra.plugins.plugin import Plugin
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.plugins.sweeper import Sweeper
from hydra.test_utils.config_source_common_tests import ConfigSourceTestSuite
from hydra.test_utils.launcher_common_tests import (
    BatchedSweeperTestSuite,
    IntegrationTestSuite,
    LauncherTestSuite,
)

from betafront.api import hydra_app as app
from betafront.config.compose import VERSION_BASE
from betafront.shipped import conf_dir
from betafront.study.storage.opening import load_study, open_storage
from hydra_plugins.betafront_sweeper.sources import StudySource

pytestmark = pytest.mark.usefixtures("hydra_restore_singletons")

OTHER_APP = "sweeps an application that has no study and trains no VAE"
RETURNS = f"{OTHER_APP}, and reads the job returns of its launcher: our truth is the storage"


@pytest.fixture(scope="module", autouse=True)
def plugins() -> None:
    """Before the first fixture that restores what there was: plugins register configurations."""
    Plugins.instance()


@pytest.fixture(autouse=True)
def elsewhere(
    own_place: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The suites remove the folder they ran in; joblib's workers live on where they started."""
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))


def skip_where(request: pytest.FixtureRequest, reasons: dict[str, str]) -> None:
    """Skip the case that is running if it is named, by itself or with its parameters."""
    for name in (request.node.name, request.node.originalname):
        if name in reasons:
            pytest.skip(reasons[name])


# Discovery and search path


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Sweeper, "BetafrontSweeper"),
        (ConfigSource, "StudySource"),
        (SearchPathPlugin, "BetafrontSearchPath"),
    ],
)
def test_each_plugin_is_discovered_once(kind: type[Plugin], name: str) -> None:
    assert [c.__name__ for c in Plugins.instance().discover(kind)].count(name) == 1


def options(conf: Path) -> list[str]:
    with initialize_config_dir(str(conf), **VERSION_BASE):
        return list(GlobalHydra.instance().config_loader().get_group_options("study"))


def test_the_studies_are_a_config_group_of_betafront_alone(own_place: Path) -> None:
    assert "weighting" in options(conf_dir())
    assert options(own_place) == []


# StudySource


GROUPS = {
    "dataset": {
        "imagenet": "name: imagenet\npath: /datasets/imagenet",
        "cifar10": "name: cifar10\npath: /datasets/cifar10",
    },
    "optimizer": {"adam": "", "nesterov": ""},
    "level1/level2": {"nested1": "l1_l2_n1: true", "nested2": "l1_l2_n2: true"},
    "configs_with_defaults_list": {
        "global_package": "# @package _global_\ndefaults:\n  - foo: bar\nx: 10",
        "group_package": "# @package _group_\ndefaults:\n  - foo: bar\nx: 10",
    },
    "package_test": {
        "none": "foo: bar",
        "explicit": "# @package a.b\nfoo: bar",
        "global": "# @package _global_\nfoo: bar",
        "group": "# @package _group_\nfoo: bar",
        "group_name": "# @package foo._group_._name_\nfoo: bar",
        "name": "# @package _name_\nfoo: bar",
    },
}
ROOT = "is about a configuration outside any group, and the source has none"
ONE_GROUP = "is about several groups, or groups within a group, and the source has one"


@pytest.fixture
def type_(request: pytest.FixtureRequest) -> type[ConfigSource]:
    """The source, with the group that the case looks at in place of `study`."""
    asked = getattr(request.node, "callspec", None)
    config_path = asked.params.get("config_path", "") if asked else ""
    name = next((g for g in GROUPS if f"{config_path}/".startswith(f"{g}/")), "dataset")
    return type("Source", (StudySource,), {"group": name})


@pytest.fixture
def path(type_: type[StudySource], tmp_path: Path) -> str:
    for name, text in GROUPS[type_.group].items():
        file = tmp_path / "studies" / name / "study.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
    return f"studies://{tmp_path}/studies"


class TestStudySource(ConfigSourceTestSuite):
    @pytest.fixture(autouse=True)
    def applicable(self, request: pytest.FixtureRequest) -> None:
        skip_where(
            request,
            {
                "test_is_group[level1]": ONE_GROUP,
                "test_list[-ObjectType.GROUP-expected0]": ONE_GROUP,
                "test_list[level1-ObjectType.GROUP-expected3]": ONE_GROUP,
                "test_list[level1-None-expected13]": ONE_GROUP,
                "test_list[-ObjectType.CONFIG-expected5]": ROOT,
                "test_list[-None-expected10]": ROOT,
                "test_list[-None-expected15]": ROOT,
                "test_source_load_config[config_without_group]": ROOT,
                "test_source_load_config[config_with_unicode]": ROOT,
                "test_source_load_config[config_with_defaults_list]": ROOT,
                "test_default_package_for_primary_config": ROOT,
                "test_primary_config_with_non_global_package": ROOT,
            },
        )

    def skip_overlap_config_path_name(self) -> bool:
        return True


def test_a_study_may_be_written_in_any_script(tmp_path: Path) -> None:
    file = tmp_path / "数据库" / "study.yaml"
    file.parent.mkdir()
    file.write_text("question: 数据库?", encoding="utf-8")
    source = StudySource(provider="foo", path=f"studies://{tmp_path}")
    assert source.list("study", None) == ["数据库"]
    assert source.load_config("study/数据库").config == {"question": "数据库?"}


# Other applications beside our plugins


@pytest.mark.parametrize(("launcher_name", "overrides"), [("basic", []), ("joblib", [])])
class TestOtherApplications(LauncherTestSuite):
    pass


@pytest.mark.parametrize(
    ("launcher_name", "overrides"), [("basic", ["hydra.sweeper.max_batch_size=2"])]
)
class TestOtherApplicationsInBatches(BatchedSweeperTestSuite):
    pass


@pytest.mark.parametrize(
    ("task_launcher_cfg", "extra_flags"), [({}, ["-m", "hydra/launcher=basic"])]
)
class TestOtherApplicationsInProcesses(IntegrationTestSuite):
    pass


# Our sweeper


@pytest.mark.parametrize(
    ("launcher_name", "overrides"),
    [("basic", ["hydra/sweeper=betafront"]), ("joblib", ["hydra/sweeper=betafront"])],
)
class TestOurSweeperInOtherApplications(LauncherTestSuite):
    @pytest.fixture(autouse=True)
    def applicable(self, request: pytest.FixtureRequest) -> None:
        skip_where(
            request,
            {
                "test_sweep_1_job": RETURNS,
                "test_sweep_1_job_strict": RETURNS,
                "test_sweep_2_jobs": RETURNS,
                "test_sweep_2_optimizers": RETURNS,
                "test_sweep_over_unspecified_mandatory_default": RETURNS,
                "test_sweep_and_override": RETURNS,
                "test_sweep_with_custom_resolver": RETURNS,
                "test_sweep_1_job_strict_and_bad_key": (
                    f"{OTHER_APP}: it would pass whatever became of the bad key"
                ),
                "test_failure_preserves_task_traceback": (
                    f"{OTHER_APP}, and wants the failure raised: ours is a failed trial"
                ),
            },
        )


@pytest.mark.parametrize(("launcher_name", "overrides"), [("basic", ["hydra/sweeper=betafront"])])
class TestOurSweeperInBatches(BatchedSweeperTestSuite):
    @pytest.fixture(autouse=True)
    def applicable(self, request: pytest.FixtureRequest) -> None:
        batches = "our workers claim trial by trial, so there are no batches"
        skip_where(request, {"test_sweep_2_jobs_2_batches": f"{RETURNS}; {batches}"})


@pytest.mark.parametrize(
    ("task_launcher_cfg", "extra_flags"),
    [({}, ["-m", "hydra/sweeper=betafront", "hydra/launcher=basic"])],
)
class TestOurSweeperInProcesses(IntegrationTestSuite):
    @pytest.fixture(autouse=True)
    def applicable(self, request: pytest.FixtureRequest) -> None:
        skip_where(
            request,
            {
                "test_custom_task_name": OTHER_APP,
                "test_custom_sweeper_run_workdir": (
                    f"{OTHER_APP}, in folders named by hydra.sweep.subdir: ours are trial-0000 …"
                ),
                "test_get_orig_dir_multirun": OTHER_APP,
                "test_to_absolute_path_multirun": OTHER_APP,
            },
        )


def failing(*_: Any, **__: Any) -> None:
    try:
        raise ValueError("the cause")
    except ValueError as cause:
        raise RuntimeError("the failure") from cause


class TestOurSweeper:
    """What the suites' cases are about, with betafront's own application."""

    @pytest.fixture
    def sweep(
        self, hydra_sweep_runner: Callable[..., Any], fast: tuple[str, ...], tmp_path: Path
    ) -> Callable[..., Any]:
        every_model = [o for o in fast if not o.startswith("model.")]

        def run(*overrides: str) -> Any:
            return hydra_sweep_runner(
                calling_file=None,
                calling_module="betafront.api.hydra_app",
                task_function=app.run,
                config_path=str(conf_dir()),
                config_name="betafront",
                overrides=[*every_model, "study.sampler=grid", "study.name=s", *overrides],
                temp_dir=tmp_path / "runs/s",
            )

        return run

    @pytest.fixture
    def trials(self, tmp_path: Path) -> Callable[[], list[Any]]:
        def read() -> list[Any]:
            url = f"sqlite:///{tmp_path}/runs/studies.db"
            return list(load_study(open_storage(url), "s").get_trials(deepcopy=False))

        return read

    @pytest.mark.parametrize("launcher", ["basic", "joblib", "processes"])
    def test_sweep_2_jobs(
        self, sweep: Callable[..., Any], trials: Callable[[], list[Any]], launcher: str
    ) -> None:
        with sweep("objective.weight=0.1,1", f"hydra/launcher={launcher}") as done:
            assert done.returns is None
            assert {t.params["objective.weight"] for t in trials()} == {0.1, 1}
            assert {t.state.name for t in trials()} == {"COMPLETE"}
            results = sorted(Path(done.temp_dir).glob("trial-*/result.json"))
            assert [r.parent.name for r in results] == ["trial-0000", "trial-0001"]
            assert all(json.loads(r.read_text())["metrics"] for r in results)

    def test_sweep_1_job_strict_and_bad_key(
        self, sweep: Callable[..., Any], tmp_path: Path
    ) -> None:
        with (
            pytest.raises(HydraException, match="boo"),
            sweep("objective.weight=0.1,1", "boo=bar"),
        ):
            pass
        assert not (tmp_path / "runs/studies.db").exists()

    def test_sweep_and_override(
        self, sweep: Callable[..., Any], trials: Callable[[], list[Any]]
    ) -> None:
        """An override below a group that is searched holds for every choice."""
        with sweep("model=mlp,linear", "model.latents=3") as done:
            assert {t.params["model"] for t in trials()} == {"mlp", "linear"}
            saved = [p.read_text() for p in Path(done.temp_dir).glob("trial-*/config.yaml")]
            assert len(saved) == 2
            assert all("latents: 3\n" in text for text in saved)

    def test_failure_preserves_task_traceback(
        self,
        sweep: Callable[..., Any],
        trials: Callable[[], list[Any]],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("betafront.training.fitting.write_run", failing)
        with pytest.raises(SystemExit), sweep("objective.weight=0.1,1"):
            pass
        assert {t.state.name for t in trials()} == {"FAIL"}
        log = (tmp_path / "runs/s/trial-0000/run.log").read_text()
        assert "ValueError: the cause" in log
        assert "RuntimeError: the failure" in log
        assert "in failing" in log


# Completion


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("study=", "study=weighting"),
        ("model=ml", "model=mlp"),
        ("hydra/sweeper=", "hydra/sweeper=betafront"),
        ("study.budget.tr", "study.budget.trials="),
    ],
)
def test_completion(
    typed: str,
    offered: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COMP_LINE", f"python betafront.py {typed}")
    app.main(["-sc", "query=bash"])
    assert offered in capsys.readouterr().out.split()
