"""Where the agent runs, container and pod, and what listens beside it, so that a collector need not try each port."""

from __future__ import annotations

_LISTENING = b"0A"
_AGENT_PORTS = (range(9095, 9145), range(53700, 53750), range(6300, 6310))
_MOST = 4 << 20


def container(mountinfo: str = "/proc/self/mountinfo") -> tuple[str | None, str | None]:
    """The container's name in its pod, and the pod's uid as the kubelet knows it; both None outside Kubernetes."""
    parts = incarnation(mountinfo)
    if not parts:
        return None, None
    return parts[1].decode("ascii", "replace")[:253], parts[0].decode("ascii", "replace")[:253]


def incarnation(mountinfo: str = "/proc/self/mountinfo") -> tuple[bytes, ...]:
    """Pod's uid, container's name, and what is another for each start of that container; () outside Kubernetes.

    The kubelet mounts `.../pods/UID/containers/NAME/FILE`, FILE made anew for each start, for the termination message:
    at /dev/termination-log or where the pod wants it (`terminationMessagePath`), and the kernel tells whence."""
    found = {}
    for line in _lines(mountinfo):
        fields = line.split(b" ")
        parts = fields[3].split(b"/") if len(fields) > 4 else []
        if len(parts) > 5 and parts[-5] == b"pods" and parts[-3] == b"containers":
            found[fields[4]] = (parts[-4], parts[-2], parts[-1])
    if b"/dev/termination-log" in found:
        return found[b"/dev/termination-log"]
    several = set(found.values())  # somebody mounts other containers' files: then nobody knows which is ours
    return several.pop() if len(several) == 1 else ()


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
