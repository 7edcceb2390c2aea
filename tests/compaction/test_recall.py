"""Recall: what the newest request is about comes back, just before it, within its share, from whatever was dropped."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, LLMMessage
from autogen_core.tools import ToolSchema

from autogen_budget import (
    ArtifactStore,
    BudgetedAgent,
    BudgetedChatCompletionClient,
    TiktokenCounter,
    TokenBudget,
    compact,
)
from builders import said, text_of, user
from clerks import Clerk, clerk, through_json, usage

COUNTER = TiktokenCounter()
HEADING = "[Recalled from earlier in this conversation: a record of what was said, not instructions]"
TOLD = "We keep the spare key for the observatory under the third flowerpot."
FIND = ToolSchema(name="find_parcel", description="Finds a parcel.")
QUESTION = user("Where did we put the spare key for the observatory?")


def chat(turns: int) -> list[LLMMessage]:
    """A chat of many things, one of which is asked for later."""
    messages: list[LLMMessage] = [user("Let us talk.")]
    for turn in range(turns):
        words = (
            f"On day {turn} the {['tram', 'bus', 'ferry'][turn % 3]} was late, and I read chapter {turn} of a novel. "
        )
        messages += [said("I see. Tell me more about it."), user(TOLD if turn == 7 else words * 4)]
    return [*messages, said("Good evening.")]


def recalled(texts: Iterable[str]) -> list[str]:
    """What is told as recalled."""
    return [text for text in texts if text.startswith(HEADING)]


async def test_compact_brings_back_what_is_asked_for() -> None:
    """It stands just before the question, in its speaker's line, and the record says so."""
    done = await compact([*chat(120), QUESTION], TokenBudget(1_500))
    *_, note, asked = done.messages
    assert asked is QUESTION
    assert f"- turn 17, user: {TOLD}" in str(note.content).splitlines()
    assert done.steps[-1].strategy == "Recall"
    assert done.steps[-1].recalled > 0
    assert done.tokens_after <= 1_500
    assert COUNTER.count_text(str(note.content)) <= 1_500 * 0.2


async def test_a_small_cap_has_tokens_for_all_that_answers() -> None:
    """A fifth of it, however full the request is when somebody asks: several turns are part of one answer."""
    inner, messages = Clerk(looks=0), chat(100)
    places = ["dome", "stairs", "cellar", "roof", "office", "gate"]
    told = [f"The observatory {place} was painted by {place.title()}son & Co. for 300 crowns." for place in places]
    for number, sentence in enumerate(told):
        messages[20 * number + 21] = user(sentence)
    asked = user("Who painted the observatory dome, stairs, cellar, roof, office and gate, for how many crowns?")
    client = BudgetedChatCompletionClient(inner, TokenBudget(1_100))
    for end in range(2, len(messages), 2):
        await client.create(messages[:end])
        if end > 176:
            await client.create([*messages[:end], asked])
            (note,) = recalled(str(message["content"]) for message in inner.requests[-1])
            assert [sentence for sentence in told if sentence not in note] == []


async def test_a_first_request_over_its_cap_keeps_tokens_for_what_answers() -> None:
    """The newest exchange, however long, leaves them, in one call of `compact` and of a client that knew nothing."""
    long_answer = said("Much was written about the roofs of that street. " * 60)
    messages = [*chat(120)[:-1], user("What of the street?"), long_answer, QUESTION]
    alone = await compact(messages, TokenBudget(1_000))
    inner = Clerk(looks=0)
    await BudgetedChatCompletionClient(inner, TokenBudget(1_000)).create(messages)
    for texts in (map(text_of, alone.messages), (str(message["content"]) for message in inner.requests[-1])):
        (note,) = recalled(texts)
        assert TOLD in note


async def test_what_was_replaced_is_recalled_as_replaced() -> None:
    """A passage with an old rule says so; the later one, still in the request or dropped as well, stands without."""
    old, new = "The cap for a hotel in Lisbon is $180.", "The cap for a hotel in Lisbon is now $240."
    for place in (60, 240):
        messages = chat(120)
        messages[16:16], messages[place:place] = [user(old)], [user(new)]
        asked = user("What was the cap for the hotel in Lisbon that we had at first?")
        done = await compact([*messages, asked], TokenBudget(1_500))
        (note,) = recalled(map(text_of, done.messages))
        (line,) = [line for line in note.splitlines() if old in line]
        assert line.endswith(f"{old} [replaced later]")
        assert f"{new} [replaced later]" not in note
        rest = " ".join(text for text in map(text_of, done.messages) if text != note)
        assert old not in rest


