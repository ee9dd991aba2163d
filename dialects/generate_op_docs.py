#!/usr/bin/env python3
"""Writes docs/ops.md, the reference of the ops, from their records.

usage: generate_op_docs.py --source DIR --tblgen PROGRAM [-I DIR]... > docs/ops.md

The test e2e/ops does it with SLUICE_UPDATE=1, and fails where the page is stale.
"""
import argparse
import itertools
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "llm"))
from generate_op_registry import Registry  # noqa: E402
from op_records import Records, dedent  # noqa: E402

INTRO = """# Ops

The ops of the dialects `llm` (what a model computes) and `plan` (what the runtime does), made from
`dialects/llm/*.td` and `dialects/plan/*.td` by `dialects/generate_op_docs.py`. How specs write the words is said in
[spec-language.md](spec-language.md); where an op goes from here in [architecture.md](architecture.md).

What the first column of a table says:

| | |
|---|---|
| word | stands beside the word in a spec: `rms_norm: x` |
| slot | a spec writes it by name: `eps: 1.0e-5` |
| compiler | the compiler supplies it, a spec never writes it |
| in, attr | operand and attribute of an op that has no word |
| out | what the op gives |

*Rows alone* says that a row of the result depends on the same row of the operands only; *elementwise*, that an element
depends on one element of each operand, by the formula that is given. The word `identity` is no op: it gives a value
another name.
"""
SPANS = re.compile(r"(`[^`]*`)")
BUILTIN = {"BoolAttr": "true or false", "DenseI64ArrayAttr": "list of ints", "StrAttr": "text", "Index": "index",
           "FlatSymbolRefAttr": "a symbol", "SymbolNameAttr": "its name", "TypeAttr": "a type", "I64Attr": "int",
           "F32Attr": "float", "LLM_Int": "int", "LLM_Float": "float", "DictionaryAttr": "attributes by name",
           "AnyType": "a value", "UnitAttr": "there or not", "ArrayAttr": "a list", "ElementsAttr": "numbers"}


def prose(text):
    """Plain text as Markdown: what would be markup is escaped, but for code."""
    def plain(part):
        return part if part.startswith("`") else re.sub(r"[*<|~]|(?<=\])\(", r"\\\g<0>", part)
    return "".join(plain(part) for part in SPANS.split(text))


def anchor(title):
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def title_of(source, path):
    """A file of ops says its subject in its first line."""
    with open(os.path.join(source, path), encoding="utf-8") as file:
        return file.readline().removeprefix("//").strip().split(". ")[0].rstrip(".")


