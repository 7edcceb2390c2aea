"""What each of several processes does with a store on one folder; a module of its own, so that they can import it."""

import asyncio

from autogen_budget import ArtifactStore


class Owner:
    """Somebody who refers to texts."""


def use_store(task: tuple[str, int]) -> dict[str, str]:
    """One process's part: texts of its own and texts that the others put as well, all held, and loose ones."""
    folder, process = task

    async def use() -> dict[str, str]:
        store, owner = ArtifactStore(folder, max_bytes=50_000), Owner()
        texts = [f"{number} by {process if number % 2 else 'all'} " * 200 for number in range(30)]
        references: dict[str, str] = {}
        for text in texts:
            references[text] = await store.put(text, owner=owner)
            await store.put(f"loose {text}")
        assert [await store.get(references[text]) for text in texts] == texts
        return references

    return asyncio.run(use())
