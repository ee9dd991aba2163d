"""Writes vectors.json: what Hugging Face's `tokenizers` answers for small tokenizer files and for the
demo model's, to be compared with the runtime's tokenizer.

    python3 make.py            (pip install tokenizers==0.23.3 sentencepiece protobuf)
"""

import json
import pathlib
import random

from tokenizers import Tokenizer

import kinds

HERE = pathlib.Path(__file__).parent
DEMO = "models/demo/tokenizer.json"


def text(rng):
    return "".join(rng.choice(kinds.WORDS) + rng.choice(kinds.GAPS) for _ in range(rng.randrange(1, 9)))


def spans(text, offsets):
    """Bytes instead of characters, one after the other."""
    place = [0]
    for character in text:
        place.append(place[-1] + len(character.encode()))
    return [place[min(i, len(text))] for pair in offsets for i in pair]


def answers(tokenizer, rng, count):
    texts = ["", " ", "the king", " the  king\n", *(text(rng) for _ in range(count))]
    ids = sorted(tokenizer.get_vocab(with_added_tokens=True).values())
    lists = [[rng.choice(ids) for _ in range(rng.randrange(1, 9))] for _ in range(count // 2)]
    encode = []
    for t in texts:
        encoding = tokenizer.encode(t)
        plain = tokenizer.encode(t, add_special_tokens=False).ids
        encode.append([t, encoding.ids, plain, spans(t, encoding.offsets)])
    lists += [case[1] for case in encode[: count // 2]]
    decode = [[i, tokenizer.decode(i), tokenizer.decode(i, skip_special_tokens=False)] for i in lists]
    return {"encode": encode, "decode": decode}


def main():
    rng = random.Random(4)
    cases = []
    for group in kinds.GROUPS:
        for name, doc in group():
            tokenizer = Tokenizer.from_str(json.dumps(doc))
            cases.append(
                {"name": name, "tokenizer": doc, **answers(tokenizer, rng, 6 if name.startswith("regex") else 8)}
            )
    demo = Tokenizer.from_file(str(HERE.parents[2] / DEMO))
    cases.append({"name": "demo", "file": DEMO, **answers(demo, rng, 30)})
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (HERE / "vectors.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
