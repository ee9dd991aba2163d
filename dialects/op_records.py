"""The op records of the dialects, as `llvm-tblgen -dump-json` gives them."""
import json
import os
import re
import subprocess

SOURCES = {"llm": "dialects/llm/LLMOps.td", "plan": "dialects/plan/PlanOps.td"}
FENCE = re.compile(r"^ *```mlir\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def dedent(text):
    """The text without the indentation that all of its lines have."""
    lines = (text or "").strip("\n").rstrip().splitlines()
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[indent:].rstrip() for line in lines)


class Op:
    def __init__(self, dialect, record, records):
        self.dialect, self.record, self.records = dialect, record, records
        self.mnemonic = record["opName"]
        self.name = f"{dialect}.{self.mnemonic}"
        self.file, self.line = record["!locs"][-1].rsplit(":", 1)
        text = dedent(record["description"])
        self.examples = [dedent(example) for example in FENCE.findall(text)]
        self.prose = dedent(FENCE.sub("", text))

    def traits(self):
        return [self.records[trait["def"]] for trait in self.record["traits"]]

    def in_program(self):
        return any(trait.get("trait", "").startswith("HasParent<ProgramOp>") for trait in self.traits())


class Records:
    def __init__(self, tblgen, source, includes):
        self.all = {dialect: json.loads(subprocess.run(
            [tblgen, "-dump-json", *(f"-I{folder}" for folder in [source, *includes]), os.path.join(source, path)],
            check=True, capture_output=True, timeout=120).stdout) for dialect, path in SOURCES.items()}

    def ops(self, dialect):
        """By file, in the order in which they are declared."""
        records = self.all[dialect]
        prefix = {"llm": "LLM_", "plan": "Plan_"}[dialect]
        found = [Op(dialect, records[name], records) for name in records["!instanceof"]["Op"] if name.startswith(prefix)]
        return sorted(found, key=lambda op: (op.file, int(op.line)))
