"""The peer of the bench `neural`: scikit-learn's multilayer perceptrons on the same data, for as many epochs.

    python neural_peer.py DATA RESULTS

Makes and reads DATA as forest_peer.py does. Inputs and numbers to predict are standardised first, within the time measured, as the
bench's networks do themselves. A line of RESULTS: case, wall seconds and CPU seconds of the fit, wall and CPU seconds of
predicting the test rows, quality (area under the ROC curve or R²), the training loss at the end, separated by tabs. Then
`cargo bench -p kumiko-learn --bench neural -- DATA RESULTS` prints both side by side.
"""

import os
import sys
import warnings

import sklearn
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from forest_peer import make, read, timed

CASES = {
    "classification, 64-32, 20 epochs": (MLPClassifier, {"hidden_layer_sizes": (64, 32), "max_iter": 20}),
    "classification, 64-32 tanh, 10 epochs": (
        MLPClassifier,
        {"hidden_layer_sizes": (64, 32), "max_iter": 10, "activation": "tanh"},
    ),
    "classification, 256-256, 5 epochs": (MLPClassifier, {"hidden_layer_sizes": (256, 256), "max_iter": 5}),
    "classification, 64-32, batches of 32, 5 epochs": (
        MLPClassifier,
        {"hidden_layer_sizes": (64, 32), "max_iter": 5, "batch_size": 32},
    ),
    "regression, 64-32, 20 epochs": (MLPRegressor, {"hidden_layer_sizes": (64, 32), "max_iter": 20}),
}


def main():
    data, results = sys.argv[1:3]
    warnings.filterwarnings("ignore")
    if not os.path.exists(data):
        make(data)
    (features, classes, values), (test_features, test_classes, test_values) = read(data)
    with open(results, "w") as file:
        file.write(f"# scikit-learn {sklearn.__version__}\n")
        for case, (kind, arguments) in CASES.items():
            # No number of epochs without progress ends the training.
            network = kind(random_state=42, n_iter_no_change=1000, **arguments)
            estimator = make_pipeline(StandardScaler(), network)
            if kind is MLPRegressor:
                estimator = TransformedTargetRegressor(estimator, transformer=StandardScaler())
            target = classes if kind is MLPClassifier else values
            _, wall, cpu = timed(lambda: estimator.fit(features, target))
            if kind is MLPClassifier:
                predicted, predict_wall, predict_cpu = timed(lambda: estimator.predict_proba(test_features)[:, 1])
                quality, loss = roc_auc_score(test_classes, predicted), network.loss_
            else:
                predicted, predict_wall, predict_cpu = timed(lambda: estimator.predict(test_features))
                quality, loss = r2_score(test_values, predicted), estimator.regressor_[-1].loss_
            line = [case, *(f"{number:.4f}" for number in (wall, cpu, predict_wall, predict_cpu, quality, loss))]
            file.write("\t".join(line) + "\n")
            print(*line, sep="\t", flush=True)


if __name__ == "__main__":
    main()
