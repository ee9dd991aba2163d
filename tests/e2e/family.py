#!/usr/bin/env python3
"""Compiles a reference case and compares every way of running it.

usage: family.py --bin DIR --models DIR [--f32-only] [--gguf] CASE

CASE holds config.json, model.safetensors and io.safetensors (tests/reference/README.md).
For every sequence: all rows at once against the reference; one token at a time, mixed
chunks, one and two threads, all sequences in one batch, and a build without any fusion
against the first result, bit by bit; greedy continuation against the reference's ids.
The same with bf16 weights and products, near the reference. With --gguf the checkpoint is
the case as a GGUF file (gguf_twin.py).
"""

import argparse
import array
import json
import os
import subprocess
import sys
import tempfile

import gguf_twin
import safetensors
from bench import FUSIONS

TOLERANCE = 1e-4
# bf16 products keep 8 bits of each factor. The typical row (the median of the rows' largest differences) stays within
# this share of 1 + |logit|; a single row may not: another expert may win there.
BF16_TOLERANCE = 1e-1


class Case:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.io = safetensors.load(os.path.join(args.case, "io.safetensors"))
        self.failures, self.checks = [], 0
        # Whether logits are also made in chunks where no continuation is given.
        self.chunks = "at" in self.io
        weights = safetensors.load(os.path.join(args.case, "model.safetensors"))
        # The references compute in f32 whatever the weights are stored in.
        self.narrow = any(tensor.dtype == "BF16" for tensor in weights.values())
        self.options = ["--compute", "f32"] if self.narrow else []
        self.extra, more = [], os.path.join(args.case, "options.json")
        if os.path.exists(more):
            with open(more, encoding="utf-8") as file:
                self.extra = json.load(file)
        self.options += self.extra
        self.checkpoint, self.results = args.case, None
        if args.gguf:
            self.checkpoint = os.path.join(folder, "model.gguf")
            self.results = gguf_twin.write_twin(args.case, self.checkpoint)

    def tool(self, name, *options):
        command = [os.path.join(self.args.bin, name), *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            sys.exit(f"{' '.join(word[:200] for word in command)}\nexit code {done.returncode}\n{done.stderr}{done.stdout}")
        return done.stdout

    def compile(self, name, *options):
        path = os.path.join(self.folder, name)
        self.tool("sluice-compile", "--checkpoint", self.checkpoint, "--models", self.args.models, "-o", path, *self.options, *options)
        return path

    def run(self, model, sequences, *options):
        """Runs the entry over the sequences in one batch; returns its tensors."""
        out = os.path.join(self.folder, "out.safetensors")
        # Steps this small would be left to one thread.
        command = [model, "--share-all", "--out", out, *options]
        if any("marks" + name in self.io for name in sequences):
            self.tool("sluice-run", *command, "--in", self.inputs(sequences))
            return safetensors.load(out)
        for name in sequences:
            if "source_ids" + name in self.io and "encode" in options:
                command += ["--ids", self.ids("source_ids" + name)]
                continue
            command += ["--ids", self.ids("input_ids" + name)]
            if "source_ids" + name in self.io:
                command += ["--source-ids", self.ids("source_ids" + name)]
            if "token_types" + name in self.io:
                command += ["--token-types", self.ids("token_types" + name)]
            elif "token_types" in self.io:  # one sequence has them: so must all
                command += ["--token-types", ",".join("0" * self.io["input_ids" + name].shape[0])]
        self.tool("sluice-run", *command)
        return safetensors.load(out)

    def inputs(self, sequences):
        """A file with all that the case says of the sequences."""
        path, tensors = os.path.join(self.folder, "in.safetensors"), {}
        for index, name in enumerate(sequences):
            for key, input in ("input_ids", "ids"), ("token_types", "seg"), ("marks", "marks"):
                if key + name in self.io:
                    given = self.io[key + name]
                    values = array.array("i", given.values()).tobytes()
                    tensors[input + (f".{index}" if index else "")] = safetensors.Tensor("I32", given.shape, values)
        safetensors.save(path, tensors)
        return path

    def ids(self, name):
        return ",".join(map(str, self.io[name].values()))

    def at(self, name, result):
        """The rows that the reference has: all, or those that `at` names."""
        if "at" + name not in self.io:
            return result
        width = len(result.data) // result.shape[0]
        rows = self.io["at" + name].values()
        return safetensors.Tensor(result.dtype, [len(rows), *result.shape[1:]], b"".join(result.data[row * width : (row + 1) * width] for row in rows))

    def check(self, what, ok, detail=""):
        self.checks += 1
        if not ok:
            self.failures.append(f"{what}: {detail}")

    def close(self, what, expected, actual):
        worst, scaled = safetensors.difference(expected, actual)
        self.check(what, scaled <= TOLERANCE, f"largest difference {worst:.3g}, scaled {scaled:.3g}")
        return worst

    def roughly(self, what, expected, actual):
        typical = safetensors.typical_difference(expected, actual)
        self.check(what, typical <= BF16_TOLERANCE, f"typical difference {typical:.3g}")

    def same(self, what, expected, actual):
        if expected.data == actual.data:
            return self.check(what, True)
        worst, _ = safetensors.difference(expected, actual)
        self.check(what, False, f"bits differ, by up to {worst:.3g}")


# Results of a case: the entry that makes each (None: the one the model is for) and the entry's name for it.
RESULTS = {"logits": (None, "logits"), "rows": ("encode", "rows"), "vector": ("embed", "vector"), "sentence": ("sentence", "vector"),
           "scores": ("classify", "scores"), "tags": ("tag", "scores"), "spans": ("answer", "scores"), "next": ("next", "scores")}


def outputs(case):
    """For each result: its name, its name in the entry, the suffixes of the sequences that have it, options of sluice-run."""
    for output, (entry, tensor) in RESULTS.items():
        names = sorted(n[len(output) :] for n in case.io if n == output or n.startswith(output + ".") and n[len(output) + 1 :].isdigit())
        if names and (not case.results or output in case.results):
            yield output, tensor, names, ["--entry", entry] if entry else []


def largest(case):
    """The largest difference of prefill to the reference, without any other way of running."""
    fused = case.compile("fused.slc")
    return max(case.close(f"{output}{name}", case.io[output + name], case.at(name, case.run(fused, [name], *options)[tensor]))
               for output, tensor, names, options in outputs(case) for name in names)


def verify(case):
    fused, unfused = case.compile("fused.slc"), case.compile("unfused.slc", "--disable-pass", FUSIONS)
    worst = 0.0
    for output, tensor, names, options in outputs(case):
        alone = {}
        for name in names:
            alone[name] = result = case.run(fused, [name], *options)[tensor]
            worst = max(worst, case.close(f"{output}{name}", case.io[output + name], case.at(name, result)))
            case.same(f"{output}{name}, 1 thread", result, case.run(fused, [name], *options, "--threads", "1")[tensor])
            case.same(f"{output}{name}, unfused", result, case.run(unfused, [name], *options)[tensor])
            if output == "logits" and ("generated" + name in case.io or case.chunks):
                # Thousands of steps are too short to be shared among threads.
                for chunk in ("1", "300") if "at" + name in case.io else ("1", "3"):
                    threads = ["--threads", "1"] if "at" + name in case.io else []
                    case.same(f"{output}{name}, chunks of {chunk}", result, case.run(fused, [name], *options, "--chunk", chunk, *threads)[tensor])
                if "at" + name not in case.io:
                    case.same(f"{output}{name}, unfused decode", result, case.run(unfused, [name], *options, "--chunk", "1")[tensor])
        if len(names) > 1:
            batch = case.run(fused, names, *options)
            for index, name in enumerate(names):
                case.same(f"{output}{name}, in a batch", alone[name], batch[f"{tensor}.{index}"])
    for name in sorted(n for n in case.io if n.startswith("generated")):
        suffix = name[len("generated") :]
        expected = list(case.io[name].values())
        options = ["--ids", case.ids("input_ids" + suffix), "--generate", str(len(expected)), "--greedy", "--print-ids", "--ignore-stop"]
        if "source_ids" + suffix in case.io:
            options += ["--source-ids", case.ids("source_ids" + suffix)]
        actual = [int(word) for word in case.tool("sluice-run", fused, *options).replace(",", " ").split()]
        case.check(name, actual == expected, f"{actual} instead of {expected}")
    return worst


def verify_bf16(case):
    """Products in bf16: near the reference, and the same bits for prefill, decode and a batch."""
    case.options = [*case.extra, "--weights", "bf16"]
    model = case.compile("bf16.slc")
    names = sorted(n[len("logits") :] for n in case.io if n == "logits" or n.startswith("logits."))
    alone = {}
    for name in names:
        alone[name] = result = case.run(model, [name])["logits"]
        case.roughly(f"logits{name}, bf16", case.io["logits" + name], case.at(name, result))
        if "generated" + name in case.io:
            case.same(f"logits{name}, bf16 decode", result, case.run(model, [name], "--chunk", "1")["logits"])
    if len(names) > 1:
        batch = case.run(model, names)
        for index, name in enumerate(names):
            case.same(f"logits{name}, bf16 in a batch", alone[name], batch[f"logits.{index}"])


def stated(args):
    """What figures.json beside the families says the largest difference is below, if it knows the case."""
    folder, name = os.path.split(os.path.abspath(args.case))
    folder, family = os.path.split(folder)
    figures = os.path.join(folder, "figures.json")
    if not os.path.exists(figures):
        return None
    with open(figures, encoding="utf-8") as file:
        return json.load(file).get(f"{family}/{name}", {}).get("gguf" if args.gguf else "hf")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--models", required=True)
    parser.add_argument("--f32-only", action="store_true", help="weights that amplify rounding: do not try bf16")
    parser.add_argument("case")
    parser.add_argument("--gguf", action="store_true", help="compile the case's GGUF twin")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        case = Case(args, folder)
        worst = verify(case)
        if below := stated(args):
            case.check("figures", worst < float(below), f"docs/families.md says < {below}, found {worst:.2g}; see families.py --measure")
        if not args.f32_only:
            verify_bf16(case)
    print(f"{args.case}: {case.checks - len(case.failures)} of {case.checks} checks hold, largest difference to the reference {worst:.2g}")
    for failure in case.failures:
        print(f"  {failure}")
    sys.exit(1 if case.failures or case.checks == 0 else 0)


if __name__ == "__main__":
    main()
