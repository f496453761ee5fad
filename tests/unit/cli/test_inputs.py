"""What the verbs that read take: packed, quoted globs, several with one bad, scope, and where paths come from."""

from __future__ import annotations

import codecs
import ctypes
import gzip
import json
import os
import shutil
import subprocess
import sys
import zlib

import pytest

INFO = "TN:\nSF:/srv/pkg/app.c\nDA:1,{}\nDA:2,0\nend_of_record\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/app.c").write_text("int a;\nint b;\n")
    (tmp_path / "one.info").write_text(INFO.format(1))
    return tmp_path


def run(folder, *arguments, stdin=b"", **more):
    return subprocess.run(
        [sys.executable, "-m", "covey", *arguments], input=stdin, capture_output=True, timeout=60, cwd=folder, **more
    )


def bound_by_modes():
    """Before the program starts: root, too, may read only what a file's mode allows (prctl(2), capabilities(7))."""
    if os.geteuid() == 0:
        prctl = ctypes.CDLL(None).prctl
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            if prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP
                raise OSError("cannot drop a capability")


def hits(folder, *arguments, stdin=b""):
    done = run(folder, "report", *arguments, "--format", "json", stdin=stdin)
    assert done.returncode == 0, done.stderr
    return {path: file["lines"] for path, file in json.loads(done.stdout)["files"].items()}


def packed(kind, data):
    if kind == "gzip":
        return gzip.compress(data)
    if kind == "members":
        return gzip.compress(data[:9]) + gzip.compress(data[9:]) + bytes(512)
    return pytest.importorskip("backports.zstd", reason="pip install 'covey[zstd]'").compress(data)


@pytest.mark.parametrize("kind", ["gzip", "members", "zstd"])
def test_packed_inputs_are_unpacked_by_content(folder, kind):
    (folder / "two.info").write_bytes(packed(kind, INFO.format(2).encode()))
    assert hits(folder, "one.info", "two.info") == {"pkg/app.c": {"1": 3, "2": 0}}
    assert hits(folder, "-", stdin=(folder / "two.info").read_bytes()) == {"pkg/app.c": {"1": 2, "2": 0}}


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
@pytest.mark.parametrize("damage", ["cut off", "damaged"])
def test_damaged_packing_is_named(folder, kind, damage):
    data = bytearray(packed(kind, INFO.format(2).encode() * 50))
    data = data[:-20] if damage == "cut off" else data[:30] + bytes(30) + data[60:]
    (folder / "bad.info").write_bytes(data)
    done = run(folder, "report", "one.info", "bad.info")
    assert done.returncode == 2
    assert b"bad.info" in done.stderr
    assert kind.encode() in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_bomb_is_refused(folder):
    pack = zlib.compressobj(9, wbits=31)
    data = b"".join(
        [pack.compress(b"TN:\n"), *(pack.compress(b"#" * 65535 + b"\n") for _ in range(2000)), pack.flush()]
    )
    (folder / "bomb.info").write_bytes(data)
    done = run(folder, "report", "bomb.info")
    assert done.returncode == 2
    assert b"bomb.info: unpacks to more than 200 times its size" in done.stderr


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-be"])
def test_a_byte_order_mark_is_taken_off(folder, encoding):
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    (folder / "two.info").write_bytes(mark + INFO.format(2).encode(encoding))
    assert hits(folder, "two.info") == {"pkg/app.c": {"1": 2, "2": 0}}


def test_xml_that_powershell_wrote(folder):
    text = '<?xml version="1.0" encoding="utf-16"?>\n<coverage line-rate="1"><packages><package><classes>'
    text += '<class filename="pkg/app.c"><lines><line number="1" hits="4"/></lines></class>'
    (folder / "c.xml").write_bytes((text + "</classes></package></packages></coverage>").encode("utf-16"))
    assert hits(folder, "c.xml") == {"pkg/app.c": {"1": 4}}


