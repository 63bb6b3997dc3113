"""Two machines are told apart, and one is recognized after a restart."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from thrum_store.machine.kernel import Computer, same, this_computer

IMAGE, OTHER_IMAGE = "3d1219c7c4c5404aaa1f6d2a48adfda4", "9e57d1f0c4c5404aaa1f6d2a48adfda5"
BOOT, NEXT_BOOT = "c270444a-cedf-41a2-8a5c-b0cb1ba4ba90", "0b1a2b3c-cedf-41a2-8a5c-b0cb1ba4ba91"
BOARD, OTHER_BOARD = "4c4c4544-0042-3510-8052-b4c04f4d3132", "4c4c4544-0042-3510-8052-b4c04f4d3133"


def computer(
    root: Path, *, boot: str = "", image: str = "", board: str = "", name: str = "", given: str = ""
) -> Computer:
    """A machine with these files; a mark that is empty has none."""
    files = {
        "proc/sys/kernel/random/boot_id": boot,
        "etc/machine-id": image,
        "sys/class/dmi/id/product_uuid": board,
        "proc/sys/kernel/hostname": name or "laptop",
    }
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).unlink(missing_ok=True)
        if content:
            (root / path).write_text(f"{content}\n")
    return this_computer(str(root))._replace(given=given)


def test_containers_of_one_kernel_are_one_host_whatever_their_images_and_names_are(tmp_path: Path) -> None:
    first = computer(tmp_path, boot=BOOT, image=IMAGE, name="3f2a")
    assert same(first, computer(tmp_path, boot=BOOT, image=OTHER_IMAGE, name="99bc"))
    assert same(first, computer(tmp_path, boot=BOOT, name="99bc"))


def test_a_machine_is_the_same_after_a_restart(tmp_path: Path) -> None:
    before = computer(tmp_path, boot=BOOT, image=IMAGE)
    assert same(before, computer(tmp_path, boot=NEXT_BOOT, image=IMAGE))


def test_a_machine_that_root_looked_at_is_the_same_for_its_users(tmp_path: Path) -> None:
    as_root = computer(tmp_path, boot=BOOT, image=IMAGE, board=BOARD)
    assert same(as_root, computer(tmp_path, boot=NEXT_BOOT, image=IMAGE))


def test_the_hardware_tells_more_than_the_image(tmp_path: Path) -> None:
    first = computer(tmp_path, boot=BOOT, image=IMAGE, board=BOARD)
    assert not same(first, computer(tmp_path, boot=NEXT_BOOT, image=IMAGE, board=OTHER_BOARD))
    assert same(first, computer(tmp_path, boot=NEXT_BOOT, image=OTHER_IMAGE, board=BOARD, name="renamed"))


def test_two_containers_of_one_image_on_two_hosts_are_two(tmp_path: Path) -> None:
    first = computer(tmp_path, boot=BOOT, image=IMAGE, name="3f2a")
    assert not same(first, computer(tmp_path, boot=NEXT_BOOT, image=IMAGE, name="99bc"))


def test_machines_without_marks_are_two_unless_the_user_names_them(tmp_path: Path) -> None:
    first, second = computer(tmp_path, boot=BOOT), computer(tmp_path, boot=NEXT_BOOT)
    assert not same(first, second)
    assert same(first._replace(given="dev"), second._replace(given="dev"))


def test_copies_of_one_running_machine_are_two_if_the_user_names_them(tmp_path: Path) -> None:
    first = computer(tmp_path, boot=BOOT, image=IMAGE)
    assert not same(first._replace(given="left"), first._replace(given="right"))


@pytest.mark.parametrize(
    "placeholder", ["uninitialized", "0" * 32, "f" * 32, "03000200-0400-0500-0006-000700080009", "", "no id", "é" * 32]
)
def test_an_id_that_says_nothing_is_none(tmp_path: Path, placeholder: str) -> None:
    first = computer(tmp_path, boot=BOOT, image=placeholder, board=placeholder)
    assert (first.image, first.board) == ("", "")


def test_the_ids_of_image_and_hardware_are_not_written_as_they_are(tmp_path: Path) -> None:
    assert IMAGE not in repr(computer(tmp_path, image=IMAGE, board=IMAGE))


def test_the_users_name_for_a_host_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THRUM_HOST_ID", "dev/../container 1")
    assert this_computer().given == "dev..container1"


def test_two_processes_of_this_machine_find_the_same_marks() -> None:
    show = "from thrum_store.machine.kernel import this_computer; print(repr(this_computer()))"
    shown = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True).stdout.strip()
    assert shown == repr(this_computer())
