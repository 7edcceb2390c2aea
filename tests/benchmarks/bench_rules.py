"""What of a user's rules, limits, facts, goals and preferences survives many compactions with talk in between.

Chats of filler, in which a user also states things that shall hold, in his own words; some are replaced later. Each
chat goes through one client call by call; caps are shares of the whole transcript. A statement survives if its words
stand in the last request; a replaced one is stale if its old value stands in what this library tells of earlier turns.

    python tests/benchmarks/bench_rules.py [--chats 6] [--share 0.1 --share 0.2 --share 0.3]
"""

import argparse
import asyncio
import logging
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autogen_core.models import AssistantMessage, CreateResult, LLMMessage, RequestUsage, UserMessage
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import BudgetedChatCompletionClient, TiktokenCounter, TokenBudget

COUNTER = TiktokenCounter()
EXCHANGES = 120
"""Questions with answers in a chat: more than five compactions at each share."""


@dataclass(frozen=True)
class Statement:
    """Something a user states.

    Args:
        kind (str): What it is.
        said (str): How it is said.
        keys (tuple[str, ...]): Words that must stand together for it to have survived.
        replaces (str): The value that it replaces; empty where it replaces none.
    """

    kind: str
    said: str
    keys: tuple[str, ...]
    replaces: str = ""


STATEMENTS: Sequence[Sequence[Statement]] = (
    (
        Statement("rule", "One thing up front: never send anything to the press without asking me.", ("press",)),
        Statement("rule", "From now on, sign every letter as Harriet Quill.", ("Harriet Quill",)),
        Statement("rule", "Nobody but Dr. Osei may see the lab reports.", ("Osei", "lab reports")),
        Statement("limit", "We can spend at most 4,350 euros on the booth.", ("4,350",)),
        Statement("limit", "The cap for a taxi is $38.", ("$38",)),
        Statement("limit", "The cap for a taxi is now $52.", ("$52",), replaces="$38"),
        Statement("limit", "Everything has to be signed by 17 October, no later.", ("17 October",)),
        Statement("fact", "My membership number is KX-40917.", ("KX-40917",)),
        Statement("fact", "The landlord's name is Benedikt Aurelian.", ("Benedikt Aurelian",)),
        Statement("fact", "Our contract runs out on 2027-03-31.", ("2027-03-31",)),
        Statement("goal", "The goal of all this is to open the Leith branch before Easter.", ("Leith", "Easter")),
        Statement("goal", "We have decided to build it in larch, not in oak.", ("larch",)),
        Statement("preference", "I prefer an aisle seat near the front.", ("aisle",)),
        Statement("preference", "Please call me Rosie, not Rosalind.", ("Rosie",)),
        Statement("preference", "I would rather be written to than rung up.", ("written to",)),
    ),
    (
        Statement("rule", "Don't ever book anything on a Sunday.", ("Sunday",)),
        Statement("rule", "Answer in metric units only.", ("metric",)),
        Statement("rule", "You may order parts without asking as long as they cost under 75 pounds.", ("75 pounds",)),
        Statement("limit", "Keep each summary under 140 words.", ("140 words",)),
        Statement("limit", "The deadline for the grant is 9 May.", ("9 May",)),
        Statement(
            "limit", "They moved it: the deadline for the grant is 23 May instead.", ("23 May",), replaces="9 May"
        ),
        Statement("limit", "The crew must not exceed 11 people.", ("11 people",)),
        Statement("fact", "The alarm code at the shed is 5582.", ("5582",)),
        Statement("fact", "My accountant is Ingrid Solheim, ingrid@solheim.example.", ("ingrid@solheim.example",)),
        Statement("fact", "The boat is moored at pier 14.", ("pier 14",)),
        Statement("goal", "What I'm aiming for is a half marathon in under 1:55.", ("1:55",)),
        Statement("goal", "Let's go with the second draft, the one called Harbour Light.", ("Harbour Light",)),
        Statement("preference", "I'm allergic to walnuts, by the way.", ("walnuts",)),
        Statement("preference", "I like my reports as bullet points.", ("bullet points",)),
        Statement("preference", "No music in the videos, I can't stand it.", ("music",)),
    ),
    (
        Statement("rule", "Ab jetzt bitte alle Antworten auf Deutsch und ohne Anglizismen.", ("Anglizismen",)),
        Statement("rule", "Kundendaten dürfen niemals das Haus verlassen.", ("Kundendaten",)),
        Statement("limit", "Das Budget beträgt höchstens 2.700 Franken.", ("2.700",)),
        Statement("limit", "Das Budget beträgt jetzt höchstens 3.900 Franken.", ("3.900",), replaces="2.700"),
        Statement("limit", "Il ne faut jamais dépasser 60 pages.", ("60 pages",)),
        Statement("limit", "El plazo termina el 12 de junio.", ("12 de junio",)),
        Statement("fact", "Meine Kundennummer lautet ZR-77120.", ("ZR-77120",)),
        Statement("fact", "Mon adresse est 8 rue des Acacias.", ("8 rue des Acacias",)),
        Statement("goal", "Unser Ziel ist die Eröffnung am 3. April.", ("3. April",)),
        Statement("preference", "Ich bevorzuge Termine am Vormittag.", ("Vormittag",)),
        Statement("rule", "以后所有报告必须先给王经理看。", ("王经理",)),
        Statement("limit", "预算上限是48000元。", ("48000",)),
    ),
)

