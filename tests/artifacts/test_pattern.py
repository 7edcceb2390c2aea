"""Patterns that a model wrote are compiled within bounds, or refused with what would work."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget._artifacts import MAX_EXPANDED, compile_pattern, expanded_size


@pytest.mark.parametrize(
    ("pattern", "size"),
    [
        ("abc", 3),
        ("a{3}b", 4),
        ("(?:ab){2,5}", 15),
        (r"\d{4}-[a-f(0-9]{2}\(", 8),
        ("(a|b)+?c*", 4),
        ("a{2,}", 2),
        ("(?:(?:a{10}){10}){10}", 1_110),
        (")a{3}", 3),
        ("(a{3}", 3),
        ("[]{9}(]{2}", 2),
    ],
)
def test_the_size_with_its_repeats_written_out(pattern: str, size: int) -> None:
    """Groups count with all that is in them; a set is one element, whatever it holds."""
    assert expanded_size(pattern) == size


@pytest.mark.parametrize(
    "pattern", ["(?:(?:a{1000}){1000}){8}", "a{100000}", "((a{40}){40}){40}", "(?:[)]a{999}){999}"]
)
def test_large_repeats_are_refused(pattern: str) -> None:
    """Compiling them would take gigabytes and many seconds."""
    with pytest.raises(ValueError, match="repeats too much inside of repeats"):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["(?x)a # [\n{9}", "(?V1)[a--b]", "(?ix)a"])
def test_syntax_that_hides_repeats_is_refused(pattern: str) -> None:
    """Comments and nested sets."""
    with pytest.raises(ValueError, match="flags x and V"):
        compile_pattern(pattern)


@given(st.text(r"ab(){}[]\\|*+?^,0123456789:", max_size=40))
def test_anything_is_compiled_or_refused(pattern: str) -> None:
    """Whatever a model writes: a pattern, or an error that says so."""
    with suppress(ValueError):
        compile_pattern(pattern)
        assert expanded_size(pattern) <= MAX_EXPANDED
