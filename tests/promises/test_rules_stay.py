"""What was said to hold goes on holding: through a client, call by call, for as long as it fits."""

from collections.abc import Sequence

from autogen_core.models import CreateResult, LLMMessage, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient
from hypothesis import given, settings
from hypothesis import strategies as st

from autogen_budget import BudgetedChatCompletionClient, TokenBudget, pin
from builders import said, user
from profiles import examples

RULES = (
    "Never enter the room of number 7411.",
    "From now on, sign every letter as Harriet Quill.",
    "Spend at most 4,350 euros on the booth.",
    "Kundendaten dürfen niemals das Haus verlassen.",
    "以后所有报告必须先给王经理看。",
)
PINNED = "ACCEPTANCE: the hull is painted in the colour of slate."
TALK = "The tram was late again and the bandstand is painted green, as my cousin told me on the way. " * 3


class Listening(ReplayChatCompletionClient):
    """Answers anything, and remembers the last request."""

    request: Sequence[LLMMessage] = ()

    async def create(self, messages: Sequence[LLMMessage], *_: object, **__: object) -> CreateResult:
        """Note the request."""
        self.request = list(messages)
        return CreateResult(finish_reason="stop", content="ok", usage=RequestUsage(0, 0), cached=False)


@given(
    places=st.lists(st.integers(0, 24), min_size=6, max_size=6, unique=True),
    cap=st.integers(700, 1_500),
    end=st.integers(25, 32),
)
@settings(max_examples=examples(0.2), deadline=None)
async def test_rules_and_pins_survive_every_compaction(places: list[int], cap: int, end: int) -> None:
    """Wherever they are said, and whatever the cap: each stands in the last request word for word."""
    stated = dict(zip(places, (*RULES, PINNED), strict=True))
    model = Listening([])
    client = BudgetedChatCompletionClient(model, TokenBudget(cap), pins=[pin(contains="ACCEPTANCE")])
    messages: list[LLMMessage] = [user("Let us talk.")]
    for turn in range(end):
        messages += [said(f"I see, {turn}."), user(f"{TALK} {turn} {stated.get(turn, '')}")]
        await client.create(messages)
    assert any(record.steps for record in client.records), "the talk was never too long"
    sent = " ".join(str(message.content) for message in model.request)
    assert [rule for rule in (*RULES, PINNED) if rule not in sent] == []
