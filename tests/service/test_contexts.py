"""Saved contexts, preambles and role templates."""

from __future__ import annotations

import pytest

from tests.places import Place
from thrum_store.errors import Invalid, NotFound
from thrum_store.service.team import context_sharing, contexts, roles
from thrum_store.service.team.roles import Deploy


def preamble(place: Place, name: str) -> str | None:
    with place.open() as store:
        return contexts.show(store, name).preamble


def test_a_saved_context_comes_back_with_its_preamble_until_it_is_cleared(place: Place) -> None:
    with place.open() as store:
        contexts.set_preamble(store, "ann", "You are Ann.\n")
        saved = contexts.save(store, "ann", "step 3 — ü\n")
        shown = contexts.show(store, "ann")
        assert (saved.size, saved.file) == (14, ".thrum/context/ann.md")
        assert (shown.content, shown.preamble, shown.size) == ("step 3 — ü\n", "You are Ann.\n", 14)
        assert shown.updated_at is not None
        assert context_sharing.clear(store, "ann").existed
        assert not context_sharing.clear(store, "ann").existed
        gone = contexts.show(store, "ann")
    assert (gone.has_context, gone.content, gone.updated_at, gone.preamble) == (False, None, None, "You are Ann.\n")


def test_a_context_belongs_to_its_worktree(place: Place) -> None:
    feature = place.branch_out("feature")
    with place.open() as store:
        contexts.save(store, "ann", "here")
    with feature.open() as store:
        assert not contexts.show(store, "ann").has_context


@pytest.mark.parametrize("name", ["../ann", "a/b", "", "Ann", "bob_preamble", "."])
def test_no_name_leads_out_of_the_directory_or_to_another_ones_file(place: Place, name: str) -> None:
    with place.open() as store, pytest.raises(Invalid):
        contexts.save(store, name, "x")


def test_a_context_too_large_to_carry_is_refused_and_the_old_one_stays(place: Place) -> None:
    with place.open() as store:
        contexts.save(store, "ann", "old")
        with pytest.raises(Invalid):
            contexts.save(store, "ann", "x" * (contexts.LIMIT + 1))
        assert contexts.show(store, "ann").content == "old"


def test_a_template_becomes_the_preamble_of_each_agent_with_the_role_in_its_own_worktree(place: Place) -> None:
    feature = place.branch_out("feature")
    feature.join("bob")
    place.join("cora", "coordinator")
    place.write(
        ".thrum/role_templates/implementer.md",
        "$AgentName|${Role}|$Module|$WorktreePath|$RepoRoot|$CoordinatorName|$$5|$HOME",
    )
    with place.open() as store:
        listed = roles.list_templates(store).templates
        done = roles.deploy(store, Deploy())
    assert [(template.file, template.agents) for template in listed] == [("implementer.md", ("bob",))]
    assert (done.updated, done.without_template, done.total) == (("bob",), ("cora",), 2)
    assert any("$HOME" in warning for warning in done.warnings)
    assert preamble(feature, "bob") == f"bob|implementer|core|{feature.root}|{place.root}|cora|$5|$HOME"
    assert preamble(place, "bob") is None


def test_a_template_of_the_go_program_works_and_keeps_its_dollar_signs(place: Place) -> None:
    place.join("bob")
    place.write(".thrum/role_templates/implementer.md", "{{.AgentName}} {{ .CoordinatorName }} costs $5 of $Role")
    with place.open() as store:
        assert roles.deploy(store, Deploy(agent="@bob")).warnings == ()
    assert preamble(place, "bob") == "bob coordinator costs $5 of $Role"


@pytest.mark.parametrize("template", ["{{.Unknown}}", "{{if .Role}}x{{end}}"])
def test_a_template_that_says_more_is_refused_and_nothing_is_written(place: Place, template: str) -> None:
    place.join("ann", "planner")
    place.join("bob")
    place.write(".thrum/role_templates/planner.md", "fine")
    place.write(".thrum/role_templates/implementer.md", template)
    with place.open() as store, pytest.raises(Invalid):
        roles.deploy(store, Deploy())
    assert preamble(place, "ann") is None


def test_a_dry_run_writes_nothing_and_an_unknown_agent_is_an_error(place: Place) -> None:
    place.join("bob")
    place.write(".thrum/role_templates/implementer.md", "fine")
    with place.open() as store:
        assert roles.deploy(store, Deploy(dry_run=True)).updated == ("bob",)
        with pytest.raises(NotFound):
            roles.deploy(store, Deploy(agent="nobody"))
    assert preamble(place, "bob") is None
