"""Every error that covey raises on purpose: a slug (its heading in docs/reference/errors.md), a cure, an exit code.

    CoveyError                      70  a bug unless a subclass says otherwise
    ├── UsageError                   2  the command line or a setting asks for what cannot be
    │   ├── ConfigError              2  a configuration file or variable is wrong
    │   └── MissingExtra             2  an optional part of covey is not installed
    ├── InputError                   2  something handed in cannot be used
    │   ├── FormatError              2  a file is not what its format says; has path, line or offset
    │   ├── BundleError              2  a folder is not a bundle, or its manifest is damaged
    │   ├── DuplicateSource          2  two inputs hold the same capture with different content
    │   └── SourceMismatch           2  two inputs describe different versions of one source
    ├── NothingCollected             3  no target matched, or none gave anything
    ├── RemoteError                  4  a cluster, registry or service failed or refused
    │   ├── ClusterError             4  the Kubernetes API
    │   │   └── ClusterDenied        4  the Kubernetes API refuses: a permission is missing
    │   └── AgentError               4  an agent in a pod; one target's trouble, never the others'
    │       ├── AgentTimeout         4  it did not answer within its deadline
    │       ├── AgentDenied          4  it wants a token, or another one
    │       ├── AgentGarbled         4  its answer breaks the protocol or a bound
    │       ├── NoAgent              4  nothing speaks for coverage there
    │       └── PodGone              4  the pod was deleted before it was collected
    └── ToolError                    4  a program that covey runs failed or is missing

Exit codes of more than one cause: the first of 70, 130, 2, 5, 1, 3, 4, 6 is given (`worst`).
"""

from __future__ import annotations

from collections.abc import Iterable

GOOD, TOO_LOW, REFUSED, NOTHING, REMOTE, TESTS_FAILED, PARTIAL, BUG, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 70, 130
_PRECEDENCE = (BUG, INTERRUPTED, REFUSED, TESTS_FAILED, TOO_LOW, NOTHING, REMOTE, PARTIAL)


def worst(codes: Iterable[int]) -> int:
    """The exit code to give when several apply; 0 when none does."""
    given = set(codes)
    return next((code for code in _PRECEDENCE if code in given), GOOD)


class CoveyError(Exception):
    """`what` went wrong and where, in one sentence; `hint` says what to do about it, or is empty."""

    slug = "bug"
    exit_code = BUG

    def __init__(self, what: str, *, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class UsageError(CoveyError):
    slug = "usage"
    exit_code = REFUSED


class ConfigError(UsageError):
    slug = "config"


class MissingExtra(UsageError):
    """An optional part is not installed; the hint names the command that installs it."""

    slug = "missing-extra"

    def __init__(self, extra: str, why: str) -> None:
        super().__init__(
            f"{why} needs covey's {extra!r} extra, which is not installed", hint=f"pip install 'covey[{extra}]'"
        )


class InputError(CoveyError):
    slug = "input"
    exit_code = REFUSED


class FormatError(InputError):
    """A file that its format cannot read. `path` as given, `line` (1-based) or `offset` (bytes) where known."""

    slug = "format"

    def __init__(
        self, what: str, *, path: str = "", line: int | None = None, offset: int | None = None, hint: str = ""
    ) -> None:
        where = f":{line}" if line is not None else f" at byte {offset}" if offset is not None else ""
        super().__init__(f"{path}{where}: {what}" if path or where else what, hint=hint)
        self.path, self.line, self.offset = path, line, offset


class BundleError(InputError):
    slug = "bundle"


class DuplicateSource(InputError):
    slug = "duplicate-source"


class SourceMismatch(InputError):
    slug = "source-mismatch"


class NothingCollected(CoveyError):
    slug = "nothing-collected"
    exit_code = NOTHING


class RemoteError(CoveyError):
    slug = "remote"
    exit_code = REMOTE


class ClusterError(RemoteError):
    slug = "cluster"


class ClusterDenied(ClusterError):
    slug = "cluster-denied"


class AgentError(RemoteError):
    slug = "agent"


class AgentTimeout(AgentError):
    slug = "agent-timeout"


class AgentDenied(AgentError):
    slug = "agent-denied"


class AgentGarbled(AgentError):
    slug = "agent-garbled"


class NoAgent(AgentError):
    slug = "no-agent"


class PodGone(AgentError):
    slug = "pod-gone"


class ToolError(CoveyError):
    slug = "tool"
    exit_code = REMOTE
