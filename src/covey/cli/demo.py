"""`covey demo`: the whole path on this machine, with the commands one would type."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import click

from covey.cli.output import FilePath, say
from covey.errors import CoveyError, MissingExtra, ToolError, UsageError

WORKERS = 4
MARK = ".covey-demo"
NEEDED = ("coverage", "flask", "gunicorn", "pytest")
QUOTES: tuple[dict[str, Any], ...] = (
    {"grams": 800, "country": "DE"},
    {"grams": 7_000, "country": "AT", "express": True},
    {"grams": 0, "country": "DE"},
    {"country": "DE"},
)
# A terminal's Ctrl-C is for the demo, which ends what it has started; they would each answer it with a traceback.
_APART = 0  # process_group of its children: one of their own
ABROAD = {"grams": 800, "country": "JP", "contents": "a book", "worth": 1_500}


@click.command(epilog="\b\nExample:\n  covey demo -o /tmp/covey-demo\n")
@click.option(
    "-o",
    "--output",
    type=FilePath(file_okay=False),
    default="covey-demo",
    show_default=True,
    help="Folder to work in; one that an earlier demo made is made anew.",
)
@click.option("--python", default="", metavar="PROGRAM", help="What runs the service; covey's own by default.")
def demo(output: Path, python: str) -> None:
    """Show the whole path on this machine in a minute: no Kubernetes, no root, no network.

    Runs a small service's unit tests under coverage; starts it with 4 worker processes, the agent switched on by
    environment alone; sends it requests; kills a worker; collects; merges; and writes an HTML report.
    """
    program = shutil.which(python or sys.executable)
    if program is None:
        raise UsageError(f"there is no program {python!r}")
    missing = _missing(program)
    if missing and not python:
        raise MissingExtra("demo", f"the demo runs {', '.join(missing)} and so")
    if missing:
        raise UsageError(f"{program} has no {', '.join(missing)}", hint="install them there")
    with _endable(), _Demo(_fresh(output.resolve()), program) as steps:
        steps.unit_tests()
        with steps.service():
            steps.traffic()
            steps.kill()
            steps.collect()
        steps.report()


def _missing(program: str) -> list[str]:
    """Which of the packages that the demo needs the interpreter lacks."""
    check = f"from importlib.util import find_spec as find\nprint(*(name for name in {NEEDED} if not find(name)))"
    try:
        told = subprocess.run(
            [program, "-c", check], capture_output=True, text=True, check=True, process_group=_APART
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise UsageError(f"{program} is no Python that runs: {error}") from error
    return told.split()


@contextlib.contextmanager
def _endable() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the demo, once: pressed again, it would leave the service running."""

    def end(*_: object) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, end)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _fresh(folder: Path) -> Path:
    example = Path(__file__).parent.parent / "example"
    unwanted = shutil.ignore_patterns("__pycache__", ".coverage", ".coverage.*")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / MARK).exists():
            raise UsageError(f"{folder} holds other things than a demo", hint="name another folder with -o")
        (folder / MARK).touch()  # first: one that is interrupted on the way is still a demo's
        for left in folder.iterdir():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            elif left.name != MARK:
                left.unlink()
        shutil.copytree(example, folder / "service", ignore=unwanted)
    except OSError as error:
        why = error.strerror or error.args[0][0][-1]  # shutil.Error has a list of (from, to, why)
        raise UsageError(f"cannot write {folder}: {why}", hint="name another folder with -o") from error
    return folder


