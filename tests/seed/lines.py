"""The commands of the text that thrum was written after: each synopsis as it stands, with lines that use all of it.

All lines run in this order in one repository, by dora; alice and rob, the reviewer, work in other worktrees.
`$GOT` is the id of a new message to dora, `$SENT` that of a new message of dora's, `$SUBSCRIPTION` that of a new
subscription, `$SESSION` that of dora's session, `$THREAD` that of a thread of hers, `$WORKTREE` a worktree that thrum
was not set up in.
"""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """A command line, its exit code, and words of its answer or its error."""

    text: str
    code: int = 0
    answer: str = ""


class Synopsis(NamedTuple):
    """A command as the text prints it, and lines that use each of its options and choices."""

    text: str
    lines: tuple[Line, ...]


def each(text: str, *lines: str | Line) -> Synopsis:
    """Return a synopsis; a line without a code succeeds."""
    return Synopsis(text, tuple(line if isinstance(line, Line) else Line(line) for line in lines))


NO_NAME = "thrum quickstart --name NAME --role {} --module auth"  # in the error about a value that is missing

QUICK_START = (
    Line("thrum init # Set up .thrum/ in repo"),
    Line("thrum daemon start # Start background daemon"),
    Line(
        "thrum quickstart --name --role planner --module auth # Register + start session", 1, NO_NAME.format("planner")
    ),
    Line("thrum quickstart --name dora --role planner --module auth"),
    Line('thrum send "Starting work on auth module" # Send a message'),
    Line("thrum inbox # Check messages"),
    Line("thrum sent # Check sent items and receipts"),
)

FLAGS = (
    Line("thrum --role planner whoami"),
    Line("thrum whoami --role planner"),
    Line("thrum --module auth whoami"),
    Line("thrum --repo . whoami"),
    Line("thrum --json whoami", answer='"agent_id"'),
    Line("thrum --quiet send 'For all of you'"),
    Line("thrum --verbose whoami"),
)

