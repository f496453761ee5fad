"""Which segments a helper serves: those of its folder and, where it is root, those of users who have no helper.

An application that starts as root and goes on as another user has two folders, and only the first has a helper: the
second began in the middle of a process, which may not even be able to execute its interpreter any more.
"""

from __future__ import annotations

import os
import stat

from covey_agent import election, reading

_MOST_USERS = 64


def names(spool: str) -> list[str]:
    """The segments to serve, as paths relative to the folder, ascending, at most MAX_SEGMENTS."""
    found = reading.names(spool)
    for beside in without_helper(spool):
        found.extend(os.path.join(beside, name) for name in reading.names(os.path.join(spool, beside)))
    return found[: reading.MAX_SEGMENTS]


def without_helper(spool: str) -> list[str]:
    """The folders of other users that root's helper serves, relative to its own: `../u1000-4026531840`."""
    if os.geteuid() != 0:
        return []
    beside = [(name, os.path.join(spool, "..", name)) for name in others(spool)]
    served = [name for name, folder in beside if _is_of(folder, name) and election.helper_of(folder) is None]
    return [os.path.join("..", name) for name in served]


def others(spool: str) -> list[str]:
    """Names of the folders of other users of this container, ascending."""
    own = os.path.basename(spool)
    namespace = own.partition("-")[2]
    try:
        beside = sorted(os.listdir(os.path.dirname(spool)))
    except OSError:
        return []
    ours = [name for name in beside if name != own and name[:1] == "u" and name.partition("-")[2] == namespace]
    return [name for name in ours if namespace and name[1:].partition("-")[0].isdigit()][:_MOST_USERS]


def unserved(spool: str) -> list[str]:
    """Says, for people, which other users' segments are not served here."""
    found = []
    for beside in others(spool):
        helper = election.helper_of(os.path.join(spool, "..", beside))
        user = beside[1:].partition("-")[0]
        if helper is not None:
            found.append(f"user {user} records too: its helper is on port {helper.port}")
        elif os.geteuid() != 0:
            found.append(f"user {user} records too, into a folder that only its own helper, or root's, can read")
    return found


def _is_of(folder: str, name: str) -> bool:
    """Whether it is a folder, no link, and of the user whose name it has: anybody can make one beside ours."""
    try:
        state = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(state.st_mode) and str(state.st_uid) == name[1:].partition("-")[0]
