"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file as a whole; on any error the old one stays as it was.

    Parameters
    ----------
    path : Path
        Where to write; its folder exists.
    data : bytes
        All of the file.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    # Beside the file, since only within one file system a file is replaced at once.
    waiting = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        with open(waiting, "xb") as file:
            file.write(data)
            file.flush()
            # Else the new name may reach the disk before what it names.
            os.fsync(file.fileno())
        os.replace(waiting, path)
    except BaseException as error:
        with suppress(OSError):
            waiting.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            # By the name that was asked for, not by that of the file beside it.
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
