"""Every command explains itself, and the documentation says the same."""

from __future__ import annotations

import click
import pytest

from docs import generate
from reconciler.cli import COMMANDS
from reconciler.cli.commands import reconciler
from tests.cli.command import call


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(name):
    text = generate.help_of(name)
    assert "Examples:" in text
    assert f"  reconciler {name}" in text
    assert all(len(line) <= 110 for line in text.splitlines())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_that_is_listed_is_explained(name):
    command = reconciler.get_command(click.Context(reconciler), name)
    assert command is not None
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    assert [option.name for option in options if not option.help] == []


def test_the_pages_made_from_the_code_are_up_to_date():
    stale = [name for name, make in generate.PAGES.items() if (generate.HERE / name).read_text() != make()]
    assert stale == [], "run `make docs`"


def test_a_misspelt_command_is_guessed(place):
    assert "Did you mean 'validate'?" in call(place, "valdate", code=2).err


def test_the_shell_completes_names_of_workflows(past):
    words = {"COMP_WORDS": "reconciler show f", "COMP_CWORD": "2", "_RECONCILER_COMPLETE": "bash_complete"}
    assert call(past, **words).out == "plain,failing\n"


def test_completion_without_a_state_is_silent(place):
    words = {"COMP_WORDS": "reconciler show f", "COMP_CWORD": "2", "_RECONCILER_COMPLETE": "bash_complete"}
    done = call(place, **words)
    assert (done.out.strip(), done.err) == ("", "")
