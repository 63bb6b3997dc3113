"""`python -m benchmarks [page …]`: measures, and prints one table. Run it on a quiet machine."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

# `clients` has to be asked for: it drives the real ones
PAGES = ("starting", "commanding", "storing", "reading", "waking", "serving", "fanout", "syncing", "troubled")


def main(wanted: list[str]) -> None:
    """Measure the pages that were named, or all."""
    sys.stdout.write("| what | p50 / p99 | floor in this run | ratio | promise |\n|---|---|---|---|---|\n")
    for page in wanted or PAGES:
        if not Path(__file__).with_name(f"{page}.py").exists():
            raise SystemExit(f"there is no page {page!r}; pages are {', '.join(PAGES)}")
        for row in importlib.import_module(f"benchmarks.{page}").measure():
            ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
            sys.stdout.write(f"| {row.name} | {row.figure} | {row.floor} | {ratio} | {row.promise} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
