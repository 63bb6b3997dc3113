"""roles: preamble templates by role."""

from __future__ import annotations

from thrum_cli.command import App, Group, Option, command, commands
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Outcome, Screen, human, listing
from thrum_store.service.team import roles as templates
from thrum_store.service.team.roles import Deploy, Deployed, RoleTemplates
from thrum_store.values import plural


@command("list", "thrum roles list", returns=RoleTemplates)
def list_(app: App) -> Outcome:
    """List the role templates and the agents they are for."""
    listed = templates.list_templates(app.store)
    return Outcome(
        listed, note="" if listed.templates else "No role templates found. Write one: .thrum/role_templates/ROLE.md"
    )


@command(
    "deploy",
    "thrum roles deploy",
    "thrum roles deploy --agent builder --dry-run",
    options=(
        Option("--agent", "Only the preamble of this agent.", "NAME"),
        Option("--dry-run", "Only show which would be written."),
    ),
)
def deploy(app: App, agent: str | None, dry_run: bool) -> Deployed:
    """Write the preambles of agents from their role templates.

    Existing preambles are overwritten.
    """
    return templates.deploy(app.store, Deploy(agent, dry_run))


roles = Group(
    "roles",
    """Manage preamble templates for roles.

    A template is a file `.thrum/role_templates/ROLE.md`. It may contain $AgentName, $Role, $Module, $WorktreePath,
    $RepoRoot and $CoordinatorName. It becomes the preamble of an agent that registers with the role, by `thrum
    quickstart` or `thrum agent register`. A preamble that somebody edited stays; only `thrum roles deploy` overwrites
    it.
    """,
    commands(list_, deploy),
    (
        "thrum roles list",
        "thrum roles deploy --dry-run",
    ),
)


@human.register(RoleTemplates)
def _templates(listed: RoleTemplates, screen: Screen) -> str:
    if not listed.templates:
        return ""
    rows = [(template.file, listing(template.agents) or "no agent") for template in listed.templates]
    return table(("template", "agents"), rows, screen)


@human.report(Deployed)
def _deployed(result: Deployed) -> str:
    if not result.total:
        return "No agents found on this machine yet."
    verb = "Would update" if result.dry_run else "Updated"
    count = plural(result.total, "agent")
    lines = [f"{verb} {len(result.updated)}/{count}: {listing(result.updated)}."]
    if not result.updated:
        lines = [f"No matching templates for {count}."]
    if result.without_template:
        lines.append(f"No template for {listing(result.without_template)}.")
    return "\n".join(lines)
