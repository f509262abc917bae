"""The columns a person wants, without set-up: a saved view of MLflow's runs table.

MLflow's user interface shows no metric and no parameter in its table of runs until one picks them.
It does open a "shared view state", an experiment tag that its own share button writes. The format
is not documented; a test holds it against the installed MLflow, and nothing depends on it.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Sequence

KEY = "front"
TAG = f"mlflow.sharedViewState.{KEY}"


def saved_view(params: Iterable[str], metrics: Iterable[str], expanded: Sequence[str]) -> str:
    """The value of the tag: a table with these columns, and these parent runs unfolded."""
    columns = [f"params.`{name}`" for name in params] + [f"metrics.`{name}`" for name in metrics]
    state = {
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "searchFilter": "",
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": columns,
        "runsExpanded": {run: True for run in expanded},
        "runsPinned": [],
        "runsHidden": [],
        "runsHiddenMode": "SHOW_ALL",
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": False,
        "groupBy": None,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "autoRefreshEnabled": True,
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    stamp = 1_700_000_000_000
    return json.dumps(
        {"name": "Front", "createdAt": stamp, "updatedAt": stamp, "state": f"deflate;{packed}"}
    )


def link(server: str, experiment_id: str) -> str:
    """The address at which the view opens."""
    return (
        f"{server}/#/experiments/{experiment_id}/runs"
        f"?workflowType=machine_learning&viewStateShareKey={KEY}"
    )
