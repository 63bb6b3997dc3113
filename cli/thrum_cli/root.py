"""The command `thrum`: what there is, by topic, and where it lives. Its help imports none of it."""

from __future__ import annotations

import click

from .app import App
from .command import Entry, group, pass_app
from .terminal.output import Outcome, human

_SECTIONS = {
    "Setup & orientation": {
        "init": Entry("commands.init:init", "Set thrum up in this repository."),
        "setup": Entry("commands.setup:setup", "Set up a worktree, or the instructions for an agent."),
        "quickstart": Entry("commands.quickstart:quickstart", "Register, start a session and set your intent."),
        "prime": Entry("commands.prime:prime", "Tell an agent all it needs to start or to go on."),
        "overview": Entry("commands.overview:overview", "Show everything at once: you, the team, your inbox."),
        "status": Entry("commands.status:status", "Show who you are, your session, your work and your inbox."),
        "whoami": Entry("commands.whoami:whoami", "Show your identity and where it comes from."),
        "migrate": Entry("commands.migrate:migrate", "Take over what an older thrum kept."),
        "config": Entry("commands.config:config", "Show every setting and where it comes from."),
        "doctor": Entry("commands.doctor:doctor", "Check everything, and say what mends what is wrong."),
        "version": Entry("commands.version:version", "Show the version, the build and where to read more."),
        "completion": Entry("commands.completion:completion", "Print the completion script of a shell."),
        "demo": Entry("commands.demo:demo", "Watch two agents talk in a scratch repository."),
    },
    "Messaging": {
        "send": Entry("commands.send:send", "Send a message."),
        "reply": Entry("commands.reply:reply", "Reply to a message."),
        "inbox": Entry("commands.inbox:inbox", "List the messages in your inbox."),
        "sent": Entry("commands.sent:sent", "List the messages you sent, and who has read them."),
        "wait": Entry("commands.wait:wait", "Block until a message arrives."),
        "purge": Entry("commands.purge:purge", "Remove old messages for good."),
        "message": Entry("commands.message:message", "Show, edit, delete or mark single messages."),
        "subscribe": Entry("commands.subscribe:subscribe", "Be told of messages as they arrive."),
        "unsubscribe": Entry("commands.unsubscribe:unsubscribe", "Remove a subscription."),
        "subscriptions": Entry("commands.subscriptions:subscriptions", "List your subscriptions."),
        "watch": Entry("commands.watch:watch", "Show what you subscribed to, live."),
    },
    "Agents & sessions": {
        "agent": Entry("commands.agent:agent", "Register agents and see who is here."),
        "session": Entry("commands.session:session", "Start and end work sessions."),
        "group": Entry("commands.group:group_", "Name sets of agents to send to."),
    },
    "Coordination": {
        "team": Entry("commands.team:team", "Show who is active and what they do."),
        "who-has": Entry("commands.who_has:who_has", "Show who is editing a file."),
        "ping": Entry("commands.ping:ping", "Check whether an agent is there."),
        "context": Entry("commands.context:context", "Keep notes for a new start."),
        "search": Entry("commands.search:search", "Find messages by their words."),
        "roles": Entry("commands.roles:roles", "Templates for what agents of a role keep in mind."),
    },
    "Between machines": {
        "daemon": Entry("commands.daemon:daemon", "The background process: sync, push, sockets."),
        "sync": Entry("commands.sync:sync", "Exchange messages with other clones, through git."),
    },
    "Agent runtimes": {
        "mcp": Entry("commands.mcp:mcp", "Serve MCP to a coding agent."),
        "runtime": Entry("commands.runtime:runtime", "The clients agents run in: list, show, check."),
        "uninit": Entry("commands.uninit:uninit", "Take back what init wrote for a client."),
        "hook": Entry("commands.hook:hook", "Answer a client's hook."),
        "listen": Entry("commands.listen:listen", "Say in a line that mail came, as it comes."),
    },
}


@group(
    "thrum",
    _SECTIONS,
    "thrum demo",
    "thrum init && thrum quickstart --name planner --role lead --module auth",
    'thrum send "Ready for review" --to @builder',
    "thrum COMMAND --help",
    invoke_without_command=True,
    context_settings={"max_content_width": 100},
)
@click.option("--version", "show_version", is_flag=True, help="Show the version.")
@click.pass_context
@pass_app
def root(app: App, context: click.Context, show_version: bool) -> object:
    """Durable messaging for coding agents in the worktrees of one repository.

    Two agents need nothing but a set-up repository: there is no server to start.
    """
    if context.invoked_subcommand is not None:
        return None
    if show_version:
        from .commands.version import current_version  # loads importlib.metadata

        return current_version()
    if app.json:
        raise click.UsageError("no command is named", context)
    return Outcome(None, note=context.get_help())


@human.register(type(None))
def _nothing(*_: object) -> str:
    return ""
