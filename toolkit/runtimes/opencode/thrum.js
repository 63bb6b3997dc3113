// Written by `thrum init --runtime opencode`, taken away by `thrum uninit`.
// Shows new mail with the next prompt and after each tool call, and wakes an idle session when mail comes.
import { spawn } from "node:child_process"

const THRUM = ["thrum"]

const run = (directory, event, session, source = "", child = () => {}) =>
  new Promise((resolve) => {
    const [first, ...rest] = [...THRUM, "hook", event, "--runtime", "opencode"]
    const hook = spawn(first, rest, { cwd: directory, stdio: ["pipe", "pipe", "pipe"] })
    const said = { out: "", err: "" }
    hook.stdout.on("data", (part) => (said.out += part))
    hook.stderr.on("data", (part) => (said.err += part))
    hook.on("error", () => resolve({ code: 0, out: "", err: "" }))
    hook.on("close", (code) => resolve({ code, out: said.out.trim(), err: said.err.trim() }))
    hook.stdin.on("error", () => {})
    hook.stdin.end(JSON.stringify({ session_id: session, source }))
    child(hook)
  })

export const Thrum = async ({ client, directory }) => {
  const listeners = new Map()
  const briefing = new Map() // session -> why it is due; empty where it is not

  const quiet = (session) => {
    listeners.get(session)?.kill()
    listeners.delete(session)
  }

  const news = async (session, event) => {
    const due = briefing.get(session) ?? "startup"
    briefing.set(session, "")
    return (await run(directory, due ? "session-start" : event, session, due)).out
  }

  const listen = async (session) => {
    if (listeners.has(session)) return
    const { code, err } = await run(directory, "listen", session, "", (hook) => listeners.set(session, hook))
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
    "tool.execute.after": async ({ sessionID }, output) => {
      const out = await news(sessionID, "post-tool")
      if (!out) return
      if (Array.isArray(output.content)) output.content.push({ type: "text", text: out }) // an MCP server's tool
      else output.output += `\n\n${out}`
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
