#!/usr/bin/env python3
"""Vectors of sentences, however a checkpoint says how its rows become one: the words of sentence-transformers before and
since 5.4, and a GGUF file's pooling_type."""

import json
import os
import shutil

import bench as harness
import gguf_twin
import safetensors

OLD, NEW = "sentence_transformers.models.", "sentence_transformers."
MODULES = {
    "old": (OLD + "Transformer", OLD + "Pooling", OLD + "Normalize"),
    "new": (NEW + "base.modules.transformer.Transformer", NEW + "sentence_transformer.modules.pooling.Pooling", NEW + "sentence_transformer.modules.normalize.Normalize"),
}


def vector(bench, checkpoint, ids, *options):
    bench.output("sluice-compile", "-c", checkpoint, "--models", bench.models, "-o", "model.slc")
    bench.output("sluice-run", "model.slc", "--entry", "sentence", "--ids", ",".join(map(str, ids)), "--out", "out.safetensors", *options)
    return list(safetensors.load(bench.path("out.safetensors"))["vector"].values())


def agree(bench, what, found, expected):
    worst = max(map(abs, map(float.__sub__, found, expected)))
    bench.check(what, len(found) == len(expected) and worst < 1e-5, f"off by {worst}")


def folders(bench):
    for way in "mean", "max":
        case = bench.case("bert/sentence-" + way)
        io = safetensors.load(os.path.join(case, "io.safetensors"))
        ids, expected = list(io["input_ids.1"].values()), list(io["sentence.1"].values())
        types_of_ids = ",".join(map(str, io["token_types.1"].values()))
        for spelling, types in MODULES.items():
            folder = shutil.copytree(case, bench.path(way + spelling))
            with open(os.path.join(folder, "1_Pooling", "config.json"), "w", encoding="utf-8") as file:
                json.dump({"embedding_dimension": 24, "pooling_mode": way, "include_prompt": True}, file)
            with open(os.path.join(folder, "modules.json"), encoding="utf-8") as file:
                types = types[: len(json.load(file))]
            modules = [{"idx": i, "name": str(i), "path": f"{i}_{type.split('.')[-1]}" if i else "", "type": type} for i, type in enumerate(types)]
            with open(os.path.join(folder, "modules.json"), "w", encoding="utf-8") as file:
                json.dump(modules, file)
            agree(bench, f"{way}, {spelling} classes", vector(bench, folder, ids, "--token-types", types_of_ids), expected)


def gguf(bench):
    case = bench.case("bert/masked")
    io = safetensors.load(os.path.join(case, "io.safetensors"))
    ids, rows = list(io["input_ids.2"].values()), list(io["rows.2"].values())
    width = len(rows) // len(ids)
    expected = {1: [sum(rows[i::width]) / len(ids) for i in range(width)], 2: rows[:width]}
    for type, values in expected.items():
        gguf_twin.write_twin(case, bench.path("model.gguf"), **{"bert.pooling_type": type})
        found = vector(bench, bench.path("model.gguf"), ids)
        # llama.cpp leaves the length to its caller.
        agree(bench, f"pooling_type {type}", found, values)
    gguf_twin.write_twin(case, bench.path("model.gguf"), **{"bert.pooling_type": 3})
    bench.refuse("pooling_type 3", "bert.pooling_type is '3', which this spec does not support", "sluice-compile", "-c", "model.gguf", "--models", bench.models, "-o", "x.slc")
    gguf_twin.write_twin(case, bench.path("model.gguf"), **{"bert.pooling_type": 0})
    bench.output("sluice-compile", "-c", "model.gguf", "--models", bench.models, "-o", "model.slc")
    bench.refuse("pooling_type 0", "no entry 'sentence'", "sluice-run", "model.slc", "--entry", "sentence", "--ids", "1", "--out", "x.safetensors")


harness.main(__doc__, folders, gguf)
