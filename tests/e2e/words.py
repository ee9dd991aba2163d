#!/usr/bin/env python3
"""Every word of the spec language and every value of an attribute: compiled, run, and compared with the evaluator.

usage: words.py --bin DIR --models DIR --reference DIR [--each] [--only NAME]

The cases (word_cases.py) of a kind share a spec, a block each, with outputs of their names. One sequence of one row, one
of a few and one of more rows than attention takes in a block of positions run in a batch; the outputs of the fused
and of the unfused artifact are the evaluator's. A case that the compiler refuses must name what is refused and its line.
--each: every case alone, to see all that fail.
"""

import argparse
import array
import json
import os
import random
import re
import subprocess
import sys
import tempfile

import safetensors
from bench import FUSIONS
from word_cases import WIDTH, Case, Weight, cases

VOCAB = 23
BF16_TOLERANCE = 3e-3
SEQUENCES = [[5], [1, 2, 22, 4, 5, 6, 3], [(7 * i * i + i) % VOCAB for i in range(141)]]

# Cases of a spec, each an output of its entry: half of how many that may have.
MOST = 128


def narrowed(value):
    """The bits of the nearest bf16 number, ties to even."""
    bits = int.from_bytes(array.array("f", [value]).tobytes(), "little")
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def tensor(name, weight):
    count = 1
    for size in weight.shape:
        count *= size
    random_of = random.Random(name)
    make = weight.values or (lambda _, value: value)
    values = [float(make(i, random_of.gauss(0, 1))) for i in range(count)]
    if weight.type == "BF16":
        return safetensors.Tensor("BF16", weight.shape, array.array("H", map(narrowed, values)).tobytes())
    return safetensors.Tensor("F32", weight.shape, array.array("f", values).tobytes())


def leaves(weights, path, indent, tensors):
    """The weights of a group as YAML; their tensors are added."""
    lines = []
    for name, weight in weights.items():
        full = f"{path}.{name}"
        if isinstance(weight, dict):
            lines += [f"{indent}{name}:"] + leaves(weight, full, indent + "  ", tensors)
            continue
        bias = ", bias: true" if weight.bias else ""
        experts = len(weight.shape) > 2
        source = full + (".*" if weight.bias else "")
        lines.append(f"{indent}{name}: {{shape: {weight.shape}, hf: {source}{bias}{weight.extra}}}")
        tensors[full + ".weight" if weight.bias else full] = tensor(full, weight)
        if weight.bias:
            tensors[full + ".bias"] = tensor(full + ".bias", Weight(weight.shape[:2] if experts else weight.shape[: 1 if len(weight.shape) > 1 else None]))
    return lines


def spec_of(kind, group):
    """The text of the spec and the checkpoint's tensors."""
    tensors = {"embed": tensor("embed", Weight([VOCAB, WIDTH]))}
    weights, states, blocks, nodes, inputs = [], [], [], [], set()
    for case in group:
        weights += [f"  {case.name}:"] * bool(case.weights) + leaves(case.weights, case.name, "    ", tensors)
        if case.state:
            states += [f"  {case.name}:", f"    {case.state}"]
        used = [name for name in ("ids", "pos", "types", "x") if re.search(rf"\b{name}\b", case.nodes.replace("pos:", ""))]
        inputs.update(used)
        blocks += [f"  {case.name}:", f"    inputs: [{', '.join(used)}]", "    returns: [y]", "    nodes:"]
        blocks += ["      " + line for line in case.nodes.splitlines()]
        blocks += [f"  {case.blocks}"] * bool(case.blocks)
        scope = f", in: {case.name}" if case.weights or case.state else ""
        nodes.append(f"      - {case.name}: {{block: {case.name}{scope}{''.join(f', {name}: {name}' for name in used)}}}")
    types = {"ids": "tokens", "pos": "positions", "types": "token_types"}
    given = ", ".join(f"{name}: {type}" for name, type in types.items() if name == "ids" or name in inputs)
    outputs = ", ".join(f"{case.name}: {case.name}" for case in group)
    generates = kind == "generate"
    lines = ["sluice: 1", "family: words", "match: {hf: {architectures: [Words]}}", "config: {context: {type: int, hf: max_position_embeddings}}"]
    lines += ["weights:", f"  embed: {{shape: [{VOCAB}, {WIDTH}], hf: embed}}"] + weights
    lines += ["state:"] * bool(states) + states + ["blocks:"] + blocks
    lines += ["entries:", f"  {kind}:", f"    inputs: {{{given}}}"] + ["    positions: {kind: linear}"] * ("pos" in inputs)
    lines += ["    nodes:"] + ["      - x: {embedding: ids, w: embed}"] * ("x" in inputs or generates) + nodes
    if generates:
        lines += ["      - logits: {act: x, fn: exp}"]
        outputs = "logits: logits, " + outputs
    return "\n".join(lines + [f"    outputs: {{{outputs}}}"]) + "\n", tensors


