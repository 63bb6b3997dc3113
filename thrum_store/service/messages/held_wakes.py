"""Held wakes: after many automatic replies between two agents, mail of their thread wakes neither of them.

A reply is automatic if a wake began the turn in which its author sent it. `offers.begin_turn` marks such a turn with a
file, and a person's prompt ends it. The reply carries a ref, so every machine counts the same. Mail still arrives, and
the next prompt or tool call shows it (docs/decisions/0043).
"""

from __future__ import annotations

from thrum_store.errors import Invalid, StorageFailed
from thrum_store.identity import address_of
from thrum_store.repository import config
from thrum_store.repository.paths import prompt_time
from thrum_store.store import Store
from thrum_store.values import NamedTuple, Record, plural
from thrum_store.view.queries import threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.view.queries.lookup import Row
    from thrum_store.view.queries.threads import Written

_MINUTE_MS = 60_000


class Limit(NamedTuple):
    """The number of automatic replies within some minutes from which on wakes are held back; 0 replies: never."""

    replies: int
    minutes: int


class HeldWakes(Record):
    """A thread whose mail wakes neither the caller nor the agent at `address`, because of a limit that was reached."""

    thread: str
    address: str
    replies: int
    minutes: int

    JSON = "thread_id=thread agent_id=address replies minutes"


def sentence(held: HeldWakes) -> str:
    """Return the reason in words, and the way out of it."""
    replies = f"{held.replies} automatic {'reply' if held.replies == 1 else 'replies'}"
    return (
        f"{replies} in {plural(held.minutes, 'minute')} between you and @{held.address} in thread {held.thread}:"
        " its mail wakes neither of you until a person writes to one of you, or a new thread begins"
    )


def limit(store: Store) -> Limit:
    """Return the limit. The default applies to a setting that cannot be read: `thrum config show` names it."""
    try:
        return Limit(
            int(config.setting(store.paths, store.host, config.AUTO_REPLIES).value),
            int(config.setting(store.paths, store.host, config.AUTO_MINUTES).value),
        )
    except Invalid:
        return Limit(int(config.AUTO_REPLIES.default), int(config.AUTO_MINUTES.default))


def of_mail(store: Store, reader: int, rows: list[Row]) -> dict[str, HeldWakes]:
    """Return the messages, by id, that do not wake their reader."""
    bound = limit(store)
    reasons: dict[tuple[str, int], HeldWakes | None] = {}
    for row in rows if bound.replies else ():
        if row.thread is not None and (row.thread, row.author) not in reasons:
            address = address_of(row.author_name, row.author_store, own=row.author_own)
            standing = _is_reached(store, _newest(store, row.thread, bound), {reader, row.author}, bound)
            reasons[row.thread, row.author] = HeldWakes(row.thread, address, *bound) if standing else None
    held = {row.id: reasons.get((row.thread or "", row.author)) for row in rows}
    return {message: reason for message, reason in held.items() if reason is not None}


def between(store: Store, thread: str, agent: int, peer: Row) -> HeldWakes | None:
    """Return the reason why mail of a thread wakes neither an agent nor the author of a message; None if it does."""
    rows = [peer._replace(thread=thread)] if peer.author != agent else []
    return next(iter(of_mail(store, agent, rows).values()), None)


def of_agent(store: Store, agent: int) -> tuple[HeldWakes, ...]:
    """Return the threads whose mail wakes neither an agent nor one that it writes with."""
    bound = limit(store)
    held: list[HeldWakes] = []
    for thread in threads.automatic(store.view, agent) if bound.replies else ():
        rows = _newest(store, thread, bound)
        for peer in {row.author: row for row in rows if row.automatic and row.author != agent}.values():
            if _is_reached(store, rows, {agent, peer.author}, bound):
                address = address_of(peer.name, peer.store, own=peer.store == store.own)
                held.append(HeldWakes(thread, address, *bound))
    return tuple(held)


def _newest(store: Store, thread: str, bound: Limit) -> list[Written]:
    return threads.newest(store.view, thread, 4 * bound.replies)


def _is_reached(store: Store, rows: list[Written], pair: set[int], bound: Limit) -> bool:
    """Return whether the newest automatic replies of two agents, since a person last wrote, are too many too fast."""
    woken = {row.author for row in rows if row.automatic}
    prompts: dict[int, int] = {}
    times: list[int] = []
    for row in rows:
        if row.author in pair and row.author not in prompts:
            prompts[row.author] = _prompted_ms(store, row.name) if row.store == store.own else 0
        if row.received_ms <= max(prompts.values(), default=0) or _is_of_a_person(store, row, pair, woken):
            return False
        if row.automatic and row.author in pair:
            times.append(row.sent_ms)
            if len(times) == bound.replies:
                return max(times) - min(times) <= bound.minutes * _MINUTE_MS
    return False


def _is_of_a_person(store: Store, row: Written, pair: set[int], woken: set[int]) -> bool:
    """Return whether a message shows that a person wrote.

    It does if it comes from a third agent, or from an agent of another machine in a turn that no wake began. For agents
    of this machine the time of the last prompt counts; one that is never woken counts as neither.
    """
    if row.automatic:
        return False
    return row.author not in pair or (row.store != store.own and row.author in woken)


def _prompted_ms(store: Store, agent: str) -> int:
    """Return when a person last ended a woken turn of an agent of this store; 0 for never."""
    try:
        text = store.host.storage.read(store.paths.in_var(prompt_time(agent)))
    except (FileNotFoundError, StorageFailed):
        return 0
    return int(text) if text.isdigit() else 0
