"""Full-text search, and that it follows what becomes of the messages."""

from __future__ import annotations

import pytest

from tests.places import Place
from thrum_store.errors import Invalid, NotFound, NotRegistered
from thrum_store.service.messages import editing, search
from thrum_store.service.messages.editing import DeleteMessage, EditMessage
from thrum_store.service.messages.search import Search
from thrum_store.service.messages.sending import SendMessage, send
from thrum_store.service.team import removal
from thrum_store.service.team.groups import CreateGroup, Membership, add, create


@pytest.fixture
def talk(place: Place) -> Place:
    """Two agents who said a few things."""
    ann = place.join("ann", "planner")
    place.join("bob")
    place.send("ann", "The token expires after an hour", "@bob")
    place.watch.pass_by(days=3)
    place.send("bob", "Größe der Tokens: 256 bytes. Token token!")
    with place.open() as store:
        create(store, ann, CreateGroup("backend"))
        add(store, ann, Membership("backend", "agent", "bob"))
        send(store, ann, SendMessage("deploy the expiry job", to=("@backend",), scopes=("module:auth",)))
    return place


def hits(place: Place, words: str, by: str | None = None, **wanted: object) -> list[str]:
    """The first word of each hit."""
    with place.open() as store:
        page = search.find(store, place.caller(by) if by else None, Search(words, **wanted))  # type: ignore[arg-type]
    assert page.total == len(page.messages)
    return [hit.excerpt.split()[0] for hit in page.messages]


def test_all_words_must_occur_in_any_case_and_with_or_without_accents(talk: Place) -> None:
    assert hits(talk, "TOKEN") == ["Größe", "The"]
    assert hits(talk, "token hour") == ["The"]
    assert hits(talk, "grosse") == [] and hits(talk, "große") == ["Größe"] and hits(talk, "GROßE") == ["Größe"]
    assert hits(talk, "nothing-like-it") == []


def test_phrases_and_beginnings_of_words_are_found(talk: Place) -> None:
    assert hits(talk, '"expires after"') == ["The"]
    assert hits(talk, '"after expires"') == []
    assert hits(talk, "exp*") == ["deploy", "The"]
    assert hits(talk, "exp") == []


@pytest.mark.parametrize(
    "words", ['"token', "token OR", "NEAR(token", "content:token", "token -hour", "(token)", "token*"]
)
def test_what_means_something_to_the_index_means_only_itself(talk: Place, words: str) -> None:
    hits(talk, words)


@pytest.mark.parametrize("words", ["", " ", '""', "-*", "'"])
def test_nothing_to_search_for_is_an_error(talk: Place, words: str) -> None:
    with pytest.raises(Invalid):
        hits(talk, words)


def test_author_address_scope_and_time_narrow_it(talk: Place) -> None:
    assert hits(talk, "token", author="@ann") == ["The"]
    assert hits(talk, "deploy", to="@backend") == ["deploy"]
    assert hits(talk, "token", to="@everyone") == ["Größe"]
    assert hits(talk, "deploy", scope="module:auth") == ["deploy"]
    assert hits(talk, "token", after="2d") == ["Größe"]
    assert hits(talk, "token", before="2d") == ["The"]
    assert hits(talk, "token", before="2020-01-01") == []
    for wanted in ({"author": "nobody"}, {"after": "yesterday"}, {"after": "0d"}):
        with pytest.raises((NotFound, Invalid)):
            hits(talk, "token", **wanted)


def test_mine_is_what_one_got_or_wrote(talk: Place) -> None:
    talk.join("eve")
    talk.send("ann", "token for eve", "@eve")
    assert hits(talk, "token", by="eve", mine=True) == ["token"]
    assert hits(talk, "token", by="bob", mine=True) == ["Größe", "The"]
    with pytest.raises(NotRegistered):
        hits(talk, "token", by="nobody", mine=True)


def test_best_first_puts_more_of_the_word_above_newer(talk: Place) -> None:
    talk.send("ann", "a long message in which the token is named once among many other words that say other things")
    assert hits(talk, "token")[0] == "a"
    assert hits(talk, "token", best=True)[0] == "Größe"


def test_texts_without_spaces_are_found_by_any_part(talk: Place) -> None:
    talk.send("ann", "認証トークンの有効期限を変更しました 100%")
    assert hits(talk, "有効期限") == ["認証トークンの有効期限を変更しました"]
    assert hits(talk, "有効期限 100") == ["認証トークンの有効期限を変更しました"]
    assert hits(talk, "有効_限") == []


def test_the_index_follows_edits_deletions_and_new_messages(talk: Place) -> None:
    message = talk.send("ann", "the zebra is here")
    assert hits(talk, "zebra") == ["the"]
    with talk.open() as store:
        editing.edit(store, talk.caller("ann"), EditMessage(message, "a lion is here"))
        editing.edit(store, talk.caller("ann"), EditMessage(message, "a tiger is here"))
    assert (hits(talk, "zebra"), hits(talk, "lion"), hits(talk, "tiger")) == ([], [], ["a"])
    with talk.open() as store:
        editing.delete(store, talk.caller("ann"), DeleteMessage(message, force=True))
    assert hits(talk, "tiger") == []
    talk.send("ann", "tiger again")
    assert hits(talk, "tiger") == hits(talk, "tiger", to="@everyone") == ["tiger"]
    with talk.open() as store:
        store.rebuild()
    assert hits(talk, "tiger") == hits(talk, "tiger", to="@everyone") == ["tiger"]
    with talk.open() as store:
        removal.delete(store, "ann", force=True)
    assert hits(talk, "tiger") == [] and hits(talk, "token") == ["Größe"]


def test_pages_do_not_overlap_and_count_everything(talk: Place) -> None:
    for number in range(5):
        talk.send("ann", f"needle {number}")
    with talk.open() as store:
        pages = [search.find(store, None, Search("needle", page_size=2, page=page)) for page in (1, 2, 3)]
    assert [hit.excerpt for page in pages for hit in page.messages] == [f"needle {n}" for n in (4, 3, 2, 1, 0)]
    assert {(page.total, page.total_pages) for page in pages} == {(5, 3)}


def test_the_index_stays_whole(talk: Place) -> None:
    message = talk.send("ann", "one two three")
    hits(talk, "one")
    with talk.open() as store:
        editing.edit(store, talk.caller("ann"), EditMessage(message, "four five six"))
    hits(talk, "four")
    with talk.open() as store, store.committing():
        store.view.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
