"""Every caller of a model: what grows over a window without a wrapper stays under the cap with one, as a server counts.

Each caller is played twice at the same server, whose window holds the cap and a reply and not a token more.
"""

import io
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from autogen_agentchat.agents import AssistantAgent, BaseChatAgent, CodeExecutorAgent, SocietyOfMindAgent
from autogen_agentchat.base import Response, Team
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import BaseChatMessage, TextMessage
from autogen_agentchat.teams import MagenticOneGroupChat, RoundRobinGroupChat
from autogen_agentchat.tools import AgentTool, TeamTool
from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock, CodeExecutor, CodeResult
from autogen_core.models import AssistantMessage, ChatCompletionClient, LLMMessage
from autogen_ext.agents.magentic_one import MagenticOneCoderAgent  # pyright: ignore[reportMissingTypeStubs]  # AutoGen's extras ship no stubs
from PIL import Image as Picture

from autogen_budget import BudgetedAgent, BudgetedChatCompletionClient, CallRecord, Limits, TokenBudget
from servers import Answer, AnthropicServer, Call, OllamaServer, OpenAIServer, Received, Reply
from servers.clients import Server, client_of

pytestmark = pytest.mark.filterwarnings(
    "ignore:Pydantic serializer warnings:UserWarning",  # of AutoGen's client, about any structured output
    "ignore:No approval function set:UserWarning",  # the code runs in a test's own executor
    "ignore:Couldn't find ffmpeg:RuntimeWarning",  # of a library that reads audio
)

REPLY = 100
"""Tokens of a window beside the cap; the client asks for as many."""

Subject = BaseChatAgent | Team
ServerType = type[OpenAIServer] | type[AnthropicServer] | type[OllamaServer]


@dataclass(frozen=True)
class Kit:
    """What a caller is built from.

    Args:
        client (ChatCompletionClient): A client of the server.
        budget (TokenBudget | None): What agents and managers' clients are put under. `None` means nothing.
        folder (Path): Where files may be put.
    """

    client: ChatCompletionClient
    budget: TokenBudget | None
    folder: Path
    made: list[BudgetedAgent | BudgetedChatCompletionClient] = field(
        default_factory=list[BudgetedAgent | BudgetedChatCompletionClient]
    )

    def agent(self, agent: BaseChatAgent) -> BaseChatAgent:
        """An agent, under budget or as it is."""
        if self.budget is None:
            return agent
        self.made.append(BudgetedAgent(agent, self.budget, limits=Limits(max_repeats=None)))  # a script repeats itself
        return cast(BudgetedAgent, self.made[-1])

    @property
    def manager(self) -> ChatCompletionClient:
        """A team manager's client, under budget or as it is."""
        if self.budget is None:
            return self.client
        self.made.append(BudgetedChatCompletionClient(self.client, self.budget, purpose="orchestrator"))
        return cast(BudgetedChatCompletionClient, self.made[-1])

    @property
    def records(self) -> list[CallRecord]:
        """The records of all that was wrapped."""
        return [record for wrapper in self.made for record in wrapper.records]


@dataclass(frozen=True)
class Caller:
    """Somebody who calls a model, and a conversation that grows.

    Args:
        build (Callable[[Kit], Subject]): Makes the agent or team.
        reply (Callable[[Received], Reply]): What the model says.
        tasks (int): How many tasks it is given, one after the other.
        words (int): How long each of them is.
        cap (int): Tokens that a request may hold.
    """

    build: Callable[[Kit], Subject]
    reply: Callable[[Received], Reply] = lambda _: LONG
    tasks: int = 8
    words: int = 60
    cap: int = 1_500


LONG = "The pump was looked at and it lost pressure at the second valve. " * 10


