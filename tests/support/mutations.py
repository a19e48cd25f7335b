"""Mutated model files: bytes changed, and descriptions changed with the right checksums."""

import copy

from support.forgeries import forge

#: What a stranger may put in any place of a description.
JUNK = [
    *(None, True, False, -1, 0, 1, 2, 2**31, 2**63, 10**30, 10**400),
    *(-1.0, 0.0, 0.5, 1e-300, 5e-324, 1e308, -1e308),
    *("", "x", "\0", "\ud800", "auto", "none", "../../x", "os.system", "zca", "relu"),
    *([], {}, [[]], [1, 2], [1] * 40, ["mean", "max"], {"tuple": []}, {"tuple": [0.9, 0.1]}),
    *({"class": name} for name in ("LBFGS", "os.system")),
    *(
        {"class": name, "params": {}}
        for name in ("FrozenEstimator", "LBFGS", "Adam", "NoSparsity", "SparseAutoencoder")
    ),
    {"class": "KLSparsity", "params": {"target": 0}},
    {"class": "Pipeline", "params": {"steps": []}, "fitted": {}},
    {"class": "ContrastNormalizer", "params": {}, "fitted": {"n_features_in_": 2**40}},
]


def places(node):
    """Every place in a nested document, as its container and key."""
    if isinstance(node, dict | list):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield node, key
            yield from places(node[key])


def with_other_bytes(content, draw):
    """A file in which a few bytes are changed, cut out, doubled or turned around."""
    mutated = bytearray(content)
    for _ in range(draw.randint(1, 3)):
        a = draw.randrange(len(mutated) + 1) if draw.random() < 0.3 else draw.randrange(600)
        b = a + draw.randint(1, 20)
        kind = draw.randrange(5)
        if kind == 0:
            mutated[a : a + 1] = bytes([draw.randrange(256)])
        elif kind == 1:
            mutated[a:a] = bytes([draw.randrange(256)])
        elif kind == 2:
            del mutated[a:b]
        elif kind == 3:
            mutated[b:b] = mutated[a:b]
        else:
            mutated[a:b] = mutated[a:b][::-1]
    return bytes(mutated)


def with_another_meaning(content, draw):
    """A whole file with right checksums, that says something else; None if there is no such."""

    def edit(description, entries, data):
        where = [*places(description["model"])] * 4 + [*places(description), *places(entries)]
        node, key = draw.choice(where)
        chance = draw.random()
        if chance < 0.15:
            del node[key]
        elif chance < 0.3:
            other, name = draw.choice(where)
            node[key] = copy.deepcopy(other[name])
        else:
            node[key] = copy.deepcopy(draw.choice(JUNK))

    try:
        return forge(content, edit)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        return None  # too broken to compute its checksums
