"""Are the tests able to fail? Change the sources in one place and see whether a test notices.

    pytest --cov=rhohat --cov-context=test --junit-xml=.coverage.xml  # which tests, how long
    python .ci/mutants.py results.jsonl                   # 500 mutants of the five inner rooms
    python .ci/mutants.py results.jsonl --to 60           # the first 60 of the same 500
    python .ci/mutants.py results.jsonl --tests own       # only by the tests of their own module
    python .ci/mutants.py results.jsonl --again survived  # those that survived, once more
    python .ci/mutants.py results.jsonl --show survived   # what they changed

Cosmic Ray knows what to change. Of all places that it could change, outside annotations, a seed
draws some, and one change for each: long formulas would otherwise count more than all else. What is
no Python then is no mutant. A mutant meets the tests of its module first, then others that run the
changed line, then those of its module that are marked as slow or for torch; short ones first, until
one fails. A loop or wait without an end counts as a test that fails; only seconds of CPU are
limited, by how long each test takes, so that a busy machine kills no mutant. Everything happens in
a copy of the checkout. Results are written line by line, and what is in the file already is not run
again: several may run side by side, each with its own --from and --to.
"""

import argparse
import collections
import contextlib
import difflib
import importlib
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from xml.etree import ElementTree

import psutil

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("objective", "training", "rows", "preprocessing", "files")
LIBRARIES = (
    "dask.array",
    "distributed",
    "h5py",
    "hypothesis",
    "matplotlib.figure",
    "scipy.fft",
    "scipy.optimize",
    "skimage.data",
    "sklearn.datasets",
    "sklearn.pipeline",
    "tifffile",
    "_pytest.assertion",
    "xdist",
    "zarr",
)
STAGES = ("own", "covering", "slow")
PYTEST = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--tb=line"]
PYTEST += ["-p", "no:randomly", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
#: A test that does nothing for as long, in seconds, waits for what never comes.
ASLEEP = 30
#: A test may use so many seconds of CPU, and if it takes long, so many times as much as it takes.
SECONDS, TIMES = 30, 10
#: How long a test takes that has not been measured.
UNKNOWN = 10
#: Other tests that run a line are tried for so many seconds; each costs its own time and this much.
COVERING, EACH = 45, 0.1


def is_annotation(node):
    """Whether a node lies in an annotation, which nothing evaluates."""
    while node.parent is not None:
        parent = node.parent
        if parent.type == "tfpdef" or (parent.type == "funcdef" and node is parent.annotation):
            return True
        if parent.type == "annassign" and parent.children.index(node) == 1:
            return True
        node = parent
    return False


def mutants(path):
    """Every change that is known for a file: (line, column), operator's name, occurrence."""
    from cosmic_ray.ast import ast_nodes, get_ast_from_path
    from cosmic_ray.plugins import get_operator, operator_names

    tree = get_ast_from_path(path)
    for name in operator_names():
        if get_operator(name).arguments():
            continue
        operator = get_operator(name)()
        places = (
            (node, start)
            for node in ast_nodes(tree)
            for start, _ in operator.mutation_positions(node)
        )
        for occurrence, (node, start) in enumerate(places):
            if not is_annotation(node):
                yield tuple(start), name, occurrence


def draw(rooms, seed, number):
    """As many mutants, each of another place: (module, (line, column), operator, occurrence)."""
    rng = random.Random(seed)
    places = {}
    for room in rooms:
        for path in sorted((ROOT / "src/rhohat" / room).glob("*.py")):
            for place, name, occurrence in sorted(mutants(path)):
                places.setdefault((f"{room}/{path.stem}", place), []).append((name, occurrence))
    chosen = rng.sample(sorted(places), min(number, len(places)))
    return [(*place, *rng.choice(places[place])) for place in chosen]


def mutate(path, name, occurrence):
    """The file's text after the change, or None if Cosmic Ray cannot write it, or not as Python."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    try:
        text = mutate_code(path.read_text("utf-8"), get_operator(name)(), occurrence)
        compile(text, path.name, "exec")
    except (SyntaxError, AttributeError):
        return None
    return text


def as_in_report(name):
    """A test's name as pytest's report in XML has it."""
    head, bracket, parameters = name.partition("[")
    return head.replace(".py::", ".").replace("::", ".").replace("/", ".") + bracket + parameters


class Order:
    """A pytest plugin that runs some tests first, or only them, and none for much too long."""

    def __init__(self, names, seconds, only):
        self.names, self.seconds, self.only = set(names), seconds, only

    def pytest_collection_modifyitems(self, items):
        """Put named tests before others, and short ones before long ones."""
        items[:] = sorted(
            (item for item in items if not self.only or item.nodeid in self.names),
            key=lambda item: (item.nodeid not in self.names, self.of(item), item.nodeid),
        )

    def pytest_runtest_setup(self, item):
        """Let a test use some seconds more than have been used before it."""
        allow_cpu(SECONDS + TIMES * self.of(item))

    def of(self, item):
        """How long a test takes."""
        return self.seconds.get(as_in_report(item.nodeid), UNKNOWN)


def allow_cpu(seconds):
    """Let this process use some seconds of CPU from now on, and no more."""
    limit = int(time.process_time() + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def own_files(module, tests):
    """The test files of a module."""
    room, _, name = module.partition("/")
    files = sorted(tests.rglob(f"{room}/test_{name}*.py"))
    return [path for path in files if re.fullmatch(rf"test_{name}(_.*)?", path.stem)]


def read_coverage(path):
    """For each module, {line: names of the tests that run it}; what importing runs has none."""
    from coverage import CoverageData

    if not path.exists():
        raise SystemExit(f"{path} is not there. Make it: {__doc__.splitlines()[2].strip()}")
    data = CoverageData(str(path))
    data.read()
    covered = {}
    for file in data.measured_files():
        room, name = Path(file).parts[-2:]
        covered[f"{room}/{name.removesuffix('.py')}"] = {
            line: {context.partition("|")[0] for context in contexts if context}
            for line, contexts in data.contexts_by_lineno(file).items()
        }
    return covered


def read_seconds(path):
    """How long each test took, by its name in the report."""
    if not path.exists():
        raise SystemExit(f"{path} is not there. Make it: {__doc__.splitlines()[2].strip()}")
    return {
        f"{case.get('classname')}.{case.get('name')}": float(case.get("time"))
        for case in ElementTree.parse(path).iter("testcase")
    }


def covering(lines, line):
    """Names of tests that run the line or, if only importing does, the module."""
    before = [number for number in lines if number <= line and lines[number]]
    names = lines.get(line) or set()
    if not names and before and line not in lines:  # in the midst of an expression
        names = lines[max(before)]
    return names or set().union(*lines.values())


def for_some_seconds(names, seconds, room):
    """As many tests as fit: different ones, then the same with other parameters; the room's first.

    Of those alike in this, short ones.
    """
    took = {name: seconds.get(as_in_report(name), 0) for name in names}
    seen = collections.Counter()
    ranked = []
    for name in sorted(names, key=lambda name: (took[name], name)):
        test = name.partition("[")[0]
        ranked.append((seen[test], not name.startswith(f"tests/{room}/"), took[name], name))
        seen[test] += 1
    left, chosen = COVERING, []
    for *_, cost, name in sorted(ranked):
        if cost + EACH <= left:
            left -= cost + EACH
            chosen.append(name)
    return chosen


def load_libraries():
    """Once, for all processes that are forked: what the package stands on, and not the package."""
    for name in LIBRARIES:
        importlib.import_module(name)


def seconds_of_cpu(number):
    """What a process and those that it has started have used."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(number)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += sum(each.cpu_times()[:2])
    return total


def run_tests(copy, files, log, *plugins, options=()):
    """Whether tests pass in a process of its own: "passed", "failed" or "too long"."""
    if not files:
        return "passed"
    child = os.fork()
    if child == 0:
        os.setsid()
        allow_cpu(2 * SECONDS)  # to collect them
        os.chdir(copy)
        with open(log, "w") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        sys.path.insert(0, str(copy / "src"))
        sys.argv = ["pytest"]
        status = 3
        try:
            import pytest

            status = int(pytest.main([*PYTEST, *options, *map(str, files)], plugins=plugins))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    used, since = 0.0, time.monotonic()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if used != (used := seconds_of_cpu(child)):
            since = time.monotonic()
        elif time.monotonic() > since + ASLEEP:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "too long"
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # whatever it has started
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
        return "too long"
    return "passed" if os.waitstatus_to_exitcode(status) in (0, 5) else "failed"  # 5: no tests


def outcome(copy, module, names, seconds, tests):
    """What happens to the mutant that lies in the copy, and which tests noticed it."""
    log = copy / "log.txt"
    own = own_files(module, copy / "tests")
    prefixes = tuple(f"{path.relative_to(copy)}::" for path in own)
    others = {name for name in names if not name.startswith(prefixes)}
    others = for_some_seconds(others, seconds, module.partition("/")[0])
    files = sorted({copy / name.partition("::")[0] for name in others})
    first, only = Order(names, seconds, only=False), Order(others, seconds, only=True)
    for stage, paths, order, options in (
        ("own", own, first, ()),
        ("covering", files, only, ()),
        ("slow", own, first, ("-m", "slow or torch")),
    ):
        verdict = "passed"
        if stage in tests:
            verdict = run_tests(copy, paths, log, order, options=options)
        if verdict != "passed":
            lines = log.read_text("utf-8", "replace").splitlines()
            failed = [line for line in lines if line.startswith(("FAILED", "ERROR", "E  "))]
            return {"outcome": "killed", "by": stage, "how": (failed or [verdict])[0][:200]}
    return {"outcome": "survived", "by": "", "how": ""}


def copy_of_checkout(folder):
    """The files of the checkout, as they are now, in another folder."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy2(ROOT / name, folder / name)
    return folder


def read_results(path):
    """The last result of each mutant."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {result["mutant"]: result for result in map(json.loads, lines)}


def told(results, drawn):
    """The share that was killed, by room."""
    lines = []
    for room in (*sorted({module.partition("/")[0] for module, *_ in drawn}), ""):
        of_room = [r for r in results.values() if r["module"].startswith(room)]
        killed = sum(r["outcome"] == "killed" for r in of_room)
        if of_room:
            share = killed / len(of_room)
            lines.append(f"{room or 'all':15} {killed:4} of {len(of_room):4} killed, {share:.1%}")
    return "\n".join(lines)


def main():
    """Draw, run and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="file with one line of JSON for each mutant")
    parser.add_argument("--rooms", nargs="+", default=ROOMS, choices=ROOMS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sample", type=int, default=500, help="default: 500")
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--to", dest="last", type=int)
    parser.add_argument("--tests", nargs="+", default=STAGES, choices=STAGES)
    parser.add_argument("--coverage", type=Path, default=ROOT / ".coverage")
    parser.add_argument("--again", choices=("survived", "killed"), help="run these once more")
    parser.add_argument("--show", choices=("survived", "killed"), help="print these, run nothing")
    args = parser.parse_args()
    drawn = draw(args.rooms, args.seed, args.sample)
    results = read_results(args.results)
    if args.show:
        for result in results.values():
            if result["outcome"] == args.show:
                print(f"{result['mutant']}: {result.get('how', '')}\n{result['diff']}")
    else:
        os.environ["SCIPY_ARRAY_API"] = "1"
        load_libraries()
        everything = "covering" in args.tests
        covered = read_coverage(args.coverage) if everything else {}
        seconds = read_seconds(args.coverage.with_suffix(".xml")) if everything else {}
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            copy = copy_of_checkout(Path(folder))
            os.environ["PYTHONPATH"] = str(copy / "src")
            run_tests(copy, [copy / "tests"], copy / "log.txt", options=["--collect-only"])
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # what was compiled now stays
            sys.dont_write_bytecode = True
            for number, (module, place, name, occurrence) in enumerate(drawn):
                key = f"{module}:{place[0]}:{place[1]} {name.split('/')[1]}"
                known = results.get(key)
                if not args.first <= number < (args.last or len(drawn)):
                    continue
                if known["outcome"] != args.again if known else args.again:
                    continue
                path = copy / "src/rhohat" / f"{module}.py"
                before, times = path.read_text("utf-8"), path.stat()
                after = mutate(path, name, occurrence)
                if after is None:
                    print(f"{number:4} no mutant  {key}")
                    continue
                diff = list(
                    difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
                )
                path.write_text(after, encoding="utf-8")
                start = time.monotonic()
                result = {"mutant": key, "number": number, "module": module}
                names = covering(covered.get(module, {}), place[0])
                result |= outcome(copy, module, names, seconds, args.tests)
                result |= {
                    "seconds": round(time.monotonic() - start, 1),
                    "diff": "\n".join(diff[2:]),
                }
                path.write_text(before, encoding="utf-8")
                os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
                results[key] = result
                with args.results.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(result) + "\n")
                print(
                    f"{number:4} {result['outcome']:9} {result['seconds']:6} s  {key}", flush=True
                )
    print(told(results, drawn))


if __name__ == "__main__":
    main()
