"""Circles are noticed: by what is done and what comes of it, whatever is thought on the way."""

import json
from collections.abc import Sequence

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import TerminatedException
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import (
    BaseAgentEvent,
    BaseChatMessage,
    HandoffMessage,
    TextMessage,
    ThoughtEvent,
    ToolCallExecutionEvent,
    ToolCallRequestEvent,
    ToolCallSummaryMessage,
)
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from autogen_ext.models.replay import ReplayChatCompletionClient
from hypothesis import given, settings
from hypothesis import strategies as st

from autogen_budget import LoopRecord, LoopTermination, Record, TokenBudget, budget_team
from autogen_budget._limits import TextLoop, find_repetition, masked, steps_of_context
from profiles import examples

USER = UserMessage(content="Go on.", source="user")


def done(
    tool: str, arguments: object = None, outcome: str = "same", thought: str | None = None
) -> tuple[AssistantMessage, FunctionExecutionResultMessage]:
    """A call and its result."""
    call = FunctionCall(id="c", name=tool, arguments=arguments if isinstance(arguments, str) else json.dumps(arguments))
    result = FunctionExecutionResult(content=outcome, name=tool, call_id="c")
    return (
        AssistantMessage(content=[call], thought=thought, source="agent"),
        FunctionExecutionResultMessage(content=[result]),
    )


def found(*messages: Sequence[LLMMessage]) -> str:
    """What is repeated at the end of a conversation, in words."""
    return str(find_repetition(steps_of_context([message for row in messages for message in row]), 5) or "")


def test_the_same_call_with_the_same_result_is_repeated() -> None:
    """Whatever is thought, in whatever order the arguments come, at whatever time."""
    calls = [
        done("ls", {"path": "/", "all": True}, "total 3, at 10:31:02, took 0.5 s", "Let me look."),
        done("ls", {"all": True, "path": "/"}, "total 3, at 10:31:09, took 12 ms", "Once more."),
        done("ls", {"path": "/", "all": True}, "total 3, at 10:32:44, took 2 seconds", None),
    ]
    assert found([USER], *calls) == "ls 3 times in a row with the same result"
    assert found([USER], *calls[1:]) == ""


@settings(max_examples=examples(1))
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=5, unique=True), st.integers(3, 5), st.data())
def test_circles_of_up_to_five_steps_are_found(circle: list[str], times: int, data: st.DataObject) -> None:
    """Whatever was done before them."""
    before = data.draw(st.lists(st.sampled_from("xyz"), max_size=5))
    repetition = find_repetition(
        steps_of_context([USER, *(m for name in [*before, *circle * times] for m in done(name))]), 5
    )
    assert repetition is not None
    assert (repetition.cycle, repetition.repeats) == (len(circle), times)
    assert repetition.is_over(5) == (times == 5)


def test_work_is_no_circle() -> None:
    """Other arguments, other results, or a user who asks again."""
    edits = [row for number in range(40) for row in (done("edit", {"line": number}), done("test", {}, "1 failed"))]
    assert found([USER], *edits) == ""
    assert found([USER], *(done("poll", {}, f"{percent} % done") for percent in range(17))) == ""
    assert found([SystemMessage(content="Be brief.")], done("status")) == ""
    again = [row for _ in range(9) for row in ([USER], done("status"))]
    assert found(*again) == ""


def test_polling_ends_as_well_in_the_end() -> None:
    """Six times as often as what changes nothing; the model is warned before, as always."""
    polls = [
        steps_of_context([USER, *(m for n in range(times) for m in done("poll", {}, f"{n} %"))]) for times in (18, 30)
    ]
    warned, over = (find_repetition(steps, 5) for steps in polls)
    assert str(warned) == "poll 18 times in a row with other results"
    assert warned is not None
    assert not warned.is_over(5)
    assert over is not None
    assert over.is_over(5)
    assert find_repetition(polls[1], 5, changing=False) is None


def test_saying_the_same_is_a_circle_and_saying_something_else_is_none() -> None:
    """Words are compared as results are."""
    assert "text 4 times" in found([USER], *([AssistantMessage(content="I wait.", source="a")] for _ in range(4)))
    assert found([USER], *([AssistantMessage(content=f"I saw {n}.", source="a")] for n in range(40))) == ""


