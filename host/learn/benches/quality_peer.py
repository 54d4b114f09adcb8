"""Cross-validated scores of scikit-learn and xgboost on ten data sets that come with scikit-learn, for `benches/quality.rs`.

`python quality_peer.py DATA RESULTS` writes the data sets with the fold of each row to DATA and a line for each data set, algorithm and fold
to RESULTS. Six sets are measured ones that the package carries, four come from its generators, with shapes that the others lack.
"""

import struct
import sys
import warnings

import numpy
import xgboost
from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDS = 5
SEED = 42


def sets():
    """Name, features, target, whether it is a class."""
    for load in (datasets.load_iris, datasets.load_wine, datasets.load_breast_cancer, datasets.load_digits):
        features, target = load(return_X_y=True)
        yield load.__name__.removeprefix("load_"), features, target, True
    features, target = datasets.load_diabetes(return_X_y=True, scaled=False)
    yield "diabetes", features, target, False
    features, target = datasets.load_linnerud(return_X_y=True)
    yield "linnerud, waist", features, target[:, 1], False
    features, target = datasets.make_moons(1_000, noise=0.3, random_state=SEED)
    yield "moons", features, target, True
    features, target = datasets.make_hastie_10_2(4_000, random_state=SEED)
    yield "hastie, 10 columns", features, (target > 0).astype(int), True
    features, target = datasets.make_friedman1(2_000, 20, noise=1.0, random_state=SEED)
    yield "friedman 1, 20 columns", features, target, False
    features, target = datasets.make_classification(
        3_000, 100, n_informative=12, n_redundant=20, n_classes=4, weights=[0.55, 0.25, 0.15, 0.05], random_state=SEED
    )
    yield "100 columns, 4 uneven classes", features, target, True


def models(classes):
    """The peers by our names, with the settings that both sides use."""
    if classes:
        yield "random_forest", RandomForestClassifier(n_jobs=-1, random_state=SEED)
        yield "xgboost", xgboost.XGBClassifier(tree_method="hist", random_state=SEED)
        yield "neural_network", make_pipeline(StandardScaler(), MLPClassifier(random_state=SEED))
        yield "logistic_regression", make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    else:
        yield "random_forest", RandomForestRegressor(n_jobs=-1, random_state=SEED)
        yield "xgboost", xgboost.XGBRegressor(tree_method="hist", random_state=SEED)
        yield "neural_network", make_pipeline(StandardScaler(), MLPRegressor(random_state=SEED))
        yield "ridge", make_pipeline(StandardScaler(), Ridge())


def main():
    data, results = sys.argv[1:]
    warnings.filterwarnings("ignore")
    with open(data, "wb") as file, open(results, "w") as lines:
        chosen = list(sets())
        file.write(struct.pack("<I", len(chosen)))
        for name, features, target, classes in chosen:
            features = features.astype(numpy.float32)
            folds = numpy.zeros(len(target), dtype=numpy.uint32)
            split = (StratifiedKFold if classes else KFold)(FOLDS, shuffle=True, random_state=SEED)
            for number, (_, test) in enumerate(split.split(features, target)):
                folds[test] = number
            encoded = name.encode()
            file.write(struct.pack("<IIII", len(encoded), features.shape[0], features.shape[1], int(classes)))
            file.write(encoded)
            file.write(features.T.tobytes())
            file.write(target.astype(numpy.float64).tobytes())
            file.write(folds.tobytes())
            for algorithm, model in models(classes):
                for fold in range(FOLDS):
                    learnt, held = folds != fold, folds == fold
                    predicted = model.fit(features[learnt], target[learnt]).predict(features[held])
                    score = accuracy_score if classes else r2_score
                    lines.write(f"{name}\t{algorithm}\t{fold}\t{score(target[held], predicted)}\n")


main()
