"""roles …: templates for the preambles of agents, by role."""

from __future__ import annotations

from thrum_cli.command import App, Group, Option, command, commands
from thrum_cli.terminal.output import Outcome, Screen, human, table
from thrum_cli.terminal.text import listing, plural
from thrum_store.service.team import roles as templates
from thrum_store.service.team.roles import Deploy, Deployed, RoleTemplates


@command("list", "thrum roles list", returns=RoleTemplates)
def list_(app: App) -> Outcome:
    """List the role templates and the agents they are for."""
    found = templates.list_templates(app.store)
    empty = "" if found.templates else "No role templates. Write one as .thrum/role_templates/ROLE.md"
    return Outcome(found, note=empty)


@command(
    "deploy",
    "thrum roles deploy",
    "thrum roles deploy --agent builder --dry-run",
    options=(
        Option("--agent", "Only this agent's.", "NAME"),
        Option("--dry-run", "Only say whose would be written."),
    ),
)
def deploy(app: App, agent: str | None, dry_run: bool) -> Deployed:
    """Write the preambles of agents from their role templates."""
    return templates.deploy(app.store, Deploy(agent, dry_run))


roles = Group(
    "roles",
    """Manage preamble templates for roles.

    `.thrum/role_templates/ROLE.md`, with $AgentName, $Role, $Module, $WorktreePath, $RepoRoot and $CoordinatorName.
    """,
    commands(list_, deploy),
    (
        "thrum roles list",
        "thrum roles deploy --dry-run",
    ),
)


@human.register(RoleTemplates)
def _templates(found: RoleTemplates, screen: Screen) -> str:
    if not found.templates:
        return ""
    return table(
        ("template", "agents"), [(one.file, listing(one.agents) or "nobody") for one in found.templates], screen
    )


@human.register(Deployed)
def _deployed(done: Deployed) -> str:
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
