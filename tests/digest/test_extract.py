"""Facts of turns, and the question a turn ends with."""

from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    SystemMessage,
    UserMessage,
)

from autogen_budget import Turn
from autogen_budget._digest._extract import LONGEST_MESSAGE, MOST_FACTS_OF_A_TURN, question_of, read_turn
from autogen_budget._digest._facts import Origin


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