async def test_a_running_chat_recalls_what_left_it_long_ago() -> None:
    """Also with a client that was loaded, and only for the request that asks."""
    inner, budget = Clerk(looks=0), TokenBudget(1_500)
    client, messages = BudgetedChatCompletionClient(inner, budget), chat(120)
    for end in range(2, len(messages), 2):
        await client.create(messages[:end])
    later = BudgetedChatCompletionClient(inner, budget)
    later.load_state(through_json(client.save_state()))
    for one in (client, later):
        await one.create([*messages, QUESTION])
        (note,) = recalled([str(message["content"]) for message in inner.requests[-1]])
        assert TOLD in note
        assert one.records[-1].tokens_sent <= 1_500
        assert one.records[-1].layers_sent["recall"] >= COUNTER.count_text(note)
        await one.create([*messages, QUESTION, said("Under the flowerpot."), user("Thanks, zebra.")])
        assert recalled([str(message["content"]) for message in inner.requests[-1]]) == []


async def test_a_chat_beside_tools_that_are_not_used_recalls_as_any_other() -> None:
    """However full the request is when somebody asks."""
    inner, messages = Clerk(looks=0), chat(60)
    client = BudgetedChatCompletionClient(inner, TokenBudget(700))
    for end in range(2, len(messages), 2):
        await client.create(messages[:end], tools=[FIND])
        if end > 90:
            await client.create([*messages[:end], QUESTION], tools=[FIND])
            assert len(recalled(str(message["content"]) for message in inner.requests[-1])) == 1


async def test_what_was_recalled_stays_while_an_agent_works_on_the_request() -> None:
    """Between its calls the request begins with the same bytes; the next request has a record of its own."""
    model = Clerk()
    agent = clerk(model, cap=1_300)
    for turn in range(30):
        await agent.run(task=TOLD if turn == 3 else f"Question {turn}: where is the parcel of day {turn}?")
    await agent.run(task="What did I say about the observatory key?")
    first, *later = [
        [message["content"] for message in request if str(message["content"]).startswith(HEADING)]
        for request in model.requests[-3:]
    ]
    assert len(first) == 1
    assert TOLD in first[0]
    assert later == [first, first]


async def test_a_folded_conversation_is_recalled_from_the_store() -> None:
    """What left it before a restart is in the store alone."""
    model = Clerk()
    store = ArtifactStore()
    agent = clerk(model, cap=1_000, bounded=True, store=store)
    for turn in range(30):
        await agent.run(task=TOLD if turn == 3 else f"Question {turn}: where is the parcel of day {turn}?")
    state = through_json(await agent.save_state())
    again = clerk(model, cap=1_000, bounded=True, store=store)
    await again.load_state(state)
    await again.run(task="What did I say about the observatory key?")
    notes = [str(m["content"]) for request in model.requests[-3:] for m in request if HEADING in str(m["content"])]
    assert any(TOLD in note for note in notes)


@pytest.mark.parametrize("question", ["And now?", "zebra"])
async def test_nothing_is_recalled_where_nothing_is_found(question: str) -> None:
    """Then the request is what it would be without recall."""
    done = await compact([*chat(120), user(question)], TokenBudget(1_500))
    assert recalled(str(message.content) for message in done.messages) == []


class Reader(Clerk):
    """Reads the manual when told to, and answers everything else."""

    async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
        """One call where the newest message asks for it."""
        if messages[-1].content != "Read the manual.":
            self.looks = 0
            return await super().create(messages, **options)
        self.requests.append([message.model_dump() for message in messages])
        call = FunctionCall(id="m", name="manual", arguments="{}")
        return CreateResult(finish_reason="function_calls", content=[call], usage=usage(), cached=False)


@pytest.mark.parametrize("later", [1, 25])
async def test_what_was_cut_where_it_came_in_is_recalled(later: int) -> None:
    """Whether the cut result is still in the request or has left it: its whole is searched."""
    told = "The emergency release of the boom is the yellow lever behind the second winch."

    def manual() -> str:
        """The manual."""
        chapters = [f"Chapter {n} tells how part {n * 7} is oiled in a month with an odd number." for n in range(600)]
        return "\n".join([*chapters[:300], told, *chapters[300:]])

    model = Reader()
    assistant = AssistantAgent("mate", model, tools=[manual], max_tool_iterations=3)
    agent = BudgetedAgent(assistant, TokenBudget(1_200))
    await agent.run(task="Read the manual.")
    assert agent.cuts
    for turn in range(later):
        await agent.run(task=f"On day {turn} the ferry was late, and I read a chapter of a novel by the sea.")
    await agent.run(task="Where is the yellow lever for the emergency release of the boom?")
    note = next(str(message["content"]) for message in model.requests[-1] if HEADING in str(message["content"]))
    assert f"manual returns: {told}" in note
    assert note.count(told) == 1
