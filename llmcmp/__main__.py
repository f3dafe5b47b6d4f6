"""The program's entry, as `llmcmp` and as `python -m llmcmp`."""

import gc


def run() -> None:
    """Run the command line.

    Cycles are not collected: a command is over within a second, and collecting while modules load takes a tenth of it.
    """
    gc.disable()
    from llmcmp.cli.app import main

    main()


if __name__ == "__main__":
    run()
