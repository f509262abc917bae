"""The columns a person wants, without set-up: a saved view of MLflow's runs table.

MLflow's user interface shows no metric and no parameter in its table of runs until one picks them.
It does open a "shared view state", an experiment tag that its own share button writes. The format
is not documented; a test holds it against the installed MLflow, and nothing depends on it.
"""

import base64
import json
import zlib
from collections.abc import Iterable

KEY = "front"
WIDTH = 80
TAG = f"mlflow.sharedViewState.{KEY}"


def saved_view(shown: Iterable[tuple[str, str]], order_by: str) -> str:
    """The value of the tag: a table with these columns, from left to right.

    Args:
        shown: `params` or `metrics`, and the name of one.
        order_by: the metric by which the runs are sorted.
    """
    columns = [f"{kind}.`{name}`" for kind, name in shown]
    state = {
        "orderByKey": f"metrics.`{order_by}`",
        "orderByAsc": True,
        "searchFilter": "",
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
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": False,
        "groupBy": None,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "autoRefreshEnabled": True,
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    # The times are fixed, so that writing the same view again writes the same tag.
    return json.dumps(
        {"name": "Front", "createdAt": 0, "updatedAt": 0, "state": f"deflate;{packed}"}
    )


def link(server: str, experiment_id: str) -> str:
    """The address at which the view opens."""
    return (
        f"{server}/#/experiments/{experiment_id}/runs"
        f"?workflowType=machine_learning&viewStateShareKey={KEY}"
    )
