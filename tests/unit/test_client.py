"""CoverageClient as py-coverage-http's users call it, through a kubectl that forwards to a real server."""

from __future__ import annotations

import os
import sys
import zlib

import anyio
import coverage
import pytest
from fakes.agent_servers import old, serving

from covey.client import CoverageClient
from covey.errors import AgentError, CoveyError, InputError, UsageError

APP = "def reached():\n    return 1\n\n\ndef missed():\n    return 2\n"
KUBECTL = """#!{python}
import sys, time
assert sys.argv[1] == "port-forward" and "--namespace" not in sys.argv, sys.argv
print("Forwarding from 127.0.0.1:{port} -> 9095", flush=True)
time.sleep(60)
"""


def dump(tmp_path, lines):
    """What a seed agent sends: CoverageData.dumps() of paths in a container."""
    data = coverage.CoverageData(basename=str(tmp_path / "recorded"), no_disk=True)
    data.add_lines({"/app/shop/app.py": lines})
    return data.dumps()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    folder = tmp_path / "checkout"
    (folder / "shop").mkdir(parents=True)
    (folder / "shop" / "app.py").write_text(APP)
    (folder / "shop" / "never.py").write_text("x = 1\n")
    (folder / ".coveragerc").write_text("[run]\nsource = shop\n")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def forwarded(tmp_path, monkeypatch):
    """A function that puts a kubectl on PATH which leads to a server."""

    def forward(server):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "kubectl"
        program.write_text(KUBECTL.format(python=sys.executable, port=server.port))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return forward


@pytest.fixture
def collected(tmp_path, checkout, forwarded):
    client = CoverageClient(namespace="ns", output_dir="./coverage-output")
    for name, lines in (("first", [1, 2, 5]), ("second", [1, 5, 6])):
        with serving(old({"coverage_data": dump(tmp_path, lines), "label": name})) as server:
            forwarded(server)
            client.collect_coverage_from_pod(pod_name="pod", test_name=name, coverage_port=9095)
            assert server.asked == ["GET /health", f"GET /coverage?name={name}"]
    return client


def test_the_data_is_coverages_own(collected, checkout):
    data = coverage.CoverageData(basename=str(checkout / "coverage-output" / ".coverage_first"))
    data.read()
    assert {path: data.lines(path) for path in data.measured_files()} == {"/app/shop/app.py": [1, 2, 5]}


def test_reports_are_made_of_the_checkout(collected, checkout, capsys):
    collected.generate_coverage_report("first")
    collected.generate_html_report("first")
    collected.generate_xml_report("first")
    made = checkout / "coverage-output"
    text = (made / "report_first.txt").read_text()
    assert [row.split()[-1] for row in text.splitlines() if row.startswith("shop/")] == ["75%", "0%"]
    assert text in capsys.readouterr().out
    assert (made / "html_first" / "index.html").is_file()
    assert 'filename="shop/app.py"' in (made / "coverage.xml").read_text()


def test_merged_tests_are_united(collected, checkout):
    collected.merge_coverage_files(["first", "second"])
    data = coverage.CoverageData(basename=str(checkout / "coverage-output" / ".coverage_merged"))
    data.read()
    assert sorted(data.lines("/app/shop/app.py")) == [1, 2, 5, 6]
    text = collected.generate_coverage_report("merged").read_text()
    assert "100%" in text


def test_without_remapping_only_what_ran_is_known(collected, capsys):
    collected.generate_coverage_report("first", remap_paths=False)
    assert "app/shop/app.py" in capsys.readouterr().out


def test_reset(forwarded, checkout):
    with serving(old({})) as server:
        forwarded(server)
        CoverageClient().reset_coverage("pod")
        assert server.asked == ["GET /coverage/reset"]


def test_it_works_inside_an_event_loop(tmp_path, checkout, forwarded):
    async def test():
        return CoverageClient().collect_coverage_from_pod("pod", "t")

    with serving(old({"coverage_data": dump(tmp_path, [1])})) as server:
        forwarded(server)
        assert anyio.run(test).name == ".coverage_t"


EVIL_SQL = b"BEGIN TRANSACTION; ATTACH DATABASE 'evil.db' AS evil; CREATE TABLE evil.t (x); COMMIT;"


@pytest.mark.parametrize(
    "reply",
    [
        {"coverage_data": b"z" + zlib.compress(EVIL_SQL)},
        {"coverage_data": b"z" + bytes(20)},
        {"coverage_data": b'{"a.js": {}}'},
        {"coverage_data": b""},
        b"<html>",
    ],
)
def test_a_hostile_answer_writes_nothing(reply, forwarded, checkout):
    client = CoverageClient(output_dir=checkout / "out")
    with serving(old(reply)) as server:
        forwarded(server)
        with pytest.raises(CoveyError):
            client.collect_coverage_from_pod("pod", "t")
    assert list((checkout / "out").iterdir()) == []
    assert not list(checkout.rglob("evil*"))


def test_what_cannot_be(forwarded, checkout):
    client = CoverageClient()
    with pytest.raises(UsageError):
        client.collect_coverage_from_pod("pod", "../escape")
    with pytest.raises(InputError, match="does not exist"):
        client.generate_coverage_report("never")
    with serving(lambda request: request.answer(503, "busy")) as server:
        forwarded(server)
        with pytest.raises(AgentError, match="503"):
            client.collect_coverage_from_pod("pod", "t")
