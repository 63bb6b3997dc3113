"""The light front: it answers with the SDK's exact words while the SDK is loading, then the SDK takes over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCRequest, JSONRPCResponse
from mcp_types.jsonrpc import jsonrpc_message_adapter
from pydantic import ValidationError

from docs.generate import early_answers as generate
from tests.environs import unmeasured
from thrum_mcp.caller import CallerContext
from thrum_mcp.lines import LineSplitter
from thrum_mcp.server import TOOLS, build
from thrum_mcp.transport import early_answers, pipes
from thrum_mcp.transport.early_answers import EarlyAnswers

from .conftest import Team
from .talk import CLIENT, MODERN, Server

HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": CLIENT}

# A package `mcp` whose import never ends, and one whose import fails.
ENDLESS = "import threading\nthreading.Event().wait()\n"
BROKEN = "raise ImportError('no such protocol')\n"


def without_sdk(tmp_path: Path, source: str) -> list[str]:
    """Return a command that serves with a package `mcp` of this source."""
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub" / "mcp.py").write_text(source, encoding="utf-8")
    place = f"sys.path.insert(0, {str(tmp_path / 'stub')!r})"
    return [sys.executable, "-c", f"import sys; {place}; from thrum_cli.main import run; run()", "mcp", "serve"]


@pytest.fixture
def loading(tmp_path: Path) -> Server:
    """A server whose SDK never finishes loading."""
    return Server(tmp_path, command=without_sdk(tmp_path, ENDLESS))


def test_the_handshake_and_the_lists_are_answered_before_the_sdk_is_there(loading: Server) -> None:
    with loading as server:
        assert server.greet()["serverInfo"]["name"] == "thrum"
        assert len(server.result("tools/list")["tools"]) == len(TOOLS)
        assert server.result("prompts/list")["prompts"]
        assert server.result("resources/list")["resources"]
        assert server.result("ping") == {}


def test_a_modern_client_is_answered_before_the_sdk_is_there(loading: Server) -> None:
    with loading as server:
        assert server.result("server/discover", {"_meta": MODERN})["supportedVersions"] == ["2026-07-28"]
        assert len(server.result("tools/list", {"_meta": MODERN})["tools"]) == len(TOOLS)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_while_it_loads(loading: Server, number: int) -> None:
    with loading as server:
        server.greet()
        os.kill(server.process.pid, number)
        assert server.gone() == 0


def test_the_end_of_input_ends_it_while_it_loads(loading: Server) -> None:
    with loading as server:
        server.greet()
        assert server.end() == 0


def test_a_client_that_reads_nothing_ends_it_while_it_loads(loading: Server) -> None:
    with loading as server:
        assert server.process.stdout
        server.process.stdout.close()
        server.send({"jsonrpc": "2.0", "id": 1, "method": "ping"})
        assert server.process.wait(30) == 0


def test_a_program_that_cannot_be_loaded_says_why_and_fails(tmp_path: Path) -> None:
    with Server(tmp_path, command=without_sdk(tmp_path, BROKEN)) as server:
        server.ask("tools/call", {"name": "list_agents", "arguments": {}})
        assert server.gone() == 1
    assert b"no such protocol" in server.errors


def test_what_came_while_it_loaded_is_answered_once_and_in_full(team: Team) -> None:
    with Server(team.planner) as server:
        server.ask("initialize", HELLO)
        server.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        server.ask("tools/list")
        called = server.begin("list_agents")
        unknown = server.ask("tools/unheard-of")
        server.cancel(2)  # finished already
        again = server.ask("ping")
        seen = {message["id"]: message for message in (server.receive() for _ in range(5))}
        assert seen.keys() == {1, 2, called, unknown, again}
        assert seen[called]["result"]["structuredContent"]["count"] == 2
        assert seen[unknown]["error"]["code"] == -32601
        assert server.call("list_agents")["count"] == 2
        server.end()
    assert server.unread == b""
    assert b"an early answer differs" not in server.errors


def test_a_call_is_finished_though_the_client_closed_its_end(team: Team) -> None:
    with Server(team.planner) as server:
        server.greet()
        server.begin("send_message", to="@builder", content="Last words")
        assert server.end() == 0
    (line,) = server.unread.splitlines()
    assert json.loads(line)["result"]["structuredContent"]["status"] == "delivered"


def test_the_front_loads_nothing_heavy() -> None:
    heavy = {"mcp", "pydantic", "anyio", "asyncio", "logging", "sqlite3", "thrum_store.store", "subprocess"}
    script = "import sys, thrum_mcp.main; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    loaded = subprocess.run(command, env=unmeasured(), check=True, capture_output=True, text=True)
    assert heavy.isdisjoint(loaded.stdout.split())


def test_the_file_holds_the_answers_of_the_sdk_in_every_version() -> None:
    with open(early_answers.DATA, encoding="utf-8") as file:
        assert json.load(file) == generate.answers()


# --- an early answer is the answer of the SDK ------------------------------------------------------------------------


def leaf() -> st.SearchStrategy[Any]:
    return st.sampled_from([None, True, 0, 1.5, "", "x", [], {}, {"x": {}}, {"listChanged": True}, "2025-11-25"])


def objects(*names: str) -> st.SearchStrategy[Any]:
    """Return a strategy for objects with some of these keys, and leaves for values."""
    return st.dictionaries(st.sampled_from([*names, "other"]), leaf(), max_size=3)


CAPABILITIES = objects("roots", "sampling", "elicitation", "experimental", "tasks", "extensions") | leaf()
CLIENTS = st.just(CLIENT) | objects("name", "version", "title", "icons").map(lambda more: CLIENT | more) | leaf()
INTRODUCTIONS = st.fixed_dictionaries(
    {"protocolVersion": st.sampled_from(["2024-11-05", "2025-06-18", "2099-01-01", 5]), "capabilities": CAPABILITIES},
    optional={"clientInfo": CLIENTS, "_meta": objects("progressToken")},
)
ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        early_answers.ENVELOPE_VERSION: st.sampled_from(["2026-07-28", "2099-01-01", 5, None]),
        early_answers.ENVELOPE_CAPABILITIES: CAPABILITIES,
        early_answers.ENVELOPE_CLIENT: CLIENTS,
        early_answers.ENVELOPE_LOG_LEVEL: st.sampled_from(["debug", "loud", 5]),
        "progressToken": leaf(),
    },
)
PARAMS = st.none() | leaf() | st.fixed_dictionaries({}, optional={"_meta": ENVELOPES | leaf(), "cursor": leaf()})
METHODS = st.sampled_from(["ping", "tools/list", "prompts/list", "resources/list", "server/discover", "tools/call"])
REQUESTS = st.tuples(METHODS, PARAMS) | st.tuples(st.just("initialize"), INTRODUCTIONS | PARAMS)


ODDITIES: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(["id", "jsonrpc", "method", "result", "error", "other"]), leaf(), max_size=1
)


def frame(number: int, method: str, params: object, oddity: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": f"id-{number}", "method": method, "params": params} | oddity


async def answered_by_sdk(frames: list[dict[str, Any]]) -> dict[Any, Any]:
    """Return the SDK's results by id, without those of frames that it cannot parse."""
    messages = [message for sent in frames if (message := understood(sent)) is not None]
    server = build(CallerContext("."), "0.1.0")
    results: dict[Any, Any] = {}
    to_server, asked = anyio.create_memory_object_stream[SessionMessage | Exception](len(messages) + 1)
    answers, from_server = anyio.create_memory_object_stream[SessionMessage](len(messages) + 1)
    async with anyio.create_task_group() as group, from_server:
        group.start_soon(server.run, asked, answers, server.create_initialization_options())
        for message in messages:
            await to_server.send(message)
        for _ in range(sum(isinstance(message.message, JSONRPCRequest) for message in messages)):
            answer = (await from_server.receive()).message
            if isinstance(answer, JSONRPCResponse):
                results[answer.id] = answer.result
        await to_server.aclose()
    return results


