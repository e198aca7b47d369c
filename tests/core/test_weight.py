"""The bound on what an expression makes holds."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.core import cel
from reconciler.core.rewrite import scan
from reconciler.core.size import MAX_UNITS, measure
from reconciler.core.weight import bound
from tests.chance import examples

DATA = {"a": ["x", "yy"], "b": [[1, 2, 3], [4]], "c": [{"k": ["p", "q"]}, {"k": []}], "d": []}
LOOP_VARIABLES = "uvw"


def lists(variables: str) -> st.SearchStrategy[str]:
    """Expressions that give lists, with these loop variables at hand."""
    free = LOOP_VARIABLES[len(variables) :]
    plain = st.sampled_from(["parameters.a", "parameters.b", "parameters.c", "parameters.d", "[1, 'two']"])
    items = st.sampled_from(["1", "'text'", *variables])
    grown = plain | st.lists(items, max_size=4).map(lambda parts: f"[{', '.join(parts)}]")
    if not free:
        return grown
    inner = st.deferred(lambda: lists(variables + free[0]))
    item = items | inner | st.just(f"string({free[0]} == {free[0]})") | st.sampled_from([*variables, free[0]])
    chain = st.tuples(st.sampled_from(["map", "filter"]), item)
    return st.tuples(grown, grown, st.lists(chain, max_size=3)).map(
        lambda made: f"(dyn({made[0]}) + dyn({made[1]}))" + "".join(_link(free[0], *link) for link in made[2])
    )


def _link(variable: str, macro: str, body: str) -> str:
    return (
        f".{macro}({variable}, {body})"
        if macro == "map"
        else f".filter({variable}, {variable} == {variable})"
    )


@examples(400)
@given(lists(""))
def test_what_is_made_never_weighs_more_than_was_foretold(source: str) -> None:
    scanned = scan(source)
    names = {v.name: DATA[v.reference.path[0]] for v in scanned.variables if v.reference}
    foretold = bound(scanned.text, {name: measure(value) for name, value in names.items()})
    assume(foretold is not None and foretold < MAX_UNITS)
    compiled = cel.compile_source(scanned.text, tuple((name, "list") for name in names))
    assume(isinstance(compiled, cel.Compiled))
    made = cel.run(compiled, names)
    assume(not isinstance(made, cel.Failure))
    assert measure(made).units <= foretold


def test_doubling_is_foretold_at_every_length() -> None:
    for links in range(12):
        source = "['abc']" + ".map(x, x + x)" * links
        (made,) = cel.run(cel.compile_source(source, ()), {})
        assert measure([made]).units <= bound(source, {})
