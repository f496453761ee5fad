from __future__ import annotations

import contextlib
import json
import resource
from dataclasses import replace
from functools import partial

import anyio
import pytest
from fakes.agent_servers import (
    announcing,
    capture_of,
    covey,
    dripping,
    endless,
    garbage,
    hanging,
    old,
    serving,
    stranger,
)

from covey.agents import legacy, python
from covey.agents.base import Limits
from covey.errors import ClusterDenied, ClusterError, NoAgent, NothingCollected, PodGone, UsageError
from covey.flows.allowance import LARGE, SMALL
from covey.flows.collect import check, collect
from covey.flows.pods import How, address, pods_of
from covey.flows.reset import reset
from covey.kube.tunnel import UrlChannel
from covey.model.bundle import Bundle
from covey.model.journal import Journal
from covey.model.provenance import Target

DUMP = b"z\x78\x9c\x03\x00\x00\x00\x00\x01"
LIMITS = Limits(body=2**20, decoded=2**21, seconds=5)


class World:
    """Pods whose ports lead to real servers. ports: pod -> port in the pod -> handler, or an error to raise."""

    def __init__(self, **pods):
        self.pods = {name.replace("_", "-"): ports for name, ports in pods.items()}
        self.tried: list[tuple[str, int]] = []

    @contextlib.contextmanager
    def up(self):
        with contextlib.ExitStack() as stack:
            self.servers = {
                (pod, port): stack.enter_context(serving(handler))
                for pod, ports in self.pods.items()
                for port, handler in ports.items()
                if not isinstance(handler, Exception)
            }
            yield self

    @contextlib.asynccontextmanager
    async def channel(self, target):
        yield _PodChannel(self, target.pod)

    def targets(self, *containers):
        return [
            Target("shop", "ns", pod, container, "reg/app:v1", "", f"uid-{pod}", f"cid-{container}")
            for pod in self.pods
            for container in containers or ("app",)
        ]


class _PodChannel:
    def __init__(self, world, pod):
        self.world, self.pod = world, pod

    async def connect(self, port):
        self.world.tried.append((self.pod, port))
        handler = self.world.pods[self.pod].get(port)
        if isinstance(handler, Exception):
            raise handler
        if handler is None:
            raise NoAgent(f"nothing listens on port {port}")
        return await UrlChannel("127.0.0.1").connect(self.world.servers[self.pod, port].port)


def how(world, **more):
    return How((python.AGENT, legacy.AGENT), world.channel, **({"limits": LIMITS} | more))


def run(world, folder, *containers, flow=None, **more):
    journal = Journal.begin(folder, "e2e", {}, "")
    return anyio.run(partial(flow or collect, world.targets(*containers), how(world, **more), journal))


def reasons(collected):
    return {failure.target: failure.reason for failure in collected.manifest.failures}


def captured(collected):
    return sorted((one.target.pod, one.target.container, one.port, one.format) for one in collected.captures)


def test_pods_are_collected_and_what_gave_nothing_is_named(tmp_path):
    gone = ClusterError("the pod is gone")
    world = World(good={9095: covey()}, hangs={9095: hanging}, bare={}, web={9095: stranger}, gone={9095: gone})
    with world.up():
        collected = run(world, tmp_path / "b", limits=replace(LIMITS, seconds=3))
    assert captured(collected) == [("good", "app", 9095, "segments")]
    assert reasons(collected) == {
        "ns/hangs/app": "agent-timeout",
        "ns/bare/app": "no-agent",
        "ns/web/app": "no-agent",
        "ns/gone/app": "cluster",
    }
    assert all(failure.what for failure in collected.manifest.failures)
    assert Bundle.open(tmp_path / "b").manifest.status == "partial"


