"""From a step of a run to the call an executor understands: every template rendered, every input found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.core import context, names, templates, values
from reconciler.model.run import AttemptKey, InputFile, InputText, Run, StepCall
from reconciler.model.workflow import MISSING, Manifest, Step, Value

ENV_VALUE_LIMIT = 32 * 1024
"""Characters of a value that is given as a variable; a longer one only as a file (Linux takes 128 KiB)."""


class InputMissing(Exception):
    """The step cannot start because something that it needs was not made."""


def build(run: Run, step: Step, attempt: int) -> StepCall:
    """The call for this attempt. Raises InputMissing, or ExpressionFailed where a template has no value."""
    known = context.of_run(run, step.depends_on)
    inputs = _input_values(run, step, known)
    known = {**known, "inputs": inputs}
    key = AttemptKey(run.id, step.name, attempt)
    text = templates.render_text
    return StepCall(
        key=key,
        prefix=names.attempt_prefix(run.name, key),
        command=None if step.command is None else tuple(text(part, known) for part in step.command),
        args=tuple(text(part, known) for part in step.args),
        script=None if step.script is None else text(step.script, known),
        interpreter=step.interpreter,
        image=None if step.image is None else text(step.image, known),
        env=_environment(run, step, attempt, inputs, known),
        working_dir=step.working_dir,
        bundle=run.bundles.get(step.name),
        input_files=tuple(_input_files(run, step)),
        input_texts=tuple(
            InputText(p.path, values.to_text(inputs[p.name]))
            for p in step.parameter_inputs
            if p.path and p.name in inputs
        ),
        parameter_outputs=step.parameter_outputs,
        artifact_outputs=step.artifact_outputs,
        timeout=step.timeout,
        secrets=step.secrets,
        pod=templates.render(step.pod, known) if step.pod else step.pod,
        exclusive=step.exclusive,
        manifest=_manifest(step, known),
    )


def _manifest(step: Step, known: Mapping[str, Any]) -> Manifest | None:
    if step.manifest is None:
        return None
    return replace(step.manifest, document=templates.render(step.manifest.document, known))


def _input_values(run: Run, step: Step, known: Mapping[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for parameter in step.parameter_inputs:
        if parameter.source is None:
            value = None if parameter.value is MISSING else parameter.value
            found[parameter.name] = templates.render(value, known)
            continue
        source, _, output = parameter.source.partition("/")
        outputs = run.steps[source].outputs.parameters
        if output not in outputs:
            raise InputMissing(f"input '{parameter.name}': step '{source}' gave no output '{output}'")
        found[parameter.name] = outputs[output]
    return found


def _input_files(run: Run, step: Step) -> list[InputFile]:
    found: list[InputFile] = []
    for wanted in step.artifact_inputs:
        source, _, name = wanted.source.partition("/")
        artifact = run.steps[source].outputs.artifacts.get(name)
        if artifact is not None:
            found.append(InputFile(wanted.path, artifact))
        elif not wanted.optional:
            raise InputMissing(f"input '{wanted.name}': step '{source}' left no artifact '{name}'")
    return found


def _environment(
    run: Run, step: Step, attempt: int, inputs: Mapping[str, Value], known: Mapping[str, Any]
) -> dict[str, str]:
    """The variables that belong to the run; the executor adds PATH, HOME, TMPDIR and LANG."""
    env = {
        "RECONCILER_WORKFLOW": run.name,
        "RECONCILER_RUN_ID": run.id,
        "RECONCILER_RUN_NUMBER": str(run.number),
        "RECONCILER_STEP": step.name,
        "RECONCILER_ATTEMPT": str(attempt),
        "RECONCILER_REVISION": run.revision,
    }
    for prefix, given in (("PARAM_", run.parameters), ("INPUT_", inputs)):
        for name, value in given.items():
            shown = values.to_text(value)
            if len(shown) <= ENV_VALUE_LIMIT and "\0" not in shown:
                env[prefix + name.upper()] = shown
    env.update({name: templates.render_text(template, known) for name, template in step.env.items()})
    return env
