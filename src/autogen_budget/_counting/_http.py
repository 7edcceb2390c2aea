"""Send JSON to a server that counts, and read its answer: in a thread, within a time."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

PAUSE = 60.0
"""Seconds for which a server that did not answer is left alone."""

LARGEST_BODY = 4_000_000
"""Bytes of a request that a server is asked about. A larger one takes longer than it is worth to wait."""

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
"""Nothing beside the type of the content."""

Wire = dict[str, object]
"""A request, or a part of one, as JSON holds it."""


def call_json(
    url: str, data: bytes | None = None, *, timeout: float, headers: Mapping[str, str] = NO_HEADERS
) -> Mapping[str, object]:
    """Ask a server; this waits, so call it in a thread.

    `data`: JSON to post. `None` means a plain question (`GET`).

    Returns:
        Mapping[str, object]: The answer; empty where it is no JSON object.

    Raises:
        OSError: The server cannot be reached, or answers with an error (`urllib.error.HTTPError`).
        ValueError: The answer is no JSON.
    """
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})  # noqa: S310  # checked
    try:
        with urllib.request.urlopen(request, timeout=timeout) as reply:  # noqa: S310  # the caller's own address
            answer: object = json.load(reply)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise
    return cast("Mapping[str, object]", answer) if isinstance(answer, Mapping) else {}
