#!/usr/bin/python3
"""Golden values of attention in float64, from PyTorch's MultiheadAttention: self-attention with a key padding mask, cross-attention with keys of the queries' width and of another.

    /usr/bin/python3 make_attention.py > attention.json
"""
import json

import torch

torch.manual_seed(5)


def tensor(t):
    return {"shape": list(t.shape), "data": [round(v, 12) for v in t.detach().flatten().tolist()]}


def draw(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.5)
    return module.double()


def case(name, layers, x, named, function):
    """named: the modules by their place in the network."""
    y = function(x)
    cotangent = torch.randn(*y.shape, dtype=torch.float64)
    (y * cotangent).sum().backward()
    parameters = {f"{at}.{n}": p for at, module in named.items() for n, p in module.named_parameters()}
    return {
        "name": name, "layers": layers, "x": tensor(x), "weights": {n: tensor(p) for n, p in parameters.items()}, "cotangent": tensor(cotangent), "output": tensor(y),
        "grad": tensor(x.grad) if x.requires_grad else None, "grads": {n: tensor(p.grad) for n, p in parameters.items()},
    }


def attention(width, heads, **of):
    return draw(torch.nn.MultiheadAttention(width, heads, batch_first=True, **of))


def padded(causal):
    tokens = torch.tensor([[1, 4, 0, 2, 0], [3, 0, 0, 1, 2], [2, 1, 4, 4, 3]])
    table, layer = draw(torch.nn.Embedding(5, 6)), attention(6, 2)
    mask = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1) if causal else None
    options = {"heads": 2, "causal": causal, "padding": 0}
    return case("self-attention, causal, with padding" if causal else "self-attention with padding", [{"embedding": {"vocabulary": 5, "width": 6}}, {"multiHeadAttention": options}], tokens.double(), {"0": table, "1": layer},
                lambda x: layer(*[table(tokens)] * 3, key_padding_mask=tokens == 0, attn_mask=mask)[0])


def crossed(name, width, inner, heads, padding=False):
    layer, memory = attention(width, heads, **({} if inner == width else {"kdim": inner, "vdim": inner})), draw(torch.nn.Linear(width, inner))
    x = torch.randn(3, 4, width, dtype=torch.float64).requires_grad_(True)
    return case(name, [{"multiHeadAttention": {"heads": heads, "memory": [{"linear": inner}, "tanh"]}}], x, {"0": layer, "0.memory.0": memory}, lambda x: layer(x, *[torch.tanh(memory(x))] * 2)[0])


def padded_cross():
    tokens = torch.tensor([[1, 4, 0, 2], [3, 0, 0, 1]])
    table, layer, memory = draw(torch.nn.Embedding(5, 4)), attention(4, 2, kdim=3, vdim=3), draw(torch.nn.Linear(4, 3))
    return case("cross-attention with padding", [{"embedding": {"vocabulary": 5, "width": 4}}, {"multiHeadAttention": {"heads": 2, "memory": [{"linear": 3}], "padding": 0}}], tokens.double(),
                {"0": table, "1": layer, "1.memory.0": memory}, lambda x: layer(table(tokens), *[memory(table(tokens))] * 2, key_padding_mask=tokens == 0)[0])


print(json.dumps({"source": f"make_attention.py: PyTorch {torch.__version__}, float64", "cases": [
    padded(causal=False), crossed("cross-attention", 6, 6, 3), crossed("cross-attention to another width", 6, 5, 2), padded_cross(),
]}))
