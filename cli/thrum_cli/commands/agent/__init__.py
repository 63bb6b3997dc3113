"""agent: the agents of the repository."""

from __future__ import annotations

from thrum_cli.command import Entry, Group, lazily

agent = Group(
    "agent",
    "Register, list and delete agents.",
    {
        "Commands": {
            "register": Entry("commands.agent.register:register", "Register an agent in this worktree."),
            "list": Entry("commands.agent.list:list_", "List the registered agents."),
            "whoami": Entry("commands.whoami:whoami", "Show your identity and where it comes from."),
            "start": Entry("commands.session:start", "Start a work session."),
            "end": Entry("commands.session:end", "End your work session."),
            "heartbeat": Entry(
                "commands.session:heartbeat", "Tell the others that you are active, and what you changed."
            ),
            "set-intent": Entry("commands.session:set_intent", "Tell the others what you are doing."),
            "set-task": Entry("commands.session:set_task", "Tell the others which task you are working on."),
            **lazily(
                "commands.agent",
                {
                    "context": "Show the branch, commits and files of each agent.",
                    "delete": "Delete an agent of this machine.",
                    "cleanup": "Find agents that nobody uses any more, and delete them.",
                },
            ),
        }
    },
    ("thrum agent list", "thrum agent register --name builder --role implementer --module auth"),
)
