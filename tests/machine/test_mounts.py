"""Which file systems several kernels may share, read from tables of mounts as systems write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrum_store.machine.mounts import UNKNOWN, Mount, from_statfs, is_shared, mount_of

REPOSITORY = "/home/me/project"
SHARED = {
    "NFS": "52 27 0:45 / /home rw,relatime shared:4 - nfs4 server:/export/home rw,vers=4.2,local_lock=none",
    "NFS 3": "52 27 0:45 / /home rw - nfs server:/export/home rw,vers=3",
    "SMB": "52 27 0:45 / /home/me rw - cifs //server/share rw",
    "SMB 3": "52 27 0:45 / /home/me rw - smb3 //server/share rw",
    "WSL 2": r"90 60 0:58 / /home/me rw,noatime - 9p C:\134 rw,dirsync,aname=drvfs;path=C:\;uid=1000,trans=fd",
    "WSL 1": r"9 6 0:9 / /home/me rw - drvfs C: rw",
    "virtiofs": "52 27 0:45 / /home/me/project rw - virtiofs mount0 rw",
    "sshfs": "52 27 0:45 / /home/me rw - fuse.sshfs me@server:/home/me rw,user_id=1000",
    "VirtualBox": "52 27 0:45 / /home/me rw - vboxsf project rw,iocharset=utf8",
    "VMware": "52 27 0:45 / /home/me rw - fuse.vmhgfs-fuse vmhgfs-fuse rw",
    "Parallels": "52 27 0:45 / /home/me rw - prl_fs project rw",
    "Docker Desktop, gRPC": "52 27 0:45 / /home/me rw - fuse.grpcfuse grpcfuse rw",
    "Docker Desktop, virtiofs": "52 27 0:45 /Users/me /home/me rw - fakeowner /run/host_mark/Users rw,fakeowner",
    "Docker Desktop, old": "52 27 0:45 / /home/me rw - fuse.osxfs osxfs rw",
    "a cluster": "52 27 254:16 / /home rw - gfs2 /dev/mapper/cluster rw",
    "a type that nobody knows": "52 27 0:45 / /home rw - tomorrowfs thing rw",
    "without optional fields": "52 27 0:45 / /home rw - ceph 10.0.0.1:6789:/ rw",
    "encrypted over NFS": (
        "52 27 0:45 / /srv rw - nfs4 server:/srv rw\n53 27 0:46 / /home rw - fuse.gocryptfs /srv/cipher rw"
    ),
}
ONE_KERNEL = {
    "a disk": "52 27 254:1 / /home rw - ext4 /dev/vda1 rw",
    "btrfs": "52 27 0:45 /@home /home rw - btrfs /dev/sda2 rw,subvol=/@home",
    "ZFS": "52 27 0:45 / /home rw - zfs tank/home rw",
    "memory": "52 27 0:45 / /home rw - tmpfs tmpfs rw",
    "a container": "52 27 0:45 / / rw - overlay overlay rw,lowerdir=/a:/b,upperdir=/c,workdir=/d",
    "a bind mount in a container": "52 27 254:1 /home/me /home/me rw - xfs /dev/vda1 rw",
    "a disk of Windows": "52 27 8:3 / /home rw - fuseblk /dev/sda3 rw",
    "encrypted over a disk": "53 27 0:46 / /home rw - ecryptfs /srv/cipher rw",
    "layers in a circle": "53 27 0:46 / /home rw - fuse.bindfs /home rw",
}


def system(root: Path, table: str) -> str:
    """A directory with a table of mounts: the root file system, which is a disk, and these."""
    file = root / "proc" / "self" / "mountinfo"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(f"27 1 254:0 / / rw - ext4 /dev/vda rw\n{table}\n".encode("utf-8", "surrogateescape"))
    return str(root)


@pytest.mark.parametrize("name", SHARED)
def test_a_file_system_that_other_kernels_may_use_is_found(tmp_path: Path, name: str) -> None:
    place = system(tmp_path, SHARED[name])
    assert is_shared(mount_of(REPOSITORY, place), place)


@pytest.mark.parametrize("name", ONE_KERNEL)
def test_a_file_system_of_one_kernel_is_not_shared(tmp_path: Path, name: str) -> None:
    place = system(tmp_path, ONE_KERNEL[name])
    assert not is_shared(mount_of(REPOSITORY, place), place)


def test_the_deepest_mount_counts_and_of_two_on_one_point_the_later(tmp_path: Path) -> None:
    nested = "52 27 0:45 / /home rw - nfs4 server:/home rw\n53 52 254:1 / /home/me/project rw - ext4 /dev/vdb rw"
    assert mount_of(REPOSITORY, system(tmp_path, nested)).kind == "ext4"
    covered = "52 27 254:1 / /home rw - ext4 /dev/vdb rw\n53 52 0:45 / /home rw - nfs4 server:/home rw"
    assert mount_of(REPOSITORY, system(tmp_path, covered)).kind == "nfs4"
    neighbour = "52 27 0:45 / /home/me/pro rw - nfs4 server:/home rw"
    assert mount_of(REPOSITORY, system(tmp_path, neighbour)).kind == "ext4"


def test_a_mount_point_with_spaces_and_backslashes_is_read_as_it_is(tmp_path: Path) -> None:
    place = system(tmp_path, r"52 27 0:45 / /my\040\134\011disk rw - nfs4 server:/a\040b rw")
    mount = mount_of("/my \\\tdisk/project", place)
    assert (mount.kind, mount.sentence) == ("nfs4", "nfs4 (server:/a b)")


def test_an_older_table_is_read_where_there_is_no_other(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "mounts").write_text("/dev/vda / ext4 rw 0 0\nserver:/home /home nfs rw 0 0\n")
    assert mount_of(REPOSITORY, str(tmp_path)).source == "server:/home"


def test_without_a_table_a_path_counts_as_one_kernels(tmp_path: Path) -> None:
    assert mount_of(REPOSITORY, str(tmp_path)) == UNKNOWN
    assert not is_shared(UNKNOWN)


def test_the_answer_of_macos_is_read() -> None:
    fields = [b"nfs".ljust(16, b"\0"), b"/Volumes/my home".ljust(1024, b"\0"), b"server:/home".ljust(1024, b"\0")]
    mount = from_statfs(b"\1" * 72 + b"".join(fields) + b"\1" * 32)
    assert mount == Mount("nfs", "server:/home", "/Volumes/my home")
    assert is_shared(mount)


def test_this_machine_has_a_mount_for_every_path(tmp_path: Path) -> None:
    assert mount_of(str(tmp_path)).kind
    assert mount_of("/proc/self").kind == "proc"


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_no_table_is_too_strange_to_be_read(tmp_path_factory: pytest.TempPathFactory, table: str) -> None:
    place = system(tmp_path_factory.getbasetemp() / "strange", table)
    mount = mount_of(REPOSITORY, place)
    assert isinstance(is_shared(mount, place), bool) and mount.sentence is not None
