#!/usr/bin/env python3
"""Compares reference cases that are not part of the project, those whose family has a spec.

usage: references.py --bin DIR --models DIR [--only TEXT]

SLUICE_SHARED_DATA holds `references` and `families`, folders of <family>/<case> in the format of tests/reference, made by the
families' own code and by transformers. Without them the test is skipped.
"""

import argparse
import glob
import os
import subprocess
import sys
import tempfile

import family

SKIPPED = 77
NO_SPEC = "no spec"


def spec_of(args, case):
    """The plan of the case, or None if no spec fits its checkpoint."""
    command = [os.path.join(args.bin, "sluice-compile"), "-q", "-c", case, "--models", args.models, "--emit", "plan"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode and NO_SPEC in done.stderr:
        return None
    return done.stdout


def check(args, case, plan):
    """What does not hold."""
    args.case, args.gguf = case, False
    with tempfile.TemporaryDirectory() as folder:
        one = family.Case(args, folder)
        # A cache of the family's own may compute other numbers token by token than in one pass.
        one.chunks = '"generate"' in plan and not any(name.startswith("logits.incremental") for name in one.io)
        worst = family.verify(one)
    return worst, one.failures if one.checks else ["nothing to compare"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--models", required=True)
    parser.add_argument("--only", default="", help="cases whose path holds this text")
    args = parser.parse_args()
    data = os.environ.get("SLUICE_SHARED_DATA", "")
    cases = sorted(os.path.dirname(path) for part in ("references", "families") for path in glob.glob(os.path.join(data, part, "*/*/io.safetensors")))
    if not data or not cases:
        print("skipped: SLUICE_SHARED_DATA has no references and no families")
        sys.exit(SKIPPED)
    passed, failed, without = 0, 0, []
    for case in cases:
        name = os.path.relpath(case, data)
        if args.only not in name:
            continue
        plan = spec_of(args, case)
        if plan is None:
            without.append(name)
            continue
        try:
            worst, failures = check(args, case, plan)
        except (SystemExit, ValueError, KeyError, subprocess.TimeoutExpired) as problem:
            worst, failures = float("inf"), [str(problem)]
        passed, failed = passed + (not failures), failed + bool(failures)
        print(f"{name}: largest difference {worst:.2g}", *failures, sep="\n  ", flush=True)
    print(f"{passed} passed, {failed} failed; no spec for {', '.join(without) or 'none'}")
    sys.exit(failed > 0 or passed == 0)


if __name__ == "__main__":
    main()