@pytest.mark.parametrize(("error", "reason"), [(PodGone, "pod-gone"), (ClusterDenied, "cluster-denied")])
def test_a_pod_that_cannot_be_reached_at_all_is_asked_once(tmp_path, error, reason):
    lost = error("the way there has ended")
    world = World(good={9095: covey()}, lost=dict.fromkeys(range(1, 65536), lost))
    with world.up():
        collected = run(world, tmp_path / "b")
    assert captured(collected) == [("good", "app", 9095, "segments")]
    assert reasons(collected) == {"ns/lost/app": reason}
    assert len([pod for pod, _ in world.tried if pod == "lost"]) <= 2
    assert collected.notes == ()


def test_collecting_twice_counts_once(tmp_path):
    world = World(one={9095: covey(container="app"), 9096: covey(capture_of(pid=9), container="side")})
    with world.up():
        run(world, tmp_path / "b", "app", "side")
        first = Bundle.open(tmp_path / "b")
        run(world, tmp_path / "b", "app", "side")
        second = Bundle.open(tmp_path / "b")
    # In whatever order the two answered.
    assert {one.directory for one in first.captures} == {one.directory for one in second.captures}
    assert len(second.captures) == 2


def test_more_large_captures_than_have_room_at_once_are_all_collected(tmp_path):
    large = capture_of(padding="x" * (SMALL + 1))
    world = World(**{f"p{number}": {9095: covey(large)} for number in range(LARGE + 2)})
    with world.up():
        collected = run(world, tmp_path / "b", limits=Limits(body=2 * SMALL, seconds=30))
    assert (len(collected.captures), collected.manifest.failures) == (LARGE + 2, ())


def test_each_agent_is_taken_for_the_container_it_names(tmp_path):
    ports = {9095: covey(container="side"), 9096: covey(capture_of(pid=9), container="app")}
    world = World(one=ports)
    with world.up():
        collected = run(world, tmp_path / "b", "app", "side")
        assert captured(collected) == [("one", "app", 9096, "segments"), ("one", "side", 9095, "segments")]
        only = run(world, tmp_path / "c", "app")
    assert captured(only) == [("one", "app", 9096, "segments")]
    assert "of container side, not asked for" in only.notes[0]
    assert only.manifest.failures == ()


def test_a_pod_whose_only_agent_is_of_another_container_gave_nothing(tmp_path):
    world = World(one={9095: covey(container="side")})
    with world.up():
        collected = run(world, tmp_path / "b", "app")
    assert reasons(collected) == {"ns/one/app": "no-agent"}


UID = "3f0c2d1e-0000-4000-8000-00000000000{}"
STATIC = "0123456789abcdef" * 2


@pytest.mark.parametrize(("told", "left_out"), [(UID.format("a"), 0), (UID.format("b"), 1), (STATIC, 0), ("", 0)])
def test_an_agent_of_another_pod_of_the_host_s_network_is_left_out(tmp_path, told, left_out):
    mine, other = covey(pod_uid=UID.format("a")), covey(capture_of(pid=9), pod_uid=told)
    world = World(one={9095: mine, 9096: other})
    targets = [replace(target, pod_uid=UID.format("a")) for target in world.targets()]
    with world.up():
        journal = Journal.begin(tmp_path / "b", "e2e", {}, "")
        collected = anyio.run(partial(collect, targets, how(world), journal))
    assert sorted(one.port for one in collected.captures) == ([9095] if left_out else [9095, 9096])
    assert len([note for note in collected.notes if f"9096 is of another pod ({told})" in note]) == left_out


def test_an_agent_that_names_no_container_is_taken_for_the_first_and_that_is_said(tmp_path):
    world = World(one={9095: covey()})
    with world.up():
        collected = run(world, tmp_path / "b", "app", "side")
    assert captured(collected) == [("one", "app", 9095, "segments")]
    assert "names no container" in collected.notes[0]


def test_old_agents_beside_ours_are_found(tmp_path):
    ports = {9095: covey(), 53700: old({"coverage_data": DUMP}, art=True), 53701: stranger, 53703: hanging}
    world = World(one=ports | {53702: old({"coverage_data": b'{"a.js": {}}'}, art=True)})
    with world.up():
        collected = run(world, tmp_path / "b", limits=replace(LIMITS, seconds=2))
    formats = {(53700, "coveragepy"), (53702, "istanbul"), (9095, "segments")}
    assert {(one.port, one.format) for one in collected.captures} == formats
    world = World(one={9130: covey()})
    with world.up():
        assert captured(run(world, tmp_path / "c")) == [("one", "app", 9130, "segments")]


