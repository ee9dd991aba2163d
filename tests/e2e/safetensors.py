"""Reads, writes and compares safetensors files with the standard library only."""

import array
import json
import math
import struct

CODES = {"F32": "f", "I64": "q", "I32": "i", "F64": "d"}


class Tensor:
    def __init__(self, dtype, shape, data):
        self.dtype, self.shape, self.data = dtype, shape, data

    def values(self):
        values = array.array(CODES[self.dtype])
        values.frombytes(self.data)
        return values


def load(path):
    """All tensors of a file by name."""
    with open(path, "rb") as file:
        blob = file.read()
    (size,) = struct.unpack_from("<Q", blob)
    header = json.loads(blob[8 : 8 + size])
    tensors = {}
    for name, info in header.items():
        if name == "__metadata__":
            continue
        first, last = info["data_offsets"]
        tensors[name] = Tensor(info["dtype"], info["shape"], blob[8 + size + first : 8 + size + last])
    return tensors


def save(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        header[name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [len(data), len(data) + len(tensor.data)]}
        data += tensor.data
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def floats(draw, shape):
    """Drawn f32 numbers of a tensor, as bytes."""
    return array.array("f", (draw.gauss(0, 0.3) for _ in range(math.prod(shape)))).tobytes()


def squeezed(shape):
    """Without leading axes of one: a vector per sequence may be written as one row."""
    return squeezed(shape[1:]) if len(shape) > 1 and shape[0] == 1 else shape


def difference(expected, actual):
    """The largest absolute difference, and the largest one beyond what `1 + |expected|` scales."""
    if squeezed(expected.shape) != squeezed(actual.shape):
        raise ValueError(f"shape {actual.shape}, expected {expected.shape}")
    worst = scaled = 0.0
    for e, a in zip(expected.values(), actual.values()):
        d = abs(e - a)
        if not d <= float("inf"):  # NaN
            return float("inf"), float("inf")
        worst = max(worst, d)
        scaled = max(scaled, d / (1.0 + abs(e)))
    return worst, scaled


def typical_difference(expected, actual):
    """The median over the rows of their largest difference, scaled as in `difference`."""
    if squeezed(expected.shape) != squeezed(actual.shape):
        raise ValueError(f"shape {actual.shape}, expected {expected.shape}")
    width = expected.shape[-1]
    pairs = list(zip(expected.values(), actual.values()))
    rows = [max(abs(e - a) / (1.0 + abs(e)) for e, a in pairs[i : i + width]) for i in range(0, len(pairs), width)]
    return sorted(rows)[len(rows) // 2]
