"""Models of other programs: `FOLDER` gets a data set, and models of scikit-learn as ONNX and of xgboost as JSON that were trained on it.

Prints as JSON what each predicts for the rows of the data set, by the file's name.
"""

import json
import os
import sys
import warnings
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
import xgboost
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

warnings.filterwarnings("ignore")
folder = Path(sys.argv[1])
random = np.random.default_rng(3)
numbers = pd.DataFrame(random.normal(size=(200, 3)).astype(np.float32), columns=["height", "width", "weight"])
colour = pd.Series(random.choice(["blue", "green", "red"], 200), name="colour")
score = numbers["height"] + numbers["width"] * numbers["weight"] + (colour == "red")
outcome = pd.Series(np.where(score > 0.5, "kept", "sold"), name="target")
pd.concat([numbers, colour, outcome], axis=1).to_csv(folder / "rows.csv", index=False)
# The same with nothing but numbers, and a target of numbers.
pd.concat([numbers, score.rename("target")], axis=1).to_csv(folder / "numbers.csv", index=False)
told = {}

preparation = ColumnTransformer([("numbers", StandardScaler(), list(numbers)), ("colour", OneHotEncoder(), ["colour"])])
features = pd.concat([numbers, colour], axis=1)
model = make_pipeline(preparation, LogisticRegression()).fit(features, outcome)
types = [(name, FloatTensorType([None, 1])) for name in numbers] + [("colour", StringTensorType([None, 1]))]
graph = to_onnx(model, initial_types=types, options={"zipmap": False})
(folder / "named.onnx").write_bytes(graph.SerializeToString())
told["named.onnx"] = {
    "prediction": model.predict(features).tolist(),
    "kept": model.predict_proba(features)[:, 0].tolist(),
    "accuracy": model.score(features, outcome),
}

forest = RandomForestRegressor(n_estimators=10, random_state=1).fit(numbers.to_numpy(), score)
(folder / "counted.onnx").write_bytes(to_onnx(forest, numbers.to_numpy()[:1]).SerializeToString())
told["counted.onnx"] = {"prediction": forest.predict(numbers.to_numpy()).tolist()}

trees = xgboost.XGBClassifier(n_estimators=20, max_depth=3).fit(numbers, (outcome == "sold").astype(int))
trees.save_model(folder / "trees.json")
chances = trees.predict_proba(numbers)
told["trees.json"] = {"prediction": trees.predict(numbers).tolist(), "0": chances[:, 0].tolist()}
print(json.dumps(told))
