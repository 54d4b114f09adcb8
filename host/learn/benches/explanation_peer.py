"""The peer of the bench `explanation`: the package `shap` on models of the same shape.

    python explanation_peer.py DATA RESULTS

Writes the data to DATA unless it is there already, fits scikit-learn and xgboost on it, times `shap.TreeExplainer` on test rows,
and writes a line for each case to RESULTS: case, rows, wall seconds and CPU seconds for a thousand rows, leaves of the model,
additivity error, separated by tabs. Then `cargo bench -p kumiko-learn --bench explanation -- DATA RESULTS` prints both side by
side. The models are not the same, only of the same kind: seconds are compared for each leaf as well.

DATA is in the form that `forest_peer.py` describes.
"""

import os
import sys
import time

import numpy
import shap
import xgboost
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from forest_peer import make, read

TRAINING_ROWS = 20_000
BACKGROUND_ROWS = 100

FOREST_8 = (RandomForestClassifier, {"n_estimators": 100, "max_depth": 8, "n_jobs": -1, "random_state": 42})
FOREST_FULL = (RandomForestClassifier, {"n_estimators": 100, "n_jobs": -1, "random_state": 42})
REGRESSION_FULL = (RandomForestRegressor, {"n_estimators": 20, "max_features": 1.0, "n_jobs": -1, "random_state": 42})
BOOSTED = (xgboost.XGBClassifier, {"n_estimators": 100, "max_depth": 6, "random_state": 42})

# Case: model, rows to explain, whether against background rows.
CASES = {
    "forest, 100 trees of depth 8": (FOREST_8, 500, False),
    "forest, 100 full trees": (FOREST_FULL, 20, False),
    "regression forest, 20 full trees": (REGRESSION_FULL, 20, False),
    "boosting, 100 trees of depth 6": (BOOSTED, 5000, False),
    "forest, 100 trees of depth 8, 100 background rows": (FOREST_8, 50, True),
    "forest, 100 full trees, 100 background rows": (FOREST_FULL, 4, True),
    "boosting, 100 trees of depth 6, 100 background rows": (BOOSTED, 500, True),
}


def leaves(model):
    if hasattr(model, "estimators_"):
        return sum(tree.get_n_leaves() for tree in model.estimators_)
    return int((model.get_booster().trees_to_dataframe()["Feature"] == "Leaf").sum())


def main():
    data, results = sys.argv[1:3]
    if not os.path.exists(data):
        make(data)
    (features, classes, values), (test, _, _) = read(data)
    features, classes, values = features[:TRAINING_ROWS], classes[:TRAINING_ROWS], values[:TRAINING_ROWS]
    fitted = {}
    with open(results, "w") as file:
        file.write(f"# shap {shap.__version__}, xgboost {xgboost.__version__}\n")
        for case, ((kind, arguments), rows, background) in CASES.items():
            key = (kind, str(arguments))
            if key not in fitted:
                fitted[key] = kind(**arguments).fit(features, values if kind is RandomForestRegressor else classes)
            model = fitted[key]
            explainer = shap.TreeExplainer(model, data=features[:BACKGROUND_ROWS] if background else None)
            wall, cpu = time.perf_counter(), time.process_time()
            found = explainer.shap_values(test[:rows], check_additivity=False)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            base = explainer.expected_value
            if found.ndim == 3:
                found, base = found[:, :, 1], base[1]
                predicted = model.predict_proba(test[:rows])[:, 1]
            elif kind is RandomForestRegressor:
                predicted = model.predict(test[:rows])
            else:
                predicted = model.predict(test[:rows], output_margin=True)
            error = float(numpy.abs(found.sum(axis=1) + base - predicted).max())
            numbers = (rows, wall * 1000 / rows, cpu * 1000 / rows, leaves(model), error)
            line = [case, *(f"{number:.6g}" for number in numbers)]
            file.write("\t".join(line) + "\n")
            print(*line, sep="\t", flush=True)


if __name__ == "__main__":
    main()
