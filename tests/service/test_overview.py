"""status, overview and prime."""

from __future__ import annotations

import json

from tests.places import Place
from thrum_store.identity import Caller
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.service.team import briefing, contexts, heartbeat, overview


def test_status_tells_session_work_context_and_mailbox(place: Place) -> None:
    ann = place.join("ann", "planner")
    place.join("bob")
    place.send("bob", "hello", "@ann")
    with place.open() as store:
        heartbeat.set_intent(store, ann, "Planning")
        contexts.save(store, "ann", "notes")
        now = overview.status(store, ann)
    assert (now.health.status, now.agent.address, now.inbox.unread, now.inbox.total) == ("ok", "ann", 1, 1)
    assert now.work_context is not None
    assert (now.work_context.intent, now.work_context.branch) == ("Planning", "main")
    assert (now.context.has_context, now.context.size, now.agents.active) == (True, 5, 2)


def test_overview_shows_the_others_and_not_oneself(place: Place) -> None:
    ann = place.join("ann", "planner")
    bob = place.join("bob")
    with place.open() as store:
        heartbeat.set_intent(store, bob, "Building")
        seen = overview.overview(store, ann)
    assert [(member.address, member.intent) for member in seen.team] == [("bob", "Building")]


def test_prime_tells_what_an_agent_needs_after_its_memory_was_compacted(place: Place) -> None:
    ann = place.join("ann", "planner")
    place.join("bob")
    message = place.send("bob", "please review", "@ann")
    place.write("new.py")
    with place.open() as store:
        heartbeat.set_intent(store, ann, "Planning")
        contexts.save(store, "ann", "I was at step 3")
        briefed = briefing.prime(store, ann)
    assert briefed.identity is not None and briefed.identity.address == "ann"
    assert briefed.session is not None and briefed.session.intent == "Planning"
    assert (briefed.agents.total, briefed.agents.active, [agent.address for agent in briefed.agents.list]) == (
        2,
        2,
        ["bob"],
    )
    assert briefed.messages is not None
    assert (briefed.messages.unread, [excerpt.header.id for excerpt in briefed.messages.recent]) == (1, [message])
    assert (briefed.work_context.branch, briefed.work_context.uncommitted_files) == ("main", ("new.py",))
    assert briefed.context is not None and briefed.context.content == "I was at step 3"


def test_prime_marks_nothing_and_shows_only_the_callers_own_mail(place: Place) -> None:
    ann = place.join("ann", "planner")
    bob = place.join("bob")
    place.join("eve")
    place.send("ann", "secret", "@bob")
    with place.open() as store:
        seen = briefing.prime(store, place.caller("eve")).messages
        assert seen is not None and (seen.unread, seen.total, seen.recent) == (0, 0, ())
        briefing.prime(store, bob)
        assert mailbox.inbox(store, bob, ReadInbox()).unread == 1
        assert briefing.prime(store, ann).messages is not None


def test_a_newcomer_is_not_shown_what_was_said_before_it_came(place: Place) -> None:
    place.join("ann", "planner")
    place.join("bob")
    for number in range(30):
        place.send("ann", f"old {number}")
    eve = place.join("eve")
    with place.open() as store:
        seen = briefing.prime(store, eve).messages
    assert seen is not None and seen.total == 0


def test_prime_stays_small_whatever_others_wrote(place: Place) -> None:
    ann = place.join("ann", "planner")
    for number in range(30):
        other = place.join(f"agent-{number}", "implementer", "x" * 60)
        with place.open() as store:
            heartbeat.set_intent(store, other, "i" * 250)
    for _ in range(10):
        place.send("agent-0", "ü" * 100_000, "@ann")
    for number in range(200):
        place.write(f"file-{number}.py")
    with place.open() as store:
        contexts.save(store, "ann", "c" * 200_000)
        contexts.set_preamble(store, "ann", "p" * 200_000)
        briefed = briefing.prime(store, ann)
    from thrum_store.values import as_json

    assert len(json.dumps(as_json(briefed), ensure_ascii=False).encode()) < 24_000
    assert briefed.work_context.more_files == 180
    assert briefed.messages is not None and all(excerpt.shortened for excerpt in briefed.messages.recent)


def test_prime_without_an_identity_says_what_to_do_and_the_rest_all_the_same(place: Place) -> None:
    place.join("ann", "planner")
    with place.open() as store:
        briefed = briefing.prime(store, None, "register first")
    assert (briefed.identity, briefed.problem, briefed.messages, briefed.agents.total) == (
        None,
        "register first",
        None,
        1,
    )


def test_status_of_a_name_that_nobody_registered_says_so(place: Place) -> None:
    with place.open() as store:
        now = overview.status(store, Caller("nobody", worktree="main"))
    assert (now.agent.registered, now.work_context, now.inbox.total) == (False, None, 0)
