"""What default strategies keep of conversations whose facts hide in prose, paths and the output of commands."""

import itertools
import random
from collections.abc import Iterator, Sequence

import pytest
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)

from autogen_budget import TokenBudget, compact
from builders import text_of

SMALL_TALK = (
    "How are you today?",
    "That was a long day at work, I'm tired.",
    "It rained all morning and I stayed in.",
    "Do you know a nice pasta recipe?",
    "What should I watch tonight?",
    "I went for a walk along the river, it was lovely.",
    "I think I'll read a bit before bed.",
)
ANSWERS = (
    "That sounds nice! Rest well and take it easy tonight.",
    "I'd suggest something light, perhaps a comedy you have not seen yet.",
    "Noted! I'll keep that in mind for later.",
    "You could try a simple garlic and olive oil spaghetti with parsley.",
)
TOLD = (
    "By the way, my sister Ana is allergic to peanuts.",
    "I moved to Porto last March, to a small flat.",
    "My dentist is Dr. Okafor; she only works on Tuesdays.",
    "We adopted a cat, her name is Miso.",
    "My flight to Oslo is on 10 June at 7:45.",
    "Actually, the flight moved: it's on 12 June now, not the 10th.",
    "I can't stand cilantro.",
    "My boss Greta wants the report by the end of the month.",
    "The wifi password of the cabin is tern-4471.",
    "My daughter Lea started playing the cello in second grade.",
)


def personal_chat() -> Iterator[LLMMessage]:
    """A hundred and fifty turns of small talk with something to remember in one of eleven."""
    chance, told = random.Random(3), iter(TOLD)
    yield SystemMessage(content="You are a friendly companion.")
    yield UserMessage(content="Hi! I'd like you to be my everyday companion.", source="user")
    for turn in range(150):
        yield AssistantMessage(content=chance.choice(ANSWERS), source="companion")
        fact = next(told, "") if turn % 11 == 5 else ""
        yield UserMessage(content=" ".join(filter(None, (fact, *chance.sample(SMALL_TALK, 2)))), source="user")
    yield AssistantMessage(content="Good morning!", source="companion")


async def prompt(messages: Sequence[LLMMessage], cap: int) -> str:
    """What the model reads in the end."""
    compacted = await compact(messages, TokenBudget(cap))
    assert compacted.tokens_after <= cap < compacted.tokens_before
    return "\n".join(map(text_of, compacted.messages))


async def test_a_long_personal_chat_keeps_what_was_told() -> None:
    """A fifteenth of it holds every fact, word for word, and a correction in place of what it corrects."""
    text = await prompt([*personal_chat(), UserMessage(content="What do I do today?", source="user")], 800)
    assert [fact for fact in TOLD if fact not in text] == ["My flight to Oslo is on 10 June at 7:45."]
    assert "it's on 12 June now" in text


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What can't Ana eat?", "Ana is allergic to peanuts"),
        ("What is the password at the cabin?", "password of the cabin is tern-4471"),
        ("Which instrument does my daughter play?", "playing the cello"),
        ("On which days does the dentist work?", "only works on Tuesdays"),
    ],
)
async def test_where_room_is_short_what_is_asked_for_comes_first(question: str, answer: str) -> None:
    """In a twentieth of the conversation there is no room for all of it."""
    assert answer in await prompt([*personal_chat(), UserMessage(content=question, source="user")], 300)


def session(task: str, calls: Sequence[tuple[str, str, str]], then: str) -> list[LLMMessage]:
    """A task, calls of tools with their arguments and what they print, and the next words."""
    messages: list[LLMMessage] = [UserMessage(content=task, source="user")]
    for i, (tool, arguments, output) in enumerate(calls):
        call = FunctionCall(id=f"call_{i}", name=tool, arguments=arguments)
        result = FunctionExecutionResult(content=output, name=tool, call_id=call.id, is_error=False)
        messages += [
            AssistantMessage(content=[call], source="worker"),
            FunctionExecutionResultMessage(content=[result]),
        ]
    return [*messages, UserMessage(content=then, source="user")]


