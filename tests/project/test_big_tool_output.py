"""The example with a 20 MB file, run as a user runs it: it finds the record, and every request fits."""

import asyncio
import os
import re
import sys

import big_tool_output
from servers import OpenAIServer

NO_KEYS = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "OLLAMA_"))}


async def run(*arguments: str, **settings: str) -> tuple[int | None, str, str]:
    """Run the example to its end: status, what it printed, what it complained of."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        big_tool_output.__file__,
        *arguments,
        env={**NO_KEYS, **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complained = await process.communicate()
    return process.returncode, printed.decode(), complained.decode()


async def test_finds_one_record_in_20_megabytes() -> None:
    """Without arguments it needs nothing; the table tells where it looked and how little of it the model was given."""
    status, printed, complained = await run()
    assert (status, complained) == (0, "")
    assert re.search(r"shipments\.csv +20,\d{3},\d{3} bytes", printed)
    looks = re.findall(r"^(read_file|read_artifact) .* ([\d,]+) +([\d,]+)$", printed, re.MULTILINE)
    assert [tool for tool, _, _ in looks] == ["read_file", "read_artifact"] * 2
    assert int(looks[2][1].replace(",", "")) > 20_000_000
    assert all(int(tokens.replace(",", "")) <= 1_000 for _, _, tokens in looks)
    assert "SH-9104477,AC-16543,2026-02-11,Espoo,returned,4.20" in printed.splitlines()[-2]
    largest = re.search(r"largest request held ([\d,]+) of 4,000 tokens", printed)
    assert largest
    assert int(largest[1].replace(",", "")) <= 4_000


async def test_any_openai_server_can_take_the_place_of_the_script() -> None:
    """With a key and a name the model is a real one."""
    async with OpenAIServer() as server:
        server.script("I do not know.")
        status, printed, complained = await run(
            "--model", "openai:some-model", OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=server.base_url
        )
    assert status == 0, complained
    assert "I do not know." in printed


async def test_says_what_is_missing() -> None:
    """A provider without a key is named."""
    status, _, complained = await run("--model", "openai:gpt-4o-mini")
    assert status
    assert "set OPENAI_API_KEY" in complained
