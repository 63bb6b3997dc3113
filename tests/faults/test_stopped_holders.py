"""A process that is stopped while it holds a lock: others fail in time and name it, and go on once it goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.conftest import Two
from tests.machines import IMPATIENT
from thrum_store.errors import StoreBusy
from thrum_store.machine.host import LOCK_DEADLINE
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.store import open_store

from .crowd import Speaker, sound


@pytest.fixture
def stopped(repo: Paths, two_agents: Two, request: pytest.FixtureRequest) -> Iterator[Speaker]:
    """alice's process, stopped in the middle of a send, at the step that the test names."""
    speaker = Speaker(repo, "alice", "send", "bob", THRUM_TESTING="1", THRUM_FAILPOINT=f"{request.param}:stop")
    _, status = os.waitpid(speaker.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    yield speaker
    speaker.process.send_signal(signal.SIGCONT)
    speaker.wait()


def test_a_lock_is_waited_for_ten_seconds() -> None:
    assert LOCK_DEADLINE == 10


@pytest.mark.parametrize("stopped", ["append.begin"], indirect=True)
def test_a_stopped_writer_holds_up_its_own_name_and_nobody_else(repo: Paths, two_agents: Two, stopped: Speaker) -> None:
    with open_store(repo, IMPATIENT) as store:
        with pytest.raises(StoreBusy, match=f"pid {stopped.process.pid}") as busy:
            sending.send(store, two_agents.alice, SendMessage("too", to=("bob",)))
        assert busy.value.code == "store_busy"
        assert sending.send(store, two_agents.bob, SendMessage("goes", to=("alice",))).warnings == ()


@pytest.mark.parametrize("stopped", ["commit.apply"], indirect=True)
def test_a_writer_stopped_while_it_commits_is_named_and_nothing_said_is_lost(
    repo: Paths, two_agents: Two, stopped: Speaker
) -> None:
    with open_store(repo, IMPATIENT) as store:
        sent = sending.send(store, two_agents.bob, SendMessage("said", to=("alice",)))
    assert f"pid {stopped.process.pid}" in sent.warnings[0]
    assert "stored, and not shown yet" in sent.warnings[0]
    stopped.process.send_signal(signal.SIGCONT)
    assert stopped.wait() == 0
    logs = sound(repo)
    assert sent.header.id in {event["i"] for events in logs.values() for event in events}


@pytest.mark.parametrize("stopped", ["append.begin", "append.durable", "commit.apply"], indirect=True)
def test_all_goes_on_once_it_goes_on(repo: Paths, two_agents: Two, stopped: Speaker) -> None:
    stopped.process.send_signal(signal.SIGCONT)
    assert stopped.wait() == 0
    with open_store(repo) as store:
        assert sending.send(store, two_agents.alice, SendMessage("next", to=("bob",))).warnings == ()
    sound(repo)