def test_an_agent_that_knows_its_neighbours_saves_the_search(tmp_path):
    world = World(one={9095: covey(ports=[9095, 9120, 8080]), 9120: covey(capture_of(pid=9))})
    with world.up():
        assert [one[2] for one in captured(run(world, tmp_path / "b"))] == [9095, 9120]
    assert {port for _, port in world.tried} == {9095, 9120}


def test_a_single_port_can_be_asked_for(tmp_path):
    world = World(one={9095: covey(), 9096: covey(capture_of(pid=9))})
    with world.up():
        assert len(run(world, tmp_path / "b", neighbours=False).captures) == 1
    assert {port for _, port in world.tried} == {9095}


def test_an_agent_that_wants_a_token_fails_alone(tmp_path):
    world = World(open={9095: covey()}, shut={9095: covey(token="s3cret")})
    with world.up():
        collected = run(world, tmp_path / "b")
        assert reasons(collected) == {"ns/shut/app": "agent-denied"}
        assert len(run(world, tmp_path / "c", token="s3cret").captures) == 2


def test_trouble_on_the_way_is_tried_again(tmp_path):
    class Flaky(World):
        @contextlib.asynccontextmanager
        async def channel(self, target):
            yield _Flaky(self, target.pod)

    class _Flaky(_PodChannel):
        async def connect(self, port):
            self.world.tried.append((self.pod, port))
            if self.world.tried.count((self.pod, port)) < 3:
                raise ClusterError("the API server is busy")
            return await super().connect(port)

    world = Flaky(one={9095: covey()})
    with world.up():
        assert len(run(world, tmp_path / "b", neighbours=False).captures) == 1


EVIL_NAMES = {
    "counters_filename": "../../../../tmp/covcounters.0.1.2",
    "meta_filename": "/etc/cron.d/covmeta",
    "meta_data": b"\x00cvm" + bytes(36),
    "counters_data": b"\x00cwm" + bytes(36),
}


