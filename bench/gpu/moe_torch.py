#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The layer of pmx_moe --device gpu by calls of torch around torch._grouped_mm, with the same shapes and balanced random
routing: medians as lines of JSON, for the whole layer and for its two grouped products alone.

    moe_torch.py [HIDDEN INTERMEDIATE EXPERTS TOP_K TOKENS,...]
"""
import json
import statistics
import sys

import torch

hidden, intermediate, experts, top_k = (int(a) for a in (sys.argv[1:5] or (2048, 768, 128, 8)))
tokens = [int(t) for t in (sys.argv[5] if len(sys.argv) > 5 else "64,512,2048,8192,32768").split(",")]


def random(*shape):
    return (torch.rand(*shape, device="cuda", dtype=torch.float32) * 2 - 1).to(torch.bfloat16)


gate_up = random(experts, hidden, 2 * intermediate) * (3 / hidden) ** 0.5
down = random(experts, intermediate, hidden) * (3 / intermediate) ** 0.5


def median_us(call):
    laps = []
    for lap in range(25):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        call()
        end.record()
        end.synchronize()
        if lap >= 5:
            laps.append(begin.elapsed_time(end) * 1000)
    return statistics.median(laps)


for n in tokens:
    x, weights = random(n, hidden), torch.rand(n, top_k, device="cuda")
    ids = torch.rand(n, experts, device="cuda").topk(top_k, dim=1).indices

    def permute():
        order = ids.flatten().argsort(stable=True)
        ends = torch.bincount(ids.flatten(), minlength=experts).cumsum(0).to(torch.int32)
        return order, ends, x[order // top_k]

    def products(rows, ends):
        both = torch._grouped_mm(rows, gate_up, offs=ends)
        gate, up = both.chunk(2, dim=1)
        return torch._grouped_mm(torch.nn.functional.silu(gate) * up, down, offs=ends)

    def layer():
        order, ends, rows = permute()
        out = torch.empty_like(rows)
        out[order] = products(rows, ends)
        return (out.view(n, top_k, hidden) * weights[..., None].to(torch.bfloat16)).sum(1)

    _, ends, rows = permute()
    act = random(rows.shape[0], intermediate)
    alone = median_us(lambda: (torch._grouped_mm(rows, gate_up, offs=ends), torch._grouped_mm(act, down, offs=ends)))
    print(json.dumps({"benchmark": "moe_torch", "hidden": hidden, "intermediate": intermediate, "experts": experts,
                      "top_k": top_k, "tokens": n, "us": round(median_us(layer), 1), "products_us": round(alone, 1)}),
          flush=True)
