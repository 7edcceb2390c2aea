"""The drop-in proof: AutoGen's usage patterns run the same with wrappers as without, under a cap that never binds.

One thing differs on purpose: OpenAI's streams report no usage unless they are asked for it, and wrappers ask. So what
is compared with is a client that asks for it, too; what the difference is without it has a test of its own.
"""

import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import pytest
from autogen_agentchat.agents import (
    AssistantAgent,
    BaseChatAgent,
    CodeExecutorAgent,
    MessageFilterAgent,
    MessageFilterConfig,
    PerSourceFilter,
    SocietyOfMindAgent,
    UserProxyAgent,
)
from autogen_agentchat.base import TaskResult, Team
from autogen_agentchat.conditions import (
    HandoffTermination,
    MaxMessageTermination,
    SourceMatchTermination,
    TextMentionTermination,
)
from autogen_agentchat.messages import (
    BaseAgentEvent,
    BaseChatMessage,
    HandoffMessage,
    MultiModalMessage,
    StructuredMessage,
    TextMessage,
)
from autogen_agentchat.teams import (
    DiGraphBuilder,
    GraphFlow,
    MagenticOneGroupChat,
    RoundRobinGroupChat,
    SelectorGroupChat,
    Swarm,
)
from autogen_agentchat.tools import AgentTool, TeamTool
from autogen_agentchat.ui import Console
from autogen_core import CancellationToken, Image
from autogen_core.code_executor import CodeBlock, CodeExecutor, CodeResult
from autogen_core.memory import ListMemory, MemoryContent
from autogen_core.model_context import BufferedChatCompletionContext
from autogen_core.models import ChatCompletionClient, LLMMessage
from autogen_core.tools import FunctionTool, StaticWorkbench
from autogen_ext.models.openai import OpenAIChatCompletionClient
from PIL import Image as Picture
from pydantic import BaseModel

from autogen_budget import BudgetedAgent, BudgetedChatCompletionClient, CallRecord, RecordLog, TokenBudget, budget_team
from servers import Answer, Call, OpenAIServer, Received, Reply
from servers.clients import client_of

pytestmark = pytest.mark.filterwarnings(
    "ignore:Pydantic serializer warnings:UserWarning",  # of AutoGen's client, about any structured output
    "ignore:No approval function set:UserWarning",  # the code runs in a test's own executor
)

NEVER_BINDS = TokenBudget(100_000, reply_reserve=1_000)

Subject = BaseChatAgent | Team
Task = str | BaseChatMessage | Sequence[BaseChatMessage]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_USAGE = re.compile(r"prompt_tokens\W+\d+|completion_tokens\W+\d+")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^\"]*")


@dataclass(frozen=True)
class Kit:
    """What a scenario is built from: a model client, and what is put around agents and clients.

    Args:
        plain (ChatCompletionClient): The client of a server.
        wraps (bool): Whether agents and clients are put under budget.
        read_back (bool): Whether wrapped agents are offered the tool that reads what was cut.
    """

    plain: ChatCompletionClient
    wraps: bool
    read_back: bool = False
    made: list[BudgetedAgent | BudgetedChatCompletionClient] = field(
        default_factory=list[BudgetedAgent | BudgetedChatCompletionClient]
    )

    @property
    def client(self) -> ChatCompletionClient:
        """For an agent, which is wrapped itself."""
        return self.plain

    @property
    def manager(self) -> ChatCompletionClient:
        """For a team's manager, which has nothing but its client to wrap."""
        if not self.wraps:
            return self.plain
        self.made.append(BudgetedChatCompletionClient(self.plain, NEVER_BINDS))
        return cast(BudgetedChatCompletionClient, self.made[-1])

    def agent(self, agent: BaseChatAgent) -> BaseChatAgent:
        """An agent, under budget or as it is."""
        if not self.wraps:
            return agent
        self.made.append(BudgetedAgent(agent, NEVER_BINDS, read_back=self.read_back))
        return cast(BudgetedAgent, self.made[-1])

    @property
    def records(self) -> list[CallRecord]:
        """The records of all that was wrapped."""
        return [record for wrapper in self.made for record in wrapper.records]


