"""Mounted file systems: which one holds a path, and whether another kernel may use the same files.

A network share, or a directory that a host shares with its virtual machine or with a container in one, has several
kernels. Locks, FIFOs and SQLite's shared memory do not reach from one to another. Bind mounts and overlays have one.
"""

from __future__ import annotations

import os
import sys

from thrum_store.values import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Every other type counts as shared: a check too many costs little, and a missing one costs mail.
_ONE_KERNEL = frozenset((
    "aufs", "apfs", "bcachefs", "btrfs", "devtmpfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs",
    "fuseblk", "hfs", "hfsplus", "iso9660", "jfs", "jffs2", "msdos", "nilfs2", "ntfs", "ntfs3", "overlay",
    "ramfs", "reiserfs", "rootfs", "shiftfs", "squashfs", "tmpfs", "ubifs", "udf", "ufs", "vfat", "xfs", "zfs",
    "fuse.ext2", "fuse.fuse-overlayfs", "fuse.lxcfs", "fuse.ntfs-3g", "fuse.portal", "fuse.zfs",
))  # fmt: skip
# These show the files of another directory, named as their source, which may itself be shared.
_LAYERED = frozenset(["ecryptfs", "fuse.bindfs", "fuse.cryfs", "fuse.encfs", "fuse.gocryptfs", "fuse.mergerfs"])
_STATFS_SIZE = 2304  # bytes, with room to spare
_STATFS_TEXTS = ((72, 16), (88, 1024), (1112, 1024))  # type, mount point, source: where each begins, and its length
_DEPTH = 4  # layers that are looked through
_ESCAPES = {"040": " ", "011": "\t", "012": "\n", "134": "\\", "043": "#"}


class Mount(NamedTuple):
    """A mounted file system: its type, what is mounted, its mount point, and its device as `major:minor`."""

    kind: str
    source: str
    point: str
    device: str = ""

    @property
    def sentence(self) -> str:
        """The mount in words, as in `nfs4 (server:/home)`."""
        return f"{self.kind} ({self.source})" if self.source not in ("", "none", self.kind) else self.kind


UNKNOWN = Mount("", "", "/")


def mount_of(path: str, system: str = "") -> Mount:
    """Return the mount that holds `path`; UNKNOWN where no table of mounts can be read.

    `system` is the directory below which the machine's own files are read; tests put others there.
    """
    place = os.path.realpath(path)
    if sys.platform == "darwin" and not system:
        return _by_system_call(place)
    mounts = list(_table(system))
    around = [mount for mount in mounts if _holds(mount.point, place)]
    if not around:
        return UNKNOWN
    on_device = [mount for mount in around if not system and mount.device == _device(place)]
    deepest = max(len(mount.point) for mount in on_device or around)
    return [mount for mount in on_device or around if len(mount.point) == deepest][-1]  # the one mounted last


def is_shared(mount: Mount, system: str = "") -> bool:
    """Return whether another kernel may use the files of a mount; what is not known counts as one kernel's."""
    for _ in range(_DEPTH):
        if mount.kind not in _LAYERED:
            return bool(mount.kind) and mount.kind not in _ONE_KERNEL
        below = mount_of(mount.source, system) if os.path.isabs(mount.source) else mount
        if below == mount:
            return False
        mount = below
    return True


def _holds(point: str, place: str) -> bool:
    return point == "/" or place == point or place.startswith(f"{point}/")


def _device(place: str) -> str:
    try:
        device = os.stat(place).st_dev
    except OSError:
        return ""
    return f"{os.major(device)}:{os.minor(device)}"


def _table(system: str) -> Iterator[Mount]:
    for name in ("proc/self/mountinfo", "proc/mounts"):
        try:
            with open(os.path.join(system or "/", name), encoding="utf-8", errors="surrogateescape") as file:
                lines = file.read().split("\n")
        except OSError:
            continue
        yield from filter(None, map(_from_mountinfo if name.endswith("info") else _from_mounts, lines))
        return


def _from_mountinfo(line: str) -> Mount | None:
    """Parse a line such as `36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/sda1 rw`."""
    before, separator, after = line.partition(" - ")
    left, right = before.split(" "), after.split(" ")
    if not separator or len(left) < 5 or not right[0]:
        return None
    source = _plain(right[1]) if len(right) > 1 else ""
    return Mount(right[0], source, _plain(left[4]), left[2])


def _from_mounts(line: str) -> Mount | None:
    """Parse a line such as `/dev/sda1 /point ext4 rw 0 0`."""
    parts = line.split(" ")
    return Mount(parts[2], _plain(parts[0]), _plain(parts[1])) if len(parts) >= 3 else None


def _plain(text: str) -> str:
    """Return a field of the table without its escapes: a backslash and three digits stand for a letter."""
    first, *rest = text.split("\\")
    return first + "".join(_ESCAPES[part[:3]] + part[3:] if part[:3] in _ESCAPES else f"\\{part}" for part in rest)


def _by_system_call(path: str) -> Mount:
    """Return the mount that holds `path` on macOS, which has no table of mounts."""
    from ctypes import CDLL, create_string_buffer

    library = CDLL(None)
    content = create_string_buffer(_STATFS_SIZE)
    call = getattr(library, "statfs$INODE64", None) or library.statfs  # the first name on Intel, the second on ARM
    return from_statfs(content.raw) if call(os.fsencode(path), content) == 0 else UNKNOWN


def from_statfs(content: bytes) -> Mount:
    """Parse the `struct statfs` of macOS: the type, mount point and source are texts at fixed places."""
    kind, point, source = (
        os.fsdecode(content[begin : begin + length].partition(b"\0")[0]) for begin, length in _STATFS_TEXTS
    )
    return Mount(kind, source, point)