def test_quoted_globs_are_expanded(folder):
    (folder / "deep/er").mkdir(parents=True)
    (folder / "deep/er/two.info").write_text(INFO.format(2))
    (folder / "[x].info").write_text(INFO.format(4))
    assert hits(folder, "**/*.info") == {"pkg/app.c": {"1": 7, "2": 0}}
    assert hits(folder, "[x].info") == {"pkg/app.c": {"1": 4, "2": 0}}
    done = run(folder, "report", "*.nothing")
    assert (done.returncode, b"nothing matches *.nothing" in done.stderr) == (2, True)
    done = run(folder, "report", "*.nothing", "one.info", "--keep-going")
    assert (done.returncode, b"not read: nothing matches *.nothing" in done.stdout) == (6, True)


def test_a_link_that_leads_nowhere_is_said_to(folder):
    (folder / "latest.info").symlink_to("gone.info")
    done = run(folder, "report", "latest.info")
    assert b"latest.info does not exist\n  it is a link to gone.info, which is not there" in done.stderr


def test_names_that_are_no_utf_8_are_told_in_any_format(folder):
    """What a reader must know, and a part, may have them, as folders, globs and arguments do."""
    odd = os.fsdecode(b"odd\xff")
    (folder / odd).mkdir()
    (folder / odd / "one.info").write_text(INFO.format(1))
    (folder / odd / "other").write_text("of no format")
    for form in ("native", "text", "markdown", "junit", "lcov"):
        done = run(folder, "report", "--part", f"{odd}={odd}", "--exclude", f"*{odd}*", "--format", form)
        assert done.returncode == 0, done.stderr
        if form == "native":
            whole = json.loads(done.stdout)
            assert [*whole["slices"]] == ["part:odd\\udcff"]
            assert any("odd\\udcff: passed over 1 file of no known format" in note for note in whole["notes"])


def test_a_profile_of_go_with_other_files_is_told_what_go_makes_of_it(folder):
    done = run(folder, "merge", "one.info", "-o", "all.out")
    assert b"go tool cover refuses a profile with files of other languages: pkg/app.c" in done.stderr


def test_one_bad_input_is_named_and_the_rest_is_merged_where_asked(folder):
    (folder / "bad.info").write_text("SF:a\nDA:x\n")
    (folder / "two.info").write_text(INFO.format(2))
    done = run(folder, "report", "one.info", "bad.info", "none.info", "two.info")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"bad.info:2" in done.stderr
    done = run(folder, "merge", "one.info", "bad.info", "none.info", "two.info", "--keep-going")
    assert done.returncode == 6
    assert b"error: bad.info:2" in done.stderr
    assert b"error: none.info does not exist" in done.stderr
    merged = json.loads(done.stdout)
    assert merged["files"]["pkg/app.c"]["lines"] == {"1": 3, "2": 0}
    assert [note[:20] for note in merged["notes"]] == ["not read: bad.info:2", "not read: none.info "]
    assert run(folder, "merge", "bad.info", "none.info", "--keep-going").returncode == 2


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar", "xztar", "bztar", "twice"])
def test_an_archive_is_called_one(folder, kind):
    if kind == "twice":
        packed_file = folder / "a.gz"
        packed_file.write_bytes(gzip.compress(gzip.compress(INFO.format(1).encode())))
    else:
        packed_file = shutil.make_archive(str(folder / "a"), kind, folder, "one.info")
    done = run(folder, "report", str(packed_file))
    assert done.returncode == 2
    said = {"zip": "a zip archive", "xztar": "packed by xz", "bztar": "packed by bzip2", "twice": "packed twice"}
    assert f"is {said.get(kind, 'a tar archive')}\n  unpack it first".encode() in done.stderr


