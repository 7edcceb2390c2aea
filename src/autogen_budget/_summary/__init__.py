"""Summary: turns to prose, written by a model that the user named.

`Summarizer` is what a client owns, `SummaryRequest` what it is asked for, `SummaryResult` what it gives back.
"""

from ._summarizer import Summarizer
from ._writer import Model, SummaryRequest, SummaryResult

__all__ = ["Model", "Summarizer", "SummaryRequest", "SummaryResult"]