@dataclass(frozen=True)
class Scenario:
    """A usage pattern.

    Args:
        build (Callable[[Kit], Subject]): Makes the agent or team.
        replies (Sequence[Reply] | Callable[[Received], Reply]): What the model says, in order or by request.
        tasks (Sequence[Task]): What is asked, one run after the other.
    """

    build: Callable[[Kit], Subject]
    replies: Sequence[Reply] | Callable[[Received], Reply]
    tasks: Sequence[Task] = ("Where did the ferry go?",)


@dataclass(frozen=True)
class Trace:
    """What can be seen of a run from outside, with ids and times made alike."""

    said: Sequence[str]
    sent: Sequence[str]
    state: str
    usage: tuple[object, object]


def alike(value: object) -> str:
    """A value as JSON, without ids, times and our own key in a state."""
    return _TIME.sub("<time>", _UUID.sub("<id>", json.dumps(without_our_key(value), default=str)))


def without_our_key(value: object) -> object:
    """The value, less what the wrapper adds to an agent's state."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return {key: without_our_key(part) for key, part in items if key != "autogen_budget"}
    if isinstance(value, (list, tuple)):
        return [without_our_key(part) for part in cast("Sequence[object]", value)]
    return value


def in_words(item: BaseAgentEvent | BaseChatMessage | TaskResult) -> str:
    """What a run said: its class and all that it holds."""
    if isinstance(item, TaskResult):
        return alike(["TaskResult", [in_words(message) for message in item.messages], item.stop_reason])
    return alike([type(item).__name__, item.dump()])


class Asking(OpenAIChatCompletionClient):
    """Asks for the usage of streams."""

    async def create_stream(self, messages: Sequence[LLMMessage], **options: Any) -> AsyncGenerator[Any, None]:
        """With the argument that the service wants for it."""
        options["extra_create_args"] = {**options.get("extra_create_args", {}), **ASK}
        async for item in super().create_stream(messages, **options):
            yield item


ASK = {"stream_options": {"include_usage": True}}


async def run(
    scenario: Scenario, *, wraps: bool, read_back: bool = False, asks: bool | None = None
) -> tuple[Trace, Kit]:
    """Play a scenario at a server of its own, with a client that asks for the usage of streams if nothing else does."""
    make = Asking if (not wraps if asks is None else asks) else OpenAIChatCompletionClient
    async with OpenAIServer() as server:
        client = make(model="gpt-4o", base_url=server.base_url, api_key="x", max_retries=0)
        if callable(scenario.replies):
            server.reply_with(scenario.replies)
        else:
            server.script(*scenario.replies)
        kit = Kit(client, wraps, read_back)
        subject = scenario.build(kit)
        said: list[str] = []
        for task in scenario.tasks:
            said += [in_words(item) async for item in subject.run_stream(task=task)]
        state = alike(await subject.save_state())
        assert all(request.accepted for request in server.requests)
        sent = [alike(request.body) for request in server.requests]
        usage = (client.actual_usage(), client.total_usage())
        await client.close()
        return Trace(said, sent, state, usage), kit


# -- what agents work with -------------------------------------------------------------------------------------------


def timetable(line: str) -> str:
    """Look up when a ferry leaves.

    Args:
        line: The line's name.
    """
    if line == "closed":
        raise ValueError("no such line")
    return f"{line}: 08:15, 12:40, 17:05"


async def weather(place: str, hours: int = 6) -> dict[str, object]:
    """Look up the weather at sea."""
    return {"place": place, "hours": hours, "wind": "NW 5"}


class Port(BaseModel):
    """A structured answer."""

    name: str
    country: Literal["SE", "DK", "unknown"]
    berths: list[int]


class Interpreter(CodeExecutor):
    """An executor that fails at the first block that says so."""

    def __init__(self) -> None:
        self.ran = 0

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Counts what it is given."""
        self.ran += len(code_blocks)
        failed = any("raise" in block.code for block in code_blocks)
        return CodeResult(exit_code=int(failed), output=f"block {self.ran} {'failed' if failed else 'printed 42'}")

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    async def restart(self) -> None:
        """Nothing to restart."""


