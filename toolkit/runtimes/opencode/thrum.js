// Written by `thrum init --runtime opencode`, removed by `thrum uninit`.
// Shows new mail with the next prompt and after each tool call, and wakes an idle session when mail arrives.
// Adds to an edit's result which other agents have uncommitted changes to that file.
import { spawn } from "node:child_process"

const THRUM = ["thrum"]

const EDITS = ["edit", "write", "multiedit", "patch", "apply_patch"]

const run = (directory, event, session, fields = {}, child = () => {}) =>
  new Promise((resolve) => {
    const [first, ...rest] = [...THRUM, "hook", event, "--runtime", "opencode"]
    const hook = spawn(first, rest, { cwd: directory, stdio: ["pipe", "pipe", "pipe"] })
    const output = { out: "", err: "" }
    hook.stdout.on("data", (part) => (output.out += part))
    hook.stderr.on("data", (part) => (output.err += part))
    hook.on("error", () => resolve({ code: 0, out: "", err: "" }))
    hook.on("close", (code) => resolve({ code, out: output.out.trim(), err: output.err.trim() }))
    hook.stdin.on("error", () => {})
    hook.stdin.end(JSON.stringify({ session_id: session, ...fields }))
    child(hook)
  })

const add = (output, text) => {
  if (Array.isArray(output.content)) output.content.push({ type: "text", text }) // an MCP server's tool
  else output.output += `\n\n${text}`
}

export const Thrum = async ({ client, directory }) => {
  const listeners = new Map()
  const briefing = new Map() // session -> why it is due; empty if it is not
  const warnings = new Map()

  const quiet = (session) => {
    listeners.get(session)?.kill()
    listeners.delete(session)
  }

  const news = async (session, event) => {
    const due = briefing.get(session) ?? "startup"
    briefing.set(session, "")
    return (await run(directory, due ? "session-start" : event, session, { source: due })).out
  }

  const listen = async (session) => {
    if (listeners.has(session)) return
    const { code, err } = await run(directory, "listen", session, {}, (hook) => listeners.set(session, hook))
    listeners.delete(session)
    if (code !== 2 || !err) return
    await client.session.promptAsync({ path: { id: session }, body: { parts: [{ type: "text", text: err }] } })
  }

  return {
    dispose: async () => {
      for (const session of [...listeners.keys()]) quiet(session)
    },
    "chat.message": async ({ sessionID }, { parts }) => {
      quiet(sessionID)
      const out = await news(sessionID, "prompt")
      const text = parts.findLast((part) => part.type === "text")
      if (out && text) text.text += `\n\n${out}`
    },
    "tool.execute.before": async ({ tool, sessionID, callID }, { args }) => {
      if (!EDITS.includes(tool)) return
      const { out } = await run(directory, "before-edit", sessionID, { tool_input: args })
      if (out) warnings.set(callID, out)
    },
    "tool.execute.after": async ({ tool, sessionID, callID }, output) => {
      if (EDITS.includes(tool)) await run(directory, "after-edit", sessionID)
      for (const text of [warnings.get(callID), await news(sessionID, "post-tool")]) if (text) add(output, text)
      warnings.delete(callID)
    },
    // At the start of a compaction and at its end: a prompt may arrive before the event of its end.
    "experimental.session.compacting": async ({ sessionID }) => {
      briefing.set(sessionID, "compact")
    },
    event: async ({ event }) => {
      if (event.type === "session.idle") listen(event.properties.sessionID)
      if (event.type === "session.compacted") briefing.set(event.properties.sessionID, "compact")
      if (event.type === "session.deleted") {
        quiet(event.properties.info.id)
        await run(directory, "session-end", event.properties.info.id)
      }
    },
  }
}
