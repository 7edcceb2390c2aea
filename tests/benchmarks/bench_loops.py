"""False alarms of the loop detector over real transcripts: `python bench_loops.py FILE...`.

Each file holds one transcript a line, `{"messages": [...]}` in AutoGen's form. The detector looks at each before every
reply of the model, as a client does, and every line that was written is read as a stream.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from autogen_core.models import AssistantMessage, LLMMessage
from pydantic import TypeAdapter

from autogen_budget._limits import TextLoop, find_repetition, steps_of_context

MESSAGES: TypeAdapter[list[LLMMessage]] = TypeAdapter(list[LLMMessage])
MAX_REPEATS = 5
CHUNK = 20  # characters


def transcripts(path: Path) -> Iterator[list[LLMMessage]]:
    """The transcripts of a file."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield MESSAGES.validate_python(json.loads(line)["messages"])


def main(paths: list[Path]) -> None:
    """Print a line for each file. An end is false if the agent did something else later on, by itself."""
    for path in paths:
        replies = nudges = ends = false = saved = texts = 0
        for messages in transcripts(path):
            over: list[bool] = []
            for place, message in enumerate(messages):
                if not isinstance(message, AssistantMessage):
                    continue
                found = find_repetition(steps_of_context(messages[:place]), MAX_REPEATS)
                over.append(found is not None and found.is_over(MAX_REPEATS))
                nudges += found is not None and not over[-1]
                if isinstance(message.content, str):
                    loop, text = TextLoop(), message.content
                    texts += any([loop.add(text[at : at + CHUNK]) for at in range(0, len(text), CHUNK)])  # noqa: C419
            replies += len(over)
            if True in over:
                ends += 1
                saved += sum(over)
                false += not all(over[over.index(True) :])
        print(
            f"{path.name}: {replies:,} replies, {nudges} nudges, {ends} ends ({false} false) that save {saved} calls, "
            f"{texts} texts that repeat themselves"
        )


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
