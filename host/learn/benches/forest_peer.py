"""The peer of the bench `forest`: scikit-learn on the same data.

    python forest_peer.py DATA RESULTS

Writes the data to DATA unless it is there already, times scikit-learn on it with all cores, and writes a line for each case to
RESULTS: case, wall seconds and CPU seconds of the fit, wall and CPU seconds of predicting the test rows, quality (area under the
ROC curve or R²), separated by tabs. Then `cargo bench -p kumiko-learn --bench forest -- DATA RESULTS` prints both side by side.

DATA holds, little-endian: training rows, test rows and columns as u32; then for training and test rows each the columns one after
another as f32, the classes as f32 and the values as f32.
"""

import os
import sys
import time

import numpy
import sklearn
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import r2_score, roc_auc_score

TRAINING_ROWS, TEST_ROWS, COLUMNS = 100_000, 25_000, 30

CASES = {
    "classification, 100 full trees": (RandomForestClassifier, {"n_estimators": 100}),
    "classification, 100 trees of depth 12": (RandomForestClassifier, {"n_estimators": 100, "max_depth": 12}),
    "regression, 20 full trees": (RandomForestRegressor, {"n_estimators": 20}),
}


def make(path):
    rows = TRAINING_ROWS + TEST_ROWS
    features, classes = make_classification(
        rows, COLUMNS, n_informative=16, n_redundant=6, n_clusters_per_class=12, flip_y=0.05, class_sep=1.0, random_state=7
    )
    random = numpy.random.default_rng(7)
    values = features[:, 0] * features[:, 1] + numpy.sin(features[:, 2]) * 3 + 4 * classes + random.normal(size=rows)
    with open(path, "wb") as file:
        numpy.array([TRAINING_ROWS, TEST_ROWS, COLUMNS], "<u4").tofile(file)
        for part in (slice(0, TRAINING_ROWS), slice(TRAINING_ROWS, rows)):
            for column in features[part].T:
                column.astype("<f4").tofile(file)
            classes[part].astype("<f4").tofile(file)
            values[part].astype("<f4").tofile(file)


def read(path):
    training, test, columns = numpy.fromfile(path, "<u4", 3)
    numbers = numpy.fromfile(path, "<f4", offset=12)
    cut = training * (columns + 2)
    parts = numbers[:cut].reshape(columns + 2, training), numbers[cut:].reshape(columns + 2, test)
    return [(numpy.ascontiguousarray(part[:columns].T), part[columns], part[columns + 1]) for part in parts]


def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def main():
    data, results = sys.argv[1:3]
    if not os.path.exists(data):
        make(data)
    (features, classes, values), (test_features, test_classes, test_values) = read(data)
    with open(results, "w") as file:
        file.write(f"# scikit-learn {sklearn.__version__}\n")
        for case, (kind, arguments) in CASES.items():
            estimator = kind(n_jobs=-1, random_state=42, **arguments)
            target = classes if kind is RandomForestClassifier else values
            _, wall, cpu = timed(lambda: estimator.fit(features, target))
            if kind is RandomForestClassifier:
                predicted, predict_wall, predict_cpu = timed(lambda: estimator.predict_proba(test_features)[:, 1])
                quality = roc_auc_score(test_classes, predicted)
            else:
                predicted, predict_wall, predict_cpu = timed(lambda: estimator.predict(test_features))
                quality = r2_score(test_values, predicted)
            line = [case, *(f"{number:.4f}" for number in (wall, cpu, predict_wall, predict_cpu, quality))]
            file.write("\t".join(line) + "\n")
            print(*line, sep="\t", flush=True)


if __name__ == "__main__":
    main()
