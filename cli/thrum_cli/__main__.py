"""`python -m thrum_cli` is `thrum`."""

from __future__ import annotations

from .main import run

run()
