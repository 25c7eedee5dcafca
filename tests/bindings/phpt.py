#!/usr/bin/env python3
"""Runs tests of PHP's form (.phpt), unmodified, and prints a line of the Test Anything Protocol for each: phpt.py FOLDER

Started by sources.py. PHP's own runner (run-tests.php) is in its development package only, behind autoconf and libtool; the form
(https://qa.php.net/phpt_details.php) is a few sections: what says whether to skip, the program, and what it has to print.
"""

import re
import subprocess
import sys
from pathlib import Path

# As PHP's own runner has them, but that what PHP has come to discourage since the tests were written is no error (E_DEPRECATED).
SETTINGS = ["display_errors=1", "display_startup_errors=1", "error_reporting=24575", "log_errors=0", "html_errors=0",
            "precision=14", "serialize_precision=-1", "memory_limit=128M"]
PHP = ["/usr/bin/php", *(word for setting in SETTINGS for word in ("-d", setting))]
LIMIT = 10
# What the letters after % stand for in a section EXPECTF.
FORMS = {"e": "/", "s": r"[^\r\n]+", "S": r"[^\r\n]*", "a": ".+", "A": ".*", "w": r"\s*", "i": r"[+-]?\d+", "d": r"\d+",
         "x": "[0-9a-fA-F]+", "f": r"[+-]?\.?\d+\.?\d*(?:[Ee][+-]?\d+)?", "c": ".", "%": "%"}


def sections(test):
    parts = re.split(r"^--([A-Z]+)--[ \t]*\r?\n", test.read_text(errors="replace"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def php(test, kind, code):
    """What a section of a test prints; it is run beside the test, whose files it wants."""
    script = test.with_suffix(f".{kind}.php")
    script.write_text(code)
    try:
        done = subprocess.run([*PHP, script], cwd=test.parent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=LIMIT)
    except subprocess.TimeoutExpired as late:
        return f"{(late.stdout or b'').decode(errors='replace')}\nstill running after {LIMIT} s"
    ended = f"\nended with {done.returncode}" if done.returncode < 0 else ""
    return done.stdout.replace("\r\n", "\n").strip() + ended


def expression(form):
    parts = re.split(r"%(r.*?%r|.)", form)
    return "".join(re.escape(part) if number % 2 == 0 else f"(?:{part[1:-2]})" if part.startswith("r") else
                   FORMS.get(part) or re.escape(f"%{part}") for number, part in enumerate(parts))


def run(test):
    """(verdict, what is wrong)"""
    there = sections(test)
    said = php(test, "skip", there["SKIPIF"]) if "SKIPIF" in there else ""
    if said.lower().startswith("skip"):
        return "skip", said
    output = php(test, "run", there["FILE"])
    if "EXPECT" in there:
        wanted = there["EXPECT"].replace("\r\n", "\n").strip()
        right = output == wanted
    else:
        wanted = there["EXPECTF"].replace("\r\n", "\n").strip()
        right = re.fullmatch(expression(wanted), output, re.DOTALL)
    return ("ok", "") if right else ("not ok", f"printed\n{output}\nwanted\n{wanted}")


for number, test in enumerate(sorted(Path(sys.argv[1]).glob("*.phpt")), 1):
    verdict, words = run(test)
    if verdict == "skip":
        print(f"ok {number} - {test.stem} # skip {words.splitlines()[0]}", flush=True)
    else:
        print(f"{verdict} {number} - {test.stem}", flush=True)
        if words:
            print("\n".join(f"#   {line}" for line in words.splitlines()), flush=True)
