"""`thrum doctor` names files that their owner, or another user, closed; and it never contradicts itself."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.manifest import requirement
from tests.places import Place
from tests.users import SOMEBODY, as_root, run_as
from thrum_store.service.upkeep.doctor import examine
from thrum_store.service.upkeep.findings import Finding


@pytest.fixture
def owned() -> Iterator[Path]:
    """A repository with a store of somebody who is not root, and an agent, where every user may enter."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        root = Path(made) / "repo"
        root.mkdir()
        os.chown(root, SOMEBODY, SOMEBODY)
        for line in (("git", "init", "-q"), ("thrum", "quickstart", "--name", "bob", "--role", "tester")):
            done = run_as(SOMEBODY, root, *line)
            assert done.returncode == 0, done
        yield root


@pytest.fixture
def talk(place: Place) -> Place:
    """A store in which something was said."""
    place.join("ann", "planner")
    place.send("ann", "hello")
    return place


def var(root: Path) -> Path:
    return root / ".git" / "thrum-sync" / "var"


@as_root
@pytest.mark.parametrize("name", ["sync.lock", "commit.lock", "locks/bob.lock", "keys/store.key"])
def test_a_file_of_our_own_that_is_closed_is_named_and_opened_again(owned: Path, name: str) -> None:
    run_as(SOMEBODY, owned, "thrum", "sync", "force")
    (var(owned) / name).chmod(0)
    closed = run_as(SOMEBODY, owned, "thrum", "doctor")
    text = " ".join(closed.stdout.split())
    assert closed.returncode == 1 and f"var/{name}" in text and "chmod u+rwX" in text, text
    assert "No problems" not in text and "✓ permissions" not in text
    run_as(SOMEBODY, owned, "thrum", "doctor", "--fix")
    mended = run_as(SOMEBODY, owned, "thrum", "doctor")
    assert (mended.returncode, mended.stderr) == (0, ""), mended.stdout
    assert run_as(SOMEBODY, owned, "thrum", "sync", "force").returncode == 0


@as_root
@pytest.mark.parametrize("name", ["sync.lock", "locks"])
def test_a_file_of_another_user_is_named_with_the_command_that_gives_it_back(owned: Path, name: str) -> None:
    run_as(SOMEBODY, owned, "thrum", "sync", "force")
    os.chown(var(owned) / name, 0, 0)
    (var(owned) / name).chmod(0o700 if name == "locks" else 0o600)
    done = run_as(SOMEBODY, owned, "thrum", "doctor")
    text = " ".join(done.stdout.split())
    assert done.returncode == 1 and f"var/{name}" in text and "sudo chown $USER" in text, text
    assert "Traceback" not in done.stdout + done.stderr


def close_the_locks(place: Place) -> None:
    (place.root / ".git/thrum-sync/var/keys").chmod(0o755)


def lose_the_key(place: Place) -> None:
    (place.root / ".git/thrum-sync/var/keys/store.key").unlink()


def spoil_an_identity(place: Place) -> None:
    (place.root / ".thrum/identities/x.json").write_text("{")


def lose_the_link(place: Place) -> None:
    (place.root / ".thrum/var").unlink()


def break_a_log(place: Place) -> None:
    (file,) = (place.root / ".git/thrum-sync/a-sync/v1").glob("*/ann/*.jsonl")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@requirement("doctor")
@pytest.mark.parametrize("spoil", [close_the_locks, lose_the_key, spoil_an_identity, lose_the_link, break_a_log])
def test_nothing_is_said_to_be_well_and_not_well(talk: Place, spoil: Callable[[Place], None]) -> None:
    spoil(talk)
    findings = examine(str(talk.root), environ={"THRUM_NAME": "ann"}).findings
    assert of(findings, "problem"), "it is found"
    assert not of(findings, "problem") & of(findings, "ok")


def of(findings: tuple[Finding, ...], status: str) -> set[str]:
    """Return the things of which a finding has this status."""
    return {finding.check for finding in findings if finding.status == status}
