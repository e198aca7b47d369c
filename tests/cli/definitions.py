"""Definitions that the tests of commands share."""

from __future__ import annotations

TWO_STEPS = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: two}
spec:
  parameters:
    whom: {type: string, default: world}
    times: {type: integer, default: 1, minimum: 1}
  steps:
    greet:
      files: [names.txt]
      command: [sh, -c, 'echo "hello $PARAM_WHOM" | tee greeting.txt; echo 5 > length.txt']
      outputs:
        artifacts: {greeting: {path: greeting.txt}}
        parameters: {length: {path: length.txt, type: integer}}
    keep:
      inputs:
        artifacts: {text: {from: greet/greeting, path: message}}
      command: [sh, -c, 'mkdir all; cp message all/one; cp message all/two']
      outputs:
        artifacts: {all: {path: all}}
    never:
      needs: [greet]
      when: ${{ steps.greet.outputs.length > 100 }}
      command: ['true']
  outputs:
    artifacts: {greeting: greet/greeting}
"""

FAILING = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: failing}
spec:
  steps:
    wrong:
      retry: {limit: 1, backoff: {initial: 0s}}
      command: [sh, -c, 'printf "so \\033[31mbad\\033[0m\\n"; exit 3']
    after:
      needs: [wrong]
      command: ['true']
"""


def one(name: str, command: str, more: str = "") -> str:
    """A workflow of one step."""
    return (
        f"apiVersion: reconciler/v1\nkind: Workflow\nmetadata: {{name: {name}}}\nspec:\n"
        f"{more}  steps:\n    only:\n      command: [sh, -c, {command!r}]\n"
    )
