"""docs/reference/wire.md, held against real instrumented processes on each core, as a client of seed 003 reads it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from datetime import datetime
from pathlib import Path

import interpreters
import pytest
from agent_serving import lines_in, ran, served
from coverage import CoverageData

VERSIONS = ("3.9", "3.11", "3.12", "3.13")
PROGRAM = """\
import sys
import early


def asked():
    return "a"


def never():
    return "n"


class Thing:
    def method(self):
        def inner():
            return [x for x in (1, 2)]

        return inner()


for line in sys.stdin:
    name = line.strip()
    if name == "asked":
        print(asked(), flush=True)
    else:
        print(Thing().method(), flush=True)
"""
LOOP = {21, 22, 23, 24, 26}
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@contextlib.contextmanager
def application(version: str, folder: Path, **env: str):
    code = folder / "app"
    code.mkdir()
    (code / "app.py").write_text(PROGRAM)
    (code / "early.py").write_text("EARLY = 1\n")
    with served(interpreters.find(version), folder / "spool", code / "app.py", **env) as running:
        running.path = code / "app.py"
        tell(running, "asked")
        yield running


def tell(running, name: str) -> str:
    running.process.stdin.write(name + "\n")
    running.process.stdin.flush()
    return running.process.stdout.readline().strip()


def coverage_lines(running, query: str = "") -> set[int]:
    """What `/coverage` gives for app.py, decoded as seed 003's client does."""
    reply = running.get("/coverage" + query)
    data = CoverageData(no_disk=True)
    blob = base64.b64decode(reply.json["coverage_data"], validate=True)
    assert blob[:1] == b"z"
    data.loads(blob)
    return set(data.lines(str(running.path)) or ())


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


def test_the_9095_protocol(version, tmp_path):
    with application(version, tmp_path, SOURCE_GIT_COMMIT="c0ffee", SOFTWARE_KEY="k") as running:
        health = running.get("/health")
        assert (health.status, health.headers["content-type"]) == (200, "application/json")
        assert health.json["status"] == "ok"
        assert health.json["coverage_enabled"] is True
        assert health.json["coverage_files"] >= 1
        assert Path(health.json["data_dir"]).parent == tmp_path / "spool"

        reply = running.get("/coverage?name=a%20test+1&nometa=1")
        assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
        assert reply.headers["content-length"] == str(len(reply.body))
        assert (reply.json["label"], reply.json["files_combined"]) == ("a test 1", 1)
        datetime.fromisoformat(reply.json["timestamp"])
        assert running.get("/coverage").json["label"] == "session"

        before = coverage_lines(running)
        assert {1, 2, 5, 6, 21, 24} <= before
        assert not {10, 15, 16, 18, 26} & before
        assert coverage_lines(running) == before  # a GET takes nothing

        for method in ("GET", "POST"):
            reset = running.get("/coverage/reset", method=method)
            assert (reset.status, reset.body) == (200, b"Coverage reset")
        assert coverage_lines(running) == set()
        assert tell(running, "other") == "[1, 2]"
        assert coverage_lines(running) - LOOP == {15, 16, 18}
        assert running.get("/coverage/reset", method="GET").status == 200
        assert [one["name"] for one in running.capture()["windows"]] == ["reset-1", "reset-2", "reset-3"]

        for path in ("/", "/coverage/save", "/coverage/files", "/x"):
            missing = running.get(path)
            assert (missing.status, missing.body) == (404, b"Not found")
            assert missing.headers["x-art-coverage-source-commit"] == "c0ffee"
        head = running.get("/any", method="HEAD")
        assert (head.status, head.body, head.headers["x-art-coverage-software-key"]) == (200, b"", "k")
        assert head.headers["x-art-coverage-pid"] == str(running.process.pid)
        assert head.headers["x-art-coverage-binary"] == f"python{version}"


def test_covey_s_own_windows_leave_coverage_as_it_is(version, tmp_path):
    with application(version, tmp_path) as running:
        running.get("/coverage/reset")
        tell(running, "asked")
        running.close_window("in between")
        tell(running, "other")
        assert coverage_lines(running) - LOOP == {6, 15, 16, 18}
        running.get("/coverage/reset")
        assert coverage_lines(running) == set()


