"""Whole texts, kept: a store with short references, the tool that reads them back, and what one conversation holds."""

from ._lease import ArtifactLease, StoreResult, whole_of
from ._page import read_page
from ._pattern import MAX_EXPANDED, compile_pattern, expanded_size
from ._reference import MAX_CUTS_KNOWN, is_reference_of
from ._store import ArtifactStore
from ._tool import SMALLEST_LIMIT, ReadArtifactArgs, ReadArtifactTool
from ._words import TextIndex

__all__ = [
    "MAX_CUTS_KNOWN",
    "MAX_EXPANDED",
    "SMALLEST_LIMIT",
    "ArtifactLease",
    "ArtifactStore",
    "ReadArtifactArgs",
    "ReadArtifactTool",
    "StoreResult",
    "TextIndex",
    "compile_pattern",
    "expanded_size",
    "is_reference_of",
    "read_page",
    "whole_of",
]
