"""An agent that works without end: a model that calls a tool and reports, and notes each request it is sent."""

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, LLMMessage, ModelInfo, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import ArtifactStore, BudgetedAgent, TokenBudget

CAN_ALL = ModelInfo(vision=True, function_calling=True, json_output=True, family="unknown", structured_output=True)


def usage() -> RequestUsage:
    """What a model reports that reports nothing."""
    return RequestUsage(0, 0)


class Clerk(ReplayChatCompletionClient):
    """A model that looks one or two orders up and then answers; what it does follows from the request alone.

    Args:
        looks (int): How often it calls a tool before it answers.
        keep (bool): Whether to note the requests; a benchmark would measure them.
    """

    def __init__(self, *, looks: int = 2, keep: bool = True, model_info: ModelInfo = CAN_ALL) -> None:
        super().__init__([], model_info=model_info)
        self.looks = looks
        self.requests: list[list[dict[str, Any]]] = []
        self._keep = keep

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        """Look the next order up, or answer when there was enough of it since the user spoke."""
        if self._keep:
            self.requests.append([message.model_dump() for message in messages])
        asked = max((i for i, message in enumerate(messages) if message.type == "UserMessage"), default=0)
        done = sum(message.type == "FunctionExecutionResultMessage" for message in messages[asked:])
        question = str(getattr(messages[asked], "content", ""))
        number = sum(map(ord, question)) * 7_919 + done
        if done < self.looks:
            call = FunctionCall(id=f"c{number}", name="look", arguments=json.dumps({"order_id": f"#W{number}"}))
            return CreateResult(finish_reason="function_calls", content=[call], usage=usage(), cached=False)
        return CreateResult(finish_reason="stop", content=f"Order #W{number} is fine.", usage=usage(), cached=False)

    async def create_stream(
        self, messages: Sequence[LLMMessage], **options: Any
    ) -> AsyncGenerator[str | CreateResult, None]:
        """The same, in two pieces."""
        result = await self.create(messages, **options)
        if isinstance(result.content, str):
            yield result.content
        yield result


def look(order_id: str) -> str:
    """Look an order up."""
    number = order_id.removeprefix("#W")
    lines = [{"sku": f"S-{number}-{i}", "name": f"Lamp {i}", "price": i * 3.25} for i in range(3)]
    return json.dumps({"order_id": order_id, "email": f"u{number}@example.com", "status": "delivered", "lines": lines})


def clerk(
    client: Clerk,
    *,
    cap: int = 1_200,
    bounded: bool = False,
    store: ArtifactStore | None = None,
    name: str = "clerk",
    **options: Any,
) -> BudgetedAgent:
    """An assistant under budget who looks orders up."""
    assistant = AssistantAgent(name, client, tools=[look], max_tool_iterations=5, **options)
    return BudgetedAgent(assistant, TokenBudget(cap), bounded_memory=bounded, artifacts=store)


def through_json(state: Any) -> Any:
    """A state as it comes back from a file."""
    return json.loads(json.dumps(state))


def without_recalled(requests: Sequence[Sequence[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """Requests without what was recalled for them: after a load, that is read from the store, turn by turn no more."""
    heading = "[Recalled from earlier"
    return [[part for part in request if not str(part["content"]).startswith(heading)] for request in requests]
