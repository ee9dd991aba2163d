#!/usr/bin/env python3
"""docs/families.md: made from the specs, the reference cases with the figures of their tests, and the published configurations.

usage: families.py --bin DIR --source DIR [--measure [FAMILY or CASE...]]

Without --measure it fails if the page is not what it would be now; with SLUICE_UPDATE=1 it writes the page. --measure
computes every case (or those that are named) first and writes tests/reference/figures.json.
"""

import argparse
import ast
import collections
import functools
import glob
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

import family as cases
import gguf_twin
import published

FUSIONS = cases.FUSIONS.split(",")
# Why it is right that a fusion leaves something alone. A reason that is not here fails the test.
WHY = {
    ("fuse-rope-attention", "the result is not reshaped to rows"): "the results of two attentions are added first",
    ("fuse-norm-matmul", "the normalised rows are also read here"): "products of several kinds read the same normalised rows (attention beside an MLP, a router beside its experts, a residual behind a norm), and each would compute the norm again",
    ("fuse-epilogue", "the product's result is also read here"): "the sum goes on as the residual and into a norm beside the experts, so that it has to be stored",
    ("fuse-elementwise", "the value between is also read here"): "the sum goes on as the residual and into a norm, so that it has to be stored",
    ("fuse-moe-dispatch", "this op is not part of a router that can be fused"): "scores that are first limited to the best groups are computed by their own steps; the experts themselves are fused",
    ("fuse-rope-attention", "q, k or v is not reshaped from rows"): "keys are put together from a latent and a shared part, so that preparation is a step of its own",
    ("fuse-rope-attention", "the cache is not written here by keys and values"): "cross attention reads what another entry wrote: nothing is to be rotated or appended",
    ("fuse-rope-attention", "its values are channels of its keys"): "attention over a latent: queries and keys are put together from a part with positions and one without, so that preparation is steps of its own",
    ("fuse-elementwise", "the value between is broadcast"): "a factor of a row is computed once for the row and then spread over its channels",
    ("fuse-epilogue", "the product's epilogue already has a later step"): "an epilogue has its steps in one order; what comes behind the last of them is a step of its own",
    ("fuse-swiglu", "gate and up are not both products"): "rows times numbers of another kind, such as an expert's input times its share, are no gated unit",
    ("fuse-epilogue", "this function is not an epilogue"): "the exponential of how much of its sums a head keeps is a step of its own, behind a narrow product",
    ("merge-siblings", "not every layer that has one of their weights has the others"): "the first layer has no earlier values that its own could be mixed with",
    ("fuse-swiglu", "gate and up are products of different rows"): "the gate of the shared expert as a whole is one number for each row, no gated unit",
}


