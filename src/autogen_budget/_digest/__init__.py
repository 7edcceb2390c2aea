"""The digest: facts kept from dropped turns without any model.

`Digest` is the value. The modules behind it find values in texts (`_shapes`, `_text`, `_tables`, `_data`), give them
the names they stand under (`_names`, `_facts`, `_turns`), choose among them (`_rank`) and write them down (`_lines`).
"""

from ._digest import Digest

__all__ = ["Digest"]
