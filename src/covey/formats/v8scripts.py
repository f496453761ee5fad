"""From V8's scripts to the files they are of: texts and source maps are looked for where they may be."""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from covey.errors import FormatError
from covey.formats import sourcemap, v8lines
from covey.formats.base import Place, Sources
from covey.formats.intake import Merging, clean
from covey.formats.sourcemap import SourceMap
from covey.formats.v8text import WRAPPER, Text, is_of
from covey.model.report import FileCoverage
from covey.model.telling import some

if TYPE_CHECKING:
    from covey.formats.v8 import Script

MOST_LINES = 20_000_000  # of all texts of one read
_WRAPPER, _WRAPPED = len(WRAPPER[0]), len("".join(WRAPPER))
_SOURCE_URL = len("\n\n//# sourceURL=")  # what Node adds to a text whose types it took out


def path_of(url: str) -> str | None:
    """The path that a script's URL stands for: of a file, or on a server. None for Node's own, for what was evaluated,
    and for what lies in node_modules."""
    if url.startswith("/") or re.match(r"[A-Za-z]:[\\/]", url):
        path = url
    else:
        found = re.match(r"(?:file|https?)://[^/]*(/.*)", sourcemap.bare(url), re.DOTALL)
        if found is None:
            return None
        path = urllib.parse.unquote(found[1])
        path = path[1:] if re.match(r"/[A-Za-z]:/", path) else path
    return None if _foreign(path) else clean(path)


def _foreign(path: str) -> bool:
    return "/node_modules/" in path.replace("\\", "/")


def _hash(script: Script) -> str | None:
    """Of the text that ran, where it was recorded and should be the file's own: what has a map was made of it."""
    if script.source is None or script.map is not None:
        return None
    data = script.source.encode("utf-8", "replace")
    return None if sourcemap.url_of(data) else f"sha256:{hashlib.sha256(data).hexdigest()}"


def _is_another(script: Script, place: Place) -> bool:
    """Whether the file at a script's place is not what ran, where both texts are at hand: a server makes scripts of
    what is none (`App.vue?type=style`), and another's may have the same path as a file of the checkout."""
    if script.source is None or place.same:
        return False
    file = place.text
    return file is not None and not is_of(script.source, file)


def _others(source_map: SourceMap, places: Sequence[Place | None]) -> Iterator[tuple[int, Place]]:
    """The sources that are not the file at their place, by number. A bundler makes several modules of one file, its
    parts and what binds them together, whose names differ by a query only, and by that of the file itself: the texts
    in the map tell. Where the file is not at hand, it is the module without a query."""
    named = {number: name for number, name in enumerate(source_map.sources) if name is not None}
    together: dict[str, list[tuple[int, Place, str]]] = {}
    for number, (place, text) in enumerate(zip(places, source_map.texts, strict=True)):
        if place is not None and text is not None:
            together.setdefault(place.path, []).append((number, place, text))
    for modules in together.values():
        plain = [text for number, _, text in modules if named[number] == sourcemap.bare(named[number])]
        if len(plain) == len(modules) and len(set(plain)) == 1:
            continue
        file = modules[0][1].text
        own = plain[0] if plain else modules[0][2]
        for number, place, text in modules:
            if not (is_of(text, file) if file is not None else text == own):
                yield number, place


