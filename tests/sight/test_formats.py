"""Files of recorded conversations: every format that is read, and what is said of those that cannot be."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from autogen_agentchat.agents import AssistantAgent, SocietyOfMindAgent
from autogen_agentchat.base import Team
from autogen_agentchat.teams import (
    DiGraphBuilder,
    GraphFlow,
    MagenticOneGroupChat,
    RoundRobinGroupChat,
    SelectorGroupChat,
    Swarm,
)
from autogen_core import Image
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResultMessage,
    SystemMessage,
    UserMessage,
)
from PIL import Image as Pictures

from autogen_budget import BudgetedAgent, RecordFile, Tally, TiktokenCounter, TokenBudget
from autogen_budget._sight import _formats
from autogen_budget._sight._formats import FileFormatError, Transcript, read_file
from autogen_budget._sight._inspect import contents_of
from builders import SYSTEM, call, call_record, result, said, user
from servers import OpenAIServer
from servers.clients import client_of

OPENAI: list[dict[str, object]] = [
    {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
    {"role": "user", "content": "Go.", "name": "anna"},
    {
        "role": "assistant",
        "content": "I look.",
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
            {"id": "2", "type": "function", "function": {"name": "g", "arguments": {"b": 2}}},
        ],
    },
    {"role": "tool", "tool_call_id": "1", "content": "one"},
    {"role": "tool", "tool_call_id": "2", "content": [{"type": "text", "text": "two"}]},
    {"role": "assistant", "content": "done"},
    {"role": "function", "name": "old", "content": "three"},
]
PARAMETERS: dict[str, object] = {"type": "object", "properties": dict[str, object]()}
TOOLS: list[object] = [{"type": "function", "function": {"name": "f", "parameters": PARAMETERS}}]


def written(path: Path, value: object) -> Path:
    """A file with a JSON value."""
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def lines(path: Path, values: Sequence[object]) -> Path:
    """A file with a JSON value to a line."""
    path.write_text("".join(f"{json.dumps(value)}\n" for value in values), encoding="utf-8")
    return path


def transcripts(path: Path) -> list[Transcript]:
    """The transcripts in a file."""
    return [each for each in read_file(path) if isinstance(each, Transcript)]


def test_openai_messages(tmp_path: Path) -> None:
    """Calls, results side by side, parts, the words beside calls, old functions."""
    for path in (
        written(tmp_path / "a.json", OPENAI),
        written(tmp_path / "b.json", {"messages": OPENAI, "tools": TOOLS, "id": "a"}),
        lines(tmp_path / "a.jsonl", OPENAI),
    ):
        (transcript,) = transcripts(path)
        assert transcript.name == "a"
        kinds = [type(message).__name__ for message in transcript.messages]
        assert kinds == [
            "SystemMessage",
            "UserMessage",
            "AssistantMessage",
            "FunctionExecutionResultMessage",
            "AssistantMessage",
            "FunctionExecutionResultMessage",
        ]
        assert transcript.messages[1] == UserMessage(content="Go.", source="anna")
        calls, results = transcript.messages[2:4]
        assert isinstance(calls, AssistantMessage)
        assert isinstance(results, FunctionExecutionResultMessage)
        assert calls.thought == "I look."
        assert [(each.name, each.content) for each in results.content] == [("f", "one"), ("g", "two")]
        assert transcript.calls() == [2, 4, 6]
    assert [tool["name"] for tool in transcripts(tmp_path / "b.json")[0].tools] == ["f"]


def test_images_of_openai(tmp_path: Path) -> None:
    """What is in the file is an image; what is elsewhere, or damaged, is named in its place."""
    picture = Image.from_pil(Pictures.new("RGB", (8, 8))).data_uri
    content = [{"type": "image_url", "image_url": {"url": url}} for url in (picture, "https://nowhere/a.png")]
    path = written(tmp_path / "a.json", [{"role": "user", "content": [{"type": "text", "text": "see"}, *content]}])
    (message,) = transcripts(path)[0].messages
    assert isinstance(message, UserMessage)
    assert [type(part).__name__ for part in message.content] == ["str", "Image", "str"]
    path = written(tmp_path / "b.json", [{"role": "user", "content": [*content[1:], {"type": "audio"}]}])
    assert transcripts(path)[0].messages == (UserMessage(content="", source="user"),)


def test_autogen_messages(tmp_path: Path) -> None:
    """A list, one to a line, or under `messages`, with tools in AutoGen's spelling."""
    messages = [SYSTEM, user("Go."), call("1"), result("1"), said("done")]
    values = [message.model_dump(mode="json") for message in messages]
    tool = {"name": "f", "description": "Looks.", "parameters": PARAMETERS}
    for path in (
        written(tmp_path / "a.json", values),
        lines(tmp_path / "a.jsonl", values),
        written(tmp_path / "b.json", {"messages": values, "tools": [tool, "no tool"], "name": "clerk"}),
    ):
        assert transcripts(path)[0].messages == tuple(messages)
    assert transcripts(tmp_path / "b.json")[0].name == "clerk"
    both = lines(tmp_path / "c.jsonl", [{"messages": values}, {"messages": list[object]()}, {"messages": values}])
    assert [each.name for each in transcripts(both)] == ["c 1", "c 3"]
    nested = written(tmp_path / "d.json", [{"messages": values}, {"messages": values}])
    assert [each.name for each in transcripts(nested)] == ["d 1", "d 2"]


