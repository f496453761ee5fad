"""`python -m covey` is `covey`."""

from __future__ import annotations

from covey.cli.app import main

main()
