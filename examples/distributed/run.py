"""A host, three workers in processes of their own, one pool, one store; one worker is killed in mid-run and replaced.

python examples/distributed/run.py     # starts a Redis server and all processes, and stops them

Long texts travel as references to the store, so that no message comes near gRPC's limit of 4 MB. AgentChat's teams
cannot run on this runtime (AutoGen 0.7.5 cannot deserialise their messages there): the workers are core agents, each of
which holds a budgeted agent.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import socket
import sys
import tempfile
from multiprocessing.process import BaseProcess
from pathlib import Path

from autogen_core import AgentId, try_get_known_serializers_for_type
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime, GrpcWorkerAgentRuntimeHost

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import worker  # noqa: E402  # behind the path
from messages import CAPS, LIMIT, Answer, Task, shared_pool, shared_store  # noqa: E402

from autogen_budget import RemoteTimeoutError, check_message_size, send_remote  # noqa: E402
from local_redis import redis_url  # noqa: E402

DOCUMENT = "The log of the harbour, day by day: wind, tide, ships. " * 80_000  # 4.4 MB: over gRPC's limit
ROUNDS = 8


# Where it can, each worker is forked from a process that has imported everything once.
if sys.platform == "win32":
    PROCESSES = multiprocessing.get_context("spawn")
else:
    PROCESSES = multiprocessing.get_context("forkserver")


async def start_worker(host: str, name: str) -> BaseProcess:
    """A worker that is ready to answer."""
    ready = PROCESSES.Event()
    process = PROCESSES.Process(target=worker.main, args=(host, name, ready), daemon=True)
    process.start()
    if not await asyncio.to_thread(ready.wait, 60):
        sys.exit(f"worker {name} did not start")
    return process


def kill(process: BaseProcess) -> None:
    """End a worker as a machine that dies does."""
    process.kill()
    process.join()


async def main() -> None:
    """Run it all, and print who spent what."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # AutoGen's host reports the connection of a killed worker
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    host = GrpcWorkerAgentRuntimeHost(address)
    host.start()
    runtime = GrpcWorkerAgentRuntime(host_address=address)
    for kind in (Task, Answer):
        runtime.add_message_serializer(try_get_known_serializers_for_type(kind))
    await runtime.start()
    processes = await asyncio.gather(*(start_worker(address, name) for name in CAPS))
    workers = dict(zip(CAPS, processes, strict=True))
    try:
        await ask_all(runtime, address, workers)
    finally:
        for process in workers.values():
            kill(process)
        await runtime.stop()
        await host.stop(grace=0)


async def ask_all(runtime: GrpcWorkerAgentRuntime, address: str, workers: dict[str, BaseProcess]) -> None:
    """Ask each worker in turn; kill the writer half way, and replace it."""
    store, pool = shared_store(), shared_pool()
    reference = await store.put(DOCUMENT)
    size = check_message_size(Task("", reference))
    print(f"a document of {len(DOCUMENT):,} characters travels as {reference!r}, in a message of {size} bytes")
    answers: list[Answer] = []
    for number in range(ROUNDS):
        for name in CAPS:
            killed = number == ROUNDS // 2 and name == "writer"
            task = Task(
                f"Question {number + 1}: when did the tide turn?", reference if number == 0 and name == "reader" else ""
            )
            asking = asyncio.create_task(
                send_remote(runtime, task, AgentId(name, "default"), timeout=2 if killed else 60)
            )
            if killed:
                await asyncio.sleep(0.02)
                kill(workers[name])
            try:
                answer = await asking
            except RemoteTimeoutError as error:
                print(f"the writer was killed in mid-run: {type(error).__name__}; starting another one")
                workers[name] = await start_worker(address, name)
                answer = await send_remote(runtime, task, AgentId(name, "default"), timeout=60)
            if isinstance(answer, Answer):
                answers.append(answer)
    while pool.reserved.tokens:  # noqa: ASYNC110  # until the lease of the call that died has ended
        await asyncio.sleep(0.1)
    report = pool.report()
    print(f"{len(answers)} answers from {len({answer.worker for answer in answers})} processes")
    for name, spent in report.by_agent.items():
        print(f"  {name:7} {spent.calls:3} calls {spent.tokens:7,} tokens")
    print(f"{report.spent.tokens:,} of {LIMIT:,} tokens spent, {report.reserved.tokens} still held")
    print("the document is still whole" if await store.get(reference) == DOCUMENT else "the document is damaged")
    pool.close()


if __name__ == "__main__":
    with redis_url() as url, tempfile.TemporaryDirectory() as folder:
        paths = [str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")]
        os.environ.update(REDIS_URL=url, STORE_URL=f"{folder}/texts", PYTHONPATH=os.pathsep.join(paths))
        PROCESSES.set_forkserver_preload(["worker"])
        asyncio.run(main())
