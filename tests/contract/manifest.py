"""The promises of thrum, sentence by sentence: an id, the words of the promise, and the behaviour.

A test that shows such a behaviour carries `@requirement("id", …)`. `test_manifest.py` holds both ways: each entry has
a test, and each id that a test names is an entry. Where we do better than the words say, `behaviour` tells how.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

T = TypeVar("T", bound=Callable[..., object])


class Entry(NamedTuple):
    """A promise; `shown` names tests that show it as `folder/test_file.py::test_name`, beside those that claim it."""

    quote: str
    behaviour: str
    shown: tuple[str, ...] = ()


_IDENTITY = "cli/test_identity.py::test_the_environment_beats_the_identity_file_and_flags_beat_it_but_for_the_name"
_DAEMON = "daemon/test_commands.py::test_the_life_of_a_daemon"

MANIFEST = {
    # global flags and environment
    "flag:json": Entry("--json JSON output for scripting", "one document on standard output, errors as well"),
    "flag:quiet": Entry(
        "--quiet Suppress non-essential output", "the answer of a command that answers, and errors, stay"
    ),
    "flag:verbose": Entry("--verbose Debug output", "caller and store, on standard error"),
    "flag:repo": Entry('--repo PATH Repository path (default: ".")', "any directory inside of it will do"),
    "env:THRUM_NAME": Entry("THRUM_NAME Agent name (highest priority)", "beats --name, and says so"),
    "env:THRUM_ROLE": Entry("THRUM_ROLE Agent role (overrides identity file)", "--role beats it"),
    "env:THRUM_MODULE": Entry("THRUM_MODULE Agent module (overrides identity file)", "--module beats it"),
    "env:THRUM_DISPLAY": Entry("THRUM_DISPLAY Display name (overrides identity file)", "--display beats it"),
    "color": Entry("(ours) colour for people", "on a terminal only, and not with NO_COLOR"),
    # set-up and orientation
    "init": Entry("thrum init [--force] Initialize Thrum in the current repository.", "again changes nothing"),
    "init:stealth": Entry("thrum init [--stealth]", "no tracked file is touched"),
    "init:agent": Entry(
        "thrum init [--agent-name NAME] [--agent-role ROLE] [--agent-module MODULE]", "registers it, starts its session"
    ),
    "init:dry-run": Entry("thrum init [--dry-run]", "says what it would do"),
    "init:runtime": Entry(
        "thrum init [--runtime claude|codex|cursor|gemini|cli-only|all]",
        "merges into the client's own files, byte for byte; uninit takes it back",
    ),
    "runtime:list": Entry("thrum runtime list List all runtime presets (claude, codex, cursor, …)", "and opencode"),
    "runtime:show": Entry("thrum runtime show Show details for a runtime preset.", "and how mail reaches its agent"),
    "runtime:set-default": Entry("thrum runtime set-default Set the default runtime preset.", "what `auto` means"),
    "quickstart:runtime": Entry(
        "thrum quickstart [--runtime PRESET]", "like init --runtime; without it the client that is used, or the default"
    ),
    "quickstart:dry-run": Entry("thrum quickstart [--dry-run]", "says what it would do"),
    "quickstart:preamble-file": Entry("thrum quickstart [--preamble-file PATH]", "goes after the usual preamble"),
    "toolkit:agents": Entry("toolkit/agents/ Claude Code agent definitions", "thrum-agent and message-listener"),
    "toolkit:templates": Entry("toolkit/templates/ Agent development workflow patterns", "short; nine roles as well"),
    "toolkit:list": Entry("(ours) thrum toolkit list", "names, kinds and places of all that ships in toolkit/"),
    "toolkit:copy": Entry("(ours) thrum toolkit copy NAME [DEST]", "a changed file stays, unless forced"),
    "toolkit:path": Entry("(ours) thrum toolkit path", "where the installed package keeps it"),
    "scripts:thrum": Entry("./scripts/setup-worktree-thrum.sh # Auto-detect all worktrees", "idempotent"),
    "scripts:beads": Entry("./scripts/setup-worktree-beads.sh # Auto-detect all worktrees", "idempotent"),
    "quickstart": Entry(
        "thrum quickstart --name NAME --role ROLE --module MODULE [--display NAME] [--intent TEXT]",
        "registers, starts a session, sets the intent; what is left out comes from the identity file",
    ),
    "quickstart:lost-value": Entry(
        "thrum quickstart --name --role planner --module auth",
        "the name got lost on the way here: the error says which value is missing, with the line to paste",
    ),
    "quickstart:no-init": Entry("thrum quickstart [--no-init]", "fails where the repository is not set up"),
    "quickstart:force": Entry("thrum quickstart [--force]", "takes a name over from another worktree"),
    "status": Entry("thrum status [--json] Show current agent status and session info.", "as it says"),
    "version": Entry("thrum version Show version, build hash, repository URL, and documentation URL.", "what is known"),
    "version:urls": Entry(
        "Show version, build hash, repository URL, and documentation URL.",
        "the addresses that the package was published with; none where it has none",
    ),
    "flags:everywhere": Entry(
        "All commands accept these flags",
        "before or after the command's name",
        ("cli/test_help.py::test_every_function_of_a_command_takes_the_global_flags",),
    ),
    "workflows": Entry(
        "Quick Start; Common Agent Workflows",
        "the guides, run word for word",
        ("transcripts/test_guides.py::test_a_guide_can_be_followed_word_for_word",),
    ),
    "lines": Entry(
        "every command line of the text",
        "run as it stands, in a new repository, a new clone and a linked worktree",
        ("seed/test_lines.py::test_every_line_does_what_the_text_says",),
    ),
    "completion": Entry("thrum completion [bash|fish|powershell|zsh]", "commands, flags and addresses"),
    "demo": Entry("(ours) thrum demo", "two agents, two real servers, nothing canned"),
    # messaging
    "kept:logs": Entry(
        "Messages are stored in append-only JSONL logs (sharded by agent)", "an edit or a deletion is one more line"
    ),
    "kept:branch": Entry(
        "on a dedicated `a-sync` orphan branch, accessed via a `.git/thrum-sync/a-sync` git worktree. "
        "No branch switching is needed",
        "as it says",
    ),
    "kept:view": Entry("A SQLite projection provides fast queries.", "lost, it is made again from the logs"),
    "send": Entry("thrum send MESSAGE Send a message.", "durable and delivered on return"),
    "send:scope": Entry("thrum send [--scope type:value]", "repeatable"),
    "send:ref": Entry("thrum send [--ref type:value]", "repeatable"),
    "send:mention": Entry("thrum send [--mention @role]", "delivers, like --to"),
    "send:thread": Entry("thrum send [--thread ID]", "joins that thread"),
    "mention": Entry('Tag another agent by role: @role. Stored as ref type "mention".', "by name as well"),
    "agent-id": Entry("ID: agent:role:hash.", "understood; an agent is known by its name"),
    "send:to:role": Entry("thrum send [--to @role]", "all agents with the role"),
    "send:to:everyone": Entry("Use --to @everyone to broadcast to all agents.", "all but the sender"),
    "send:to:group": Entry("Use --to @group to send to a group.", "its members, nested and by role"),
    "send:everyone": Entry("thrum send [--everyone]", "the same as --to @everyone"),
    "send:format": Entry("thrum send [--format markdown|plain|json]", "markdown unless told otherwise"),
    "send:structured": Entry("thrum send [--structured JSON]", "a JSON object"),
    "reply": Entry(
        "Reply to a message, copying the parent's audience (mentions/scopes). Includes reply_to reference.",
        "and marks the parent as read",
    ),
    "reply:format": Entry("thrum reply MSG_ID TEXT [--format markdown|plain|json]", "as send"),
    "inbox": Entry("List messages in your inbox.", "newest first; looking marks nothing"),
    "inbox:filter": Entry(
        "Auto-filters to messages addressed to you + broadcasts.", "by name, role or group; and what names you"
    ),
    "inbox:mentions": Entry("thrum inbox [--mentions]", "only what names me or my role"),
    "inbox:unread": Entry("thrum inbox [--unread]", "only what I have not read"),
    "inbox:all": Entry("Use --all to disable auto-filtering and show everything.", "-a is the same"),
    "inbox:pages": Entry("thrum inbox [--page-size N] [--limit N] [--page N]", "--limit is --page-size"),
    "sent": Entry("List messages you sent, including resolved recipients and durable read state.", "as it says"),
    "sent:to": Entry("thrum sent [--to @agent|@role|@group|@everyone]", "only what went there"),
    "sent:unread": Entry("thrum sent [--unread]", "only what somebody has not read"),
    "sent:pages": Entry("thrum sent [--page-size N] [--limit N] [--page N]", "--limit is --page-size"),
    "sent:show": Entry("Use 'thrum sent show MESSAGE-ID' for full recipient details on one message.", "own ones only"),
    "wait": Entry("Block until a matching message arrives.", "awake within milliseconds; marks nothing"),
    "wait:exit": Entry("Exit 0=received, 1=timeout, 2=error.", "a bad argument is an error, too"),
    "wait:after": Entry(
        "negative (e.g., -30s) = include messages sent up to N ago; "
        "positive (e.g., +60s) = only messages N in the future",
        "by the time of arrival here",
    ),
    "wait:scope": Entry("thrum wait [--scope type:value]", "whoever the message is for"),
    "wait:mention": Entry("thrum wait [--mention @role]", "whoever the message is for"),
    "message:get": Entry("Get a single message with full details.", "marks nothing"),
    "message:edit": Entry("Edit a message (full replacement, author only).", "as it says"),
    "message:delete": Entry("thrum message delete MSG_ID --force Delete a message.", "author only"),
    "message:read": Entry(
        "Mark messages as read. Use --all to mark all unread messages as read.", "of one's own inbox"
    ),
    # agents and sessions
    "agent:register": Entry(
        "Register this agent. Identity priority: THRUM_NAME env > --name flag > identity file.",
        "a name is one worktree's",
    ),
    "agent:register:nameless": Entry(
        "Register this agent. Identity priority: THRUM_NAME env > --name flag > identity file.",
        "without a name another role or module means another agent; nobody's role changes",
    ),
    "agent:register:force": Entry("thrum agent register [--force]", "takes a name over from another worktree"),
    "agent:register:re-register": Entry("thrum agent register [--re-register]", "the session goes on"),
    "agent:register:display": Entry("thrum agent register [--display NAME]", "decides nothing"),
    "identity:order": Entry(
        "1. CLI flags 2. Environment variables 3. Identity files in .thrum/identities/ directory. "
        "Note: THRUM_NAME env var takes highest priority for name resolution",
        "and says so where it beats a flag",
    ),
    "agent:whoami": Entry("Show current agent identity and active session.", "the same as thrum whoami"),
    "agent:list": Entry("thrum agent list [--role ROLE] [--module MODULE] List registered agents.", "as it says"),
    "agent:start": Entry("thrum agent start # Alias for session start", "as it says"),
    "agent:end": Entry("thrum agent end # Alias for session end", "as it says"),
    "session:start": Entry(
        "Start a new work session (agent must be registered).", "an open one ends as crash_recovered"
    ),
    "session:end": Entry("thrum session end [--reason normal|crash] [--session-id ID]", "as it says"),
    # groups
    "group:create": Entry("thrum group create NAME [--description TEXT] Create a named group.", "as it says"),
    "group:delete": Entry("Delete a group (cannot delete @everyone).", "its messages stay"),
    "group:add": Entry(
        "Add member to group. Default: agent name. Use --role for role-based membership.", "and --group"
    ),
    "group:remove": Entry("thrum group remove GROUP MEMBER [--role ROLE]", "a non-member is an error"),
    "group:list": Entry("thrum group list [--json] List all groups.", "everyone comes first"),
    "group:info": Entry("thrum group info NAME [--json] Show group details.", "as it says"),
    "group:members": Entry("(--expand resolves nested groups/roles to agent IDs)", "as it says"),
    "setup": Entry(
        "thrum setup WORKTREE_PATH Configure a feature worktree with .thrum/redirect", "any worktree of the repository"
    ),
    "setup:all-or-nothing": Entry(
        "(ours) thrum init, thrum quickstart", "what is refused leaves nothing behind, and --dry-run finds it"
    ),
    "setup:missing": Entry(
        "thrum setup WORKTREE_PATH", "of a path that is not there: the hint makes that worktree and sets it up"
    ),
    "setup:claude-md": Entry(
        "thrum setup claude-md Generate Thrum agent coordination instructions for CLAUDE.md. "
        "Prints to stdout by default.",
        "as it says",
    ),
    "setup:claude-md:apply": Entry(
        "Use --apply to append to CLAUDE.md (creates if missing). "
        "Use --force with --apply to replace existing Thrum section.",
        "everything else in the file stays",
    ),
    "config:show": Entry(
        "thrum config show [--json] Show effective configuration from all sources (config.json, env, defaults).",
        "and from git's configuration",
    ),
    "config:set": Entry(
        "(ours) thrum config set KEY VALUE",
        "one setting in config.json, for all worktrees of a clone",
        ("cli/test_config.py::test_a_setting_is_set_and_unset",),
    ),
    "config:unset": Entry(
        "(ours) thrum config unset KEY",
        "the default applies again",
        ("cli/test_config.py::test_a_setting_is_set_and_unset",),
    ),
    "migrate": Entry(
        "thrum migrate [--repo PATH] Migrate old-layout repos (JSONL on main branch) to worktree architecture.",
        "and the logs of the Go program; they are only read; again is harmless",
    ),
    # coordination, contexts, upkeep
    "overview": Entry(
        "thrum overview [--json] Show combined status: identity, work context, team, inbox, sync.",
        "the sync in a line; all of it: thrum sync status",
    ),
    "prime": Entry(
        "thrum prime [--json] Gather comprehensive session context for agent initialization or context recovery.",
        "within a byte budget; marks nothing; works without an identity",
    ),
    "prime:shows": Entry(
        "Shows: identity, session, team, inbox summary, branch, daemon status, commands, listener instruction.",
        "and the saved context",
    ),
    "purge": Entry(
        "thrum purge --before DURATION|DATE [--confirm] Without --confirm, shows a preview.",
        "what this clone's agents wrote leaves the disk, too; what others wrote is hidden here",
    ),
    "purge:all": Entry(
        "thrum purge --all [--confirm] Agents are not touched.", "nor groups, memberships, open sessions"
    ),
    "purge:times": Entry(
        "Supports relative durations (2d, 24h), dates (2026-03-15), and RFC 3339.", "a date is midnight UTC"
    ),
    "purge:what": Entry(
        "Remove old messages, sessions, and events.",
        "an open session keeps its beginning",
        (
            "service/test_purge.py::test_purged_messages_are_gone_from_inbox_search_view_and_disk",
            "service/test_purge.py::test_ended_sessions_go_and_the_open_one_keeps_its_beginning",
        ),
    ),
    "purge:files": Entry("Cleans both SQLite and sync JSONL files.", "and stays clean after a rebuild"),
    "search": Entry("(ours) thrum search WORDS", "all words, phrases, beginnings; by author, address, scope, time"),
    "query": Entry("(ours) thrum query SQL", "one SELECT over documented views; reads only, within limits"),
    "export": Entry("(ours) thrum export --to FILE.db", "a SQLite file with keys, indices and full-text search"),
    "backup": Entry("(ours) thrum backup [--dir DIR]", "logs, contexts, identities and settings, checked by a rebuild"),
    "backup:keys": Entry("(ours) thrum backup --with-keys", "the key is in it only then, and nobody else can read it"),
    "backup:archives": Entry(
        "(ours) backup.retention.{daily,weekly,monthly}", "the backup before becomes an archive; old ones are removed"
    ),
    "backup:config": Entry("(ours) thrum backup config", "with the settings of the Go program that do nothing here"),
    "backup:status": Entry("(ours) thrum backup status", "the last one, the archives, the next one"),
    "backup:schedule": Entry(
        "(ours) thrum backup schedule INTERVAL|off", "the daemon makes them, after a restart as well"
    ),
    "backup:restore": Entry(
        "(ours) thrum backup restore [ARCHIVE] [--yes]", "brings back what is lost, and replaces nothing that is here"
    ),
    "backup:signer": Entry(
        "(ours) thrum backup restore --with-keys", "continues as that store only if nobody else may sign as it"
    ),
    "backup:hostile": Entry(
        "(ours) thrum backup restore ARCHIVE, from anybody", "a wrong name, link, size, signature or key refuses it all"
    ),
    "doctor": Entry("(ours) thrum doctor [--fix]", "lists problems with their repairs, and does the safe ones"),
    "doctor:logs": Entry(
        "(ours) thrum doctor --fix, --give-up, where logs are damaged",
        "what was published comes back; the rest goes only where somebody says so",
        (
            "sync/test_lost_logs.py::test_our_own_log_comes_back_and_its_agent_goes_on",
            "sync/test_lost_logs.py::test_given_up_its_agent_goes_on_and_the_others_hear_it",
        ),
    ),
    "agent:list:context": Entry(
        "--context shows branch/commits/intent.", "as last told by a heartbeat; the branch is read anew"
    ),
    "agent:context": Entry(
        "thrum agent context [AGENT] [--agent ROLE] [--branch NAME] [--file PATH]", "names and roles, both"
    ),
    "agent:delete": Entry(
        "thrum agent delete NAME Delete an agent (removes identity, messages, SQLite record).",
        "asks on a terminal; elsewhere at once for the caller and for orphans, for another agent with --yes",
    ),
    "agent:cleanup": Entry(
        "thrum agent cleanup [--force] [--dry-run] [--threshold DAYS] Detect and remove orphaned agents.",
        "of all worktrees; shows the list, then asks; never one that is active in an existing worktree",
    ),
    "agent:cleanup:threshold": Entry(
        "--threshold sets stale cutoff (default: 30 days).",
        "for the agents of all worktrees",
        ("service/test_removal.py::test_cleanup_leaves_who_is_active_or_was_seen_within_the_threshold",),
    ),
    "agent:delete:removes": Entry(
        "(removes identity, messages, SQLite record)",
        "and its saved context; a rebuild does not bring it back",
        (
            "service/test_removal.py::test_a_deleted_agent_is_gone_with_its_identity_context_and_messages",
            "service/test_removal.py::test_a_rebuild_does_not_bring_a_deleted_agent_back",
        ),
    ),
    "agent:heartbeat": Entry(
        "thrum agent heartbeat [--add-scope type:value] [--remove-scope type:value] "
        "[--add-ref type:value] [--remove-ref type:value]",
        "the same as session heartbeat",
    ),
    "agent:set-intent": Entry("thrum agent set-intent TEXT # Alias for session set-intent", "as it says"),
    "agent:set-task": Entry("thrum agent set-task TASK # Alias for session set-task", "as it says"),
    "session:list": Entry(
        "thrum session list [--active] [--agent AGENT_ID] List all sessions. --active shows only active sessions.",
        "newest first",
    ),
    "session:heartbeat": Entry(
        "Send heartbeat. Triggers git context extraction, updates last-seen time.", "git's index stays untouched"
    ),
    "session:set-intent": Entry(
        'thrum session set-intent TEXT Set work intent for current session. Pass "" to clear.', "as it says"
    ),
    "session:set-task": Entry(
        'thrum session set-task TASK Set current task identifier. Pass "" to clear.', "as it says"
    ),
    "team": Entry(
        "thrum team Show rich status for all active agents (sessions, context, inbox, branches).", "as it says"
    ),
    "team:all": Entry("Use --all to include offline agents.", "without it, they are counted"),
    "context:save": Entry(
        "thrum context save [--file PATH] [--agent NAME] Save context for current agent from file or stdin.",
        "as it says",
    ),
    "context:show": Entry(
        "thrum context show [--agent NAME] [--raw] [--no-preamble] Alias: thrum context load.", "as it says"
    ),
    "context:clear": Entry(
        "thrum context clear [--agent NAME] Clear saved context for current agent.", "the preamble stays"
    ),
    "context:clear:shared": Entry(
        "thrum context clear Clear saved context for current agent.",
        "and the copy that was shared, at the tip of the branch; its history keeps it, and the answer says so",
    ),
    "context:save:empty": Entry(
        "Save context for current agent from file or stdin.", "an empty text is refused: the notes before it stay"
    ),
    "context:preamble": Entry(
        "thrum context preamble [--init] [--file PATH] [--agent NAME]",
        "--init takes the role's template where there is one",
    ),
    "context:sync": Entry(
        "thrum context sync [--agent NAME] Copy context to the a-sync branch for sharing across worktrees.",
        "and machines, with the next sync",
    ),
    "context:prime": Entry("thrum context prime [--json]", "the same as thrum prime"),
    "who-has": Entry(
        "thrum who-has FILE Check which agents are editing a file.", "git is asked now; any spelling of the path"
    ),
    "ping": Entry("thrum ping AGENT Check if an agent is online (with or without @ prefix).", "by name or role"),
    "roles:list": Entry("thrum roles list List role templates and matching agents.", "as it says"),
    "roles:applied": Entry(
        "Role templates: preambles from role templates.",
        "a template becomes the preamble at quickstart and registration",
    ),
    "roles:edited": Entry(
        "Role templates: preambles from role templates.", "a preamble that a person edited stays until `roles deploy`"
    ),
    "roles:deploy": Entry(
        "thrum roles deploy [--agent NAME] [--dry-run] Re-render preambles from role templates. Full overwrite.",
        "in each agent's own worktree",
    ),
    # what else the command line, the server and the daemon offer
    "flag:role": Entry("--role VALUE Agent role (or THRUM_ROLE env var)", "anywhere on the line", (_IDENTITY,)),
    "flag:module": Entry("--module VALUE Agent module (or THRUM_MODULE env var)", "anywhere on the line", (_IDENTITY,)),
    "whoami": Entry(
        "thrum whoami [--json] Show current agent identity (lightweight, no daemon required).",
        "and its source",
        ("cli/test_identity.py::test_registering_starts_no_session",),
    ),
    "context:load": Entry(
        "Alias: thrum context load.",
        "the same as context show",
        ("cli/test_notes.py::test_a_context_is_saved_from_a_file_or_standard_input_and_shown_again",),
    ),
    "inbox:scope": Entry(
        "thrum inbox [--scope type:value]",
        "counts are right under it, too",
        ("service/test_mailboxes.py::test_an_inbox_is_narrowed_to_unread_scope_or_mentions",),
    ),
    "wait:timeout": Entry(
        "thrum wait [--timeout DURATION]",
        "90s, 5m, 1h30m; 30s where nothing is said",
        ("cli/test_messages.py::test_a_wait_exits_with_0_1_or_2",),
    ),
    "setup:worktree": Entry(
        "(ours) thrum setup worktree PATH",
        "what setup PATH is short for",
        ("cli/test_setup.py::test_a_path_from_a_subdirectory_is_meant_from_there",),
    ),
    "local-only:kept": Entry(
        'Persists in .thrum/config.json: { "local_only": true }',
        "and the way back",
        ("daemon/test_commands.py::test_local_and_remote_are_kept",),
    ),
    "local-only:default": Entry(
        "default (true via thrum init)",
        "and config show says so",
        ("cli/test_config.py::test_each_setting_is_shown_with_its_source",),
    ),
    "sync:mode": Entry(
        'thrum sync status (shows "Mode: local-only" or "Mode: normal")',
        "as it says",
        ("sync/test_commands.py::test_local_only_is_said",),
    ),
    "scripts:one": Entry(
        "./scripts/setup-worktree-thrum.sh PATH # Single worktree",
        "with a branch, it makes the worktree and its agent",
        ("clients_config/test_toolkit.py::test_the_worktree_script_makes_a_worktree_with_its_agent",),
    ),
    "uninit": Entry(
        "(ours) thrum uninit",
        "takes back what init --runtime wrote",
        ("clients_config/test_merging.py::test_a_json_file_keeps_all_that_it_held_and_gets_it_back",),
    ),
    "doctor:runtimes": Entry(
        "(ours) thrum doctor runtimes",
        "what is wrong with a client's files, and what is left to do",
        ("clients_config/test_setting_up.py::test_a_check_says_what_is_wrong_and_what_is_left_to_do",),
    ),
    "doctor:wake": Entry(
        "(ours) thrum doctor wake",
        "by which way mail reaches an agent, and how fast",
        ("hooks/test_waking.py::test_it_says_by_which_way_an_agent_was_reached_and_how_fast",),
    ),
    "subscribe": Entry(
        "thrum subscribe --scope | --mention | --all Subscribe to push notifications (mutually exclusive options).",
        "until the session ends",
        (
            "daemon/test_commands.py::test_subscribing_listing_and_unsubscribing",
            "daemon/test_commands.py::test_a_subscription_that_makes_no_sense_is_refused",
        ),
    ),
    "unsubscribe": Entry(
        "thrum unsubscribe SUBSCRIPTION_ID Remove a subscription.",
        "of one's own session",
        ("daemon/test_commands.py::test_subscribing_listing_and_unsubscribing",),
    ),
    "subscriptions": Entry(
        "thrum subscriptions List active subscriptions for current session.",
        "as it says",
        ("daemon/test_commands.py::test_subscribing_listing_and_unsubscribing",),
    ),
    "watch": Entry(
        "(ours) thrum watch",
        "shows what was subscribed to as it arrives",
        ("daemon/test_commands.py::test_watch_shows_what_was_subscribed_to_as_it_arrives",),
    ),
    "sync:status": Entry(
        "thrum sync status Show sync loop status and last sync time.",
        "and what is behind, stopped or refused",
        (
            "sync/test_commands.py::test_status_has_the_keys_that_scripts_know",
            "sync/test_commands.py::test_local_only_is_said",
        ),
    ),
    "sync:force": Entry(
        "thrum sync force Trigger immediate sync (non-blocking).",
        "a daemon does it, and --wait waits for the end; without a daemon it runs to the end",
        ("sync/test_commands.py::test_force_says_what_it_did",),
    ),
    "daemon:start": Entry(
        "thrum daemon start [--local] Start daemon in background. --local disables remote git sync.",
        "and keeps it so",
        (
            "daemon/test_commands.py::test_the_life_of_a_daemon",
            "daemon/test_commands.py::test_local_and_remote_are_kept",
        ),
    ),
    "daemon:stop": Entry("thrum daemon stop Stop daemon gracefully.", "as it says", (_DAEMON,)),
    "daemon:status": Entry(
        "thrum daemon status Show daemon running state, PID, uptime, version.",
        "as it says",
        (_DAEMON, "daemon/test_commands.py::test_status_as_json_always_succeeds"),
    ),
    "daemon:health": Entry("Health: thrum daemon status (shows repo path, JSON PID info)", "as it says", (_DAEMON,)),
    "daemon:restart": Entry("thrum daemon restart Stop and restart daemon.", "as it says", (_DAEMON,)),
    "daemon:run": Entry(
        "(ours) thrum daemon run",
        "in the foreground",
        ("daemon/test_commands.py::test_run_in_the_foreground_logs_to_the_terminal_and_ends_on_ctrl_c",),
    ),
    "daemon:logs": Entry("(ours) thrum daemon logs", "the end of its log", (_DAEMON,)),
    "daemon:socket": Entry(
        "Socket: .thrum/var/thrum.sock (Unix socket, JSON-RPC 2.0)",
        "for its owner alone",
        (
            "daemon/test_methods.py::test_every_method_answers_with_its_keys",
            "daemon/test_permissions.py::test_the_socket_is_for_its_owner_alone",
        ),
    ),
    "daemon:websocket": Entry(
        "WebSocket: ws://localhost:9999/ (or THRUM_WS_PORT env var)",
        "the next free port; with a token",
        (
            "daemon/test_websocket.py::test_a_client_sends_and_is_told",
            "daemon/test_websocket.py::test_a_taken_port_is_passed_over",
        ),
    ),
    "daemon:port": Entry(
        "Port file: .thrum/var/ws.port (actual WebSocket port)",
        "as it says",
        ("daemon/test_websocket.py::test_two_repositories_have_two_ports",),
    ),
    "daemon:pid": Entry(
        "PID file: .thrum/var/thrum.pid (JSON format: PID, RepoPath, StartedAt, SocketPath)",
        "as it says",
        ("daemon/test_process.py::test_the_pid_file_says_who_it_is",),
    ),
    "daemon:lock": Entry(
        "Lock: Socket flock for SIGKILL resilience (auto-released on process death)",
        "no stale file blocks a start",
        (
            "daemon/test_process.py::test_after_a_crash_the_next_one_starts",
            "daemon/test_process.py::test_no_stale_file_blocks_a_start_and_no_foreign_process_is_touched",
        ),
    ),
    "daemon:duplicate": Entry(
        "pre-startup duplicate detection via repo affinity",
        "from any worktree",
        ("daemon/test_process.py::test_a_start_from_another_worktree_finds_the_daemon_of_the_repository",),
    ),
    "daemon:push": Entry(
        "Subscribe to push notifications",
        "what matches and nothing else, by a cursor that survives restarts",
        ("daemon/test_push.py::test_only_what_matches_is_told",),
    ),
    "env:THRUM_LOCAL": Entry(
        "THRUM_LOCAL Enable local-only mode (disables remote sync). Priority: CLI flag > env var > config file",
        "1 is written down, 0 counts for its call alone",
        (
            "daemon/test_sync.py::test_the_environment_decides_where_no_flag_does",
            "daemon/test_sync.py::test_thrum_local_0_counts_for_its_daemon_alone",
            "daemon/test_sync.py::test_the_mode_is_kept_and_there_is_a_way_back",
        ),
    ),
    "env:THRUM_WS_PORT": Entry(
        "THRUM_WS_PORT WebSocket port (default: 9999)",
        "one that is no port is refused",
        ("daemon/test_websocket.py::test_a_wish_for_a_port_that_is_none_is_refused",),
    ),
    "local-only": Entry(
        "Disables all git push/fetch in the sync loop.",
        "what is said is still committed here",
        ("sync/test_exchange.py::test_local_only_commits_here_and_talks_to_nobody",),
    ),
    "sync": Entry(
        "automatic Git sync every 60 seconds. No branch switching is needed",
        "and two seconds after a change; a day without a word makes no commit, no push and no byte of log",
        (
            "sync/test_idle.py::test_a_day_without_a_word_makes_no_commit_no_push_and_no_byte_of_log",
            "daemon/test_sync.py::test_what_is_said_here_is_pushed_without_anybody_asking",
            "sync/test_exchange.py::test_the_users_branch_index_stash_and_worktrees_are_untouched",
            "sync/test_containment.py::test_a_sync_with_a_hostile_branch_touches_the_store_alone_and_runs_git_alone",
        ),
    ),
    "mcp:serve": Entry(
        "thrum mcp serve [--agent-id NAME] Use --agent-id to select identity file.",
        "with no daemon",
        ("mcp/test_missing.py::test_thrum_name_decides_before_the_agent_id_and_that_before_the_file",),
    ),
    "mcp:tools": Entry(
        "MCP Tools: send_message, check_messages, wait_for_message, list_agents, broadcast_message, create_group, …",
        "the eleven of them, with these parameters and defaults",
        (
            "mcp/test_interface.py::test_the_defaults_are_those_of_the_seed",
            "mcp/test_conversation.py::test_a_bare_client_with_the_handshake_of_2025_holds_a_conversation",
        ),
    ),
    "mcp:check": Entry(
        "check_messages(limit?) Poll for unread messages mentioning this agent, auto-marks read.",
        "after they were handed over, not before",
        (
            "mcp/test_conversation.py::test_a_message_that_was_handed_over_shows_as_read_to_its_sender",
            "mcp/test_handover.py::test_killed_before_the_receipt_the_message_comes_again",
        ),
    ),
    "mcp:wait": Entry(
        "wait_for_message(timeout?) Block until a message arrives (WebSocket push) or timeout.",
        "by a bell, no daemon",
        ("mcp/test_mail_wait.py::test_an_unread_message_ends_a_wait_at_once",),
    ),
    "mcp:send": Entry(
        "send_message(to, content, reply_to?, metadata?) Send a message … via @role or @group addressing.",
        "or by name",
        ("mcp/test_conversation.py::test_a_bare_client_with_the_handshake_of_2025_holds_a_conversation",),
    ),
    "mcp:broadcast": Entry(
        "broadcast_message(content) Send to all agents (convenience wrapper around send_message to @everyone).",
        "as it says",
        ("mcp/test_conversation.py::test_the_official_client_holds_a_conversation_in_each_era",),
    ),
    "mcp:groups:members": Entry(
        "create_group, delete_group, add_group_member, remove_group_member, list_groups",
        "as they say",
        ("mcp/test_conversation.py::test_a_group_reaches_its_members_and_shows_them_expanded",),
    ),
    "mcp:groups": Entry(
        "get_group(name, expand?) Get group details (supports expand=true for nested resolution).",
        "as it says",
        ("mcp/test_conversation.py::test_a_group_reaches_its_members_and_shows_them_expanded",),
    ),
    "mcp:agents": Entry(
        "list_agents(include_offline?) List registered agents with active/offline status.",
        "oneself is marked",
        ("mcp/test_conversation.py::test_agents_are_listed_and_oneself_is_marked",),
    ),
    "hook": Entry(
        "(ours) thrum hook",
        "mail once per session, a briefing at its start",
        ("hooks/test_offers.py::test_new_mail_is_shown_with_its_sender_its_id_and_how_to_answer",),
    ),
    "listen": Entry(
        "(ours) thrum listen",
        "a line for each arrival",
        ("hooks/test_listening.py::test_a_monitor_says_a_line_for_each_arrival_without_the_senders_words",),
    ),
}


def requirement(*ids: str) -> Callable[[T], T]:
    """Mark a test as the proof of these entries."""
    unknown = [entry for entry in ids if entry not in MANIFEST]
    if unknown:
        raise LookupError(f"no such entry in the manifest: {', '.join(unknown)}")
    return lambda test: test