def ask(*calls: tuple[str, dict[str, object]], text: str | None = None) -> Answer:
    """The model calls functions, in parallel when there are several."""
    return Answer(text, calls=tuple(Call(name, arguments) for name, arguments in calls))


ONE_CALL = ask(("timetable", {"line": "north"}))
TWO_CALLS = ask(("timetable", {"line": "south"}), ("weather", {"place": "sound"}), text="Let me look at both.")


# -- single agents ---------------------------------------------------------------------------------------------------


def assistant(kit: Kit, name: str = "clerk", **options: object) -> BaseChatAgent:
    """An assistant of the kit; its instructions hold its name."""
    instructions = f"You are {name}. Be brief."
    make = cast("Callable[..., AssistantAgent]", AssistantAgent)
    return kit.agent(make(name, kit.client, system_message=instructions, description=f"The {name}.", **options))


def with_tools(kit: Kit) -> Subject:
    """Tools whose results are the answer."""
    return assistant(kit, tools=[timetable, weather])


def with_reflection(kit: Kit) -> Subject:
    """Tools whose results the model puts into words."""
    return assistant(kit, tools=[timetable, FunctionTool(weather, description="Wind.")], reflect_on_tool_use=True)


def with_iterations(kit: Kit) -> Subject:
    """Tools called until the model has what it needs."""
    return assistant(kit, tools=[timetable, weather], max_tool_iterations=5)


def with_workbench(kit: Kit) -> Subject:
    """Tools in a workbench of their own."""
    benches = [StaticWorkbench([FunctionTool(tool, description="Ask it.")]) for tool in (timetable, weather)]
    return assistant(kit, workbench=benches, max_tool_iterations=3)


def with_memory(kit: Kit) -> Subject:
    """What is known is put before each answer."""
    facts = [MemoryContent(content=text, mime_type="text/plain") for text in ("No ferry on Sundays.", "Harbour 3.")]
    return assistant(kit, memory=[ListMemory("facts", facts)])


def with_structure(kit: Kit) -> Subject:
    """An answer of a given form."""
    return assistant(kit, output_content_type=Port)


def with_structure_after_tools(kit: Kit) -> Subject:
    """An answer of a given form about what tools said."""
    tool = FunctionTool(timetable, description="Look it up.", strict=True)
    return assistant(kit, tools=[tool], output_content_type=Port, reflect_on_tool_use=True)


def with_streaming(kit: Kit) -> Subject:
    """An answer word by word, tools included."""
    return assistant(kit, tools=[timetable, weather], model_client_stream=True, reflect_on_tool_use=True)


def with_short_context(kit: Kit) -> Subject:
    """A context of AutoGen's own that holds the latest messages alone."""
    return assistant(kit, model_context=BufferedChatCompletionContext(buffer_size=2))


def with_handoff(kit: Kit) -> Subject:
    """An agent that passes on what it cannot do, and what it did meanwhile."""
    return assistant(kit, tools=[timetable], handoffs=["captain"])


def coder(kit: Kit) -> Subject:
    """An agent that writes and runs code, tries again, and says what came out."""
    return kit.agent(
        CodeExecutorAgent("coder", Interpreter(), model_client=kit.client, max_retries_on_error=1, description="Codes.")
    )


def runner(kit: Kit) -> Subject:
    """An agent that runs what others wrote, beside one that writes."""
    return RoundRobinGroupChat(
        [assistant(kit, "writer"), kit.agent(CodeExecutorAgent("runner", Interpreter()))],
        termination_condition=TextMentionTermination("done") | MaxMessageTermination(6),
    )


# -- teams -----------------------------------------------------------------------------------------------------------