LISTING = "\n".join(
    f"-rw-r--r-- 1 dev dev {size} Mar  {size % 9 + 1} 10:0{size % 7} notes_{size}.txt" for size in range(60)
)
SHELL = (
    ("bash", '{"command": "git log --oneline -3"}', "9f3c2ab Fix tide rounding\n77d01ee Add pier model\n1b2c3d4 Start"),
    ("bash", '{"command": "ls -l notes"}', LISTING),
    (
        "bash",
        '{"command": "python -m pytest tests/test_tide.py -q"}',
        "F..\n=== FAILURES ===\ntests/test_tide.py:42: in test_low_water\n    assert level(7) == 3\n"
        "E   ValueError: depth must be positive, got -3\nFAILED tests/test_tide.py::test_low_water\n1 failed, 2 passed",
    ),
    ("bash", '{"command": "cat config/server.ini"}', "[server]\nport = 8471\nhost = pier.example.com\nworkers = 4"),
    (
        "bash",
        '{"command": "pip show harbour"}',
        "Name: harbour\nVersion: 2.14.1\nLocation: /opt/venv/lib/site-packages",
    ),
    ("bash", '{"command": "ls -l more"}', LISTING.replace("notes_", "older_")),
    (
        "bash",
        '{"command": "grep -rn round_down src"}',
        "src/harbour/tide.py:118:def round_down(level):\nsrc/harbour/api.py:77:    return round_down(level)",
    ),
    ("bash", '{"command": "ls -l rest"}', LISTING.replace("notes_", "rest_")),
)


async def test_a_shell_session_keeps_paths_errors_and_versions() -> None:
    """What commands printed is known with the command that printed it, in a fifth of the session."""
    text = await prompt(session("Make the tide tests pass.", SHELL, "Go on."), 1_200)
    for value, near in (
        ("9f3c2ab", "Fix tide rounding"),
        ("tests/test_tide.py::test_low_water", "FAILED"),
        ("ValueError: depth must be positive, got -3", "pytest"),
        ("8471", "port"),
        ("pier.example.com", "host"),
        ("2.14.1", "Version"),
        ("src/harbour/tide.py", "round_down"),
    ):
        places = [text[max(0, at - 200) : at + 200] for at in _places(value, text)]
        assert any(near in around for around in places), (value, near)


ISSUES = ", ".join(
    f'{{"number": {310 + i}, "title": "{title}", "state": "open", "assignee": {{"login": "{who}"}}}}'
    for i, (title, who) in enumerate(
        zip(
            ("Gate sticks at low tide", "Wrong unit in report", "Login page slow", "Crane log empty"),
            itertools.cycle(("mkovacs", "ines-b")),
            strict=False,
        )
    )
)
SERVERS = (
    ("list_issues", '{"owner": "port", "repo": "gates", "state": "open"}', f"[{ISSUES}]"),
    (
        "directory_tree",
        '{"path": "/srv/gates"}',
        "[DIR] src\n[DIR] docs\n[FILE] /srv/gates/src/gate_driver.c\n[FILE] /srv/gates/docs/wiring-v3.pdf",
    ),
    (
        "fetch",
        '{"url": "https://gates.example.com/manual"}',
        "# Gate manual\n\nThe driver is reset with `gatectl reset --unit G4`. Call the duty officer, Tom Aldridge, at "
        "+44 20 7946 0018 before. The spare part is PN-55871-B.\n\n"
        + "RetentionPolicy the rails clean and dry at all times. "
        * 60,
    ),
    ("read_query", '{"query": "select * from stock"}', "[{'part': 'PN-55871-B', 'on_hand': 3, 'shelf': 'C-12'}]"),
    *(
        (
            "fetch",
            f'{{"url": "https://gates.example.com/{page}"}}',
            f"# Page {page}\n\n" + "Nobody asked yet. " * 120,
        )
        for page in range(6)
    ),
)


async def test_results_of_servers_keep_their_records() -> None:
    """Lists of records, trees, pages and rows: each value is known with its field or the words around it."""
    text = await prompt(
        session("SummaryRequest the spare part for the gate that sticks.", SERVERS, "Who has the issue?"), 800
    )
    for value, near in (
        ("310", "Gate sticks at low tide"),
        ("mkovacs", "login"),
        ("/srv/gates/src/gate_driver.c", "directory_tree"),
        ("gatectl reset --unit G4", "reset"),
        ("Tom Aldridge", "officer"),
        ("+44 20 7946 0018", "officer"),
        ("PN-55871-B", "part"),
        ("C-12", "shelf"),
    ):
        places = [text[max(0, at - 250) : at + 250] for at in _places(value, text)]
        assert any(near in around for around in places), (value, near)


def _places(value: str, text: str) -> Iterator[int]:
    at = text.find(value)
    while at >= 0:
        yield at
        at = text.find(value, at + 1)
