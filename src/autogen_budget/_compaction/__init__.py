"""Make it fit: the contract of a strategy, one file a strategy, the target, the forced fit, `compact`."""

from ._allocation import Allocation
from ._clear import ClearToolOutputs
from ._compact import Compaction, check_compaction, compact
from ._component import dump_strategies, load_strategies
from ._defaults import SummarizerChoice, default_strategies, summarize_with
from ._drop_images import DropImages
from ._drop_thoughts import DropThoughts
from ._duplicates import DropDuplicates
from ._fit import Plan, fit, repair_steps
from ._input_prices import input_prices
from ._instructions import Guidance, InstructionFitter, instruction_step, with_sections
from ._protocol import CompactionContext, Prefetching, Strategy, SummaryWriter, parameter_names
from ._recall import (
    CutResult,
    RecalledNote,
    add_passages,
    asks_for_recall,
    dropped_passages,
    find_cut_results,
    find_passages,
    least_of,
    numbered_from_end,
    passages_outside,
    recall,
    recalled_message,
    reserved_tokens,
    with_recalled,
    works_with_tools,
)
from ._recap import Focus, read_ahead, render, with_due_rendered
from ._selector import TrimSelectorThread
from ._summarize import Summarize
from ._target import InputPrices, compaction_target
from ._trim import TrimOldest
from ._truncate import TruncateToolOutputs

__all__ = [
    "Allocation",
    "ClearToolOutputs",
    "Compaction",
    "CompactionContext",
    "CutResult",
    "DropDuplicates",
    "DropImages",
    "DropThoughts",
    "Focus",
    "Guidance",
    "InputPrices",
    "InstructionFitter",
    "Plan",
    "Prefetching",
    "RecalledNote",
    "Strategy",
    "Summarize",
    "SummarizerChoice",
    "SummaryWriter",
    "TrimOldest",
    "TrimSelectorThread",
    "TruncateToolOutputs",
    "add_passages",
    "asks_for_recall",
    "check_compaction",
    "compact",
    "compaction_target",
    "default_strategies",
    "dropped_passages",
    "dump_strategies",
    "find_cut_results",
    "find_passages",
    "fit",
    "input_prices",
    "instruction_step",
    "least_of",
    "load_strategies",
    "numbered_from_end",
    "parameter_names",
    "passages_outside",
    "read_ahead",
    "recall",
    "recalled_message",
    "render",
    "repair_steps",
    "reserved_tokens",
    "summarize_with",
    "with_due_rendered",
    "with_recalled",
    "with_sections",
    "works_with_tools",
]
