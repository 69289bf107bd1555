"""``python -m lookalike`` is the command line, as ``lookalike`` is."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from lookalike.cli.main import run

    run()


if __name__ == "__main__":
    main()
