"""From a send to the prompt of a model, through each real client; `make clients` installs them. p50 and p95."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.cli.shell import Shell
from tests.clients.dialects import Call
from tests.clients.installed import CLAUDE, CODEX, OPENCODE, TALKING, Client, Seat
from tests.clients.model import Model
from tests.clients.terminal import Terminal, idle, until
from thrum_store.identity import Caller
from thrum_store.repository import paths
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.store import open_store

from .measuring import Row, percentile

_WORKING = 20  # messages while the agent works
_IDLE = 20  # messages to an idle session
_ALONE = replace(CODEX, interactive=("--no-daemon", "{prompt}"))  # looks for queued messages every ten seconds only


def measure() -> Iterator[Row]:
    """The rows of this page."""
    for client in TALKING:
        if not client.installed:
            yield Row(f"{client.name}: send → model input", "not installed")
            continue
        with _seat(client) as (seat, model):
            yield Row(f"{client.name} works: send → next prompt", _shown(_working(client, seat, model)))
        if client in (CLAUDE, CODEX, OPENCODE) and shutil.which("tmux"):
            with _seat(client) as (seat, model):
                yield Row(f"{client.name} idle: send → prompt", _shown(_idle(client, seat, model, _IDLE)))
    if CODEX.installed and shutil.which("tmux"):
        with _seat(CODEX) as (seat, model):
            yield Row("codex --no-daemon idle: send → prompt", _shown(_idle(_ALONE, seat, model, 5)))


def _shown(taken: list[float]) -> str:
    taken.sort()
    return f"{percentile(taken, 50):.0f} / {percentile(taken, 95):.0f} ms (p95 of {len(taken)})"


@contextmanager
def _seat(client: Client) -> Generator[tuple[Seat, Model]]:
    """A client in a repository of its own, with the agents planner and builder."""
    with tempfile.TemporaryDirectory(prefix="thrum-bench-", ignore_cleanup_errors=True) as place, Model() as model:
        home, root = Path(place, "home"), Path(place, "project")
        home.mkdir()
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        shell = Shell(root)
        shell.ok("init", "--runtime", client.name)
        shell.ok("quickstart", "--name", "builder", "--role", "worker", "--module", "bench")
        (root / ".thrum" / "identities" / "builder.json").unlink()
        shell.ok("quickstart", "--name", "planner", "--role", "lead", "--module", "bench")
        seat = Seat(home, root, model.port)
        client.trust(seat)
        yield seat, model


def _send(seat: Seat, text: str) -> float:
    """When the send returned."""
    with open_store(paths.find(str(seat.root))) as store:
        sending.send(store, Caller("builder"), SendMessage(text, to=("@planner",)))
    return time.monotonic()


def _working(client: Client, seat: Seat, model: Model) -> list[float]:
    """Milliseconds from each send, made while the model thinks, to the prompt that shows it."""
    sent: list[float] = []
    tool = client.tool.format("create_group")  # Gemini stops a model that repeats itself

    def send() -> None:
        sent.append(_send(seat, f"message {len(sent)} of the benchmark"))

    model.plays(*[step for number in range(_WORKING) for step in (send, Call(tool, {"name": f"g{number}"}))])
    client.work(seat, "hello")
    return [
        (model.prompted(f"message {number} of the benchmark").at - start) * 1000 for number, start in enumerate(sent)
    ]


def _idle(client: Client, seat: Seat, model: Model, count: int) -> list[float]:
    """Milliseconds from each send to an idle session to the prompt that it starts."""
    taken: list[float] = []
    with Terminal(client, seat, "hello") as terminal:
        model.asked(1)
        for number in range(count):
            until(lambda: idle(seat.root), lambda: terminal.screen)
            start = _send(seat, f"message {number} of the benchmark")
            taken.append((model.prompted(f"message {number} of the benchmark").at - start) * 1000)
            until(lambda: not idle(seat.root), lambda: terminal.screen)
    return taken
