#!/usr/bin/env python3
"""Compares the results of two builds on reference cases, bit by bit.

usage: same_bits.py --before BIN --models-before DIR --after BIN --models-after DIR CASE...

Each case is compiled by both builds with f32 and with bf16 weights, with and without fusions; every output of every
sequence is compared, all rows at once and one token at a time.
"""

import argparse
import os
import sys
import tempfile

from bench import FUSIONS
from family import RESULTS, Case

WAYS = {"f32": [], "f32, unfused": ["--disable-pass", FUSIONS], "bf16": ["--weights", "bf16"]}


class Build:
    def __init__(self, bin, models, case):
        self.bin, self.models, self.case, self.gguf = bin, models, case, False


def results(build, options, folder):
    """The bytes of each output by what made it."""
    case = Case(build, folder)
    model = case.compile("model.slc", *options)
    made = {}
    for output, (entry, tensor) in RESULTS.items():
        for name in sorted(n[len(output) :] for n in case.io if n == output or n.startswith(output + ".") and n[len(output) + 1 :].isdigit()):
            for chunk in ["", "1"] if output == "logits" and "generated" + name in case.io else [""]:
                run = (["--entry", entry] if entry else []) + (["--chunk", chunk] if chunk else [])
                made[f"{output}{name}{', chunks of ' + chunk if chunk else ''}"] = case.run(model, [name], *run)[tensor].data
    return made


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    for build in "before", "after":
        parser.add_argument("--" + build, required=True, metavar="BIN")
        parser.add_argument("--models-" + build, required=True, metavar="DIR")
    parser.add_argument("cases", nargs="+", metavar="CASE")
    args = parser.parse_args()
    compared, differ = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for case in args.cases:
            for way, options in WAYS.items():
                before = results(Build(args.before, args.models_before, case), options, folder)
                after = results(Build(args.after, args.models_after, case), options, folder)
                compared += len(before)
                differ += [f"{case}, {way}: {name}" for name in before if before[name] != after.get(name)]
    print(f"{compared - len(differ)} of {compared} results have the same bits")
    for one in differ:
        print(f"  {one}")
    sys.exit(1 if differ or not compared else 0)


if __name__ == "__main__":
    main()