class Page:
    def __init__(self, args):
        self.args, self.source, self.problems = args, args.source, []
        self.alone, self.unplanned = [], []     # families without a case here, and without a published configuration
        self.models, self.reference = os.path.join(args.source, "models"), os.path.join(args.source, "tests/reference")
        self.published = os.path.join(args.source, "tests/published")
        self.families = sorted(os.path.basename(path)[:-5] for path in glob.glob(os.path.join(self.models, "*.yaml")))
        self.cases = {family: sorted(name for name in self.folders(family)) for family in self.families}
        self.twins, self.no_twin = gguf_twin.twins(self.models, self.reference)
        with open(os.path.join(self.reference, "figures.json"), encoding="utf-8") as file:
            self.figures = json.load(file)

    def folders(self, family):
        return [os.path.basename(os.path.dirname(path)) for path in glob.glob(os.path.join(self.reference, family, "*/io.safetensors"))]

    def names(self):
        return [f"{family}/{case}" for family in self.families for case in self.cases[family]]

    # --- what the specs say

    def files(self, path):
        """A spec's file with the bases and libraries that it uses."""
        found, todo = [], [path]
        while todo:
            path = todo.pop()
            if path in found:
                continue
            found.append(path)
            with open(path, encoding="utf-8") as file:
                lines = file.read().splitlines()
            uses = gguf_twin.block(lines, "use") + "\n" + "\n".join(line for line in lines if line.startswith("extends:"))
            for name in re.findall(r"[\w/]+\.yaml", uses):
                beside = os.path.join(os.path.dirname(path), name)
                todo.append(os.path.normpath(beside if os.path.exists(beside) else os.path.join(self.models, name)))
        return found

    @staticmethod
    def lines(path):
        with open(path, encoding="utf-8") as file:
            return sum(bool(line.strip()) for line in file)

    def match(self, family, format, key):
        with open(os.path.join(self.models, family + ".yaml"), encoding="utf-8") as file:
            block = gguf_twin.block(file.read().splitlines(), "match")
        found = re.search(rf"\b{format}:(?:(?!\b(?:hf|gguf|tensors):).)*?\b{key}: \[([^\]]*)\]", block, re.S)
        return re.findall(r"[\w-]+", found[1]) if found else []

    def entries(self, family):
        """Those of all cases, in the order of the plans."""
        found = []
        for case in self.cases[family]:
            command = [os.path.join(self.args.bin, "sluice-compile"), "-q", "-c", os.path.join(self.reference, family, case), "--models", self.models, "--emit", "plan"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=600)
            if done.returncode:
                self.problems.append(f"{family}/{case}: {done.stderr}")
            found += [name for name in re.findall(r"plan\.entry @(\w+)", done.stdout) if name not in found]
        return found

    @functools.lru_cache
    def script_text(self, path):
        """A script needs packages that this test does not, so that here it is only parsed."""
        with open(path, encoding="utf-8") as file:
            text = file.read()
        try:
            ast.parse(text, path)
        except SyntaxError as error:
            self.problems.append(f"{path}:{error.lineno}: {error.msg}")
        return text

    def scripts(self, family):
        """What wrote the cases of a family."""
        found = []
        for path in sorted(glob.glob(os.path.join(self.reference, "*.py"))):
            text = self.script_text(path)
            if os.path.basename(path)[:-3] == family or f'"{family}/' in text:
                kind = "its own code" if "--code" in text else "transformers" if "transformers" in text or "common" in text else "PyTorch"
                found.append(f"[{kind}](../tests/reference/{os.path.basename(path)})")
        if not found:
            self.problems.append(f"no script of tests/reference writes cases of {family}")
        return ", ".join(found)

    # --- the tables

    def figure(self, names, key):
        """The largest bound of some cases."""
        found = [self.figures[name][key] for name in names if key in self.figures.get(name, {})]
        return max(found, key=float) if found else None

    def family_rows(self):
        for family in self.families:
            spec = os.path.join(self.models, family + ".yaml")
            names = [f"{family}/{case}" for case in self.cases[family]]
            if not names:
                self.alone.append(family)
                continue
            if missing := [name for name in names if name not in self.figures]:
                self.problems.append(f"no figures of {', '.join(missing)}: run --measure {family}")
                continue
            twins = [name for name in names if name in self.twins]
            if self.match(family, "gguf", "architecture") and not twins:
                self.problems.append(f"{family} has a GGUF architecture, but no case with a twin")
            yield [f"[{family}](../models/{family}.yaml)", self.lines(spec), sum(map(self.lines, self.files(spec))), ", ".join(self.entries(family)),
                   f"{self.scripts(family)}: " + ", ".join(self.cases[family]), "< " + self.figure(names, "hf"), f"< {self.figure(names, 'gguf')}" if twins else "-"]

    def name_rows(self):
        """The names that checkpoints have by format; architectures in brackets are read by another family's spec."""
        for family in self.families:
            own = self.match(family, "gguf", "architecture")
            other = sorted({gguf_twin.architecture_of(os.path.join(self.reference, name))
                            for name in self.twins if name.startswith(family + "/")} - set(own))
            why = [f"{case}: {self.no_twin[f'{family}/{case}']}" for case in self.cases[family] if f"{family}/{case}" in self.no_twin]
            yield [family, ", ".join(self.match(family, "hf", "architectures")), ", ".join([*own, *(f"({name})" for name in other)]) or "-", "; ".join(why) if own or other else ""]

    def published_tables(self):
        rows, fusions, declined, seen = [], [], collections.defaultdict(set), set()
        for family, name, model in published.models(argparse.Namespace(bin=self.args.bin, models=self.models, published=self.published)):
            rows.append(published.row(name, model))
            seen.add(family)
            marks = tuple(model.fusions[fusion] for fusion in FUSIONS)
            fusions.append((family, name, marks))
            for fusion, reason, where in model.declined:
                declined[fusion, reason].add((family, where))
        self.unplanned = [family for family in self.families if family not in seen]
        return rows, self.fusion_rows(fusions), self.declined_rows(declined)

    @staticmethod
    def fusion_rows(found):
        """Models of a family that have the same fusions are one row."""
        groups = collections.OrderedDict()
        for family, name, marks in found:
            groups.setdefault((family, marks), []).append(name)
        alone = collections.Counter(family for family, _ in groups)
        return [[family + (": " + ", ".join(names) if alone[family] > 1 else ""), *(mark or "" for mark in marks)] for (family, marks), names in groups.items()]

    def declined_rows(self, declined):
        for (fusion, reason), places in sorted(declined.items()):
            if (fusion, reason) not in WHY:
                self.problems.append(f"families.py does not say why {fusion} leaves alone what it does: {reason} ({', '.join(sorted(family for family, _ in places))})")
            yield [fusion, reason, ", ".join(sorted({family for family, _ in places})), WHY.get((fusion, reason), "")]

    def text(self):
        families, names = list(self.family_rows()), list(self.name_rows())
        configurations, fused, declined = self.published_tables()
        unused = {name for name in self.no_twin if name.split("/")[0] in self.families and name.split("/")[1] not in self.cases[name.split("/")[0]]}
        self.problems += [f"no-gguf.json names {name}, which is no case" for name in sorted(unused)]
        median = statistics.median(row[1] for row in families) if families else 0
        return TEXT.format(
            alone=f"\nWithout a case in the tree: {', '.join(self.alone)}.\n" if self.alone else "",
            unplanned=f"\nWithout a configuration here: {', '.join(self.unplanned)}.\n" if self.unplanned else "",
            families=table(["family", "lines", "with bases", "entries", "cases", "HF", "GGUF"], families), median=f"{median:g}",
            names=table(["family", "HF classes", "GGUF architectures", "cases without a GGUF twin"], names),
            configurations=table(["model", "parameters", "weights", "state per token", "state per sequence", "working memory"], configurations),
            fusions=table(["family", *FUSIONS], fused), declined=table(["fusion", "says", "in", "why"], declined), tokens=published.TOKENS)


