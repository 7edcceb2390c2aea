"""The entry point of the command `autogen-budget`."""

import sys


def main() -> None:
    """Run the command line, or say what to install for it."""
    try:
        from ._app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        sys.exit(f"autogen-budget needs {error.name} for its command line: pip install 'autogen-budget[cli]'")
    app()
