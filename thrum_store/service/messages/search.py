"""Search: which messages hold these words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from thrum_store import model, times
from thrum_store.errors import Invalid, NotFound
from thrum_store.model import Caller
from thrum_store.service import results
from thrum_store.service.callers import known
from thrum_store.service.results import Pair
from thrum_store.store import Store, use_case
from thrum_store.times import rfc3339
from thrum_store.view.queries import agents, search
from thrum_store.view.queries.messages import Row
from thrum_store.view.queries.search import Wanted

from .inbox import page_of, pages

_TERM = re.compile(r'"([^"]*)"?|(\S+)')
_UNSPACED = re.compile("[\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")  # written without spaces
_AROUND = 90  # characters before the first word that was found
_EXCERPT = 240


@dataclass(frozen=True)
class Search:
    """What to search for: words that all occur, `"phrases"`, `begin*`. The rest narrows; times as `times.moment` reads.

    `mine`: only what the caller got or wrote. `best`: best first, otherwise newest first.
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


@dataclass(frozen=True)
class Hit:
    """A message that was found, with the part of its text that shows why."""

    message_id: str
    thread_id: str
    agent_id: str
    audiences: tuple[Pair, ...]
    scopes: tuple[Pair, ...]
    created_at: str
    excerpt: str


@dataclass(frozen=True)
class Found:
    """A page of hits; `total` counts all of them."""

    messages: tuple[Hit, ...]
    total: int
    page: int
    page_size: int
    total_pages: int


@use_case
def find(store: Store, caller: Caller | None, request: Search, progress: Callable[[int], None] | None = None) -> Found:
    """A page of the messages that hold all of these words. Marks nothing.

    `progress` is told how many messages the index has taken in, which it does first. Raises Invalid, NotFound for an
    unknown author, and NotRegistered where `mine` is asked of nobody.
    """
    size, number = page_of(request.page_size, request.page)
    wanted, terms = _wanted(store, caller, request)
    if search.is_behind(store.view):
        with store.committing():
            search.index(store.view, progress)
    rows, total = search.matches(store.view, wanted, size, number)
    return Found(tuple(_hit(row, terms) for row in rows), total, number, size, pages(total, size))


def _wanted(store: Store, caller: Caller | None, request: Search) -> tuple[Wanted, list[str]]:
    terms = [phrase or word for phrase, word in _TERM.findall(model.text(request.words, "search"))]
    terms = [term for term in terms if any(letter.isalnum() for letter in term)]
    if not terms:
        raise Invalid("there is nothing to search for", hint="name a word: `thrum search token`")
    now = store.host.clock.wall_ms()
    wanted = Wanted(
        match=" ".join(_match(term) for term in terms if not _UNSPACED.search(term)),
        parts=tuple(term.rstrip("*") for term in terms if _UNSPACED.search(term)),
        reader=known(store, caller).id if request.mine and caller else None,
        author=_author(store, request.author),
        to=None if request.to is None else model.address(request.to),
        scope=None if request.scope is None else model.tag(request.scope, "scope"),
        after=None if request.after is None else times.moment(request.after, now),
        before=None if request.before is None else times.moment(request.before, now),
        best=request.best,
    )
    return wanted, terms


def _match(term: str) -> str:
    """A term in FTS5's language, where nothing in it means anything but itself."""
    bare = term.rstrip("*").replace('"', "")
    return f'"{bare}"*' if term.endswith("*") else f'"{bare}"'


def _author(store: Store, text: str | None) -> int | None:
    if text is None:
        return None
    name, _, nick = model.address(text).partition("@")
    found = [agent for agent in agents.named(store.view, name) if agent.store.startswith(nick)]
    if not found:
        raise NotFound(f"there is no agent {name!r}", hint="`thrum agent list` shows who there is")
    return found[0].id


def _hit(row: Row, terms: list[str]) -> Hit:
    return Hit(
        message_id=row.id,
        thread_id=results.thread(row),
        agent_id=results.shown(row.author_name, row.author_store, own=row.author_own),
        audiences=results.pairs(row.audience),
        scopes=results.pairs(row.scopes),
        created_at=rfc3339(row.sent_ms),
        excerpt=_excerpt(row.content, terms),
    )


def _excerpt(content: str, terms: list[str]) -> str:
    """The text around the first word that was found, on one line."""
    low = content.lower()
    places = [at for term in terms if (at := low.find(term.rstrip("*").lower())) >= 0]
    start = max(min(places, default=0) - _AROUND, 0)
    shown = " ".join(content[start : start + _EXCERPT].split())
    return ("…" if start else "") + shown + ("…" if start + _EXCERPT < len(content) else "")