def test_a_folder_that_cannot_be_listed_is_named(folder):
    """For root too: its path is longer than the system takes."""
    (folder / "shards").mkdir()
    (folder / "shards/one.info").write_text(INFO.format(1))
    inner = os.open(folder / "shards", os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=inner)
        outer, inner = inner, os.open("d" * 250, os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(inner)
    done = run(folder, "report", "shards")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"ddd: File name too long" in done.stderr
    done = run(folder, "report", "shards", "--keep-going")
    assert done.returncode == 6
    assert b"pkg/app.c" in done.stdout
    assert b"ddd: File name too long" in done.stderr


def test_an_unreadable_file_costs_nothing_but_itself(folder):
    (folder / "shards").mkdir()
    for name in ("one.info", "two.info"):
        (folder / "shards" / name).write_text(INFO.format(1))
    (folder / "shards/two.info").chmod(0)
    done = run(folder, "report", "shards", "--keep-going", preexec_fn=bound_by_modes)
    assert done.returncode == 6
    assert b"pkg/app.c" in done.stdout
    assert b"two.info: Permission denied" in done.stderr
    done = run(folder, "report", "shards", preexec_fn=bound_by_modes)
    assert (done.returncode, done.stdout) == (2, b"")


def test_what_a_killed_covey_has_left_is_no_input(folder):
    """Nor is what another one is writing right now."""
    kill = (
        "import os, signal; from pathlib import Path; from covey.render.whole import whole\n"
        "with whole(Path('one.info')) as out:\n"
        "    out.write(b'TN:\\nSF:/srv/pkg/app.c\\nDA:1,')\n"
        "    out.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", kill], cwd=folder, check=False)
    assert killed.returncode == -9
    assert len(list(folder.glob(".covey-*-one.info"))) == 1
    assert run(folder, "report", ".").stderr == b""
    (folder / ".covey-mine.info").write_text(INFO.format(1))
    assert hits(folder, ".", "--count-inputs") == {"pkg/app.c": {"1": 2, "2": 0}}


def test_standard_input_is_there_once(folder):
    assert b"is there twice" in run(folder, "report", "-", "-").stderr


def test_the_same_under_two_names_counts_once_and_is_told(folder):
    (folder / "again.info").write_text(INFO.format(1))
    done = run(folder, "merge", "one.info", "again.info")
    assert json.loads(done.stdout)["files"]["pkg/app.c"]["lines"]["1"] == 1
    assert b"again.info holds the same as one.info and counts once" in done.stderr


def test_counting_inputs(folder):
    (folder / "again.info").write_text(INFO.format(1))
    (folder / "many.info").write_text(INFO.format(900))
    assert hits(folder, "*.info", "--count-inputs") == {"pkg/app.c": {"1": 3, "2": 0}}
    assert run(folder, "merge", "*.info", "--count-inputs", "--how", "max").returncode == 2


def test_subtract_takes_its_inputs_in_order(folder):
    (folder / "two.info").write_text(INFO.format(0).replace("DA:2,0", "DA:2,5"))
    assert hits(folder, "one.info", "two.info", "--how", "subtract") == {"pkg/app.c": {"1": 1, "2": 0}}
    assert hits(folder, "two.info", "one.info", "--how", "subtract") == {"pkg/app.c": {"1": 0, "2": 5}}


def test_subtract_takes_equal_inputs_and_a_part_from_its_whole(folder):
    (folder / "again.info").write_text(INFO.format(1))
    (folder / "two.info").write_text(INFO.format(0).replace("DA:2,0", "DA:2,5"))
    assert hits(folder, "one.info", "again.info", "--how", "subtract") == {"pkg/app.c": {"1": 0, "2": 0}}
    assert run(folder, "merge", "one.info", "two.info", "-o", "all.json").returncode == 0
    assert hits(folder, "all.json", "two.info", "--how", "subtract") == {"pkg/app.c": {"1": 1, "2": 0}}


def test_what_counting_inputs_wrote_is_read_back(folder):
    (folder / "again.info").write_text(INFO.format(1))
    assert run(folder, "merge", "one.info", "again.info", "--count-inputs", "-o", "all.json").returncode == 0
    assert hits(folder, "all.json") == {"pkg/app.c": {"1": 2, "2": 0}}


