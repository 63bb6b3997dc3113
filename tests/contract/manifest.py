"""What thrum promised to offer, sentence by sentence: an id, the words of the promise, and what that means here.

A test that shows such a behaviour carries `@requirement("id", …)`. `test_manifest.py` holds both ways: each entry has
a test, and each id that a test names is an entry. Where we do better than the words say, `behaviour` tells how.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

T = TypeVar("T", bound=Callable[..., object])


class Entry(NamedTuple):
    """A promise."""

    quote: str
    behaviour: str


MANIFEST = {
    # global flags and environment
    "flag:json": Entry("--json JSON output for scripting", "one document on standard output, errors as well"),
    "flag:quiet": Entry("--quiet Suppress non-essential output", "nothing on standard output; errors stay"),
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
    "quickstart:runtime": Entry("thrum quickstart [--runtime PRESET]", "like init --runtime"),
    "quickstart:dry-run": Entry("thrum quickstart [--dry-run]", "says what it would do"),
    "quickstart:preamble-file": Entry("thrum quickstart [--preamble-file PATH]", "goes after the usual preamble"),
    "toolkit:agents": Entry("toolkit/agents/ Claude Code agent definitions", "thrum-agent and message-listener"),
    "toolkit:templates": Entry("toolkit/templates/ Agent development workflow patterns", "short; nine roles as well"),
    "scripts:thrum": Entry("./scripts/setup-worktree-thrum.sh # Auto-detect all worktrees", "idempotent"),
    "scripts:beads": Entry("./scripts/setup-worktree-beads.sh # Auto-detect all worktrees", "idempotent"),
    "quickstart": Entry(
        "thrum quickstart --name NAME --role ROLE --module MODULE [--display NAME] [--intent TEXT]",
        "registers, starts a session, sets the intent; what is left out comes from the identity file",
    ),
    "quickstart:no-init": Entry("thrum quickstart [--no-init]", "fails where the repository is not set up"),
    "quickstart:force": Entry("thrum quickstart [--force]", "takes a name over from another worktree"),
    "status": Entry("thrum status [--json] Show current agent status and session info.", "as it says"),
    "version": Entry("thrum version Show version, build hash, repository URL, and documentation URL.", "what is known"),
    "completion": Entry("thrum completion [bash|fish|powershell|zsh]", "commands, flags and addresses"),
    "demo": Entry("(ours) thrum demo", "two agents, two real servers, nothing canned"),
    # messaging
    "send": Entry("thrum send MESSAGE Send a message.", "durable and delivered on return"),
    "send:scope": Entry("thrum send [--scope type:value]", "repeatable"),
    "send:ref": Entry("thrum send [--ref type:value]", "repeatable"),
    "send:mention": Entry("thrum send [--mention @role]", "delivers, like --to"),
    "send:thread": Entry("thrum send [--thread ID]", "joins that thread"),
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
    "migrate": Entry(
        "thrum migrate [--repo PATH] Migrate old-layout repos (JSONL on main branch) to worktree architecture.",
        "and the logs of the Go program; they are only read; again is harmless",
    ),
    # coordination, contexts, upkeep
    "overview": Entry(
        "thrum overview [--json] Show combined status: identity, work context, team, inbox, sync.",
        "sync has a command of its own",
    ),
    "prime": Entry(
        "thrum prime [--json] Gather comprehensive session context for agent initialization or context recovery.",
        "within a byte budget; marks nothing; works without an identity",
    ),
    "purge": Entry(
        "thrum purge --before DURATION|DATE [--confirm] Without --confirm, shows a preview.",
        "what this machine said; gone from the disk, too",
    ),
    "purge:all": Entry(
        "thrum purge --all [--confirm] Agents are not touched.", "nor groups, memberships, open sessions"
    ),
    "purge:times": Entry(
        "Supports relative durations (2d, 24h), dates (2026-03-15), and RFC 3339.", "a date is midnight UTC"
    ),
    "purge:files": Entry("Cleans both SQLite and sync JSONL files.", "and stays clean after a rebuild"),
    "search": Entry("(ours) thrum search WORDS", "all words, phrases, beginnings; by author, address, scope, time"),
    "doctor": Entry("(ours) thrum doctor [--fix]", "says what is wrong and what mends it"),
    "agent:list:context": Entry(
        "--context shows branch/commits/intent.", "as last told by a heartbeat; the branch is read anew"
    ),
    "agent:context": Entry(
        "thrum agent context [AGENT] [--agent ROLE] [--branch NAME] [--file PATH]", "names and roles, both"
    ),
    "agent:delete": Entry(
        "thrum agent delete NAME Delete an agent (removes identity, messages, SQLite record).",
        "asks first; only agents of this machine",
    ),
    "agent:cleanup": Entry(
        "thrum agent cleanup [--force] [--dry-run] [--threshold DAYS] Detect and remove orphaned agents.",
        "never one of another worktree that exists or of another machine",
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
    "roles:deploy": Entry(
        "thrum roles deploy [--agent NAME] [--dry-run] Re-render preambles from role templates. Full overwrite.",
        "in each agent's own worktree",
    ),
}


def requirement(*ids: str) -> Callable[[T], T]:
    """Marks a test as the proof of these entries."""
    unknown = [one for one in ids if one not in MANIFEST]
    if unknown:
        raise LookupError(f"no such entry in the manifest: {', '.join(unknown)}")
    return lambda test: test
