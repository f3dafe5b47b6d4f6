"""The program of each process under torchrun: `torchrun --nproc-per-node N -m llmcmp.bench MODEL...`."""


def run() -> None:
    """Run it."""
    from llmcmp.cli.distributed import main

    main()


if __name__ == "__main__":
    run()
