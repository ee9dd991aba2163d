#!/usr/bin/env python3
"""Makes xielu.json: the activation of Apertus as transformers computes it.

    xielu.py            (needs torch and transformers)
"""
import json
import os

import torch
from transformers.activations import XIELUActivation


def main():
    torch.manual_seed(2)
    act = XIELUActivation(dtype=torch.float32)
    x = torch.randn(8, 20) * 3
    with torch.no_grad():
        y = act(x)
    case = {"alpha_p": act.alpha_p.tolist(), "alpha_n": act.alpha_n.tolist(), "beta": float(act.beta), "eps": float(act.eps),
            "x": x.tolist(), "y": y.tolist()}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "xielu.json"), "w", encoding="utf-8") as file:
        json.dump(case, file)
        file.write("\n")


main()
