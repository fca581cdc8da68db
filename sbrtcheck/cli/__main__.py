"""Runs the command line: ``python -m sbrtcheck.cli``."""

from sbrtcheck.cli.main import main

if __name__ == "__main__":
    main()
