"""Of which commits the inputs are, and which of them may be merged: one rule for captures and for reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from covey.errors import CoveyError, InputError, SourceMismatch
from covey.flows import inputs
from covey.formats.base import Input
from covey.model.provenance import Provenance
from covey.model.telling import some


@dataclass
class Commits:
    """The rule, for each repository by itself: inputs of one commit are merged, whichever that is. Of several, those
    of the one that `picked` begins are merged, and the others are left out, which a note says; without `picked` they
    are refused. Inputs that do not tell are taken to be of the same as the others.

    So what is known of a repository has to be told before the first is asked for; `look` does so where one is picked.
    """

    picked: str = ""
    _known: dict[str, dict[str, str]] = field(default_factory=dict)  # repository -> commit -> who tells it first
    _taken: dict[str, str] = field(default_factory=dict)
    _silent: set[str] = field(default_factory=set)
    _left: dict[str, dict[str, None]] = field(default_factory=dict)  # commit -> inputs

    def tell(self, source: Provenance, called: str = "") -> None:
        """called: the input, as the user knows it; by its source otherwise."""
        if source.commit:
            self._known.setdefault(source.repository, {}).setdefault(source.commit, called or _called(source))

    def takes(self, source: Provenance, called: str = "") -> bool:
        """Whether it may be merged; SourceMismatch where several commits may be meant."""
        if not source.commit:
            if source.capture:
                self._silent.add(source.repository)
            return True
        self.tell(source, called)
        known = self._known[source.repository]
        meant = {commit: one for commit, one in known.items() if commit.startswith(self.picked)}
        if not meant and len(known) == 1:
            meant = known
        if source.commit not in meant:
            self._left.setdefault(source.commit, {})[called or _called(source)] = None
            return False
        if len(meant) > 1 or self._taken.setdefault(source.repository, source.commit) != source.commit:
            told = [f"{one} from {commit}" for commit, one in sorted(known.items())]
            raise SourceMismatch(
                f"inputs of {source.repository or 'one repository'} come from several commits: {some(told)}",
                hint="pick one with --commit",
            )
        return True

    def check(self, nothing: bool) -> None:
        """InputError where no input is of the commit that was picked. nothing: whether none was merged."""
        told = sorted({commit for known in self._known.values() for commit in known})
        none_is = not any(commit.startswith(self.picked) for commit in told)
        if told and (none_is or (nothing and self._left)):
            raise InputError(f"no input is of commit {self.picked}; there are: {some(told)}")

    def notes(self) -> Iterator[str]:
        if self.picked and not self._known:
            yield f"--commit {self.picked} has no effect: no input tells of which commit it is"
        for commit, left in self._left.items():
            yield f"left out: {some(list(left))} {'is' if len(left) == 1 else 'are'} of commit {commit}"
        if self._silent & self._taken.keys():
            yield "some captures do not tell their commit; they are taken to be of the same as the others"


def look(names: Iterable[str], commits: Commits, recognise: inputs.Recognise) -> None:
    """Tell of the commits of all inputs that know them, without their figures. What cannot be read is passed over:
    reading it will say so. Streams are kept, for they can be read once."""
    for name in inputs.with_inner_bundles(names):
        if inputs.is_stream(name):
            recognise.streams[name] = one = inputs.files(name, recognise, {})[0]
            _look_into(one, commits, recognise)
            continue
        with suppress(CoveyError, OSError):
            if inputs.is_bundle(name):
                from covey.model.bundle import Bundle

                for capture in Bundle.open(Path(name)).captures:
                    commits.tell(capture.provenance(""))
                continue
            for file in inputs.files(name, recognise, {}):
                _look_into(file, commits, recognise)


def _look_into(file: Input, commits: Commits, recognise: inputs.Recognise) -> None:
    with suppress(CoveyError, OSError):
        for source in recognise.of(file).origins(file):
            commits.tell(source, file.name)


def _called(source: Provenance) -> str:
    return source.path or source.pod or source.component or "an input"
