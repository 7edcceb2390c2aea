"""Files of recorded conversations → transcripts, or records: AutoGen's states and messages, OpenAI's messages, ATIF."""

from ._read import MAX_DOCUMENT_BYTES, read_file
from ._transcript import FileFormatError, Transcript, items, mapping

__all__ = ["MAX_DOCUMENT_BYTES", "FileFormatError", "Transcript", "items", "mapping", "read_file"]
