"""`CoverageClient`: the Python API of py-coverage-http, on covey. Only the import line changes.

    from covey.client import CoverageClient

    client = CoverageClient(namespace="default", output_dir="./coverage-output")
    pod = CoverageClient.get_pod_name("default", label_selector="app=my-app")
    client.collect_coverage_from_pod(pod_name=pod, test_name="my-test", coverage_port=9095)
    client.generate_coverage_report("my-test")

What fails raises a CoveyError that says what to do about it. `covey collect` does more: all pods, all containers.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import click

from covey.agents import exchange, legacy
from covey.agents.base import Channel, Identity, Limits, RawCapture
from covey.errors import AgentError, InputError, MissingExtra, NothingCollected, UsageError
from covey.model.provenance import Target

_T = TypeVar("_T")


class CoverageClient:
    """Collects from one pod at a time and makes reports.

    namespace: of the pods. output_dir: where everything is written: `.coverage_<test>` (coverage.py's own data),
    `report_<test>.txt`, `html_<test>/`, `coverage.xml`. agent_token_file: holds the agents' token, where they want one.
    """

    def __init__(
        self, namespace: str = "default", output_dir: str | os.PathLike[str] = "./coverage-output",
        *, agent_token_file: str | os.PathLike[str] | None = None,
    ) -> None:  # fmt: skip
        self.namespace = namespace
        self.output_dir = Path(output_dir)
        self.output_dir.mkdir(parents=True, exist_ok=True)
        self._token = Path(agent_token_file).read_text(encoding="ascii").strip() if agent_token_file else ""

    @staticmethod
    def get_pod_name(namespace: str = "default", label_selector: str = "app=coverage-demo") -> str:
        """The first running pod with these labels; NothingCollected when there is none."""
        names = _run(partial(_running_pods, namespace, label_selector))
        if not names:
            raise NothingCollected(
                f"no running pod in {namespace} has the labels {label_selector}",
                hint=f"kubectl get pods -n {namespace} --show-labels",
            )
        return names[0]

    def collect_coverage_from_pod(
        self, pod_name: str, test_name: str, coverage_port: int = 9095, timeout: float = 30, use_kubectl: bool = True
    ) -> Path:
        """Write `.coverage_<test_name>`, what ran since the last reset, and say where it is.

        timeout: seconds for all of it. use_kubectl: port-forward by kubectl, else by covey itself.
        """
        path = self._data(test_name)
        raw = _run(partial(self._collect, pod_name, test_name, coverage_port, timeout, use_kubectl))
        path.write_bytes(_database(pod_name, raw))
        click.echo(f"Collected the coverage of {pod_name} for {test_name}: {path}")
        return path

    def reset_coverage(
        self, pod_name: str, coverage_port: int = 9095, timeout: float = 30, use_kubectl: bool = True
    ) -> None:
        """Begin anew in the pod; what ran before is no longer in what is collected next."""
        _run(partial(self._reset, pod_name, coverage_port, timeout, use_kubectl))
        click.echo(f"Reset the coverage of {pod_name}")

    def generate_coverage_report(self, test_name: str, source_dir: str = ".", remap_paths: bool = True) -> Path:
        """Write and print the text table. source_dir: the checkout; remap_paths: whether container paths are looked for
        in it. Without that only what ran is known, not what did not."""
        path = self.output_dir / f"report_{_plain(test_name)}.txt"
        self._show(test_name, source_dir, remap_paths, "text", path)
        click.echo(path.read_text(encoding="utf-8"))
        return path

    def generate_html_report(self, test_name: str, source_dir: str = ".", remap_paths: bool = True) -> Path:
        """Write the HTML report; its folder."""
        path = self.output_dir / f"html_{_plain(test_name)}"
        self._show(test_name, source_dir, remap_paths, "html", path)
        click.echo(f"Wrote {path / 'index.html'}")
        return path

    def generate_xml_report(self, test_name: str, source_dir: str = ".", remap_paths: bool = True) -> Path:
        """Write coverage.xml (Cobertura), one name for all tests."""
        path = self.output_dir / "coverage.xml"
        self._show(test_name, source_dir, remap_paths, "cobertura", path)
        click.echo(f"Wrote {path}")
        return path

    def merge_coverage_files(self, test_names: Sequence[str], merged_name: str = "merged") -> Path:
        """Unite what several tests recorded into `.coverage_<merged_name>`, for which reports can be made as well."""
        from covey.formats.coveragedata import Recorded, of_database
        from covey.formats.coverageout import database

        united, path = Recorded(), self._data(merged_name)
        for name in test_names:
            of_database(name, self._existing(name).read_bytes(), united)
        path.write_bytes(database(_lines(united)))
        click.echo(f"Merged {', '.join(test_names)}: {path}")
        return path

    def _data(self, test_name: str) -> Path:
        return self.output_dir / f".coverage_{_plain(test_name)}"

    def _existing(self, test_name: str) -> Path:
        path = self._data(test_name)
        if not path.is_file():
            raise InputError(f"{path} does not exist", hint=f"collect {test_name!r} first")
        return path

    def _show(self, test_name: str, source_dir: str, remap_paths: bool, name: str, out: Path) -> None:
        from covey.flows import merge, show
        from covey.flows.checkout import checkout_sources
        from covey.formats.pyfiles import complete
        from covey.formats.sources import NoSources
        from covey.render.base import Options

        sources = checkout_sources(Path(source_dir)) if remap_paths else NoSources()
        report = merge.load([str(self._existing(test_name))], merge.Reading(sources, "coveragepy"))
        report = complete(report, sources)
        for note in report.notes:
            click.echo(f"note: {note}", err=True)
        show.show(report, name, out, Options(show.CheckoutTexts(sources), title=test_name))

    @asynccontextmanager
    async def _channel(self, pod_name: str, use_kubectl: bool) -> AsyncIterator[Channel]:
        target = Target(pod_name, self.namespace, pod_name)
        async with AsyncExitStack() as ends:
            if use_kubectl:
                from covey.kube.kubectl import KubectlChannel

                yield KubectlChannel(target, (), ends)
                return
            from covey.kube.client import open_cluster
            from covey.kube.tunnel import open_channel

            cluster = await ends.enter_async_context(open_cluster())
            yield await ends.enter_async_context(open_channel(cluster, target))

    async def _collect(self, pod: str, test: str, port: int, seconds: float, use_kubectl: bool) -> RawCapture:
        limits = Limits(seconds=seconds)
        async with self._channel(pod, use_kubectl) as channel:
            health = await exchange.ask(channel, port, "/health", limits, token=self._token)
            if health.status != 200:
                raise AgentError(f"{pod}: port {port} answers {health.status} to /health: {health.text}")
            return await legacy.AGENT.capture(channel, Identity(port, "9095"), self._token, test, limits)

    async def _reset(self, pod: str, port: int, seconds: float, use_kubectl: bool) -> None:
        async with self._channel(pod, use_kubectl) as channel:
            await legacy.AGENT.reset(channel, Identity(port, "9095"), self._token, "", Limits(seconds=seconds))


def _run(work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Run to the end, also where the caller is itself inside an event loop, as asynchronous tests are."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return anyio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(anyio.run, work).result()


async def _running_pods(namespace: str, label_selector: str) -> list[str]:
    try:
        from covey.kube.client import open_cluster

        async with open_cluster() as cluster:
            pods = await cluster.pods(namespace, labels=label_selector)
        return sorted(pod.name for pod in pods if not pod.absent)
    except MissingExtra:  # then kubectl, as the client's own default does
        from covey import tools

        # A pod that is being deleted is still "Running": the second column tells.
        columns = "custom-columns=:metadata.name,:metadata.deletionTimestamp"
        command = ["kubectl", "get", "pods", "-n", namespace, "-l", label_selector, "--no-headers", "-o", columns]
        said = await tools.run([*command, "--field-selector=status.phase=Running"], seconds=30, most=2**20)
        rows = [row.split() for row in said.decode("utf-8", "replace").splitlines()]
        return sorted(row[0] for row in rows if len(row) == 2 and row[1] == "<none>")


def _database(pod: str, raw: RawCapture) -> bytes:
    """An agent's answer as coverage.py's database. Its SQL is read, never run: it comes from outside."""
    from covey.formats.coveragedata import of_database
    from covey.formats.coveragedump import of_dump
    from covey.formats.coverageout import database

    if raw.format != "coveragepy":
        raise AgentError(
            f"the agent in {pod} gives {raw.format}, not Python's coverage", hint="covey collect takes every kind"
        )
    (data,) = raw.files.values()
    return database(_lines(of_dump(pod, data) if data.startswith(b"z") else of_database(pod, data)))


def _lines(recorded: Any) -> dict[str, dict[str, int]]:
    """All files, those of which nothing ran included."""
    return {path: recorded.ran(path) for path in recorded.files}


def _plain(test_name: str) -> str:
    """A test's name as a part of a file's name; UsageError where it would lead elsewhere."""
    if not test_name or "/" in test_name or "\\" in test_name or "\0" in test_name:
        raise UsageError(f"{test_name!r} cannot be a part of a file's name", hint="leave out / and \\")
    return test_name
