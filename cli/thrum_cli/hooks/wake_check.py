"""Does mail reach an agent? A message with a nonce goes the agent's real way, and comes back as its answer."""

from __future__ import annotations

import select
from dataclasses import dataclass, replace

from thrum_cli.clients.presets import rung
from thrum_store.machine.bells import Bell
from thrum_store.machine.host import REAL, Host
from thrum_store.model import Caller
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import editing, receipts, sending
from thrum_store.service.messages.receipts import ReadInbox
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.team import agents, removal
from thrum_store.store import Store, open_store

from . import session_state

_DOCTOR = "thrum-doctor"
_WAIT = "wait"
_LOOK_MS = 100  # between two looks at what the agent's hooks noted; its answer rings the bell


@dataclass(frozen=True)
class WakeCheck:
    """How far a message got, in seconds since it was sent; None for what did not happen in time.

    `rung` is the way it went, of those that `thrum runtime show` lists; `shown_by` the event whose hook showed it to
    the model; both are empty where it was not seen. `read_seconds` is when the agent took it, `answered_seconds` when
    its answer with the nonce came back. `withdrawn`: it was taken back afterwards, for it came from no agent.
    """

    agent_id: str
    message_id: str
    nonce: str
    rung: str
    shown_by: str
    shown_seconds: float | None
    read_seconds: float | None
    answered_seconds: float | None
    withdrawn: bool = False

    @property
    def reached(self) -> bool:
        """Whether it got to the agent in any way."""
        return any(one is not None for one in (self.shown_seconds, self.read_seconds, self.answered_seconds))


def wake_check(paths: Paths, caller: Caller, agent: str, timeout: float, host: Host = REAL) -> WakeCheck:
    """Sends the nonce and waits for its answer, `timeout` seconds at most. Raises UnknownRecipient.

    An agent writes nothing to itself. So for the caller's own, somebody asks who is there for that alone.
    """
    name = agent.removeprefix("@")
    own = name == caller.name
    asking = Caller(_DOCTOR, "doctor", "thrum", worktree=paths.worktree) if own else caller
    with Bell(paths.bells, asking.name) as bell, open_store(paths, host) as store:
        if own:
            agents.introduce(store, asking)
        try:
            return replace(_asked(store, asking, name, bell, timeout), withdrawn=own)
        finally:
            if own:
                removal.delete(store, asking.name, by=caller.name, force=True)


def _asked(store: Store, caller: Caller, name: str, bell: Bell, timeout: float) -> WakeCheck:
    nonce = store.host.entropy.token(4)
    text = f"thrum checks that mail reaches you. Please answer this message with exactly: {nonce}"
    sent = sending.send(store, caller, SendMessage(text, to=(f"@{name}",)))
    return _watched(store, caller, WakeCheck(name, sent.message_id, nonce, "", "", None, None, None), bell, timeout)


def _watched(store: Store, caller: Caller, begun: WakeCheck, bell: Bell, timeout: float) -> WakeCheck:
    clock = store.host.clock
    start = clock.monotonic()
    poll = select.poll()
    poll.register(bell.fd, select.POLLIN)
    check = begun
    while check.answered_seconds is None and clock.monotonic() - start < timeout:
        bell.drain()
        store.refresh()
        check = _looked(store, caller, check, round(clock.monotonic() - start, 2))
        if check.answered_seconds is None:
            poll.poll(_LOOK_MS)
    return check


def _looked(store: Store, caller: Caller, check: WakeCheck, now: float) -> WakeCheck:
    """What is known by now; what was known before keeps its time."""
    event, runtime = session_state.shown_by(store.paths.var, check.agent_id, check.message_id, store.host)
    (recipient,) = editing.get(store, check.message_id).message.recipients
    answered = recipient.answered and _answer(store, caller, check)
    taken = _WAIT if recipient.read_at and not event else ""  # no hook showed it: the agent took it by itself
    return replace(
        check,
        rung=check.rung or rung(runtime, event) or taken,
        shown_by=check.shown_by or event,
        shown_seconds=now if event and check.shown_seconds is None else check.shown_seconds,
        read_seconds=now if recipient.read_at and check.read_seconds is None else check.read_seconds,
        answered_seconds=now if answered else None,
    )


def _answer(store: Store, caller: Caller, check: WakeCheck) -> bool:
    found = receipts.inbox(store, caller, ReadInbox(page_size=20)).messages
    return any(one.reply_to == check.message_id and check.nonce in one.body.content for one in found)
