"""Valid logs and signatures, changed at random: what is not exactly what was signed is refused, and nothing crashes."""

from __future__ import annotations

import json
import random
from base64 import b64encode
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sync.forging import REGISTRATION, Stranger, canonical
from thrum_store.log import keys
from thrum_store.log.events import GENESIS, Place, encode_header, fast_parser, plain_parser
from thrum_store.log.segments import EventLog, Shard, ShardPosition
from thrum_store.machine.host import DISK
from thrum_store.sync.wire import tree
from thrum_store.sync.wire.signed_heads import AdmissionError, SignedEnd, verify_certificate, verify_heads
from thrum_store.sync.wire.verify import verify_extension

COUNTS = [1000, pytest.param(10_000, marks=[pytest.mark.nightly, pytest.mark.timeout(3600)])]


def log_of(lines: int) -> tuple[Stranger, dict[int, bytes], SignedEnd]:
    """A valid log in two segments, and its end."""
    stranger = Stranger()
    stranger.say("agent.register", REGISTRATION)
    for number in range(lines):
        stranger.message(f"message {number} ü \u202e")
    half = len(stranger.lines) // 2
    shard = Shard(stranger.store, stranger.agent)
    first = encode_header(Place(*shard, 1, GENESIS), 1, 0) + b"".join(line + b"\n" for line in stranger.lines[:half])
    before = json.loads(stranger.lines[half - 1])["h"]
    second = encode_header(Place(*shard, half + 1, before), 2, len(first))
    second += b"".join(line + b"\n" for line in stranger.lines[half:])
    return stranger, {1: first, 2: second}, SignedEnd(2, stranger.seq, stranger.before)


def flip(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def insert(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    junk = rng.choice([b"\n", b"\0", b"\r\n", b"\xe2\x80\xa8", b"{}", b"[" * 5000, b"\xff\xfe", b'"a":1,', b"\n\n"])
    return data[:at] + junk + data[at:]


def remove(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randrange(1, 200) :]


def lines_about(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")[:-1]
    doing = rng.randrange(3)
    at = rng.randrange(len(lines))
    if doing == 0:
        lines.insert(at, rng.choice(lines))
    elif doing == 1:
        lines.pop(at)
    else:
        rng.shuffle(lines)
    return b"".join(line + b"\n" for line in lines)


CHANGES: list[Callable[[random.Random, bytes], bytes]] = [flip, flip, cut, insert, remove, lines_about]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("part", range(4))
def test_a_changed_log_is_refused_or_gives_exactly_what_was_signed(part: int, count: int) -> None:
    rng = random.Random(part)
    stranger, blobs, goal = log_of(6)
    shard = Shard(stranger.store, stranger.agent)
    whole = verify_extension(shard, ShardPosition(), b"", blobs, goal, fast_parser())
    assert sum(piece.events for piece in whole) == goal.seq
    refused = 0
    for _ in range(count // 4):
        number = rng.choice([1, 2])
        changed = {**blobs, number: rng.choice(CHANGES)(rng, blobs[number])}
        try:
            assert (
                verify_extension(shard, ShardPosition(), b"", changed, goal, rng.choice([fast_parser(), plain_parser]))
                == whole
            )
        except AdmissionError:
            refused += 1
    assert refused > count // 8


@pytest.mark.parametrize("end", [1, 2, 3, 4])
def test_a_log_grows_from_any_place_to_the_same_end(end: int) -> None:
    stranger, blobs, goal = log_of(8)
    shard = Shard(stranger.store, stranger.agent)
    middle = SignedEnd(1, end, json.loads(stranger.lines[end - 1])["h"])
    (first,) = verify_extension(shard, ShardPosition(), b"", {1: blobs[1]}, middle, fast_parser())
    rest = verify_extension(shard, first.head, blobs[1][: first.head.offset], blobs, goal, fast_parser())
    assert rest[-1].head.hash == goal.hash
    assert first.data + b"".join(piece.data for piece in rest) == blobs[1] + blobs[2]


@pytest.mark.parametrize("count", COUNTS)
def test_changed_signatures_are_refused(count: int) -> None:
    rng = random.Random(1)
    stranger = Stranger()
    stranger.message("x")
    card = verify_certificate(stranger.card, stranger.store)
    good = stranger.heads("r" * 32)
    for _ in range(count):
        changed = rng.choice(CHANGES[:-1])(rng, good)
        if changed == good:
            continue
        with pytest.raises(AdmissionError):
            verify_heads(changed, card)


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    field=st.sampled_from(["ctr", "cuts", "files", "prev", "repo", "shards", "store", "v"]),
)
def test_well_signed_nonsense_is_refused_in_words(value: object, field: str) -> None:
    """A signature says who, not that it makes sense."""
    stranger = Stranger()
    stranger.message("x")
    heads = json.loads(stranger.heads("r"))
    heads.pop("sig")
    heads[field] = value
    try:
        heads["sig"] = b64encode(keys.sign(stranger.private, canonical(heads))).decode()
        data = canonical(heads) + b"\n"
        read = verify_heads(data, verify_certificate(stranger.card, stranger.store))
    except AdmissionError as error:
        assert error.why
    else:
        assert read.store == stranger.store


@given(entries=st.binary(max_size=400), top=st.binary(max_size=100))
def test_any_listing_can_be_read(entries: bytes, top: bytes) -> None:
    tree.parse(entries, top, EventLog("v1", DISK))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["100644", "120000", "160000", "040000", "100755"]),
            st.sampled_from(["blob", "tree", "commit"]),
            st.sampled_from(["12", "-", "BAD", "99999999999"]),
            st.text(alphabet="v1/ab.json-\n\t 0", max_size=60),
        ),
        max_size=10,
    )
)
def test_a_listing_of_odd_entries_offers_only_what_the_grammar_knows(entries: list[tuple[str, str, str, str]]) -> None:
    output = "".join(f"{mode} {kind} {'0' * 40} {size}\t{path}\0" for mode, kind, size, path in entries).encode()
    listing = tree.parse(output, b"", EventLog("v1", DISK))
    assert sum(listing.refused.values()) <= len(entries)
    assert all(len(store) == 26 for store in listing.stores)
