"""Models that Python's xgboost trains, and what it predicts by models of ours.

`train FOLDER` trains models of several kinds, saves each in the folder, and prints for each its file, its rows and its predictions.
`predict FILE` loads the models that the JSON file lists, and prints for each what it predicts of its rows.
"""

import json
import os
import sys
from pathlib import Path

# Threads that wait for each other take long on a busy machine.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
import xgboost


def listed(values):
    return [[None if np.isnan(value) else float(value) for value in row] for row in np.asarray(values, dtype=np.float64)]


def probabilities(predicted):
    """Both classes' probabilities where there are two."""
    predicted = np.asarray(predicted, dtype=np.float64)
    return predicted if predicted.ndim == 2 else np.column_stack([1 - predicted, predicted])


def train(folder):
    random = np.random.default_rng(3)
    rows = random.normal(size=(600, 5)).astype(np.float32)
    rows[random.random(rows.shape) < 0.1] = np.nan
    filled = np.nan_to_num(rows)
    score = filled[:, 0] * 2 + filled[:, 1] * filled[:, 2]
    binary = (score > 0.3).astype(int)
    three = np.digitize(score, [-0.7, 0.9])
    number = score * 100 + 5000
    told = {}

    def keep(name, model, given, predicted):
        model.get_booster().save_model(folder / f"{name}.json")
        told[name] = {"rows": listed(given), "predicted": listed(predicted)}

    settings = {"n_estimators": 30, "max_depth": 5, "n_jobs": 1}
    model = xgboost.XGBClassifier(**settings).fit(rows, binary)
    keep("binary", model, rows, model.predict_proba(rows))
    model = xgboost.XGBClassifier(**settings).fit(rows, three)
    keep("three", model, rows, model.predict_proba(rows))
    model = xgboost.XGBRegressor(**settings).fit(rows, number)
    keep("number", model, rows, model.predict(rows)[:, None])
    model = xgboost.XGBRegressor(objective="reg:absoluteerror", **settings).fit(rows, number)
    keep("absolute", model, rows, model.predict(rows)[:, None])
    model = xgboost.XGBRegressor(objective="count:poisson", **settings).fit(rows, np.round(np.exp(score)))
    keep("counts", model, rows, model.predict(rows)[:, None])
    model = xgboost.XGBClassifier(objective="multi:softprob", num_class=2, **settings).fit(rows, binary)
    keep("two of several", model, rows, model.predict_proba(rows))
    model = xgboost.XGBClassifier(gamma=2.0, **settings).fit(rows, binary)
    keep("pruned", model, rows, model.predict_proba(rows))
    model = xgboost.XGBClassifier(n_estimators=10, num_parallel_tree=3, subsample=0.6, n_jobs=1).fit(rows, three)
    keep("parallel", model, rows, model.predict_proba(rows))
    model = xgboost.XGBClassifier(n_estimators=300, early_stopping_rounds=3, n_jobs=1)
    model.fit(rows[:300], binary[:300], eval_set=[(rows[300:], binary[300:])], verbose=False)
    assert model.best_iteration < 290
    keep("stopped", model, rows, model.predict_proba(rows))
    words = random.choice(["blue", "green", "red", "violet", "yellow"], 600)
    words = pd.Categorical(words)
    frame = pd.DataFrame({"one": rows[:, 0], "colour": words, "two": rows[:, 1]})
    frame.loc[random.random(600) < 0.1, "colour"] = np.nan
    hue = frame["colour"].isin(["blue", "red"]) ^ (filled[:, 0] > 0)
    model = xgboost.XGBClassifier(enable_categorical=True, max_cat_to_onehot=1, **settings).fit(frame, hue.astype(int))
    coded = frame.assign(colour=frame["colour"].cat.codes.astype(float).replace(-1, np.nan))
    keep("categories", model, coded, model.predict_proba(frame))

    for name, parameters in {"dart": {"booster": "dart"}, "gblinear": {"booster": "gblinear"}, "gamma": {"objective": "reg:gamma"}}.items():
        model = xgboost.XGBRegressor(n_estimators=3, n_jobs=1, **parameters).fit(rows, np.abs(score) + 0.1)
        model.get_booster().save_model(folder / f"{name}.json")
    model = xgboost.XGBRegressor(n_estimators=3, multi_strategy="multi_output_tree", tree_method="hist").fit(rows, np.column_stack([score, score]))
    model.get_booster().save_model(folder / "vectors.json")
    model.get_booster().save_model(folder / "binary.ubj")
    return told


def predict(file):
    told = {}
    for name, model in json.loads(file.read_text()).items():
        rows = np.array(model["rows"], dtype=np.float64)
        booster = xgboost.Booster()
        booster.load_model(model["file"])
        matrix = xgboost.DMatrix(rows, feature_names=booster.feature_names, feature_types=booster.feature_types, enable_categorical=True)
        predicted = booster.predict(matrix)
        is_number = json.loads(booster.save_config())["learner"]["objective"]["name"].startswith(("reg:", "count:"))
        told[name] = listed(predicted[:, None] if is_number else probabilities(predicted))
    return told


if __name__ == "__main__":
    command, path = sys.argv[1], Path(sys.argv[2])
    print(json.dumps({"train": train, "predict": predict}[command](path)))
