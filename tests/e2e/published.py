#!/usr/bin/env python3
"""Plans published configurations with random weights, which are never made.

usage: published.py --bin DIR --models DIR --published DIR [--only FAMILY]

DIR/<family>.json maps names of models to the keys of their config.json. For each: the spec fits, the plan is made, and
what it says of parameters, weights, states and working memory is printed.
"""

import argparse
import collections
import json
import math
import os
import re
import subprocess
import sys
import tempfile

ELEMENTS = {"f32": (1, 4, 16), "bf16": (1, 2, 32), "i32": (1, 4, 1), "i8x32": (32, 34, 32)}     # numbers of a group, its bytes, depth of a panel
PANEL = 16
BLOCK = 128                             # positions of a block of a cache, of which a plan states the bytes
TOKENS = 512                            # of one step, of one sequence
WEIGHT = re.compile(r"plan\.weight @\S+ (\w+) (\w+) \[([\d, ]+)\](?!.* value dense)")
LAYERS = re.compile(r" layers \[([\d, ]+)\]")
STATE = re.compile(r"plan\.state @(\S+) (\w+) \{([^}]*)\} f32 bytes (\d+)")
BUFFER = re.compile(r'buffer "[^"]*" (\w+)(?: \* (\d+))? (\w+)\[(\d+)\] at \[(\d+), (\d+), (\d+)\]')
FUSION = re.compile(r"([\w-]+): (not fused|fused) at \S+(?: \(([^)]*)\))?: (.*?)(?: \(\S+(?: \(([^)]*)\))?\))?$")
SELECTED = re.compile(r"(wanted-rows): (fused) at \S+ (rows selected .*)$")


def ints(text):
    return [int(number) for number in text.split(",")]


def layers(line):
    found = LAYERS.search(line)
    return len(ints(found[1])) if found else 1


def up(value, unit):
    return -(-value // unit) * unit


def packed(element, layout, shape):
    """Bytes of a weight as the kernels read it."""
    group, size, depth = ELEMENTS[element]
    if layout == "rows":
        return math.prod(shape) // group * size
    if layout == "vector_glu":
        return math.prod(shape[:-1]) * 2 * up(shape[-1] // 2, PANEL) * size
    halves = 2 if layout == "panel_glu" else 1
    return math.prod(shape[:-2]) * halves * up(shape[-2] // halves, PANEL) * up(shape[-1], depth) // group * size


class Model:
    """What the stages say of one configuration."""

    def __init__(self, tool, spec, models, config, folder):
        path = os.path.join(folder, "config.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        self.command = [tool, "-q", spec, "--models", models, "--checkpoint", "random:1", "--config", path, "--weights", "bf16"]
        self.out = os.path.join(folder, "stage")
        self.stage("model")
        self.parameters = sum(math.prod(map(int, re.search(r"tensor<([\dx]*)x\w+>", line)[1].split("x"))) * layers(line)
                              for line in self.lines if line.lstrip().startswith("llm.weight"))
        self.stage("plan")
        self.weights, self.memory = 0, 0
        self.per_token, self.per_sequence = 0, 0
        for line in self.lines:
            if found := WEIGHT.search(line):
                self.weights += packed(found[1], found[2], ints(found[3])) * layers(line)
            elif found := STATE.search(line):
                self.state(line, found)
            for rows, times, element, columns, *at in BUFFER.findall(line):
                self.memory = max(self.memory, self.end(rows, int(times or 1), element, int(columns), list(map(int, at))))
        self.stage("fused", "--fusion-report")
        self.fusions, self.declined = collections.Counter(), set()
        for line in self.said.splitlines():
            found = FUSION.match(line) or SELECTED.match(line)
            if not found:
                raise ValueError(f"not a line of a fusion report: {line}")
            if found[2] == "fused":
                self.fusions[found[1]] += 1
            else:
                self.declined.add((found[1], found[4], found[3] or ""))

    def stage(self, name, *options):
        done = subprocess.run([*self.command, "--emit", name, *options, "-o", self.out], capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise ValueError(done.stderr)
        self.said = done.stderr
        with open(self.out, encoding="utf-8") as file:
            self.lines = file.read().splitlines()

    def state(self, line, found):
        size = int(found[4]) * layers(line)
        keep = re.search(r"(?:keep|chunk) = (\d+)", line)
        if found[2] == "fixed":
            self.per_sequence += size
        elif found[2] == "cache" and keep:
            self.per_sequence += size // BLOCK * int(keep[1])
        elif found[2] == "cache":
            self.per_token += size // BLOCK

    @staticmethod
    def end(rows, times, element, columns, at):
        """Where a buffer ends, in a step of TOKENS tokens of one sequence."""
        stride = (1 if columns == 1 else up(columns, 16)) * (2 if element == "bf16" else 4)
        count = {"tokens": TOKENS}.get(rows, 1) * times
        return at[0] + at[1] * TOKENS + at[2] + count * stride


def models(args, only=None):
    """(family, name, Model) of every configuration."""
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted(os.listdir(args.published)):
            family = file.removesuffix(".json")
            if only and family != only:
                continue
            with open(os.path.join(args.published, file), encoding="utf-8") as text:
                configs = json.load(text)
            for name, config in configs.items():
                spec = os.path.join(args.models, family + ".yaml")
                try:
                    yield family, name, Model(os.path.join(args.bin, "sluice-compile"), spec, args.models, config, folder)
                except ValueError as problem:
                    sys.exit(f"{name}: {problem}")


def size(count, units=("B", "kB", "MB", "GB", "TB")):
    """Three digits and a unit, in powers of 1000."""
    at = 0
    while count >= 999.5 and at + 1 < len(units):
        count, at = count / 1000, at + 1
    return f"{count:.{2 if count < 9.995 and at else 1 if count < 99.95 and at else 0}f} {units[at]}".strip()


def row(name, model):
    return [name, size(model.parameters, ("", "k", "M", "G", "T")).replace("G", "B"), size(model.weights), size(model.per_token) if model.per_token else "0",
            size(model.per_sequence) if model.per_sequence else "0", size(model.memory)]


def main():
    parser = argparse.ArgumentParser()
    for name in "bin", "models", "published":
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--only")
    args = parser.parse_args()
    for family, name, model in models(args, args.only):
        print(" | ".join([family, *row(name, model)]))


if __name__ == "__main__":
    main()
