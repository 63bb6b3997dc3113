"""No room for a line, at every byte of it: refused, not acknowledged, and the next send is right."""

from __future__ import annotations

from thrum_store.repository.paths import Paths

from .crowd import Speaker, nothing_lost, register, sound


def test_a_limit_at_any_byte_of_a_line_refuses_the_send_and_leaves_the_log_as_it_was(repo: Paths) -> None:
    register(repo, ["alice", "bob"])
    speaker = Speaker(repo, "alice", "cramped", "bob")
    assert speaker.wait() == 0, speaker.complaints
    *refused, last = speaker.heard
    assert len(refused) > 300  # bytes of a line
    assert {(answer["refused"], answer["grew"]) for answer in refused} == {("file_limit", 0)}
    logs = sound(repo)
    nothing_lost(logs, "alice", [last["id"]])
    assert len([events for (_, name), events in logs.items() if name == "alice"][0]) == 2
