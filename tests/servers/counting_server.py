"""A server that says what it is and counts requests, as llama.cpp and vLLM do."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


class CountingServer:
    """A server that says what it is and counts what it is told to.

    Args:
        owner (str): What it says it is; empty where it does not know the question.
        answer (object): What it answers to a request to count; an `int` is a status, `None` never answers.
    """

    def __init__(self, owner: str, answer: object) -> None:
        self.owner = owner
        self.answer = answer
        self.asked: list[tuple[str, Any]] = []

    async def handle(self, request: web.Request) -> web.Response:
        """Answer any request."""
        if request.method == "GET":
            self.asked.append((request.path, None))
            if not self.owner:
                return web.Response(status=404)
            return web.json_response({"data": [{"id": "m", "owned_by": self.owner}, 7]})
        self.asked.append((request.path, await request.json()))
        if self.answer is None:
            await asyncio.sleep(5)
        return web.Response(status=self.answer) if isinstance(self.answer, int) else web.json_response(self.answer)


@asynccontextmanager
async def serving(owner: str, answer: object) -> AsyncGenerator[tuple[CountingServer, str]]:
    """Run a server on a free port of 127.0.0.1."""
    server = CountingServer(owner, answer)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.05)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield server, f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()
