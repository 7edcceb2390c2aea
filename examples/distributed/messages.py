"""What travels between the processes: small messages, in which long texts are references to a store that all share."""

from __future__ import annotations

import os
from dataclasses import dataclass

from autogen_budget import ArtifactStore, SpendPool, TokenBudget
from model_choice import PRICES

LIMIT = 60_000  # tokens, prompts and replies of all workers together
LEASE = 2  # seconds until what a killed worker held is charged
CAPS = {"reader": TokenBudget(3_000), "writer": TokenBudget(1_500), "critic": TokenBudget(1_000)}


@dataclass
class Task:
    """What a worker is to do.

    Args:
        question (str): What is asked.
        document (str): Reference of the text it is about. Empty for none.
    """

    question: str
    document: str = ""


@dataclass
class Answer:
    """What a worker answers.

    Args:
        text (str): The answer.
        worker (str): Which process gave it.
    """

    text: str
    worker: str


def shared_pool() -> SpendPool:
    """The pool that all processes charge."""
    url = os.environ["REDIS_URL"]
    return SpendPool(max_tokens=LIMIT, name="distributed", url=url, lease_seconds=LEASE, prices=PRICES)


def shared_store() -> ArtifactStore:
    """The store that all processes read and write; a bucket would do as well as a folder."""
    return ArtifactStore(os.environ["STORE_URL"])
