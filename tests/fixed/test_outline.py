"""Long instructions as a document: what stands for them, and the sections that a request is about."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import TiktokenCounter
from autogen_budget._fixed import fit_memory, outline
from made_up_manuals import LAYOUTS, TOPICS, manual

COUNTER = TiktokenCounter()

words = st.sampled_from(
    ["refund", "the order", "must be paid", "Never lie.", "定金", "Größe", "1.5 t", "x" * 40, "\ud83d"]
)
paragraphs = st.lists(words, min_size=1, max_size=30).map(" ".join)
headings = st.builds(
    str.format,
    st.sampled_from(
        ["# {}", "## {}", "{}\n=====", "3.{} Fees", "<rule name='{}'>", "**{}**", "{}:", "- {}", "1. {}", "```{}"]
    ),
    words,
)
documents = st.lists(paragraphs | headings, max_size=20).flatmap(
    lambda parts: st.sampled_from(["\n\n", "\n"]).map(lambda joint: joint.join(parts))
)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("language", TOPICS)
def test_the_section_that_a_request_is_about_is_shown_whole(language: str, layout: str) -> None:
    """In any layout and language, at a cap that holds the contents and little more than one section."""
    made = manual(language, layout)
    read = outline(made.text, 2_000, COUNTER, "abcdefghij")
    room = 2_000 - COUNTER.count_text(read.text)
    shown = [(read.show(read.about(request, room, COUNTER)), made.sections[place]) for request, place in made.requests]
    assert sum(section in text for text, section in shown) >= 0.95 * len(shown)
    assert all(COUNTER.count_text(text) <= room for text, _ in shown)
    assert made.rules in read.text
    assert not read.cut


@given(documents, st.integers(0, 400), paragraphs)
def test_what_is_shown_of_a_document_is_verbatim(text: str, limit: int, request: str) -> None:
    """Every line that is shown, and every part, is one of the document's own."""
    read = outline(text, limit, COUNTER)
    places = read.about(request, limit, COUNTER)
    for place in places:
        assert read.parts[place].text in text
        assert read.parts[place].text.strip("\n") in read.show(places)
    if not read.cut:
        before, _, contents = read.text.partition("\n\n[")
        assert text.startswith(before)
        told = [line.removeprefix("  - ") for line in contents.splitlines() if line.startswith("  - ")]
        assert all(rule in text for rule in told)


def test_the_contents_name_every_section_with_its_tokens_and_where_the_whole_is() -> None:
    """One line each, under one that says how to read and search them."""
    made = manual("en", "dotted")
    read = outline(made.text, 4_000, COUNTER, "abcdefghij")
    lines = read.text.splitlines()
    assert 'read_artifact("abcdefghij", search="...")' in read.text
    titles = [line.split(":")[0] for line in TOPICS["en"]]
    assert [re.sub(r"^- \d+\.\d+ | \([\d,]+\)$", "", line) for line in lines if line.startswith("- ")] == titles
    assert "read_artifact" not in outline(made.text, 4_000, COUNTER).text


def test_rules_of_sections_are_told_under_their_titles() -> None:
    """A rule holds whether or not its section is shown."""
    filler = "The form is blue and lies on the desk. " * 60
    text = f"You are the clerk.\n\n# Boats\n\n{filler}\nNever lend the red boat to anybody.\n\n# Nets\n\n{filler}"
    assert "- Boats" in (shown := outline(text, 600, COUNTER).text)
    assert "  - Never lend the red boat to anybody." in shown
    assert "blue" not in shown


def test_a_preamble_over_its_cap_keeps_its_rules() -> None:
    """What is cut says so, and rules are what is cut last."""
    filler = " ".join(f"The quay has a crane of type {number}." for number in range(200))
    read = outline(f"{filler} Never moor at night. {filler}\n\n# Fees\n\nTen.\n\n# Tides\n\nTwo.", 300, COUNTER)
    assert read.cut
    assert "Never moor at night." in read.text
    assert "[...]" in read.text


def test_too_many_sections_are_counted() -> None:
    """Where not even the titles fit, the rest are a number."""
    text = "Be brief.\n\n" + "\n\n".join(f"# Topic number {number}\n\nText of it." for number in range(300))
    assert re.search(r"- and \d+ more$", outline(text, 400, COUNTER).text)


