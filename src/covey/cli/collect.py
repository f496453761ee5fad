"""Verbs that talk to running agents: collect, discover, reset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from covey.cli import targets
from covey.cli.collection import Run, bar, stoppable
from covey.cli.output import FilePath, print_json, warn
from covey.errors import GOOD, INTERRUPTED, PARTIAL, REMOTE, NothingCollected, RemoteError

if TYPE_CHECKING:
    from covey.flows.pods import How
    from covey.flows.reset import WasReset
    from covey.kube.discover import Discovery

# coverport's flags that say what happens to reports, which are other verbs here.
COVERPORT = (
    ("source-dir", "covey report reads the sources: --checkout"),
    ("remap-paths", "covey report maps paths by itself, and by --map"),
    ("filters", "covey report leaves out what the coverage configuration omits"),
    ("auto-process", "covey report makes reports from the bundle"),
    ("skip-generate", "collect makes no reports"),
    ("skip-filter", "collect filters nothing"),
    ("push", "nothing is pushed; the bundle is a plain folder that any client can push"),
    ("registry", "nothing is pushed"),
    ("repository", "nothing is pushed"),
    ("tag", "nothing is pushed"),
    ("expires-after", "nothing is pushed"),
    ("artifact-title", "nothing is pushed"),
)


class _WithCommand(click.Command):
    """A verb that takes a command of the user's after "--"."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        ctx.meta["covey.command"] = tuple(args[at + 1 :])
        if at + 1 == len(args):
            raise click.UsageError("there is no command after --", ctx)
        return super().parse_args(ctx, args[:at])


def _coverport_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, _ in COVERPORT:
        command = click.option(f"--{name}", is_flag=False, flag_value="true", default=None, hidden=True)(command)
    return command


@click.command(
    cls=_WithCommand,
    epilog="""\b
Examples:
  covey collect -l app=shop -n staging -o bundle
  covey collect --images quay.io/org/shop:v1 --test-name e2e
  covey collect deploy/shop sts/cart --json
  covey collect --url localhost:9095
  covey collect -l app=shop --test-name login -- pytest tests/e2e
Exit codes: 0 all, 3 nothing, 4 the cluster failed, 6 only a part, 130 interrupted.
coverport's flags are accepted; one without effect here says so.
""",
)
@targets.which_options
@targets.how_options
@click.option(
    "-o", "--output", type=FilePath(file_okay=False), default="coverage-output", show_default=True,
    help="The bundle's folder. One that was interrupted is gone on with.",
)  # fmt: skip
@click.option("--test-name", default="", metavar="NAME", help="What ran; covey-<time> by default.")
@click.option("--soft", is_flag=True, help="Exit with 0 also when only a part was collected or the cluster failed.")
@click.option("--json", "as_json", is_flag=True, help="Print what was collected as JSON on stdout.")
@_coverport_flags
@click.pass_context
def collect(ctx: click.Context, /, output: Path, test_name: str, soft: bool, as_json: bool, **options: Any) -> int:
    """Bring the coverage of running pods home as a bundle.

    Every agent of every container is asked, nothing is stopped or restarted. WORKLOAD is as deploy/shop. With a COMMAND
    after --, a window is put around it: reset, run it, collect what ran meanwhile. What ran before, as imports and
    definitions do when a program starts, is then not in the bundle; without a COMMAND everything is.
    """
    for name, why in COVERPORT:
        if options.pop(name.replace("-", "_")) is not None:
            warn(f"--{name} has no effect here: {why}")
    run = Run(targets.wanted(options), options, output, test_name, as_json)
    code = GOOD
    try:
        with stoppable():
            command = ctx.meta["covey.command"]
            code = run.around(command) if command else run.once()
    except KeyboardInterrupt:
        run.show_interrupted()
        return INTERRUPTED
    except RemoteError as error:
        if not soft:
            raise
        warn(f"{error.what} (exit code 0 because of --soft)")
        return GOOD
    if soft and code in (PARTIAL, REMOTE):
        warn("only a part was collected (exit code 0 because of --soft)")
        return GOOD
    return code


@click.command(
    epilog="\b\nExamples:\n  covey discover -l app=shop -A\n  covey discover --images quay.io/org/shop:v1 --json\n"
)
@targets.which_options
@click.option("--json", "as_json", is_flag=True, help="Print the targets as JSON on stdout.")
def discover(as_json: bool, **options: Any) -> int:
    """List the pods that collect would ask, without touching them.

    Say which: by label, name, image or workload. Without -n or -A the context's namespace is looked at; with images
    all but the system's, which are kube-system, kube-public, kube-node-lease and openshift-*.
    """
    import anyio

    from covey.cli import summary

    wanted = targets.wanted(options)

    async def look() -> Discovery:
        async with targets.reach(wanted) as cluster:
            return await targets.find(wanted, cluster)

    found = anyio.run(look)
    if as_json:
        print_json(summary.discovery_json(found))
    summary.show_discovery(found)
    if not found.targets:
        raise NothingCollected(wanted.none, hint=targets.where_to_look(found))
    return PARTIAL if found.failures else GOOD


@click.command(
    epilog="\b\nExamples:\n  covey reset -l app=shop --test-name login\n  covey reset --url localhost:9095\n"
)
@targets.which_options
@targets.how_options
@click.option("--test-name", default="", metavar="NAME", help="Name of the window that this closes.")
@click.option("--soft", is_flag=True, help="Exit with 0 also when only some could be reset.")
@click.option("--json", "as_json", is_flag=True, help="Print what was reset as JSON on stdout.")
def reset(test_name: str, soft: bool, as_json: bool, **options: Any) -> int:
    """Begin a new window in running agents; nothing is lost, the old one is kept where the agent can."""
    from dataclasses import replace

    import anyio

    from covey.cli import summary
    from covey.flows.reset import reset as flow

    wanted = targets.wanted(options)

    async def work() -> tuple[Discovery, WasReset]:
        async with targets.reach(wanted) as cluster:
            found = await targets.find(wanted, cluster)
            how: How = targets.how(options, cluster)
            with bar() as tell:
                done = await flow(found.targets, how, test_name, tell)
        return found, replace(done, failures=(*found.failures, *done.failures))

    found, done = anyio.run(work)
    if as_json:
        print_json(summary.reset_json(done))
    summary.show_reset(done, found)
    if not done.done:
        why = next((failure.what for failure in done.failures), wanted.none)
        raise NothingCollected(f"nothing was reset: {why}", hint="covey discover shows what is there")
    return PARTIAL if done.failures and not soft else GOOD
