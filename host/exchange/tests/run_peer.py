"""Graphs from elsewhere: `FOLDER` gets models of scikit-learn, xgboost, LightGBM and networks as ONNX, and for each the columns and
what onnxruntime makes of them are printed.
"""

import json
import os
import sys
import warnings
from pathlib import Path

# Threads that wait for each other take long on a busy machine.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import onnx
import onnxruntime
import pandas as pd
from onnx import TensorProto, helper, numpy_helper
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, OneHotEncoder, OrdinalEncoder, RobustScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

warnings.filterwarnings("ignore")
random = np.random.default_rng(5)
ROWS, WIDTH = 300, 5


def data():
    rows = random.normal(size=(ROWS, WIDTH)).astype(np.float32)
    score = rows[:, 0] * 1.5 + rows[:, 1] * rows[:, 2]
    return rows, score


def simple(rows, score):
    """Models of one tensor of floats."""
    two, three = (score > 0.2).astype(int), np.array(["high", "low", "middle"])[np.digitize(score, [-0.5, 0.8])]
    number = score * 10 + 100
    few = {"n_estimators": 12, "random_state": 1}
    classifiers = {
        "forest": RandomForestClassifier(**few),
        "extra trees": ExtraTreesClassifier(max_depth=6, **few),
        "boosting": GradientBoostingClassifier(**few),
        "logistic": LogisticRegression(),
        "descent": SGDClassifier(loss="log_loss", random_state=1),
        "bayes": GaussianNB(),
        "network": MLPClassifier((12, 6), max_iter=60, random_state=1),
        "scaled": make_pipeline(StandardScaler(), MinMaxScaler(), RobustScaler(), LogisticRegression()),
        "components": make_pipeline(PCA(3), LogisticRegression()),
        "selected": make_pipeline(SelectKBest(k=3), Normalizer(), RandomForestClassifier(**few)),
        "margin": LinearSVC(),
    }
    for name, model in classifiers.items():
        for suffix, target in (("two", two), ("three", three)):
            yield f"{name}, {suffix}", model.fit(rows, target), rows
    regressors = {
        "forest": RandomForestRegressor(**few),
        "boosting": GradientBoostingRegressor(**few),
        "tree": DecisionTreeRegressor(max_depth=7),
        "linear": LinearRegression(),
        "network": MLPRegressor(hidden_layer_sizes=(12,), activation="tanh", max_iter=60, random_state=1),
        "scaled": make_pipeline(StandardScaler(), LinearRegression()),
    }
    for name, model in regressors.items():
        yield f"{name}, number", model.fit(rows, number), rows
    yield "clusters", KMeans(3, n_init=1, random_state=1).fit(rows), rows


def boosted(rows, score):
    """xgboost and LightGBM by onnxmltools."""
    import lightgbm
    import xgboost
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType as Floats

    two, three = (score > 0.2).astype(int), np.digitize(score, [-0.5, 0.8])
    types = [("input", Floats([None, WIDTH]))]
    holes = rows.copy()
    holes[random.random(rows.shape) < 0.1] = np.nan
    for suffix, target in (("two", two), ("three", three)):
        model = xgboost.XGBClassifier(n_estimators=12, max_depth=4, n_jobs=1).fit(holes, target)
        yield f"xgboost, {suffix}", convert_xgboost(model, initial_types=types), holes
        model = lightgbm.LGBMClassifier(n_estimators=12, n_jobs=1, verbose=-1).fit(rows, target)
        yield f"lightgbm, {suffix}", convert_lightgbm(model, initial_types=types, zipmap=False), rows
        yield f"lightgbm maps, {suffix}", convert_lightgbm(model, initial_types=types), rows
    model = xgboost.XGBRegressor(n_estimators=12, max_depth=4, n_jobs=1).fit(holes, score * 10)
    yield "xgboost, number", convert_xgboost(model, initial_types=types), holes
    model = lightgbm.LGBMRegressor(n_estimators=12, n_jobs=1, verbose=-1).fit(rows, score * 10)
    yield "lightgbm, number", convert_lightgbm(model, initial_types=types), rows


