"""The copy of `.thrum/config.json` in var, from which `thrum init` brings the settings back after a clean.

A guest keeps none: the settings are those of the host that keeps the store in the repository.
"""

from __future__ import annotations

from .paths import SETTINGS_COPY, Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Host


def keep(paths: Paths, host: Host) -> None:
    """Make the copy say what config.json says; without that file it stays as it is."""
    settings = _content(paths.config, host)
    place = paths.in_var(SETTINGS_COPY)
    if not paths.guest and settings and settings != _content(place, host):
        host.storage.replace(place, settings)


def restore(paths: Paths, host: Host) -> bool:
    """Make config.json again from its copy; return whether there is one."""
    settings = b"" if paths.guest else _content(paths.in_var(SETTINGS_COPY), host)
    if settings:
        host.storage.replace(paths.config, settings)
    return bool(settings)


def _content(path: str, host: Host) -> bytes:
    try:
        return host.storage.read(path)
    except FileNotFoundError:
        return b""
