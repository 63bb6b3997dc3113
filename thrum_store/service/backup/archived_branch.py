"""An archive, seen as a branch: so its logs pass the same checks as those of any stranger's branch."""

from __future__ import annotations

from collections.abc import Iterable

from thrum_store.log.segments import EventLog
from thrum_store.repository.paths import Paths
from thrum_store.store import Store
from thrum_store.sync.remote.branch import Branch, BranchTip
from thrum_store.sync.remote.repository_id import Repository
from thrum_store.sync.state import FROM_BACKUP
from thrum_store.sync.wire import tree
from thrum_store.sync.wire.signed_files import CERTIFICATE, HEADS
from thrum_store.sync.wire.signed_heads import AdmissionError, SignedHeads, verify_certificate, verify_heads
from thrum_store.sync.wire.tree import Listing

from .archive import LOGS, Archive

TIP = BranchTip(FROM_BACKUP, FROM_BACKUP)


class ArchivedBranch(Branch):
    """The logs of an archive; the id of each file is its name."""

    def __init__(self, store: Store, archive: Archive) -> None:
        paths: Paths = store.paths
        super().__init__(paths, store.host, "")
        self._archive = archive

    def listing(self, tip: BranchTip, log: EventLog) -> Listing:
        """Return the logs of the archive; nothing for any other tip."""
        if tip != TIP:
            return Listing()
        sizes = {name: size for name, (size, _) in self._archive.manifest.files.items()}
        return tree.of_files({name: size for name, size in sizes.items() if name.startswith(f"{LOGS}/")}, log)

    def blobs(self, oids: Iterable[str]) -> dict[str, bytes]:
        """Return the contents of these files."""
        return {name: self._archive.read(name) for name in dict.fromkeys(oids)}

    def history(self, path: str, most: int) -> list[BranchTip]:
        """Return nothing: an archive has one state."""
        return []


def signed(archive: Archive, repository: Repository) -> dict[str, SignedHeads]:
    """Return the heads of each store in the archive. Raises ArchiveRefused where its own store's are not in order."""
    heads: dict[str, SignedHeads] = {}
    stores = {name.split("/")[1] for name in archive.manifest.files if name.startswith(f"{LOGS}/")}
    for owner in sorted(stores):
        try:
            heads[owner] = _heads(archive, owner, repository)
        except (AdmissionError, KeyError) as error:
            if owner == archive.manifest.store:
                why = error.why if isinstance(error, AdmissionError) else "its logs are not signed"
                raise archive.refused(f"its own store cannot be trusted: {why}") from None
    if archive.manifest.store not in heads:
        raise archive.refused("the logs of its own store are missing")
    return heads


def _heads(archive: Archive, owner: str, repository: Repository) -> SignedHeads:
    certificate = verify_certificate(archive.read(f"{LOGS}/{owner}/{CERTIFICATE}"), owner)
    heads = verify_heads(archive.read(f"{LOGS}/{owner}/{HEADS}"), certificate)
    if not repository.accepts(heads.repo):
        repository.look_again([heads.repo])
        if not repository.accepts(heads.repo):
            raise AdmissionError("repository", "it was signed for another repository")
    return heads