def test_several_commits_are_refused_whatever_they_are_in(folder):
    for number, commit in enumerate(("aaa", "bbb")):
        (folder / f"{number}.json").write_text(
            json.dumps(
                {
                    "schema": "covey.report/1",
                    "sources": [{"repository": "r", "commit": commit, "digest": f"sha256:{number}"}],
                    "files": {"pkg/app.c": {"lines": {"1": 1}}},
                }
            )
        )
    done = run(folder, "report", "0.json", "1.json")
    assert done.returncode == 2
    assert b"aaa" in done.stderr
    assert b"bbb" in done.stderr
    assert hits(folder, "0.json", "1.json", "--commit", "bb") == {"pkg/app.c": {"1": 1}}
    done = run(folder, "merge", "0.json", "1.json", "--commit", "ccc", "-o", "none.json")
    assert (done.returncode, (folder / "none.json").exists()) == (2, False)
    assert b"no input is of commit ccc; there are: aaa, bbb" in done.stderr


def test_several_languages_are_one_report(folder):
    (folder / "p.json").write_text(
        '{"schema": "covey.report/1", "files": {"a.py": {"mode": "set", "lines": {"1": 1}}}}'
    )
    assert set(hits(folder, "one.info", "p.json")) == {"pkg/app.c", "a.py"}


SCOPED = "".join(f"SF:{path}\nDA:1,1\nend_of_record\n" for path in ("pkg/app.c", "pkg/zz_gen.c", "vendor/b.c", "c.go"))


@pytest.fixture
def scoped(folder):
    (folder / "vendor").mkdir()
    (folder / "vendor/b.c").write_text("int b;\n")
    (folder / "pkg/zz_gen.c").write_text("/* a licence\n * @generated by hand\n */\nint a;\n")
    (folder / "c.go").write_text("// Code generated by tool. DO NOT EDIT.\n\npackage c\n")
    (folder / "scoped.info").write_text(SCOPED)
    return folder


@pytest.mark.parametrize(
    ("flags", "left"),
    [
        ((), "pkg/app.c pkg/zz_gen.c vendor/b.c c.go"),
        (("--exclude", "vendor/"), "pkg/app.c pkg/zz_gen.c c.go"),
        (("--exclude", "zz_*", "--exclude", "*.go"), "pkg/app.c vendor/b.c"),
        (("--include", "/pkg"), "pkg/app.c pkg/zz_gen.c"),
        (("--include", "*.c", "--exclude", "pkg/z*"), "pkg/app.c vendor/b.c"),
        (("--skip-generated",), "pkg/app.c vendor/b.c"),
    ],
)
def test_scope(scoped, flags, left):
    assert set(hits(scoped, "scoped.info", *flags)) == set(left.split())


def test_attributes_leave_files_out_and_can_be_switched_off(scoped):
    (scoped / ".gitattributes").write_text(
        "*.c linguist-generated\npkg/*.c -linguist-generated\nc.go coverage-excluded\n"
    )
    assert set(hits(scoped, "scoped.info")) == {"pkg/app.c", "pkg/zz_gen.c"}
    assert len(hits(scoped, "scoped.info", "--no-attributes")) == 4
    assert "pkg/zz_gen.c" in hits(scoped, "scoped.info", "--skip-generated")  # it says that it is not
    assert b"1 file: vendor/b.c" in run(scoped, "report", "scoped.info").stdout


def test_attributes_of_folders_above_the_checkout_and_of_git_s_own_file(scoped):
    (scoped / ".git/info").mkdir(parents=True)
    (scoped / ".gitattributes").write_text("/pkg/zz_gen.c coverage-excluded\n")
    (scoped / ".git/info/attributes").write_text("pkg/app.c coverage-excluded\n")
    (scoped / "x.info").write_text("SF:app.c\nDA:1,1\nend_of_record\nSF:zz_gen.c\nDA:1,1\nend_of_record\n")
    assert hits(scoped, "x.info", "--checkout", "pkg") == {}


def test_scope_is_a_setting(scoped):
    (scoped / "covey.toml").write_text('[report]\nexclude = ["*.go", "vendor"]\nskip_generated = true\n')
    assert set(hits(scoped, "scoped.info")) == {"pkg/app.c"}