def round_robin(kit: Kit) -> Subject:
    """In turns, until a word is said."""
    return RoundRobinGroupChat(
        [assistant(kit, "poet", tools=[timetable]), assistant(kit, "critic")],
        termination_condition=TextMentionTermination("APPROVE") | MaxMessageTermination(12),
    )


def with_person(kit: Kit) -> Subject:
    """An agent and a person in turns."""
    person = UserProxyAgent("person", input_func=lambda prompt: f"go on ({len(prompt)})")
    stop = SourceMatchTermination(["person"]) & MaxMessageTermination(5)
    return RoundRobinGroupChat([assistant(kit), person], termination_condition=stop)


def selector(kit: Kit) -> Subject:
    """A model chooses who speaks, and is asked again when it names nobody."""
    return SelectorGroupChat(
        [assistant(kit, "planner"), assistant(kit, "sailor", tools=[timetable])],
        kit.manager,
        termination_condition=MaxMessageTermination(5),
        allow_repeated_speaker=True,
    )


def streaming_selector(kit: Kit) -> Subject:
    """The same, word by word."""
    return SelectorGroupChat(
        [assistant(kit, "planner"), assistant(kit, "sailor")],
        kit.manager,
        termination_condition=TextMentionTermination("Aye"),
        model_client_streaming=True,
        emit_team_events=True,
    )


def swarm(kit: Kit) -> Subject:
    """Agents hand over to each other and to the user."""
    return Swarm(
        [
            assistant(kit, "desk", handoffs=["refunds"]),
            assistant(kit, "refunds", handoffs=["desk", "user"], tools=[timetable]),
        ],
        termination_condition=HandoffTermination(target="user") | TextMentionTermination("DONE"),
    )


def graph(kit: Kit) -> Subject:
    """Two look at a draft at once, one joins what they found, sends it back once, and then passes it on."""
    names = ("writer", "tone", "facts", "editor", "printer")
    writer, tone, facts, editor, printer = (assistant(kit, name) for name in names)
    builder = DiGraphBuilder()
    for node in (writer, tone, facts, editor, printer):
        builder.add_node(node)
    builder.add_edge(writer, tone).add_edge(writer, facts)
    builder.add_edge(tone, editor, activation_group="review").add_edge(facts, editor, activation_group="review")
    builder.add_edge(editor, writer, condition=lambda message: "REVISE" in message.to_model_text())
    builder.add_edge(editor, printer, condition="fine")
    builder.set_entry_point(writer)
    return GraphFlow(builder.get_participants(), graph=builder.build(), termination_condition=MaxMessageTermination(20))


def graph_replies(received: Received) -> Reply:
    """What each of the graph's agents says; one of the two in the middle is slower."""
    names = ("writer", "tone", "facts", "editor", "printer")
    who = next(name for name in names if f"You are {name}." in str(received.messages[0]))
    drafts = sum(message.get("name") == "writer" for message in received.messages)
    verdict = "REVISE" if drafts == 1 else "fine"
    said = {"writer": "A draft.", "tone": "Friendly.", "facts": "Two errors.", "editor": verdict, "printer": "Printed."}
    return Answer(said[who], delay=0.1 if who == "facts" else 0)


def filtered(kit: Kit) -> Subject:
    """An agent under budget that hears a part of what is said."""
    hears = MessageFilterConfig(per_source=[PerSourceFilter(source="poet", position="last", count=1)])
    critic = MessageFilterAgent(name="critic", wrapped_agent=assistant(kit, "critic"), filter=hears)
    return RoundRobinGroupChat([assistant(kit, "poet"), critic], termination_condition=MaxMessageTermination(5))


def society(kit: Kit) -> Subject:
    """A team that speaks as one."""
    team = RoundRobinGroupChat(
        [assistant(kit, "poet"), assistant(kit, "critic")], termination_condition=MaxMessageTermination(3)
    )
    return kit.agent(SocietyOfMindAgent("society", team=team, model_client=kit.client))


def society_in_a_team(kit: Kit) -> Subject:
    """A team that speaks as one, in a team."""
    return RoundRobinGroupChat(
        [cast(BaseChatAgent, society(kit)), assistant(kit, "editor")], termination_condition=MaxMessageTermination(3)
    )


