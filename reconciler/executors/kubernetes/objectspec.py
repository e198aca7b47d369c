"""Objects of the cluster that stand for a step: how they are made, and what their latest form means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from reconciler.core import observed, values
from reconciler.errors import LaunchRejected
from reconciler.executors.ending import failed
from reconciler.executors.kubernetes import names
from reconciler.executors.kubernetes.options import KubernetesOptions
from reconciler.executors.kubernetes.podspec import Anchor
from reconciler.model.run import AttemptKey, Observation, Outputs, Status, StepCall
from reconciler.model.workflow import MISSING, FailureClass, Manifest, ParameterOutput

KIND = "object"
"""The label of these objects, and of the ConfigMaps that remember them."""


@dataclass(frozen=True, slots=True)
class Form:
    """What kind of object it is, and its name in the namespace."""

    api_version: str
    kind: str
    name: str

    @property
    def type(self) -> str:
        """As the operator lists it: `Job.batch/v1`, `Pod.v1`."""
        return f"{self.kind}.{self.api_version}"

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}'"


@dataclass(frozen=True, slots=True)
class Held:
    """What is remembered of an attempt. `uid` is the object's, once it is made; `result` the last word."""

    key: AttemptKey
    manifest: Manifest
    outputs: tuple[ParameterOutput, ...]
    form: Form
    uid: str = ""
    cancelled: bool = False
    result: Observation | None = None


def held(call: StepCall, options: KubernetesOptions) -> Held:
    """Raises LaunchRejected for an object that no step may make here."""
    assert call.manifest is not None
    document = call.manifest.document
    metadata = document.get("metadata", {})
    name = str(metadata.get("name") or names.object_name(call.key))
    form = Form(str(document["apiVersion"]), str(document["kind"]), name)
    allowed = options.policy.manifest_types
    if form.type not in allowed:
        raise LaunchRejected(
            f"no step may make a '{form.type}' here; allowed: {', '.join(allowed) or 'none'}",
            hint="The operator's setting kubernetes.manifest_types lists what is allowed.",
        )
    if unknown := sorted(metadata.keys() - {"name", "labels", "annotations"}):
        raise LaunchRejected(f"the metadata of a manifest cannot hold '{unknown[0]}'")
    return Held(call.key, call.manifest, call.parameter_outputs, form)


def body(what: Held, options: KubernetesOptions, anchor: Anchor | None) -> dict[str, Any]:
    """The object as it is sent: the document, with its name, our labels and its owner."""
    given = what.manifest.document.get("metadata", {})
    labels = {**options.labels, **given.get("labels", {}), **labels_of(what.key, options.instance)}
    annotations = {**given.get("annotations", {}), names.NOTE: str(what.key)}
    metadata: dict[str, Any] = {"name": what.form.name, "labels": labels, "annotations": annotations}
    if anchor is not None:
        metadata["ownerReferences"] = [owner(anchor)]
    return {**what.manifest.document, "metadata": metadata}


def owner(anchor: Anchor) -> dict[str, str]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": anchor.name, "uid": anchor.uid}


def labels_of(key: AttemptKey, instance: str) -> dict[str, str]:
    found = {names.MANAGED_BY: names.MANAGER, names.INSTANCE: instance, names.KIND: KIND}
    return {**found, names.RUN: names.run_label(key.run_id)}


def is_of(what: Held, found: Mapping[str, Any]) -> bool:
    """Whether an object that has the name is this attempt's."""
    annotations = found["metadata"].get("annotations") or {}
    return annotations.get(names.NOTE) == str(what.key)


def outcome(what: Held, found: Mapping[str, Any] | None, now: datetime) -> Observation | None:
    """The last word on an attempt, from the latest form of its object; None while there is none to say."""
    seen = Observation(what.key, Status.ENDED, started_at=started(found), finished_at=now)
    if found is None or found["metadata"]["uid"] != what.uid:
        return replace(_vanished(seen, what), started_at=now)
    if what.cancelled:
        return None  # until it is gone
    manifest = what.manifest
    if manifest.failure is not None and observed.holds(manifest.failure, found) is True:
        why = f"{what.form} failed: {manifest.failure}{_last_words(found)}"
        return failed(seen, FailureClass.FAILURE, "ObjectFailed", why)
    if observed.holds(manifest.success, found) is not True:
        return None
    return _with_outputs(seen, what, found)


def started(found: Mapping[str, Any] | None) -> datetime | None:
    return datetime.fromisoformat(found["metadata"]["creationTimestamp"]) if found else None


def _with_outputs(seen: Observation, what: Held, found: Mapping[str, Any]) -> Observation:
    parameters: dict[str, str] = {}
    for output in what.outputs:
        value = observed.value_at(output.path, found)
        if value is not MISSING:
            parameters[output.name] = values.to_text(value)
        elif output.default is MISSING:
            why = f"Output '{output.name}' is missing: {what.form} has nothing at '{output.path}'"
            return failed(seen, FailureClass.FAILURE, "OutputMissing", why)
    return replace(seen, outputs=Outputs(parameters))


def _vanished(seen: Observation, what: Held) -> Observation:
    if what.cancelled:
        return failed(seen, FailureClass.CANCELLED, "Cancelled", "stopped on request")
    why = f"somebody deleted {what.form} before it was done"
    return failed(seen, FailureClass.INFRASTRUCTURE, "Deleted", why)


def _last_words(found: Mapping[str, Any]) -> str:
    """The message of the latest condition, where the object has conditions as most have."""
    status = found.get("status")
    conditions = status.get("conditions") if isinstance(status, Mapping) else None
    if not isinstance(conditions, list):
        return ""
    messages = [str(c["message"]) for c in conditions if isinstance(c, Mapping) and c.get("message")]
    return f" ({messages[-1]})" if messages else ""
