"""The clients as `scripts/install-clients.sh` puts them, each in a home of its own, asking the model of the test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .codexhooks import accepted

_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
CLIENTS = Path(os.environ.get("THRUM_CLIENTS", _CACHE / "thrum-clients"))
NODE = CLIENTS / "node22" / "node_modules" / ".bin"


def command(name: str) -> Path:
    """Return the path of a client's command."""
    return CLIENTS / name / "node_modules" / ".bin" / name


@dataclass(frozen=True)
class Seat:
    """The place of one client: its user's home, its worktree, and the port of its model."""

    home: Path
    root: Path
    port: int

    @property
    def model(self) -> str:
        """Return the model's address."""
        return f"http://127.0.0.1:{self.port}"

    def environ(self, runtime: Client) -> dict[str, str]:
        """Return the variables that the client's user exported; `thrum` is not on its PATH."""
        return {
            "HOME": str(self.home), "USER": "user", "SHELL": "/bin/bash", "TERM": "xterm-256color", "LANG": "C.UTF-8",
            "PATH": os.pathsep.join([str(command(runtime.name).parent), str(NODE), os.defpath, "/usr/local/bin"]),
            **runtime.environ(self),
        }  # fmt: skip

    def writes(self, path: str, text: str) -> None:
        """Write a file of the user's into the home."""
        place = self.home / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Client:
    """A client. `tool` is how it offers a tool of ours, with `{}` for the tool's name. `trust` does what only its user
    can do. `once` runs one prompt and ends; `interactive` stays in a terminal, `ready` is what it shows then.
    """

    name: str
    tool: str
    trust: Callable[[Seat], None]
    environ: Callable[[Seat], Mapping[str, str]]
    once: tuple[str, ...]
    health: tuple[str, ...]
    healthy: str
    interactive: tuple[str, ...] = ()
    ready: str = ""
    leaves: Callable[[Seat], None] = lambda _: None  # ends what goes on after an interactive session

    @property
    def installed(self) -> bool:
        """Return whether its command exists."""
        return command(self.name).exists()

    def run(self, seat: Seat, *arguments: str) -> str:
        """Run it to its end and return its output."""
        done = subprocess.run(
            [command(self.name), *arguments],
            cwd=seat.root,
            env=seat.environ(self),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=100,
            check=False,
        )
        return done.stdout.decode("utf-8", "replace")

    def work(self, seat: Seat, prompt: str) -> str:
        """One prompt of its user, answered to the end in a new session."""
        return self.run(seat, *(part.format(prompt=prompt) for part in self.once))


def _json(value: object) -> str:
    return json.dumps(value, indent=2)


def _trust_claude(seat: Seat) -> None:
    trusted = {str(seat.root): {"hasTrustDialogAccepted": True}}
    seat.writes(".claude.json", _json({"hasCompletedOnboarding": True, "theme": "dark", "projects": trusted}))


def _trust_gemini(seat: Seat) -> None:
    seat.writes(".gemini/settings.json", _json({"security": {"auth": {"selectedType": "gemini-api-key"}}}))
    seat.writes(".gemini/trustedFolders.json", _json({str(seat.root): "TRUST_FOLDER"}))


def _trust_codex(seat: Seat) -> None:
    own = (
        'model = "mock"\nmodel_provider = "mock"\ncheck_for_update_on_startup = false\n'
        f'[model_providers.mock]\nname = "mock"\nbase_url = "{seat.model}/v1"\nwire_api = "responses"\n'
        f'[projects."{seat.root}"]\ntrust_level = "trusted"\n'
    )
    seat.writes(".codex/config.toml", own)
    seat.writes(".codex/config.toml", own + accepted(command("codex"), seat.root, seat.environ(CODEX)))


def _end_codex_daemon(seat: Seat) -> None:
    """End the daemon that holds Codex's sessions, and the process that updates it."""
    CODEX.run(seat, "app-server", "daemon", "stop")
    updater = seat.home / ".codex" / "app-server-daemon" / "daemon-updater.pid"
    if updater.exists():
        os.kill(json.loads(updater.read_text())["pid"], signal.SIGTERM)


def _choose_opencode_model(seat: Seat) -> None:
    provider = {
        "npm": "@ai-sdk/openai-compatible", "name": "mock", "models": {"mock": {"name": "mock"}},
        "options": {"baseURL": f"{seat.model}/v1", "apiKey": "none"},
    }  # fmt: skip
    settings = {"provider": {"mock": provider}, "model": "mock/mock", "small_model": "mock/mock", "autoupdate": False}
    seat.writes(".config/opencode/opencode.json", _json(settings))


CLAUDE = Client(
    "claude", "mcp__thrum__{}", _trust_claude,
    lambda seat: {
        "ANTHROPIC_BASE_URL": seat.model, "ANTHROPIC_AUTH_TOKEN": "none",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1",
    },
    ("-p", "{prompt}", "--output-format", "stream-json", "--verbose"),
    ("mcp", "list"), "✔ Connected", ("{prompt}",), "Done.",
)  # fmt: skip
CODEX = Client(
    "codex", "mcp__thrum/{}", _trust_codex, lambda _: {},
    ("exec", "--json", "{prompt}"), ("mcp", "list"), "thrum", ("{prompt}",), "Done.", _end_codex_daemon,
)  # fmt: skip
GEMINI = Client(
    "gemini", "mcp_thrum_{}", _trust_gemini,
    lambda seat: {"GEMINI_API_KEY": "none", "GOOGLE_GEMINI_BASE_URL": seat.model, "GEMINI_TELEMETRY_ENABLED": "false"},
    ("-p", "{prompt}", "-m", "gemini-2.5-pro", "-o", "stream-json"),
    ("mcp", "list"), "Connected", ("-m", "gemini-2.5-pro", "-i", "{prompt}"), "Done.",
)  # fmt: skip
OPENCODE = Client(
    "opencode", "thrum_{}", _choose_opencode_model, lambda _: {"OPENCODE_DISABLE_AUTOUPDATE": "1"},
    ("run", "--format", "json", "{prompt}"), ("mcp", "list"), "✓ thrum", ("--prompt", "{prompt}"), "Done.",
)  # fmt: skip
AUGGIE = Client("auggie", "{}", lambda _: None, lambda _: {}, (), ("tools", "list"), "")
AMP = Client("amp", "{}", lambda _: None, lambda _: {}, (), ("mcp", "list"), "")
TALKING = (CLAUDE, CODEX, GEMINI, OPENCODE)  # those whose model can be replaced, so that a whole turn can be seen
