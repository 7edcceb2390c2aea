"""Whole texts, kept: a store with short references, the tool that reads them back, and what one conversation holds."""

from ._keeper import Keeper, Kept
from ._store import REFERENCE_LENGTH, ArtifactStore
from ._tool import READ_ARTIFACT, SMALLEST_LIMIT, ReadArtifactTool

__all__ = ["READ_ARTIFACT", "REFERENCE_LENGTH", "SMALLEST_LIMIT", "ArtifactStore", "Keeper", "Kept", "ReadArtifactTool"]
