"""The schema is a public contract: strict, documented, bounded, and read as others read it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.definition import check_text, explain, schema, schema_digest
from reconciler.share import repo_template, schema_text
from tests.chance import examples
from tests.definition.test_examples import VALID

SCHEMA: dict[str, Any] = json.loads(schema_text())


def parts(node: Any = SCHEMA, at: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within the schema, and where it is."""
    if isinstance(node, dict):
        yield at, node
        for key, value in node.items():
            if key in ("properties", "$defs"):
                for name, inner in value.items():
                    yield from parts(inner, f"{at}.{key}.{name}")
            elif key in ("items", "additionalProperties", "propertyNames", "if", "then", "else", "not"):
                yield from parts(value, f"{at}.{key}")


PARTS = dict(parts())
PROPERTIES = {at: part for at, part in PARTS.items() if at.rpartition(".")[0].endswith(".properties")}


def test_the_schema_is_valid_2020_12() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_mapping_is_strict() -> None:
    loose = [
        at
        for at, part in PARTS.items()
        if part.get("type") == "object"
        and "additionalProperties" not in part
        and not at.endswith((".if", ".not"))
    ]
    assert loose == []


@pytest.mark.parametrize("at", PROPERTIES)
def test_every_property_is_described_and_has_an_example_that_fits(at: str) -> None:
    part = PROPERTIES[at]

    assert part["description"].endswith(".")
    assert part["examples"]
    for example in part["examples"]:
        validator = jsonschema.Draft202012Validator({**part, "$defs": SCHEMA["$defs"]})
        assert [error.message for error in validator.iter_errors(example)] == []


@pytest.mark.parametrize("at", [at for at, part in PARTS.items() if "default" in part])
def test_every_default_fits(at: str) -> None:
    jsonschema.Draft202012Validator({**PARTS[at], "$defs": SCHEMA["$defs"]}).validate(PARTS[at]["default"])


def test_row_13_everything_that_can_grow_has_a_bound() -> None:
    unbounded = [
        f"{at} {bound}"
        for at, part in PARTS.items()
        for kind, bound in (("string", "maxLength"), ("array", "maxItems"))
        if (part.get("type") == kind or kind in part.get("type", ()))
        and bound not in part
        and "const" not in part
    ]
    unbounded += [
        at
        for at, part in PARTS.items()
        if isinstance(part.get("additionalProperties"), dict) and "maxProperties" not in part
    ]
    assert unbounded == []


def test_row_15_a_pod_can_be_given_no_privilege() -> None:
    words = (
        "host",
        "privileg",
        "capabilit",
        "token",
        "proc",
        "namespace",
        "nodename",
        "devices",
        "initcontainer",
    )
    words += (
        "csi",
        "nfs",
        "projected",
        "ephemeral",
        "lifecycle",
        "shareprocess",
        "owner",
        "finalizer",
        "sysctl",
    )
    names = [at.rpartition(".")[2].lower() for at in PROPERTIES]

    assert [name for name in names if any(word in name for word in words)] == []


def test_row_15_the_settings_of_a_pod_are_a_list_that_changes_on_purpose() -> None:
    assert set(SCHEMA["$defs"]["pod"]["properties"]) == {
        *("affinity", "annotations", "imagePullSecrets", "labels", "nodeSelector", "priorityClassName"),
        *("resources", "runtimeClassName", "securityContext", "serviceAccountName", "sidecars"),
        *("tolerations", "topologySpreadConstraints", "volumes"),
    }


def test_the_digest_of_the_rules_stays_the_same_and_is_a_sha256() -> None:
    assert schema_digest() == schema_digest()
    assert len(schema_digest()) == 64


def test_schemas_and_template_are_found() -> None:
    assert "churn" in schema_text("output.schema.json")
    assert (repo_template() / "workflows").is_dir()


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _paths(inner, (*path, key))


DOCUMENTS = [checked.document for path in VALID for checked in check_text(path.read_bytes()).documents]
PATHS = [(number, path) for number, document in enumerate(DOCUMENTS) for path in _paths(document)]
WRONG = st.sampled_from(
    [None, True, 0, -1, 1.5, 2.0, "", "x", "x\n", "yes", "1m", [], ["x"], {}, {"x": 1}, {"path": "x"}]
)


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    """Python's `$` also matches before a last line end; the schema's means the end."""
    strict = pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern
    if isinstance(instance, str) and not re.search(strict, instance):
        yield jsonschema.ValidationError(f"does not match {pattern}")


def _order(error: list[Any]) -> tuple[str, ...]:
    rule, _, instance, path, _ = error
    return repr(path), rule, repr(instance)


WITNESS = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _pattern})(SCHEMA)


@examples(200)
@given(st.sampled_from(PATHS), WRONG)
def test_every_error_is_one_of_an_independent_validator_and_what_is_refused_is_explained(
    place: tuple[int, tuple[Any, ...]], wrong: Any
) -> None:
    number, path = place
    document = json.loads(json.dumps(DOCUMENTS[number]))
    container = document
    for part in path[:-1]:
        container = container[part]
    container[path[-1]] = wrong

    found = [[e.rule, e.wanted, e.instance, e.path, e.schema] for e in schema.errors(document)]
    expected = [
        [e.validator, e.validator_value, e.instance, tuple(e.absolute_path), e.schema]
        for e in WITNESS.iter_errors(document)
    ]
    assert sorted(found, key=_order) == sorted(expected, key=_order)
    assert schema.is_valid(document) == (not found)
    if found:
        explained = explain.explain(document)
        assert explained.findings
        assert explained.rest is None or schema.is_valid(explained.rest)
