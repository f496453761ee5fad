"""The options that say which pods and agents are meant, shared by collect, discover and reset."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from covey.cli.output import FilePath
from covey.errors import UsageError
from covey.patience import read_small

if TYPE_CHECKING:
    from covey.flows.pods import How
    from covey.flows.snapshot import Component
    from covey.kube.client import Cluster
    from covey.kube.discover import Discovery, Query
    from covey.model.provenance import Target

Command = TypeVar("Command", bound=Callable[..., Any])
TOKEN_LIMIT = 65536  # bytes of a token's file


class Duration(click.ParamType[float]):
    """Seconds, also written as Go does: 90, 90s, 2m, 1m30s."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        import re

        text = str(value)
        found = re.fullmatch(r"(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,8}(?:\.\d{1,3})?)s?)?", text)
        hours, minutes, seconds = (float(part or 0) for part in found.groups()) if found else (0.0, 0.0, 0.0)
        total = hours * 3600 + minutes * 60 + seconds
        if not found or not 0 < total <= 86400:
            self.fail(f"{text!r} is not a time between 0 and 24 h, such as 90, 90s or 2m", param, ctx)
        return total


class Several(click.ParamType[tuple[str, ...]]):
    """One value or several with commas between, as coverport takes them."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        del param, ctx
        if isinstance(value, tuple):
            return value
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


class Address(click.ParamType[str]):
    """An agent's address. A name and password in it are of no use to an agent, and would be shown and written down."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        del param, ctx
        before, at, after = str(value).rpartition("@")  # unlike in a repository's, none can be part of the path
        scheme, separator, _ = before.partition("://")
        return f"{scheme}{separator}{after}" if at and separator else after


_WHICH = (
    click.argument("workloads", nargs=-1, metavar="[WORKLOAD]..."),
    click.option("-l", "--label-selector", default="", metavar="SELECTOR", help="Pods with these labels, as app=shop."),
    click.option("--pods", multiple=True, type=Several(), metavar="NAME,...", help="Pods by name."),
    click.option(
        "--images", multiple=True, type=Several(), metavar="IMAGE,...", help="Containers that run these images."
    ),
    click.option("--snapshot", default="", metavar="JSON", help="A snapshot whose images are meant."),
    click.option("--snapshot-file", type=FilePath(dir_okay=False), help="The same, read from a file."),
    click.option(
        "--match",
        type=click.Choice(["exact", "repository"]),
        default="exact",
        show_default=True,
        help="With images: the version asked for, or any of the repository.",
    ),
    click.option("-n", "--namespace", multiple=True, type=Several(), help="Namespace; the context's by default."),
    click.option("-A", "--all-namespaces", is_flag=True, help="All but the system's; so with images, without -n."),
    click.option("--container", multiple=True, type=Several(), help="Only containers of this name."),
    click.option("--kubeconfig", default="", metavar="FILE", help="Instead of KUBECONFIG."),
    click.option("--context", default="", help="Context of the kubeconfig."),
)
_HOW = (
    click.option(
        "--url", multiple=True, type=Address(), metavar="HOST:PORT", help="An agent by its address, without Kubernetes."
    ),
    click.option(
        "--port",
        type=click.IntRange(1, 65535),
        default=9095,
        show_default=True,
        help="Asked first; its neighbours and the other agents' ports follow.",
    ),
    click.option(
        "--via",
        type=click.Choice(["native", "kubectl"]),
        default="native",
        show_default=True,
        help="Port-forward by covey itself, or by kubectl.",
    ),
    click.option("--agent-token-file", type=FilePath(), metavar="FILE", help="Holds the agents' token."),
    click.option(
        "--timeout", type=Duration(), default="120s", show_default=True, help="For everything, as 90, 90s, 2m."
    ),
    click.option(
        "--pod-timeout", type=Duration(), default="30s", show_default=True, help="For one pod, as 90, 90s, 2m."
    ),
    click.option(
        "--concurrency", type=click.IntRange(1, 512), default=32, show_default=True, help="Pods asked at once."
    ),
)


def which_options(command: Command) -> Command:
    """Which pods."""
    for option in reversed(_WHICH):
        command = option(command)
    return command


def how_options(command: Command) -> Command:
    """How agents in them are reached."""
    for option in reversed(_HOW):
        command = option(command)
    return command


@dataclass(frozen=True)
class Wanted:
    """query is None when only addresses are named. components: of a snapshot."""

    query: Query | None
    urls: tuple[str, ...]
    components: tuple[Component, ...]
    kubeconfig: str
    context: str

    @property
    def words(self) -> str:
        """What was asked for, as people wrote it."""
        if self.query is None:
            return ", ".join(self.urls)
        asked = (self.query.label_selector, *self.query.pods, *self.query.workloads, *self.query.images)
        where = "all namespaces" if self.query.all_namespaces else self.namespace or "the context's namespace"
        return f"{', '.join(part for part in asked if part)} in {where}"

    @property
    def namespace(self) -> str:
        return ",".join(self.query.namespaces) if self.query else ""

    @property
    def none(self) -> str:
        """What to say when it matches nothing: "no running pod matches app=shop in staging"."""
        if self.query is None:
            return "no address is named"
        query = self.query
        asked = (query.label_selector, *query.pods, *query.workloads, *query.images)
        which = ", ".join(name for name in asked if name)
        places = "any namespace" if query.all_namespaces else self.namespace.replace(",", ", ")
        return f"no running pod matches {which} in {places or 'the namespace of the context'}"


