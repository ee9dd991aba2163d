#!/usr/bin/env python3
"""Checks what the records of the ops say of them.

usage: ops.py --bin DIR --source DIR --tblgen PROGRAM [-I DIR]...

Every op of the dialects has a description and an example in it, ```mlir. sluice-opt reads and prints each example as
it stands, but for names of values, blanks and how a number is spelled, and what it prints reads again as the same.
Values that an example does not define become results of an op of the test; steps of a plan are put into a program.

docs/ops.md is what dialects/generate_op_docs.py makes of the records. With SLUICE_UPDATE=1 it is written anew.
"""

import argparse
import os
import re
import struct
import subprocess
import sys

VALUE = re.compile(r"%[\w$.-]+(?:#\d+)?")
DEFINED = re.compile(r"^\s*(%[\w$.-]+(?::\d+)?(?:, *%[\w$.-]+)*) = ", re.MULTILINE)
ARGUMENTS = re.compile(r"(?:\^\w+|body)\(([^)]*)\)")
NUMBER = re.compile(r"(?<![\w.%@#])-?\d+\.\d+(?:[eE][+-]?\d+)?(?![\w.])")
SPLIT = "// -----\n"


def results(line):
    """The values on the left of a `=`; `%x:2` stands for %x#0 and %x#1."""
    for name in line.split(","):
        name, _, count = name.strip().partition(":")
        yield from [f"{name}#{i}" for i in range(int(count))] if count else [name]


def free_values(example):
    """The values that an example uses and does not define, in order."""
    defined = {name for line in DEFINED.findall(example) for name in results(line)}
    for arguments in ARGUMENTS.findall(example):
        defined.update(VALUE.findall(arguments))
    return [name for name in dict.fromkeys(VALUE.findall(example)) if name not in defined]


def canonical(text):
    """The lines of a piece of IR without what may differ."""
    text = DEFINED.sub(lambda match: ", ".join(results(match[1])) + " = ", text)
    names = {}
    text = VALUE.sub(lambda match: names.setdefault(match[0], f"%{len(names)}"), text)
    text = NUMBER.sub(lambda match: struct.pack("<f", float(match[0])).hex(), text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


class Tester:
    def __init__(self, opt):
        self.opt = opt

    def run(self, text):
        return subprocess.run([self.opt, "--allow-unregistered-dialect", "--split-input-file", "-"], input=text,
                              text=True, capture_output=True, timeout=120)

    def types(self, op, example, names):
        """What the parser takes each free value for: it says so where one is defined as something else."""
        chunks = [self.module(op, f'{example}\n{name} = "test.value"() : () -> none') for name in names]
        told = self.run(SPLIT.join(chunks)).stderr if chunks else ""
        types = re.findall(r"previously used here with type '(.*)'$", told, re.MULTILINE)
        return types if len(types) == len(names) else None

    @staticmethod
    def module(op, text):
        return f"plan.program @p for @e tokens 1 {{\n{text}\n}}\n" if op.in_program() else text + "\n"

    def problem(self, op, example):
        if not re.search(rf"(^|\s){'' if op.in_program() else re.escape(op.dialect) + '.'}{op.mnemonic}\b", example):
            return "the example does not show the op"
        names = free_values(example)
        types = self.types(op, example, names)
        if types is None:
            done = self.run(self.module(op, example))
            return f"the example does not parse:\n{done.stderr}"
        given = [f'{name} = "test.value"() : () -> {type}' for name, type in zip(names, types)]
        first = self.run(self.module(op, "\n".join([*given, example])))
        if first.returncode:
            return f"the example does not hold:\n{first.stderr}"
        printed = canonical(first.stdout)
        expected = canonical(f"module {{\n{self.module(op, chr(10).join([*given, example]))}\n}}")
        if printed != expected:
            wrong = next((pair for pair in zip(expected, printed) if pair[0] != pair[1]), (expected[-1], printed[-1]))
            return f"the example says\n  {wrong[0]}\nsluice-opt prints\n  {wrong[1]}"
        again = self.run(first.stdout)
        return None if again.stdout == first.stdout else f"what is printed does not read again:\n{again.stderr}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--tblgen", required=True)
    parser.add_argument("-I", dest="includes", action="append", default=[])
    args = parser.parse_args()
    sys.path.insert(0, os.path.join(args.source, "dialects"))
    import generate_op_docs
    import op_records
    records = op_records.Records(args.tblgen, args.source, args.includes)
    tester, failures, count = Tester(os.path.join(args.bin, "sluice-opt")), [], 0
    for dialect in op_records.SOURCES:
        for op in records.ops(dialect):
            problems = [] if op.prose else ["has no description"]
            problems += [] if op.examples else ["has no example in its description (```mlir)"]
            count += len(op.examples)
            problems += [found for found in (tester.problem(op, example) for example in op.examples) if found]
            failures += [f"{op.file}:{op.line}: {op.name}: {problem}" for problem in problems]
    page = os.path.join(args.source, "docs", "ops.md")
    text = generate_op_docs.page(records, args.source)
    if os.environ.get("SLUICE_UPDATE"):
        with open(page, "w", encoding="utf-8") as file:
            file.write(text)
    with open(page, encoding="utf-8") as file:
        if file.read() != text:
            failures.append("docs/ops.md is not what the records say; run this test with SLUICE_UPDATE=1")
    print(f"{count} examples")
    for failure in failures:
        print(failure)
    sys.exit(bool(failures))


main()