def test_atif(tmp_path: Path) -> None:
    """Harbor's steps: what was said, called and observed."""
    steps: list[dict[str, object]] = [
        {"step_id": 1, "source": "system", "message": "Be brief."},
        {"step_id": 2, "source": "user", "message": "Go."},
        {
            "step_id": 3,
            "source": "agent",
            "message": "I look.",
            "tool_calls": [{"tool_call_id": "1", "function_name": "f", "arguments": {"a": 1}}],
            "observation": {"results": [{"source_call_id": "1", "content": "one"}]},
        },
        {"step_id": 4, "source": "agent", "message": "done"},
    ]
    trajectory = {"schema_version": "ATIF-v1.4", "agent": {"name": "coder", "tool_definitions": TOOLS}, "steps": steps}
    (transcript,) = transcripts(written(tmp_path / "a.json", trajectory))
    assert transcript.name == "coder"
    assert [tool["name"] for tool in transcript.tools] == ["f"]
    assert [type(message) for message in transcript.messages] == [
        SystemMessage,
        UserMessage,
        AssistantMessage,
        FunctionExecutionResultMessage,
        AssistantMessage,
    ]
    steps[1]["source"] = "moon"
    with pytest.raises(FileFormatError, match=r"a\.json: step 2 has no source of ATIF's: 'moon'"):
        transcripts(written(tmp_path / "a.json", trajectory))


def look(place: str = "quay") -> str:
    """Look at a place."""
    return f"ships at {place}"


@pytest.mark.parametrize("kind", ["round robin", "selector", "swarm", "graph", "magentic", "nested"])
async def test_the_state_of_each_kind_of_team(kind: str, tmp_path: Path) -> None:
    """Each agent's conversation and the team's thread are there, and weigh what the counter says."""
    async with OpenAIServer() as server, client_of(server) as client:
        one, two = (AssistantAgent(name, client, tools=[look], handoffs=["one", "two"]) for name in ("one", "two"))
        teams: Mapping[str, Team] = {
            "round robin": RoundRobinGroupChat([one, two], max_turns=2),
            "selector": SelectorGroupChat([one, two], client, max_turns=2, selector_func=lambda _: "one"),
            "swarm": Swarm([one, two], max_turns=2),
            "graph": GraphFlow([one, two], DiGraphBuilder().add_node(one).add_node(two).add_edge(one, two).build()),
            "magentic": MagenticOneGroupChat([one, two], client, max_turns=1),
            "nested": RoundRobinGroupChat(
                [SocietyOfMindAgent("society", RoundRobinGroupChat([one, two], max_turns=2), client)], max_turns=1
            ),
        }
        team = teams[kind]
        if kind == "magentic":  # the server's words are no ledger; the thread is in the state all the same
            with pytest.raises(Exception, match="LedgerEntry"):
                await team.run(task="Which ships came in?")
        else:
            await team.run(task="Which ships came in?")
        found = transcripts(written(tmp_path / "state.json", await team.save_state()))
    names = {each.name for each in found}
    assert any("Manager" in name or "Orchestrator" in name for name in names)
    if kind not in ("magentic", "nested"):  # a society resets its team after each answer
        assert any(name.endswith("one") for name in names)
    counter = TiktokenCounter("gpt-4o")
    for each in found:
        contents = contents_of(each, counter)
        assert contents.tokens == counter.tokens(
            Tally.sum((counter.measure_extras(each.tools), *map(counter.measure_message, each.messages)))
        )
        assert contents.tokens == sum(contents.layers.values()) == sum(contents.labels.values())


async def test_the_state_of_an_agent_under_budget(tmp_path: Path) -> None:
    """The wrapper's own key does no harm."""
    async with OpenAIServer() as server, client_of(server) as client:
        agent = BudgetedAgent(AssistantAgent("clerk", client), TokenBudget(500))
        await agent.run(task="Which ships came in?")
        (transcript,) = transcripts(written(tmp_path / "state.json", await agent.save_state()))
    assert transcript.name == "agent"
    assert len(transcript.messages) == 2


