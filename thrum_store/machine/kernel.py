"""The kernel that runs this process, and the machine that it runs on.

Containers of one kernel share its boot id, and with it locks, FIFOs and memory. After a restart the boot id is another
one, and the machine is recognized by its hardware, or by its machine id and name together: a machine id alone is often
that of an image, which many machines and containers were made from.
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256

from thrum_store.values import NamedTuple

BOOT_ID = "proc/sys/kernel/random/boot_id"
GIVEN = "THRUM_HOST_ID"  # the user's own name for this host, where nothing else tells two of them apart
_MACHINE_IDS = ("etc/machine-id", "var/lib/dbus/machine-id")
_BOARD = "sys/class/dmi/id/product_uuid"  # readable by root alone
_NAME = "proc/sys/kernel/hostname"
_HEX = frozenset("0123456789abcdef")
# Boards whose maker left the id empty, and those of a sample that many makers copied.
_NO_BOARDS = frozenset(("03000200040005000006000700080009", "00020003000400050006000700080009"))


class Computer(NamedTuple):
    """The marks of a computer; those that it does not have are empty. Ids of hardware and image are hashed.

    `kernel` is the boot id, `board` the id of the hardware, `image` the machine id, `given` the user's name for it.
    """

    kernel: str = ""
    board: str = ""
    image: str = ""
    name: str = ""
    given: str = ""


def this_computer(system: str = "") -> Computer:
    """Return the marks of this computer, from its files below `system`."""
    given = "".join(letter for letter in os.environ.get(GIVEN, "") if letter.isalnum() or letter in "-_.")[:64]
    image = next(filter(None, (_identifier(_read(system, name)) for name in _MACHINE_IDS)), "")
    board = _identifier(_read(system, _BOARD))
    kernel, name = _identifier(_read(system, BOOT_ID)), _read(system, _NAME) or os.uname().nodename
    if not system and sys.platform == "darwin":
        kernel, board = _identifier(_boot_session()), _identifier(_hardware())
    return Computer(kernel, _hashed(board), _hashed(image), name.partition(".")[0].lower(), given)


def same(first: Computer, second: Computer) -> bool:
    """Return whether both are one machine, perhaps before and after a restart; if in doubt, they are not."""
    if first.given and second.given:
        return first.given == second.given
    if first.kernel and first.kernel == second.kernel:
        return True
    if first.board and second.board:
        return first.board == second.board
    return bool(first.image and first.name) and (first.image, first.name) == (second.image, second.name)


def _read(system: str, name: str) -> str:
    try:
        with open(os.path.join(system or "/", name), encoding="ascii", errors="replace") as file:
            return file.read(256).strip()
    except OSError:
        return ""


def _identifier(text: str) -> str:
    """Return 32 hexadecimal digits without their dashes, or "" for anything else or a known placeholder."""
    digits = text.replace("-", "").strip().lower()
    if len(digits) != 32 or not _HEX.issuperset(digits) or len(set(digits)) < 3 or digits in _NO_BOARDS:
        return ""
    return digits


def _hashed(identifier: str) -> str:
    """Return a hash: the ids of a machine are nobody else's business (machine-id(5) asks for this)."""
    return sha256(f"thrum {identifier}".encode()).hexdigest()[:16] if identifier else ""


def _boot_session() -> str:
    """Return the boot id of macOS."""
    from ctypes import CDLL, byref, c_size_t, create_string_buffer

    content, size = create_string_buffer(64), c_size_t(64)
    if CDLL(None).sysctlbyname(b"kern.bootsessionuuid", content, byref(size), None, c_size_t(0)):
        return ""
    return content.value.decode("ascii", "replace")


def _hardware() -> str:
    """Return the id of the hardware on macOS."""
    from ctypes import CDLL, c_long, create_string_buffer

    content, limit = create_string_buffer(16), (c_long * 2)(1, 0)  # a timespec: one second
    return "" if CDLL(None).gethostuuid(content, limit) else content.raw.hex()
