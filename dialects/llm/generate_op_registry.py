#!/usr/bin/env python3
"""Turns `llvm-tblgen -dump-json` of LLMOps.td into the tables of OpRegistry.cpp.

    generate_op_registry.py records.json OpRegistry.inc
"""
import json
import sys

STANDARD = {"BoolAttr": "bool", "DenseI64ArrayAttr": "ints", "DenseF32ArrayAttr": "floats", "FlatSymbolRefAttr": "state", "Index": "layer",
            "LLM_BatchType": "batch", "StrAttr": "text"}
IMPLIED = {"bias", "batch", "layer", "mask_values"}  # slot kinds that a spec never writes
IMPLIED_NAMES = {"compute"}  # attributes that the compiler sets
WRAPPERS = {"Optional": "baseType", "Variadic": "baseType", "OptionalAttr": "baseAttr",
            "DefaultValuedAttr": "baseAttr", "DefaultValuedOptionalAttr": "baseAttr"}


def text(value):
    return json.dumps(value or "")


class Registry:
    def __init__(self, records):
        self.records = records
        self.docs = {self.records[name]["slot"]: self.records[name]["doc"]
                     for name in records["!instanceof"]["LLM_SlotDoc"]}

    def unwrap(self, name):
        """The constraint inside Optional, Variadic and so on, and which of them there were."""
        wrappers, record = set(), self.records[name]
        while found := [w for w in WRAPPERS if w in record["!superclasses"]]:
            wrappers.update(found)
            name = record[WRAPPERS[found[0]]]["def"]
            record = self.records[name]
        return name, record, wrappers

    def slot(self, op, argument, name):
        base, record, wrappers = self.unwrap(argument)
        kind = record.get("slotKind") or STANDARD.get(base)
        if kind is None:
            raise SystemExit(f"{op['!name']}: no slot kind for argument '{name}' ({base})")
        operand = "TypeConstraint" in record["!superclasses"]
        variadic = "Variadic" in wrappers
        if variadic and kind != "mask_values":
            kind = "fields" if op["takesFields"] else "values"
        words = [self.records[case["def"]]["str"]
                 for case in self.records[record["enum"]["def"]]["enumerants"]] if kind == "word" else []
        implied = kind in IMPLIED or name in IMPLIED_NAMES or any(
            self.records[word["def"]]["attr"] == name for word in op["words"])
        return {"name": name, "kind": kind, "optional": bool(wrappers - {"Variadic"}), "primary": name in op["primary"],
                "implied": implied, "operands": 0 if not operand else -1 if variadic else 1, "words": words,
                "word_kind": record.get("mnemonic", "") if words else "", "doc": self.docs.get(name, "")}

    def slots(self, op):
        slots = [self.slot(op, argument["def"], name) for argument, name in op["arguments"]["args"]]
        listed = [slot for slot in slots if slot["primary"]]
        if len(op["primary"]) > 1:  # several operands written as one list
            if len(listed) != len(op["primary"]):
                raise SystemExit(f"{op['!name']}: primary operands {op['primary']} do not exist")
            first = listed[0]
            first.update(name="x", kind="values", operands=len(listed), doc="the values")
            slots = [slot for slot in slots if not slot["primary"] or slot is first]
        elif len(listed) != 1:
            raise SystemExit(f"{op['!name']}: primary operand {op['primary']} does not exist")
        return slots

    def emit(self, out):
        rows = []
        for name in self.records["!instanceof"]["LLM_Op"]:
            op = self.records[name]
            if not op["words"]:
                continue
            slots = self.slots(op)
            traits = " ".join(str(trait.get("def")) for trait in op["traits"])
            results = [self.unwrap(result["def"])[2] for result, _ in op["results"]["args"]]
            count = -1 if any("Variadic" in wrappers for wrappers in results) else len(results)
            for i, slot in enumerate(slots):
                if slot["words"]:
                    out.write(f"static constexpr std::string_view {name}_{i}[] = "
                              f"{{{', '.join(text(word) for word in slot['words'])}}};\n")
            out.write(f"static constexpr Slot {name}_slots[] = {{\n")
            for i, slot in enumerate(slots):
                words = f"{name}_{i}" if slot["words"] else "{}"
                out.write(f"    {{{text(slot['name'])}, SlotKind::{slot['kind'].title().replace('_', '')}, "
                          f"{str(slot['optional']).lower()}, {str(slot['primary']).lower()}, "
                          f"{str(slot['implied']).lower()}, {slot['operands']}, {words}, {text(slot['word_kind'])}, "
                          f"{text(slot['doc'])}}},\n")
            out.write("};\n")
            for reference in op["words"]:
                word = self.records[reference["def"]]
                doc = f"{op['summary']}".replace("(kind)", word["value"])
                rows.append((word["word"], f"{{{text(word['word'])}, {text('llm.' + op['opName'])}, {text(word['attr'])}, "
                             f"{text(word['value'])}, {name}_slots, {count}, {str(bool(op['foldsList'])).lower()}, "
                             f"{str(bool(op['takesFields'])).lower()}, "
                             f"{str('AttrSizedOperandSegments' in traits).lower()}, {text(doc)}}}"))
        identity = self.records["LLM_Identity"]
        out.write("static constexpr Slot identity_slots[] = "
                  "{{\"x\", SlotKind::Value, false, true, false, 1, {}, \"\", \"the value\"}};\n")
        rows.append((identity["word"], f"{{{text(identity['word'])}, \"\", \"\", \"\", identity_slots, 1, false, false, "
                     f"false, {text(identity['doc'])}}}"))
        out.write("static constexpr OpInfo registry[] = {\n")
        for _, row in sorted(rows):
            out.write(f"    {row},\n")
        out.write("};\n")


def main():
    with open(sys.argv[1], encoding="utf-8") as source:
        records = json.load(source)
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write("// Generated from LLMOps.td.\n")
        Registry(records).emit(out)


if __name__ == "__main__":
    main()
