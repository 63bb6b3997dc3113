// Written by `thrum init --runtime amp`, removed by `thrum uninit`.
// Shows new mail with the next prompt and after each tool call, and wakes an idle thread when mail arrives.
// Adds to an edit's result which other agents have uncommitted changes to that file.
import { spawn } from "node:child_process"

const THRUM = ["thrum"]
const CONTINUATIONS = 10

const run = (event, thread, fields = {}, child = (_) => {}) =>
  new Promise((resolve) => {
    const [first, ...rest] = [...THRUM, "hook", event, "--runtime", "amp"]
    const hook = spawn(first, rest, { stdio: ["pipe", "pipe", "pipe"] })
    const output = { out: "", err: "" }
    hook.stdout.on("data", (part) => (output.out += part))
    hook.stderr.on("data", (part) => (output.err += part))
    hook.on("error", () => resolve({ code: 0, out: "", err: "" }))
    hook.on("close", (code) => resolve({ code, out: output.out.trim(), err: output.err.trim() }))
    hook.stdin.on("error", () => {})
    hook.stdin.end(JSON.stringify({ session_id: thread, ...fields }))
    child(hook)
  })

const message = (content) => ({ type: "user-message", content })

export default function (amp) {
  const listeners = new Map()
  const begun = new Set()
  const warnings = new Map()

  const quiet = (thread) => {
    listeners.get(thread)?.kill()
    listeners.delete(thread)
  }

  const listen = async (thread, append) => {
    if (listeners.has(thread)) return
    const { code, err } = await run("listen", thread, {}, (hook) => listeners.set(thread, hook))
    listeners.delete(thread)
    if (code === 2 && err) await append(message(err))
  }

  const edited = (event) => (amp.helpers.filesModifiedByToolCall(event) ?? []).map(amp.helpers.filePathFromURI)

  amp.on("agent.start", async (event) => {
    const thread = event.thread.id
    quiet(thread)
    const { out } = await run(begun.has(thread) ? "prompt" : "session-start", thread)
    begun.add(thread)
    if (out) return { message: { content: out } }
  })

  amp.on("tool.call", async (event) => {
    const hooks = await Promise.all(
      edited(event).map((path) => run("before-edit", event.thread.id, { tool_input: { file_path: path } })),
    )
    const text = hooks.map(({ out }) => out).filter(Boolean).join("\n")
    if (text) warnings.set(event.toolUseID, text)
    return { action: "allow" }
  })

  amp.on("tool.result", async (event, ctx) => {
    const thread = event.thread.id
    if (edited(event).length) await run("after-edit", thread)
    const { out } = await run("post-tool", thread)
    const text = [warnings.get(event.toolUseID), out].filter(Boolean).join("\n\n")
    warnings.delete(event.toolUseID)
    if (!text) return
    if (event.status === "done" && typeof event.output === "string")
      return { status: "done", output: `${event.output}\n\n${text}` }
    await ctx.thread.appendUserMessage(message(text), { steer: true })
  })

  amp.on("agent.end", async (event, ctx) => {
    const thread = event.thread.id
    if (event.status === "done") {
      const { out } = await run("stop", thread)
      if (out) return { action: "continue", userMessage: out, maxContinuations: CONTINUATIONS }
    }
    listen(thread, (text) => ctx.thread.appendUserMessage(text))
  })
}
