"""Writes quants.gguf: blocks of every supported type beside their values in f32.

Needs the `gguf` package. Tensor "X" holds blocks of type X, "X.f32" what that
package makes of them; the metadata has one key of every kind. Run it again only
to change the vectors; the file is committed.
"""

import pathlib

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T

ROWS, BLOCKS = 3, 2
# Where a block keeps its f16 factors.
HALVES = {T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0],
          T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208], T.MXFP4: []}
# Largest, smallest normal, smallest subnormal, negative, minus zero, ordinary.
EDGES = [0x7BFF, 0x0400, 0x0001, 0xB555, 0x8000, 0x2E66]


def blocks(kind, random):
    size = gguf.GGML_QUANT_SIZES[kind][1]
    data = random.integers(0, 256, (ROWS * BLOCKS, size), dtype=np.uint8)
    data[1] = 0x00
    data[2] = 0xFF
    for place in HALVES[kind]:
        order = EDGES if place != 2 else EDGES[::-1]
        for block, bits in zip(data, order):
            block[place:place + 2] = np.frombuffer(np.uint16(bits).tobytes(), np.uint8)
    return data.reshape(ROWS, BLOCKS * size)


def plain(kind, random):
    """Every f16 exponent with some mantissas, no infinity or NaN."""
    if kind == T.F16:
        bits = random.integers(0, 0x7C00, 64, dtype=np.uint16)
        bits[:6] = EDGES
        return bits.view(np.float16).reshape(4, 16)
    bits = random.integers(0, 0x7F80, 64, dtype=np.uint16)
    return bits.view(np.uint8).reshape(4, 32)


def main():
    random = np.random.default_rng(20)
    target = pathlib.Path(__file__).with_name("quants.gguf")
    writer = gguf.GGUFWriter(target, "vectors")
    writer.add_uint8("kinds.u8", 200)
    writer.add_int8("kinds.i8", -100)
    writer.add_uint16("kinds.u16", 60000)
    writer.add_int16("kinds.i16", -30000)
    writer.add_uint32("kinds.u32", 4000000000)
    writer.add_int32("kinds.i32", -2000000000)
    writer.add_uint64("kinds.u64", 2**64 - 1)
    writer.add_int64("kinds.i64", -2**63)
    writer.add_float32("kinds.f32", 1e-5)
    writer.add_float64("kinds.f64", 1e-300)
    writer.add_bool("kinds.flag", True)
    writer.add_string("kinds.text", "Grüße")
    writer.add_array("kinds.numbers", [1, -2, 3])
    writer.add_array("kinds.texts", ["a", "", "ж"])
    for kind in HALVES:
        data = blocks(kind, random)
        writer.add_tensor(kind.name, data, raw_dtype=kind)
        writer.add_tensor(f"{kind.name}.f32", gguf.quants.dequantize(data, kind))
    data = plain(T.F16, random)
    writer.add_tensor("F16", data)
    writer.add_tensor("F16.f32", data.astype(np.float32))
    data = plain(T.BF16, random)
    writer.add_tensor("BF16", data, raw_dtype=T.BF16)
    writer.add_tensor("BF16.f32", gguf.quants.dequantize(data, T.BF16))
    writer.add_tensor("axes", np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