def test_a_section_over_the_room_is_shown_in_part() -> None:
    """The paragraphs that a request is about, where no heading is between them."""
    fees = "\n\n".join(f"Berth {number} costs {number * 7} crowns a night at pier {number}." for number in range(300))
    read = outline(f"Be brief.\n\n# Fees\n\n{fees}\n\n# Tides\n\nTwo a day.", 800, COUNTER)
    shown = read.show(read.about("What does berth 211 cost?", 800 - COUNTER.count_text(read.text), COUNTER))
    assert "Berth 211 costs 1477 crowns" in shown


@pytest.mark.parametrize("unbroken", ["word " * 5_000, "x" * 20_000, "<a>" * 9_000, "\n" * 9_000, "# a\n" * 9_000])
def test_texts_that_nothing_parts_are_read_too(unbroken: str) -> None:
    """One sentence, one word, nothing but marks."""
    read = outline(f"Be brief.\n\n# A\n\n{unbroken}\n\n# B\n\nshort", 500, COUNTER)
    assert COUNTER.count_text(read.text) <= 500


def memory(items: list[str]) -> str:
    """Memory as AutoGen's memories write it."""
    listed = "\n".join(f"{number}. {item}" for number, item in enumerate(items, 1))
    return f"\nRelevant memory content (in chronological order):\n{listed}\n"


def test_memory_keeps_the_items_that_a_request_is_about() -> None:
    """Whole, in their order, with a line that says how many are left out."""
    items = [f"Guest {number} likes room {number * 3} with a view of tower {number % 7}." for number in range(200)]
    items[3] += "\n7. is what he calls his dog"  # no item, for the next one is the fifth
    text = memory(items)
    short = fit_memory(text, "Which room does guest 117 like?", 300, COUNTER, "abcdefghij")
    assert "118. Guest 117 likes room 351 with a view of tower 5." in short
    assert COUNTER.count_text(short) <= 300
    left = 200 - sum(line in text.splitlines() for line in short.splitlines() if line[:1].isdigit())
    assert (
        f'[{left} of 200 items are left out; read_artifact("abcdefghij", search="...") searches all of them]' in short
    )
    assert fit_memory(text, "", 100_000, COUNTER) is text


def test_one_item_over_the_whole_cap_is_cut_by_its_kind() -> None:
    """What the request asks for is what stays of it."""
    chapter = " ".join(f"On day {day} the ship made {'harbour' if day == 250 else 'miles'}." for day in range(300))
    short = fit_memory(memory(["Short.", chapter]), "When did the ship reach the harbour?", 200, COUNTER)
    assert "On day 250 the ship made harbour." in short
    assert COUNTER.count_text(short) <= 200


def test_memory_without_numbers_is_read_as_a_document() -> None:
    """Files of a canvas, or any other text."""
    text = "# Files\n\n" + "\n\n".join(f"## file_{number}.txt\n\n{'words of it ' * 30}{number}" for number in range(30))
    assert "## file_17.txt" in fit_memory(text, "open file_17.txt", 300, COUNTER)


def test_sections_too_large_to_be_shown_give_way_to_their_own() -> None:
    """Two chapters of many sections: these are what the contents name and what is shown."""
    topics = [line.split(":")[0] for line in TOPICS["en"]]
    made = manual("en", "markdown", sentences=10)
    _, *written = made.text.split("\n\n## ")
    nested = f"{made.rules}\n\n# One\n\n" + "\n\n".join(f"## {part}" for part in written[:10])
    nested += "\n\n# Two\n\n" + "\n\n".join(f"## {part}" for part in written[10:])
    read = outline(nested, 1_200, COUNTER)
    assert [part.title for part in read.parts if part.headed and part.title in topics] == topics
    assert f"- {topics[3]} (" in read.text
    assert made.rules in read.text


@pytest.mark.parametrize("opening", ["# Manual\n\n", "<manual>\n", ""])
def test_a_first_section_stands_for_a_preamble_that_says_nothing(opening: str) -> None:
    """What holds for all is said first, with a heading or without."""
    filler = "The form is blue and lies on the desk. " * 40
    text = f"{opening}## How to answer\n\nAnswer in rhymes.</em>\n\n## Boats\n\n{filler}\n\n## Nets\n\n{filler}"
    read = outline(text + ("\n</manual>" if "<" in opening else ""), 400, COUNTER)
    assert "Answer in rhymes." in read.text
    assert "- Boats (" in read.text


