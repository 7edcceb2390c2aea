"""From what size on something is worth a word."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The figures of all findings; shares are of the cap, unless something else is named.

    Args:
        min_calls (int): Calls of one conversation from which on a rate is reported; the first is set-up.
        min_series (int): Sizes from which on a series may be called rising: fewer that come by chance rise too often.
        min_rise (int): Tokens by which its last must be above its first: a question may be longer than the one before.
        growth_share (float): What each call adds, from which growth is a finding: the cap is full within fifty calls.
        growth_cause (float): Share of the growth that one tool's results must make up to be called its cause.
        large_share (float): Share from which instructions or tool schemas are large.
        large_tokens (int): Tokens below which they never are: under a tiny cap everything is a large share.
        unused_calls (int): Calls after which a tool that was never called may be called unused.
        named (int): How many tools a sentence names.
        repeats (int): How often something must be seen to be a pattern.
        repeated_share (float): Share of all that was new from which repeats are worth a word.
        repeated_text (int): Tokens from which a user's text is no mere "go on", which people say again and again.
        old_calls (int): Calls after which a result is old.
        old_share (float): Share that an old result must take to be worth a word.
        frequent (int): One compaction in so many calls is too often: the cached prefix is lost as soon as it pays.
        min_compactions (int): Compactions from which on their rate is reported.
    """

    min_calls: int = 4
    min_series: int = 7
    min_rise: int = 50
    growth_share: float = 0.02
    growth_cause: float = 0.5
    large_share: float = 0.25
    large_tokens: int = 500
    unused_calls: int = 5
    named: int = 6
    repeats: int = 3
    repeated_share: float = 0.02
    repeated_text: int = 50
    old_calls: int = 8
    old_share: float = 0.05
    frequent: int = 3
    min_compactions: int = 3


THRESHOLDS = Thresholds()