FILLER = (
    "I walked past the {a} this morning and it was {b}. Have you heard how they make {c}? My friend talks of nothing "
    "else since {d}.",
    "Tell me about {c}. We talked about the {a} at lunch and someone said that it is {b}, which surprised us.",
    "The weather is {b} again. I read a chapter about {c} and thought of the {a} near {d}. What is it used for?",
    "We had {d} over for dinner and the talk came to {c}. How old is the {a}, do you think? It looks {b}.",
)
A = (
    "old mill",
    "bandstand",
    "tram depot",
    "orangery",
    "boathouse",
    "clock tower",
    "fish ladder",
    "viaduct",
    "dovecote",
)
B = ("rather grey", "full of people", "quite empty", "covered in moss", "louder than usual", "painted green", "closed")
C = (
    "marmalade",
    "felt hats",
    "slide rules",
    "paper boats",
    "church bells",
    "sourdough",
    "bicycle chains",
    "glass eyes",
)
D = ("the autumn", "the fair", "my cousin", "last winter", "the concert", "the holidays", "the strike", "Aunt Mabel")
ANSWER = (
    "There is much to say about {c}. In most places {c} came up when people had time on their hands, and the {a} "
    "is a fine example of what was built then. Some say that it was {b} from the start; others think of {d} when they "
    "see it. If you like, I can go into the tools, the people and the {n} steps it takes, or into how it is done today."
)


def chat(statements: Sequence[Statement], seed: int) -> Iterator[LLMMessage]:
    """A long chat: what is stated stands in its first two thirds, replacements later than what they replace."""
    rng = random.Random(seed)
    places = sorted(rng.sample(range(3, EXCHANGES * 2 // 3), len(statements)))
    stated = dict(zip(places, statements, strict=True))
    for i in range(EXCHANGES):
        words = {
            "a": rng.choice(A),
            "b": rng.choice(B),
            "c": rng.choice(C),
            "d": rng.choice(D),
            "n": rng.randint(3, 40),
        }
        said = rng.choice(FILLER).format(**words)
        if i in stated:
            said = f"{said} {stated[i].said}" if rng.random() < 0.5 else f"{stated[i].said} {said}"
        yield UserMessage(content=said, source="user")
        yield AssistantMessage(content=ANSWER.format(**words), source="assistant")
    yield UserMessage(content="Good. What shall we talk about next?", source="user")


class Listening(ReplayChatCompletionClient):
    """A model that remembers the last request."""

    def __init__(self) -> None:
        super().__init__([])
        self.request: Sequence[LLMMessage] = ()

    async def create(self, messages: Sequence[LLMMessage], *_: object, **__: object) -> CreateResult:
        """Answer anything."""
        self.request = list(messages)
        return CreateResult(finish_reason="stop", content="ok", usage=RequestUsage(0, 0), cached=False)


async def survivors(statements: Sequence[Statement], seed: int, share: float, found: Counter[str]) -> int:
    """Play a chat through a client and look at the last request; gives the number of compactions."""
    messages = list(chat(statements, seed))
    model, compactions = Listening(), 0

    def count(record: object) -> None:
        nonlocal compactions
        compactions += any(step.tokens_after < step.tokens_before for step in getattr(record, "steps", ()))

    budget = TokenBudget(int(COUNTER.count(messages) * share), context_window=1_000_000)
    client = BudgetedChatCompletionClient(model, budget, hooks=[count])
    for end in range(1, len(messages) + 1, 2):
        await client.create(messages[:end])
    came = {id(message) for message in messages}
    told = "\n".join(str(message.content) for message in model.request if id(message) not in came)
    text = "\n".join(str(message.content) for message in model.request)
    replaced = {statement.replaces for statement in statements}
    for statement in statements:
        if not any(key in replaced for key in statement.keys):
            found[f"{statement.kind} all"] += 1
            found[statement.kind] += all(key in text for key in statement.keys)
        if statement.replaces:
            found["replaced"] += 1
            found["stale"] += statement.replaces in told
    return compactions


async def main() -> None:
    """Print a line for each share."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chats", type=int, default=6)
    parser.add_argument("--share", type=float, action="append", help="0.1, 0.2 and 0.3")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    kinds = ("rule", "limit", "fact", "goal", "preference")
    print(f"{'share':>6}{'all':>7}" + "".join(f"{kind:>12}" for kind in kinds) + f"{'stale':>8}{'compactions':>13}")
    for share in options.share or (0.1, 0.2, 0.3):
        found: Counter[str] = Counter()
        rounds = [
            await survivors(STATEMENTS[seed % len(STATEMENTS)], seed, share, found) for seed in range(options.chats)
        ]
        held = sum(found[kind] for kind in kinds) / sum(found[f"{kind} all"] for kind in kinds)
        shares = "".join(f"{found[kind] / max(1, found[f'{kind} all']):>12.2f}" for kind in kinds)
        print(f"{share:>6g}{held:>7.2f}{shares}{found['stale']:>4}/{found['replaced']:<3}{min(rounds):>11}")


if __name__ == "__main__":
    asyncio.run(main())
