"""The facts that are read from turns: from data, lines, sentences and tables."""

import json

import pytest
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    SystemMessage,
    UserMessage,
)

from autogen_budget import Turn
from autogen_budget._digest._data import DEEPEST, MOST_LEAVES, identity_of, read_data
from autogen_budget._digest._extract import LONGEST_MESSAGE, MOST_FACTS_OF_A_TURN, question_of, read_turn
from autogen_budget._digest._facts import Fact, Origin, Place
from autogen_budget._digest._render import lines_of
from autogen_budget._digest._tables import read_table, split_tables
from autogen_budget._digest._text import HEAD, LONGEST_LINE, TAIL, read_lines, read_sentences, read_troubles
from autogen_budget._text import read_text


def calls(*triples: tuple[str, str, str]) -> Turn:
    """A turn of parallel calls: name, arguments, result."""
    asked = [FunctionCall(id=str(i), name=name, arguments=arguments) for i, (name, arguments, _) in enumerate(triples)]
    answers = [
        FunctionExecutionResult(content=result, name=name, call_id=str(i), is_error=False)
        for i, (name, _, result) in reversed([*enumerate(triples)])
    ]
    head = AssistantMessage(content=asked, thought="I look at B771 first", source="agent")
    return Turn(head, FunctionExecutionResultMessage(content=answers))


def test_each_result_belongs_to_its_call() -> None:
    """Results are told apart by the call they answer, whatever their order."""
    turn = calls(("count", '{"of": "lamps"}', "total: 12"), ("count", "lamps and rugs", "total: 30"))

    places = {fact.value: fact.place for fact in read_turn(turn, 7).facts}

    assert places["12"].subject == "count of=lamps"
    assert places["30"].subject == "count lamps and rugs"
    assert places["B771"].origin is Origin.ASSISTANT
    assert {place.turn for place in places.values()} == {7}


def test_a_result_of_one_value_is_named_by_its_tool() -> None:
    """What was asked for is in the tool's name, before the words that tell by what; a text is read as a text."""
    turn = calls(
        ("find_user_id_by_email", "{}", "raj_9079\n"),
        ("get_order", "{}", "#W4597054"),
        ("whoami", "{}", "root@10.0.0.7"),
        ("get_news", "{}", "quiet"),
    )

    labels = {fact.value: fact.label for fact in read_turn(turn, 0).facts if fact.place.origin is Origin.RESULT}

    assert labels == {"raj_9079": "user_id", "#W4597054": "order", "root@10.0.0.7": "whoami"}


def test_arguments_are_facts_of_the_tool() -> None:
    """What is passed is kept, be it data or a text; none takes another one's place."""
    turn = calls(("pay", '{"card": "K-1234"}', ""), ("run", "cat /etc/hosts", ""))

    passed = {fact.value: fact for fact in read_turn(turn, 0).facts if fact.place.origin is Origin.ARGUMENT}

    assert passed["K-1234"].place.subject == "pay"
    assert passed["/etc/hosts"].place.subject == "run"
    assert not any(fact.single for fact in passed.values())


def test_lines_behind_dashes_are_lines() -> None:
    """A list without fields is read line by line, and a list of records by its fields."""
    turn = calls(("todo", "{}", "- ask Tom Aldridge about B771\n- send C905 to Rome"))
    contexts = {fact.context for fact in read_turn(turn, 0).facts if fact.place.origin is Origin.RESULT}
    assert "send C905" in contexts

    turn = calls(("orders", "{}", "- id: B771, city: Rome\n- id: C905, city: Bonn"))
    found = [(fact.label, fact.value) for fact in read_turn(turn, 0).facts if fact.place.origin is Origin.RESULT]
    assert found == [("id", "B771"), ("city", "Rome"), ("id", "C905"), ("city", "Bonn")]


def test_a_document_of_a_user_is_not_kept_by_the_sentence() -> None:
    """A pasted document gives its values; only what is short enough to be said gives its sentences."""
    words = "I like my coffee strong. "

    def sentences(text: str) -> int:
        turn = Turn(UserMessage(content=text, source="user"))
        return sum(fact.value == words.strip() for fact in read_turn(turn, 0).facts)

    assert sentences(words) == 1
    assert sentences(words * LONGEST_MESSAGE) == 0


