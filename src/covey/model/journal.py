"""How a bundle grows: journal first, manifest last, so that whatever moment the collector dies at, it can go on.

`journal.jsonl` is append-only, one JSON object a line, on the disk before anything depends on it:

    {"run": {"schema": "covey.journal/1", "test_name": ..., "started": ..., "collection_params": {...}}}
    {"capture": {...}, "replaces": ["component/namespace/pod/container/0"]}      an entry of the manifest
    {"failure": {"target": ..., "reason": ..., "what": ..., "hint": ...}}

A capture's files are written into `<n>.new`, then the line is appended: that is the moment from which the capture
counts. Then `<n>.new` becomes `<n>`, which resuming does as well when it finds the line but not the folder.

While there is a manifest, it says what is in the bundle. To go on with a finished bundle, the journal is written anew
from it under another name and put in place, and only then is the manifest taken away: at each moment one has it all.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from covey.errors import BundleError
from covey.model import bundle, disk, manifest
from covey.model.manifest import Capture, Failure, Manifest, StoredFile
from covey.model.outside import Table, parse

SCHEMA = "covey.journal/1"
LIMIT = 256 * 2**20  # bytes of a journal
_TOLD = 2  # times: the manifest is indented


class Journal:
    """The one writer of a bundle. Not for several threads at once. `test`: the name it has, given or taken over;
    `notes`: for people."""

    def __init__(self, folder: Path, stream: BinaryIO) -> None:
        self.folder, self._stream = folder, stream
        self.test = ""
        self.notes: tuple[str, ...] = ()
        self.params: dict[str, Any] = {}
        self._captures: dict[str, Capture] = {}
        self._told = 0  # bytes that tell of them, about
        self._failures: list[Failure] = []  # of the present run
        self._earlier: list[Failure] = []
        self._now: set[str] = set()  # targets of the present run

    @classmethod
    def begin(cls, folder: Path, test: str, params: Mapping[str, Any], otherwise: str) -> Journal:
        """Start a bundle in a folder, or go on with the one that is in it, finished or not.

        test: its name, "" to take the name of what is there, or `otherwise`. BundleError when the folder holds a bundle
        of another test, another collector is writing to it, or its metadata.json is not ours.
        """
        _spare_strangers(folder)
        folder.mkdir(parents=True, exist_ok=True)
        mixed = any(folder.iterdir()) and not (folder / bundle.JOURNAL).exists() and not bundle.Bundle.is_one(folder)
        stream = disk.opened(folder / bundle.JOURNAL)
        journal = cls(folder, stream)
        if mixed:
            journal.notes = (f"{folder} holds other files, which are passed over from now on: it is a bundle",)
        try:
            if not disk.lock(stream, folder / bundle.JOURNAL):
                journal.notes += (f"{folder} is on a file system without locks: let no other covey collect into it",)
            journal._start(test, params, otherwise)
        except BaseException:
            journal.close()
            raise
        return journal

    def _start(self, test: str, params: Mapping[str, Any], otherwise: str) -> None:
        done = self._finished()
        if done:
            self._take_over(done)
        else:
            self._read()
        if test and self.test and test != self.test:
            raise BundleError(
                f"{self.folder} holds the bundle of test {self.test!r}, not of {test!r}",
                hint="choose another -o: a bundle is of one test, and covey merge joins several",
            )
        if done:
            self._rewrite(done)
        self.test, self.params = self.test or test or otherwise, dict(params)
        self._next_run()
        self._append(_run(self.test, datetime.now(UTC), self.params))
        (self.folder / bundle.MANIFEST).unlink(missing_ok=True)
        disk.sync_folder(self.folder)  # a manifest that came back would stand for less than the journal has

    @property
    def captures(self) -> tuple[Capture, ...]:
        """What is in the bundle so far."""
        return tuple(self._captures.values())

    def add(self, capture: Capture, files: Mapping[str, bytes]) -> Capture:
        """Store one agent's files; the capture with its folder and digests. It replaces what it is a later state of.

        files: plain name -> content; a name that is not plain is a ValueError, for names are made here, never received.
        """
        old = [one.directory for one in self._captures.values() if _is_later_state(capture, one)]
        directory = old[0] if old else self._free(bundle.place_of(capture.target))
        self._check_room(capture, old)
        entry = replace(capture, directory=directory, files=self._store(directory + ".new", files))
        self._append({"capture": manifest.capture_to_json(entry), "replaces": old})
        self._take_in(entry, old)
        self._settle(directory)
        for other in old[1:]:
            shutil.rmtree(self.folder / other, ignore_errors=True)
        return entry

    def fail(self, failure: Failure) -> None:
        """Record a target's failure; one of an earlier run counts no longer once this run has dealt with the target."""
        self._append({"failure": manifest.failure_to_json(failure)})
        self._take_failure(failure)

    def finish(self) -> Manifest:
        """Write the manifest, all or nothing, and close. From then on the folder is a bundle."""
        failures = dict.fromkeys([one for one in self._earlier if one.target not in self._now] + self._failures)
        done = Manifest(self.test, datetime.now(UTC), self.captures, tuple(failures), self.params)
        fresh = self.folder / (bundle.MANIFEST + ".new")
        disk.write(fresh, done.to_bytes())
        fresh.replace(self.folder / bundle.MANIFEST)
        disk.sync_folder(self.folder)
        self._stream.close()
        return done

    def close(self) -> None:
        """Stop without a manifest; the same folder can be gone on with."""
        self._stream.close()

    def _check_room(self, capture: Capture, replaces: Sequence[str]) -> None:
        """BundleError when the manifest would become larger than one that is read: then nothing could be read."""
        freed = sum(_size(self._captures[directory]) for directory in replaces)
        if _TOLD * (self._told - freed + _size(capture)) > manifest.LIMIT:
            raise BundleError(
                f"with this capture of {len(capture.processes)} processes the bundle would have too many for one",
                hint="collect it into a folder of its own",
            )

    def _append(self, *lines: Mapping[str, Any]) -> None:
        for line in lines:
            self._stream.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def _free(self, place: str) -> str:
        number = 0
        while f"{place}/{number}" in self._captures or (self.folder / f"{place}/{number}").exists():
            number += 1
        return f"{place}/{number}"

    def _store(self, directory: str, files: Mapping[str, bytes]) -> tuple[StoredFile, ...]:
        into = bundle.walk(self.folder, directory)
        if into.exists():
            shutil.rmtree(into)
        into.mkdir(parents=True)
        stored = []
        for name, data in files.items():
            if not manifest.is_plain(name):
                raise ValueError(f"not a plain file name: {name!r}")
            disk.write(into / name, data)
            stored.append(StoredFile(name, len(data), hashlib.sha256(data).hexdigest()))
        disk.sync_folder(into)
        return tuple(stored)

    def _settle(self, directory: str) -> None:
        fresh, final = self.folder / (directory + ".new"), bundle.walk(self.folder, directory)
        if final.exists():
            shutil.rmtree(final)
        fresh.rename(final)

    def _take_in(self, entry: Capture, replaces: Sequence[str]) -> None:
        for directory in {*replaces, entry.directory} & self._captures.keys():
            self._told -= _size(self._captures.pop(directory))
        self._captures[entry.directory] = entry
        self._told += _size(entry)
        self._now.add(entry.target.name)

    def _take_failure(self, failure: Failure) -> None:
        self._failures.append(failure)
        self._now.add(failure.target)

    def _next_run(self) -> None:
        self._earlier, self._failures, self._now = self._earlier + self._failures, [], set()

    def _finished(self) -> Manifest | None:
        """The manifest of a finished bundle. One that was damaged is None where there is a journal to go by."""
        if not bundle.Bundle.is_one(self.folder):
            return None
        try:
            done = bundle.manifest_of(self.folder)
        except BundleError:
            if os.fstat(self._stream.fileno()).st_size:
                return None
            raise
        if done.foreign:
            raise BundleError(f"{self.folder} holds a collection of coverport", hint="choose another -o")
        return done

    def _take_over(self, done: Manifest) -> None:
        self.test = done.test
        self._failures = list(done.failures)
        for capture in done.captures:
            self._take_in(capture, ())
        for capture in self.captures:
            self._repair(capture)

    def _rewrite(self, done: Manifest) -> None:
        """Put a journal of what was taken over in the place of the one that is there. It is locked before it has the
        name that others lock."""
        fresh = self.folder / (bundle.JOURNAL + ".new")
        with self._stream:
            self._stream = disk.opened(fresh)
            disk.lock(self._stream, fresh)
            self._stream.truncate(0)
            self._append(
                _run(done.test, done.collected_at, done.params),
                *({"capture": manifest.capture_to_json(capture)} for capture in self.captures),
                *({"failure": manifest.failure_to_json(failure)} for failure in self._failures),
            )
            fresh.replace(self.folder / bundle.JOURNAL)
            disk.sync_folder(self.folder)

    def _read(self) -> None:
        """Take in what the journal has. A last line that was cut off is taken away."""
        self._stream.seek(0)
        data = self._stream.read(LIMIT + 1)
        if len(data) > LIMIT:
            raise BundleError(f"{self.folder / bundle.JOURNAL} is larger than {LIMIT} bytes")
        lines = data.splitlines(keepends=True)
        good = 0
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                break
            try:
                self._take_line(Table(parse(line)))
            except BundleError as error:
                if number < len(lines):
                    where = f"{self.folder / bundle.JOURNAL}:{number}"
                    raise BundleError(f"{where}: {error.what}", hint="choose another -o") from error
                break
            good += len(line)
        self._stream.truncate(good)
        for capture in self.captures:
            self._repair(capture)

    def _take_line(self, line: Table) -> None:
        if run := line.mapping("run"):
            if run.get("schema") != SCHEMA:
                raise BundleError("this journal is of another schema", hint="finish it with the covey that began it")
            self.test = Table(run).text("test_name")
            self._next_run()
        elif table := line.mapping("capture"):
            replaces = [str(directory) for directory in line.rows("replaces")]
            self._take_in(manifest.capture_from_json(Table(table)), replaces)
        elif table := line.mapping("failure"):
            self._take_failure(manifest.failure_from_json(Table(table)))
        else:
            raise BundleError("this line says nothing that is known")

    def _repair(self, capture: Capture) -> None:
        """Bring a journalled capture's folder to where the journal says it is; give it up when its files are not."""
        fresh = bundle.walk(self.folder, capture.directory + ".new")
        if _is_whole(fresh, capture):
            self._settle(capture.directory)
        elif not _is_whole(bundle.walk(self.folder, capture.directory), capture):
            self._told -= _size(self._captures.pop(capture.directory))
            what = f"its files in {capture.directory} were lost or damaged before the bundle was finished"
            self._failures.append(Failure(capture.target.name, "damaged", what, "collect it again"))


