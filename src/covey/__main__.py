"""`python -m covey` is `covey`; its command begins here too."""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point of the `covey` command."""
    try:
        from covey.cli import app
    except KeyboardInterrupt:  # pressed while covey was still being loaded
        sys.stderr.write("covey: interrupted\n")
        sys.exit(130)
    app.main()


if __name__ == "__main__":
    main()
