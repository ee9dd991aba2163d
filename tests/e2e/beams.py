#!/usr/bin/env python3
"""Compares beam search with transformers' generate: the beams.json of cases (tests/reference/beams.py).

usage: beams.py --bin DIR --models DIR --reference DIR [CASE...]
"""

import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

import safetensors

TOLERANCE = 1e-4


def tool(args, name, *options):
    command = [os.path.join(args.bin, name), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nexit code {done.returncode}\n{done.stderr}{done.stdout}")
    return done.stdout


def compiled(args, case, rules, folder):
    """The case, with rules for generation beside it."""
    copy = os.path.join(folder, "case")
    shutil.rmtree(copy, ignore_errors=True)
    os.mkdir(copy)
    for name in ("config.json", "model.safetensors"):
        shutil.copy(os.path.join(case, name), copy)
    if rules:
        with open(os.path.join(copy, "generation_config.json"), "w", encoding="utf-8") as file:
            json.dump(rules, file)
    model = os.path.join(folder, "model.slc")
    tool(args, "sluice-compile", "--checkpoint", copy, "--models", args.models, "-o", model)
    return model


def ids(tensor):
    return ",".join(map(str, tensor.values()))


def verify(args, case, folder, failures):
    io = safetensors.load(os.path.join(case, "io.safetensors"))
    with open(os.path.join(case, "beams.json"), encoding="utf-8") as file:
        cases = json.load(file)
    models, checks, worst = {}, 0, 0.0
    for one in cases:
        key = json.dumps(one.get("rules"))
        if key not in models:
            models = {key: compiled(args, case, one.get("rules"), folder)}
        suffix = one["sequence"]
        given = ["--ids", ids(io["input_ids" + suffix])]
        if "source_ids" + suffix in io:
            given = ["--source-ids", ids(io["source_ids" + suffix])]
        if "rules" not in one:
            given += ["--ignore-stop", "--stop-token", ",".join(map(str, one["stops"]))]
        for answer in one["answers"]:
            beams = bool(answer["options"])
            options = [*given, "--generate", str(one["made"]), *answer["options"], *(["--print-scores"] if beams else [])]
            found = tool(args, "sluice-run", models[key], *options).splitlines()
            rows = [[int(word) for word in line.split("\t")[-1].split()] for line in found]
            scores = [float(line.split("\t")[0]) for line in found] if beams else []
            gap = max((abs(a - b) for a, b in zip(scores, answer["scores"])), default=0.0)
            worst = max(worst, gap)
            checks += 1
            if rows != answer["tokens"] or len(scores) != len(answer["scores"]) or gap > TOLERANCE:
                failures.append(f"{case}{suffix} {answer['options']}: {rows} {scores} instead of {answer['tokens']} {answer['scores']}")
    print(f"{case}: {checks} searches, largest difference of a score {worst:.2g}")


def refusals(args, case, folder, failures):
    """What makes no sense together, and what does not fit."""
    model = compiled(args, case, None, folder)
    run = ["--ids", "5,9", "--generate", "4", "--ignore-stop"]
    for options, code, message in (
        (["--beams", "4", "--temperature", "1"], 2, "--beams takes the likeliest"),
        (["--beams", "2", "--results", "3"], 2, "at most as many as --beams"),
        (["--results", "2"], 2, "--beams"),
        (["--beams", "2", "--early-stopping", "perhaps"], 2, "--early-stopping"),
        (["--beams", "2", "--save-state", os.path.join(folder, "state")], 2, "leaves no sequence to go on with"),
        (["--beams", "5000"], 1, "beams must be 1 to 4096"),
        (["--beams", "2", "--context", "1"], 1, "longer than the context"),
    ):
        done = subprocess.run([os.path.join(args.bin, "sluice-run"), model, *run, *options], capture_output=True, text=True, timeout=600)
        if done.returncode != code or message not in done.stderr:
            failures.append(f"{options}: exit code {done.returncode}, {done.stderr}")
    # A context that is full ends all beams.
    ended = tool(args, "sluice-run", model, "--ids", "5,9", "--generate", "9", "--beams", "3", "--ignore-stop", "--context", "4")
    greedy = tool(args, "sluice-run", model, "--ids", "5,9", "--generate", "9", "--ignore-stop", "--greedy", "--context", "4")
    one = tool(args, "sluice-run", model, "--ids", "5,9", "--generate", "9", "--beams", "1", "--ignore-stop", "--context", "4")
    if len(ended.split()) != 3 or one != greedy:
        failures.append(f"a context of 4: {ended}, one beam {one}, greedily {greedy}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--models", required=True)
    parser.add_argument("--reference", required=True)
    parser.add_argument("cases", nargs="*")
    args = parser.parse_args()
    failures = []
    cases = args.cases or sorted(map(os.path.dirname, glob.glob(os.path.join(args.reference, "*/*/beams.json"))))
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            verify(args, case, folder, failures)
        refusals(args, os.path.join(args.reference, "gpt2/bare"), folder, failures)
    for failure in failures:
        print(f"  {failure}")
    sys.exit(1 if failures or not cases else 0)


if __name__ == "__main__":
    main()
