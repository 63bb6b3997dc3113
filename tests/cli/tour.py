"""Every command once, in an order in which each succeeds: for what holds of all of them, and in every place."""

from __future__ import annotations

from pathlib import Path

from thrum_cli.command import Group

from .conftest import Team
from .shell import Answer, Shell
from .test_help import EVERY

Words = tuple[str, ...]

# What speaks line by line while it runs, or serves; they answer with no document of their own.
STREAMS = {("mcp", "serve"), ("daemon", "run"), ("hook",), ("listen",), ("watch",)}
LEAVES = [
    words
    for words, command in EVERY.items()
    if words not in STREAMS and (words in (("sent",), ("backup",)) or not isinstance(command, Group))
]

# A command line of each that succeeds for planner, who wrote MSG to builder and got GOT from it; OTHER is a worktree.
LINES: dict[Words, Words] = {
    ("setup", "worktree"): ("OTHER",),
    ("send",): ("x",),
    ("reply",): ("GOT", "x"),
    ("sent", "show"): ("MSG",),
    ("wait",): ("--after", "-1h", "--timeout", "1s"),
    ("purge",): ("--all",),
    ("message", "get"): ("MSG",),
    ("message", "edit"): ("MSG", "x"),
    ("message", "delete"): ("MSG", "--force"),
    ("message", "read"): ("--all",),
    ("subscribe",): ("--all",),
    ("unsubscribe",): ("1",),
    ("agent", "set-intent"): ("x",),
    ("agent", "set-task"): ("x",),
    ("agent", "delete"): ("builder", "--force"),
    ("session", "set-intent"): ("x",),
    ("session", "set-task"): ("x",),
    ("group", "create"): ("fresh",),
    ("group", "delete"): ("backend",),
    ("group", "add"): ("backend", "@builder"),
    ("group", "remove"): ("backend", "@planner"),
    ("group", "info"): ("backend",),
    ("group", "members"): ("backend", "--expand"),
    ("who-has",): ("README.md",),
    ("ping",): ("@builder",),
    ("search",): ("Port",),
    ("query",): ("SELECT * FROM messages",),
    ("export",): ("--to", "thrum.db", "--replace"),
    ("backup", "restore"): ("--yes",),
    ("completion",): ("bash",),
    ("config", "set"): ("local_only", "true"),
    ("config", "unset"): ("local_only",),
    ("doctor", "wake"): ("--timeout", "1s"),
    ("runtime", "show"): ("claude",),
    ("runtime", "set-default"): ("codex",),
    ("toolkit", "copy"): ("thrum-design",),
}
# What fails for planner as it stands: there is no daemon, no remote, no client to wake.
FAIL = {
    ("daemon", "stop"), ("daemon", "status"), ("daemon", "restart"), ("daemon", "logs"), ("sync", "force"),
    ("doctor", "wake"),
}  # fmt: skip
SLOW = {("daemon", "start"), ("daemon", "restart"), ("demo",)}  # tests of their own run them
# Each takes away what others need, or needs what they make.
LAST = (
    ("backup", "restore"),
    ("reply",), ("message", "read"), ("group", "info"), ("group", "members"), ("group", "remove"), ("group", "delete"),
    ("message", "delete"), ("agent", "end"), ("session", "start"), ("session", "end"), ("agent", "delete"),
)  # fmt: skip
TOUR = [*(words for words in LEAVES if words not in SLOW and words not in LAST), *LAST]


def talk(team: Team, other: Path) -> dict[str, str]:
    """The ids of a message each way; and a group, and a file that builder is at."""
    team.planner.ok("group", "create", "backend")
    team.planner.ok("group", "add", "backend", "@planner")
    (team.builder.cwd / "README.md").write_text("x\n")
    sent = ("send", "Port 8080", "--to", "@planner", "--scope", "pr:1", "--structured", '{"port": [1]}')
    got = team.builder.json(*sent)["message_id"]
    return {"MSG": team.says("Port 8443", "--ref", "pr:1"), "GOT": str(got), "OTHER": str(other)}


def tour(team: Team, other: Path, shell: Shell, *flags: str) -> dict[Words, Answer]:
    """Return each command's JSON answer to planner at this shell. `other`: a worktree to set up."""
    ids = talk(team, other)
    lines = {words: [ids.get(word, word) for word in LINES.get(words, ())] for words in TOUR}
    return {words: shell.thrum(*words, *line, *flags, "--json", stdin=b"notes") for words, line in lines.items()}
