"""The 64-bit XXH3 digest (seed 0) of more than 240 bytes: enough for an artifact's header."""

import struct

SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
P32 = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)
P64 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
MASK = 2**64 - 1
STRIPE, BLOCK = 64, 1024


def words(data, at):
    return struct.unpack_from("<8Q", data, at)


def accumulate(acc, data, at, secret):
    values, keys = words(data, at), words(SECRET, secret)
    for i in range(8):
        mixed = values[i] ^ keys[i]
        acc[i ^ 1] = (acc[i ^ 1] + values[i]) & MASK
        acc[i] = (acc[i] + (mixed & 0xFFFFFFFF) * (mixed >> 32)) & MASK


def scramble(acc):
    keys = words(SECRET, len(SECRET) - STRIPE)
    for i in range(8):
        acc[i] = ((acc[i] ^ acc[i] >> 47 ^ keys[i]) * P32[0]) & MASK


def digest(data):
    if len(data) <= 240:
        raise ValueError("short inputs are hashed differently")
    acc = [P32[2], P64[0], P64[1], P64[2], P64[3], P32[1], P64[4], P32[0]]
    whole = (len(data) - 1) // BLOCK * BLOCK
    for at in range(0, (len(data) - 1) // STRIPE * STRIPE, STRIPE):
        accumulate(acc, data, at, at % BLOCK // 8)
        if at < whole and at % BLOCK == BLOCK - STRIPE:
            scramble(acc)
    accumulate(acc, data, len(data) - STRIPE, len(SECRET) - STRIPE - 7)
    keys = struct.unpack_from("<8Q", SECRET, 11)
    result = len(data) * P64[0]
    for i in range(0, 8, 2):
        product = (acc[i] ^ keys[i]) * (acc[i + 1] ^ keys[i + 1])
        result += (product & MASK) ^ (product >> 64)
    result &= MASK
    result = ((result ^ result >> 37) * 0x165667919E3779F9) & MASK
    return result ^ result >> 32
