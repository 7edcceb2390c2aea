"""Try a random check for each number of a range, by hand and in pieces."""

import gc
import time
from collections.abc import Callable


def try_all(check: Callable[[int], None], first: int, last: int, *, every: int) -> None:
    """Make the check of each number, and print those that fail, with a line for every so many."""
    began, used, failed = time.monotonic(), time.process_time(), 0
    gc.freeze()  # what was imported is not looked through again after each of them
    for number in range(first, last):
        if number > first and number % every == 0:
            print(f"{number - first} made, {failed} failed", flush=True)
        try:
            check(number)
        except Exception as error:
            failed += 1
            print(f"{number}: {type(error).__name__} {str(error)[:300]}", flush=True)
    seconds, cpu = time.monotonic() - began, time.process_time() - used
    print(f"{last - first} from {first} on, {failed} failed, {seconds:.0f} s, {cpu:.0f} s of one core")
