"""The plugins of Amp and opencode, run by node against a stand-in that calls them as the client does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import PATIENCE, SCRIPT

from .conftest import Session

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None and not os.environ.get("CI"), reason="node is not installed")

AMP = """
import plugin from "./plugin.mjs"
const handlers = {}, appended = []
plugin({
  on: (name, handler) => { handlers[name] = handler },
  helpers: {
    filesModifiedByToolCall: ({ tool, input }) => (tool === "edit_file" ? [`file://${input.path}`] : null),
    filePathFromURI: (uri) => uri.replace("file://", ""),
  },
})
let appending
const woken = new Promise((resolve) => (appending = resolve))
const ctx = { thread: { appendUserMessage: async (message) => { appended.push(message.content); appending() } } }
const thread = { id: "T-1" }
const call = { thread, tool: "edit_file", toolUseID: "1", input: { path: process.argv[2] } }
const said = {}
said.start = await handlers["agent.start"]({ thread }, ctx)
said.call = await handlers["tool.call"](call, ctx)
said.result = await handlers["tool.result"]({ ...call, status: "done", output: "edited" }, ctx)
said.quiet = (await handlers["tool.result"]({ ...call, toolUseID: "2", status: "done", output: "edited" }, ctx)) ?? null
said.end = (await handlers["agent.end"]({ thread, status: "done" }, ctx)) ?? null
console.log("idle")
await woken
console.log(JSON.stringify({ ...said, appended }))
"""
OPENCODE = """
import { Thrum } from "./plugin.mjs"
let prompting
const woken = new Promise((resolve) => (prompting = resolve))
const client = { session: { promptAsync: async ({ body }) => prompting(body.parts[0].text) } }
const hooks = await Thrum({ client, directory: process.cwd() })
const sessionID = "ses_1", said = {}
const edit = { tool: "edit", sessionID, callID: "1" }
const prompt = { parts: [{ type: "text", text: "go" }] }, first = { output: "edited" }, second = { output: "edited" }
await hooks["chat.message"]({ sessionID }, prompt)
await hooks["tool.execute.before"](edit, { args: { filePath: process.argv[2] } })
await hooks["tool.execute.after"](edit, first)
await hooks["tool.execute.after"]({ ...edit, callID: "2" }, second)
await hooks.event({ event: { type: "session.idle", properties: { sessionID } } })
console.log("idle")
const appended = [await woken]
const start = { message: { content: prompt.parts[0].text } }
console.log(JSON.stringify({ start, result: first, quiet: second.output === "edited" ? null : second, appended }))
await hooks.dispose()
"""


@pytest.mark.parametrize(
    ("runtime", "written", "client"),
    [("amp", ".amp/plugins/thrum.ts", AMP), ("opencode", ".agents/thrum-opencode.js", OPENCODE)],
)
def test_a_plugin_briefs_warns_shows_and_wakes(
    session: Session, tmp_path: Path, runtime: str, written: str, client: str
) -> None:
    session.agent.ok("init", "--runtime", runtime)
    shutil.copy(session.agent.cwd / written, tmp_path / "plugin.mjs")
    (tmp_path / "client.mjs").write_text(client)
    first = session.gets("Read me first")
    (session.colleague.cwd / "app.py").write_text("theirs\n")
    path = f"{Path(SCRIPT).parent}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen(
        [str(NODE), str(tmp_path / "client.mjs"), str(session.agent.cwd / "app.py")],
        cwd=session.agent.cwd, env={**session.agent.environ(), "PATH": path}, stdout=subprocess.PIPE, text=True,
    ) as node:  # fmt: skip
        assert node.stdout is not None
        assert node.stdout.readline() == "idle\n"
        second = session.gets("Wake up")
        events: dict[str, Any] = json.loads(node.stdout.readline())
        assert node.wait(PATIENCE) == 0
    assert "you are @planner" in events["start"]["message"]["content"]
    assert first in events["start"]["message"]["content"]
    assert events["result"]["output"].startswith("edited\n\nthrum: @builder has uncommitted changes to app.py")
    assert events["quiet"] is None
    assert [second in text and "Wake up" in text for text in events["appended"]] == [True]