SYNOPSES = (
    each(
        "thrum init [--force] [--stealth] [--runtime claude|codex|cursor|gemini|cli-only|all] [--dry-run] "
        "[--agent-name NAME] [--agent-role ROLE] [--agent-module MODULE]",
        "thrum init --dry-run",
        "thrum init --stealth",
        "thrum init --force",
        "thrum init --runtime claude",
        "thrum init --runtime codex",
        "thrum init --runtime cursor",
        "thrum init --runtime gemini",
        "thrum init --runtime cli-only",
        "thrum init --runtime all --dry-run",
        "thrum init --agent-name dora",
        "thrum init --agent-name dora --agent-role planner",
        "thrum init --agent-name dora --agent-role planner --agent-module auth",
        "thrum uninit",
    ),
    each("thrum setup WORKTREE_PATH", "thrum setup $WORKTREE"),
    each(
        "thrum setup claude-md [--apply] [--force]",
        "thrum setup claude-md",
        "thrum setup claude-md --apply",
        "thrum setup claude-md --apply --force",
    ),
    each("thrum migrate [--repo PATH]", "thrum migrate", "thrum migrate --repo ."),
    each(
        "thrum quickstart --name --role ROLE --module MODULE [--display NAME] [--intent TEXT] [--runtime PRESET] "
        "[--dry-run] [--force] [--no-init] [--preamble-file PATH]",
        Line("thrum quickstart --name --role ROLE --module MODULE", 1, "thrum quickstart --name NAME --role ROLE"),
        "thrum quickstart --name dora --role planner --module auth --dry-run",
        "thrum quickstart --name dora --role planner --module auth --display 'The planner' --intent 'Plan auth'",
        "thrum quickstart --name dora --role planner --module auth --runtime cli-only --force",
        "thrum quickstart --name dora --role planner --module auth --no-init --preamble-file session-notes.md",
        *(
            f"thrum quickstart --name dora --role planner --module auth --runtime {preset} --dry-run"
            for preset in ("claude", "codex", "cursor", "gemini", "auggie", "cli-only")
        ),
    ),
    each("thrum overview [--json]", "thrum overview", "thrum overview --json"),
    each("thrum status [--json]", "thrum status", "thrum status --json"),
    each("thrum whoami [--json]", "thrum whoami", "thrum whoami --json"),
    each("thrum version", "thrum version"),
    each("thrum prime [--json]", "thrum prime", "thrum prime --json"),
    each(
        "thrum completion [bash|fish|powershell|zsh]",
        "thrum completion bash",
        "thrum completion fish",
        "thrum completion powershell",
        "thrum completion zsh",
    ),
    each(
        "thrum send MESSAGE [--scope type:value] [--ref type:value] [--mention @role] [--thread ID] "
        "[--to @role|@everyone] [--everyone] [--format markdown|plain|json] [--structured JSON]",
        "thrum send MESSAGE",
        "thrum send MESSAGE --scope module:auth --ref pr:42 --mention @reviewer",
        "thrum send MESSAGE --thread $THREAD",
        "thrum send MESSAGE --to @reviewer",
        "thrum send MESSAGE --to @everyone",
        "thrum send MESSAGE --everyone",
        "thrum send MESSAGE --format markdown",
        "thrum send MESSAGE --format plain",
        "thrum send '{}' --format json",
        """thrum send MESSAGE --structured '{"pr": 42}'""",
    ),
    each(
        "thrum reply MSG_ID TEXT [--format markdown|plain|json]",
        "thrum reply $GOT TEXT",
        "thrum reply $GOT TEXT --format markdown",
        "thrum reply $GOT TEXT --format plain",
        "thrum reply $GOT '{}' --format json",
    ),
    each(
        "thrum inbox [--scope type:value] [--mentions] [--unread] [--all|-a] [--page-size N] [--limit N] [--page N]",
        "thrum inbox --scope module:auth",
        "thrum inbox --mentions",
        "thrum inbox --unread",
        "thrum inbox --all",
        "thrum inbox -a",
        "thrum inbox --page-size 5 --page 1",
        "thrum inbox --limit 5",
    ),
    each(
        "thrum sent [--to @agent|@role|@group|@everyone] [--unread] [--page-size N] [--limit N] [--page N]",
        "thrum sent --to @alice",
        "thrum sent --to @reviewer",
        "thrum sent --to @everyone",
        "thrum sent --unread",
        "thrum sent --page-size 5 --page 1",
        "thrum sent --limit 5",
        Line("thrum sent show ", 1, "MSG_ID"),
        "thrum sent show $SENT",
    ),
    each(
        "thrum wait [--timeout DURATION] [--scope type:value] [--mention @role] [--after OFFSET]",
        "thrum message get $GOT",
        "thrum wait --timeout 1s --after -30s",
        "thrum wait --timeout 1s --scope module:api --after -30s",
        "thrum wait --timeout 1s --mention @reviewer --after -30s",
        Line("thrum wait --timeout 0s --after +60s", 1),
        Line("thrum wait --timeout soon", 2),
    ),
    each("thrum message get MSG_ID", "thrum message get $GOT"),
    each("thrum message edit MSG_ID TEXT", "thrum message edit $SENT TEXT"),
    each("thrum message delete MSG_ID --force", "thrum message delete $SENT --force"),
    each("thrum message read [MSG_ID...] [--all]", "thrum message read $GOT", "thrum message read --all"),
    each(
        "thrum purge --before DURATION|DATE [--confirm]",
        "thrum purge --before 2d",
        "thrum purge --before 24h",
        "thrum purge --before 2026-03-15",
        "thrum purge --before 2026-03-15T08:00:00Z",
        "thrum purge --before 2026-03-15 --confirm",
    ),
    each("thrum purge --all [--confirm]", "thrum purge --all", "thrum purge --all --confirm"),
    each(
        "thrum agent register --role ROLE --module MODULE [--name NAME] [--display NAME] [--force] [--re-register]",
        "thrum agent register --role planner --module auth",
        "thrum agent register --role planner --module auth --name dora --display Dora --force",
        "thrum agent register --role planner --module auth --re-register",
    ),
    each("thrum agent whoami", "thrum agent whoami"),
    each(
        "thrum agent list [--role ROLE] [--module MODULE] [--context]",
        Line("thrum agent list --role reviewer", answer="reviewer"),
        Line("thrum agent list --module auth", answer="dora"),
        "thrum agent list --context",
    ),
    each(
        "thrum agent context [AGENT] [--agent ROLE] [--branch NAME] [--file PATH]",
        "thrum agent context",
        "thrum agent context alice",
        "thrum agent context --agent reviewer",
        "thrum agent context --branch main",
        "thrum agent context --file auth.go",
    ),
    each("thrum agent delete NAME", "thrum agent delete passing"),
    each(
        "thrum agent cleanup [--force] [--dry-run] [--threshold DAYS]",
        "thrum agent cleanup --dry-run",
        "thrum agent cleanup --dry-run --threshold 7",
        "thrum agent cleanup --force",
    ),
    each("thrum agent start", "thrum agent start # Alias for session start"),
    each(
        "thrum agent end [--reason normal|crash] [--session-id ID]",
        "thrum agent end --reason normal # Alias for session end",
        "thrum agent start",
        "thrum agent end --reason crash --session-id $SESSION",
        "thrum agent start",
    ),
    each("thrum agent set-intent TEXT", "thrum agent set-intent TEXT # Alias for session set-intent"),
    each("thrum agent set-task TASK", "thrum agent set-task TASK # Alias for session set-task"),
    each(
        "thrum agent heartbeat [--add-scope type:value] [--remove-scope type:value] [--add-ref type:value] "
        "[--remove-ref type:value]",
        "thrum agent heartbeat --add-scope type:value --add-ref type:value",
        "thrum agent heartbeat --remove-scope type:value --remove-ref type:value",
    ),
    each("thrum session start", "thrum session start"),
    each(
        "thrum session end [--reason normal|crash] [--session-id ID]",
        "thrum session end --reason normal",
        "thrum session start",
        "thrum session end --reason crash --session-id $SESSION",
        "thrum session start",
    ),
    each(
        "thrum session list [--active] [--agent AGENT_ID]",
        "thrum session list",
        "thrum session list --active",
        "thrum session list --agent dora",
    ),
    each(
        "thrum session heartbeat [--add-scope type:value] [--remove-scope type:value] [--add-ref type:value] "
        "[--remove-ref type:value]",
        "thrum session heartbeat --add-scope type:value --add-ref type:value",
        "thrum session heartbeat --remove-scope type:value --remove-ref type:value",
    ),
    each("thrum session set-intent TEXT", "thrum session set-intent TEXT", 'thrum session set-intent ""'),
    each("thrum session set-task TASK", "thrum session set-task TASK", 'thrum session set-task ""'),
    each("thrum subscribe --scope type:value", "thrum subscribe --scope type:value"),
    each("thrum subscribe --mention @role", "thrum subscribe --mention @reviewer"),
    each("thrum subscribe --all", "thrum subscribe --all"),
    each("thrum unsubscribe SUBSCRIPTION_ID", "thrum unsubscribe $SUBSCRIPTION"),
    each("thrum subscriptions", "thrum subscriptions"),
    each(
        "thrum group create NAME [--description TEXT]",
        "thrum group create crew",
        "thrum group create team-b --description TEXT",
    ),
    each("thrum group delete NAME", "thrum group delete team-b"),
    each(
        "thrum group add GROUP MEMBER [--role ROLE]",
        "thrum group add crew alice",
        "thrum group add crew --role reviewer",
    ),
    each("thrum group list [--json]", "thrum group list", "thrum group list --json"),
    each("thrum group info NAME [--json]", "thrum group info crew", "thrum group info crew --json"),
    each(
        "thrum group members NAME [--expand] [--json]",
        "thrum group members crew",
        "thrum group members crew --expand",
        "thrum group members crew --json",
    ),
    each(
        "thrum group remove GROUP MEMBER [--role ROLE]",
        "thrum group remove crew alice",
        "thrum group remove crew --role reviewer",
    ),
    each("thrum team [--all] [--json]", "thrum team", "thrum team --all", "thrum team --json"),
    each(
        "thrum context save [--file PATH] [--agent NAME]",
        "thrum context save --file session-notes.md",
        "thrum context save --file session-notes.md --agent dora",
        "thrum context save < session-notes.md",
    ),
    each(
        "thrum context show [--agent NAME] [--raw] [--no-preamble]",
        "thrum context show",
        "thrum context show --agent dora",
        "thrum context show --raw --no-preamble",
    ),
    each(
        "thrum context preamble [--init] [--file PATH] [--agent NAME]",
        "thrum context preamble",
        "thrum context preamble --init",
        "thrum context preamble --file session-notes.md",
        "thrum context preamble --agent dora",
    ),
    each("thrum context load", "thrum context load"),
    each("thrum context prime [--json]", "thrum context prime", "thrum context prime --json"),
    each("thrum context sync [--agent NAME]", "thrum context sync", "thrum context sync --agent dora"),
    each("thrum context clear [--agent NAME]", "thrum context clear", "thrum context clear --agent dora"),
    each("thrum who-has FILE", "thrum who-has auth.go"),
    each("thrum ping AGENT", "thrum ping alice", "thrum ping @alice"),
    each("thrum sync status", "thrum sync status"),
    each("thrum sync force", "thrum sync force"),
    each("thrum runtime list", "thrum runtime list"),
    each("thrum runtime show", Line("thrum runtime show", 1, "NAME"), "thrum runtime show claude"),
    each("thrum runtime set-default", Line("thrum runtime set-default", 1, "NAME"), "thrum runtime set-default claude"),
    each("thrum roles list", "thrum roles list"),
    each(
        "thrum roles deploy [--agent NAME] [--dry-run]",
        "thrum roles deploy --dry-run",
        "thrum roles deploy --agent dora",
        "thrum roles deploy",
    ),
    each("thrum config show [--json]", "thrum config show", "thrum config show --json"),
    each("thrum daemon status", "thrum daemon status"),
    each("thrum daemon restart", "thrum daemon restart"),
    each("thrum daemon stop", "thrum daemon stop"),
    each("thrum daemon start [--local]", "thrum daemon start", "thrum daemon stop", "thrum daemon start --local"),
)

