"""The peers of the bench `boosting`: xgboost (`hist`) and LightGBM on the same data, with all cores.

    python boosting_peer.py DATA RESULTS [TRAINING_ROWS]

Writes the data to DATA unless it is there already (100,000 training rows of 30 columns unless told otherwise), and a line for
each case to RESULTS: case, wall seconds and CPU seconds of the fit (the peer's own table of bins included), wall and CPU seconds of
predicting the training rows, mean area under the ROC curve of test rows over eight numbers of bins (one number alone says little: with
one bin more or less it moves by up to 0.005), its standard error, peak memory in MiB above what was there before the fit, microseconds of
predicting one row; separated by tabs. Every case runs in a process of its own. Then
`cargo bench -p kumiko-learn --bench boosting -- DATA RESULTS` prints both side by side.

DATA holds, little-endian: training rows, test rows and columns as u32; then for training and test rows each the columns one after
another as f32, and the classes as f32.
"""

import functools
import multiprocessing
import os
import sys
import time

import numpy
from sklearn.datasets import make_classification
from sklearn.metrics import roc_auc_score

TEST_ROWS, COLUMNS = 25_000, 30

CASES = {
    "xgboost, depth 6": ("xgboost", {"max_depth": 6, "learning_rate": 0.3}),
    "lightgbm, 63 leaves": ("lightgbm", {"num_leaves": 63, "max_depth": -1, "learning_rate": 0.1}),
}
ONE_ROW_CALLS = 200
BINS = range(249, 257)
# Of more rows than this one number of bins is enough: chance is smaller, and time is not.
MANY_ROWS = 200_000


def make(path, training_rows):
    rows = training_rows + TEST_ROWS
    features, classes = make_classification(
        rows, COLUMNS, n_informative=16, n_redundant=6, n_clusters_per_class=12, flip_y=0.05, class_sep=1.0, random_state=7
    )
    with open(path, "wb") as file:
        numpy.array([training_rows, TEST_ROWS, COLUMNS], "<u4").tofile(file)
        for part in (slice(0, training_rows), slice(training_rows, rows)):
            for column in features[part].T:
                column.astype("<f4").tofile(file)
            classes[part].astype("<f4").tofile(file)


def read(path):
    training, test, columns = numpy.fromfile(path, "<u4", 3)
    numbers = numpy.fromfile(path, "<f4", offset=12)
    cut = training * (columns + 1)
    parts = numbers[:cut].reshape(columns + 1, training), numbers[cut:].reshape(columns + 1, test)
    return [(numpy.ascontiguousarray(part[:columns].T), part[columns].copy()) for part in parts]


def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def memory(field):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(field))


def measure(path, case, answer):
    library, arguments = CASES[case]
    (features, classes), (test_features, test_classes) = read(path)
    if library == "xgboost":
        import xgboost

        make = functools.partial(xgboost.XGBClassifier, n_estimators=100, tree_method="hist", n_jobs=-1, **arguments)
        version = xgboost.__version__
    else:
        import lightgbm

        make = functools.partial(lightgbm.LGBMClassifier, n_estimators=100, n_jobs=-1, verbose=-1, **arguments)
        version = lightgbm.__version__
    estimator = make()
    # The pools of threads start, and what is loaded late is loaded.
    estimator.fit(features[:1_000], classes[:1_000])
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = memory("VmRSS")
    _, wall, cpu = timed(lambda: estimator.fit(features, classes))
    peak = memory("VmHWM") - before
    predicted, predict_wall, predict_cpu = timed(lambda: estimator.predict_proba(features)[:, 1])
    qualities = []
    for bins in BINS if len(classes) <= MANY_ROWS else BINS[-1:]:
        other = make(max_bin=bins).fit(features, classes)
        qualities.append(roc_auc_score(test_classes, other.predict_proba(test_features)[:, 1]))
    quality, error = numpy.mean(qualities), numpy.std(qualities) / max(len(qualities) - 1, 1) ** 0.5
    row = test_features[:1]
    _, one_row, _ = timed(lambda: [estimator.predict_proba(row) for _ in range(ONE_ROW_CALLS)])
    answer.put((version, (wall, cpu, predict_wall, predict_cpu, quality, error, peak, one_row / ONE_ROW_CALLS * 1e6)))


def main():
    data, results = sys.argv[1:3]
    if not os.path.exists(data):
        make(data, int(sys.argv[3]) if len(sys.argv) > 3 else 100_000)
    context = multiprocessing.get_context("spawn")
    with open(results, "w") as file:
        for case in CASES:
            answer = context.Queue()
            process = context.Process(target=measure, args=(data, case, answer))
            process.start()
            version, figures = answer.get()
            process.join()
            line = "\t".join([case, *(f"{number:.4f}" for number in figures)])
            file.write(f"# {CASES[case][0]} {version}\n{line}\n")
            print(line, flush=True)


if __name__ == "__main__":
    main()
