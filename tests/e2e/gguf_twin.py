#!/usr/bin/env python3
"""Writes the GGUF twin of a reference case with the standard library only.

usage: gguf_twin.py CASE OUT.gguf
       gguf_twin.py --list MODELS REFERENCE    names of the cases that have one

Names of tensors and keys, the order of rows and what is merged or left out are those of llama.cpp's converter; numbers
stay as they are. A case has a twin if a spec matches its architecture, unless no-gguf.json beside the cases says why the
format cannot say what the case holds.
"""

import json
import os
import re
import struct
import sys

import gguf_arch
import gguf_rwkv
import safetensors

ALIGNMENT = 32
TYPES = {"F32": 0, "Q4_0": 2, "Q4_1": 3, "Q5_0": 6, "Q5_1": 7, "Q8_0": 8, "Q4_K": 12, "Q5_K": 13, "Q6_K": 14, "BF16": 30, "MXFP4": 39}


def metadata(config):
    architecture = gguf_arch.of(config).architecture
    return {"general.architecture": architecture, "general.name": config["model_type"], "general.file_type": 0} | {
        f"{architecture}.{key}": value for key, value in gguf_arch.metadata(config).items()}


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(data)) + data


def item(value):
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, list):
        items = [item(element) for element in value]
        return struct.pack("<I", 9) + items[0][:4] + struct.pack("<Q", len(items)) + b"".join(element[4:] for element in items)
    return struct.pack("<I", 8) + text(value)


def write(path, pairs, tensors):
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs))
    header += b"".join(text(key) + item(value) for key, value in pairs.items())
    data = b""
    for name, tensor in tensors.items():
        shape = tensor.shape[::-1]
        header += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, TYPES[tensor.dtype], len(data))
        data += tensor.data + bytes(-len(tensor.data) % ALIGNMENT)
    with open(path, "wb") as file:
        file.write(header + bytes(-len(header) % ALIGNMENT) + data)


def write_twin(case, path, **more):
    """The case's checkpoint as a GGUF file, with `more` keys; the results that it can give, or None for all."""
    if not has_config(case):
        tensors = safetensors.load(os.path.join(case, "model.safetensors"))
        kind = gguf_rwkv.architecture(tensors)
        keys = {f"{kind}.{key}": value for key, value in gguf_rwkv.metadata(tensors).items()}
        write(path, {"general.architecture": kind, "general.name": kind, "general.file_type": 0} | keys | more, gguf_rwkv.converted(tensors))
        return None
    config = config_of(case)
    tensors = text_part(safetensors.load(os.path.join(case, "model.safetensors")))
    write(path, metadata(config) | more, gguf_arch.converted(config, tensors))
    return gguf_arch.of(config).results


def text_part(tensors):
    """Of a model that sees, too, what a file of the language model holds."""
    named = {re.sub(r"^(language_model\.model|model\.language_model)\.", "model.", name).removeprefix("language_model."): tensor
             for name, tensor in tensors.items()}
    return {name: tensor for name, tensor in named.items() if not re.match(r"(model\.)?(vision_tower|vision_model|multi_modal_projector)\.", name)}


def has_config(case):
    return os.path.exists(os.path.join(case, "config.json"))


def architecture_of(case):
    if has_config(case):
        return gguf_arch.of(config_of(case)).architecture
    return gguf_rwkv.architecture(safetensors.load(os.path.join(case, "model.safetensors")))


def config_of(case):
    with open(os.path.join(case, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    return config.get("text_config", config)


def block(lines, key):
    """What stands below a top-level key of a YAML file."""
    first = next((i for i, line in enumerate(lines) if line.startswith(key + ":")), len(lines))
    last = next((i for i, line in enumerate(lines) if i > first and re.match(r"\w", line)), len(lines))
    return "\n".join(lines[first:last])


def architectures(spec):
    """The GGUF architectures that a spec matches."""
    with open(spec, encoding="utf-8") as file:
        stated = re.search(r"gguf:\s*\{architecture: \[([^\]]*)\]", block(file.read().splitlines(), "match"))
    return re.findall(r"[\w-]+", stated[1]) if stated else []


def twins(models, reference):
    """The cases that have a twin, and the reasons of those that have none."""
    specs = {name[:-5]: architectures(os.path.join(models, name)) for name in sorted(os.listdir(models)) if name.endswith(".yaml")}
    matched = {architecture for all in specs.values() for architecture in all}
    with open(os.path.join(reference, "no-gguf.json"), encoding="utf-8") as file:
        reasons, found = json.load(file), []
    for family in sorted(os.listdir(reference)):
        for case in sorted(os.listdir(os.path.join(reference, family))) if os.path.isdir(os.path.join(reference, family)) else []:
            folder, name = os.path.join(reference, family, case), f"{family}/{case}"
            if name in reasons or not os.path.exists(os.path.join(folder, "io.safetensors")):
                continue
            entry = gguf_arch.FAMILIES.get(config_of(folder).get("model_type")) if has_config(folder) else None
            # A spec that knows the format is tested with it, or the test says that gguf_arch.py lacks the family.
            if specs.get(family) or entry and entry.architecture in matched:
                found.append(name)
    return found, reasons


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--list":
        print(";".join(twins(*sys.argv[2:])[0]), end="")
    elif len(sys.argv) == 3:
        write_twin(*sys.argv[1:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
