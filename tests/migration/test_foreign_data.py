"""Logs with anything in them: a migration reads what it can, names the rest, and never fails."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrum_store import identity
from thrum_store.log.events import LINE_LIMIT, canonical
from thrum_store.service.import_go import go_audience, go_rules
from thrum_store.service.import_go.already import Already
from thrum_store.service.import_go.drafts import Drafts
from thrum_store.view.projection import malformed

IDS = st.sampled_from(
    ["a", "b", "agent:r:X", "grp_1", "msg_1", "msg_2", "ses_1", "everyone", "../x", "-", "*", "é", ""]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | IDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
PAIRS = st.lists(st.fixed_dictionaries({"type": IDS | ANYTHING, "value": IDS | ANYTHING}), max_size=3)
KINDS = st.sampled_from(sorted({*go_rules.BEGINNINGS, *go_rules.CHANGES, "thread.updated"}))
TIMES = st.sampled_from(["2026-01-02T03:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+23:59"])
BODIES = st.fixed_dictionaries(
    {"content": st.text(max_size=9) | ANYTHING}, optional={"structured": ANYTHING, "format": ANYTHING}
)
NAMES = (
    "agent_id", "message_id", "session_id", "group_id", "name", "created_by", "added_by", "member_type", "member_value",
    "event_id", "thread_id", "role", "kind", "cutoff", "reason", "receipt_type",
)  # fmt: skip
LIKELY = st.fixed_dictionaries(
    {"type": KINDS},
    optional={
        **dict.fromkeys(NAMES, IDS | st.sampled_from(["agent", "role", "group", "read"]) | ANYTHING),
        "timestamp": TIMES | ANYTHING,
        "body": BODIES | ANYTHING,
        "refs": PAIRS | ANYTHING, "scopes": PAIRS | ANYTHING, "recipients": st.lists(IDS, max_size=3) | ANYTHING,
        "fields": ANYTHING,
        "work_contexts": st.lists(st.dictionaries(IDS, ANYTHING, max_size=2), max_size=2) | ANYTHING,
        "row": st.booleans(),
    },
)  # fmt: skip


@pytest.mark.timeout(900)  # the nightly profile looks much longer
@given(st.lists(LIKELY, max_size=12), st.lists(IDS, max_size=2))
def test_events_with_any_fields_become_events_that_fit_their_schema(
    events: list[dict[str, Any]], living: list[str]
) -> None:
    lines = "\n".join(map(json.dumps, events)).encode()
    old = go_rules.parse([("events.jsonl", lines)])
    go_audience.settle(old, [old.names.holder(name) for name in living if name])
    drafts = Drafts(old, Already({}, {}, {}, {}, {}, settled=True))
    for agent in old.agents.values():
        drafts.agent(agent, agent.registrations)
        assert identity.valid_name(agent.name) == agent.name
    for session in old.sessions.values():
        drafts.session(session)
    for message in old.messages.values():
        drafts.message(message)
    for change in old.group_changes:
        drafts.group([change], {}, "")
    drafts.assign("s" * 26, dict.fromkeys(drafts.entries, 0))
    for window in drafts.windows():
        for entries in window.values():
            for draft, ms in entries:
                assert malformed(draft.type, draft.data) == ""
                assert len(canonical(draft.data)) < LINE_LIMIT
                assert abs(ms) < 1 << 53


@given(
    st.lists(st.binary(max_size=40) | LIKELY.map(lambda fields: json.dumps(fields).encode()), max_size=8),
    st.integers(0, 200),
)
def test_files_that_break_off_anywhere_are_read(parts: list[bytes], end: int) -> None:
    whole = b"\n".join(parts)
    for data in (whole, whole[:end], whole[end:]):
        go_audience.settle(go_rules.parse([("a", data), ("b", data)]), [])
