"""How this clone wants to sync. What security rests on comes from git's own configuration, which no branch can carry.

    git config --local thrum.remote NAME          which remote (default: origin, or the only one)
    git config --local thrum.publicRemote URL     this very remote may be readable by anyone
    git config --local thrum.trust tofu           known | tofu | none: whose events are taken in
    git config --local --add thrum.knownStore ID  a store that is trusted; thrum.blockedStore: one that is not

`local_only` is said by a flag, by THRUM_LOCAL, or in `.thrum/config.json`, in this order; else it is on.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from thrum_store.errors import Invalid
from thrum_store.machine.host import Host
from thrum_store.repository.git_runner import GitRunner
from thrum_store.repository.paths import Paths

POLICIES = ("known", "tofu", "none")
_REMOTE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


class Settings(NamedTuple):
    """What git's configuration says. `remote` is empty where there is none."""

    remote: str
    url: str  # what a push goes to
    policy: str
    known: frozenset[str]
    blocked: frozenset[str]
    public: frozenset[str]  # remotes that may be readable by anyone


def local_only(paths: Paths, host: Host, flag: bool | None = None, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether nothing may leave this machine. Raises Invalid where config.json or THRUM_LOCAL cannot be understood."""
    if flag is not None:
        return flag
    said = environ.get("THRUM_LOCAL", "").strip().lower()
    if said in _YES:
        return True
    if said in _NO:
        return _configured(paths, host) if not said else False
    raise Invalid(f"THRUM_LOCAL={said!r} means nothing", hint="use THRUM_LOCAL=1 or THRUM_LOCAL=0")


def _configured(paths: Paths, host: Host) -> bool:
    path = os.path.join(paths.thrum, "config.json")
    try:
        told = json.loads(host.storage.read(path))
        daemon = told.get("daemon", {})
        chosen = told.get("local_only", daemon.get("local_only", True))
    except FileNotFoundError:
        return True
    except (ValueError, AttributeError):
        chosen = None
    if not isinstance(chosen, bool):
        raise Invalid(f"{path} does not say whether to sync", hint='write {"local_only": true} or false there')
    return chosen


def read(git: GitRunner) -> Settings:
    """Reads git's configuration. Raises Invalid where it names a remote or a policy that cannot be."""
    told = _told(git)
    remote = _remote(git, told.get("thrum.remote", []))
    policy = told.get("thrum.trust", ["tofu"])[-1]
    if policy not in POLICIES:
        raise Invalid(f"thrum.trust is {policy!r}", hint=f"use {', '.join(POLICIES)}")
    return Settings(
        remote=remote,
        url=(git.asks("remote", "get-url", "--push", "--", remote) or "") if remote else "",
        policy=policy,
        known=frozenset(told.get("thrum.knownstore", [])),
        blocked=frozenset(told.get("thrum.blockedstore", [])),
        public=frozenset(told.get("thrum.publicremote", [])),
    )


def _told(git: GitRunner) -> dict[str, list[str]]:
    said = git.asks("config", "--null", "--get-regexp", r"^thrum\.") or ""
    told: dict[str, list[str]] = {}
    for entry in said.split("\0"):
        key, _, value = entry.partition("\n")
        told.setdefault(key.strip(), []).append(value.strip())
    return told


def _remote(git: GitRunner, chosen: list[str]) -> str:
    remotes = git.run("remote").split("\n")
    if chosen:
        if chosen[-1] not in remotes or not _REMOTE.fullmatch(chosen[-1]):
            raise Invalid(f"thrum.remote is {chosen[-1]!r}, and there is no such remote", hint="see `git remote`")
        return chosen[-1]
    usable = [remote for remote in remotes if _REMOTE.fullmatch(remote)]
    if "origin" in usable:
        return "origin"
    return usable[0] if len(usable) == 1 else ""
