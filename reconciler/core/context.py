"""What expressions can see of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.model.run import Run


def of_run(run: Run, steps: Iterable[str], inputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The roots of expressions as plain JSON values; of the steps, only those named (all must have ended).

    A run may have thousands of steps and every launch asks, hence the choice.
    """
    return {
        "parameters": run.parameters,
        "steps": {
            name: {"phase": str(run.steps[name].phase), "outputs": run.steps[name].outputs.parameters}
            for name in steps
        },
        "inputs": inputs or {},
        "run": {
            "id": run.id,
            "number": run.number,
            "workflow": run.name,
            "revision": run.revision,
            "trigger": str(run.trigger.kind),
        },
        "workflow": {"name": run.name},
    }
