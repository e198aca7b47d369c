"""Why pods end or never begin, in words for people. Pure: tables and what reads them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.executors.kubernetes.errand import Harvest, load_harvest
from reconciler.executors.kubernetes.note import Note
from reconciler.executors.kubernetes.options import KubernetesOptions
from reconciler.executors.kubernetes.view import Container, PodView
from reconciler.model.run import Observation
from reconciler.model.workflow import FailureClass

DISRUPTIONS = {
    "PreemptionByScheduler": ("Preempted", "a pod of higher priority took its place"),
    "DeletionByTaintManager": ("NodeGone", "its node did not answer any more, or was tainted"),
    "EvictionByEvictionAPI": ("Evicted", "it was evicted, as when a node is drained"),
    "DeletionByPodGC": ("NodeGone", "its node is gone"),
    "TerminationByKubelet": ("Evicted", "its node ran short of something, or was shut down"),
}
"""By the reason of the condition DisruptionTarget."""

CAUSES = {
    "Evicted": "its node ran short of something, or it passed a limit of its own",
    "NodeShutdown": "its node was shut down",
    "Terminated": "its node was shut down",
    "NodeLost": "its node is gone",
    "Preempting": "its node needed the place",
    "NodeAffinity": "its node does not fit it any more",
    "UnexpectedAdmissionError": "its node would not take it",
    "OutOfcpu": "its node had no processor left for it",
    "OutOfmemory": "its node had no memory left for it",
    "OutOfpods": "its node had no place left for it",
}
"""By the reason of the pod's status."""

WRONG_STEP = {
    "InvalidImageName": "the name of the image is not valid",
    "ErrImagePull": "the image cannot be pulled",
    "ImagePullBackOff": "the image cannot be pulled",
    "ErrImageNeverPull": "the image is not on the node, and may not be pulled",
    "ErrImageInspect": "the image cannot be inspected",
    "CreateContainerConfigError": "something that the container refers to is missing or wrong",
}
SAME_AS = {"ErrImagePull": "ImagePullBackOff"}
_OURS = ("fetch", "agent", "put")
_AT_ONCE = ("InvalidImageName",)
_NOT_FOUND = re.compile(r"executable file not found|no such file or directory|permission denied", re.I)

_NEVER_RAN = re.compile(r"(exec /\S+|.*exec user process caused): (no such file|permission|exec format).*\n?")


def hopeless(
    view: PodView, options: KubernetesOptions, now: datetime, held_at: datetime | None = None
) -> Harvest | None:
    """Why a pod that has not ended is given up: it never starts, or never stops. None: not (yet).

    `held_at` is when it was last seen held back by a gate: nobody looked for a node before.
    The reason `Waiting` says that it waits without a visible cause: events may tell.
    """
    if view.must_end is not None:
        return _never_stops(view, options, now)
    if view.is_gated or (view.main is not None and view.main.started is not None):
        return None
    for container in view.stuck:
        if container.reason in _AT_ONCE:
            return _stuck(container)
    waited = now - (view.scheduled or held_at or view.created)
    if waited < timedelta(seconds=options.start_patience):
        return None
    if view.unschedulable:
        why = f"no node has taken it for {_rounded(waited)}: {view.unschedulable}"
        return _infrastructure("Unschedulable", why)
    if view.stuck:
        return _stuck(view.stuck[0])
    if view.fetch is not None and view.fetch.state != "waiting":
        return None  # inputs may be large
    return _infrastructure("Waiting", f"it has not started for {_rounded(waited)}")


def cannot_run(main: Container, note: Note) -> Harvest | None:
    """The container was made, and its command could not be begun."""
    if main.reason not in ("StartError", "ContainerCannotRun"):
        return None
    if _NOT_FOUND.search(main.message):
        why = f"'{note.program}' cannot be found or executed in the image: {main.message}"
        return Harvest(failure=FailureClass.FAILURE, reason="CommandNotFound", message=why)
    return _infrastructure("StartError", f"the container could not be started: {main.message}")


def explained_by_log(seen: Observation, note: Note) -> Observation:
    """An end whose only word is that of the container runtime: the command could not be executed at all."""
    if seen.reason != "ExitCode" or seen.exit_code not in (1, 255) or not _NEVER_RAN.fullmatch(seen.log_tail):
        return seen
    why = f"'{note.program}' cannot be found or executed in the image: {seen.log_tail.strip()}"
    return replace(seen, reason="CommandNotFound", message=why)


def agent_failed(view: PodView, note: Note) -> Harvest:
    """The step did well, and its outputs are not in the store."""
    agent = view.agent
    said = complaint(agent.message) if agent is not None else None
    if said is not None and said.failure is not None:
        return said
    cure = "raise kubernetes.upload_budget, or give the step `transfer: exclusive`"
    if view.reason == "DeadlineExceeded":
        why = f"the pod's time was over before its outputs were stored; {cure}"
    elif agent is None or not agent.has_ended:
        why = "the agent that stores its outputs did not run at the end"
    elif agent.reason == "OOMKilled":
        why = "the agent ran out of memory while it stored the outputs; raise kubernetes.agent_memory"
    elif agent.exit_code == 137:
        why = f"the agent was killed before it had stored the outputs; if they are large, {cure}"
    else:
        why = f"the agent ended with exit code {agent.exit_code} before it had stored the outputs"
    if view.disruption:
        why += f" ({DISRUPTIONS.get(view.disruption, (view.disruption,))[0]}: {view.disruption_message})"
    return _infrastructure("UploadFailed", why)


def complaint(text: str) -> Harvest | None:
    """What an agent wrote as its last word, or what an earlier pass noted; None if it is not one."""
    try:
        found = load_harvest(text)
    except ValueError:
        return None
    return replace(found, message=found.message or found.reason) if found.failure is not None else None


def _never_stops(view: PodView, options: KubernetesOptions, now: datetime) -> Harvest | None:
    assert view.must_end is not None
    if not options.lost_after or now < view.must_end + timedelta(seconds=options.lost_after):
        return None
    where = f"node {view.node}" if view.node else "its node"
    why = f"{where} has not answered for {options.lost_after:g} s beyond the time in which the pod had to end"
    return _infrastructure("Lost", f"{why}; it may still run there")


def _stuck(container: Container) -> Harvest:
    words = WRONG_STEP.get(container.reason, "it does not start")
    whose = f"container '{container.name}': " if container.name != "main" else ""
    why = f"{whose}{words}" + (f": {container.message}" if container.message else "")
    reason = SAME_AS.get(container.reason, container.reason)
    if container.name in _OURS or container.reason not in (*WRONG_STEP, "CrashLoopBackOff"):
        return _infrastructure(reason, why)
    return Harvest(failure=FailureClass.FAILURE, reason=reason, message=why)


def _infrastructure(reason: str, message: str) -> Harvest:
    return Harvest(failure=FailureClass.INFRASTRUCTURE, reason=reason, message=message)


def _rounded(span: timedelta) -> str:
    return f"{round(span.total_seconds())} s"
