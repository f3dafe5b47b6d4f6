"""The program's entry, as `llmcmp` and as `python -m llmcmp`."""

import gc
import os
import sys


def run() -> None:
    """Run the command line, or the workbench where there is a terminal and nothing else was asked for.

    Cycles are not collected: a command is over within a second, and collecting while modules load takes a tenth of it.
    """
    gc.disable()
    if len(sys.argv) == 1 and sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        _workbench()
        return
    from llmcmp.cli.app import main

    main()


def _workbench() -> None:
    """Straight to it: the commands and their options, which it has no use for, take longer to load."""
    from llmcmp.errors import LlmcmpError
    from llmcmp.workbench.app import run as workbench

    try:
        workbench()
    except LlmcmpError as error:
        if os.environ.get("LLMCMP_DEBUG") == "1":
            raise
        from llmcmp.cli.mistakes import tell

        sys.exit(tell(error))


if __name__ == "__main__":
    run()