def test_threads_leave_out_what_nobody_is_sent(tmp_path: Path) -> None:
    """Events and empty messages; images and structured content are told as text."""
    thread = [
        {"type": "TextMessage", "source": "user", "content": "Go."},
        {"type": "ToolCallRequestEvent", "source": "one", "content": [{"id": "1"}]},
        {"type": "StopMessage", "source": "one"},
        {"type": "MultiModalMessage", "source": "one", "content": ["see", {"data": "..."}]},
        {"type": "StructuredMessage", "content": {"ships": 9}},
    ]
    state = {"type": "RoundRobinManagerState", "message_thread": thread}
    (transcript,) = transcripts(written(tmp_path / "state.json", state))
    assert [message.content for message in transcript.messages] == ["Go.", "see", '{"ships": 9}']


def test_records(tmp_path: Path) -> None:
    """A file of records gives records, one whole or several."""
    record = call_record()
    RecordFile(tmp_path / "x.jsonl")(record)
    assert list(read_file(tmp_path / "x.jsonl")) == [record]
    RecordFile(tmp_path / "x.jsonl")(record)
    assert list(read_file(tmp_path / "x.jsonl")) == [record, record]
    with (tmp_path / "x.jsonl").open("a") as file:
        file.write('\n{"version": 1, "ki')
    assert list(read_file(tmp_path / "x.jsonl")) == [record, record]


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.json", "", "a.json is empty"),
        ("a.json", " \n \n", "a.json is not JSON: line 3, column 1: Expecting value"),
        ("a.json", '{\n "messages": [\n', "a.json is not JSON: line 3, column 1"),
        ("a.json", '{"messages": []}', "a.json holds no messages"),
        ("a.json", "[]", "a.json holds no messages"),
        ("a.json", '"text"', "of no format that is known (str)"),
        ("a.json", '{"name": 1, "shape": 2}', "of no format that is known (name, shape)"),
        ("a.json", "[" * 100_000, "a.json is not JSON"),
        ("a.json", "\ufeff[]", "a.json holds no messages"),
        ("a.json", "[\n\x00", "a.json is not JSON: line 2, column 1"),
        ("a.json", '[{"role": "user", "content": "a"}, {"role": "moon"}]', "message 2 has no role of OpenAI's: 'moon'"),
        ("a.json", '[{"type": "UserMessage"}]', "message 1 is none of AutoGen's: Field required"),
        ("a.jsonl", '{"role": "user", "content": "a"}\n{"role', "truncated is left out"),
        ("a.jsonl", '{"role": "user", "content": "a"}\n{"role\n', "a.jsonl, line 2: not JSON"),
        ("a.jsonl", '{"role": "moon"}\n{}\n', "a.jsonl, line 1: of no format that is known (role)"),
        ("a.jsonl", '{"version": 9, "kind": "call"}\n{}\n', "a.jsonl, line 1: record version 9 is newer"),
        ("a.jsonl", "{", "a.jsonl, line 1: not JSON"),
        ("a.jsonl", '{"role": "user", "content": "a"}\n{"type": "UserMessage"}\n', "a.jsonl: message 2 has no role"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, text: str, complaint: str, tmp_path: Path) -> None:
    """The file, the line, and what is wrong."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    if complaint == "truncated is left out":
        assert len(transcripts(tmp_path / name)[0].messages) == 1
        return
    with pytest.raises(FileFormatError) as caught:
        list(read_file(tmp_path / name))
    assert complaint in str(caught.value)
    assert name in str(caught.value)


def test_large_files_are_streams_or_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are read one by one; one large value, or one large line, is refused with what to do."""
    monkeypatch.setattr("autogen_budget._sight._formats._read.MAX_DOCUMENT_BYTES", 300)
    monkeypatch.setattr("autogen_budget._sight._formats._read.MAX_LINE_BYTES", 290)
    path = lines(tmp_path / "a.jsonl", OPENAI * 50)
    told: list[int] = []
    (transcript,) = [each for each in read_file(path, told.append) if isinstance(each, Transcript)]
    assert len(transcript.messages) == 300
    assert sum(told) == path.stat().st_size
    with pytest.raises(FileFormatError, match=r"only files of lines can be larger.*jq"):
        list(read_file(written(tmp_path / "a.json", OPENAI)))
    lines(path, [{"role": "user", "content": "a"}, {"role": "user", "content": "a" * 300}])
    with pytest.raises(FileFormatError, match=r"line 2: longer than"):
        list(read_file(path))
    assert _formats.MAX_DOCUMENT_BYTES > 2**20


def test_the_calls_of_a_transcript() -> None:
    """Each answer had a call; so has an end without an answer; a beginning without a request had none."""
    assert Transcript("a", ()).calls() == []
    assert Transcript("a", (said("hello"), user("Go."))).calls() == [2]
    assert Transcript("a", (user("Go."), said("done"))).calls() == [1]