def understood(sent: dict[str, Any]) -> SessionMessage | None:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(json.dumps(sent), by_name=False))
    except ValidationError:
        return None


@given(st.lists(st.tuples(REQUESTS, ODDITIES), min_size=1, max_size=5))
def test_every_early_answer_is_the_answer_of_the_sdk(
    requests: list[tuple[tuple[str, Any], dict[str, Any]]],
) -> None:
    frames = [frame(number, *request, oddity) for number, (request, oddity) in enumerate(requests)]
    assume(len({str(sent["id"]) for sent in frames}) == len(frames))
    answers = EarlyAnswers.load()
    early_results = {sent["id"]: result for sent in frames if (result := answers.answer(sent)) is not None}
    sdk_results = anyio.run(answered_by_sdk, frames)
    assert early_results == {number: sdk_results.get(number) for number in early_results}


# --- lines ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)), st.integers(1, 7))
def test_lines_come_out_whole_however_they_arrive(lines: list[bytes], size: int) -> None:
    data = b"\n".join(lines)
    splitter = LineSplitter(pipes.FRAME_LIMIT)
    fed = [line for at in range(0, len(data), size) for line in splitter.feed(data[at : at + size])]
    assert [*fed, *splitter.rest()] == [line for line in lines if line.strip()]


def test_a_line_beyond_the_limit_is_dropped_and_the_next_one_read() -> None:
    splitter = LineSplitter(pipes.FRAME_LIMIT)
    half = b"x" * (pipes.FRAME_LIMIT // 2 + 1)
    assert splitter.feed(half) == []
    assert splitter.feed(half) == []
    assert splitter.overlong
    assert splitter.feed(b"end\n{}\n") == [b"{}"]
