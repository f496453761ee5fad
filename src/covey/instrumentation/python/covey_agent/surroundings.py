"""Where the agent runs: the container's name and what listens beside it, so that a collector need not try each port."""

from __future__ import annotations

_LISTENING = b"0A"
_AGENT_PORTS = (range(9095, 9145), range(53700, 53750), range(6300, 6310))
_MOST = 4 << 20


def container(mountinfo: str = "/proc/self/mountinfo") -> str | None:
    """The container's name in its pod; None outside Kubernetes.

    The kubelet mounts `.../pods/UID/containers/NAME/FILE` as /dev/termination-log, and the kernel tells whence."""
    for line in _lines(mountinfo):
        fields = line.split(b" ")
        if len(fields) > 4 and fields[4] == b"/dev/termination-log":
            parts = fields[3].split(b"/")
            if len(parts) > 5 and parts[-5] == b"pods" and parts[-3] == b"containers":
                return parts[-2].decode("ascii", "replace")[:253]
    return None


def ports(tables: tuple[str, ...] = ("/proc/net/tcp", "/proc/net/tcp6")) -> list[int] | None:
    """The ports, of those that coverage agents use, on which something listens in this network namespace, ascending;
    None when the kernel does not tell."""
    found: set[int] = set()
    told = False
    for table in tables:
        for number, line in enumerate(_lines(table)):
            told = told or number == 0
            fields = line.split()
            if number and len(fields) > 3 and fields[3] == _LISTENING:
                found.add(int(fields[1].rpartition(b":")[2], 16))
    return sorted(port for port in found if any(port in some for some in _AGENT_PORTS)) if told else None


def _lines(path: str) -> list[bytes]:
    try:
        with open(path, "rb") as file:
            return file.read(_MOST).splitlines()
    except OSError:
        return []