def network(activations, version, outputs, last, fixed_rows=None):
    """What PyTorch's exporter makes of a stack of layers: Gemm with a turned matrix, normalisation, activation."""
    nodes, constants, width, value = [], [], WIDTH, "input"

    def constant(name, values):
        constants.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), name))
        return name

    def add(operator, inputs, **attributes):
        nonlocal value
        output = f"/{len(nodes)}/{operator}_output"
        nodes.append(helper.make_node(operator, inputs, [output], name=f"/{len(nodes)}/{operator}", **attributes))
        value = output

    for number, activation in enumerate(activations):
        weights = constant(f"net.{number}.weight", random.normal(size=(8, width)) / 2)
        add("Gemm", [value, weights, constant(f"net.{number}.bias", random.normal(size=8))], alpha=1.0, beta=1.0, transB=1)
        width = 8
        lists = [constant(f"net.{number}.{part}", random.random(8) + 0.5) for part in ("scale", "shift", "mean", "variance")]
        add("BatchNormalization", [value, *lists], epsilon=1e-5, momentum=0.9)
        add(activation, [value])
    weights = constant("last.weight", random.normal(size=(8, outputs)))
    add("MatMul", [value, weights])
    add("Add", [value, constant("last.bias", random.normal(size=outputs))])
    if last:
        add(last, [value], **({"axis": 1} if "oftmax" in last else {}))
    shape = [fixed_rows or "batch", WIDTH]
    graph = helper.make_graph(
        nodes, "main_graph",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, [shape[0], outputs])], constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=8)


def networks(rows):
    yield "network relu", network(["Relu", "Relu"], 17, 3, "Softmax"), rows
    yield "network tanh", network(["Tanh", "Sigmoid"], 13, 1, "Sigmoid"), rows
    yield "network elu", network(["Elu", "Selu", "Softplus"], 15, 1, None), rows
    yield "network leaky", network(["LeakyRelu", "HardSigmoid"], 17, 4, "LogSoftmax"), rows
    yield "network gelu", network(["Gelu", "Softsign", "HardSwish"], 20, 2, None), rows
    yield "network old", network(["Relu"], 11, 3, "Softmax"), rows
    yield "network of one row", network(["Relu"], 17, 3, "Softmax", fixed_rows=1), rows