def off(expected, found):
    """The largest difference, relative to 1 + |expected|."""
    worst = max((abs(f - e) / (1 + abs(e)) for f, e in zip(found, expected)), key=lambda d: d if d == d else float("inf"), default=0)
    return worst if worst == worst else float("inf")


class Words:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.checkpoint = os.path.join(folder, "checkpoint")
        os.mkdir(self.checkpoint)
        self.failures, self.checks, self.worst = [], 0, 0.0

    def path(self, name):
        return os.path.join(self.folder, name)

    def tool(self, name, *options):
        return subprocess.run([os.path.join(self.args.bin, name), *options], capture_output=True, text=True, timeout=600)

    def check(self, what, ok, detail=""):
        self.checks += 1
        if not ok:
            self.failures.append(f"{what}: {detail}")
        return ok

    def write(self, kind, group):
        text, tensors = spec_of(kind, group)
        with open(self.path("words.yaml"), "w", encoding="utf-8") as file:
            file.write(text)
        with open(os.path.join(self.checkpoint, "config.json"), "w", encoding="utf-8") as file:
            json.dump({"architectures": ["Words"], "max_position_embeddings": 256}, file)
        safetensors.save(os.path.join(self.checkpoint, "model.safetensors"), tensors)
        return text

    def compile(self, what, output, *options):
        done = self.tool("sluice-compile", self.path("words.yaml"), "-c", self.checkpoint, "--models", self.args.models, "--quiet", "-o", self.path(output), *options)
        return self.check(f"compile {what}", done.returncode == 0, done.stderr.strip())

    def evaluate(self, what, stage, *options):
        """By output, what the evaluator computes from a stage."""
        if not self.compile(what, "stage.mlir", "--emit", stage, "--locations", *options):
            return None
        steps = ";".join(",".join(map(str, ids)) for ids in SEQUENCES)
        steps = ";".join(",".join(map(str, ids)) + self.types(ids, " types=") for ids in SEQUENCES) if self.typed() else steps
        out = self.path("evaluated.json")
        done = self.tool("sluice-opt", self.path("stage.mlir"), f"--evaluate=steps={{{steps}}} checkpoint={self.checkpoint} spec={self.path('words.yaml')} models={self.args.models} to={out}", "-o", os.devnull)
        if not self.check(f"evaluate {what}", done.returncode == 0, done.stderr.strip()):
            return None
        with open(out, encoding="utf-8") as file:
            return {output["name"]: output for output in json.load(file)["steps"][0]["outputs"]}

    def typed(self):
        with open(self.path("words.yaml"), encoding="utf-8") as file:
            return "types: token_types" in file.read()

    @staticmethod
    def types(ids, before=""):
        return before + ",".join(str(i % 3 % 2) for i in range(len(ids)))

    def run(self, model, *options):
        command = [self.path(model), "--share-all", "--out", self.path("out.safetensors"), *options]
        for ids in SEQUENCES:
            command += ["--ids", ",".join(map(str, ids))]
            if self.typed():
                command += ["--token-types", self.types(ids)]
        done = self.tool("sluice-run", *command)
        return safetensors.load(self.path("out.safetensors")) if self.check(f"run {model}", done.returncode == 0, done.stderr.strip()) else None

    def compare(self, what, case, expected, found, tolerance=0.0):
        """The sequences' rows follow one another in what the evaluator gives."""
        tolerance = max(tolerance, case.tolerance)
        values = [value for s in range(len(SEQUENCES)) for value in found[f"{case.name}.{s}"].values()]
        data = expected[case.name]["data"]
        if not self.check(what, len(values) == len(data), f"{len(values)} numbers instead of {len(data)}"):
            return
        worst = off(data, values)
        self.worst = max(self.worst, worst / tolerance)
        self.check(what, worst <= tolerance, f"off by {worst:.3g}")

    def group(self, kind, group):
        what = group[0].name if len(group) == 1 else f"{kind} of {len(group)} cases"
        self.write(kind, group)
        expected = self.evaluate(what, "model")
        if not expected:
            return
        fused = self.evaluate(what, "fused")
        for case in group if fused else ():
            worst = off(expected[case.name]["data"], fused[case.name]["data"])
            self.check(f"{case.name}: stage fused", worst <= 1e-6, f"off by {worst:.3g}")
        runs = [("fused", [], [[]]), ("unfused", ["--disable-pass", FUSIONS], [[]])]
        if kind == "generate":
            runs[0][2].extend([["--chunk", "1"], ["--chunk", "7"]])
            self.narrow(what, group)
        first = None
        for build, options, ways in runs:
            if not self.compile(f"{what} {build}", f"{build}.slc", *options):
                continue
            for way in ways:
                found = self.run(f"{build}.slc", *way)
                if not found:
                    continue
                for case in group:
                    self.compare(" ".join([f"{case.name}:", build, *way]), case, expected, found)
                first = first or found
                for name in found:
                    self.check(f"{name} {build} {way}: bits", found[name].data == first[name].data, "differ")
        if first:
            self.resolved(what, first)

    def resolved(self, what, first):
        """The spec as bound to the checkpoint is valid input, and binds to the same model."""
        shown = self.path("resolved.yaml")
        if not self.compile(what, "resolved.yaml", "--emit", "spec"):
            return
        done = self.tool("sluice-compile", shown, "-c", self.checkpoint, "--models", self.args.models, "--quiet", "-o", self.path("resolved.slc"))
        if not self.check(f"resolved {what}", done.returncode == 0, done.stderr.strip()[:2000]):
            return
        found = self.run("resolved.slc")
        for name in found or ():
            self.check(f"{name} resolved: bits", found[name].data == first[name].data, "differ")

    def narrow(self, what, group):
        """Matrices and products in bf16: a factor that lies between two of its numbers may be rounded to either."""
        expected = self.evaluate(what, "model", "--weights", "bf16")
        if not expected or not self.compile(f"{what} bf16", "bf16.slc", "--weights", "bf16"):
            return
        found = self.run("bf16.slc", "--chunk", "7")
        for case in group if found else ():
            self.compare(f"{case.name}: bf16", case, expected, found, BF16_TOLERANCE)

    def two_entries(self):
        """A source and a decoder, on weights of a seed."""
        with open(self.path("config.json"), "w", encoding="utf-8") as file:
            json.dump({"architectures": ["TwoEntries"], "max_position_embeddings": 256, "kinds": ["far", "near", "far"]}, file)
        spec = os.path.join(os.path.dirname(os.path.abspath(__file__)), "two_entries.yaml")
        common = [spec, "-c", "random:7", "--config", self.path("config.json"), "--models", self.args.models, "--quiet"]
        for name, *options in ("model.slc",), ("plain.slc", "--disable-pass", FUSIONS), ("model.mlir", "--emit", "model", "--locations"), ("fused.mlir", "--emit", "fused", "--locations"):
            done = self.tool("sluice-compile", *common, "-o", self.path(name), *options)
            if not self.check(f"two entries: {name}", done.returncode == 0, done.stderr.strip()):
                return
        sources = [[3], [9, 8, 7, 6, 5, 4], list(range(20))]
        texts = [[",".join(map(str, ids)) for ids in lists] for lists in (sources, SEQUENCES)]
        steps = f"source: {' ; '.join(texts[0])} | generate: {' ; '.join(texts[1])}"
        results = []
        for stage in "model", "fused":
            done = self.tool("sluice-opt", self.path(stage + ".mlir"), f"--evaluate=steps={{{steps}}} seed=7 to={self.path('out.json')}", "-o", os.devnull)
            if not self.check(f"two entries: evaluate {stage}", done.returncode == 0, done.stderr.strip()):
                return
            with open(self.path("out.json"), encoding="utf-8") as file:
                results.append(json.load(file)["steps"][1]["outputs"][0])
        logits = Case("logits", "")
        worst = off(results[0]["data"], results[1]["data"])
        self.check("two entries: stage fused", worst <= 1e-6, f"off by {worst:.3g}")
        given = [option for ids, source in zip(texts[1], texts[0]) for option in ("--ids", ids, "--source-ids", source)]
        for model in "model.slc", "plain.slc":
            for way in [], ["--chunk", "1"], ["--chunk", "7"]:
                done = self.tool("sluice-run", self.path(model), "--out", self.path("out.safetensors"), "--share-all", *given, *way)
                if self.check(f"two entries: {model} {way}", done.returncode == 0, done.stderr.strip()):
                    self.compare(f"two entries: {model} {way}", logits, {"logits": results[0]}, safetensors.load(self.path("out.safetensors")))

    def refused(self, case):
        text = self.write(case.kind, [case])
        if case.imported and not self.evaluate(case.name, "fused"):
            return
        done = self.tool("sluice-compile", self.path("words.yaml"), "-c", self.checkpoint, "--models", self.args.models, "--quiet", "-o", self.path("refused.slc"))
        place = re.search(r"words\.yaml:(\d+):\d+: error: (.*)", done.stderr)
        line = text.splitlines()[int(place.group(1)) - 1] if place else ""
        self.check(case.name, done.returncode == 1 and place and case.refused in place.group(2) and case.refused_at in line,
                   f"expected to be refused at its line with '{case.refused}', found: {done.stderr.strip()}")


