"""A stranger with a key of their own, who signs whatever they like."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from thrum_store.log import keys
from thrum_store.log.events import GENESIS, Place, encode_header, mint
from thrum_store.log.segments import EventLog, Shard
from thrum_store.machine.host import DISK
from thrum_store.sync.wire.signed_heads import SignedEnd, SignedHeads, sign

REGISTRATION = {"kind": "agent", "role": "worker", "module": "core", "display": "", "worktree": "", "host": "far"}


def canonical(fields: dict[str, Any]) -> bytes:
    """The one way to write it."""
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def sealed(fields: dict[str, Any]) -> bytes:
    """A line with its own hash."""
    digest = hashlib.sha256(canonical(fields)).hexdigest()[:32]
    body = canonical(fields)
    at = body.rindex(b',"i":"')
    return body[:at] + b',"h":"' + digest.encode() + b'"' + body[at:]


class Stranger:
    """A store that was never set up by `init`: one agent's log in one segment."""

    def __init__(self, agent: str = "mallory") -> None:
        self.private, public = keys.generate()
        self.store = keys.store_id(public)
        self.agent = agent
        self.card = keys.certificate(self.private, public, "far-away", 1)
        self.lines: list[bytes] = []
        self.before, self.seq = GENESIS, 0

    def say(self, kind: str, data: dict[str, Any], **envelope: Any) -> str:
        """Add a line; `envelope` replaces what is right in it. Return the event's id."""
        self.seq += 1
        prefix = {"message.create": "msg_", "session.start": "ses_", "group.create": "grp_"}.get(kind, "evt_")
        fields = {
            "a": self.agent, "d": data, "i": mint(prefix, 5, self.store, self.agent, self.seq), "n": self.seq,
            "p": self.before, "s": self.store, "t": 5, "v": 1, "y": kind, **envelope,
        }  # fmt: skip
        self.add(sealed(fields))
        return str(fields["i"])

    def add(self, line: bytes) -> None:
        """Add any bytes as a line."""
        self.lines.append(line)
        at = line.find(b',"h":"')
        self.before = line[at + 6 : at + 38].decode("ascii", "replace")

    def message(self, text: str, **envelope: Any) -> str:
        """Add a message to everyone."""
        data = {"to": [["everyone", "everyone"]], "recipients": [], "content": text, "format": "plain"}
        return self.say("message.create", data, **envelope)

    @property
    def segment(self) -> bytes:
        head = encode_header(Place(self.store, self.agent, 1, GENESIS), 1, 0)
        return head + b"".join(line + b"\n" for line in self.lines)

    def heads(self, repo: str, **changes: Any) -> bytes:
        """Signed heads of what was said."""
        fields: dict[str, Any] = {
            "store": self.store, "repo": repo, "ctr": 1, "prev": "", "purge_marks": {}, "files": {},
            "shards": {self.agent: SignedEnd(1, self.seq, self.before)}, **changes,
        }  # fmt: skip
        return sign(SignedHeads(**fields), self.private)

    def files(self, repo: str, **changes: Any) -> dict[str, str | bytes | None]:
        """Everything, as files of the branch."""
        log = EventLog("v1", DISK)
        return {
            f"v1/{self.store}/store.json": self.card,
            f"v1/{self.store}/heads.json": self.heads(repo, **changes),
            log.segment(Shard(self.store, self.agent), 1): self.segment,
        }
