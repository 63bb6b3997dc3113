"""Why something foreign was not let in: a code that is counted, and a sentence for a person."""

from __future__ import annotations


class AdmissionError(ValueError):
    """Raised inside of the sync only. It stops one file or one shard, never a cycle."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why