def test_identity(version, tmp_path):
    with application(version, tmp_path, SOURCE_GIT_COMMIT="c0ffee", SOURCE_GIT_URL="https://git.example/x") as running:
        who = running.get("/covey/1/identity").json
        process = running.capture()["processes"][0]
    assert (who["schema"], who["agent"], who["implementation"]) == ("covey.identity/1", "python", "CPython")
    assert who["language_version"].startswith(version + ".")
    assert (who["commit"], who["repository"]) == ("c0ffee", "https://git.example/x")
    assert (who["epoch"], who["processes"], who["warnings"]) == (0, 1, [])
    assert (who["pid"], who["started"]) == (process["pid"], process["started"])
    assert ISO.fullmatch(who["started"])


def test_capture(version, tmp_path):
    with application(version, tmp_path) as running:
        capture = running.capture()
        (process,) = capture["processes"]
        assert (capture["schema"], capture["agent"], capture["epoch"]) == ("covey.capture/1", "python", 0)
        assert ISO.fullmatch(capture["captured_at"])
        assert Path("/proc/sys/kernel/random/boot_id").read_text().strip() == capture["boot_id"]
        assert (process["pid"], process["alive"], process["complete"]) == (running.process.pid, True, True)
        stat = Path(f"/proc/{running.process.pid}/stat").read_text()
        assert process["start_ticks"] == int(stat.rpartition(")")[2].split()[19])
        assert process["core"] == ("monitoring" if version in interpreters.MONITORING else "probes")
        assert (process["epoch"], process["program"]) == (0, str(running.path))
        assert set(process["files"]) == {str(running.path), str(running.path.with_name("early.py"))}
        source_hash = "sha256:" + hashlib.sha256(PROGRAM.encode()).hexdigest()
        assert process["files"][str(running.path)]["source_hash"] == source_hash
        source = capture["sources"][source_hash]
        assert source["path"] == str(running.path)
        assert ran(capture, running.path) <= lines_in(source["executable"])
        rows = {name: (first, lines_in(lines)) for name, first, lines in source["code"]}
        assert rows["asked"] == (5, {6})
        assert rows["never"] == (9, {10})
        assert rows["Thing.method"] == (14, {15, 18})
        assert rows["Thing.method.<locals>.inner"] == (15, {16})
        assert {1, 2, 5, 9, 13} <= rows["<module>"][1]
        assert set().union(*(lines for _, lines in rows.values())) == lines_in(source["executable"])
        assert (capture["windows"], capture["not_recorded"], capture["warnings"]) == ([], [], [])


def test_a_source_that_changed_since_has_no_line_table(version, tmp_path):
    with application(version, tmp_path) as running:
        running.path.write_text("# other\n" + PROGRAM)
        capture = running.capture()
        assert [one["path"] for one in capture["sources"].values()] == [str(running.path.with_name("early.py"))]
        assert {1, 2, 5, 6} <= ran(capture, running.path)


def test_epochs(version, tmp_path):
    with application(version, tmp_path) as running:
        first = running.close_window("login")
        assert first == {
            "schema": "covey.epoch/1",
            "epoch": 1,
            "closed": {"epoch": 0, "name": "login"},
            "acknowledged": 1,
            "late": [],
        }
        assert running.close_window()["closed"] == {"epoch": 1, "name": "window-2"}
        tell(running, "other")
        assert ran(running.capture(since=2), running.path) - LOOP == {15, 16, 18}
        assert ran(running.capture(since=1), running.path) - LOOP == {15, 16, 18}
        assert {1, 6, 15, 16, 18} <= ran(running.capture(since=0), running.path)
        windows = running.capture()["windows"]
        assert [(one["epoch"], one["name"], one["late"]) for one in windows] == [(0, "login", []), (1, "window-2", [])]
        assert 6 in lines_in(windows[0]["files"][str(running.path)])
        assert windows[1]["files"] == {}
        assert [one["epoch"] for one in running.capture(since=1)["windows"]] == [1]


def test_what_ran_is_there_after_the_process_is_not(version, tmp_path):
    with application(version, tmp_path) as running:
        before = ran(running.capture(), running.path)
        running.process.kill()
        running.process.wait()
        capture = running.capture()
        assert ran(capture, running.path) == before
        assert capture["processes"][0]["alive"] is False
        assert running.get("/health").status == 200


def test_a_token(version, tmp_path):
    (tmp_path / "token").write_text("secret")
    with application(version, tmp_path, COVEY_AGENT_TOKEN_FILE=str(tmp_path / "token")) as running:
        refused = running.get("/coverage")
        assert (refused.status, refused.headers["x-art-coverage-server"]) == (401, "1")
        assert running.get("/coverage", token="secret").status == 200
        assert running.get("/covey/1/capture", token="wrong").status == 401
        assert "warnings" not in running.get("/health").json
