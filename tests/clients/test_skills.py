"""The skills of the toolkit, as the loaders of real clients list them to the model."""

from __future__ import annotations

import json

import pytest

from .conftest import Workshop
from .installed import CLAUDE, TALKING, Client

pytestmark = pytest.mark.clients

PHASES = ("thrum-design", "thrum-plan", "thrum-setup", "thrum-implement")


@pytest.mark.parametrize("client", TALKING, ids=lambda client: client.name)
def test_the_client_lists_the_four_skills_of_the_workflow(client: Client, workshop: Workshop) -> None:
    workshop.planner.ok("toolkit", "copy", "skills")
    output = workshop.work("hello")
    asked = json.dumps(workshop.model.requests)
    assert [phase for phase in PHASES if phase not in asked] == [], output


@pytest.mark.parametrize("client", [CLAUDE], ids=lambda client: client.name)
def test_claude_lists_them_from_the_plugin_of_the_installed_package(client: Client, workshop: Workshop) -> None:
    home = workshop.planner.ok("toolkit", "path").strip()
    client.run(workshop.seat, "plugin", "marketplace", "add", home)
    installed = client.run(workshop.seat, "plugin", "install", "thrum-workflow@thrum-market")
    output = workshop.work("hello")
    asked = json.dumps(workshop.model.requests)
    assert [phase for phase in PHASES if f"thrum-workflow:{phase}" not in asked] == [], installed + output
