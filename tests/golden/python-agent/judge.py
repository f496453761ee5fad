"""Prints as JSON, for each file, its statements and which of them ran, as coverage.py of this interpreter judges.

`judge.py run FOLDER SCRIPT CORE`: runs the script under coverage.py.
`judge.py lines FOLDER < {"path": [lines]}`: of lines that somebody else has recorded.
"""
import json
import os
import sys

import coverage


def main():
    coverer = coverage.Coverage(data_file=None, source=[sys.argv[2]], config_file=False)
    if sys.argv[1] == "run":
        import runpy

        script = sys.argv[3]
        del sys.argv[1:]
        sys.path[0] = os.path.dirname(script)
        coverer.start()
        try:
            runpy.run_path(script, run_name="__main__")
        finally:
            coverer.stop()
    else:
        coverer.get_data().add_lines(json.load(sys.stdin))
    data = coverer.get_data()
    result = {}
    for path in sorted(data.measured_files()):
        _, statements, _, missing, _ = coverer.analysis2(path)
        result[path] = {"statements": statements, "ran": sorted(set(statements) - set(missing))}
    json.dump(result, sys.stdout)


main()
