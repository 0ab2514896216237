"""Where the process begins: `python -m radapt`, and the script `radapt`."""

from typing import NoReturn

from radapt.cli import stopping


def main() -> NoReturn:
    """Run the command line, heeding signals before all else is imported."""
    stopping.heed()
    from radapt.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
