"""Search: find messages by the words in them."""

from __future__ import annotations

import re

from thrum_store import identity, values
from thrum_store.errors import Invalid
from thrum_store.service import message_parts
from thrum_store.service.message_parts import MessageHeader, known
from thrum_store.store import Store, use_case
from thrum_store.values import Record
from thrum_store.view.queries import lookup, search
from thrum_store.view.queries.search import Wanted

from .inbox import page_of, pages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from thrum_store.identity import Caller

_TERM = re.compile(r'"([^"]*)"?|(\S+)')
_UNSPACED = re.compile("[\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")  # written without spaces
_AROUND = 90  # characters before the first word that was found
_EXCERPT = 240


class Search(Record):
    """Words that all occur in a message, `"phrases"`, `begin*`; the other fields narrow, times as `times.moment` reads.

    `mine`: only messages that the caller got or wrote. `best`: best first, otherwise newest first.
    """

    words: str
    author: str | None = None
    to: str | None = None
    scope: str | None = None
    after: str | None = None
    before: str | None = None
    mine: bool = False
    best: bool = False
    page_size: int = 10
    page: int = 1


class Hit(Record):
    """A message that matches, with the part of its text that shows why."""

    header: MessageHeader
    excerpt: str

    JSON = "message_id=id thread_id=thread agent_id=author audiences=to scopes created_at=sent_at excerpt"


class SearchResults(Record):
    """A page of hits; `total` counts all of them."""

    messages: tuple[Hit, ...]
    total: int
    page: int
    page_size: int
    total_pages: int


@use_case
def find(
    store: Store, caller: Caller | None, request: Search, progress: Callable[[int], None] | None = None
) -> SearchResults:
    """Return a page of the messages that hold all of these words. Marks nothing as read.

    The index takes in new messages first and reports their number to `progress`. Raises Invalid, NotFound for an
    unknown author, and NotRegistered for `mine` without a caller.
    """
    size, number = page_of(request.page_size, request.page)
    wanted, terms = _wanted(store, caller, request)
    if search.is_behind(store.view):
        with store.committing():
            search.index(store.view, progress)
    rows, total = search.matches(store.view, wanted, size, number)
    hits = tuple(Hit(message_parts.header_of(row), _excerpt(row.content, terms)) for row in rows)
    return SearchResults(hits, total, number, size, pages(total, size))


def _wanted(store: Store, caller: Caller | None, request: Search) -> tuple[Wanted, list[str]]:
    terms = [phrase or word for phrase, word in _TERM.findall(values.storable(request.words, "search"))]
    terms = [term for term in terms if any(letter.isalnum() for letter in term)]
    if not terms:
        raise Invalid("there is nothing to search for", hint="name a word: `thrum search token`")
    now = store.host.clock.wall_ms()
    wanted = Wanted(
        match=" ".join(_match(term) for term in terms if not _UNSPACED.search(term)),
        parts=tuple(term.rstrip("*") for term in terms if _UNSPACED.search(term)),
        reader=known(store, caller).id if request.mine and caller else None,
        author=_author(store, request.author),
        to=None if request.to is None else identity.bare_address(request.to),
        scope=None if request.scope is None else message_parts.tag(request.scope, "scope"),
        after=None if request.after is None else values.moment(request.after, now),
        before=None if request.before is None else values.moment(request.before, now),
        best=request.best,
    )
    return wanted, terms


def _match(term: str) -> str:
    """Quote a term for FTS5, so that no character of it is syntax; a final `*` stays a prefix search."""
    bare = term.rstrip("*").replace('"', "")
    return f'"{bare}"*' if term.endswith("*") else f'"{bare}"'


def _author(store: Store, text: str | None) -> int | None:
    if text is None:
        return None
    name, _, nick = identity.bare_address(text).partition("@")
    matching = [agent.id for agent in lookup.named(store.view, name) if agent.store.startswith(nick)]
    if not matching:
        raise message_parts.unknown_agent(name)
    return matching[0]


def _excerpt(content: str, terms: list[str]) -> str:
    """Return the text around the first word that occurs, on one line."""
    low = content.lower()
    places = [at for term in terms if (at := low.find(term.rstrip("*").lower())) >= 0]
    start = max(min(places, default=0) - _AROUND, 0)
    shown = " ".join(content[start : start + _EXCERPT].split())
    return ("…" if start else "") + shown + ("…" if start + _EXCERPT < len(content) else "")
