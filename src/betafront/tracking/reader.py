"""A look at a record that writes nothing."""

from pathlib import Path

from betafront.study.spec import Spec
from betafront.study.view import Links, NoView
from betafront.tracking.view import SQLITE, view_of


class Reader(NoView):
    """What a study's page needs of MLflow: where the trials' runs are, if they are anywhere."""

    def links(self, spec: Spec) -> Links:
        view = view_of(spec)
        if view.uri.startswith(SQLITE) and not Path(view.uri.removeprefix(SQLITE)).is_file():
            return Links()
        return view.links(spec)
