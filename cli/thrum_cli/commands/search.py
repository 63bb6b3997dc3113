"""search: messages that contain words."""

from __future__ import annotations

from thrum_cli.command import PAGE, App, Argument, Option, command
from thrum_cli.terminal.output import Outcome, Screen, ago, beyond, bold, dim, human, listing, summary, wrap
from thrum_cli.terminal.progress import Counting
from thrum_store.service.messages import search as searching
from thrum_store.service.messages.search import Hit, Search, SearchResults


@command(
    "search",
    "thrum search token",
    "thrum search '\"token format\" expir*' --from planner --after 7d",
    "thrum search deploy --to @backend --best",
    returns=SearchResults,
    options=(
        Argument("words", many=True),
        Option("--from", "Only messages from this agent.", "AGENT", name="author", complete="addresses"),
        Option("--to", "Only messages to this agent, role or group, or to @everyone.", "ADDRESS", complete="addresses"),
        Option("--scope", "Only messages with this scope.", "TYPE:VALUE"),
        Option("--after", "Only messages since this time: 2d, 24h, 2026-03-15 or RFC 3339.", "TIME"),
        Option("--before", "Only messages until this time.", "TIME"),
        Option("--mine", "Only messages you received or wrote."),
        Option("--best", "Show the best matches first, not the newest (looks at the newest 10,000 that match)."),
        *PAGE,
    ),
)
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
    """Search messages.

    A message must contain all the words. "Words in quotes" must follow each other; `begin*` matches every word with
    that beginning. Deleted messages are not searched.
    """
    request = Search(" ".join(words), author, to, scope, after, before, mine, best, page_size, page)
    with Counting("messages indexed", quiet=app.quiet) as counting:
        result = searching.find(app.store, app.caller if mine else None, request, counting)
    if result.messages:
        return Outcome(result)
    past = beyond(result.page, result.total, result.total_pages) if result.total else ""
    return Outcome(result, note=past or "Nothing found. Try fewer words, or `begin*` for words with that beginning.")


@human.register(SearchResults)
def _results(page: SearchResults, screen: Screen) -> str:
    if not page.messages:
        return ""
    footer = summary(page.page, page.page_size, len(page.messages), page.total)
    return "\n\n".join([*(_hit(hit, screen) for hit in page.messages), dim(footer)])


def _hit(hit: Hit, screen: Screen) -> str:
    header = hit.header
    to = listing([address.value for address in header.to], 3)
    heading = f"{bold('@' + header.author)} to {to}  {dim(ago(header.sent_at, screen.now_ms))}  {dim(header.id)}"
    return "\n".join([heading, *(f"    {line}" for line in wrap(hit.excerpt, screen.width - 4))])