def test_parallel_calls_are_one_step_in_whatever_order() -> None:
    """And arguments that are no JSON are compared as they are."""

    def both(first: str, second: str) -> tuple[LLMMessage, LLMMessage]:
        calls = [FunctionCall(id=name, name=name, arguments="{broken") for name in (first, second)]
        results = [FunctionExecutionResult(content=name, name=name, call_id=name) for name in (first, second)]
        return AssistantMessage(content=calls, source="a"), FunctionExecutionResultMessage(content=results)

    assert found([USER], both("a", "b"), both("b", "a"), both("a", "b")) == "a, b 3 times in a row with the same result"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("at 2026-11-24T10:31:02.123Z", "at 2026-11-25T01:00:00+01:00"),
        ("took 3.21s", "took 900 ms"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id 00000000-e89b-12d3-a456-426614174999"),
        ("at 0x7f3a2b10", "at 0x55aa00ff99"),
        ("file /tmp/tmpab12.log", "file /tmp/tmpzz99.log"),
        ("pid 4711", "pid 4712"),
        ("now 1732444800", "now 1732444999"),
    ],
)
def test_what_differs_without_a_change_is_masked(one: str, other: str) -> None:
    """Times, durations and ids; what counts something is not."""
    assert masked(one) == masked(other)


def test_long_results_are_compared_at_both_ends() -> None:
    """And by their length."""
    long = "x" * 150_000
    assert masked(f"{long}{long}") == masked(f"{long}{long}")
    assert masked(f"a{long}{long}") != masked(f"b{long}{long}")
    assert masked("3 of 7") != masked("4 of 7")


def team_call(source: str, tool: str, outcome: str) -> list[BaseAgentEvent | BaseChatMessage]:
    """A call in a team, as its messages tell it."""
    call = FunctionCall(id="c", name=tool, arguments="{}")
    result = FunctionExecutionResult(content=outcome, name=tool, call_id="c")
    return [
        ThoughtEvent(content=f"{outcome}?", source=source),
        ToolCallRequestEvent(content=[call], source=source),
        ToolCallExecutionEvent(content=[result], source=source),
        ToolCallSummaryMessage(content=outcome, tool_calls=[call], results=[result], source=source),
    ]


def hand_off(source: str, target: str, text: str = "Yours.") -> list[BaseAgentEvent | BaseChatMessage]:
    """A hand-off."""
    return [HandoffMessage(content=text, source=source, target=target)]


def text(source: str, content: str = "I agree.") -> list[BaseAgentEvent | BaseChatMessage]:
    """Something that is said."""
    return [TextMessage(content=content, source=source)]


async def ended(condition: LoopTermination, *turns: Sequence[BaseAgentEvent | BaseChatMessage]) -> str:
    """Why a condition ended a run, and after how many turns."""
    for number, turn in enumerate(turns, 1):
        if stop := await condition(turn):
            assert condition.terminated
            return f"{number}: {stop.content}"
    assert not condition.terminated
    return ""


async def test_a_run_ends_that_goes_round_in_circles() -> None:
    """Calls, hand-offs there and back, the same words by turns, and one who is chosen all the time."""
    calls = [team_call("coder", "build", "1 error") for _ in range(9)]
    assert await ended(LoopTermination(), *calls) == "5: Loop: build 5 times in a row with the same result"
    handoffs = [*hand_off("a", "b"), *hand_off("b", "a")] * 9
    assert (await ended(LoopTermination(3), *([handoff] for handoff in handoffs))).startswith("6: Loop: a to b, b to a")
    praise = [text("writer"), text("critic")] * 9
    assert (await ended(LoopTermination(), *praise)).startswith("10: Loop: writer, critic (2 steps by turns) 5 times")
    chosen = [text("planner"), *(text("coder", f"I saw {number}.") for number in range(40))]
    assert (await ended(LoopTermination(), *chosen)).startswith("31: Loop: coder 30 times in a row with other")


