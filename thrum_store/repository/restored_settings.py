"""Settings that come back from a backup: the keys that config.json lacks are added, and none is replaced."""

from __future__ import annotations

from thrum_store.machine.host import Host

from . import config
from .paths import CONFIG_LOCK, Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def adopt(paths: Paths, host: Host, content: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Add the keys of a saved config.json that ours lacks; return the names of those added, and of those kept.

    A file that is still as `init` wrote it is replaced as a whole. Raises Invalid for a file that is no JSON object.
    """
    added: list[str] = []
    kept: list[str] = []
    with host.lock(paths.in_var(CONFIG_LOCK)):
        ours = config.read(paths, host)
        if ours == {config.LOCAL_ONLY.name: config.LOCAL_ONLY.default}:
            ours, added = {**content}, [name for name, value in content.items() if ours.get(name) != value]
        else:
            _complete(ours, content, "", added, kept)
        if added:
            config.write(paths, host, ours)
    return added, kept


def _complete(ours: dict[str, Any], content: Mapping[str, Any], above: str, added: list[str], kept: list[str]) -> None:
    for name, value in content.items():
        path = f"{above}{name}"
        if name not in ours:
            ours[name] = value
            added.append(path)
        elif ours[name].__class__ is dict and value.__class__ is dict:
            _complete(ours[name], value, f"{path}.", added, kept)
        elif ours[name] != value:
            kept.append(path)


def present(paths: Paths, host: Host, names: tuple[str, ...]) -> list[str]:
    """Return those of these keys that config.json has. Raises Invalid for a file that is no JSON object."""
    content = config.read(paths, host)
    return [name for name in names if config.lookup(content, name) is not None]