TEXT = """# Families

This page is made by `tests/e2e/families.py` and fails its test when it is stale: `SLUICE_UPDATE=1 ctest --test-dir
build/release -R e2e/families` writes it anew, after a new case with the figures that
`tests/e2e/families.py --bin build/release/bin --source . --measure FAMILY` measures.

Each family is one YAML file, with the bases and libraries that it uses. Their median is {median} lines. The cases are small seeded
models ([tests/reference](../tests/reference/README.md)) whose results were computed by the reference that is named. HF and GGUF
say by how much the results of prefill differ from the reference's at most, from safetensors and from GGUF files. Decode token by token, chunks of
three, a ragged batch, one thread and code without fusions have the bits of prefill, or the test of the case
fails, so that their largest error is the same number; greedy continuations are the reference's ids.

{families}
{alone}
## Names of checkpoints

The classes that `config.json` names, and the architectures that a GGUF file names, by which a spec is found. Architectures in brackets are
read by another family's spec. GGUF twins of the cases are written by `tests/e2e/gguf_twin.py`; what the format cannot say has none.

{names}

## Published configurations

Configurations as they are published (`tests/published`), planned with random weights that are never made. Weights are those of the
artifact with `--weights bf16`, matrices as the kernels read them. States are f32: that of a sequence besides what grows with its tokens
is that of windows, once they are full. Working memory is that of a step of {tokens} tokens of one sequence, all of whose logits may be wanted.

{configurations}
{unplanned}
## Fusions

How often each fusion fires in the configurations above, for each distinct layer (`--fusion-report`).

{fusions}

What the report says of places where a fusion could have fired and did not:

{declined}
"""


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def bound(worst):
    """The power of ten above twice the difference, which holds on other machines, too; at most what is tolerated."""
    return next((text for text in ("1e-07", "1e-06", "1e-05") if float(text) >= 2 * worst), "1e-04")


def measure(page, wanted):
    for name in page.names():
        family = name.split("/")[0]
        if wanted and family not in wanted and name not in wanted:
            continue
        found = {}
        for key, options in [("hf", []), *([("gguf", ["--gguf"])] if name in page.twins else [])]:
            args = argparse.Namespace(bin=page.args.bin, models=page.models, case=os.path.join(page.reference, name), gguf=bool(options))
            try:
                with tempfile.TemporaryDirectory() as folder:
                    case = cases.Case(args, folder)
                    found[key] = bound(cases.largest(case))
                failures = case.failures
            except (SystemExit, ValueError, OSError) as problem:
                failures = [str(problem)]
            if failures:
                page.problems.append(f"{name}, {key}: {failures}")
        print(name, found, flush=True)
        page.figures[name] = found
        save(page)


def save(page):
    page.figures = {name: page.figures[name] for name in sorted(page.figures) if name in page.names()}
    with open(os.path.join(page.reference, "figures.json"), "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(found)}" for name, found in page.figures.items()) + "\n}\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--measure", nargs="*")
    args = parser.parse_args()
    args.bin, args.source = os.path.abspath(args.bin), os.path.abspath(args.source)
    page = Page(args)
    if args.measure is not None:
        measure(page, args.measure)
    text, path = page.text(), os.path.join(args.source, "docs/families.md")
    if os.environ.get("SLUICE_UPDATE"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    with open(path, encoding="utf-8") as file:
        old = file.read().splitlines()
    stale = [f"docs/families.md lacks: {line}" for line in text.splitlines() if line not in old]
    if stale or old != text.splitlines():
        page.problems.append("docs/families.md is stale; run this test with SLUICE_UPDATE=1")
    for problem in [*page.problems, *stale]:
        print(problem)
    print(f"{len(page.families)} families, {len(page.names())} cases")
    sys.exit(bool(page.problems))


if __name__ == "__main__":
    main()
