"""A pod as far as we look at it: the few fields of some hundred that say how an attempt fares. Pure.

Thousands of pods are kept in memory and compared at every event, so their JSON is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reconciler.executors.kubernetes import names
from reconciler.executors.kubernetes.note import Note, load

BEGINNING = ("ContainerCreating", "PodInitializing")
"""Why a container waits when nothing is wrong (yet)."""


@dataclass(frozen=True, slots=True)
class Container:
    """`state` is waiting, running or terminated; times are None where they are not known."""

    name: str
    state: str
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    started: datetime | None = None
    finished: datetime | None = None

    @property
    def has_ended(self) -> bool:
        return self.state == "terminated"


@dataclass(frozen=True, slots=True)
class PodView:
    """One pod. `agent` is the one that stores outputs; `stuck` the containers that wait with a cause.

    `asked_to_end` is when its deletion was asked for, `must_end` when its grace is over. `gone` is set once
    the object itself is no more.
    """

    name: str
    uid: str
    note: Note | None
    spec_hash: str
    created: datetime
    phase: str
    reason: str = ""
    message: str = ""
    node: str = ""
    cancelled: str = ""
    verdict: str = ""
    finalizers: tuple[str, ...] = ()
    is_gated: bool = False
    asked_to_end: datetime | None = None
    must_end: datetime | None = None
    scheduled: datetime | None = None
    unschedulable: str = ""
    disruption: str = ""
    disruption_message: str = ""
    disrupted: datetime | None = None
    main: Container | None = None
    fetch: Container | None = None
    agent: Container | None = None
    stuck: tuple[Container, ...] = ()
    gone: bool = False


def view(raw: Mapping[str, Any], known: PodView | None = None) -> PodView:
    """What we keep of a pod's JSON; `known` is what was kept of an earlier form of it."""
    metadata, status = raw["metadata"], raw.get("status") or {}
    annotations = metadata.get("annotations") or {}
    same = known is not None and known.uid == metadata["uid"]
    containers = {each.name: each for each in _containers(status)}
    conditions: dict[str, dict[str, Any]] = {c["type"]: c for c in status.get("conditions") or ()}
    scheduled, disruption = conditions.get("PodScheduled", {}), conditions.get("DisruptionTarget", {})
    must_end = _time(metadata.get("deletionTimestamp"))
    return PodView(
        name=metadata["name"],
        uid=metadata["uid"],
        note=known.note if known is not None and same else load(annotations.get(names.NOTE, "")),
        spec_hash=annotations.get(names.HASH, ""),
        created=_required(metadata["creationTimestamp"]),
        phase=status.get("phase", "Pending"),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        node=raw.get("spec", {}).get("nodeName", ""),
        cancelled=annotations.get(names.CANCELLED, ""),
        verdict=annotations.get(names.VERDICT, ""),
        finalizers=tuple(metadata.get("finalizers") or ()),
        is_gated=scheduled.get("reason") == "SchedulingGated",
        asked_to_end=_earlier(must_end, metadata.get("deletionGracePeriodSeconds")),
        must_end=must_end,
        scheduled=_time(scheduled.get("lastTransitionTime")) if scheduled.get("status") == "True" else None,
        unschedulable=_unschedulable(scheduled),
        disruption=disruption.get("reason", "") if disruption.get("status") == "True" else "",
        disruption_message=disruption.get("message", ""),
        disrupted=_time(disruption.get("lastTransitionTime")),
        main=containers.get("main"),
        fetch=containers.get("fetch"),
        agent=containers.get("agent") or containers.get("put"),
        stuck=tuple(c for c in containers.values() if c.state == "waiting" and c.reason not in BEGINNING),
    )


def _containers(status: Mapping[str, Any]) -> Iterator[Container]:
    for kind in ("initContainerStatuses", "containerStatuses"):
        for each in status.get(kind) or ():
            states: dict[str, dict[str, Any]] = each.get("state") or {"waiting": {}}
            state, details = next(iter(states.items()))
            yield Container(
                name=each["name"],
                state=state,
                reason=details.get("reason", "" if state != "waiting" else BEGINNING[0]),
                message=details.get("message", ""),
                exit_code=details.get("exitCode"),
                started=_time(details.get("startedAt")),
                finished=_time(details.get("finishedAt")),
            )


def _unschedulable(condition: Mapping[str, Any]) -> str:
    is_so = condition.get("status") == "False" and condition.get("reason") == "Unschedulable"
    return condition.get("message", "no node can take it") if is_so else ""


def _earlier(moment: datetime | None, seconds: float | None) -> datetime | None:
    return moment - timedelta(seconds=seconds or 0) if moment else None


def _time(text: str | None) -> datetime | None:
    """Nothing for the year 1970 as well, which the kubelet gives a container that never began."""
    if not text or text.startswith("1970-"):
        return None
    return _required(text)


def _required(text: str) -> datetime:
    return datetime.fromisoformat(text)