WORKFLOWS = (
    Line("thrum init"),
    Line("thrum daemon start", 1, "already running"),
    Line(
        'thrum quickstart --name --role implementer --module auth --intent "Building auth flow"',
        1,
        NO_NAME.format("implementer"),
    ),
    Line('thrum send "Auth module ready for review" --to @reviewer --scope module:auth', answer="@reviewer"),
    Line('thrum send "Stopping for lunch, back in 30" --to @everyone', answer="@everyone"),
    Line('thrum group create backend-team --description "Backend developers"'),
    Line("thrum group add backend-team @alice"),
    Line("thrum group add backend-team --role implementer"),
    Line('thrum send "API changes incoming" --to @backend-team', answer="@backend-team"),
    Line("thrum inbox --unread"),
    Line("thrum sent --unread"),
    Line('thrum reply msg_01HXE... "Looks good, merging now"', 1, "msg_01HXE..."),
    Line('thrum reply $GOT "Looks good, merging now"'),
    Line("thrum who-has auth.go", answer="alice"),
    Line("thrum agent list --context", answer="alice"),
    Line("thrum team", answer="alice"),
    Line("thrum ping @reviewer"),
    Line("thrum overview"),
    Line('thrum send "Deploy in 5 minutes" --to @backend-team'),
    Line("thrum context save --file session-notes.md"),
    Line("thrum context prime # Gather all context for recovery"),
    Line("thrum daemon stop"),
    Line("thrum daemon start --local # Via CLI flag"),
    Line("thrum daemon stop"),
    Line("THRUM_LOCAL=1 thrum daemon start # Via environment variable"),
    Line("thrum sync status", answer="local-only"),
    Line("thrum daemon status"),
    Line("thrum daemon stop"),
)
