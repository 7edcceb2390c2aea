"""Facts of texts: prose, logs, listings, code."""

from autogen_budget._digest._facts import Fact, Origin, Place
from autogen_budget._digest._text import HEAD, LONGEST_LINE, TAIL, read_lines, read_sentences, read_troubles

PLACE = Place("bash", Origin.RESULT, 0)


def texts(text: str, label: str = "") -> list[str]:
    """The facts of a text as a reader sees them."""
    return [fact.context or f"{fact.label}={fact.value}" for fact in read_lines(text, PLACE, label)]


def by_value(text: str) -> dict[str, Fact]:
    """The facts of a text."""
    return {fact.value: fact for fact in read_lines(text, PLACE)}


def test_what_stands_behind_a_label_is_its_value() -> None:
    """Lines of label and value, as people and tools write them."""
    assert texts("- **Flight Number:** HAT284\n2. Status: not available\nbranch = main") == [
        "Flight Number=HAT284",
        "Status=not available",
        "branch=main",
    ]
    assert texts("level=info user_id=u-77") == ["user_id=u-77"]


def test_a_label_that_comes_again_has_many_values() -> None:
    """Where a label names several values in one text, none takes the place of another."""
    once, many = by_value("name: a1\n"), by_value("name: a1\nname: b2\n")

    assert once["a1"].single
    assert [many[value].single for value in ("a1", "b2")] == [False, False]


def test_a_value_in_prose_has_the_words_around_it() -> None:
    """The words before a value, else those behind it, within the clause."""
    assert texts("My reservation ID is 1N99U6.") == ["reservation ID is 1N99U6"]
    assert texts("Yes, HAT284 is the flight I want") == ["HAT284 is the flight"]
    assert texts("Ask the duty officer, Tom Aldridge.") == ["Ask the duty officer, Tom Aldridge"]
    assert texts("Yes, Tom Aldridge.") == ["=Tom Aldridge"]
    assert texts("it is 1N99U6") == ["=1N99U6"]
    assert texts("it is 1N99U6", "code") == ["code=1N99U6"]
    assert "berth code of the Albatross is QX-4417" in texts("Note: the berth code of the Albatross is QX-4417.")
    assert texts("sent A1111, B2222 and C3333")[1:] == ["=B2222", "=C3333"]


def test_values_of_a_listing_do_not_name_each_other() -> None:
    """Neighbours in a listing are values, not words about values."""
    assert texts("setup.py   tox.ini\tsrc/a.py") == ["=setup.py", "=tox.ini", "=src/a.py"]


def test_line_numbers_and_bare_numbers_are_no_facts() -> None:
    """Code shown with line numbers gives its symbols, not the numbers."""
    assert texts("1474:    return base_unit\n12") == ["return base_unit"]


def test_a_capital_at_the_beginning_of_a_sentence_is_no_name() -> None:
    """A word is a name where nothing else explains its capital."""
    assert texts("Please call Maria. Thanks") == ["call Maria"]


def test_a_long_line_is_read_in_pieces() -> None:
    """A long line loses nothing; of a long text the beginning and the end are read."""
    assert "=A1111" in texts("it " * LONGEST_LINE + "A1111")
    assert "=A1111" in texts("(" * (3 * LONGEST_LINE) + " A1111")
    ends = texts(f"A1111 {'it ' * (HEAD + TAIL)} B2222")
    assert "=A1111" in ends
    assert "=B2222" in ends
    assert by_value(f"{'it ' * HEAD} C3333 {'it ' * TAIL}") == {}


def test_lines_of_trouble() -> None:
    """The first three and the last two lines that tell of an error are kept, headings aside."""
    log = "ok\n=== FAILURES ===\n" + "".join(f"error: number {i}\n" for i in range(9)) + "all right\n"

    kept = [f"error: number {i}" for i in (0, 1, 2, 7, 8)]
    assert [fact.value for fact in read_troubles(log, PLACE)] == kept


def test_sentences() -> None:
    """What somebody said is kept by the sentence; a sentence of three words says too little."""
    said = read_sentences("Hi there! I prefer aisle seats. Ok.\nMy sister lives in Rome with Dr. Okafor.", PLACE)

    assert [fact.context for fact in said] == ["I prefer aisle seats.", "My sister lives in Rome with Dr. Okafor."]