def test_system_messages_inside_a_conversation_are_read() -> None:
    """A system message is a source like any other."""
    (fact,) = read_turn(Turn(SystemMessage(content="region: eu-west-1")), 0).facts

    assert (fact.place.subject, fact.label, fact.value) == ("system", "region", "eu-west-1")


def test_a_turn_adds_a_bounded_number_of_facts() -> None:
    """A long text gives no more than a turn may add."""
    turn = Turn(UserMessage(content=" ".join(f"A{i}" for i in range(1000, 4000)), source="user"))

    assert len(read_turn(turn, 0).facts) == MOST_FACTS_OF_A_TURN


def test_the_last_question_of_an_assistant() -> None:
    """Only an assistant's text asks what the next turn may answer."""
    assert question_of(Turn(AssistantMessage(content="Hi. One? Shall I pay? Tell me.", source="a"))) == "Shall I pay?"
    assert question_of(Turn(AssistantMessage(content="Done.", source="a"))) == ""
    assert question_of(Turn(UserMessage(content="Really?", source="user"))) == ""


PLACE = Place("call", Origin.RESULT, 3)


def facts(data: object) -> list[Fact]:
    """The facts of some data, as a tool writes it down; a text stands for itself."""
    return list(read_data(read_text(data if isinstance(data, str) else json.dumps(data)), PLACE))


@pytest.mark.parametrize(
    "text",
    [
        "{'orders': [{'id': 'A-17', 'total': 1.10}, {'id': 'B-18', 'total': 2}]}",
        "orders:\n- id: A-17\n  total: 1.10\n- id: B-18\n  total: 2\n",
        "<orders><order><id>A-17</id><total>1.10</total></order><order><id>B-18</id><total>2</total></order></orders>",
        "Orders(orders=[Order(id='A-17', total=1.10), Order(id='B-18', total=2)])",
        json.dumps({"content": json.dumps({"orders": [{"id": "A-17", "total": 1.10}, {"id": "B-18", "total": 2}]})}),
        "id,total\nA-17,1.10\nB-18,2\n",
        "Here is what I found:\n\n| id | total |\n|---|---|\n| A-17 | 1.10 |\n| B-18 | 2 |\n",
    ],
)
def test_reads_whatever_a_tool_writes(text: str) -> None:
    """Records are told apart with their fields in every format, and numbers stay as they are written."""
    found = facts(text)
    assert [(fact.label, fact.value) for fact in found if fact.value in ("A-17", "B-18")] == [
        ("id", "A-17"),
        ("id", "B-18"),
    ]
    totals = {fact.value.rstrip("0"): fact for fact in found if fact.label == "total"}
    assert totals.keys() == {"1.1", "2"}
    assert "A-17" in totals["1.1"].place.entry


def test_columns_without_a_head_have_no_name() -> None:
    """Rows of a query are records whose fields nothing names."""
    found = facts("[('A-17', 'Bonn', 3), ('B-18', 'Rome', 4), ('C-19', 'Oslo', 5)]")
    assert {fact.value for fact in found} >= {"A-17", "Rome", "5"}
    assert {fact.label for fact in found} == {""}
    assert [fact.label for fact in facts({"2": "Bonn", "1": "Rome"})] == ["2", "1"]


def test_a_field_has_its_path() -> None:
    """A nested field is called by its path; nothing is told of an empty one."""
    found = facts({"address": {"city": "Bonn", "zip": None}, "active": True, "note": ""})

    assert [(fact.label, fact.value, fact.single) for fact in found] == [
        ("address.city", "Bonn", True),
        ("active", "true", True),
    ]


def test_elements_of_a_list_are_told_apart() -> None:
    """Records of a list stand apart, by what identifies them or by their position."""
    found = facts(
        {"rows": [{"id": "A1", "n": "5"}, {"id": "A1", "n": "6"}, {"n": "7"}, {"n": "8"}], "tags": ["x", ["y"]]}
    )

    assert len({fact.key for fact in found}) == len(found)
    assert {fact.crowd for fact in found if fact.place.group == "rows"} == {4}
    assert [fact.value for fact in found if fact.label == "tags"] == ["x", "y"]


