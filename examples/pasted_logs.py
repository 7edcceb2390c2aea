"""What an engineer on call might send an agent: log excerpts, each with one failure in it, and a short question."""

from random import Random

LINES = 5  # of log in each excerpt
MINUTES = 9  # between one excerpt and the next

SERVICES = [
    *("auth-gateway", "checkout-api", "coupon-api", "geo-lookup", "image-resizer", "ledger-db"),
    *("mail-worker", "payments-api", "report-builder", "search-index", "session-cache", "stock-sync"),
]
ROUTINE = [
    "GET /v2/orders/{few} 200 in {many} ms",
    "cache hit ratio 0.{few}, {many} keys",
    "flushed {few} records to {other} in {many} ms",
    "health check ok, queue depth {few}",
    "session {many} renewed for user u{few}",
]
FAILURES = [
    "disk full on /var/lib/{service}, {few} MB short",
    "killed, out of memory at {many} MB",
    "timeout after {many} ms waiting for {other}",
    "too many open connections to {other} ({few})",
]
QUESTIONS = [
    "Which service failed here, and why?",
    "Which of these lines needs a person now?",
    "Is this the same failure as before?",
]


def task(turn: int) -> str:
    """Write what is sent in one turn.

    Args:
        turn (int): The turn, from 1. The same turn is the same text in every run.

    Returns:
        str: About 270 of SmolLM2's tokens.
    """
    chance = Random(turn)
    failure = chance.randrange(LINES)
    seconds = 2 * 3600 + turn * MINUTES * 60
    lines: list[str] = []
    for number in range(LINES):
        seconds += chance.randrange(1, 20)
        time = f"2026-03-14 {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        level, texts = ("ERROR", FAILURES) if number == failure else ("INFO ", ROUTINE)
        service, other = chance.sample(SERVICES, 2)
        few, many = chance.randrange(10, 1_000), chance.randrange(1_000, 10_000)
        text = chance.choice(texts).format(service=service, other=other, few=few, many=many)
        lines.append(f"{time} {level} {service}: {text}")
    return "\n".join([*lines, "", QUESTIONS[turn % len(QUESTIONS)]])
