"""The time-out of a wait per client: how many seconds one call of wait_for_message may take.

Measured with the clients themselves in November 2026.
"""

from __future__ import annotations

import os

from thrum_store.values import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEFAULT = 300  # seconds, if the client allows as many
LONGEST = 600  # seconds, for any client
TOOL = "wait_for_message"
UNKNOWN = 240  # seconds, for a client that is not in the table


class WaitLimit(NamedTuple):
    """A client by its name in the MCP handshake; seconds without our configuration, and with it.

    THRUM_WAIT_MAX, which our configuration sets where the two differ, overrides both.
    """

    handshake: str
    bare: int
    configured: int


WAIT_LIMITS = {
    "claude": WaitLimit("claude-code", LONGEST, LONGEST),
    "codex": WaitLimit("codex-mcp-client", 280, LONGEST),
    "cursor": WaitLimit("Cursor", 50, 50),
    "gemini": WaitLimit("gemini-cli-mcp-client", 580, LONGEST),
    "auggie": WaitLimit("augment-mcp-client", 580, 540),
    "amp": WaitLimit("amp-mcp-client", 280, 280),
    "opencode": WaitLimit("", UNKNOWN, 240),  # its handshake does not tell it from others
    "cli-only": WaitLimit("", UNKNOWN, 240),
}
_BARE = {limit.handshake: limit.bare for limit in WAIT_LIMITS.values() if limit.handshake}


def most_seconds(handshake: str | None, configured: str | None = None) -> int:
    """Return how long one wait may take; `configured` is the value of THRUM_WAIT_MAX, by default this process's."""
    setting = os.environ.get("THRUM_WAIT_MAX", "") if configured is None else configured
    if setting.isascii() and setting.isdigit() and int(setting):
        return min(int(setting), LONGEST)
    return _BARE.get(handshake, UNKNOWN) if handshake else UNKNOWN


def fitted(parameters: dict[str, Any], most: int) -> dict[str, Any]:
    """Return the parameters of wait_for_message for a client whose wait may take `most` seconds."""
    timeout = parameters["properties"]["timeout"]
    stated = timeout | {"default": min(DEFAULT, most), "description": f"Most seconds to wait, up to {most}"}
    return parameters | {"properties": parameters["properties"] | {"timeout": stated}}
