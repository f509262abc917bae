"""Where configurations come from: the user's own `conf/` and `studies/` before the shipped ones."""

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath, SearchPathQuery
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf


class StudySource(ConfigSource):
    """A folder of studies as the config group `study`: `study/NAME` is `NAME/study.yaml`."""

    group = "study"

    @staticmethod
    def scheme() -> str:
        return "studies"

    def load_config(self, config_path: str) -> ConfigResult:
        path = self._file(config_path)
        if path is None or not path.is_file():
            raise ConfigLoadError(f"there is no study at {self.path}/{config_path}")
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ConfigLoadError(f"{path} is not written in UTF-8: {error.reason}") from error
        return ConfigResult(
            config=OmegaConf.load(path),  # type: ignore[arg-type]
            path=f"{self.scheme()}://{self.path}",
            provider=self.provider,
            header=ConfigSource._get_header_dict(text),
        )

    def available(self) -> bool:
        return Path(self.path).is_dir()

    def is_group(self, config_path: str) -> bool:
        return config_path in ("", self.group)

    def is_config(self, config_path: str) -> bool:
        path = self._file(config_path)
        return path is not None and path.is_file()

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        if config_path == "":
            return [] if results_filter == ObjectType.CONFIG else [self.group]
        if config_path != self.group or results_filter == ObjectType.GROUP:
            return []
        return sorted(path.parent.name for path in Path(self.path).glob("*/study.yaml"))

    def _file(self, config_path: str) -> Path | None:
        group, _, name = config_path.removesuffix(".yaml").rpartition("/")
        return Path(self.path) / name / "study.yaml" if group == self.group and name else None


class BetafrontSearchPath(SearchPathPlugin):
    """Adds the folders of studies, and a user's own `conf/`, to betafront's search path alone."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        from betafront.shipped import conf_dir, studies_dir

        main = next((e.path for e in search_path.get_path() if e.provider == "main"), None)
        if main is None or main.removeprefix("file://") != str(conf_dir()):
            return  # another Hydra application in the same environment
        ours = SearchPathQuery(provider="main")
        own_conf, own_studies = Path("conf").absolute(), Path("studies").absolute()
        if own_conf.is_dir() and own_conf != conf_dir():
            search_path.prepend("own conf", f"file://{own_conf}", ours)
        if own_studies.is_dir() and own_studies != studies_dir():
            search_path.prepend("own studies", f"studies://{own_studies}", ours)
        search_path.append("studies", f"studies://{studies_dir()}", ours)
