"""Every way for a pod to end has its class, a reason, and words that say what happened and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.executors.kubernetes import judge, names, note
from reconciler.executors.kubernetes.causes import hopeless
from reconciler.executors.kubernetes.errand import Harvest, dump_complaint
from reconciler.executors.kubernetes.options import KubernetesOptions
from reconciler.executors.kubernetes.view import PodView, view
from reconciler.model.run import AttemptKey, Observation, Outputs, Status
from reconciler.model.workflow import FailureClass

KEY = AttemptKey("demo-1-cafe", "a", 1)
NOTE = note.Note(KEY, "runs/x/", "sidecar", answers=True, memory="512Mi", program="train.py", timeout=60.0)
START = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
OPTIONS = KubernetesOptions(start_patience=300, lost_after=300)

FAILURE, INFRASTRUCTURE = FailureClass.FAILURE, FailureClass.INFRASTRUCTURE
TIMEOUT, CANCELLED = FailureClass.TIMEOUT, FailureClass.CANCELLED


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def ended(code: int, begin: float = 5, end: float = 10, **more: Any) -> dict[str, Any]:
    reason = "Completed" if code == 0 else "Error"
    times = {"startedAt": at(begin), "finishedAt": at(end)}
    return {"terminated": {"exitCode": code, "reason": reason, **times, **more}}


RUNNING = {"running": {"startedAt": at(5)}}
WAITING = {"waiting": {"reason": "PodInitializing"}}


def pod(
    main: Mapping[str, Any] | None = None,
    agent: Mapping[str, Any] | None = None,
    fetch: Mapping[str, Any] | None = None,
    *,
    said: note.Note = NOTE,
    annotations: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    **status: Any,
) -> PodView:
    """A pod as the API server would tell it."""
    init = [{"name": name, "state": state} for name, state in (("fetch", fetch), ("agent", agent)) if state]
    return view(
        {
            "metadata": {
                "name": names.pod_name(KEY),
                "uid": "u-1",
                "creationTimestamp": at(0),
                "annotations": {names.NOTE: note.dump(said), **(annotations or {})},
                **(metadata or {}),
            },
            "spec": {"nodeName": "n1"},
            "status": {
                "phase": "Failed",
                "initContainerStatuses": init,
                "containerStatuses": [{"name": "main", "state": main}] if main else [],
                **status,
            },
        }
    )


def deleted(after: float, grace: int = 30) -> dict[str, Any]:
    return {"deletionTimestamp": at(after + grace), "deletionGracePeriodSeconds": grace}


def disrupted(reason: str, after: float, message: str = "why") -> list[dict[str, Any]]:
    times = {"lastTransitionTime": at(after)}
    return [{"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message, **times}]


def verdict(seen: PodView, answer: Harvest | None = None) -> tuple[FailureClass | None, str, str]:
    found = judge.judge(seen, NOTE, answer)
    assert found.status is Status.ENDED
    return found.failure, found.reason, found.message


ANSWER = Harvest(Outputs({"n": "1"}))
COMPLAINT = dump_complaint(Harvest(failure=FAILURE, reason="InputMissing", message="nothing is stored there"))


def test_success_is_exit_code_0_and_the_answer_of_the_agent() -> None:
    seen = pod(ended(0), agent=ended(0, end=12), phase="Succeeded")
    assert judge.judge(seen, NOTE, ANSWER) == Observation(
        KEY,
        Status.ENDED,
        started_at=START + timedelta(seconds=5),
        finished_at=START + timedelta(seconds=10),
        exit_code=0,
        outputs=Outputs({"n": "1"}),
    )


def test_success_does_not_ask_the_phase() -> None:
    late = pod(ended(0), agent=ended(137, end=700), reason="DeadlineExceeded", phase="Failed")
    assert verdict(late, ANSWER) == (None, "", "")
    drained = pod(ended(0), agent=ended(0, end=12), conditions=disrupted("EvictionByEvictionAPI", 11))
    assert verdict(drained, ANSWER) == (None, "", "")


def test_the_outputs_of_a_failed_step_are_kept() -> None:
    found = judge.judge(pod(ended(3), agent=ended(0, end=12)), NOTE, ANSWER)
    assert (found.failure, found.reason, found.message) == (FAILURE, "ExitCode", "exit code 3")
    assert (found.exit_code, found.outputs) == (3, ANSWER.outputs)


CASES: dict[str, tuple[PodView, Harvest | None, FailureClass, str, str]] = {
    "exit code": (pod(ended(3)), None, FAILURE, "ExitCode", "exit code 3"),
    "signal": (pod(ended(139)), None, FAILURE, "Signal", "ended by SIGSEGV (exit code 139)"),
    "out of memory": (
        pod(ended(137, reason="OOMKilled")),
        None,
        FAILURE,
        "OOMKilled",
        "memory limit was 512Mi; raise resources.limits.memory, or use less",
    ),
    "no such command": (
        pod(ended(128, reason="StartError", message='exec: "train.py": executable file not found in $PATH')),
        None,
        FAILURE,
        "CommandNotFound",
        "'train.py' cannot be found or executed in the image: "
        'exec: "train.py": executable file not found in $PATH',
    ),
    "runtime trouble": (
        pod(ended(128, reason="StartError", message="cgroup: no space left")),
        None,
        INFRASTRUCTURE,
        "StartError",
        "the container could not be started: cgroup: no space left",
    ),
    "an output that the agent missed": (
        pod(ended(0), agent=ended(0, end=12)),
        Harvest(failure=FAILURE, reason="OutputMissing", message="Output 'n' is missing"),
        FAILURE,
        "OutputMissing",
        "Output 'n' is missing",
    ),
    "agent killed while it stored": (
        pod(ended(0), agent=ended(137, end=700), phase="Succeeded"),
        None,
        INFRASTRUCTURE,
        "UploadFailed",
        "the agent was killed before it had stored the outputs; if they are large, "
        "raise kubernetes.upload_budget, or give the step `transfer: exclusive`",
    ),
    "agent out of memory": (
        pod(ended(0), agent=ended(137, end=12, reason="OOMKilled"), phase="Succeeded"),
        None,
        INFRASTRUCTURE,
        "UploadFailed",
        "the agent ran out of memory while it stored the outputs; raise kubernetes.agent_memory",
    ),
    "agent that says why": (
        pod(ended(0), agent=ended(1, end=99, message=COMPLAINT.replace("InputMissing", "Odd"))),
        None,
        FAILURE,
        "Odd",
        "nothing is stored there",
    ),
    "agent that never ran at the end": (
        pod(ended(0), agent={"waiting": {"reason": "CrashLoopBackOff"}}, phase="Succeeded"),
        None,
        INFRASTRUCTURE,
        "UploadFailed",
        "the agent that stores its outputs did not run at the end",
    ),
    "deadline during the upload": (
        pod(ended(0), agent=ended(137, end=700), reason="DeadlineExceeded"),
        None,
        INFRASTRUCTURE,
        "UploadFailed",
        "the pod's time was over before its outputs were stored; "
        "raise kubernetes.upload_budget, or give the step `transfer: exclusive`",
    ),
    "deadline": (
        pod(ended(137), reason="DeadlineExceeded"),
        None,
        TIMEOUT,
        "TimedOut",
        "stopped by the cluster long after its time limit of 60 s had passed: no pass was there to do it",
    ),
    "drained": (
        pod(ended(143, end=20), conditions=disrupted("EvictionByEvictionAPI", 15, "Eviction API: evicting")),
        None,
        INFRASTRUCTURE,
        "Evicted",
        "it was evicted, as when a node is drained: Eviction API: evicting",
    ),
    "failed before it was drained": (
        pod(ended(3, end=10), conditions=disrupted("EvictionByEvictionAPI", 15)),
        None,
        FAILURE,
        "ExitCode",
        "exit code 3",
    ),
    "preempted": (
        pod(ended(137, end=20), conditions=disrupted("PreemptionByScheduler", 15)),
        None,
        INFRASTRUCTURE,
        "Preempted",
        "a pod of higher priority took its place: why",
    ),
    "evicted for its disk": (
        pod(ended(137), reason="Evicted", message="Usage of EmptyDir volume exceeds the limit"),
        None,
        INFRASTRUCTURE,
        "Evicted",
        "its node ran short of something, or it passed a limit of its own: "
        "Usage of EmptyDir volume exceeds the limit",
    ),
    "refused by its node": (
        pod(reason="OutOfcpu", message="Node didn't have enough resource: cpu"),
        None,
        INFRASTRUCTURE,
        "OutOfcpu",
        "its node had no processor left for it: Node didn't have enough resource: cpu",
    ),
    "node lost track": (
        pod(ended(137, reason="ContainerStatusUnknown")),
        None,
        INFRASTRUCTURE,
        "Lost",
        "its node lost track of the container and cannot tell how it ended",
    ),
    "deleted by somebody": (
        pod(ended(143, end=20), metadata=deleted(15)),
        None,
        INFRASTRUCTURE,
        "Deleted",
        "somebody deleted its pod while it ran, or the anchor of its run",
    ),
    "failed before it was deleted": (
        pod(ended(3, end=10), metadata=deleted(15)),
        None,
        FAILURE,
        "ExitCode",
        "exit code 3",
    ),
    "cancelled": (
        pod(ended(0, end=20), metadata=deleted(15), annotations={names.CANCELLED: "1"}),
        None,
        CANCELLED,
        "Cancelled",
        "stopped on request",
    ),
    "inputs that cannot be fetched": (
        pod(WAITING, fetch=ended(1, message=COMPLAINT)),
        None,
        FAILURE,
        "InputMissing",
        "nothing is stored there",
    ),
    "fetch out of memory": (
        pod(WAITING, fetch=ended(137, reason="OOMKilled")),
        None,
        INFRASTRUCTURE,
        "FetchFailed",
        "its inputs could not be fetched: the agent ended with exit code 137 (OOMKilled): "
        "raise kubernetes.agent_memory",
    ),
    "vanished": (
        replace(pod(RUNNING, phase="Running"), gone=True),
        None,
        INFRASTRUCTURE,
        "Lost",
        "its pod vanished; the main container has no exit code",
    ),
    "given up": (
        pod(
            WAITING,
            phase="Pending",
            annotations={
                names.VERDICT: dump_complaint(
                    Harvest(failure=FAILURE, reason="ImagePullBackOff", message="no such image")
                )
            },
        ),
        None,
        FAILURE,
        "ImagePullBackOff",
        "no such image",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_cause_of_death_has_its_class_and_its_words(case: str) -> None:
    seen, answer, failure, reason, message = CASES[case]
    assert judge.has_ended(seen)
    assert verdict(seen, answer) == (failure, reason, message)


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        (pod(phase="Pending"), Status.STARTING),
        (pod(WAITING, fetch=RUNNING, phase="Pending"), Status.STARTING),
        (pod(RUNNING, agent=RUNNING, phase="Running"), Status.RUNNING),
        (pod(ended(0), agent=RUNNING, phase="Running"), Status.RUNNING),
        (pod(ended(0, end=10), agent=ended(1, begin=1, end=7), phase="Running"), Status.RUNNING),
    ],
)
def test_what_has_not_ended_goes_on(seen: PodView, status: Status) -> None:
    assert not judge.has_ended(seen)
    assert judge.under_way(seen, NOTE).status is status


def test_a_plain_step_has_ended_as_soon_as_its_container_has() -> None:
    seen = pod(ended(0), said=replace(NOTE, answers=False), phase="Running")
    assert judge.has_ended(seen)
    assert judge.judge(seen, replace(NOTE, answers=False), None).failure is None


def test_an_agent_that_has_ended_after_the_step_is_the_end() -> None:
    assert judge.has_ended(pod(ended(0, end=10), agent=ended(0, begin=1, end=11), phase="Running"))


def test_a_pod_that_no_node_has_is_over_when_it_is_deleted() -> None:
    raw = pod(phase="Pending", metadata=deleted(15, 0))
    assert judge.has_ended(replace(raw, node=""))
    assert not judge.has_ended(raw)


def scheduled(after: float) -> list[dict[str, Any]]:
    return [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at(after)}]


def unscheduled(reason: str) -> list[dict[str, Any]]:
    times = {"lastTransitionTime": at(0)}
    words = "0/3 nodes are available: 3 Insufficient memory."
    return [{"type": "PodScheduled", "status": "False", "reason": reason, "message": words, **times}]


def waits(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


PENDING: dict[str, tuple[PodView, FailureClass, str, str]] = {
    "no such image": (
        pod(waits("ErrImagePull", "not found"), phase="Pending", conditions=scheduled(1)),
        FAILURE,
        "ImagePullBackOff",
        "the image cannot be pulled: not found",
    ),
    "no such agent image": (
        pod(WAITING, fetch=waits("ImagePullBackOff"), phase="Pending", conditions=scheduled(1)),
        INFRASTRUCTURE,
        "ImagePullBackOff",
        "container 'fetch': the image cannot be pulled",
    ),
    "secret missing": (
        pod(
            waits("CreateContainerConfigError", 'secret "db" not found'),
            phase="Pending",
            conditions=scheduled(1),
        ),
        FAILURE,
        "CreateContainerConfigError",
        'something that the container refers to is missing or wrong: secret "db" not found',
    ),
    "no room": (
        pod(phase="Pending", conditions=unscheduled("Unschedulable")),
        INFRASTRUCTURE,
        "Unschedulable",
        "no node has taken it for 302 s: 0/3 nodes are available: 3 Insufficient memory.",
    ),
    "no visible cause": (
        pod(waits("ContainerCreating"), phase="Pending", conditions=scheduled(1)),
        INFRASTRUCTURE,
        "Waiting",
        "it has not started for 301 s",
    ),
    "no answer from its node": (
        pod(RUNNING, phase="Running", metadata=deleted(-400)),
        INFRASTRUCTURE,
        "Lost",
        "node n1 has not answered for 300 s beyond the time in which the pod had to end; "
        "it may still run there",
    ),
}


@pytest.mark.parametrize("case", PENDING)
def test_a_pod_without_hope_is_given_up_with_its_cause(case: str) -> None:
    seen, failure, reason, message = PENDING[case]
    found = hopeless(seen, OPTIONS, START + timedelta(seconds=302))
    assert found is not None
    assert (found.failure, found.reason, found.message) == (failure, reason, message)


@pytest.mark.parametrize(
    "seen",
    [
        pod(waits("ErrImagePull"), phase="Pending", conditions=scheduled(10)),
        pod(phase="Pending", conditions=unscheduled("SchedulingGated")),
        pod(WAITING, fetch=RUNNING, phase="Pending", conditions=scheduled(1)),
        pod(RUNNING, phase="Running", conditions=scheduled(1)),
        pod(RUNNING, phase="Running", metadata=deleted(0)),
    ],
    ids=["not so long", "waits in a queue", "large inputs", "runs", "has its grace"],
)
def test_there_is_hope_for_a_pod(seen: PodView) -> None:
    assert hopeless(seen, OPTIONS, START + timedelta(seconds=305)) is None


def test_the_time_in_a_queue_does_not_count() -> None:
    seen = pod(phase="Pending", conditions=unscheduled("Unschedulable"))
    let_go, over = START + timedelta(hours=1), START + timedelta(hours=1, seconds=301)
    assert hopeless(seen, OPTIONS, let_go + timedelta(seconds=299), let_go) is None
    found = hopeless(seen, OPTIONS, over, let_go)
    assert found is not None
    assert found.message.startswith("no node has taken it for 301 s")


def test_an_invalid_image_name_is_hopeless_at_once() -> None:
    seen = pod(waits("InvalidImageName", "bad"), phase="Pending", conditions=scheduled(1))
    found = hopeless(seen, OPTIONS, START + timedelta(seconds=2))
    assert found is not None
    assert (found.failure, found.reason) == (FAILURE, "InvalidImageName")


def test_a_silent_node_may_be_waited_for_without_end() -> None:
    seen = pod(RUNNING, phase="Running", metadata=deleted(0))
    assert hopeless(seen, replace(OPTIONS, lost_after=0), START + timedelta(days=9)) is None


def test_a_pod_is_looked_at_again_without_reading_its_note_again() -> None:
    seen = pod(RUNNING, phase="Running")
    raw: dict[str, Any] = {
        "metadata": {"name": seen.name, "uid": seen.uid, "creationTimestamp": at(0)},
        "status": {"phase": "Running"},
    }
    assert view(raw, seen).note is seen.note
    assert view(raw, replace(seen, uid="another")).note is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"key": 1}', "null"])
def test_a_note_that_is_none_belongs_to_nobody(text: str) -> None:
    assert note.load(text) is None