def test_hostile_agents_cost_only_their_own_targets(tmp_path):
    evil_place = {"container": "../../../evil", "boot_id": "../..", "commit": "\x1b[31m"}
    world = World(
        good={9095: covey()},
        names={9095: old(EVIL_NAMES)},
        place={9095: covey(**evil_place)},
        huge={9095: announcing(10 * 2**30)},
        endless={9095: endless},
        base64={9095: old(b'{"coverage_data": "***"}')},
        bomb={9095: old({"coverage_data": b"z" + __import__("zlib").compress(bytes(2**24))})},
        deep={9095: covey(b'{"schema": "covey.capture/1", "x":' + b"[" * 500_000)},
        garbage={9095: garbage},
        drip={9095: dripping},
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with world.up():
        collected = run(world, tmp_path / "in" / "b", limits=replace(LIMITS, seconds=4))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 * 1024  # kilobytes
    assert {pod for pod, *_ in captured(collected)} == {"good", "names"}
    assert reasons(collected) == {
        "ns/place/app": "no-agent",
        "ns/huge/app": "agent-garbled",
        "ns/endless/app": "agent-garbled",
        "ns/base64/app": "agent-garbled",
        "ns/bomb/app": "agent-garbled",
        "ns/deep/app": "agent-garbled",
        "ns/garbage/app": "agent-garbled",
        "ns/drip/app": "agent-timeout",
    }
    bundle = Bundle.open(tmp_path / "in" / "b")
    stored = {f"{one.directory}/{file.name}" for one in bundle.captures for file in one.files}
    found = {str(path.relative_to(bundle.folder)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == stored | {"metadata.json", "journal.jsonl"}


@pytest.mark.repeat
def test_what_is_unfinished_at_the_deadline_is_named(tmp_path):
    world = World(good={9095: covey()}, slow={9095: dripping})
    with world.up():
        collected = run(world, tmp_path / "b", timeout=1.5, limits=replace(LIMITS, seconds=30))
    assert captured(collected) == [("good", "app", 9095, "segments")]
    assert reasons(collected) == {"ns/slow/app": "deadline"}
    assert "--timeout" in collected.manifest.failures[0].hint


def test_a_cancelled_collection_leaves_a_bundle_of_what_it_had(tmp_path):
    world = World(good={9095: covey()}, slow={9095: hanging})

    async def cancelled(targets, how, journal):
        with anyio.CancelScope() as scope:

            def tell(progress):
                if progress.done:
                    scope.cancel()

            await collect(targets, how, journal, tell)
        assert scope.cancelled_caught

    with world.up():
        run(world, tmp_path / "b", flow=cancelled)
    manifest = Bundle.open(tmp_path / "b").manifest
    assert [one.target.pod for one in manifest.captures] == ["good"]
    assert [(one.target, one.reason) for one in manifest.failures] == [("ns/slow/app", "interrupted")]
    assert manifest.status == "partial"


def test_no_more_pods_at_once_than_asked_for(tmp_path):
    now, most = [0], [0]

    class Counting(World):
        @contextlib.asynccontextmanager
        async def channel(self, target):
            now[0] += 1
            most[0] = max(most[0], now[0])
            yield _PodChannel(self, target.pod)
            now[0] -= 1

    world = Counting(**{f"p{number}": {9095: covey()} for number in range(12)})
    with world.up():
        assert len(run(world, tmp_path / "b", concurrency=3, neighbours=False).captures) == 12
    assert most[0] == 3


def test_nothing_at_all(tmp_path):
    world = World(bare={})
    with world.up():
        collected = run(world, tmp_path / "b")
    assert collected.manifest.status == "empty"
    with pytest.raises(NothingCollected, match="no coverage agent answers on port 9095"):
        check(collected)


def test_reset_begins_windows_from_which_on_is_collected(tmp_path):
    asked = []

    def both(request):
        asked.append(f"{request.method} {request.path}")
        covey()(request)

    world = World(one={9095: both}, go={9095: old(EVIL_NAMES, reset=404)})
    with world.up():
        done = anyio.run(partial(reset, world.targets(), how(world), "earlier"))
        assert list(done.epochs.values()) == [4]
        assert [failure.target for failure in done.failures] == ["ns/go/app"]
        journal = Journal.begin(tmp_path / "b", "e2e", {}, "")
        collected = anyio.run(partial(collect, world.targets(), how(world), journal, since=done.epochs))
    assert "GET /covey/1/capture?since=4" in asked
    old_one, ours = sorted(process.epoch for one in collected.captures for process in one.processes)
    assert (old_one < 0, ours) == (True, 4)  # nobody knows since when it has counted


def test_a_full_disk_is_said_as_such(tmp_path):
    world = World(one={9095: covey()})
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "shop").write_text("in the way")
    with world.up(), pytest.raises(BaseExceptionGroup) as caught:
        run(world, tmp_path / "b")
    assert caught.group_contains(OSError)
    assert json.loads((tmp_path / "b" / "metadata.json").read_text())["status"] == "empty"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("localhost:53700", ("localhost", 53700)),
        ("localhost", ("localhost", 9095)),
        ("http://h:9095/coverage", ("h", 9095)),
        ("http://h/", ("h", 80)),
        ("https://h", ("h", 443)),
        ("[::1]:9095", ("::1", 9095)),
    ],
)
def test_addresses(url, place):
    assert address(url) == place
    (pod,) = pods_of([Target("c", url=url)])
    assert pod.port == place[1]


@pytest.mark.parametrize(
    "url", ["", ":1", "http://[::1", "h:99999", "ftp://h", "h/x", "\udcff:1", f"{'a' * 64}.example:1", "a..b"]
)
def test_what_is_no_address(url):
    with pytest.raises(UsageError, match="is no agent's address"):
        address(url)
