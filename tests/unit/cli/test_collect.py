"""The verbs collect, discover and reset as a user runs them, against real agents on the loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from fakes import kubernetes
from fakes.agent_servers import capture_of, covey, hanging, old, serving, stranger

from covey.model.bundle import Bundle

COVEY = [sys.executable, "-m", "covey"]
# Starts what follows as a script's background job: with Ctrl-C ignored.
BEHIND = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]


def run(*arguments, cwd, **more):
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "160", "KUBECONFIG": os.devnull}
    return subprocess.run(
        [*COVEY, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, **more
    )


def test_an_address_is_collected_into_a_bundle(tmp_path):
    with serving(covey(commit="c0ffee")) as server:
        url = f"http://127.0.0.1:{server.port}/coverage"
        done = run("collect", "--url", url, "-o", "b", "--test-name", "e2e", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("warning")) == (0, 0), done.stderr
    told = json.loads(done.stdout)
    assert (told["schema"], told["status"], told["test_name"], told["bundle"]) == (
        "covey.collect/1",
        "complete",
        "e2e",
        "b",
    )
    assert [(row["target"], row["format"]) for row in told["collected"]] == [(url, "segments")]
    (entry,) = Bundle.open(tmp_path / "b").captures
    assert (entry.target.component, entry.commit) == (f"127.0.0.1:{server.port}", "c0ffee")
    assert url in done.stderr


def test_collecting_twice_counts_once_and_names_are_kept(tmp_path):
    with serving(covey()) as server:
        first = run("collect", "--url", f"127.0.0.1:{server.port}", cwd=tmp_path)
        again = run("collect", "--url", f"127.0.0.1:{server.port}", cwd=tmp_path)
        other = run("collect", "--url", f"127.0.0.1:{server.port}", "--test-name", "other", cwd=tmp_path)
    assert (first.returncode, again.returncode, other.returncode) == (0, 0, 2)
    manifest = Bundle.open(tmp_path / "coverage-output").manifest
    assert len(manifest.captures) == 1
    assert manifest.test.startswith("covey-20")
    assert "going on with the bundle" in again.stderr
    assert "choose another -o" in other.stderr


@pytest.mark.parametrize(("soft", "code"), [((), 6), (("--soft",), 0)])
def test_a_part_is_a_part(tmp_path, soft, code):
    with serving(covey()) as good, serving(stranger) as bad:
        urls = ("--url", f"127.0.0.1:{good.port}", "--url", f"127.0.0.1:{bad.port}")
        done = run("collect", *urls, "-o", "b", *soft, cwd=tmp_path)
    assert done.returncode == code
    assert "no coverage agent answers" in done.stderr
    assert Bundle.open(tmp_path / "b").manifest.status == "partial"


def test_failures_of_earlier_runs_do_not_decide_about_this_one(tmp_path):
    with serving(covey()) as good, serving(stranger) as bad:
        first = run("collect", "--url", f"127.0.0.1:{good.port}", "--url", f"127.0.0.1:{bad.port}", cwd=tmp_path)
        again = run("collect", "--url", f"127.0.0.1:{good.port}", cwd=tmp_path)
        still = run("collect", "--url", f"127.0.0.1:{bad.port}", cwd=tmp_path)
    assert (first.returncode, again.returncode, still.returncode) == (6, 0, 3)
    assert "not collected" not in again.stderr
    assert f"earlier collections, not asked for now: 127.0.0.1:{bad.port}" in again.stderr
    manifest = Bundle.open(tmp_path / "coverage-output").manifest
    assert (manifest.status, len(manifest.captures), len(manifest.failures)) == ("partial", 1, 1)


def test_nothing_collected(tmp_path):
    with serving(stranger) as bad:
        done = run("collect", "--url", f"127.0.0.1:{bad.port}", "-o", "b", cwd=tmp_path)
    assert done.returncode == 3
    assert "nothing was collected" in done.stderr
    assert Bundle.open(tmp_path / "b").manifest.status == "empty"


def test_the_token_comes_from_a_file(tmp_path):
    (tmp_path / "token").write_text("s3cret\n")
    with serving(covey(token="s3cret")) as server:
        url = f"127.0.0.1:{server.port}"
        assert run("collect", "--url", url, "-o", "a", cwd=tmp_path).returncode == 3
        done = run("collect", "--url", url, "-o", "b", "--agent-token-file", "token", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "s3cret" not in done.stderr + (tmp_path / "b" / "metadata.json").read_text()


def test_no_password_of_an_address_gets_into_the_bundle(tmp_path):
    clone = "https://oauth2:t0ken@git.example/shop.git"
    with serving(covey(repository=clone)) as one, serving(hanging) as two:
        urls = [f"http://bob:hun/ter2@127.0.0.1:{one.port}/coverage", "--url", f"bob:hun@ter2@127.0.0.1:{two.port}"]
        done = run("collect", "--url", *urls, "-o", "b", "--json", "--pod-timeout", "1s", cwd=tmp_path)
    assert done.returncode == 6, done.stderr
    (entry,) = Bundle.open(tmp_path / "b").captures
    assert entry.repository == "https://git.example/shop.git"
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).decode()
    for secret in ("bob", "ter2", "t0ken"):
        assert secret not in done.stdout + done.stderr + written


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("-l", "app=x", "--timeout", "soon"),
        ("--url", "ftp://x"),
        ("--url", "x:9095", "--port", "0"),
        ("--snapshot", "{}"),
        ("--snapshot", '{"components": [1]}'),
        ("--url", "x:9095", "--agent-token-file", "/dev/null"),
        ("--url", "x:9095", "--"),
        ("--url", "x:9095", "--", "there-is-no-such-program"),
    ],
)
def test_what_cannot_be_asked_is_refused(tmp_path, arguments):
    done = run("collect", *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "coverage-output").exists()


def test_coverports_flags_are_accepted_and_say_when_they_do_nothing(tmp_path):
    with serving(covey()) as server:
        flags = ["--source-dir=.", "--remap-paths=false", "--filters=a,b", "--auto-process=false", "--skip-filter"]
        flags += ["--timeout", "120", "--port", "53700", "--output", "b", "--test-name=e2e", "--push=false"]
        done = run("collect", "--url", f"127.0.0.1:{server.port}", *flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for flag in ("--source-dir", "--remap-paths", "--filters", "--auto-process", "--skip-filter", "--push"):
        assert done.stderr.count(f"{flag} has no effect") == 1


def test_a_window_around_a_command(tmp_path):
    asked = []

    def agent(request):
        asked.append(f"{request.method} {request.path}")
        covey()(request)

    with serving(agent) as server:
        script = f"import sys; print('ran'); open({str(tmp_path / 'seen')!r}, 'w').close(); sys.exit(int(sys.argv[1]))"
        command = ["collect", "--url", f"127.0.0.1:{server.port}", "-o", "b", "--test-name", "login", "--json", "--"]
        done = run(*command, sys.executable, "-c", script, "0", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["test_name"] == "login"
        assert "ran" in done.stderr
        assert asked.index("POST /covey/1/epoch") < asked.index("GET /covey/1/capture?since=4")
        assert (tmp_path / "seen").exists()
        assert run(*command, sys.executable, "-c", script, "9", cwd=tmp_path).returncode == 9


# Tests that put away what they set up, which takes a while.
TESTS = "trap 'sleep 1; touch put-away; exit 1' INT TERM; touch started; for i in $(seq 300); do sleep 0.1; done"


@pytest.mark.parametrize(("number", "send"), [(signal.SIGINT, os.killpg), (signal.SIGTERM, os.kill)])
def test_an_interrupted_command_puts_away_what_it_set_up(tmp_path, number, send):
    with serving(covey()) as server:
        url = f"127.0.0.1:{server.port}"
        assert run("collect", "--url", url, "-o", "b", cwd=tmp_path).returncode == 0
        command = [*COVEY, "collect", "--url", url, "-o", "b", "--", "bash", "-c", TESTS]
        # In a session of its own, so that its group can be told as a terminal does.
        started = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
        wait_for((tmp_path / "started").exists)
        send(started.pid, number)
        _, told = started.communicate(timeout=30)
    assert started.returncode == 130, told
    assert (tmp_path / "put-away").exists()
    assert "once more kills it" in told
    assert "Traceback" not in told
    assert len(Bundle.open(tmp_path / "b").captures) == 1


def test_a_command_that_does_not_end_is_killed_when_told_again(tmp_path):
    with serving(covey()) as server:
        command = [*COVEY, "collect", "--url", f"127.0.0.1:{server.port}", "--", "bash", "-c"]
        command.append("trap '' TERM; echo $$ > pid.new; mv pid.new pid; while sleep 0.1; do true; done")
        started = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        wait_for((tmp_path / "pid").exists)
        started.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert started.poll() is None
        started.send_signal(signal.SIGTERM)
        _, told = started.communicate(timeout=30)
    assert (started.returncode, "Traceback" in told) == (130, False)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_what_could_not_be_reset_makes_it_a_part(tmp_path):
    dump = b"z\x78\x9c\x03\x00\x00\x00\x00\x01"
    with serving(old({"coverage_data": dump}, reset=404)) as server:
        done = run("collect", "--url", f"127.0.0.1:{server.port}", "-o", "b", "--", "true", cwd=tmp_path)
    assert done.returncode == 6
    assert [one.reason for one in Bundle.open(tmp_path / "b").manifest.failures] == ["not-reset"]


@pytest.mark.repeat
@pytest.mark.parametrize(("number", "behind"), [(signal.SIGINT, []), (signal.SIGTERM, []), (signal.SIGTERM, BEHIND)])
def test_ctrl_c_leaves_a_valid_bundle_of_what_was_collected(tmp_path, number, behind):
    folder = tmp_path / "b"
    with serving(covey()) as good, serving(hanging) as bad:
        urls = ["--url", f"127.0.0.1:{good.port}", "--url", f"127.0.0.1:{bad.port}"]
        command = [*behind, *COVEY, "collect", *urls, "-o", str(folder), "--pod-timeout", "50s"]
        started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            wait_for(
                lambda: (folder / "journal.jsonl").exists() and '"capture"' in (folder / "journal.jsonl").read_text()
            )
            for _ in range(5):  # somebody impatient
                started.send_signal(number)
                time.sleep(0.005)
            _, told = started.communicate(timeout=30)
        finally:
            started.kill()
    assert started.returncode == 130, told
    manifest = Bundle.open(folder).manifest
    assert manifest.status == "partial"
    assert [one.target.url for one in manifest.captures] == [f"127.0.0.1:{good.port}"]
    assert f"127.0.0.1:{bad.port}" in {one.target for one in manifest.failures}
    assert {one.reason for one in manifest.failures} == {"interrupted"}
    assert "interrupted" in told
    assert "Traceback" not in told


def test_a_killed_collector_is_gone_on_with(tmp_path):
    folder = tmp_path / "b"
    with serving(covey()) as good, serving(hanging) as bad, serving(covey(capture_of(pid=9))) as other:
        urls = ["--url", f"127.0.0.1:{good.port}", "--url", f"127.0.0.1:{bad.port}"]
        command = [*COVEY, "collect", *urls, "-o", str(folder), "--test-name", "e2e"]
        started = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_for(lambda: (folder / "journal.jsonl").exists() and '"capture"' in (folder / "journal.jsonl").read_text())
        started.kill()
        started.wait()
        assert not (folder / "metadata.json").exists()
        done = run("collect", "--url", f"127.0.0.1:{other.port}", "-o", folder, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    manifest = Bundle.open(folder).manifest
    assert (manifest.test, len(manifest.captures)) == ("e2e", 2)


def test_reset(tmp_path):
    with serving(covey()) as server:
        done = run("reset", "--url", f"127.0.0.1:{server.port}", "--test-name", "login", "--json", cwd=tmp_path)
        assert server.asked[-1] == "POST /covey/1/epoch"
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["reset"] == [f"127.0.0.1:{server.port}"]


@pytest.mark.parametrize(("spaces", "code"), [("shop,default", 6), ("default", 0), ("shop", 4)])
def test_a_namespace_that_may_not_be_read_makes_it_a_part(tmp_path, spaces, code):
    def handler(request):
        if "/namespaces/shop/" in request.path:
            kubernetes.status(request, 403, "no")
        else:
            kubernetes.listing([kubernetes.pod("far", namespace="default")])(request)

    with serving(handler) as server:
        (tmp_path / "config").write_text(json.dumps(kubernetes.kubeconfig(server.port)))
        done = run("discover", "-l", "app=x", "-n", spaces, "--kubeconfig", tmp_path / "config", cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert ("not allowed to list pods in namespace shop" in done.stderr) == (code > 0)


def test_without_a_cluster_the_cure_is_named(tmp_path):
    done = run("discover", "-l", "app=x", cwd=tmp_path)
    assert done.returncode in (2, 4)
    assert "error:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["collect", "discover", "reset"])
def test_help_has_examples(tmp_path, verb):
    done = run(verb, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "Examples:" in done.stdout


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


def test_soft_forgives_a_cluster_that_fails(tmp_path):
    config = tmp_path / "config"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: t}}]\n"
    )
    command = [sys.executable, "-m", "covey", "collect", "-l", "app=x", "-o", tmp_path / "b", "--kubeconfig", config]
    for more, code in (((), 4), (("--soft",), 0)):
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done.stderr
        assert "cannot be reached" in done.stderr
