"""Groups."""

from __future__ import annotations

from tests.contract.manifest import requirement

from .conftest import Team


@requirement("group:create", "group:list", "group:info")
def test_a_group_is_created_listed_and_shown(team: Team) -> None:
    team.planner.ok("group", "create", "crew", "--description", "Who builds")
    listed = team.builder.json("group", "list")["groups"]
    assert [(group["name"], group["description"]) for group in listed][1:] == [("crew", "Who builds")]
    assert listed[0]["name"] == "everyone"
    shown = team.builder.json("group", "info", "@crew")
    assert (shown["name"], shown["created_by"], shown["members"]) == ("crew", "planner", [])


@requirement("group:add", "group:members", "group:remove")
def test_members_are_agents_roles_and_groups(team: Team) -> None:
    for name in ("crew", "inner"):
        team.planner.ok("group", "create", name)
    team.planner.ok("group", "add", "crew", "@planner")
    team.planner.ok("group", "add", "inner", "--role", "implementer")
    team.planner.ok("group", "add", "crew", "--group", "inner")
    members = team.planner.json("group", "members", "crew", "--expand")
    values = {(member["member_type"], member["member_value"]) for member in members["members"]}
    assert values == {("agent", "planner"), ("group", "inner")}
    assert members["expanded"] == ["builder", "planner"]

    team.planner.ok("group", "remove", "crew", "--group", "inner")
    assert team.planner.json("group", "members", "crew", "--expand")["expanded"] == ["planner"]
    assert team.planner.json("group", "members", "crew")["expanded"] is None


@requirement("group:delete")
def test_a_deleted_group_cannot_be_addressed(team: Team) -> None:
    team.planner.ok("group", "create", "crew")
    team.planner.ok("group", "delete", "crew")
    assert team.planner.thrum("send", "x", "--to", "@crew", "--json").error["code"] == "unknown_recipient"


@requirement("group:delete")
def test_everyone_is_protected(team: Team) -> None:
    for words in (("delete", "everyone"), ("add", "@everyone", "@planner"), ("remove", "everyone", "@planner")):
        assert team.planner.thrum("group", *words, "--json").error["code"] == "protected_group"


def test_a_role_of_group_add_is_not_ones_own_role(team: Team) -> None:
    team.planner.ok("group", "create", "crew")
    added = team.planner.json("group", "add", "crew", "--role", "implementer")
    assert added == {"group": "crew", "member_type": "role", "member_value": "implementer", "status": "added"}
    assert team.planner.json("whoami")["role"] == "lead"
