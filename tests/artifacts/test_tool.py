"""The tool by which a model reads back what was cut, as an agent's workbench calls it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import ToolCallExecutionEvent
from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_core.tools import FunctionTool, StaticStreamWorkbench, ToolResult
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import ArtifactStore, TiktokenCounter
from autogen_budget._artifacts import ReadArtifactArgs, ReadArtifactTool

COUNTER = TiktokenCounter()
LOG = "".join(f"{number:05d} {'ERROR disk' if number % 1_000 == 0 else 'fine'}\n" for number in range(1, 5_001))


async def call(store: ArtifactStore, *, limit: int = 200, **arguments: object) -> ToolResult:
    """Calls the tool the way an agent does."""
    workbench = StaticStreamWorkbench([ReadArtifactTool(store, COUNTER, limit)])
    return await workbench.call_tool("read_artifact", arguments)


async def test_reads_lines() -> None:
    """A model reads any line of a stored text by its number."""
    store = ArtifactStore()
    reference = await store.put(LOG)
    places: tuple[dict[str, object], ...] = ({"ref": f"{reference}:4321"}, {"ref": reference, "start_line": 4_321})
    for place in places:
        result = await call(store, **place, max_lines=2)  # type: ignore[arg-type]  # there is no limit among them
        assert not result.is_error
        heading, *lines = result.to_text().split("\n")
        assert heading == f'[lines 4321-4322 of 5000; go on with ref "{reference}:4323"]'
        assert lines == ["4321: 04321 fine", "4322: 04322 fine"]


async def test_reads_parts_of_a_line() -> None:
    """A model reads on in the middle of a long line."""
    store = ArtifactStore()
    result = await call(store, ref=await store.put("x" * 10_000 + "needle"), start_column=9_990)
    assert result.to_text() == "[line 1 of 1, line 1 from character 9990]\n1: xxxxxxxxxxxneedle"


async def test_searches() -> None:
    """A model finds lines by a pattern."""
    store = ArtifactStore()
    reference = await store.put(LOG)
    for name, asked in (("search", "/error.*disk|(?i)ERROR.D/"), ("pattern", "error.*disk|(?i)ERROR.D")):
        arguments: dict[str, object] = {"ref": f"{reference}:2500", "max_lines": 1, name: asked}
        result = await call(store, **arguments)  # type: ignore[arg-type]  # there is no limit among them
        heading = f'[1 match in lines 2500-3000 of 5000; go on with ref "{reference}:3001"]\n2999- '
        assert result.to_text().startswith(heading)


async def test_finds_words_in_a_text() -> None:
    """Words are found in any order and form, with the line to read on from; the page there begins with it."""
    store = ArtifactStore()
    lines = [f"Day {day}: the wind was light." for day in range(60)]
    lines[41] = "The harbour master keeps the keys of three boats in the drawer."
    reference = await store.put("\n".join(lines))
    found = (await call(store, ref=reference, search="where is the key of my boat")).to_text()
    assert found.split("\n")[1].startswith(f'"{reference}:42" The harbour master keeps the keys of three boats')
    read = (await call(store, ref=f"{reference}:42")).to_text()
    assert read.split("\n")[1] == f"42: {lines[41]}"


async def test_words_that_stand_in_every_line_are_found() -> None:
    """A model that asks for words gets them, however common they are."""
    store = ArtifactStore()
    found = (await call(store, ref=await store.put(LOG), search="fine")).to_text()
    assert "00001 fine" in found


async def test_letters_are_found_where_words_are_not() -> None:
    """A part of a word, or signs, are looked for as they stand."""
    store = ArtifactStore()
    reference = await store.put("abc\nsrc/main.rs:77: E0499[mut]\nxyz")
    for part in ("ain.r", "[mut]", "0499["):
        found = (await call(store, ref=reference, search=part)).to_text()
        assert f'"{reference}:2" src/main.rs:77: E0499[mut]' in found
    nothing = (await call(store, ref=reference, search="zebra")).to_text()
    assert nothing.startswith("[no lines that match 'zebra', in 1 text; use other words, or a pattern")


async def test_searches_all_that_was_cut_or_dropped() -> None:
    """Without a reference all texts are searched, by words or by a pattern; what is gone is passed over."""
    store = ArtifactStore()
    texts = ["[user] My dentist is Dr. Okafor.\n[clerk] Noted.", LOG, "name,town\nOkafor,Leeds\n" + "x,y\n" * 90]
    references = [await store.put(text) for text in texts]
    tool = ReadArtifactTool(store, COUNTER, 300, references=lambda: (*references[:2], "aaaaaaaaaa", references[2]))
    for asked in ("dentist Okafor", "/Oka[f]or/"):
        for ref in ({}, {"ref": "history"}):
            page = await tool.run(ReadArtifactArgs.model_validate({"search": asked, **ref}), CancellationToken())
            heading, *rows = page.text.split("\n")
            assert heading.startswith("[2 of 2 ")
            assert heading.endswith(", in 4 texts; go on with one of these refs]")
            assert rows == [
                f'"{references[0]}:1" [user] My dentist is Dr. Okafor.'
                + (" [clerk] Noted." if rows[0].endswith("Noted.") else ""),
                f'"{references[2]}:2" Okafor,Leeds',
            ]


async def test_a_search_learns_what_is_new() -> None:
    """A text that was stored after the first search is found by the next one."""
    store, references = ArtifactStore(), list[str]()
    tool = ReadArtifactTool(store, COUNTER, 200, references=lambda: references)
    arguments = ReadArtifactArgs(search="marigold")
    for number in (1, 2):
        references.append(await store.put(f"Boat {number} is called Marigold."))
        page = await tool.run(arguments, CancellationToken())
        assert page.text.count("Marigold.") == number


async def test_answers_of_searches_are_within_the_limit() -> None:
    """As many passages as fit, or the beginning of the best."""
    store = ArtifactStore()
    reference = await store.put(("lamp " * 79 + "\n") * 200)
    for limit, least in ((1_000, 600), (64, 45)):
        for asked in ("lamp", "/lamp/"):
            text = (await call(store, limit=limit, ref=reference, search=asked)).to_text()
            assert least < COUNTER.count_text(text) <= limit


async def test_answers_are_within_the_limit() -> None:
    """An answer holds no more tokens than the tool was given, and uses most of them when there is more to read."""
    store = ArtifactStore()
    reference = await store.put(LOG)
    for arguments in ({}, {"pattern": "fine"}, {"start_line": 100}):
        text = (await call(store, limit=300, ref=reference, **arguments)).to_text()
        assert 250 < COUNTER.count_text(text) <= 300


async def test_none_is_not_given() -> None:
    """Models that fill in every argument may fill in null."""
    store = ArtifactStore()
    reference = await store.put("text")
    result = await call(store, ref=reference, start_line=None, max_lines=None, pattern=None, start_column=None)
    assert result.to_text() == "[line 1 of 1]\n1: text"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ref": "nope"}, "no text is stored as 'nope'; copy the 10 letters and digits"),
        ({"start_line": 9_000}, "line 9000 is outside the text, which has lines 1 to 5000"),
        ({"start_column": 99}, "character 99 is outside line 1, which has 10 characters"),
        ({"max_lines": 0}, "max_lines must be at least 1, not 0"),
        ({"pattern": "(ERROR"}, "bad pattern: missing )"),
        ({"search": "/(ERROR/"}, "bad pattern: missing )"),
        ({"ref": "nope", "search": "words"}, "no text is stored as 'nope'; copy the 10 letters and digits"),
        ({"pattern": "(?R)"}, "recursion is not supported in a pattern"),
        ({"start_line": "x"}, "1 validation error for ReadArtifactArgs\nstart_line\n"),
    ],
)
async def test_errors(arguments: dict[str, object], message: str) -> None:
    """Whatever cannot be answered is a short error result that says what would work."""
    store = ArtifactStore()
    reference = str(arguments.pop("ref", await store.put(LOG)))
    result = await call(store, ref=reference, **arguments)  # type: ignore[arg-type]  # there is no limit among them
    assert result.is_error
    assert result.to_text().startswith(message)
    assert COUNTER.count_text(result.to_text()) < 100


async def test_a_failing_store(tmp_path: Path) -> None:
    """A store that cannot be read is an error result as well."""
    reference = await ArtifactStore(tmp_path).put("text")
    path = tmp_path / f"artifact-{reference}.txt"
    path.unlink()
    path.mkdir()
    result = await call(ArtifactStore(tmp_path), ref=reference)
    assert result.is_error
    assert "Is a directory" in result.to_text()


async def test_a_slow_pattern_does_not_stop_the_event_loop() -> None:
    """While a catastrophic pattern is tried, the event loop runs on; then there is an error result."""
    store = ArtifactStore()
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    beating = asyncio.create_task(beat())
    result = await call(store, ref=await store.put("a" * 5_000 + "!"), pattern="(a|aa)+$")
    beating.cancel()
    assert result.is_error
    assert result.to_text().startswith("the pattern is too slow: 2 seconds were not enough")
    assert beats > 5


async def test_cancellation() -> None:
    """A canceled token ends a call, even in the midst of a search."""
    store = ArtifactStore()
    tool, token = ReadArtifactTool(store, COUNTER, 200), CancellationToken()
    arguments = ReadArtifactArgs(ref=await store.put("a" * 5_000 + "!"), pattern="(a|aa)+$")
    reading = asyncio.create_task(tool.run(arguments, token))
    await asyncio.sleep(0.05)
    token.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


@pytest.mark.parametrize("ref", ["history", "HISTORY", '"history"', "`history`"])
async def test_reads_the_history(ref: str) -> None:
    """Where there is a history, a model reads and searches it like any text, by its name."""

    async def history() -> str:
        return "[user] hello\n\n[clerk] yes\n\n[user] parcel P-7?"

    tool = ReadArtifactTool(ArtifactStore(), COUNTER, 200, history=history)
    assert "history" in tool.schema["description"]  # pyright: ignore  # a schema may lack a description
    page = await tool.run(ReadArtifactArgs(ref=f"{ref}:3" if ref.isalpha() else ref), CancellationToken())
    assert page.text.endswith("3: [clerk] yes\n4: \n5: [user] parcel P-7?")


async def test_without_a_history_there_is_no_such_text() -> None:
    """Elsewhere the name is a reference that nothing is stored under."""
    result = await call(ArtifactStore(), ref="history")
    assert result.is_error
    assert "no text is stored as 'history'" in result.to_text()


def test_the_schema_is_small() -> None:
    """The schema names what every answer can need, and takes few tokens of every request."""
    tool = ReadArtifactTool(ArtifactStore(), COUNTER, 200)
    parameters = tool.schema.get("parameters")
    assert parameters is not None
    assert set(parameters["properties"]) < set(ReadArtifactArgs.model_fields)


@pytest.mark.parametrize("has_history", [False, True])
def test_it_costs_70_tokens(has_history: bool) -> None:
    """Beside another tool, the schema adds at most 70 tokens to a request."""

    async def history() -> str:
        return ""

    def look(place: str) -> str:
        return place

    other = FunctionTool(look, description="Looks.")
    tool = ReadArtifactTool(ArtifactStore(), COUNTER, 200, history=history if has_history else None)
    with_tool, without = (COUNTER.tokens(COUNTER.measure_extras(tools)) for tools in ([other, tool], [other]))
    assert with_tool - without <= 70


def test_the_limit_has_a_lowest_value() -> None:
    """A limit that could not hold a heading is refused."""
    with pytest.raises(ValueError, match="limit must be at least 64 tokens, not 63"):
        ReadArtifactTool(ArtifactStore(), COUNTER, 63)


def test_arguments_of_another_kind() -> None:
    """What is no mapping is refused as pydantic refuses it."""
    with pytest.raises(ValueError, match="valid dictionary"):
        ReadArtifactArgs.model_validate("ref")


async def test_with_an_agent() -> None:
    """An agent calls the tool and gets the page into its context."""
    store = ArtifactStore()
    arguments = f'{{"ref": "{await store.put(LOG)}", "start_line": 5000}}'
    client = ReplayChatCompletionClient(
        [
            CreateResult(
                finish_reason="function_calls",
                content=[FunctionCall(id="1", name="read_artifact", arguments=arguments)],
                usage=RequestUsage(prompt_tokens=1, completion_tokens=1),
                cached=False,
            ),
            "done",
        ],
        model_info=ModelInfo(
            vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False
        ),
    )
    agent = AssistantAgent("reader", client, tools=[ReadArtifactTool(store, COUNTER, 200)])
    result = await agent.run(task="What is in the last line?")
    (event,) = (message for message in result.messages if isinstance(message, ToolCallExecutionEvent))
    assert event.content[0].content == "[line 5000 of 5000]\n5000: 05000 ERROR disk"
    assert not event.content[0].is_error
