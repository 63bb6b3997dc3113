"""The names under which clients of the Go program call the daemon: methods, parameters, and keys of the answers."""

from __future__ import annotations

import pytest

from docs.generate.reference import keys
from thrum_mcp.daemon.rpc.methods import METHODS

_ECHO = "group member_type member_value"
_BEAT = "add_scopes remove_scopes add_refs remove_refs"
_SENT = "message_id thread_id created_at resolved_to warnings audiences recipients"
# method: its parameters | the keys of its answer; those of lists and objects inside are the same as on the command line
GO = {
    "health": "| status uptime_ms version repo_id sync_state",
    "agent.register": "name role module display force re_register | agent_id status",
    "agent.list": "role module | agents",
    "agent.whoami": "| agent_id role module display source session_id session_start branch intent",
    "agent.listContext": "agent_id branch file | contexts",
    "agent.delete": "name | agent_id deleted",
    "agent.cleanup": "dry_run force threshold | orphans deleted dry_run",
    "team.list": "include_offline | members shared_messages",
    "context.save": "agent_name content | size",
    "context.show": "agent_name | has_context content size updated_at preamble",
    "context.clear": "agent_name | agent_id",
    "context.preamble.show": "agent_name | preamble",
    "context.preamble.save": "agent_name content | size",
    "session.start": "agent_id scopes refs | session_id agent_id started_at",
    "session.end": "session_id reason | session_id ended_at duration_ms",
    "session.list": "agent_id active_only | sessions",
    "session.heartbeat": f"session_id {_BEAT} | session_id last_seen_at branch unmerged_commits file_changes",
    "session.setIntent": "session_id intent | session_id intent intent_updated_at",
    "session.setTask": "session_id current_task | session_id current_task task_updated_at",
    "group.create": "name description | group_id name created_at",
    "group.delete": "name | name deleted_at",
    "group.member.add": f"{_ECHO} | {_ECHO}",
    "group.member.remove": f"{_ECHO} | {_ECHO}",
    "group.list": "| groups",
    "group.info": "name expand | group_id name description created_at created_by members",
    "group.members": "name expand | members expanded",
    "message.send": f"content format structured reply_to scopes refs mentions | {_SENT}",
    "message.get": "message_id | message",
    "message.list": "scope mentions unread page_size page | messages total unread page page_size total_pages",
    "message.outbox": "to unread page_size page | messages total page page_size total_pages",
    "message.edit": "message_id content structured | message_id updated_at version",
    "message.delete": "message_id reason | message_id deleted_at",
    "message.markRead": "message_ids | marked_count",
    "subscribe": "scope mention_role all | subscription_id session_id created_at",
    "unsubscribe": "subscription_id | removed",
    "subscriptions.list": "| subscriptions",
    "sync.force": "| triggered last_sync_at sync_state local_only",
    "sync.status": "| running last_sync_at last_error sync_state local_only",
    "purge.execute": "before dry_run | before dry_run messages_deleted sessions_deleted events_deleted"
    " sync_message_files sync_events_filtered",
}


@pytest.mark.parametrize("name", GO)
def test_a_method_of_the_go_program_takes_its_parameters_and_answers_with_its_keys(name: str) -> None:
    parameters, answered = (part.split() for part in GO[name].split("|"))
    method = METHODS[name]
    assert set(parameters) - {parameter.name for parameter in method.parameters.listed} == set()
    assert set(answered) - {key.partition(".")[0] for key in keys(method.result)} == set()