def nested(kit: Kit) -> Subject:
    """A team in a team."""
    inner = RoundRobinGroupChat(
        [assistant(kit, "poet"), assistant(kit, "critic")],
        termination_condition=MaxMessageTermination(2),
        name="inner",
        description="Writes.",
    )
    return RoundRobinGroupChat([inner, assistant(kit, "editor")], termination_condition=MaxMessageTermination(6))


def agent_tool(kit: Kit) -> Subject:
    """An agent as the tool of another."""
    tool = AgentTool(agent=assistant(kit, "scout", tools=[timetable], max_tool_iterations=2))
    return assistant(kit, "chief", tools=[tool], max_tool_iterations=4)


def team_tool(kit: Kit) -> Subject:
    """A team as the tool of an agent."""
    team = RoundRobinGroupChat(
        [assistant(kit, "poet"), assistant(kit, "critic")], termination_condition=MaxMessageTermination(3)
    )
    tool = TeamTool(team=team, name="writers", description="They write.", return_value_as_last_message=True)
    return assistant(kit, "chief", tools=[tool], reflect_on_tool_use=True)


def magentic(kit: Kit) -> Subject:
    """An orchestrator with facts, a plan, a ledger and a final answer."""
    return MagenticOneGroupChat([assistant(kit, "sailor", tools=[timetable])], kit.manager, max_turns=6)


def structured_team(kit: Kit) -> Subject:
    """A structured message among others."""
    return RoundRobinGroupChat(
        [assistant(kit, "poet"), assistant(kit, "harbourmaster", output_content_type=Port)],
        termination_condition=MaxMessageTermination(3),
        custom_message_types=[StructuredMessage[Port]],
    )


def ledger(*, done: bool) -> Answer:
    """What an orchestrator notes about progress."""
    answers: dict[str, object] = {
        "is_request_satisfied": done,
        "is_in_loop": False,
        "is_progress_being_made": True,
        "next_speaker": "sailor",
        "instruction_or_question": "Look at the timetable.",
    }
    return Answer.json({name: {"reason": "It is so.", "answer": answer} for name, answer in answers.items()})


PORT = Answer.json({"name": "Ystad", "country": "SE", "berths": [1, 2]})

PICTURE = MultiModalMessage(content=["What is this?", Image.from_pil(Picture.new("RGB", (8, 8)))], source="user")

