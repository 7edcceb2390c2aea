"""Summaries: prose that a model writes about turns that leave a conversation.

`Summarizer` is what a client owns, `Order` what it is asked for, `Written` what it gives back. The modules behind it
write turns down as text (`_transcript`), ask for a record of them (`_prompt`), read the answer (`_reply`), keep to the
model's window and a time limit (`_writer`), and pause after failures (`_backoff`).
"""

from ._summarizer import Summarizer
from ._trust import LEAST_CAP, can_summarise
from ._writer import Model, Order, Written

__all__ = ["LEAST_CAP", "Model", "Order", "Summarizer", "Written", "can_summarise"]
