"""Which container of which pod an agent is in, by what the kubelet has mounted into it."""

from __future__ import annotations

import agent_runs
import pytest

surroundings = agent_runs.agent_module("surroundings")

UID = "3f0c2d1e-0000-4000-8000-00000000000a"
OTHER = "3f0c2d1e-0000-4000-8000-00000000000b"


def mount(point: str, *, uid: str = UID, name: str = "app", kubelet: str = "/var/lib/kubelet") -> str:
    return f"1 2 8:1 {kubelet}/pods/{uid}/containers/{name}/0a1b2c3d {point} rw,relatime - ext4 /dev/sda1 rw"


@pytest.mark.parametrize(
    ("mounts", "told"),
    [
        ([mount("/dev/termination-log")], ("app", UID)),
        ([mount("/dev/termination-log", kubelet="")], ("app", UID)),  # a partition of its own
        ([mount("/tmp/why")], ("app", UID)),
        ([mount("/host/x", uid=OTHER, name="other"), mount("/dev/termination-log")], ("app", UID)),
        ([mount("/host/x", uid=OTHER), mount("/tmp/why")], (None, None)),
        ([mount("/dev/termination-log", uid="0123456789abcdef0123456789abcdef")], ("app", "0123456789abcdef" * 2)),
        (["1 2 8:1 /var/lib/kubelet/pods/x/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw", "", "1 2"], (None, None)),
        ([], (None, None)),
    ],
)
def test_the_kubelet_s_mount_tells_container_and_pod(tmp_path, mounts, told):
    (tmp_path / "mountinfo").write_text("\n".join(mounts))
    assert surroundings.container(str(tmp_path / "mountinfo")) == told


def test_without_proc_nothing_is_known(tmp_path):
    assert surroundings.container(str(tmp_path / "none")) == (None, None)
