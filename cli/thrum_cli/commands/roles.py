"""roles …: templates for the preambles of agents, by role."""

from __future__ import annotations

import click

from thrum_cli.app import App
from thrum_cli.command import Entry, command, group, pass_app
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_cli.terminal.text import listing, plural
from thrum_store.service.team import roles as templates
from thrum_store.service.team.roles import Deploy, Deployed, RoleTemplates

_SECTIONS = {
    "Commands": {
        "list": Entry("commands.roles:list_", "List the role templates and the agents they are for."),
        "deploy": Entry("commands.roles:deploy", "Write the agents' preambles anew from their templates."),
    }
}


@group("roles", _SECTIONS, "thrum roles list", "thrum roles deploy --dry-run")
def roles() -> None:
    """Templates for what agents of a role should keep in mind.

    `.thrum/role_templates/ROLE.md`, with $AgentName, $Role, $Module, $WorktreePath, $RepoRoot and $CoordinatorName.
    """


@command("list", "thrum roles list", returns=RoleTemplates)
@pass_app
def list_(app: App) -> Outcome:
    """List the role templates and the agents they are for."""
    found = templates.list_templates(app.store)
    empty = "" if found.templates else "No role templates. Write one as .thrum/role_templates/ROLE.md"
    return Outcome(found, note=empty)


@command("deploy", "thrum roles deploy", "thrum roles deploy --agent builder --dry-run")
@click.option("--agent", metavar="NAME", help="Only this agent's.")
@click.option("--dry-run", is_flag=True, help="Only say whose would be written.")
@pass_app
def deploy(app: App, agent: str | None, dry_run: bool) -> Deployed:
    """Write the agents' preambles anew from their role's template, over what is there."""
    return templates.deploy(app.store, Deploy(agent, dry_run))


@human.register(RoleTemplates)
def _templates(found: RoleTemplates, screen: Screen) -> str:
    if not found.templates:
        return ""
    return table(
        ("template", "agents"), [(one.file, listing(one.agents) or "nobody") for one in found.templates], screen
    )


@human.register(Deployed)
def _deployed(done: Deployed, screen: Screen) -> str:
    del screen
    if not done.total:
        return "There are no agents on this machine yet."
    verb = "Would write" if done.dry_run else "Wrote"
    lines = [
        f"{verb} {plural(len(done.updated), 'preamble')} of {plural(done.total, 'agent')}: {listing(done.updated)}."
    ]
    if not done.updated:
        lines = [f"No template fits any of {plural(done.total, 'agent')}."]
    if done.without_template:
        lines.append(f"No template for {listing(done.without_template)}.")
    return "\n".join(lines)