def test_a_map_by_identifiers_is_a_list_of_records() -> None:
    """Keys that are things themselves are values; an element that holds its own key does not tell it twice."""
    found = facts({"methods": {"card_77": {"brand": "visa"}, "paypal_12": {"id": "paypal_12"}}})

    assert [(fact.place.group, fact.label, fact.value) for fact in found] == [
        ("methods", "methods", "card_77"),
        ("methods", "brand", "visa"),
        ("methods", "id", "paypal_12"),
    ]


def test_a_long_text_in_a_field_is_read() -> None:
    """A text of many lines is read as a text, data inside a string as data."""
    inner = json.dumps({"token": "K-1234", "more": "x" * 200})
    found = facts({"log": "started\nsee /var/log/app.log", "payload": inner})

    assert {("see", "/var/log/app.log"), ("payload.token", "K-1234")} <= {(fact.label, fact.value) for fact in found}


def test_ends_after_enough_leaves_and_levels() -> None:
    """A huge or deep document is read in part."""
    deep: object = "A-17"
    for _ in range(DEEPEST + 2):
        deep = [deep, 1]

    assert len(facts([f"A-{i}" for i in range(2 * MOST_LEAVES)])) == MOST_LEAVES
    assert len(facts([{"id": f"A-{i}"} for i in range(2 * MOST_LEAVES)])) == MOST_LEAVES
    assert "A-17" not in {fact.value for fact in facts(deep)}


def test_a_document_is_identified_by_its_first_telling_field() -> None:
    """A field whose name ends in a word such as id identifies; a list or a record without one does not."""
    for text, identity in (
        ('{"total": 3, "orderId": "A-17", "user_id": "u"}', "orderId=A-17"),
        ('{"id": "", "total": 3}', ""),
        ('["A-17", "B-18"]', ""),
        ("plain words", ""),
    ):
        assert identity_of(read_text(text)) == identity


BASH = Place("bash", Origin.RESULT, 0)


def texts(text: str, label: str = "") -> list[str]:
    """The facts of a text as a reader sees them."""
    return [fact.context or f"{fact.label}={fact.value}" for fact in read_lines(text, BASH, label)]


def by_value(text: str) -> dict[str, Fact]:
    """The facts of a text."""
    return {fact.value: fact for fact in read_lines(text, BASH)}


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
    assert [fact.value for fact in read_troubles(log, BASH)] == kept


def test_sentences() -> None:
    """What somebody said is kept by the sentence; a sentence of three words says too little."""
    said = read_sentences("Hi there! I prefer aisle seats. Ok.\nMy sister lives in Rome with Dr. Okafor.", BASH)

    assert [fact.context for fact in said] == ["I prefer aisle seats.", "My sister lives in Rome with Dr. Okafor."]


QUERY = Place("query", Origin.RESULT, 0)


@pytest.mark.parametrize(
    "table",
    [
        "| sku | name |\n|-----|:----|\n| B771 | Red Lamp |\n| C905 | |",
        " sku  | name\n------+-----\n B771 | Red Lamp\n C905 | ",
        "sku\tname\nB771\tRed Lamp\nC905\t",
        "sku,name\nB771,Red Lamp\nC905,",
    ],
)
def test_cells_are_named_by_their_column(table: str) -> None:
    """In every notation a cell has the head of its column, beside the others of its row."""
    facts = list(read_lines(f"rows:\n{table}\ndone", QUERY))

    assert lines_of(facts) == ["query: sku=B771, name=Red Lamp; sku=C905"]


def test_other_lines_are_left_alone() -> None:
    """Prose with commas, a line alone and rows without a head are no tables."""
    lines = ["a, b", "c, d", "sku,name", "plain", "1|2", "3|4", "plain", "a,a", "b,b"]

    assert split_tables(lines) == ([], lines)


def test_rows_are_told_apart_by_their_first_cell() -> None:
    """The same value in two rows is two facts."""
    facts = list(read_table([["sku", "state"], ["B771", "open"], ["C905", "open"]], QUERY))

    assert len({fact.key for fact in facts}) == 4
