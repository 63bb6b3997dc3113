"""The grammar of names and ids: the quick check and the pattern agree."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from thrum_store import identity
from thrum_store.errors import Invalid
from thrum_store.service import message_parts

NEAR = st.text("abzAZ019-_. é²\n", max_size=70)
ID = "[0-9A-HJKMNP-TV-Z]{26}"


@given(NEAR)
@example("")
@example("a" * 64)
@example("a" * 65)
@example("ａ")
def test_a_name_is_what_its_pattern_says(text: str) -> None:
    assert identity.is_name(text) == (re.fullmatch(identity.NAME, text) is not None)


@pytest.mark.parametrize(
    "text", ["msg_" + "0" * 26, "msg_" + "Z" * 26, "msg_" + "I" * 26, "msg_" + "0" * 25, "0" * 26, "0" * 30, "thr_"]
)
def test_an_id_is_a_prefix_and_26_letters(text: str) -> None:
    valid = re.fullmatch(f"msg_{ID}", text) is not None
    try:
        assert message_parts.message_id(text) == text and valid
    except Invalid:
        assert not valid


@given(st.text("ab_-09", max_size=34), st.text("xé:", min_size=1, max_size=3))
def test_a_scope_type_begins_with_a_letter(kind: str, value: str) -> None:
    valid = re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", kind) is not None
    try:
        assert message_parts.tag(f"{kind}:{value}", "scope") == (kind, value) and valid
    except Invalid:
        assert not valid
