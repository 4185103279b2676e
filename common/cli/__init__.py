"""The command `dynamo-parsers`: `main` here, the subcommands in `commands`.

Rule: this file imports neither rich nor typer. They are the extra `cli`, which an engine's environment need not have.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

NEEDS = ("rich", "typer")
"""What the extra `cli` installs."""


def main() -> None:
    """Run the command with this process's arguments.

    Raises SystemExit with the command's status: 2, after one sentence on stderr, without the extra `cli`.
    """
    if any(find_spec(name) is None for name in NEEDS):
        print(f"The command line needs {' and '.join(NEEDS)}: pip install 'dynamo-parsers[cli]'", file=sys.stderr)
        sys.exit(2)
    from .commands import app

    app()
