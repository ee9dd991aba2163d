#!/usr/bin/env python3
"""Writes demo.json: what Hugging Face's tokenizer and model make of models/demo, in f32 (README.md)."""
import json

import torch
from transformers import AutoTokenizer, LlamaForCausalLM

from common import HERE, TIE

MODEL = HERE.parent.parent / "models" / "demo"
PROMPTS = ["In the beginning", "And it came to pass in those days, that", "Blessed is the man that", "<|endoftext|>"]
STRINGS = ["", " ", "\n\n", "In the beginning God created the heaven and the earth.", "  two  spaces   and three",
           "tab\there, line\nthere\r\n", "don't we'll I'VE it's", "1611 was 400+ years ago; 3.14159", "naïve café — “quoted”",
           "Ελληνικά עברית 日本語 🙂", "x<|endoftext|>y <|endoftext|> z", "<|endoftext", "UPPER lower MiXeD snake_case a/b/c"]
LENGTH = 64


@torch.no_grad()
def continuation(model, ids):
    """At most LENGTH greedy ids; they end before a choice that is too close to call."""
    found = []
    while len(found) < LENGTH:
        best = model(torch.tensor([ids + found])).logits[0, -1].topk(2)
        if best.values[0] - best.values[1] < TIE:
            break
        found.append(int(best.indices[0]))
    return found


def main():
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    model = LlamaForCausalLM.from_pretrained(MODEL, torch_dtype=torch.float32, attn_implementation="eager").eval()
    greedy = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt).input_ids
        found = continuation(model, ids)
        greedy.append({"prompt": prompt, "ids": ids, "continuation": found, "text": tokenizer.decode(found)})
        print(len(found), repr(greedy[-1]["text"]))
    strings = [{"text": text, "ids": tokenizer(text).input_ids} for text in STRINGS]
    lines = lambda items: "[\n" + ",\n".join("    " + json.dumps(item) for item in items) + "\n  ]"
    (HERE / "demo.json").write_text(f'{{\n  "greedy": {lines(greedy)},\n  "tokens": {lines(strings)}\n}}\n')


main()