class _Demo:
    """The steps, in order; `folder` holds service/, bundle/, html/ and the processes' spool."""

    def __init__(self, folder: Path, python: str) -> None:
        self.folder, self.python = folder, python
        self.service_folder = folder / "service"
        self.port, self.agent_port = _free_ports(2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        from covey import instrumentation

        for spool in self.folder.glob("spool/*"):
            instrumentation.stop_helper(spool)
        shutil.rmtree(self.folder / "spool", ignore_errors=True)

    def unit_tests(self) -> None:
        _title("The service's unit tests, under coverage")
        self._shell("coverage run -m pytest -q", [self.python, "-m", "coverage", "run", "-m", "pytest", "-q"])

    @contextlib.contextmanager
    def service(self) -> Iterator[None]:
        from covey import instrumentation

        _title(f"The same service in production style: gunicorn with {WORKERS} workers, recorded by environment alone")
        command = f"-m gunicorn --workers {WORKERS} --bind 127.0.0.1:{self.port} app:app"
        injected = Path(instrumentation.__file__).parent / "python"
        _command(f"COVEY_AGENT=1 PYTHONPATH={_short(injected)} python {command}")
        environment = instrumentation.environment(os.environ) | {
            "COVERAGE_PORT": str(self.agent_port),
            "COVEY_AGENT_SOURCE": str(self.service_folder),
            "COVEY_AGENT_SPOOL": str(self.folder / "spool"),
        }
        with (self.folder / "gunicorn.log").open("wb") as log:
            process = subprocess.Popen(
                [self.python, *command.split()],
                cwd=self.service_folder,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait(process)
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(OSError):
                _ask(f"http://127.0.0.1:{self.port}/status")
                return
            time.sleep(0.05)
        raise ToolError("the service did not start", hint=f"see {self.folder / 'gunicorn.log'}")

    def traffic(self) -> None:
        _title("End-to-end traffic")
        base = f"http://127.0.0.1:{self.port}"
        for _ in range(8):
            _ask(base + "/")
            for quote in QUOTES:
                _ask(base + "/quote", quote)
        for number in ("047003124554", "12"):
            _ask(f"{base}/parcels/{number}")
        _ask(base + "/quote", ABROAD)
        say(f"   {8 * (1 + len(QUOTES)) + 3} requests, answered by whichever worker was free")

    def kill(self) -> None:
        pid = self._only_abroad()
        _title("One worker dies")
        _command(f"kill -9 {pid}")
        os.kill(pid, signal.SIGKILL)
        say("   the only one that ran the customs code: what a killed process had run is not lost")

    def _only_abroad(self) -> int:
        """The worker that answered the one request to abroad: the agent tells what each process ran."""
        capture = json.loads(_ask(f"http://127.0.0.1:{self.agent_port}/covey/1/capture"))
        longest = {
            process["pid"]: len(lines["lines"])
            for process in capture["processes"]
            for path, lines in process["files"].items()
            if path.endswith("customs.py")
        }
        if not longest:
            raise CoveyError("no process is seen to have run customs.py")
        return int(max(longest, key=lambda pid: longest[pid]))

    def collect(self) -> None:
        _title("Collect (in Kubernetes: covey collect -l app=flask-service -n NAMESPACE -o bundle)")
        self._covey("collect", "--url", f"http://127.0.0.1:{self.agent_port}", "--test-name", "demo", "-o", "../bundle")

    def report(self) -> None:
        _title("One report of the unit tests and the running service")
        parts = ("--part", "unit=.coverage", "--part", "e2e=../bundle")
        self._covey("report", *parts)
        self._tell_only()
        _title("The same as HTML")
        self._covey("report", *parts, "--format", "html", "-o", "../html")
        say("")
        say(f"Open {self.folder / 'html' / 'index.html'}")
        covey = "covey" if shutil.which("covey") else _short(Path(sys.executable).parent / "covey")
        bundle, service = (shlex.quote(_short(path)) for path in (self.folder / "bundle", self.service_folder))
        say("Then try:")
        say(f"  {covey} report {bundle} --checkout {service} -m")
        say("      what the traffic alone reached")
        say(f"  {covey} run app.py")
        say("      record a program of your own")
        say(f"  {covey} doctor")
        say("      is this machine ready for your cluster?")

    def _tell_only(self) -> None:
        """What only the traffic reached, line by line."""
        from covey import api
        from covey.model.ranges import to_ranges
        from covey.model.report import lines_of

        parts = {"unit": self.service_folder / ".coverage", "e2e": self.folder / "bundle"}
        slices = api.load(checkout=self.service_folder, parts=parts).slices
        unit, e2e = slices["part:unit"], slices["part:e2e"]
        say("   reached by the end-to-end traffic only:")
        for key, bit_set in sorted(e2e.items(), key=lambda item: item[0][1]):
            only = bit_set & ~unit.get(key, 0)
            if only:
                say(f"      {key[1]:22} {to_ranges(lines_of(only), ', ')}")

    def _covey(self, *arguments: str) -> None:
        self._shell(f"covey {shlex.join(arguments)}", [sys.executable, "-m", "covey", *arguments])

    def _shell(self, shown: str, command: list[str]) -> None:
        _command(shown)
        done = subprocess.run(
            command, cwd=self.service_folder, check=False, process_group=_APART, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            raise ToolError(f"{shown.split(maxsplit=1)[0]} ended with {done.returncode}", hint="what it said is above")


def _title(text: str) -> None:
    say("\n" + click.style(f"== {text}", bold=True))


def _command(text: str) -> None:
    say(click.style(f"   $ {text}", fg="cyan"))


def _short(path: Path) -> str:
    """The path as one would type it here."""
    return os.path.relpath(path) if len(os.path.relpath(path)) < len(str(path)) else str(path)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        found = []
        for _ in range(count):
            held.enter_context(listener := socket.create_server(("127.0.0.1", 0)))
            found.append(int(listener.getsockname()[1]))
        return found


def _ask(url: str, order: dict[str, Any] | None = None) -> bytes:
    """The body of an answer, whatever its status."""
    body = None if order is None else json.dumps(order).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - always loopback
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        return error.read()
