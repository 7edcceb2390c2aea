"""A selector's prompt: when it is too long, its oldest messages go, and it stays a prompt that a model can follow."""

import json
import re
from collections.abc import Sequence

import pytest
from autogen_core import ComponentModel
from autogen_core.models import AssistantMessage, LLMMessage, SystemMessage, UserMessage
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import Compaction, Strategy, TokenBudget, TrimOldest, TrimSelectorThread, compact

ROLES = "pilot: Steers the ship.\nmate: Keeps the log.\ncook: Feeds everybody; knows the stores."
NAMES = ("pilot", "mate", "cook")

DEFAULT = """You are in a role play game. The following roles are available:
{roles}.
Read the following conversation. Then select the next role from {participants} to play. Only return the role.

{history}

Read the above conversation. Then select the next role from {participants} to play. Only return the role.
"""
CUSTOM = """Select an agent to perform the task.

{roles}

Current conversation context:
{history}

Read the above conversation, then select an agent from {participants} to perform the next task.
Make sure the pilot has spoken before the others begin.
"""
HISTORY_LAST = "Choose one of {participants}.\n{roles}\nThe thread:\n{history}"

Said = Sequence[tuple[str, str]]


def prompt_of(said: Said, template: str = DEFAULT) -> str:
    """The prompt as AutoGen's selector writes it."""
    history = "\n".join(f"{source}: {content}".rstrip() + "\n\n" for source, content in said)
    return template.format(roles=ROLES, participants=str(list(NAMES)), history=history)


