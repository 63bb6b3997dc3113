"""Fifty processes that send at once: exactly once to everybody, in each sender's order."""

from __future__ import annotations

from thrum_store.identity import Caller
from thrum_store.repository.paths import Paths
from thrum_store.service.team import groups
from thrum_store.service.team.groups import CreateGroup, Membership
from thrum_store.store import open_store

from .crowd import Speaker, nothing_lost, register, sound

ROLES = ("planner", "tester", "writer")


def test_each_of_fifty_processes_reaches_every_recipient_once_and_in_its_own_order(repo: Paths) -> None:
    names = [f"agent{number}" for number in range(50)]
    callers = register(repo, names, ROLES)
    make_groups(repo, callers)
    places = [*names, *ROLES, "team", "crew", "everyone"]

    speakers = {name: Speaker(repo, name, "chatter", "20", *places) for name in names}
    assert {name: speaker.wait() for name, speaker in speakers.items()} == dict.fromkeys(names, 0)

    logs = sound(repo)
    for name, speaker in speakers.items():
        assert len(speaker.heard) == 20
        nothing_lost(logs, name, [answer["id"] for answer in speaker.heard])
    in_order_everywhere(repo)
    got = mailboxes(repo)
    for name, speaker in speakers.items():
        for answer in speaker.heard:
            assert {reader for reader in names if answer["id"] in got[reader]} == set(answer["recipients"]) - {name}


def make_groups(repo: Paths, callers: list[Caller]) -> None:
    """team: two agents and a role; crew: team and another agent."""
    with open_store(repo) as store:
        for name in ("team", "crew"):
            groups.create(store, callers[0], CreateGroup(name))
        for group, kind, value in (
            ("team", "agent", "agent1"),
            ("team", "agent", "agent2"),
            ("team", "role", "tester"),
            ("crew", "group", "team"),
            ("crew", "agent", "agent3"),
        ):
            groups.add(store, callers[0], Membership(group, kind, value))


def mailboxes(repo: Paths) -> dict[str, set[str]]:
    """Return the ids in each agent's mailbox."""
    sql = (
        "SELECT a.name, m.id FROM agents a LEFT JOIN deliveries d ON d.recipient = a.id"
        " LEFT JOIN messages m ON m.number = d.message"
    )
    mailboxes: dict[str, set[str]] = {}
    with open_store(repo) as store:
        for name, message in store.view.execute(sql):
            mailboxes.setdefault(name, set()).add(message)
    return mailboxes


def in_order_everywhere(repo: Paths) -> None:
    """Assert that in every mailbox the messages of one sender have the order of its log."""
    order = "FROM deliveries d JOIN messages m ON m.number = d.message ORDER BY d.number"
    last: dict[tuple[int, int], int] = {}
    with open_store(repo) as store:
        for recipient, author, seq in store.view.execute(f"SELECT d.recipient, m.author, m.seq {order}"):
            assert last.get((recipient, author), 0) < seq
            last[recipient, author] = seq