def operators():
    """The operators for shapes, one after another, so that a wrong one shows in the result."""
    nodes = [
        helper.make_node("Transpose", ["input"], ["a"], perm=[1, 0]),
        helper.make_node("Unsqueeze", ["a", "zero"], ["b"]),
        helper.make_node("Squeeze", ["b", "zero"], ["c"]),
        helper.make_node("Transpose", ["c"], ["d"]),
        helper.make_node("Slice", ["d", "starts", "ends", "one", "steps"], ["e"]),
        helper.make_node("Gather", ["d", "picked"], ["f"], axis=1),
        helper.make_node("Concat", ["e", "f", "d"], ["g"], axis=-1),
        helper.make_node("Split", ["g", "parts"], ["h", "i"], axis=1),
        helper.make_node("ReduceMean", ["h"], ["j"], axes=[1], keepdims=1),
        helper.make_node("ReduceSum", ["i", "one"], ["k"], keepdims=1),
        helper.make_node("Sub", ["i", "j"], ["l"]),
        helper.make_node("Less", ["l", "k"], ["m"]),
        helper.make_node("Where", ["m", "l", "k"], ["n"]),
        helper.make_node("Reshape", ["n", "shape"], ["o"]),
        helper.make_node("Flatten", ["o"], ["p"], axis=1),
        helper.make_node("Clip", ["p", "least", "most"], ["q"]),
        helper.make_node("Pow", ["q", "two"], ["r"]),
        helper.make_node("ReduceMax", ["r"], ["s"], axes=[1], keepdims=1),
        helper.make_node("Div", ["r", "s"], ["t"]),
        helper.make_node("ArgMax", ["t"], ["u"], axis=1, keepdims=1),
        helper.make_node("Cast", ["u"], ["v"], to=TensorProto.FLOAT),
        helper.make_node("Shape", ["t"], ["w"]),
        helper.make_node("Expand", ["v", "w"], ["x"]),
        helper.make_node("Max", ["x", "t"], ["y"]),
        helper.make_node("Erf", ["y"], ["z"]),
        helper.make_node("Concat", ["z", "t"], ["output"], axis=1),
    ]
    whole = {"zero": [0], "one": [1], "starts": [-1], "ends": [0], "steps": [-2], "picked": [4, 0, 4], "parts": [4, 6], "shape": [0, 2, -1], "two": [2]}
    constants = [numpy_helper.from_array(np.array(values, dtype=np.int64), name) for name, values in whole.items()]
    constants += [numpy_helper.from_array(np.array(value, dtype=np.float32), name) for name, value in {"least": -1.0, "most": 2.5}.items()]
    graph = helper.make_graph(
        nodes, "shapes", [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", WIDTH])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)], constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def mixed(score):
    """Pipelines with an input for each raw column."""
    frame = pd.DataFrame({
        "age": random.integers(18, 80, ROWS).astype(np.float64), "height": random.normal(170, 10, ROWS),
        "colour": random.choice(["blue", "green", "red"], ROWS), "city": random.choice(["Paris", "Rome"], ROWS),
    })
    target = ((frame["age"] > 40) ^ (frame["colour"] == "red")).map({True: "yes", False: "no"})
    holes = frame.copy()
    holes.loc[random.random(ROWS) < 0.2, "age"] = np.nan
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    transformer = ColumnTransformer([
        ("numbers", numbers, ["age", "height"]), ("words", OneHotEncoder(handle_unknown="ignore"), ["colour"]),
        ("order", OrdinalEncoder(), ["city"]),
    ])
    types = [(name, StringTensorType([None, 1]) if name in ("colour", "city") else FloatTensorType([None, 1])) for name in frame]
    for name, last in (("logistic", LogisticRegression()), ("forest", RandomForestClassifier(10, random_state=1))):
        model = make_pipeline(transformer, last).fit(holes, target)
        yield f"columns, {name}", to_onnx(model, initial_types=types, target_opset={"": 17, "ai.onnx.ml": 3}), holes


def listed(values):
    if isinstance(values, list) and values and isinstance(values[0], dict):
        return [list(row.values()) for row in values]
    return np.asarray(values).tolist()


def keep(folder, told, name, model, given):
    assert name not in told, name
    file = folder / f"{len(told)}.onnx"
    file.write_bytes(model.SerializeToString())
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    if isinstance(given, pd.DataFrame):
        columns = {name: given[name].tolist() for name in given}
        inputs = {}
        for asked in session.get_inputs():
            values = given[asked.name].to_numpy().reshape(-1, 1)
            inputs[asked.name] = values.astype(object if "string" in asked.type else np.float32)
        results = session.run(None, inputs)
    else:
        columns = {f"column {number}": given[:, number].astype(float).tolist() for number in range(given.shape[1])}
        asked = session.get_inputs()[0]
        if asked.shape[0] == 1:
            parts = [session.run(None, {asked.name: row[None]}) for row in given]
            results = [np.concatenate(column) for column in zip(*parts)]
        else:
            results = session.run(None, {asked.name: given})
    columns = {name: [None if isinstance(value, float) and np.isnan(value) else value for value in values] for name, values in columns.items()}
    told[name] = {"file": str(file), "columns": columns, "outputs": [listed(result) for result in results]}


def main(folder):
    rows, score = data()
    told = {}
    for name, model, given in simple(rows, score):
        tells = hasattr(model, "predict_proba")
        options = {id(model): {"zipmap": False}} if tells else None
        converted = to_onnx(model, given[:1], options=options, target_opset={"": 17, "ai.onnx.ml": 3})
        keep(folder, told, name, converted, given)
        if tells and ("forest" in name or "logistic" in name):
            converted = to_onnx(model, given[:1], target_opset={"": 17, "ai.onnx.ml": 3})
            keep(folder, told, f"{name}, maps", converted, given)
    double = RandomForestRegressor(5, random_state=1).fit(rows.astype(np.float64), score)
    converted = to_onnx(double, initial_types=[("X", DoubleTensorType([None, WIDTH]))], target_opset={"": 17, "ai.onnx.ml": 3})
    file = folder / "double.onnx"
    file.write_bytes(converted.SerializeToString())
    newest = RandomForestClassifier(5, random_state=1).fit(rows, score > 0)
    keep(folder, told, "version 5", to_onnx(newest, rows[:1], options={id(newest): {"zipmap": False}}, target_opset={"": 21, "ai.onnx.ml": 5}), rows)
    for part in (boosted(rows, score), networks(rows), mixed(score)):
        for name, model, given in part:
            keep(folder, told, name, model, given)
    keep(folder, told, "operators", operators(), rows)

    # Things that are not run.
    from sklearn.svm import SVC

    svm = to_onnx(SVC().fit(rows, score > 0), rows[:1], target_opset={"": 17, "ai.onnx.ml": 3})
    (folder / "svm.onnx").write_bytes(svm.SerializeToString())
    model = network(["Relu"], 17, 3, None)
    onnx.save_model(model, str(folder / "outside.onnx"), save_as_external_data=True, size_threshold=0, location="weights")
    return told


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