async def play(
    caller: Caller, folder: Path, *, wraps: bool, server_type: ServerType = OpenAIServer
) -> tuple[Sequence[Received], Kit]:
    """The requests that reach a server; errors of a caller that is not wrapped are what the test is about."""
    async with AsyncExitStack() as stack:
        server: Server = server_type(window=caller.cap + REPLY)
        await stack.enter_async_context(server)
        client = await stack.enter_async_context(client_of(server, max_tokens=REPLY))
        server.reply_with(caller.reply)
        kit = Kit(client, TokenBudget(caller.cap) if wraps else None, folder)
        subject = caller.build(kit)
        for i in range(caller.tasks):
            with suppress(*(() if wraps else (Exception,))):
                await subject.run(task=f"Question {i}: " + "what about the valve? " * (caller.words // 4))
        return server.requests, kit


# -- who calls -------------------------------------------------------------------------------------------------------


def logbook(day: int) -> str:
    """Read the logbook of a day."""
    return f"day {day}: " + "wind NW, calm sea. " * 40


class Interpreter(CodeExecutor):
    """An executor whose code prints much, and fails every second time."""

    def __init__(self) -> None:
        self.runs = 0

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Prints much."""
        self.runs += 1
        return CodeResult(exit_code=self.runs % 2, output=f"run {self.runs}: " + "row of figures\n" * 100)

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    async def restart(self) -> None:
        """Nothing to restart."""


class Chronicler(BaseChatAgent):
    """An agent of a user's own, with a client and a history and no context of AutoGen's."""

    def __init__(self, client: ChatCompletionClient) -> None:
        super().__init__("chronicler", "Remembers everything.")
        self.llm = client
        self.history: list[LLMMessage] = []

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        """Text."""
        return (TextMessage,)

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        """Adds to the history, and sends all of it."""
        self.history += [message.to_model_message() for message in messages]
        result = await self.llm.create(self.history, cancellation_token=cancellation_token)
        assert isinstance(result.content, str)
        self.history.append(AssistantMessage(content=result.content, source=self.name))
        return Response(chat_message=TextMessage(content=result.content, source=self.name))

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        """Forgets."""
        self.history.clear()


def assistant(kit: Kit, name: str = "clerk", **options: Any) -> BaseChatAgent:
    """An assistant of the kit."""
    return kit.agent(AssistantAgent(name, kit.client, system_message=f"You are {name}.", **options))


def talker(kit: Kit) -> Subject:
    """An assistant without tools."""
    return assistant(kit)


def streamer(kit: Kit) -> Subject:
    """One that streams."""
    return assistant(kit, model_client_stream=True)


def reader(kit: Kit) -> Subject:
    """One with a tool, several calls in a row, and a last word."""
    return assistant(kit, tools=[logbook], max_tool_iterations=20, reflect_on_tool_use=True)


def streaming_reader(kit: Kit) -> Subject:
    """The same, streaming."""
    return assistant(kit, tools=[logbook], max_tool_iterations=20, reflect_on_tool_use=True, model_client_stream=True)


def reads(received: Received) -> Reply:
    """A call, as long as there are fewer than eight results; then an answer."""
    results = sum(message.get("role") == "tool" or "tool_result" in str(message) for message in received.messages)
    may_call = received.body.get("tool_choice") != {"type": "none"}  # Anthropic's client offers them all the same
    offered = may_call and any("logbook" in str(tool) for tool in received.tools)
    return Answer(calls=(Call("logbook", {"day": results}),)) if offered and results < 8 else "Calm."


def coder(kit: Kit) -> Subject:
    """One that writes code, tries again when it fails, and talks about what came out."""
    return kit.agent(CodeExecutorAgent("coder", Interpreter(), model_client=kit.client, max_retries_on_error=2))


def codes(received: Received) -> Reply:
    """Code, or the decision to try again."""
    if "response_format" in received.body:
        return Answer.json({"reason": "It failed.", "retry": True})
    return "```python\nprint('rows')\n```"


def society(kit: Kit) -> Subject:
    """A team that speaks as one; its last prompt ends with a system message."""
    talk = MaxMessageTermination(14)
    team = RoundRobinGroupChat([assistant(kit, "one"), assistant(kit, "two")], termination_condition=talk)
    return kit.agent(SocietyOfMindAgent("society", team=team, model_client=kit.client))


def magentic_coder(kit: Kit) -> Subject:
    """Magentic-One's coder."""
    return kit.agent(MagenticOneCoderAgent("coder", kit.client))


def chronicler(kit: Kit) -> Subject:
    """A user's own agent."""
    return kit.agent(Chronicler(kit.client))


def chief_of_agent(kit: Kit) -> Subject:
    """An agent whose tool is an agent that reads much."""
    scout = AgentTool(agent=assistant(kit, "scout", tools=[logbook], max_tool_iterations=20))
    return assistant(kit, "chief", tools=[scout], max_tool_iterations=3)


def chief_of_team(kit: Kit) -> Subject:
    """An agent whose tool is a team that talks much."""
    team = RoundRobinGroupChat(
        [assistant(kit, "one"), assistant(kit, "two")], termination_condition=MaxMessageTermination(8)
    )
    return assistant(kit, "chief", tools=[TeamTool(team=team, name="crew", description="Talks.")])


def sends(received: Received) -> Reply:
    """The chief sends for others, the scout reads, the crew talks."""
    names = str(received.tools)
    if "'crew'" in names or "'scout'" in names:
        asked = received.messages[-1]["role"] == "user"
        tool = "crew" if "'crew'" in names else "scout"
        return Answer(calls=(Call(tool, {"task": "Look at the logbook. " * 20}),)) if asked else LONG
    return reads(received) if "logbook" in names else LONG


def magentic(kit: Kit) -> Subject:
    """An orchestrator: facts, plan, ledgers and the final answer."""
    return MagenticOneGroupChat([assistant(kit, "sailor")], kit.manager, max_turns=8)


def orchestrates(received: Received) -> Reply:
    """A ledger that is never satisfied, and long words of everybody else."""
    if "response_format" not in received.body:
        return LONG
    answers: dict[str, object] = {
        "is_request_satisfied": False,
        "is_in_loop": False,
        "is_progress_being_made": True,
        "next_speaker": "sailor",
        "instruction_or_question": "Look at the valve. " * 10,
    }
    return Answer.json({name: {"reason": "It is so.", "answer": answer} for name, answer in answers.items()})


def file_surfer(kit: Kit) -> Subject:
    """Magentic-One's reader of files."""
    pytest.importorskip("markitdown", reason="FileSurfer needs markitdown")
    from autogen_ext.agents.file_surfer import FileSurfer  # pyright: ignore[reportMissingTypeStubs]  # AutoGen's extras ship no stubs

    (kit.folder / "log.txt").write_text("wind NW, calm sea\n" * 300, encoding="utf-8")
    return kit.agent(FileSurfer("surfer", kit.client, base_path=str(kit.folder)))


def opens(received: Received) -> Reply:
    """A look at the file."""
    return Answer(calls=(Call("open_path", {"path": "log.txt"}),))


class Page:
    """A web page without a browser: what Magentic-One's web surfer asks of it."""

    url = "http://127.0.0.1/"

    def __init__(self) -> None:
        buffer = io.BytesIO()
        Picture.new("RGB", (1440, 900)).save(buffer, "PNG")
        self._picture = buffer.getvalue()

    def on(self, event: str, handler: object) -> None:
        """Nothing happens on it."""

    async def nothing(self, *_: object, **__: object) -> None:
        """Whatever a browser would do."""

    set_viewport_size = add_init_script = goto = wait_for_load_state = nothing

    async def title(self) -> str:
        """Its title."""
        return "Harbour"

    async def screenshot(self) -> bytes:
        """A black picture."""
        return self._picture

    async def evaluate(self, script: str) -> object:
        """What its scripts would say."""
        sizes = dict.fromkeys(("height", "width", "offsetLeft", "offsetTop", "pageLeft", "pageTop", "scale"), 1)
        sizes |= dict.fromkeys(("clientWidth", "clientHeight", "scrollWidth", "scrollHeight"), 1)
        html = "<html><body>" + "".join(f"<p>Berth {i} is free until noon.</p>" for i in range(900)) + "</body></html>"
        answers = {
            "MultimodalWebSurfer.getInteractiveRects();": {},
            "MultimodalWebSurfer.getVisualViewport();": sizes,
            "MultimodalWebSurfer.getVisibleText();": "berths " * 50,
            "MultimodalWebSurfer.getPageMetadata();": {},
            "document.documentElement.outerHTML;": html,
        }
        return answers.get(script)


class Browser:
    """Opens such pages."""

    def set_default_timeout(self, timeout: float) -> None:
        """Nothing takes time."""

    async def new_page(self) -> Page:
        """A page."""
        return Page()


def web_surfer(kit: Kit) -> Subject:
    """Magentic-One's web surfer."""
    pytest.importorskip("playwright", reason="MultimodalWebSurfer needs playwright")
    pytest.importorskip("markitdown", reason="MultimodalWebSurfer needs markitdown")
    from autogen_ext.agents.web_surfer import MultimodalWebSurfer  # pyright: ignore[reportMissingTypeStubs]  # AutoGen's extras ship no stubs

    nothing: Any = object()
    browser: Any = Browser()
    return kit.agent(MultimodalWebSurfer("surfer", kit.client, playwright=nothing, context=browser))


def surfs(received: Received) -> Reply:
    """Asks for a summary of the page, which is given from as much of the page as fits."""
    return Answer(calls=(Call("summarize_page", {"reasoning": "It is long."}),)) if received.tools else LONG


CALLERS: dict[str, Caller] = {
    "assistant": Caller(talker),
    "assistant, streaming": Caller(streamer),
    "assistant with tools": Caller(reader, reads, tasks=2),
    "assistant with tools, streaming": Caller(streaming_reader, reads, tasks=2),
    "code executor": Caller(coder, codes, tasks=3),
    "society of mind": Caller(society, tasks=2),
    "Magentic-One's coder": Caller(magentic_coder, cap=2_000, tasks=14),
    "Magentic-One's file surfer": Caller(file_surfer, opens),
    "Magentic-One's web surfer": Caller(web_surfer, surfs, cap=4_000, tasks=12),
    "Magentic-One's orchestrator": Caller(magentic, orchestrates, tasks=1, cap=2_500),
    "a user's own agent": Caller(chronicler),
    "agent as a tool": Caller(chief_of_agent, sends, tasks=2),
    "team as a tool": Caller(chief_of_team, sends, tasks=2),
}


@pytest.mark.parametrize("name", CALLERS)
async def test_stays_under_the_cap(name: str, tmp_path: Path) -> None:
    """Unwrapped it is refused for its size; wrapped each request is accepted, within the cap; something was done."""
    caller = CALLERS[name]
    unwrapped, _ = await play(caller, tmp_path, wraps=False)
    assert any(not request.accepted and request.prompt_tokens > caller.cap for request in unwrapped)
    wrapped, kit = await play(caller, tmp_path, wraps=True)
    assert all(request.accepted for request in wrapped)
    assert max(request.prompt_tokens for request in wrapped) <= caller.cap
    assert len(kit.records) == len(wrapped)
    assert all(record.error is None for record in kit.records)
    assert any(record.steps for record in kit.records)


@pytest.mark.parametrize("server_type", [AnthropicServer, OllamaServer])
@pytest.mark.parametrize("name", ["assistant", "assistant, streaming", "assistant with tools", "a user's own agent"])
async def test_agents_of_other_providers_stay_under_the_cap(name: str, server_type: ServerType, tmp_path: Path) -> None:
    """The same with Anthropic's wire format, and with Ollama's, whose server cuts what is too long without a word."""
    caller = CALLERS[name]
    unwrapped, _ = await play(caller, tmp_path, wraps=False, server_type=server_type)
    assert any(not request.accepted or request.dropped_tokens for request in unwrapped)
    wrapped, kit = await play(caller, tmp_path, wraps=True, server_type=server_type)
    assert all(request.accepted and not request.dropped_tokens for request in wrapped)
    assert max(request.prompt_tokens for request in wrapped) <= caller.cap
    assert any(record.steps for record in kit.records)
