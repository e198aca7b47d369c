"""The chart as helm sees it: rendered, checked, installed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests import servers

CHART = Path(__file__).parents[2] / "charts" / "reconciler"

Values = dict[str, Any]

SMALLEST: Values = {"settings": {"repository": {"url": "https://git.example.com/team/flows.git"}}}

KINDS = "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy"


def merged(*values: Values) -> Values:
    """Later values over earlier ones, mappings key by key."""
    found: Values = {}
    for each in values:
        for key, value in each.items():
            below = found.get(key)
            both = isinstance(value, dict) and isinstance(below, dict)
            found[key] = merged(below, value) if both else value
    return found


def helm(
    *words: str, values: Values | None = None, code: int | None = 0, kubeconfig: Path | None = None
) -> str:
    """What helm prints; the values go through its stdin."""
    given = ["--values", "-"] if values is not None else []
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "HELM_CACHE_HOME": "/nonexistent"}
    if kubeconfig is not None:
        environment["KUBECONFIG"] = str(kubeconfig)
    done = subprocess.run(
        [servers.demand("helm"), *words, *given],
        input=None if values is None else json.dumps(values),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert code is None or done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def text(*values: Values, name: str = "flows", namespace: str = "ops") -> str:
    """The objects of an installation, as YAML."""
    options = ("--namespace", namespace, "--api-versions", KINDS)
    return helm("template", name, str(CHART), *options, values=merged(SMALLEST, *values))


def rendered(*values: Values, name: str = "flows", namespace: str = "ops") -> list[Values]:
    """The objects of an installation."""
    found = yaml.safe_load_all(text(*values, name=name, namespace=namespace))
    return [each for each in found if each]


def one(objects: list[Values], kind: str, name: str = "") -> Values:
    """The only object of a kind, or the one with that name."""
    found = [o for o in objects if o["kind"] == kind and name in ("", o["metadata"]["name"])]
    assert len(found) == 1, [(o["kind"], o["metadata"]["name"]) for o in objects]
    return found[0]


def settings_of(objects: list[Values]) -> Values:
    """What the pass will read."""
    config = one(objects, "ConfigMap")
    return dict(yaml.safe_load(config["data"]["reconciler.yaml"]))


def pods(objects: list[Values]) -> list[Values]:
    """The spec of every pod that the objects are or make."""
    found = []
    for each in objects:
        spec = each.get("spec", {})
        match each["kind"]:
            case "Pod":
                found.append(spec)
            case "Job" | "Deployment":
                found.append(spec["template"]["spec"])
            case "CronJob":
                found.append(spec["jobTemplate"]["spec"]["template"]["spec"])
    return found
