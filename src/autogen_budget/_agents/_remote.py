"""Messages between processes: small enough for the line, and answered in time or not at all.

AutoGen's gRPC runtime (0.7.5) waits for ever for an unknown agent, for a worker that died, and for a host that was
restarted; and a message over gRPC's limit leaves the worker that sent it without a connection.
"""

import asyncio

from autogen_core import AgentId, AgentRuntime, CancellationToken, try_get_known_serializers_for_type

from autogen_budget._errors import MessageTooLargeError, RemoteTimeoutError

MAX_MESSAGE_BYTES = 4 * 2**20 - 2**14
"""Bytes of a message: gRPC takes 4 MiB unless both sides set another limit; the rest is for the envelope around it."""


def check_message_size(message: object, *, max_bytes: int = MAX_MESSAGE_BYTES) -> int:
    """Refuse a message that would not pass between processes.

    Call it for what a handler returns, too: the answer takes the same line.

    Args:
        message (object): A dataclass, a pydantic model or a protobuf message, as AutoGen's runtimes send them.
        max_bytes (int): Bytes it may take as JSON. Not given, what gRPC takes by default.

    Returns:
        int: Bytes it takes.

    Raises:
        MessageTooLargeError: It takes more.
        ValueError: It is of a kind that no runtime can send.
    """
    kind = type(message)
    try:
        serializers = try_get_known_serializers_for_type(kind)
    except ValueError as error:
        raise ValueError(f"{kind.__name__} cannot be sent between processes: {error}") from error
    if not serializers:
        raise ValueError(f"{kind.__name__} cannot be sent between processes: make it a dataclass or a pydantic model")
    size = len(serializers[0].serialize(message))
    if size > max_bytes:
        raise MessageTooLargeError(
            f"a {kind.__name__} takes {size:,} bytes, and a message may take {max_bytes:,}. It was not sent: it would "
            "have ended the connection of this worker. Store its long text in a store that all processes share, and "
            'send the reference: reference = await ArtifactStore("s3://bucket/run").put(text)'
        )
    return size


async def send_remote(
    runtime: AgentRuntime,
    message: object,
    recipient: AgentId,
    *,
    timeout: float = 120.0,  # part of the call, as in httpx
    max_bytes: int = MAX_MESSAGE_BYTES,
    cancellation_token: CancellationToken | None = None,
) -> object:
    """Send a message to an agent in another process, and wait for its answer no longer than a time limit.

    .. code-block:: python

        from autogen_budget import send_remote

        answer = await send_remote(runtime, Task("Sum it up.", reference), AgentId("writer", "default"), timeout=60)

    Args:
        runtime (AgentRuntime): A runtime of AutoGen, such as a `GrpcWorkerAgentRuntime`.
        message (object): What to send.
        recipient (AgentId): Who is to answer.
        timeout (float): Seconds to wait for the answer.
        max_bytes (int): Bytes the message may take. Not given, what gRPC takes by default.
        cancellation_token (CancellationToken | None): Ends the waiting. `None` means only cancelling the task does.

    Returns:
        object: The answer.

    Raises:
        MessageTooLargeError: The message is too large; it was not sent.
        RemoteTimeoutError: No answer came in time.
        ValueError: The message is of a kind that no runtime can send.
    """
    check_message_size(message, max_bytes=max_bytes)
    sending = asyncio.ensure_future(
        runtime.send_message(message, recipient=recipient, cancellation_token=cancellation_token)
    )
    if cancellation_token is not None:
        cancellation_token.link_future(sending)
    try:
        return await asyncio.wait_for(sending, timeout)
    except asyncio.TimeoutError:
        raise RemoteTimeoutError(
            f"{recipient} did not answer a {type(message).__name__} within {timeout:g} s. No such agent may be "
            "registered, its process may have died, or the host may have been restarted: start the worker again, then "
            "send again"
        ) from None