SCENARIOS: dict[str, Scenario] = {
    "tools": Scenario(with_tools, [TWO_CALLS, "At 12:40."], ["Which ferry?", "And then?"]),
    "a failing tool": Scenario(with_reflection, [ask(("timetable", {"line": "closed"})), "There is no such line."]),
    "reflection": Scenario(with_reflection, [ONE_CALL, "At 08:15.", TWO_CALLS, "NW 5."], ["When?", "And the wind?"]),
    "iterations": Scenario(
        with_iterations, [ONE_CALL, TWO_CALLS, "Take the one at 12:40.", "Yes."], ["When?", "Sure?"]
    ),
    "workbenches": Scenario(with_workbench, [ONE_CALL, TWO_CALLS, "Both fine."]),
    "memory": Scenario(with_memory, ["Not today.", "Harbour 3."], ["Is there one?", "Where?"]),
    "structured output": Scenario(with_structure, [PORT, PORT], ["Which port?", "Again?"]),
    "structured output after tools": Scenario(with_structure_after_tools, [ONE_CALL, PORT]),
    "streaming": Scenario(with_streaming, [TWO_CALLS, "Both are fine today.", "Yes, they are."], ["How?", "Sure?"]),
    "a short context": Scenario(with_short_context, ["one", "two", "three"], ["a", "b", "c"]),
    "a hand-off": Scenario(
        with_handoff, [ask(("timetable", {"line": "north"}), ("transfer_to_captain", {})), "Yes."], ["Sail!", "Sure?"]
    ),
    "several messages and an image": Scenario(
        with_memory, ["A black square."], [[TextMessage(content="Look here.", source="user"), PICTURE]]
    ),
    "code": Scenario(
        coder,
        [
            "```python\nraise SystemExit(1)\n```",
            Answer.json({"retry": True, "reason": "It failed."}),
            "```python\nprint(42)\n```",
            "It is 42.",
        ],
    ),
    "code of others": Scenario(runner, ["```python\nprint(42)\n```", "done"]),
    "round robin": Scenario(
        round_robin, [ONE_CALL, "Longer.", "A poem.", "APPROVE", "Another.", "APPROVE"], ["A poem!", "One more!"]
    ),
    "a person": Scenario(with_person, ["Hello.", "Well."]),
    "selector": Scenario(
        selector, ["planner", "A plan.", "nobody", "sailor", ONE_CALL, "planner", "Well.", "sailor", "Aye."]
    ),
    "selector, streaming": Scenario(streaming_selector, ["planner", "A plan.", "sailor", "Aye."]),
    "swarm": Scenario(
        swarm,
        [
            ask(("transfer_to_refunds", {})),
            ask(("timetable", {"line": "east"}), ("transfer_to_user", {})),
            "DONE",
        ],
        ["I want a refund.", HandoffMessage(source="user", target="refunds", content="Ticket 7.")],
    ),
    "graph": Scenario(graph, graph_replies),
    "a filter": Scenario(filtered, ["A poem.", "Longer.", "A long poem.", "Fine."]),
    "society of mind": Scenario(society, ["A poem.", "Fine.", "The poem.", "Two.", "Done."], ["A", "B"]),
    "society in a team": Scenario(society_in_a_team, ["A poem.", "Fine.", "The poem.", "Printed."]),
    "nested": Scenario(nested, ["A poem.", "Fine.", "Printed.", "Another.", "Good."]),
    "agent as a tool": Scenario(
        agent_tool, [ask(("scout", {"task": "Look."})), ONE_CALL, "At 08:15.", "It leaves at 08:15."]
    ),
    "team as a tool": Scenario(team_tool, [ask(("writers", {"task": "Write."})), "A poem.", "Fine.", "They wrote it."]),
    "magentic": Scenario(
        magentic,
        ["No facts.", "Ask the sailor.", ledger(done=False), ONE_CALL, ledger(done=True), "It leaves at 08:15."],
    ),
    "structure in a team": Scenario(structured_team, ["A poem.", PORT]),
}


@pytest.mark.parametrize("name", SCENARIOS)
async def test_runs_the_same(name: str) -> None:
    """What is said, sent, saved and used is equal, and each request went through a wrapper, which changed nothing."""
    before, _ = await run(SCENARIOS[name], wraps=False)
    after, kit = await run(SCENARIOS[name], wraps=True)
    assert list(after.said) == list(before.said)
    assert list(after.sent) == list(before.sent)
    assert after.state == before.state
    assert after.usage == before.usage
    assert len(kit.records) == len(after.sent) > 0
    assert all(record.steps == () and record.error is None for record in kit.records)


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if not callable(scenario.replies)])
async def test_every_reply_is_used(name: str) -> None:
    """The scenarios are what they claim to be: each scripted reply was asked for."""
    scenario = SCENARIOS[name]
    trace, _ = await run(scenario, wraps=False)
    assert not callable(scenario.replies)
    assert len(trace.sent) == len(scenario.replies)


async def test_the_graph_goes_round_once() -> None:
    """Four agents look at the draft twice, and a fifth prints it."""
    trace, _ = await run(SCENARIOS["graph"], wraps=True)
    assert len(trace.sent) == 4 + 4 + 1


@pytest.mark.parametrize("name", ["tools", "workbenches", "streaming", "agent as a tool"])
async def test_the_tool_that_reads_back_is_the_only_difference(name: str) -> None:
    """By default a request that offers tools offers one more, behind them; nothing else in it changes."""
    before, _ = await run(SCENARIOS[name], wraps=False)
    after, _ = await run(SCENARIOS[name], wraps=True, read_back=True)
    offered = 0
    for plain, wrapped in zip(before.sent, after.sent, strict=True):
        body = json.loads(wrapped)
        if "tools" in body:
            assert body["tools"].pop()["function"]["name"] == "read_artifact"
            offered += 1
        assert body == json.loads(plain)
    assert offered


