"""--json, on every command: one document on standard output and nothing else, for success, for nothing, for errors."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docs.generate import reference
from docs.generate.reference import keys
from tests.contract.manifest import requirement

from .conftest import gathered
from .shell import Answer, Shell
from .test_help import EVERY
from .tour import FAIL, LEAVES, LINES, SLOW, STREAMS, TOUR, Words, tour

_CONTEXT = "contexts.session_id contexts.agent_id contexts.branch contexts.worktree_path contexts.unmerged_commits"
_AGENT = "agent_id role module display branch worktree intent session_id session_start identity_file source"
_STATUS = (
    "health.status health.repo_id health.uptime_ms health.version health.sync_state work_context inbox.total"
    " inbox.unread websocket_port"
)
_PAGE = "total page page_size total_pages messages.message_id messages.thread_id messages.agent_id messages.created_at"
_SENT = (
    "message_id thread_id created_at resolved_to warnings audiences.type audiences.value recipients.agent_id"
    " recipients.delivered_at recipients.seen_at recipients.read_at"
)
_MESSAGE = (
    "message.message_id message.thread_id message.author.agent_id message.author.session_id message.body.content"
    " message.scopes message.refs message.metadata.deleted_at message.metadata.delete_reason message.created_at"
    " message.updated_at message.deleted message.audiences.type message.recipients.read_at"
)
_AGENTS = (
    "agents.agents.agent_id agents.agents.kind agents.agents.role agents.agents.module agents.agents.display"
    " agents.agents.registered_at agents.agents.last_seen_at"
)
_ALIVE = "session_id last_seen_at branch unmerged_commits file_changes"
# What scripts read that were written for the Go program; a key inside of another stands behind a dot.
GO: dict[Words, str] = {
    ("quickstart",): "register.agent_id register.status session.session_id session.started_at intent runtime"
    " runtime_init",
    ("overview",): f"{_STATUS} team agent.agent_id agent.role agent.intent",
    ("status",): f"{_STATUS} agent.agent_id agent.intent context.has_context context.size context.updated_at",
    ("whoami",): _AGENT,
    ("agent", "whoami"): _AGENT,
    ("version",): "version build repo_url website_url",
    ("prime",): "identity session.session_id agents.total agents.active agents.list messages.unread messages.total"
    " messages.recent.message_id messages.recent.thread_id messages.recent.reply_to messages.recent.agent_id"
    " messages.recent.body.format messages.recent.body.content messages.recent.body.structured"
    " messages.recent.created_at messages.recent.deleted messages.recent.is_read work_context.error"
    " work_context.branch work_context.uncommitted_files work_context.unmerged_commits"
    " sync_state.daemon_status sync_state.sync_state repo_path",
    ("send",): _SENT,
    ("reply",): _SENT,
    ("inbox",): f"{_PAGE} messages.body.format messages.body.content messages.reply_to messages.is_read unread",
    ("sent",): f"{_PAGE} messages.body.content messages.audiences messages.recipients.read_at messages.read_count",
    ("sent", "show"): _MESSAGE,
    ("message", "get"): _MESSAGE,
    ("message", "edit"): "message_id updated_at version",
    ("message", "delete"): "message_id deleted_at",
    ("message", "read"): "marked_count",
    ("wait",): "status action",
    ("purge",): "before dry_run messages_deleted sessions_deleted events_deleted sync_message_files"
    " sync_events_filtered",
    ("agent", "register"): "agent_id status",
    ("agent", "list"): f"{_AGENTS} contexts.contexts.session_id contexts.contexts.branch contexts.contexts.intent",
    ("ping",): f"{_AGENTS} contexts.contexts.session_id contexts.contexts.current_task",
    ("agent", "context"): _CONTEXT,
    ("agent", "delete"): "agent_id deleted",
    ("agent", "cleanup"): "orphans deleted dry_run",
    ("agent", "heartbeat"): _ALIVE,
    ("session", "heartbeat"): _ALIVE,
    ("session", "start"): "session_id agent_id started_at",
    ("session", "end"): "session_id ended_at duration_ms",
    ("session", "list"): "sessions.session_id sessions.agent_id sessions.started_at sessions.ended_at"
    " sessions.end_reason sessions.last_seen_at sessions.intent sessions.status",
    ("session", "set-intent"): "session_id intent intent_updated_at",
    ("session", "set-task"): "session_id current_task task_updated_at",
    ("subscribe",): "subscription_id session_id created_at",
    ("unsubscribe",): "removed",
    ("subscriptions",): "subscriptions",
    ("group", "create"): "group_id name created_at",
    ("group", "delete"): "name deleted_at",
    ("group", "add"): "group member_type member_value",
    ("group", "remove"): "group member_type member_value",
    ("group", "list"): "groups.group_id groups.name groups.description groups.member_count groups.created_at",
    ("group", "info"): "group_id name description created_at created_by members.member_type members.member_value"
    " members.added_at members.added_by",
    ("group", "members"): "members.member_type members.member_value expanded",
    ("team",): "members.agent_id members.role members.module members.hostname members.worktree members.session_id"
    " members.session_start members.last_seen members.intent members.current_task members.branch members.status"
    " members.unmerged_commits members.file_changes members.inbox_total members.inbox_unread"
    " shared_messages.broadcast_total shared_messages.groups",
    ("who-has",): _CONTEXT,
    ("sync", "status"): "running last_sync_at last_error sync_state local_only",
    ("daemon", "status"): "running status uptime pid repo_path version sync_state ws_port",
    ("runtime", "list"): "presets.name presets.display_name presets.command presets.mcp_supported"
    " presets.hooks_supported presets.instructions_file presets.mcp_config_path presets.setup_notes default_runtime",
    ("runtime", "show"): "name display_name command mcp_supported hooks_supported instructions_file mcp_config_path",
    ("config", "show"): "config_file runtime.primary runtime.source runtime.detected daemon.local_only.value"
    " daemon.sync_interval.source daemon.ws_port.value daemon.status daemon.pid daemon.socket identity.agent"
    " identity.role identity.module identity.file overrides",
}  # fmt: skip
SCHEMAS = {words: reference.answers(EVERY[words]) for words in TOUR}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[Words, Answer]:
    """Return each command's answer to planner."""
    team = gathered(tmp_path_factory.mktemp("tour"))
    return tour(team, team.builder.cwd, team.planner)


