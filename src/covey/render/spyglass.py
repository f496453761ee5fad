"""filtered.html: every file's source on one page, as the coverage lens of Prow's Spyglass links into it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from itertools import accumulate, islice

from covey.model.report import FileCoverage, Report
from covey.render.base import Options, as_range, percent, ranges_of_missing, visible
from covey.render.html_shell import esc
from covey.render.marks import Numbers, marks_of
from covey.render.partly import partly
from covey.render.source_text import readable

RUNS_LIMIT = 400  # runs of lines named where there is no text
TEXT_LIMIT = 96 << 20  # bytes of source on the page; files after that have no text
_RUNS = re.compile(rb"\++|-+|~+| +")
_CLASSES = {b"+": "r", b"-": "m", b"~": "p"}

_STYLE = """
:root{color-scheme:light dark}
body{margin:0;font:15px/1.5 system-ui,sans-serif;background:light-dark(#fff,#181d24);color:light-dark(#1c232e,#e2e7ee)}
header{position:sticky;top:0;display:flex;flex-wrap:wrap;gap:.4rem 1.5rem;align-items:center;padding:.6rem 1rem;
background:light-dark(#f3f1ed,#1f252e)}
select{font:inherit;max-width:min(60rem,90vw)}
h1{font-size:1rem;margin:0}h2{font-size:1rem;margin:.8rem 1rem;overflow-wrap:anywhere}ol{overflow-wrap:anywhere}
body:not(.js) label,.file{display:none}.file:target{display:block}body:has(.file:target) ol,.js ol{display:none}
.file>div{display:grid;grid-template-columns:auto auto minmax(0,1fr)}
pre{margin:0;padding:.3rem .6rem;font:13px/1.5 ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;tab-size:4}
.n{color:light-dark(#5a6372,#9aa6b6);text-align:right;user-select:none}.g{font-weight:700;user-select:none;padding-inline:0}
.t{overflow-x:auto}.r{color:light-dark(#0a655f,#5fd3c6)}.m{color:light-dark(#ad3718,#ff9477)}
.p{color:light-dark(#855700,#e8b84e)}
"""
_SCRIPT = """
"use strict";
const files = document.getElementById("files");
document.body.classList.add("js");
function chosen() {
  const id = location.hash.slice(1);
  if ([...files.options].some((one) => one.value === id)) files.value = id;
  else if (files.options.length) location.replace("#file0");
}
files.addEventListener("change", () => { location.hash = files.value; });
addEventListener("hashchange", chosen);
chosen();
"""


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


# Nothing but the page's own style and script, and nothing from elsewhere.
_POLICY = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; base-uri 'none'; form-action 'none'"
)


def page(report: Report, options: Options) -> Iterator[str]:
    """The page, piece by piece: files in the order of their paths, file number n, from 0, at #file<n>."""
    files = sorted(report.files.values(), key=lambda file: file.path)
    title = esc(visible(options.title) or "Coverage")
    digits = max(options.digits, 1)
    names = [f"{esc(visible(file.path))} ({percent(file.totals.statements, digits)})" for file in files]
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="generator" content="covey">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body><header><h1>{title}</h1>"
        '<label>File <select id="files">'
    )
    yield "".join(f'<option value="file{at}">{name}</option>' for at, name in enumerate(names))
    yield "</select></label><span>+ ran, - did not run, ~ ran in part</span></header>\n<ol>"
    yield "".join(f'<li><a href="#file{at}">{name}</a></li>' for at, name in enumerate(names))
    yield "</ol>\n"
    numbers = Numbers()
    room = TEXT_LIMIT
    for at, file in enumerate(files):
        source = options.texts.text(file) if room > 0 else None
        room -= len(source or b"")
        yield f'<section class="file" id="file{at}"><h2>{names[at]}</h2>{_text(file, source, numbers)}</section>\n'
    yield f"<script>{_SCRIPT}</script></body></html>\n"


def _text(file: FileCoverage, source: bytes | None, numbers: Numbers) -> str:
    notes: list[str] = []
    text = readable(source, notes)
    said = "".join(f"<p>{esc(note)}</p>" for note in notes)
    if text is None:
        runs = [as_range(*run) for run in islice(ranges_of_missing(file), RUNS_LIMIT + 1)]
        told = ", ".join(runs[:RUNS_LIMIT]) + (" …" if len(runs) > RUNS_LIMIT else "") or "none"
        return f"{said}<p>Lines that did not run: {told}</p>"
    lines = text.replace("&", "&amp;").replace("<", "&lt;").split("\n")
    marks = marks_of(file, len(lines), partly(file, text))
    spaced = bytearray(b" \n") * len(lines)
    spaced[0::2] = marks
    return (
        f'{said}<div><pre class="n">\n{numbers.up_to(len(lines))}</pre><pre class="g">\n{spaced.decode()}</pre>'
        f'<pre class="t">\n{"".join(_runs(lines, marks))}</pre></div>'
    )


def _runs(lines: list[str], marks: bytearray) -> Iterator[str]:
    """The text, with one element for each run of lines of one kind."""
    runs = _RUNS.findall(marks)
    ends = accumulate(map(len, runs))
    for run, end in zip(runs, ends, strict=True):
        text = "\n".join(lines[end - len(run) : end])
        kind = _CLASSES.get(run[:1])
        yield f'<span class="{kind}">{text}\n</span>' if kind else f"{text}\n"
