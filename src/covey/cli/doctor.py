"""`covey doctor`: what is there, what is missing, and the command or RBAC that mends it."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from covey._version import VERSION
from covey.cli import targets
from covey.cli.output import print_json
from covey.errors import GOOD, REFUSED, CoveyError, UsageError

if TYPE_CHECKING:
    from covey.kube.client import Cluster

State = Literal["ok", "missing", "absent"]
TOOLS = {"git": "commits and changed files", "kubectl": "only for --via kubectl"}
_MARKS = {"ok": ("ok", "green"), "missing": ("MISSING", "red"), "absent": ("-", "yellow")}


@dataclass(frozen=True, slots=True)
class Finding:
    """state: "ok"; "missing" when something asked for is not there; "absent" when nobody asked for it."""

    name: str
    state: State
    what: str
    cure: str = ""


@click.command(
    epilog="\b\nExamples:\n  covey doctor\n  covey doctor -n staging -l app=shop\n  covey doctor --url localhost:9095\n"
)
@targets.which_options
@targets.how_options
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON on stdout.")
def doctor(as_json: bool, **options: Any) -> int:
    """Check access, permissions, agents and tools; say what mends them.

    Can the cluster be reached, may you list pods and forward ports, do the pods that you name answer, which tools are
    here. Changes nothing. Exit code 2 when something that you asked for is missing.
    """
    import anyio

    findings = anyio.run(_examine, options)
    if as_json:
        rows = [{"name": f.name, "state": f.state, "what": f.what, "cure": f.cure} for f in findings]
        print_json({"schema": "covey.doctor/1", "findings": rows})
    else:
        _show(findings)
    return REFUSED if any(finding.state == "missing" for finding in findings) else GOOD


async def _examine(options: dict[str, Any]) -> list[Finding]:
    findings = [Finding("covey", "ok", f"{VERSION}, Python {platform.python_version()}"), *_tools(options["via"])]
    try:
        wanted = targets.wanted(dict(options))
    except UsageError:
        wanted = None  # no pods are asked for: only the way to the cluster is looked at
    asked = wanted is None or wanted.query is not None
    if asked:
        named = bool(wanted or options["kubeconfig"] or options["context"] or options["namespace"])
        findings += await _cluster(options, wanted, named)
    elif wanted is not None:
        findings += await _agents(wanted, options, None)
    return findings


def _tools(via: str) -> list[Finding]:
    found = []
    for name, what in TOOLS.items():
        path = shutil.which(name)
        asked = name == via
        state: State = "ok" if path else "missing" if asked else "absent"
        found.append(Finding(name, state, path or f"not on PATH ({what})", "" if path else f"install {name}"))
    return found


async def _cluster(options: dict[str, Any], wanted: targets.Wanted | None, asked: bool) -> list[Finding]:
    from covey.kube import access
    from covey.kube.client import open_cluster

    try:
        async with open_cluster(options["kubeconfig"], options["context"]) as cluster:
            flat = tuple(one for names in options["namespace"] for one in names)
            everywhere = wanted.query.all_namespaces if wanted and wanted.query else options["all_namespaces"]
            seen = await access.check(
                cluster,
                flat,
                all_namespaces=everywhere,
                workloads=bool(wanted and wanted.query and wanted.query.workloads),
            )
            findings = _access(seen)
            if wanted is not None and not seen.missing:
                findings += await _agents(wanted, options, cluster)
            return findings
    except CoveyError as error:
        return [Finding("cluster", "missing" if asked else "absent", error.what, error.hint)]


def _access(seen: Any) -> list[Finding]:
    findings = [Finding("cluster", "ok", f"{seen.server} ({seen.version}) as {seen.user or 'an unnamed user'}")]
    for check in seen.checks:
        state: State = "ok" if check.allowed else "absent" if check.permission.optional else "missing"
        findings.append(Finding(f"may {check.permission}", state, check.why))
    if seen.missing:
        findings.append(Finding("RBAC", "missing", "somebody who may has to apply this:", seen.cure))
    return findings


async def _agents(wanted: targets.Wanted, options: dict[str, Any], cluster: Cluster | None) -> list[Finding]:
    """Whether each pod that was asked for answers."""
    from covey.flows.probe import probe

    found = await targets.find(wanted, cluster)
    if not found.targets:
        near = bool(found.near_misses or found.skipped)
        cure = "covey discover with the same flags shows why" if near else targets.where_to_look(found)
        return [Finding("pods", "missing", wanted.none, cure)]
    answered = await probe(found.targets, targets.how(options, cluster))
    findings = [
        Finding(
            f"agent in {target.name}",
            "ok",
            " ".join(filter(None, (who.agent or "an agent", who.language_version)))
            + f" on port {who.port}, protocol {who.protocol}",
        )
        for target, who in answered.agents
    ]
    return findings + [
        Finding(f"agent in {one.target}", "missing", one.what, one.hint)
        for one in (*found.failures, *answered.failures)
    ]


def _show(findings: list[Finding]) -> None:
    for finding in findings:
        mark, colour = _MARKS[finding.state]
        click.echo(f"{click.style(f'{mark:8}', fg=colour)}{finding.name}: {finding.what}")
        if finding.cure:
            click.echo("\n".join(f"          {line}" for line in finding.cure.splitlines()))
