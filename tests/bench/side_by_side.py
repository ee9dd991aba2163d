#!/usr/bin/env python3
"""Runs sluice-bench and llama.cpp in turn on the same cores and prints their tokens a second.

Needs a folder with the npm packages node-llama-cpp and @node-llama-cpp/linux-x64, installed with --ignore-scripts. A pair
is one checkpoint: the artifact that was compiled from a GGUF file, and that file.

    side_by_side.py --bench build/release/bin/sluice-bench --peer FOLDER q4_0=model.slc,model.gguf ...
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def ours(args, artifact):
    run = subprocess.run(
        [args.bench, artifact, "--threads", str(args.threads), "--prefill", str(args.prefill), "--decode",
         str(args.decode), "--repeat", "1", "--format", "json"], check=True, capture_output=True, text=True)
    return {row["test"]: row["tokens_per_second"] for row in json.loads(run.stdout)["tests"]}


def peers(args, gguf):
    run = subprocess.run(
        ["node", HERE / "llamacpp.mjs", pathlib.Path(gguf).resolve(), str(args.threads), str(args.prefill),
         str(args.decode)], check=True, capture_output=True, text=True, cwd=args.peer)
    return json.loads(run.stdout.splitlines()[-1])


def cell(values):
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", required=True, help="sluice-bench")
    parser.add_argument("--peer", required=True, help="folder with node-llama-cpp")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prefill", type=int, default=512)
    parser.add_argument("--decode", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("pairs", nargs="+", metavar="NAME=ARTIFACT,GGUF")
    args = parser.parse_args()
    pairs = {}
    for pair in args.pairs:
        name, _, files = pair.partition("=")
        artifact, _, gguf = files.partition(",")
        if not gguf:
            sys.exit(f"'{pair}': expected NAME=ARTIFACT,GGUF")
        pairs[name] = artifact, gguf
    found = {}
    for _ in range(args.rounds):
        for name, (artifact, gguf) in pairs.items():
            for who, result in ("sluice", ours(args, artifact)), ("llama.cpp", peers(args, gguf)):
                for test in ("prefill", "decode"):
                    found.setdefault((name, test, who), []).append(result[test])
    print(f"Tokens a second, median and range of {args.rounds} rounds in turn, {args.threads} threads.\n")
    print("| checkpoint | test | sluice | llama.cpp | ratio of medians |\n|---|---|---|---|---|")
    for name in pairs:
        for test in ("prefill", "decode"):
            mine, other = found[name, test, "sluice"], found[name, test, "llama.cpp"]
            ratio = statistics.median(mine) / statistics.median(other)
            print(f"| {name} | {test} | {cell(mine)} | {cell(other)} | "
                  f"{ratio:.2f} |")


if __name__ == "__main__":
    main()