@pytest.mark.parametrize(
    "headings",
    [
        ("Fees\n====", "Tides\n====="),
        ("=== Fees ===", "=== Tides ==="),
        ("<h2>Fees</h2>", "<h2>Tides</h2>"),
        ("II. Fees", "III. Tides"),
        ("一、Fees", "二、Tides"),
        ("§ 1 Fees", "§ 2 Tides"),
        ("第一章 Fees", "第二章 Tides"),
        ("Fees:", "Tides:"),
        ("Fees:\nAs agreed.", "Tides:\nAs seen."),
        ("Fees", "Tides"),
        ("**Fees**:", "**Tides**:"),
        ("__Fees__", "__Tides__"),
    ],
)
def test_headings_of_many_kinds(headings: tuple[str, str]) -> None:
    """Whatever marks them, they are what the contents name; what stands in fences is none."""
    filler = "It is told at the desk in the hall. " * 20
    first, second = headings
    text = f"Be brief.\n\n{first}\n\n{filler}\n\n```\n# not a heading\n```\n\n{second}\n\n{filler}\n\n- one\n- two"
    read = outline(text, 250, COUNTER)
    assert len(contents := [line for line in read.text.splitlines() if line.startswith("- ")]) == 2
    assert "Fees" in contents[0]
    assert "Tides" in contents[1]


@pytest.mark.parametrize("heading", ["{0}. Topic {0}", "TOPIC {0}", "Topic {0}:"])
def test_surer_headings_inside_of_sections_do_not_part_the_text(heading: str) -> None:
    """A table of underlined heads, a long list and indented code in some of the sections are parts of them."""
    filler = "It is told at the desk in the hall.\n\n" * 8
    table = "Fee   Day\n=========\n\n7     Monday\n\nSum   Day\n=========\n\n9     Friday\n\n"
    steps = "1. The clerk who is at the desk (there is\n   one) asks\n\n2. the guest who has a boat\n   waits\n\n"
    code = "This is how it is called\n\n   when the bell rings:\n      open(door)\n\n"
    inner = {3: table, 5: steps, 7: code}
    bodies = [f"{filler}{inner.get(number, '')}The sign of it is sign{number}." for number in range(1, 13)]
    sections = [f"{heading.format(number)}\n\n{body}" for number, body in enumerate(bodies, 1)]
    text = "\n\n".join(("Be brief.", *sections))
    read = outline(text, 900, COUNTER)
    assert len([line for line in read.text.splitlines() if line.startswith("- ")]) == 12
    for number in (3, 5, 7):
        assert bodies[number - 1] in read.show(read.about(f"What is sign{number}?", 600, COUNTER))


def test_sections_that_fit_beside_short_contents_are_not_taken_apart() -> None:
    """Sections of their own are for those that are too large to be shown."""
    inner = "\n\n".join(f"### Detail {number}\n\n{'It is told at the desk. ' * 20}" for number in range(5))
    text = "Be brief.\n\n" + "\n\n".join(f"## Topic {number}\n\n{inner}" for number in range(8))
    read = outline(text, 1_100, COUNTER)
    assert [part.title for part in read.parts] == [f"Topic {number}" for number in range(8)]


def test_a_list_stays_with_what_leads_to_it() -> None:
    """Where no heading parts a text, its paragraphs do, and a list is one of them."""
    lists = "\n\n".join(f"To mend net {number}:\n\n- take rope {number}\n\n- tie it" for number in range(60))
    read = outline(f"Be brief about everything that is asked of you in here.\n\n{lists}", 400, COUNTER)
    shown = read.show(read.about("How do I mend net 41?", 200, COUNTER))
    assert "To mend net 41:\n\n- take rope 41\n\n- tie it" in shown


@pytest.mark.parametrize("limit", [0, 1, 20, 60, 100, 256, 300, 600, 1_000])
def test_an_outline_is_never_over_its_cap(limit: int) -> None:
    """However small that is: rules are what is left last."""
    made = manual("en", "markdown", sentences=20)
    read = outline(made.text, limit, COUNTER, "abcdefghij")
    assert COUNTER.count_text(read.text) <= limit
    assert read.cut is (limit < COUNTER.count_text(made.rules))
