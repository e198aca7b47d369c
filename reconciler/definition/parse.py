"""From a checked document to a `Workflow`. Nothing is validated here, and the document is kept as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.definition import duration, pod, template
from reconciler.model.workflow import (
    MISSING,
    ArtifactInput,
    ArtifactOutput,
    Backoff,
    FailureClass,
    Manifest,
    Parameter,
    ParameterInput,
    ParameterOutput,
    Retry,
    Schedule,
    SecretInput,
    Step,
    Triggers,
    Workflow,
    WorkflowOutputs,
)

_SHELL = ("sh", "-e")
"""What runs a script that says nothing else: stop at the first command that fails."""

Document = Mapping[str, Any]


def workflow_from_document(document: Document) -> Workflow:
    """The workflow of a checked document: the one just read, or the one kept with a run."""
    metadata, spec = document["metadata"], document["spec"]
    defaults = spec.get("defaults", {})
    outputs = spec.get("outputs", {})
    return Workflow(
        name=metadata["name"],
        document=document,
        description=metadata.get("description", ""),
        labels=metadata.get("labels", {}),
        triggers=triggers(document),
        parameters={name: parameter(name, given) for name, given in spec.get("parameters", {}).items()},
        steps={name: _step(name, given, defaults) for name, given in spec["steps"].items()},
        outputs=WorkflowOutputs(outputs.get("parameters", {}), outputs.get("artifacts", {})),
        timeout=_seconds(spec.get("timeout")),
        parallelism=_whole(spec.get("parallelism")),
        suspend=spec.get("suspend", False),
    )


def parameter(name: str, given: Document) -> Parameter:
    """A declared parameter."""
    return Parameter(
        name=name,
        type=given.get("type", "string"),
        default=given.get("default", MISSING),
        description=given.get("description", ""),
        enum=tuple(given.get("enum", ())),
        minimum=given.get("minimum"),
        maximum=given.get("maximum"),
        pattern=given.get("pattern"),
    )


def triggers(document: Document) -> Triggers:
    """What starts runs of a checked document."""
    given = document["spec"].get("on", {})
    lines = given.get("schedule", ())
    return Triggers(
        change=given.get("change", True),
        paths=tuple(given.get("paths", ())),
        schedules=tuple(
            Schedule(line["cron"], line.get("timezone", "UTC"), line.get("catchUp", "latest"))
            for line in lines
        ),
    )


def _step(name: str, given: Document, defaults: Document) -> Step:
    if "manifest" in given:  # of the defaults, it takes what is not about a command
        defaults = {key: defaults[key] for key in ("timeout", "retry") if key in defaults}
    inputs, outputs = given.get("inputs", {}), given.get("outputs", {})
    command, script = given.get("command"), given.get("script")
    return Step(
        name=name,
        image=given.get("image", defaults.get("image")),
        command=None if command is None else tuple(command),
        args=tuple(given.get("args", ())),
        script=script,
        interpreter=_interpreter(script, given, defaults),
        files=tuple(given.get("files", ())),
        env={**defaults.get("env", {}), **given.get("env", {})},
        working_dir=given.get("workingDir", defaults.get("workingDir")),
        needs=tuple(given.get("needs", ())),
        depends_on=tuple(sorted(template.depends_on(given, template.texts(given)))),
        when=template.condition(given),
        timeout=_seconds(given.get("timeout", defaults.get("timeout"))),
        retry=_retry(given.get("retry", defaults.get("retry"))),
        continue_on_failure=given.get("continueOnFailure", False),
        parameter_inputs=tuple(_parameter_input(n, g) for n, g in inputs.get("parameters", {}).items()),
        artifact_inputs=tuple(
            ArtifactInput(n, g["from"], g["path"], g.get("optional", False))
            for n, g in inputs.get("artifacts", {}).items()
        ),
        parameter_outputs=tuple(
            ParameterOutput(n, g["path"], g.get("type", "string"), g.get("default", MISSING))
            for n, g in outputs.get("parameters", {}).items()
        ),
        artifact_outputs=tuple(
            ArtifactOutput(
                n, g["path"], g.get("optional", False), g.get("archive", "tar"), g.get("contentType")
            )
            for n, g in outputs.get("artifacts", {}).items()
        ),
        secrets=tuple(_secret(secret) for secret in given.get("secrets", ())),
        pod=pod.settings(given, defaults),
        exclusive=given.get("transfer", defaults.get("transfer")) == "exclusive",
        manifest=_manifest(given["manifest"]) if "manifest" in given else None,
    )


def _secret(given: Document) -> SecretInput:
    name, _, key = given["from"].partition("/")
    return SecretInput(name, key, given.get("env"), given.get("path"))


def _manifest(given: Document) -> Manifest:
    failure = given.get("failure")
    return Manifest(
        document=given["object"],
        success=_condition(given["success"]),
        failure=None if failure is None else _condition(failure),
        keep=given.get("keep", False),
    )


def _condition(text: str) -> str:
    return template.find_condition(text).source.strip()


def _interpreter(script: str | None, given: Document, defaults: Document) -> tuple[str, ...]:
    """The step's own; else the script's `#!` line (empty); else the default one; else the shell."""
    if script is None:
        return ()
    if "interpreter" in given:
        return tuple(given["interpreter"])
    return () if script.startswith("#!") else tuple(defaults.get("interpreter", _SHELL))


def _parameter_input(name: str, given: Any) -> ParameterInput:
    if not isinstance(given, Mapping):
        return ParameterInput(name, value=given)
    return ParameterInput(name, given.get("value", MISSING), given.get("from"), given.get("path"))


def _retry(given: Document | None) -> Retry:
    if given is None:
        return Retry()
    on = frozenset(FailureClass(name) for name in given["on"]) if "on" in given else Retry().on
    return Retry(limit=int(given["limit"]), on=on, backoff=_backoff(given.get("backoff", {})))


def _backoff(given: Document) -> Backoff:
    usual = Backoff()
    return Backoff(
        initial=duration.seconds(given["initial"]) if "initial" in given else usual.initial,
        factor=given.get("factor", usual.factor),
        maximum=duration.seconds(given["maximum"]) if "maximum" in given else usual.maximum,
        jitter=given.get("jitter", usual.jitter),
    )


def _seconds(text: str | None) -> float | None:
    return None if text is None else duration.seconds(text)


def _whole(number: float | None) -> int | None:
    """In the schema's arithmetic, 2.0 is an integer."""
    return None if number is None else int(number)
