"""The plan of the house: charters that agree, imports that stay inside, rooms that are tied.

Prints the share of imports that stay inside a package, and how many pairs of rooms are tied; both
without the common ground. Fails where the plan is broken.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).parents[1]
HOUSE = TOP / "src" / "rhohat"
#: What every room stands on; imports of it tie nobody.
GROUND = "common"
MOST_NAMES, LEAST_INSIDE, MOST_TIES = 16, 0.40, 24


def charters() -> dict[str, str]:
    """The sentence that each package begins with."""
    return {
        path.parent.name: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        for path in sorted(HOUSE.glob("*/__init__.py"))
    }


def imports() -> Iterator[tuple[str, str]]:
    """Pairs of modules of which the first imports the second."""
    modules = {
        ".".join(path.relative_to(HOUSE).with_suffix("").parts).removesuffix(".__init__"): path
        for path in HOUSE.rglob("*.py")
        if path.parent != HOUSE or path.name == "__main__.py"
    }
    for name, path in modules.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith(
                "rhohat."
            ):
                continue
            origin = (node.module or "").removeprefix("rhohat.")
            parts = (f"{origin}.{alias.name}" for alias in node.names)
            found |= {part if part in modules else origin for part in parts}
        yield from ((name, other) for other in found & modules.keys() - {name})


def complaints() -> Iterator[str]:
    """What is wrong with the plan, after printing its measures."""
    names = [path.name for path in HOUSE.iterdir() if path.name != "__pycache__"]
    rooms = [tuple(module.split(".")[0] for module in pair) for pair in imports()]
    above = [pair for pair in rooms if GROUND not in pair]
    inside = sum(one == other for one, other in above) / len(above)
    ties = {frozenset(pair) for pair in above if pair[0] != pair[1]}
    print(f"names at the top of src/rhohat         {len(names)} (at most {MOST_NAMES})")
    print(f"imports that stay inside a package     {inside:.0%} (at least {LEAST_INSIDE:.0%})")
    print(f"pairs of rooms that are tied           {len(ties)} (at most {MOST_TIES})")
    if len(names) > MOST_NAMES or inside < LEAST_INSIDE or len(ties) > MOST_TIES:
        yield f"the plan is exceeded; tied are {sorted(map(sorted, ties))}"

    pages = {
        "docs/architecture.md": r"^\| `(\w+)/` \| (.*?) \|",
        "pyproject.toml": r'^    "(\w+)", +# (.*)$',
    }
    for page, line in pages.items():
        text = (TOP / page).read_text(encoding="utf-8")
        told = dict(re.findall(line, text, re.MULTILINE))
        for room, charter in charters().items():
            if told.get(room) != charter:
                yield f"{page} says of {room}: {told.get(room)!r}; its __init__.py: {charter!r}"
    contract = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    layers = contract["tool"]["importlinter"]["contracts"][0]["layers"]
    if set(layers) != {*charters(), "__main__"}:
        yield f"the contract on imports has {layers}, the packages are {sorted(charters())}"


if __name__ == "__main__":
    wrong = list(complaints())
    for complaint in wrong:
        print(complaint)
    sys.exit(bool(wrong))
