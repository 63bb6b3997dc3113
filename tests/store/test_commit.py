"""The commit protocol: a reading is applied to the view that it was made for, and to no other."""

from __future__ import annotations

from tests.canonical import dump
from tests.conftest import Two
from tests.oracle import shown, spoken, world
from thrum_store.log.events import Draft
from thrum_store.log.segments import Shard
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.store import Store, open_store


def test_lines_that_were_read_for_a_view_are_not_applied_to_the_next_one(
    repo: Paths, store: Store, two_agents: Two
) -> None:
    """The next view has read them itself: it would count them twice, and go back behind what follows them."""
    shard = Shard(store.own, "alice")
    generation, head = store.generation, store.head(shard)[0]
    data = {"to": [["agent", "bob"]], "recipients": ["bob"], "content": "first", "format": "plain"}
    with store.shard_lock(shard):
        appended = store.log.append(shard, head, [Draft("message.create", data)], 1)
    with open_store(repo) as other:
        other.rebuild()
        sending.send(other, two_agents.alice, SendMessage("second", to=("bob",)))
        before = dump(other.view)
        store.show(shard, appended, generation)
        assert store.generation == other.generation
        assert dump(other.view) == before
        assert shown(other.view) == world(spoken(repo.logs))