class Reference:
    def __init__(self, op, registry):
        self.op, self.record, self.records, self.registry = op, op.record, op.records, registry

    def words(self):
        return [self.records[word["def"]]["word"] for word in self.record.get("words") or []]

    def enum(self, constraint):
        """The record with the cases of an attribute that is a word."""
        return constraint if "enumerants" in constraint else self.records.get((constraint.get("enum") or {}).get("def"))

    def takes(self, constraint, name):
        """What an argument or result may be, and what it is when left out."""
        base, record, wrappers = self.registry.unwrap(constraint)
        if base in BUILTIN:
            text = BUILTIN[base]
        elif enum := self.enum(record):
            text = " ".join(f"`{self.records[case['def']]['str']}`" for case in enum["enumerants"])
        elif "TypeDef" in record["!superclasses"]:
            text = f"`!{self.op.dialect}.{record['mnemonic']}`"
        else:
            text = record["summary"]
        text = prose(re.sub(r"(?<!`)tensor<[^ ]*>", r"`\g<0>`", text))
        if "Variadic" in wrappers:
            text += "; any number"
        outer = self.records[constraint]
        if "DefaultValuedAttr" in wrappers or "DefaultValuedOptionalAttr" in wrappers:
            text += f"; `{outer['defaultValue'].split('::')[-1].removesuffix('f')}` if left out"
        elif wrappers - {"Variadic"} or (base == "UnitAttr" and text != BUILTIN[base]):
            text += "; may be left out"
        return text

    def role(self, argument, name):
        if self.words():
            if name in self.record["primary"]:
                return "word"
            return "compiler" if self.registry.slot(self.record, argument, name)["implied"] else "slot"
        return "in" if "TypeConstraint" in self.registry.unwrap(argument)[1]["!superclasses"] else "attr"

    def rows(self):
        """First what a spec writes, in the order of the op's arguments."""
        rows = []
        for argument, name in self.record["arguments"]["args"]:
            kind = argument["def"]
            enum = self.enum(self.registry.unwrap(kind)[1])
            meaning = self.registry.docs.get(name, "") if self.words() else enum["summary"] if enum else ""
            rows.append((self.role(kind, name), name, self.takes(kind, name), meaning))
        order = ["word", "slot", "in", "attr", "compiler"]
        rows.sort(key=lambda row: order.index(row[0]))
        for result, name in self.record["results"]["args"]:
            rows.append(("out", name, self.takes(result["def"], name), ""))
        return rows

    def table(self):
        rows = self.rows()
        if not rows:
            return []
        return ["| | | takes | meaning |", "|---|---|---|---|",
                *(f"| {role} | `{name}` | {takes} | {prose(meaning)} |" for role, name, takes, meaning in rows), ""]

    def effects(self):
        """What passes know of the op."""
        traits = self.op.traits()
        names = {trait["!name"] for trait in traits} | {trait.get("trait", "").split("::")[0] for trait in traits}
        said = []
        if "ScalarInterface" in names:
            said.append("Elementwise.")
        if "LLM_RowWise" in names:
            said.append("Rows alone.")
        if "LLM_StateInterface" in names:
            declared = self.record["extraClassDeclaration"]
            does = [verb for verb, method in (("reads", "readsState"), ("writes", "writesState"))
                    if f"{method}() {{ return true" in declared]
            said.append(f"{' and '.join(does).capitalize()} the state.")
        return said

    def formula(self):
        code = dedent(self.record.get("formula") or "")
        if not code:
            return []
        if "\n" not in code and code.startswith("return "):
            return [f"Formula: `{code.removeprefix('return ').rstrip(';')}`", ""]
        return ["Formula:", "", "```cpp", code, "```", ""]

    def entry(self):
        words = self.words()
        lines = [f"### {self.op.name}", ""]
        summary = self.record["summary"].rstrip(".")
        lines += [prose(summary[0].upper() + summary[1:] if self.op.dialect == "plan" else summary) + ".", ""]
        facts = self.effects()
        if words and words != [self.op.mnemonic]:
            facts.insert(0, f"Words: {' '.join(f'`{word}`' for word in words)}.")
        elif not words and self.op.dialect == "llm":
            facts.insert(0, "Made by the compiler.")
        if self.record.get("foldsList"):
            facts.append("A list of more than two is folded from the left.")
        if facts:
            lines += [" ".join(facts), ""]
        lines += self.table() + self.formula()
        if self.op.prose:
            lines += [prose(self.op.prose), ""]
        for example in self.op.examples:
            lines += ["```mlir", example, "```", ""]
        return lines


def kinds(records, dialect):
    """The types and attributes of a dialect that are no plain words."""
    found = [records[name] for kind in ("TypeDef", "AttrDef") for name in records["!instanceof"].get(kind, [])]
    mine = [record for record in found if record["dialect"]["def"].lower().startswith(dialect) and not record.get("enum")]
    lines = []
    for record in mine:
        sign = "!" if "TypeDef" in record["!superclasses"] else "#"
        summary = record["summary"][0].lower() + record["summary"][1:]
        lines.append(f"- `{sign}{dialect}.{record['mnemonic']}`: {prose(summary)}.")
        text = dedent(record["description"])
        lines += [f"  {prose(line)}" for line in text.splitlines()]
    return lines


def page(records, source):
    """The whole of docs/ops.md."""
    contents, body = [], []
    for dialect, all_records in records.all.items():
        registry = Registry(all_records) if dialect == "llm" else Plain(all_records)
        for file, ops in itertools.groupby(records.ops(dialect), key=lambda op: op.file):
            title = f"{dialect}: {title_of(source, f'dialects/{dialect}/{file}')}"
            body += [f"## {title}", ""]
            links = []
            for op in ops:
                reference = Reference(op, registry)
                words = [word for word in reference.words() if word != op.mnemonic]
                links.append(f"[{op.mnemonic}](#{anchor(op.name)})" + (f" ({', '.join(words)})" if words else ""))
                body += reference.entry()
            contents.append(f"| [{title}](#{anchor(title)}) | {' '.join(links)} |")
        title = f"{dialect}: types and attributes"
        contents.append(f"| [{title}](#{anchor(title)}) | |")
        body += [f"## {title}", "", *kinds(all_records, dialect), ""]
    return "\n".join([INTRO, "| group | ops |", "|---|---|", *contents, "", *body]).rstrip() + "\n"


class Plain(Registry):
    """Records of a dialect that has no words."""

    def __init__(self, records):
        self.records, self.docs = records, {}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True)
    parser.add_argument("--tblgen", required=True)
    parser.add_argument("-I", dest="includes", action="append", default=[])
    args = parser.parse_args()
    sys.stdout.write(page(Records(args.tblgen, args.source, args.includes), args.source))


if __name__ == "__main__":
    main()
