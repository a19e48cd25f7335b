"""What importing every name of rhohat costs beyond importing scikit-learn. Fails above 0.3 s.

    python benchmarks/import_time.py

Both are timed in fresh processes, in turn, in processor time, which depends less on what else the
machine does; the medians of seven are compared.
"""

import os
import statistics
import subprocess
import sys

TIMED = "import time; t = time.process_time(); {}; print(time.process_time() - t)"
LIMIT = 0.3


def seconds(statement):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    result = subprocess.run(
        [sys.executable, "-c", TIMED.format(statement)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,  # with compiled modules, as users have them
    )
    return float(result.stdout)


def main():
    base, ours = [], []
    for _ in range(7):
        base.append(seconds("import sklearn, sklearn.base, sklearn.pipeline"))
        ours.append(seconds("import sklearn, sklearn.base, sklearn.pipeline; from rhohat import *"))
    extra = statistics.median(ours) - statistics.median(base)
    print(f"scikit-learn {statistics.median(base):.2f} s, rhohat on top {extra:.2f} s")
    sys.exit(extra > LIMIT)


if __name__ == "__main__":
    main()