@pytest.mark.parametrize(
    ("turns", "pattern", "subject"),
    [
        ([team_call("coder", "build", "1 error")] * 9, "call", "build"),
        ([hand_off("a", "b"), hand_off("b", "a")] * 9, "agents", "a to b, b to a"),
        ([text("writer"), text("critic")] * 9, "agents", "writer, critic"),
        ([text("writer")] * 9, "text", "writer"),
        ([text("planner"), *(text("coder", f"I saw {n}.") for n in range(40))], "speaker", "coder"),
    ],
)
async def test_a_teams_end_is_recorded(
    turns: Sequence[Sequence[BaseAgentEvent | BaseChatMessage]], pattern: str, subject: str
) -> None:
    """With what was repeated; the hooks of its budget are told, wherever the condition stands."""
    condition, told = LoopTermination(), list[Record]()
    team = RoundRobinGroupChat(
        [AssistantAgent("clerk", ReplayChatCompletionClient([]))],
        termination_condition=MaxMessageTermination(99) | (condition & condition),
    )
    budget_team(team, TokenBudget(900), hooks=[told.append])
    assert await ended(condition, *turns)
    *warned, record = [record for record in told if isinstance(record, LoopRecord)]
    assert {record.action for record in warned} == {"nudged"}
    assert (record.name, record.pattern, record.subject, record.action) == (team.name, pattern, subject, "ended")


async def test_a_run_goes_on_that_gets_somewhere() -> None:
    """A conversation, one agent alone that says new things, a user in between."""
    talk = [text(name, f"{name} says {number}") for number in range(60) for name in ("writer", "critic")]
    assert await ended(LoopTermination(), *talk) == ""
    assert await ended(LoopTermination(), *(text("coder", f"I saw {number}.") for number in range(60))) == ""
    asked = [[*text("user", "Again."), *team_call("coder", "build", "1 error")] for _ in range(9)]
    assert await ended(LoopTermination(), *asked) == ""
    polls = [team_call("coder", "poll", f"{percent} % done") for percent in range(60)]
    assert await ended(LoopTermination(changing=False), *polls) == ""


async def test_the_condition_is_a_component_that_can_be_used_again() -> None:
    """It raises after its end, as all do; a reset begins anew; its settings are checked and dumped."""
    condition = LoopTermination(2)
    assert await ended(condition, text("a"), text("a"))
    with pytest.raises(TerminatedException):
        await condition([])
    await condition.reset()
    assert await ended(condition, text("a")) == ""
    assert LoopTermination.load_component(condition.dump_component()).max_repeats == 2
    lenient = LoopTermination(changing=False)
    assert LoopTermination.load_component(lenient.dump_component()).dump_component() == lenient.dump_component()
    with pytest.raises(ValueError, match="max_repeats"):
        LoopTermination(1)


def repeats(whole: str, size: int = 20) -> bool:
    """Whether a text repeats itself somewhere while it is written."""
    loop = TextLoop()
    return any(loop.add(whole[place : place + size]) for place in range(0, len(whole), size))


@settings(max_examples=examples(1))
@given(st.text("abcdefgh ,.", min_size=10, max_size=200).filter(lambda text: len(set(text)) > 4), st.integers(1, 90))
def test_a_text_that_repeats_itself_is_noticed(sentence: str, size: int) -> None:
    """Whatever came before, in whatever chunks."""
    before = " ".join(f"Word {number}." for number in range(400))
    assert not repeats(before, size)
    assert repeats(before + sentence * (5_000 // len(sentence)), size)


@pytest.mark.parametrize(
    "whole",
    [
        "```\n" + "value = compute(value)\n" * 400 + "```\n",
        "| name | value |\n" * 400,
        "- [ ] write the same test once more\n" * 400,
        "    return None  # in an indented block\n" * 400,
        "x = compute(x, with_arguments=True, and_more=False);\n" * 200,
        "-" * 5_000,
        " ".join(f"Line {number} says that ship number {number} came into the harbour." for number in range(200)),
    ],
)
def test_code_tables_and_lists_may_repeat_themselves(whole: str) -> None:
    """So may rules and numbered sentences."""
    assert not repeats(whole)