@requirement("flag:json")
@pytest.mark.parametrize("words", TOUR, ids=" ".join)
def test_an_answer_is_one_document_with_the_keys_of_the_docs(answers: dict[Words, Answer], words: Words) -> None:
    answer = answers[words]
    document: dict[str, Any] = answer.data
    if "error" in document:
        assert words in FAIL and set(document["error"]) == {"code", "message", "hint"}, document
    else:
        assert answer.code == 0 or words in FAIL
        assert [shape for shape in SCHEMAS[words] if fits(document, shape)], document


@pytest.mark.parametrize("words", GO, ids=" ".join)
def test_scripts_find_the_keys_that_the_go_program_wrote(answers: dict[Words, Answer], words: Words) -> None:
    assert set(GO[words].split()) - set(_paths(answers[words].data)) == set()


def _paths(value: Any, above: str = "") -> Iterator[str]:
    """The keys of a document, those inside of others behind a dot; a list is as its items are."""
    for item in _items(value):
        yield from _paths(item, above)
    for key, inner in _table(value).items():
        yield f"{above}{key}"
        yield from _paths(inner, f"{above}{key}.")


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]  # as JSON has it


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # as JSON has it


def fits(value: Any, hint: Any) -> bool:
    """Return whether a value has the keys that docs/json.md lists, each of its type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return any(fits(value, item) for item in inner)
    if origin in (tuple, list):
        return isinstance(value, list) and all(fits(item, inner[0]) for item in _items(value))
    if origin is dict or hint in (dict, Any):
        return isinstance(value, dict) or hint is Any
    if hint in (str, int, float, bool, type(None)):
        return type(value) is hint or (hint, type(value)) == (float, int)
    documented = keys(hint)
    return set(_flat(value, documented)) == set(documented) and all(
        fits(inner, documented[key]) for key, inner in _flat(value, documented).items()
    )


def _flat(value: Any, documented: dict[str, Any]) -> dict[str, Any]:
    """The values of a document; those inside of an object that the docs take apart under `outer.key`."""
    outer = {key.partition(".")[0] for key in documented if "." in key}
    flat = {key: inner for key, inner in _table(value).items() if key not in outer}
    return flat | {f"{name}.{key}": inner for name in outer for key, inner in _table(_table(value).get(name)).items()}


@requirement("flag:json")
@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_a_line_that_cannot_be_read_is_an_error_document(repository: Shell, words: tuple[str, ...]) -> None:
    answer = repository.thrum(*words, "--no-such-flag", "--json")
    assert answer.error["code"] == "usage" and answer.error["message"] and "--help" in answer.error["hint"]
    assert answer.code == (2 if words == ("wait",) else 1)


@requirement("flag:json")
@pytest.mark.parametrize("words", [leaf for leaf in LEAVES if leaf != ("demo",)], ids=" ".join)
def test_outside_of_a_repository_there_is_one_document_as_well(tmp_path: Path, words: tuple[str, ...]) -> None:
    answer = Shell(tmp_path).thrum(*words, *LINES.get(words, ()), "--json", stdin=b"notes")
    document = answer.data
    assert isinstance(document, dict)
    if answer.code and "error" in document:
        assert document["error"]["code"] == "not_a_repository" and document["error"]["hint"]


@requirement("flag:json")
@pytest.mark.parametrize(
    "words", [("message",), ("group",), ("agent",), ()], ids=lambda words: " ".join(words) or "thrum"
)
def test_a_group_without_a_command_is_an_error_document(repository: Shell, words: tuple[str, ...]) -> None:
    assert repository.thrum(*words, "--json").error["code"] == "usage"


def test_what_the_lines_are_for_exists() -> None:
    assert set(LINES) | FAIL | SLOW | STREAMS <= set(EVERY)
