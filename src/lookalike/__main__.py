"""``python -m lookalike`` is the command line, as ``lookalike`` is."""

from __future__ import annotations

import sys

_INTERRUPTED = 130  # as shells say that Ctrl-C ended a command


def main() -> None:
    """Run the command line; an interrupt is said in one line, also while what it needs is imported."""
    try:
        from lookalike.cli.main import run

        run()
    except (KeyboardInterrupt, SystemExit) as stop:
        if isinstance(stop, SystemExit) and stop.code != _INTERRUPTED:
            raise
        sys.stderr.write("lookalike: interrupted\n")
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
