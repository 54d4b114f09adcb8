"""The peer of the bench `unsupervised`: scikit-learn on the same data.

    python unsupervised_peer.py DATA RESULTS [CASE ...]

Writes the data of every case to the folder DATA unless it is there already, times scikit-learn on it with all cores, and writes a
line for each case to RESULTS: case, wall seconds and CPU seconds of the fit, quality, separated by tabs. Then
`cargo bench -p kumiko-learn --bench unsupervised -- DATA RESULTS` prints both side by side. Named cases replace their lines.

Quality is the inertia of k-means, the variance explained by PCA, the adjusted Rand index of DBSCAN and mixtures with the classes that the rows
were made of, and the trustworthiness (5 neighbours) of t-SNE.

A file of DATA holds, little-endian: rows and columns as u32; the columns one after another as f32; the classes as f32.
"""

import os
import sys
import time

import numpy
import sklearn
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import load_digits, make_blobs, make_moons
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

GENERATOR = numpy.random.default_rng


def blobs(rows, columns, centres, deviation, seed):
    return make_blobs(rows, columns, centers=centres, cluster_std=deviation, random_state=seed)


def low_rank(rows, columns, rank, seed):
    random = GENERATOR(seed)
    signal = random.normal(size=(rows, rank)) * numpy.geomspace(10, 1, rank)
    return signal @ random.normal(size=(rank, columns)) + random.normal(size=(rows, columns)), numpy.zeros(rows)


def moons_and_blobs():
    one, first = make_moons(8_000, noise=0.05, random_state=3)
    two, second = make_blobs(10_000, 2, centers=[[3, 2], [-2, 2], [3, -2]], cluster_std=0.3, random_state=3)
    noise = GENERATOR(3).uniform(-4, 5, size=(2_000, 2))
    return numpy.vstack([one, two, noise]), numpy.concatenate([first, second + 2, numpy.full(2_000, 5)])


def blobs_and_noise():
    one, first = blobs(18_000, 8, 12, 1.0, 5)
    noise = GENERATOR(5).uniform(-12, 12, size=(2_000, 8))
    return numpy.vstack([one, noise]), numpy.concatenate([first, numpy.full(2_000, 12)])


DATA = {
    "kmeans": lambda: blobs(200_000, 20, 10, 3.5, 1),
    "pca_tall": lambda: low_rank(100_000, 30, 8, 2),
    "pca_wide": lambda: low_rank(2_000, 500, 40, 2),
    "dbscan_2": moons_and_blobs,
    "dbscan_8": blobs_and_noise,
    "mixture": lambda: blobs(50_000, 10, 8, 3.0, 4),
    "digits": lambda: load_digits(return_X_y=True),
    "clusters": lambda: blobs(10_000, 30, 20, 4.0, 6),
}

CASES = {
    "kmeans 200k x 20, k = 10": ("kmeans", KMeans(10, random_state=42)),
    "kmeans 200k x 20, k = 100": ("kmeans", KMeans(100, random_state=42, max_iter=50)),
    "pca 100k x 30": ("pca_tall", PCA(10, random_state=42)),
    "pca 2000 x 500, 50 components": ("pca_wide", PCA(50, random_state=42)),
    "pca 2000 x 500, all components": ("pca_wide", PCA(random_state=42)),
    "dbscan 20k x 2": ("dbscan_2", DBSCAN(eps=0.1, min_samples=10, n_jobs=-1)),
    "dbscan 20k x 8": ("dbscan_8", DBSCAN(eps=2.2, min_samples=10, n_jobs=-1)),
    "mixture 50k x 10, full": ("mixture", GaussianMixture(8, random_state=42)),
    "mixture 50k x 10, diag": ("mixture", GaussianMixture(8, covariance_type="diag", random_state=42)),
    "tsne digits": ("digits", TSNE(random_state=42, n_jobs=-1)),
    "tsne 10k x 30": ("clusters", TSNE(random_state=42, n_jobs=-1)),
}


def write(path, features, classes):
    with open(path, "wb") as file:
        numpy.array(features.shape, "<u4").tofile(file)
        for column in [*features.T, classes]:
            column.astype("<f4").tofile(file)


def read(path):
    rows, columns = numpy.fromfile(path, "<u4", 2)
    numbers = numpy.fromfile(path, "<f4", offset=8).reshape(columns + 1, rows)
    return numpy.ascontiguousarray(numbers[:columns].T), numbers[columns]


def quality(estimator, result, features, classes):
    if isinstance(estimator, KMeans):
        return estimator.inertia_
    if isinstance(estimator, PCA):
        return estimator.explained_variance_ratio_.sum()
    if isinstance(estimator, TSNE):
        return trustworthiness(features, result, n_neighbors=5)
    return adjusted_rand_score(classes, result)


def main():
    data, results, *chosen = sys.argv[1:]
    os.makedirs(data, exist_ok=True)
    for name, make in DATA.items():
        path = os.path.join(data, name)
        if not os.path.exists(path):
            write(path, *make())
    lines = {}
    if chosen and os.path.exists(results):
        with open(results) as file:
            lines = {line.split("\t")[0]: line for line in file if not line.startswith("#")}
    for case, (name, estimator) in CASES.items():
        if chosen and case not in chosen:
            continue
        features, classes = read(os.path.join(data, name))
        work = getattr(estimator, "fit_predict", None) or estimator.fit_transform
        wall, cpu = time.perf_counter(), time.process_time()
        result = work(features)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        measured = quality(estimator, result, features, classes)
        lines[case] = f"{case}\t{wall:.4f}\t{cpu:.4f}\t{measured:.6g}\n"
        print(lines[case], end="", flush=True)
    with open(results, "w") as file:
        file.write(f"# scikit-learn {sklearn.__version__}\n")
        file.writelines(lines.values())


if __name__ == "__main__":
    main()
