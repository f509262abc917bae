"""A saved view of a study in MLflow: its table with the columns that matter, and its charts.

MLflow's user interface shows no metric and no parameter in its table of runs until one picks them,
and no chart of a trade-off. It does open a "shared view state", an experiment tag that its own
share button writes. The format is not documented; a test holds it against the installed MLflow,
and nothing depends on it.
"""

import base64
import json
import zlib
from collections.abc import Collection

from betafront.front.table import METRICS, STANDING, of_layers
from betafront.study.spec import Spec
from betafront.tracking.store import key_of
from betafront.tracking.ui_charts import SECTION, charts

KEY = "pareto"
WIDTH = 80
TAG = f"mlflow.sharedViewState.{KEY}"


def saved_view(spec: Spec, metrics: Collection[str] | None = None) -> str:
    """The value of the tag: the trials of a study without their parent, in order of the first
    objective; as a table with β, the metrics, how the trials stand and the searched parameters, and
    as charts.

    Args:
        spec: of the study.
        metrics: that its trials have, and STANDING where it is known how they stand; None where no
            trial has finished, and all are shown.

    Raises:
        UserError: the study's space cannot be read.
    """
    usual = [m for m in METRICS if metrics is None or m in metrics]
    usual += of_layers(metrics or ())
    shown = [f"metrics.`{name}`" for name in dict.fromkeys([*usual, *spec.objectives])]
    params = dict.fromkeys(["beta", "beta_norm", *map(key_of, spec.space)])
    beta, beta_norm, *searched = [f"params.`{name}`" for name in params]
    stands = [f"tags.`{STANDING}`"] if metrics is None or STANDING in metrics else []
    columns = [beta, beta_norm, *shown, *stands, *searched]
    state = {
        "orderByKey": f"metrics.`{next(iter(spec.objectives))}`",
        "orderByAsc": True,
        "searchFilter": "tags.role = 'trial'",
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": columns,
        "columnOrder": columns,
        "columnWidths": dict.fromkeys(columns, WIDTH),
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": charts(spec),
        "compareRunSections": [SECTION],
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": True,  # else MLflow puts the sections in order of the alphabet
        "groupBy": None,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "autoRefreshEnabled": True,
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    # The times are fixed, so that writing the same view again writes the same tag.
    return json.dumps(
        {"name": "Pareto", "createdAt": 0, "updatedAt": 0, "state": f"deflate;{packed}"}
    )


def table_link(server: str, experiment_id: str) -> str:
    """The address at which the view opens as a table."""
    return (
        f"{server}/#/experiments/{experiment_id}/runs"
        f"?workflowType=machine_learning&viewStateShareKey={KEY}"
    )


def charts_link(server: str, experiment_id: str) -> str:
    """The address at which the view opens as charts."""
    return f"{table_link(server, experiment_id)}&compareRunsMode=CHART"
