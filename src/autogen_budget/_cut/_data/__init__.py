"""Documents: records keep what identifies them, whatever format they are in.

A document goes through plans that each lose a little more (`_plans`), applied to its value (`_shrink`) by what its
fields are worth (`_columns`); alike records become rows under one legend (`_table`); `_writers` has a way back to text
for each format.
"""

from ._cutter import cut_data, holds_data

__all__ = ["cut_data", "holds_data"]
