"""The exchange of two names of a file system in one step, where the kernel can."""

from __future__ import annotations

import os
import sys

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_RENAME_SWAP = 2  # of macOS
_RENAMEAT2 = {"x86_64": 316, "aarch64": 276, "riscv64": 276}  # for a C library without the function


def exchanged(first: str, second: str) -> bool:
    """Exchange two names, of which nobody ever misses either; return False where the system cannot."""
    try:
        import ctypes  # 10 ms, once in the life of a store
    except ImportError:
        return False
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(first), os.fsencode(second)
    if sys.platform == "darwin":
        return _succeeds(library, "renamex_np", *names, ctypes.c_uint(_RENAME_SWAP))
    call = (_AT_FDCWD, names[0], _AT_FDCWD, names[1], ctypes.c_uint(_RENAME_EXCHANGE))
    if hasattr(library, "renameat2"):
        return _succeeds(library, "renameat2", *call)
    number = _RENAMEAT2.get(os.uname().machine)
    return number is not None and _succeeds(library, "syscall", ctypes.c_long(number), *call)


def _succeeds(library: object, function: str, *arguments: object) -> bool:
    return bool(getattr(library, function)(*arguments) == 0)