@pytest.mark.parametrize(
    "name",
    ["a person", "selector, streaming", "graph", "a filter", "nested", "structure in a team", "society in a team"],
)
async def test_a_whole_team_runs_the_same(name: str) -> None:
    """`budget_team` is a drop-in as well: where nobody has tools, not a byte is different."""
    before, _ = await run(SCENARIOS[name], wraps=False)
    log = RecordLog()
    after, _ = await run(with_whole_team(SCENARIOS[name], log), wraps=False, asks=False)
    assert after == before
    records = log.calls
    assert len(records) == len(after.sent) > 0


@pytest.mark.parametrize("name", ["round robin", "selector", "swarm", "magentic"])
async def test_a_whole_team_with_tools_is_offered_one_more(name: str) -> None:
    """Where somebody has tools, what they put out may be read back by all; nothing else is different."""
    before, _ = await run(SCENARIOS[name], wraps=False)
    after, _ = await run(with_whole_team(SCENARIOS[name], RecordLog()), wraps=False)
    offered = 0
    for plain, wrapped in zip(before.sent, after.sent, strict=True):
        body, expected = json.loads(wrapped), json.loads(plain)
        if "tools" in body:
            own = [tool for tool in body["tools"] if tool["function"]["name"] != "read_artifact"]
            offered += len(body["tools"]) - len(own)
            body["tools"] = own
        if not body.get("tools"):  # an agent without tools of its own
            body.pop("tools", None)
            body.pop("tool_choice", None)
        assert body == expected
    assert offered
    assert [_USAGE.sub("", text) for text in after.said] == [_USAGE.sub("", text) for text in before.said]


def with_whole_team(scenario: Scenario, records: RecordLog) -> Scenario:
    """The same, with its team put under budget as a whole."""

    def build(kit: Kit) -> Subject:
        team = scenario.build(kit)
        assert isinstance(team, Team)
        return budget_team(team, NEVER_BINDS, hooks=[records.add])

    return replace(scenario, build=build)


@pytest.mark.parametrize("name", ["streaming", "selector, streaming"])
async def test_the_usage_of_streams_is_the_only_difference(name: str) -> None:
    """Beside a client that does not ask, a wrapper's requests hold one option more, and messages tell what was used."""
    before, _ = await run(SCENARIOS[name], wraps=False, asks=False)
    after, _ = await run(SCENARIOS[name], wraps=True)
    for plain, wrapped in zip(before.sent, after.sent, strict=True):
        body = json.loads(wrapped)
        assert not body["stream"] or body.pop("stream_options") == ASK["stream_options"]
        assert body == json.loads(plain)
    assert [_USAGE.sub("", text) for text in after.said] == [_USAGE.sub("", text) for text in before.said]
    assert after.usage != before.usage


async def test_the_console_prints_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """`Console` shows a wrapped team's run as it shows the team's."""
    printed: list[str] = []
    for wraps in (False, True):
        async with OpenAIServer() as server, client_of(server) as client:
            server.script(ONE_CALL, "Longer.", "A poem.", "APPROVE")
            result = await Console(round_robin(Kit(client, wraps)).run_stream(task="A poem!"))
            assert isinstance(result, TaskResult)
            printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "APPROVE" in printed[0]


def test_a_filter_around_an_agent_is_not_wrapped_itself() -> None:
    """A filter around somebody who calls no model holds nothing to put under budget."""
    kit = Kit(cast(ChatCompletionClient, None), wraps=True)
    person = UserProxyAgent("person")
    hears_all = MessageFilterAgent(name="f", wrapped_agent=person, filter=MessageFilterConfig(per_source=[]))
    with pytest.raises(ValueError, match="holds no ChatCompletionClient"):
        kit.agent(hears_all)
