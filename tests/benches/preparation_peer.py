"""The peer of the bench `preparation`: pandas with scikit-learn on the same data, each case in a process of its own.

    python preparation_peer.py DATA RESULTS

Makes DATA (CSV, 1,000,000 rows, 20 columns: 15 of numbers with 5 % missing, 4 of categories, a label) unless it is there, and writes a
line for each case to RESULTS: case, wall seconds, processor seconds, peak memory in MB, separated by tabs. The time to import the
libraries is not counted, their memory is, as the server's own is.
"""

import os
import resource
import subprocess
import sys
import time

ROWS = 1_000_000
NUMBERS = [f"number_{index}" for index in range(15)]
CATEGORIES = [f"category_{index}" for index in range(4)]
CASES = ["load and describe", "load, prepare (peer: not written)", "load, prepare, write Parquet", "load, prepare, write CSV"]


def make(path):
    import numpy
    import pandas

    random = numpy.random.default_rng(7)
    columns = {}
    for index, name in enumerate(NUMBERS):
        values = numpy.round(random.normal(index, 1 + index, ROWS), 4)
        values[random.random(ROWS) < 0.05] = numpy.nan
        columns[name] = values
    for index, name in enumerate(CATEGORIES):
        words = numpy.array([f"word_{index}_{word}" for word in range(4 + 2 * index)])
        columns[name] = words[random.integers(0, len(words), ROWS)]
    columns["label"] = random.integers(0, 2, ROWS)
    pandas.DataFrame(columns).to_csv(path, index=False)


def measure(case, path):
    import pandas
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    began, used = time.perf_counter(), time.process_time()
    frame = pandas.read_csv(path)
    if case == CASES[0]:
        frame.describe(include="all")
        frame.isna().sum()
        frame.nunique()
    else:
        numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        words = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
        transformer = ColumnTransformer([("numbers", numbers, NUMBERS), ("words", words, CATEGORIES)])
        transformer.set_output(transform="pandas")
        prepared = transformer.fit_transform(frame.drop(columns="label"))
        prepared["label"] = frame["label"]
        if case == CASES[2]:
            prepared.to_parquet(path + ".out", compression="zstd", index=False)
        elif case == CASES[3]:
            prepared.to_csv(path + ".out", index=False)
    wall, processor = time.perf_counter() - began, time.process_time() - used
    if os.path.exists(path + ".out"):
        os.remove(path + ".out")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{case}\t{wall:.4f}\t{processor:.4f}\t{peak:.1f}")


if __name__ == "__main__":
    if sys.argv[1] == "--case":
        measure(sys.argv[2], sys.argv[3])
    else:
        data, results = sys.argv[1:3]
        if not os.path.exists(data):
            make(data)
        lines = [
            subprocess.run([sys.executable, __file__, "--case", case, data], check=True, capture_output=True, text=True).stdout
            for case in CASES
        ]
        with open(results, "w") as file:
            file.writelines(lines)
