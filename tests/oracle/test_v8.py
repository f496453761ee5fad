"""What covey says of V8's data against what c8 says of the same: plain scripts, TypeScript, bundles, processes."""

from __future__ import annotations

import pytest
from conftest import PROVE
from oracle import node_programs
from oracle import node_tools as node

from covey.formats.base import Input
from covey.formats.sources import CheckoutSources
from covey.formats.v8 import FORMAT as V8

SEEDS = range(40 if PROVE else 2)
COMPILED = {
    "tsc": ["dist/main.js"],
    "bundled": ["out/bundle.js"],
    "bundled and minified": ["out/mini.js"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    node.need()
    return node.lay_out(tmp_path_factory.mktemp("node"), compiled=True)


def read(folder, raw):
    return V8.read([Input.of_path(path) for path in sorted((folder / raw).glob("*.json"))], CheckoutSources(folder))


def same(report, told):
    """Every file, every line's hits, all figures."""
    assert {path for _, path in report.files} == set(told)
    for (_, path), file in report.files.items():
        assert dict(file.lines.items()) == node.hits(told[path]), path
        assert node.ours(file) == node.figures(told[path]), path


@pytest.mark.parametrize("name", ["module.mjs", "bang.js", "crlf.js", "till.js"])
def test_plain_scripts_and_modules(folder, name):
    node.record(folder, f"lib/{name}", into=f"raw-{name}")
    same(read(folder, f"raw-{name}"), node.c8(folder, f"raw-{name}"))


@pytest.mark.parametrize("case", COMPILED)
def test_what_was_compiled_counts_as_its_source(folder, case):
    raw = f"raw-{case.replace(', ', '-').replace(' ', '-')}"
    node.record(folder, *COMPILED[case], into=raw)
    same(read(folder, raw), node.c8(folder, raw))


def test_processes_and_threads_are_summed(folder):
    assert len(node.record(folder, "lib/workers.js", into="raw-workers")) > 3
    same(read(folder, "raw-workers"), node.c8(folder, "raw-workers"))


def test_tests_of_node(folder):
    node.record(folder, "--test", "lib/till.test.js", into="raw-test")
    same(read(folder, "raw-test"), node.c8(folder, "raw-test"))


@pytest.mark.parametrize("seed", SEEDS)
def test_made_up_programs_run_in_several_ways(folder, seed):
    raw, path = f"raw-made-{seed}", folder / "lib" / f"made{seed}.js"
    path.write_text(node_programs.made(seed))
    for start in range(4):
        node.record(folder, path, str(start), into=raw)
        if PROVE or start in (0, 3):
            same(read(folder, raw), node.c8(folder, raw))


@pytest.mark.parametrize(("style", "start"), [("", "1"), ("--minify", "2"), ("--minify-syntax", "3")])
def test_where_a_map_misleads_c8_the_uncompiled_program_says_what_ran(folder, style, start):
    """A bundle of several files whose ranges lead into two of them, or to the middle of a line."""
    name = f"many{style}"
    sources = folder / name
    sources.mkdir()
    (sources / "package.json").write_text('{"type": "module"}')
    for seed in range(1, 5):
        (sources / f"made{seed}.js").write_text(node_programs.made(seed))
    (sources / "index.js").write_text("".join(f"import './made{seed}.js'\n" for seed in range(1, 5)))
    bundle = f"out/{name}.cjs"
    options = ["--bundle", "--platform=node", "--sourcemap", "--log-level=error", f"--outfile={bundle}"]
    node.run(node.tool("esbuild"), f"{name}/index.js", *options, *([style] if style else []), cwd=folder)
    node.record(folder, bundle, start, into=f"raw-{name}")
    node.record(folder, f"{name}/index.js", start, into=f"raw-plain-{name}")
    told, plain = node.c8(folder, f"raw-{name}"), node.c8(folder, f"raw-plain-{name}")
    wrong = 0
    for (_, path), file in read(folder, f"raw-{name}").files.items():
        truth, c8 = node.hits(plain[path]), node.hits(told[path])
        assert set(file.lines) == set(c8)
        differ = {line: truth[line] for line, hits in file.lines.items() if bool(hits) != bool(c8[line])}
        assert {line: bool(file.lines[line]) for line in differ} == {line: bool(ran) for line, ran in differ.items()}, (
            path
        )
        wrong += len(differ)
        figures = node.figures(told[path])
        assert node.ours(file)["branches"] == figures["branches"]
        assert node.ours(file)["functions"] == figures["functions"]
        if not style:
            assert {line for line, hits in file.lines.items() if not hits} == {
                n for n, hits in truth.items() if not hits
            }
    assert wrong


@pytest.mark.long
def test_a_large_program(folder):
    """The TypeScript compiler at work: 134,000 lines, 17,000 ranges. The map that it names is nowhere: then c8 leaves
    a script out, so the name is taken away."""
    library = folder / "tsc" / "lib"
    library.mkdir(parents=True)
    for path in (node.INSTALLED / "typescript" / "lib").glob("*.d.ts"):
        (library / path.name).write_bytes(path.read_bytes())
    text = (node.INSTALLED / "typescript" / "lib" / "_tsc.js").read_text()
    (library / "_tsc.js").write_text(text.replace("//# sourceMappingURL=_tsc.js.map", ""))
    node.record(folder, "tsc/lib/_tsc.js", "-p", ".", "--outDir", "tsc/out", into="raw-tsc")
    report = read(folder, "raw-tsc")
    assert report.totals.lines.total > 100_000
    same(report, node.c8(folder, "raw-tsc"))


TAKEN = """
const v8 = require('v8')
function early () {
  return 1
}
function late () {
  return 2
}
function never () {
  return 3
}
early()
v8.takeCoverage()
late()
late()
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
v8.takeCoverage()
v8.stopCoverage()
"""


def test_data_that_was_taken_in_pieces(folder):
    """After a piece V8 tells only of what ran since. All together are what c8 says; of a later piece alone c8 takes
    what is not told of for covered, and what did not run since is not covered."""
    (folder / "lib" / "taken.js").write_text(TAKEN)  # which waits: Node names pieces by the millisecond
    files = node.record(folder, "lib/taken.js", into="raw-taken")
    assert len(files) == 2
    same(read(folder, "raw-taken"), node.c8(folder, "raw-taken"))
    (folder / "raw-late").mkdir()
    files[-1].rename(folder / "raw-late" / files[-1].name)
    (late,) = read(folder, "raw-late").files.values()
    assert {line for line, hits in late.lines.items() if hits} == {6, 7, 8}
    assert node.hits(node.c8(folder, "raw-late")["lib/taken.js"])[10] == 1
