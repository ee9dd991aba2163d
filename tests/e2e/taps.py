#!/usr/bin/env python3
"""Results of ops, compared with the evaluator's one by one: `sluice-run --compare` agrees on a sound artifact and names the
line of the YAML whose kernel was changed on purpose in the plan.

usage: taps.py --bin DIR --models DIR --reference DIR
"""

import os
import re

import bench as harness

STEPS = "1,2,3,4 ; 9"


def tapped(bench, name):
    """Compiles a case with every result tapped, as far as the plan; its reference is written."""
    common = ["-c", bench.case(name), "--models", bench.models]
    bench.output("sluice-compile", *common, "--emit", "fused", "--locations", "-o", "fused.mlir")
    bench.output("sluice-opt", "fused.mlir", "--tap-results", "--mlir-print-debuginfo", "-o", "tapped.mlir")
    bench.output("sluice-opt", "tapped.mlir", f"--evaluate=steps={{{STEPS}}} checkpoint={bench.case(name)} models={bench.models} reference=reference.safetensors", "-o", os.devnull)
    bench.output("sluice-compile", *common, "--from", "tapped.mlir", "--emit", "plan", "--locations", "-o", "plan.mlir")
    return common


def compare(bench, *options):
    done = bench.run("sluice-run", "model.slc", "--compare", "reference.safetensors", *options)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def sound(bench, name):
    bench.output("sluice-compile", *tapped(bench, name), "--from", "plan.mlir", "-q", "-o", "model.slc")
    for options in [], ["--chunk", "1"], ["--reproducible", "--threads", "1"]:
        code, table, error = compare(bench, "--tolerance", "1e-5", *options)
        bench.check(f"{name} {options}", code == 0 and "llm.fused_linear" in table and "*" not in table, error + table)


def faulty(bench, name):
    common = tapped(bench, name)
    with open(bench.path("plan.mlir"), encoding="utf-8") as file:
        plan = file.read()
    # The scale of every attention's scores: the first of its results shows it.
    wrong, count = re.subn(r"(attend[^\n]*scale = )[0-9.eE+-]+", r"\g<1>9.0", plan)
    bench.check(f"{name}: the plan has an attention", count > 0)
    with open(bench.path("wrong.mlir"), "w", encoding="utf-8") as file:
        file.write(wrong)
    bench.output("sluice-compile", *common, "--from", "wrong.mlir", "-q", "-o", "model.slc")
    code, table, error = compare(bench)
    named = r"the first result that differs .* is that of llm\.fused_attention at \S*blocks/attention\.yaml:\d+:\d+ \(\S+\), call 0"
    bench.check(f"{name}: the fault is named", code == 1 and re.search(named, error), error + table)
    agree = [line for line in table.splitlines() if re.search("llm.(embedding|rope_table) ", line)]
    bench.check(f"{name}: what comes before agrees", len(agree) == 2 and not any("*" in line for line in agree), table)


def refusals(bench):
    bench.output("sluice-compile", "-c", bench.case("llama/gqa"), "--models", bench.models, "-q", "-o", "model.slc")
    code, _, error = compare(bench)
    bench.check("an artifact without taps", code == 1 and "compiled without --tap-results" in error, error)


def agreeing(bench):
    for name in "llama/gqa", "mixtral/two-of-four", "bert/masked":
        sound(bench, name)


def fault(bench):
    faulty(bench, "llama/gqa")


harness.main(__doc__, agreeing, fault, refusals)
