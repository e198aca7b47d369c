"""The pages of the chart that are made from the code: the schema of `settings`, and README.md of all values.

What a value means stands once, in values.schema.json; its default once, in values.yaml; what a setting
means in reconciler/settings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from reconciler.settings import Setting, table
from reconciler.settings.table import GROUPS

CHART = Path(__file__).parent.parent / "charts" / "reconciler"

HEAD = """\
# The chart of Reconciler

<!-- Made by docs/chart.py from values.schema.json and values.yaml. -->

Installs the pass as a CronJob (or as a Deployment that never ends), with no more rights than it needs. How to
install it, step by step, is in [docs/kubernetes.md](../../docs/kubernetes.md); what it grants, and why, in
[docs/security.md](../../docs/security.md).

```console
$ helm install reconciler charts/reconciler --namespace reconciler --create-namespace --values my-values.yaml
```

`settings` takes every setting of [docs/settings.md](../../docs/settings.md), group by group, and wins over
what the chart derives from other values. All values are checked: one that does not exist is an error.

| value | default | meaning |
|---|---|---|
"""


def schema_file() -> str:
    """values.schema.json, its part about `settings` made from the table of settings."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    schema["properties"]["settings"] = {
        "type": "object",
        "description": "Settings of Reconciler by group, as in docs/settings.md.",
        "additionalProperties": False,
        "properties": {name: _group(name, group.__doc__ or "") for name, group in GROUPS.items()},
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def readme() -> str:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    rows = (f"| `{path}` | {_shown(default)} | {text} |\n" for path, default, text in _rows(schema, values))
    return HEAD + "".join(rows)


def _group(name: str, text: str) -> dict[str, Any]:
    rows = [row for row in table().values() if row.group == name and not row.about.kind.secret]
    return {
        "type": "object",
        "description": text,
        "additionalProperties": False,
        "properties": {row.attribute: _setting(row) for row in rows},
    }


def _setting(row: Setting) -> dict[str, Any]:
    many = {"type": "array", "items": {"type": "string"}}
    types = {
        "true or false": {"type": "boolean"},
        "whole number": {"type": "integer"},
        "list": many,
        "list of name=value": many,
        "duration": {"type": ["string", "number"]},
        "size": {"type": ["string", "integer"]},
        "text": {"type": ["string", "integer"]},
    }
    return {**types.get(row.about.kind.name, {"type": "string"}), "description": row.about.text}


def _rows(
    schema: Mapping[str, Any], values: Mapping[str, Any], above: str = ""
) -> Iterator[tuple[str, Any, str]]:
    """Path, default and meaning of each value, in the order of values.yaml."""
    for name, default in values.items():
        about = schema["properties"][name]
        path = f"{above}{name}"
        if "properties" in about and path != "settings":
            yield path, None, about["description"]
            yield from _rows(about, default, f"{path}.")
        else:
            yield path, default, about["description"]


def _shown(default: Any) -> str:
    return "" if default is None else f"`{json.dumps(default)}`"