def test_paths_are_explained(folder):
    (folder / "two.info").write_text(
        "SF:/go/x.c\nDA:1,1\nend_of_record\nSF:/app/nothing.c\nDA:1,1\nend_of_record\nSF:/x/app.c\nDA:1,1\nend_of_record\n"
    )
    done = run(folder, "report", "one.info", "two.info", "--map", "/app=pkg", "--explain-paths")
    text = done.stdout.decode()
    assert "/srv/pkg/app.c -> pkg/app.c  (suffix)" in text
    assert "/app/nothing.c: no place" in text
    assert "pkg/nothing.c: --map /app -> pkg leads there; no such file" in text
    assert "pkg/app.c: its base name is the same" in text
    told = json.loads(run(folder, "report", "one.info", "two.info", "--explain-paths", "--json").stdout)
    assert {row["recorded"]: row["path"] for row in told["paths"]}["/srv/pkg/app.c"] == "pkg/app.c"


def test_paths_under_a_source_of_cobertura_are_explained(folder):
    (folder / "c.xml").write_text(
        '<coverage line-rate="1"><sources><source>/build/pkg</source></sources><packages><package><classes>'
        '<class filename="app.c"><lines><line number="1" hits="4"/></lines></class></classes>'
        "</package></packages></coverage>"
    )
    done = run(folder, "report", "c.xml", "--explain-paths")
    assert b"app.c -> pkg/app.c  (<source> /build/pkg, suffix)" in done.stdout


def test_inputs_that_share_a_source_are_both_named_with_it(folder):
    (folder / "more.info").write_text("SF:more.c\nDA:1,1\nend_of_record\n")
    assert run(folder, "merge", "one.info", "more.info", "-o", "both.json").returncode == 0
    done = run(folder, "report", "one.info", "both.json")
    assert done.returncode == 2
    said = done.stderr.decode()
    assert "error: both.json and one.info both hold one.info, so merging them would count it twice" in said
    assert "1 of the 2 sources of both.json are in already" in said
    done = run(folder, "report", "--part", "unit=one.info", "--part", "e2e=both.json")
    assert "part e2e and part unit both hold one.info" in done.stderr.decode()


@pytest.mark.parametrize("how", ["subtract", "intersect"])
def test_what_was_not_read_is_compared_with_nothing(folder, how):
    """An operand of nothing would make up figures: all of the first is what only it reaches, or nothing is in both."""
    (folder / "bad.info").write_text("SF:/srv/pkg/app.c\nDA:1,1\n")
    for pair in (("one.info", "bad.info"), ("bad.info", "one.info")):
        done = run(folder, "report", *pair, "--how", how, "--keep-going")
        assert (done.returncode, done.stdout) == (2, b"")
        assert f"--how {how} needs both inputs whole".encode() in done.stderr


def test_a_part_of_which_nothing_was_read_is_not_told_to_reach_nothing(folder):
    (folder / "bad.info").write_text("SF:/srv/pkg/app.c\nDA:1,1\n")
    done = run(folder, "report", "--part", "x=bad.info", "--part", "y=one.info", "--keep-going", "--format", "json")
    assert done.returncode == 6
    assert list(json.loads(done.stdout)["slices"]) == ["part:y"]


def test_reports_of_one_run_in_one_folder_are_told(folder):
    for name in ("lcov.info", "other.info"):
        (folder / "coverage").mkdir(exist_ok=True)
        (folder / "coverage" / name).write_text(INFO.format(1))
    assert b"of one run" not in run(folder, "report", "coverage").stdout
    (folder / "coverage/coverage-final.json").write_text(
        '{"/srv/pkg/app.c": {"path": "/srv/pkg/app.c", "statementMap": {}, "fnMap": {}, "branchMap": {}, "s": {}, '
        '"f": {}, "b": {}}}'
    )
    told = run(folder, "report", "coverage").stdout
    assert b"coverage: coverage-final.json, lcov.info are what a tool calls its reports of one run" in told
    assert b"of one run" not in run(folder, "report", "coverage/lcov.info", "coverage/coverage-final.json").stdout