class Finder:
    """Makes the coverage of scripts."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._found = Merging()
        self._without: dict[str, FileCoverage] = {}  # files of which only that they ran is known
        self._told: dict[str, dict[str, None]] = {}
        self._unknown_by: dict[str, dict[str, None]] = {}
        self._lines = 0
        self._work = v8lines.Work()

    def coverage(self, scripts: Iterable[Script]) -> Mapping[str, FileCoverage]:
        """By path of the repository; of a file whose text is not at hand only that it ran is known."""
        for script in sorted(scripts, key=lambda one: one.url):
            try:
                self._script(script)
            except (ValueError, OverflowError, RecursionError) as error:
                raise FormatError(f"{script.path}: {error}", path=script.file) from None
        return self._without | {file.path: file for file in self._found.files()}

    def notes(self) -> list[str]:
        told = dict(self._told)
        for why, paths in self._unknown_by.items():
            for path in paths:
                what = "scripts not counted" if path in self._found else "not known which lines ran"
                told.setdefault(f"{what}, {why}", {})[path] = None
        return [f"{why}: {some(list(paths))}" for why, paths in told.items()]

    def _script(self, script: Script) -> None:
        place = self._sources.locate(script.path, _hash(script))
        functions = list(script.functions)
        raw, base = self._map(script, place)
        if raw is not None:
            generated = Text.of_lengths(script.lengths) if script.lengths else self._text(script.source, place)
            wrapper = 0 if script.lengths else self._wrapper(script, generated, functions)
            if generated is None or wrapper is None:
                self._unknown(place, "text not at hand, or not what ran")
                return
            self._mapped(SourceMap.of(raw), base, functions, generated, wrapper)
            return
        if not self._counts(place):
            return
        text = self._text(script.source, place)
        wrapper = self._wrapper(script, text, functions)
        if text is None or wrapper is None or _is_another(script, place):
            self._unknown(place, "text not at hand" if text is None else "another text than ran")
            return
        self._add(place, v8lines.plain(functions, text, wrapper, self._work))

    def _counts(self, place: Place) -> bool:
        """Whether a file is counted; in a checkout only its own are."""
        if self._sources.root is None or place.mapped:
            return True
        self._told.setdefault("left out, not in the checkout", {})[place.path] = None
        return False

    def _unknown(self, place: Place, why: str) -> None:
        if not self._counts(place):
            return
        self._unknown_by.setdefault(why, {})[place.path] = None
        self._without[place.path] = FileCoverage(place.path, inexact=frozenset({"lines"}))

    def _text(self, recorded: str | None, place: Place) -> Text | None:
        if recorded is None:
            data = place.text
            recorded = data.decode("utf-8", "replace") if data is not None else None
        text = Text.of(recorded) if recorded is not None else None
        self._lines += len(text) if text is not None else 0
        if self._lines > MOST_LINES:
            raise ValueError(f"texts of more than {MOST_LINES} lines")
        return text

    def _wrapper(self, script: Script, text: Text | None, functions: Sequence[v8lines.Counted]) -> int | None:
        """How much stood before the text when it was compiled; None where another text was, which its length tells."""
        if text is None:
            return None
        ends = [ranges[0][1] for name, ranges, _ in functions if not name and not ranges[0][0]]
        most = max((ranges[0][1] for _, ranges, _ in functions), default=0)
        whole = max(ends, default=0)
        if whole == text.length + _WRAPPED:
            return _WRAPPER
        more = (0, _SOURCE_URL + len(script.url), _SOURCE_URL + len(script.path))
        return 0 if (whole - text.length in more if whole else most <= text.length) else None

    def _map(self, script: Script, place: Place) -> tuple[bytes | None, str]:
        """The script's source map, and the path that its sources are relative to: what Node kept, else what the text
        names, in it or beside it in the checkout."""
        if script.map is not None:
            return script.map, path_of(script.map_url) or script.path
        data = script.source.encode("utf-8", "replace") if script.source is not None else place.text
        url = sourcemap.url_of(data) if data is not None else None
        if url is None:
            return None, ""
        if url.startswith("data:"):
            return sourcemap.of_data_url(url), script.path
        path = sourcemap.beside(place.path if place.mapped else script.path, urllib.parse.unquote(url))
        found = self._sources.locate(clean(path), via=f"source map comment of {place.path}")
        if not found.mapped:
            return None, ""
        return found.text, sourcemap.beside(script.path, url)

    def _mapped(
        self, source_map: SourceMap, base: str, functions: Sequence[v8lines.Counted], generated: Text, wrapper: int
    ) -> None:
        places: list[Place | None] = []
        for name in source_map.sources:
            path = sourcemap.beside(base, name) if name is not None else ""
            place = self._sources.locate(clean(path), via=f"source map of {base}") if path else None
            places.append(place if place is not None and not _foreign(path) and self._counts(place) else None)
        for number, place in _others(source_map, places):
            self._unknown(place, "another text than ran")
            places[number] = None
        texts = [
            self._text(text, place) if place is not None else None
            for text, place in zip(source_map.texts, places, strict=True)
        ]
        sheets = v8lines.mapped(functions, generated, wrapper, source_map, texts, self._work)
        for place, sheet in zip(places, sheets, strict=True):
            if place is not None and sheet is not None:
                self._add(place, sheet)
            elif place is not None:
                self._unknown(place, "text not at hand")

    def _add(self, place: Place, sheet: v8lines.SourceLines) -> None:
        """Branches are a lower bound: of what ran as often as the code around it V8 tells nothing."""
        lines, branches, functions = sheet.columns()
        inexact = frozenset({"branches"} if branches else ())
        self._found.add(FileCoverage(place.path, lines, branches, functions, inexact=inexact))
