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
QUESTIONS = ["And the king said unto his servants", "And the servants said unto the king", "And it came to pass"]
TEMPLATE = "{% for m in messages %}{{ m.content }} {% endfor %}"
PENALTY, ANSWER = 1.8, 10


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


@torch.no_grad()
def conversation(tokenizer, model):
    """Answers, each to the whole text so far, with what that text has made less likely."""
    text, answers = "", []
    for question in QUESTIONS:
        text += question + " "
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        made = model.generate(ids, max_new_tokens=ANSWER, do_sample=False, repetition_penalty=PENALTY, eos_token_id=None)
        answers.append(tokenizer.decode(made[0])[len(tokenizer.decode(ids[0])) :])
        text += answers[-1] + " "
    return {"questions": QUESTIONS, "template": TEMPLATE, "penalty": PENALTY, "tokens": ANSWER, "answers": answers}


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
    penalized = json.dumps(conversation(tokenizer, model))
    (HERE / "demo.json").write_text(
        f'{{\n  "greedy": {lines(greedy)},\n  "tokens": {lines(strings)},\n  "conversation": {penalized}\n}}\n'
    )


main()
