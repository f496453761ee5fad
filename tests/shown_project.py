"""Reports to look at: covey's own sources with made-up hits, and one whose every name and text is hostile."""

from __future__ import annotations

import random
from pathlib import Path

from covey.model.counted import Arm, Branches, Lines, leads_to
from covey.model.provenance import CaptureId, Provenance
from covey.model.report import FileCoverage, Report, bits

ROOT = Path(__file__).parent.parent


class Checkout:
    """Source texts below a folder."""

    def __init__(self, root: Path = ROOT):
        self.root = root

    def text(self, file):
        path = self.root / file.path
        return path.read_bytes() if path.is_file() else None


class Given:
    """Source texts from a mapping of path to bytes."""

    def __init__(self, texts):
        self.texts = texts

    def text(self, file):
        return self.texts.get(file.path)


def own(folder: str = "src/covey/model") -> Report:
    """covey's sources below `folder` as unit and end-to-end tests might reach them; one more whose source is gone."""
    chance = random.Random(7)
    files, unit, e2e = [], {}, {}
    for at, path in enumerate(sorted((ROOT / folder).rglob("*.py"))):
        text = path.read_text().split("\n")
        if any(text):
            file, by_unit, by_e2e = _made_up(path.relative_to(ROOT).as_posix(), text, chance, at)
            files.append(file)
            unit[file.key], e2e[file.key] = bits(by_unit), bits(by_e2e)
    files.append(FileCoverage("src/gone.py", Lines.of({1: 1, 2: 0, 9: 3})))
    source = Provenance(
        component="checkout", namespace="shop", pod="checkout-7c", commit="0123456789abcdef", format="segments"
    )
    return Report.of(
        files,
        [source, Provenance(component="checkout", capture=CaptureId(pid=7), test="login")],
        {"part:unit": unit, "part:e2e": e2e, "test:login": e2e},
        ["1 file that ran could not be mapped: /usr/lib/x.py"],
    )


def _made_up(path: str, text: list[str], chance: random.Random, at: int):
    lines, arms, unit, e2e = {}, [], [], []
    inside_text = ran = False
    for number, line in enumerate(text, 1):
        words = line.strip()
        if inside_text or not words or words[0] in "#)]}" or '"""' in words:
            inside_text ^= words.count('"""') == 1
            continue
        top = not line.startswith(" ") or words.startswith(("def ", "class ", "@"))
        ran = top or (ran and chance.random() > 0.12) or chance.random() > 0.6
        by_e2e = top or chance.random() < 0.5
        lines[number] = ran + by_e2e * chance.choice((3, 140, 25_000))
        unit += [number] * ran
        e2e += [number] * by_e2e
        if words.startswith(("if ", "for ", "while ", "elif ")):
            arms += [
                Arm(number, leads_to(number + 1), lines[number]),
                Arm(number, leads_to(-1), chance.choice((0, lines[number]))),
            ]
    mode = ("count", "set")[at % 2]
    hits = lines if mode == "count" else {number: min(count, 1) for number, count in lines.items()}
    return FileCoverage(path, Lines.of(hits), Branches.of(arms), mode=mode), unit, e2e


EVIL_NAMES = (
    "<script>document.title='broken'</script>.py",
    "\"onmouseover=\"document.title='broken'.py",
    "'><img src=x onerror=document.title='broken'>.py",
    "</script><script>document.title='broken'</script>.py",
    "</noscript><b>bold.py",
    "&lt;already&gt;.py",
    "txt.\u202eyp.evil",
    "new\nline.py",
    "tab\there|pipe`tick`.py",
    "@someone/#1 ![x](https:example.invalid).py",
    "lone\udcff.py",
    "long/" + "x" * 3000 + ".py",
    "a/b.py",
    "a_b.py",
    "a-b.py",
    "Case.py",
    "case.py",
    "con",
    "ünï/ço∂é.py",
)

EVIL_TEXTS = {
    EVIL_NAMES[0]: b"</pre><script>document.title='broken'</script>\n</script>&amp;<b>\n",
    EVIL_NAMES[1]: b"\xef\xbb\xbfx = 1\r\ny = 2\rz = 3\n",
    EVIL_NAMES[2]: b"# -*- coding: latin-1 -*-\nname = '\xe9'\n",
    EVIL_NAMES[3]: b"nul\x00 bell\x07 page\x0c \xe2\x80\xae turned\n" * 3,
    EVIL_NAMES[4]: b"x" * 1_000_000 + b"\nshort\n",
    EVIL_NAMES[5]: b"\xff\xfe" + "x = 'wide'\ny = 2\n".encode("utf-16-le"),
    EVIL_NAMES[6]: b"",
    EVIL_NAMES[7]: b"\n\n\nfirst lines are empty\n",
    EVIL_NAMES[8]: b"# coding: rot13\n\xff\n",
}


def hostile() -> Report:
    """Every kind of name and text that has broken a report somewhere."""
    files = [FileCoverage(name, Lines.of({1: 1, 2: 0, 3: 2})) for name in EVIL_NAMES]
    files.append(FileCoverage("far.py", Lines.of({1: 1, 2**31 - 1: 0}), Branches.of([Arm(2**31 - 1, "<b>", 0)])))
    slices = {f"part:{name}": {files[0].key: 2} for name in ("<script>document.title='broken'</script>", "'\"&")}
    return Report.of(
        files, [Provenance(component="<b>\u202e")], slices, ["<img src=x onerror=document.title='broken'>"]
    )