def attributes(definition):
    """The slots of an op of the schema: the values that each must be seen with, or None for any. Flags are scalars there."""
    for slot, form in definition["properties"].items():
        if slot in ("when", "doc"):
            continue
        if slot in ("truncate", "both_ways", "two_sided"):
            yield slot, ["true", "false"]
            continue
        words = next((one["enum"] for one in form.get("anyOf", []) if "enum" in one), [None])
        yield slot, words


def uncovered(models, text):
    """Words, slots and values of the schema that no node of the cases has."""
    with open(os.path.join(models, "schema", "spec.schema.json"), encoding="utf-8") as file:
        definitions = json.load(file)["$defs"]
    nodes = re.findall(r"\{(\w+): ([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}", text)
    missing = []
    for key, definition in definitions.items():
        word = key.removeprefix("op_")
        if word == key:
            continue
        own = [rest for found, rest in nodes if found == word]
        for slot, values in attributes(definition):
            for value in values:
                wanted = rf"\b{slot}: {value}\b" if value else rf"\b{slot}: "
                if not (own if slot == word else [rest for rest in own if re.search(wanted, rest)]):
                    missing.append(f"{word} {slot}" + (f": {value}" if value else ""))
    for term in ("causal", "all", "window", "band", "chunk", "prefix", "segments", "keys", "queries", "blocks", "any"):
        if not re.search(rf"attention: .*mask: \[.*\b{term}\b", text):
            missing.append(f"mask {term}")
    return missing


def main():
    parser = argparse.ArgumentParser()
    for option in "--bin", "--models", "--reference":
        parser.add_argument(option, required=True)
    parser.add_argument("--each", action="store_true")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    table = [case for case in cases() if args.only in case.name]
    with tempfile.TemporaryDirectory() as folder:
        words = Words(args, folder)
        if not args.only:
            missing = uncovered(args.models, "\n".join(case.nodes for case in table))
            words.check("every word and value has a case", not missing, ", ".join(missing))
            words.two_entries()
            # Positions go on from step to step where nothing is kept, too.
            words.group("generate", [case for case in table if case.name == "number_generate"])
        for case in table:
            if case.refused:
                words.refused(case)
        for kind in "encode", "generate":
            group = [case for case in table if case.kind == kind and not case.refused]
            size = 1 if args.each else MOST
            for first in range(0, len(group), size):
                words.group(kind, group[first : first + size])
    print(f"{len(table)} cases: {words.checks - len(words.failures)} of {words.checks} checks hold, largest difference {words.worst:.2g} of its tolerance")
    for failure in words.failures:
        print(f"  {failure}")
    sys.exit(1 if words.failures or words.checks == 0 else 0)


if __name__ == "__main__":
    main()