def _run(test: str, started: datetime, params: Mapping[str, Any]) -> dict[str, Any]:
    about = {"schema": SCHEMA, "test_name": test, "started": manifest.to_time(started)}
    return {"run": about | {"collection_params": dict(params)}}


def _size(capture: Capture) -> int:
    """About how many bytes of JSON tell of a capture."""
    return 2000 + sum(60 + len(process.started) for process in capture.processes)


def _is_later_state(new: Capture, old: Capture) -> bool:
    """Whether `new` holds all that `old` does: the same agent's same processes, perhaps more."""
    if (new.agent, new.format, new.target.name) != (old.agent, old.format, old.target.name):
        return False
    if set(old.ids) <= set(new.ids):
        return True
    same_place = (new.ids[0].pod_uid, new.ids[0].container_id) == (old.ids[0].pod_uid, old.ids[0].container_id)
    return same_place and new.port == old.port and not old.processes  # nothing had run there yet


def _is_whole(folder: Path, capture: Capture) -> bool:
    try:
        for file in capture.files:
            bundle.read_stored(folder, file)
    except BundleError:
        return False
    return folder.is_dir()


def _spare_strangers(folder: Path) -> None:
    """Refuse a folder whose metadata.json somebody else wrote; another file of that name would be overwritten."""
    if bundle.Bundle.is_one(folder) and not (folder / bundle.JOURNAL).is_file():
        bundle.Bundle.open(folder)