def wanted(options: dict[str, Any]) -> Wanted:
    """Takes what `which_options` and --url gave out of `options`. UsageError when nothing is named."""
    from covey.flows import snapshot
    from covey.kube.discover import Query

    text, file = options.pop("snapshot"), options.pop("snapshot_file")
    if text and file:
        raise UsageError("--snapshot and --snapshot-file are two of one thing", hint="give one of them")
    components = snapshot.parse(text or _read(file, snapshot.LIMIT)) if text or file else ()
    images = _flat(options.pop("images")) + tuple(dict.fromkeys(one.image for one in components))
    namespaces = _flat(options.pop("namespace"))
    everywhere = options.pop("all_namespaces")
    query = Query(
        namespaces=namespaces,
        all_namespaces=everywhere or (bool(images) and not namespaces),
        label_selector=options.pop("label_selector"),
        pods=_flat(options.pop("pods")),
        workloads=options.pop("workloads"),
        images=images,
        match=options.pop("match"),
        containers=_flat(options.pop("container")),
    )
    ways = ["-l app=shop", "--pods", "--images", "deploy/shop", *(["--url"] if "url" in options else [])]
    urls = options.pop("url", ())
    named = query.label_selector or query.pods or query.workloads or query.images
    if not named and not urls:
        hint = f"name them: {', '.join(ways[:-1])} or {ways[-1]}"
        raise UsageError("nothing says which pods are meant", hint=hint)
    return Wanted(query if named else None, urls, components, options.pop("kubeconfig"), options.pop("context"))


def _flat(values: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for value in values for part in value))


def _read(file: Path, limit: int) -> str:
    try:
        return read_small(file, limit).decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error


@asynccontextmanager
async def reach(wanted: Wanted) -> AsyncIterator[Cluster | None]:
    """The cluster, when one is needed."""
    if wanted.query is None:
        yield None
        return
    from covey.kube.client import open_cluster

    async with open_cluster(wanted.kubeconfig, wanted.context) as cluster:
        yield cluster


async def find(wanted: Wanted, cluster: Cluster | None) -> Discovery:
    """What is there now. Components of a snapshot keep the names it gives them."""
    from covey.flows.pods import address
    from covey.flows.snapshot import component_of
    from covey.kube.discover import Discovery, discover
    from covey.model.provenance import Target

    found = Discovery()
    if wanted.query is not None:
        assert cluster is not None
        found = await discover(cluster, wanted.query)
    targets = []
    for target in found.targets:
        component = component_of(target, wanted.components)
        targets.append(replace(target, component=component.name) if component and component.name else target)
    for url in wanted.urls:
        host, port = address(url)
        targets.append(Target(f"{host}:{port}", url=url))
    return replace(found, targets=tuple(targets))


def where_to_look(found: Discovery) -> str:
    """What mends a search that found nothing; collect and discover have shown by then what came near."""
    if found.near_misses or found.skipped:
        return "see the near misses and what was skipped"
    return "is it the right namespace (-n, or -A for all)? `kubectl get pods --show-labels` shows what runs there"


def how(options: dict[str, Any], cluster: Cluster | None) -> How:
    """How to reach agents, as `how_options` say."""
    from functools import partial

    from covey import plugins
    from covey.agents.base import Limits
    from covey.flows.pods import How
    from covey.kube.tunnel import open_channel

    def channels(target: Target) -> Any:
        return open_channel(cluster, target, options["via"])

    seconds = min(options["pod_timeout"], options["timeout"])
    return How(
        agents=[plugins.load("agents", name) for name in ("python", "legacy")]
        + [plugins.load("agents", plugin.name) for plugin in plugins.others("agents")],
        channels=partial(channels),
        port=options["port"],
        token=_token(options["agent_token_file"]),
        limits=Limits(seconds=seconds),
        concurrency=options["concurrency"],
        timeout=options["timeout"],
    )


def _token(file: Path | None) -> str:
    if file is None:
        return ""
    token = _read(file, TOKEN_LIMIT).strip()
    if not token or not token.isascii() or not token.isprintable() or len(token) > TOKEN_LIMIT:
        raise UsageError(f"{file} holds no token", hint="it must be one line of printable characters")
    return token


def origins(wanted: Wanted, found: Discovery) -> dict[str, tuple[str, str]]:
    """Repository and commit of each target that runs a component of the snapshot."""
    from covey.flows.snapshot import component_of

    known = {target.name: component_of(target, wanted.components) for target in found.targets}
    return {name: (one.repository, one.commit) for name, one in known.items() if one}
