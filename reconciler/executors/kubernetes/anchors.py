"""The ConfigMap that keeps a run in the cluster, to be found when the database is lost. Pure.

It also owns the run's pods: who deletes it ends the run's pods, and a pod that is made too late for its run
goes by itself.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.errors import LaunchRejected
from reconciler.executors.kubernetes import names
from reconciler.model import codec
from reconciler.model.run import Run
from reconciler.model.workflow import Workflow

PLAIN_BYTES = 512 * 1024
MOST_BYTES = 1024 * 1024
"""The largest run that is kept as it is, and what a ConfigMap may hold."""

_PLAIN, _PACKED = "run.json", "run.json.gz"


def to_config_map(run: Run, instance: str) -> dict[str, Any]:
    """Raises LaunchRejected for a run that is too large even when packed."""
    text = json.dumps(codec.encode(run, {Workflow: lambda w: w.document}), ensure_ascii=False)
    data = text.encode("utf-8", "surrogatepass")
    labels = {names.MANAGED_BY: names.MANAGER, names.INSTANCE: instance, names.KIND: "run"}
    labels[names.RUN] = names.run_label(run.id)
    metadata = {"name": names.anchor_name(run.id), "labels": labels}
    found: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "immutable": True}
    if len(data) <= PLAIN_BYTES:
        return {**found, "data": {_PLAIN: text}}
    packed = base64.b64encode(gzip.compress(data, 6, mtime=0)).decode()
    if len(packed) > MOST_BYTES:
        raise LaunchRejected(
            f"the cluster cannot keep {run.title}: its definition and parameters have {len(data)} bytes",
            hint="Move long scripts into files of the repository (`files`).",
        )
    return {**found, "binaryData": {_PACKED: packed}}


def from_config_map(raw: Mapping[str, Any], parse: Callable[[Mapping[str, Any]], Workflow]) -> Run:
    """Raises ValueError for a ConfigMap that is not the anchor of a run."""
    try:
        if _PACKED in raw.get("binaryData", {}):
            text: str | bytes = gzip.decompress(base64.b64decode(raw["binaryData"][_PACKED]))
        else:
            text = raw["data"][_PLAIN]
    except (KeyError, OSError, EOFError) as error:
        raise ValueError(f"no run in it: {error}") from error
    return codec.decode(Run, json.loads(text), {Workflow: parse})
