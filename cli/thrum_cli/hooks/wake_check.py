"""Checks that mail reaches an agent: sends it a nonce and waits until its answer brings the nonce back."""

from __future__ import annotations

from thrum_cli.clients.presets import wake_channel
from thrum_store.identity import Caller
from thrum_store.machine.host import REAL, Bell, Host
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import editing, inbox, sending
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.messages.waiting import wakeups
from thrum_store.service.team import agents, removal
from thrum_store.store import Store, open_store
from thrum_store.values import Record, replaced

from .session import shown_by

_DOCTOR = "thrum-doctor"
_WAIT = "wait"
_LOOK = 0.1  # seconds between two looks at what the agent's hooks recorded; its answer rings the bell


class WakeCheck(Record):
    """The progress of a message in seconds since it was sent; None for a step that did not happen in time.

    `rung` is the wake channel that it took, as `thrum runtime show` lists them; `shown_by` is the event whose hook
    showed it to the model. Both are empty if it was not seen. `read_seconds` is when the agent read it,
    `answered_seconds` when its answer with the nonce arrived. `withdrawn`: the message was deleted afterwards, because
    no agent had sent it.
    """

    agent: str
    message: str
    nonce: str
    channel: str
    shown_by: str
    shown_seconds: float | None
    read_seconds: float | None
    answered_seconds: float | None
    withdrawn: bool = False

    JSON = "* agent_id=agent message_id=message rung=channel"

    @property
    def reached(self) -> bool:
        """True if the message reached the agent in any way."""
        return (self.shown_seconds, self.read_seconds, self.answered_seconds) != (None, None, None)


def wake_check(paths: Paths, caller: Caller, agent: str, timeout: float, host: Host = REAL) -> WakeCheck:
    """Send the nonce and wait for its answer, at most `timeout` seconds. Raises UnknownRecipient.

    An agent cannot send mail to itself. So the caller's own agent is asked by one that is registered only for that.
    """
    name = agent.removeprefix("@")
    own = name == caller.name
    asking = Caller(_DOCTOR, "doctor", "thrum", worktree=paths.worktree) if own else caller
    with Bell(paths.bells, asking.name) as bell, open_store(paths, host) as store:
        if own:
            agents.introduce(store, asking)
        try:
            return replaced(_ask(store, asking, name, bell, timeout), withdrawn=own)
        finally:
            if own:
                removal.delete(store, asking.name, by=caller.name, force=True)


def _ask(store: Store, caller: Caller, name: str, bell: Bell, timeout: float) -> WakeCheck:
    nonce = store.host.entropy.token(4)
    text = f"thrum checks that mail reaches you. Please answer this message with exactly: {nonce}"
    sent = sending.send(store, caller, SendMessage(text, to=(f"@{name}",)))
    return _watch(store, caller, WakeCheck(name, sent.header.id, nonce, "", "", None, None, None), bell, timeout)


def _watch(store: Store, caller: Caller, begun: WakeCheck, bell: Bell, timeout: float) -> WakeCheck:
    clock = store.host.clock
    start = clock.monotonic()
    check = begun
    for _ in wakeups(store, bell, lambda: _LOOK):
        passed = clock.monotonic() - start
        check = _updated(store, caller, check, round(passed, 2))
        if check.answered_seconds is not None or passed >= timeout:
            break
    return check


def _updated(store: Store, caller: Caller, check: WakeCheck, now: float) -> WakeCheck:
    """Return the check with the steps that happened since; earlier ones keep their time."""
    event, runtime = shown_by(store.paths.var, check.agent, check.message, store.host)
    (recipient,) = editing.get(store, check.message).message.recipients
    answered = recipient.answered and _is_answered(store, caller, check)
    taken = _WAIT if recipient.read_at and not event else ""  # no hook showed it: the agent read it by itself
    return replaced(
        check,
        channel=check.channel or wake_channel(runtime, event) or taken,
        shown_by=check.shown_by or event,
        shown_seconds=now if event and check.shown_seconds is None else check.shown_seconds,
        read_seconds=now if recipient.read_at and check.read_seconds is None else check.read_seconds,
        answered_seconds=now if answered else None,
    )


def _is_answered(store: Store, caller: Caller, check: WakeCheck) -> bool:
    messages = inbox.inbox(store, caller, ReadInbox(page_size=20)).messages
    return any(message.header.reply_to == check.message and check.nonce in message.content for message in messages)
