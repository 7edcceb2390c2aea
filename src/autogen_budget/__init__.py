"""Keeps AutoGen agents inside their context budget: every model call fits, stays valid and is recorded.

How a call flows:

1. count: what is new in the request, by kind of text, corrected by the usage the provider reports.
2. recognise: a history that continues a known one is read from its first new message on.
3. fit: strategies in reading order, until the request is at its target. Under the cap nothing is touched.
   Tool output over its limit was cut where it was received, and can be read back from the store that keeps the whole.
4. call: the wrapped client. A refusal for size teaches the true window; a strictly smaller request is sent once.
5. settle: usage corrects the counter, a `CallRecord` is kept, hooks are called.
"""

# pyright: basic
import lazy_loader as _lazy  # without type hints, which pyright asks for in its strict mode

__version__ = "0.2.0"

# The one list of public names, and of the modules they are from, is `__init__.pyi`; a module is loaded at first use.
__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
