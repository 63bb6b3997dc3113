"""search: which messages hold these words."""

from __future__ import annotations

import click

from thrum_cli.app import App
from thrum_cli.command import command, pass_app
from thrum_cli.completion import addresses
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_cli.terminal.progress import Counting
from thrum_cli.terminal.text import ago, beyond, bold, dim, listing, summary, wrap
from thrum_store.service.messages import search as searching
from thrum_store.service.messages.search import Found, Hit, Search


@command(
    "search",
    "thrum search token",
    "thrum search '\"token format\" expir*' --from planner --after 7d",
    "thrum search deploy --to @backend --best",
    returns=Found,
)
@click.argument("words", nargs=-1, required=True)
@click.option("--from", "author", metavar="AGENT", help="Only what this agent wrote.", shell_complete=addresses)
@click.option(
    "--to",
    metavar="ADDRESS",
    help="Only what went to this agent, role or group, or @everyone.",
    shell_complete=addresses,
)
@click.option("--scope", metavar="TYPE:VALUE", help="Only messages with this scope.")
@click.option("--after", metavar="TIME", help="Only since then: 2d, 24h, 2026-03-15 or RFC 3339.")
@click.option("--before", metavar="TIME", help="Only until then.")
@click.option("--mine", is_flag=True, help="Only what you got or wrote.")
@click.option("--best", is_flag=True, help="Best first instead of newest first (of the newest 10,000 that match).")
@click.option("--page-size", "--limit", "page_size", type=int, default=10, metavar="N", help="Messages on a page.")
@click.option("--page", type=int, default=1, metavar="N", help="Which page (default 1).")
@pass_app
def search(
    app: App,
    words: tuple[str, ...],
    author: str | None,
    to: str | None,
    scope: str | None,
    after: str | None,
    before: str | None,
    mine: bool,
    best: bool,
    page_size: int,
    page: int,
) -> Outcome:
    """Find the messages that hold all of these words.

    "Words in quotes" must follow each other; `begin*` finds every word that begins so. Deleted messages are not found.
    """
    request = Search(" ".join(words), author, to, scope, after, before, mine, best, page_size, page)
    with Counting("messages indexed", quiet=app.quiet) as counting:
        found = searching.find(app.store, app.caller if mine else None, request, counting)
    if found.messages:
        return Outcome(found)
    past = beyond(found.page, found.total, found.total_pages) if found.total else ""
    return Outcome(found, note=past or "Nothing found. Fewer words find more; `begin*` finds words that begin so.")


@human.register(Found)
def _found(found: Found, screen: Screen) -> str:
    if not found.messages:
        return ""
    page = summary(found.page, found.page_size, len(found.messages), found.total)
    return "\n\n".join([*(_hit(one, screen) for one in found.messages), dim(page)])


def _hit(one: Hit, screen: Screen) -> str:
    to = listing([pair.value for pair in one.audiences], 3)
    head = f"{bold('@' + one.agent_id)} to {to}  {dim(ago(one.created_at, screen.now_ms))}  {dim(one.message_id)}"
    return "\n".join([head, *(f"    {line}" for line in wrap(one.excerpt, screen.width - 4))])