def talk(count: int, words: int = 20) -> list[tuple[str, str]]:
    """A task and so many answers to it, each of which can be told from the others."""
    answers = [
        (NAMES[i % 3], f"Report {i:03}. " + "The wind is up and the sea is rough. " * (words // 8))
        for i in range(count)
    ]
    return [("user", "Bring the ship to Kiel before the storm."), *answers]


async def trimmed(
    *messages: LLMMessage, cap: int, strategy: TrimSelectorThread | None = None
) -> tuple[list[str], Compaction]:
    """The texts of a request after trimming, and what was done."""
    strategies: list[Strategy] = [strategy or TrimSelectorThread(NAMES), TrimOldest()]
    done = await compact(messages, TokenBudget(cap), strategies=strategies)
    return [str(message.content) for message in done.messages], done


def reports_in(text: str) -> list[int]:
    """The numbers of the reports that stand in a prompt."""
    return [int(number) for number in re.findall(r"Report (\d{3})", text)]


@pytest.mark.parametrize("template", [DEFAULT, CUSTOM, HISTORY_LAST])
@pytest.mark.parametrize("strategy", [TrimSelectorThread(NAMES), TrimSelectorThread()])
@pytest.mark.parametrize("as_system", [True, False])
async def test_the_oldest_messages_go_first(template: str, strategy: TrimSelectorThread, as_system: bool) -> None:
    """Roles, instructions, task and newest messages stay as they are; a notice says how many are gone."""
    whole = prompt_of(talk(60), template)
    message = SystemMessage(content=whole) if as_system else UserMessage(content=whole, source="user")
    (text,), done = await trimmed(message, cap=600, strategy=strategy)
    assert done.tokens_after <= 600
    assert done.tokens_after > 500, "as much of it stays as there is room for"
    left = reports_in(text)
    assert 5 < len(left) < 60
    assert left == list(range(60))[-len(left) :]
    before, after = template.format(roles=ROLES, participants=str(list(NAMES)), history="\0").split("\0")
    assert text.startswith(before + "user: Bring the ship to Kiel before the storm.")
    assert text.endswith(after)
    assert f"[{60 - len(left)} earlier messages left out to fit the context window]" in text
    assert f"{60 - len(left)} messages of the selector's thread left out" in done.steps[0].detail


@pytest.mark.parametrize("as_system", [True, False])
async def test_asking_again_keeps_what_was_wrong(as_system: bool) -> None:
    """After an answer that names nobody the prompt is shortened in the same way, and answer and complaint stay."""
    whole = prompt_of(talk(60))
    again: list[LLMMessage] = [
        AssistantMessage(content="Nobody comes to mind.", source="selector"),
        UserMessage(content="No valid name was mentioned. Please select from: ['pilot', 'mate'].", source="user"),
    ]
    message = SystemMessage(content=whole) if as_system else UserMessage(content=whole, source="user")
    texts, done = await trimmed(message, *again, cap=600)
    assert done.tokens_after <= 600
    assert reports_in(texts[0])[-1] == 59
    assert texts[0].startswith("You are in a role play game.")
    assert texts[-2:] == [str(message.content) for message in again]


async def test_counts_add_up_when_it_is_trimmed_again() -> None:
    """A prompt that was shortened before has one notice, which counts all that is gone."""
    (once,), _ = await trimmed(SystemMessage(content=prompt_of(talk(60))), cap=900)
    (twice,), _ = await trimmed(SystemMessage(content=once), cap=500)
    assert once.count("left out") == twice.count("left out") == 1
    assert f"[{60 - len(reports_in(twice))} earlier messages left out" in twice


async def test_one_message_is_one_message() -> None:
    """The notice speaks of one message where only one had to go."""
    said = [*talk(2), ("cook", "Soup. " * 20), ("pilot", "Aye.")]
    said[1] = ("pilot", "Report 000. " + "Long ago. " * 100)
    (text,), _ = await trimmed(SystemMessage(content=prompt_of(said)), cap=300)
    assert "[1 earlier message left out" in text
    assert reports_in(text) == [1]


async def test_names_tell_messages_from_paragraphs() -> None:
    """With the participants' names, what looks like a speaker inside the newest message does not part it."""
    newest = "First part.\n\n\nsummary: all is well.\n\n\ndetails: none."
    whole = prompt_of([*talk(40), ("mate", newest)])
    (text,), _ = await trimmed(SystemMessage(content=whole), cap=400)
    assert f"mate: {newest}" in text
    (without_names,), _ = await trimmed(SystemMessage(content=whole), cap=400, strategy=TrimSelectorThread())
    assert "details: none." in without_names


async def test_long_messages_are_cut_in_their_middle_at_last() -> None:
    """Where task and newest message alone are too long, they give, and roles and instructions do not."""
    said = [
        ("user", "Sail.\n" + "storm " * 900 + "harbour"),
        *talk(3)[1:],
        ("mate", "Log.\n" + "wave " * 900 + "end of log"),
    ]
    (text,), done = await trimmed(SystemMessage(content=prompt_of(said, CUSTOM)), cap=500)
    assert done.tokens_after <= 500
    assert ROLES in text
    assert "Make sure the pilot has spoken before the others begin." in text
    assert "user: Sail." in text
    assert "end of log" in text
    assert text.count("[cut:") == 2
    assert "[3 earlier messages left out" in text


async def test_instructions_that_leave_no_room_are_left_to_the_last_resort() -> None:
    """When even empty messages do not help, the cap is kept all the same."""
    template = "rule " * 500 + DEFAULT
    (text,), done = await trimmed(SystemMessage(content=prompt_of(talk(5), template)), cap=300)
    assert done.tokens_after <= 300
    assert text.endswith("Only return the role.\n")


@pytest.mark.parametrize(
    "messages",
    [
        [SystemMessage(content=prompt_of(talk(5))), UserMessage(content="Who is next? " * 900, source="user")],
        [SystemMessage(content="Be brief."), UserMessage(content=prompt_of(talk(60)), source="user")],
        [UserMessage(content=[prompt_of(talk(60))], source="user")],
        [UserMessage(content="storm " * 2_000, source="user")],
        [
            UserMessage(content=prompt_of(talk(60)), source="user"),
            AssistantMessage(content="I will read it.", source="reader"),
        ],
    ],
)
async def test_other_requests_are_let_through(messages: list[LLMMessage]) -> None:
    """Examples in an agent's instructions, a pasted log, and a long text are no selector's prompt."""
    _, done = await trimmed(*messages, cap=600)
    assert "TrimSelectorThread" not in {step.strategy for step in done.steps}


async def test_what_is_short_enough_is_not_trimmed_again() -> None:
    """Between the target and the cap nothing more would be gained: the next prompt holds the whole thread again."""
    message = UserMessage(content=prompt_of(talk(60)), source="user")
    strategies = [TrimSelectorThread(NAMES), TrimSelectorThread()]
    done = await compact([message], TokenBudget(900), strategies=strategies)
    assert len(done.steps) == 1
    assert 0.85 * 900 < done.tokens_after <= 900


async def test_nothing_happens_under_the_cap() -> None:
    """A prompt that fits goes out as it is."""
    message = SystemMessage(content=prompt_of(talk(5)))
    _, done = await trimmed(message, cap=2_000)
    assert done.messages == (message,)
    assert done.messages[0] is message


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=80)


@given(
    said=st.lists(st.tuples(st.sampled_from(NAMES), texts), min_size=1, max_size=30),
    cap=st.integers(200, 900),
    template=st.sampled_from([DEFAULT, CUSTOM, HISTORY_LAST]),
)
async def test_a_prompt_that_is_shortened_is_still_a_prompt(said: Said, cap: int, template: str) -> None:
    """Whatever is said: within the cap, instructions first and last, and what is left of the thread is its end."""
    thread = [("user", "Task."), *((name, f"Report {i:03}. {text}") for i, (name, text) in enumerate(said))]
    (text,), done = await trimmed(SystemMessage(content=prompt_of(thread, template)), cap=cap)
    assert done.tokens_after <= cap
    before, after = template.format(roles=ROLES, participants=str(list(NAMES)), history="\0").split("\0")
    assert text.startswith(before + "user: Task.")
    assert text.endswith(after)
    left = [number for number in reports_in(text) if number < len(said)]
    assert left[-1] == len(said) - 1


async def test_dumps_and_loads() -> None:
    """It goes through JSON as a component."""
    dumped = TrimSelectorThread(NAMES).dump_component()
    assert dumped.provider == "autogen_budget.TrimSelectorThread"
    again = ComponentModel.model_validate(json.loads(dumped.model_dump_json()))
    assert TrimSelectorThread.load_component(again) == TrimSelectorThread(NAMES)
