"""Writes weights.json: token weights of the published formulas, computed by PyTorch in double precision.

Formulas: Helm, Daheim, Gurevych (Findings of NAACL 2025) and the papers named beside each function.
Run: python make_weights.py
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent


def difference(long, short):
    return long - short


def l1(values):
    if values.abs().sum() == 0:
        values = torch.full_like(values, 1 / values.numel())
    return F.normalize(values, p=1, dim=-1) * values.numel()


def top(values, kept):
    mask = torch.zeros_like(values)
    mask[torch.topk(values, kept).indices] = 1
    return mask


def dense(long, short, lam):
    return lam + (1 - lam) * l1(difference(long, short).abs())


def sparse(long, short, kept):
    return l1(top(difference(long, short).abs(), kept))


def longce(long, short, gamma):  # arXiv 2410.23771
    return torch.minimum(torch.exp(-long) / torch.exp(-short), torch.tensor(gamma, dtype=long.dtype))


def pmi(first, second, s):
    return torch.clamp(first - second - math.log(s), min=0)


def rho(long, short, kept):  # arXiv 2404.07965
    return l1(top(difference(long, short), kept))


def longfilter(long, short):  # arXiv 2510.25804
    p_long, p_short = torch.exp(-long), torch.exp(-short)
    return l1(p_long * torch.clamp(torch.log(p_long / p_short), min=0))


def exact(n, alpha, gamma, tau):  # arXiv 2605.10544
    context = torch.arange(1, n + 1)
    bucket = torch.where(context < 8, 2, torch.floor(torch.log2(context.double())).long())
    lower = torch.where(bucket == 2, 0, 2 ** bucket)
    weights = torch.ones(n, dtype=torch.float64)
    tail = lower >= tau
    if tail.any():
        q = torch.stack([(bucket[tail] == b).double().mean() for b in bucket])
        r = q.clamp(min=1e-300).pow(-gamma)
        weights[tail] = 1 + alpha * r[tail] / r[tail].mean()
    return weights


def main():
    torch.manual_seed(7)
    n = 37
    # The numbers that are stored are the numbers that are used.
    long = torch.tensor([round(x, 4) for x in (torch.rand(n, dtype=torch.float64) ** 2 * 9).tolist()], dtype=torch.float64)
    noise = torch.randn(n, dtype=torch.float64) * 1.5
    short = torch.tensor([round(x, 4) for x in (long + noise).clamp(min=0.01).tolist()], dtype=torch.float64)
    # The arrays are read as fp32.
    x, y = long.float().double(), short.float().double()
    quotient = (x + 1e-5) / (y + 1e-5)
    ppmi = pmi(y, x, 1.5)
    cases = {
        "uniform": torch.ones(n, dtype=torch.float64),
        "dense:lambda=0.75": dense(x, y, 0.75),
        "dense:lambda=0": dense(x, y, 0.0),
        "sparse:kappa=0.2": sparse(x, y, 7),
        "longce:gamma=5": longce(x, y, 5.0),
        "ppmi:shift=1": l1(pmi(y, x, 1.0)),
        "ppmi:shift=1.5": l1(ppmi),
        "ppmi:shift=1.5,kappa=0.1": l1(top(ppmi, 3)),
        "npmi:shift=1": l1(pmi(x, y, 1.0)),
        "npmi:shift=0.5": l1(pmi(x, y, 0.5)),
        "rho:kappa=0.6": rho(x, y, 22),
        "longfilter": longfilter(x, y),
        "exact:alpha=0.15,gamma=0.5,tau=8": exact(n, 0.15, 0.5, 8),
        "exact:alpha=0.4,gamma=1,tau=16": exact(n, 0.4, 1.0, 16),
        "pipeline:comparison=quotient,transforms=minus+exp,normalization=softmax":
            torch.softmax(torch.exp(-quotient), -1) * n,
        "pipeline:transforms=absolute,truncation=1.2,interpolation=0.5": 0.5 + 0.5 * l1((x - y).abs().clamp(max=1.2)),
        "pipeline:transforms=minus+exp,truncation=5,sparsification=0.2,normalization=none":
            top((-(x - y)).exp(), 7),
        "pipeline:comparison=quotient,transforms=shift:2+max,normalization=l1":
            l1((quotient - math.log(2)).clamp(min=0)),
        "pipeline:normalization=none": x - y,
        "pipeline:normalization=softmax": torch.softmax(x - y, -1) * n,
        "pipeline": l1(x - y),
    }
    out = {
        "long": long.tolist(),
        "short": short.tolist(),
        "cases": [{"scheme": k, "weights": [float(f"{w:.10g}") for w in v.tolist()]} for k, v in cases.items()],
    }
    (HERE / "weights.json").write_text(json.dumps(out).replace('{"scheme"', '\n{"scheme"') + "\n")


main()
