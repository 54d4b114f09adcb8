"""The peer of the bench `larger_than_memory`: xgboost with its external memory on the same data.

    python larger_than_memory_peer.py DATA RESULTS

Makes the folder DATA unless it is there: `training.parquet`, 50,000,000 rows of 50 columns of 32-bit numbers and a target of two classes
(10 GB), and `held.parquet`, 200,000 rows more. Writes a line to RESULTS: wall seconds, processor seconds, peak memory in MB, area under
the curve on the rows held out, separated by tabs.
"""

import os
import resource
import sys
import tempfile
import time

ROWS = 50_000_000
GROUP_ROWS = 500_000
HELD_ROWS = 200_000
COLUMNS = 50
ROUNDS = 20
DEPTH = 6
LEARNING_RATE = 0.3


def rows(random, count):
    """Normal columns; the target hangs on a dozen of them, by lines, steps and products, and on chance."""
    import numpy

    columns = [random.standard_normal(count, dtype=numpy.float32) for _ in range(COLUMNS)]
    score = sum((0.6 - 0.1 * index) * columns[index] for index in range(6))
    score += columns[6] * columns[7] + 0.8 * (columns[8] > 0.5) - 0.7 * numpy.abs(columns[9])
    score += numpy.where(columns[10] > 0, columns[11], 0)
    target = (score + random.logistic(size=count) > 0).astype(numpy.int8)
    return columns, target


def make(folder):
    import numpy
    import pyarrow
    import pyarrow.parquet

    os.makedirs(folder, exist_ok=True)
    random = numpy.random.default_rng(11)
    names = [f"number_{index}" for index in range(COLUMNS)] + ["kept"]
    for name, count in [("held.parquet", HELD_ROWS), ("training.parquet", ROWS)]:
        path = os.path.join(folder, name)
        writer = None
        for begun in range(0, count, GROUP_ROWS):
            columns, target = rows(random, min(GROUP_ROWS, count - begun))
            table = pyarrow.table([*columns, target], names=names)
            if writer is None:
                # Random numbers do not compress: the file has the size of the table.
                writer = pyarrow.parquet.ParquetWriter(
                    path + ".part", table.schema, use_dictionary=False, compression="none"
                )
            writer.write_table(table, row_group_size=GROUP_ROWS)
            print(f"\rmaking {name}: {begun + len(target):,} of {count:,} rows", end="", file=sys.stderr)
        writer.close()
        os.rename(path + ".part", path)
        print(file=sys.stderr)


def train(folder):
    import numpy
    import pyarrow.parquet
    import xgboost

    class Groups(xgboost.DataIter):
        """The row groups one after the other."""

        def __init__(self, cache):
            super().__init__(cache_prefix=os.path.join(cache, "cache"))
            self.file = pyarrow.parquet.ParquetFile(os.path.join(folder, "training.parquet"))
            self.next_group = 0

        def next(self, input_data):
            if self.next_group == self.file.num_row_groups:
                return False
            table = self.file.read_row_group(self.next_group)
            matrix = numpy.empty((table.num_rows, COLUMNS), dtype=numpy.float32)
            for index in range(COLUMNS):
                matrix[:, index] = table.column(index).to_numpy()
            input_data(data=matrix, label=table.column(COLUMNS).to_numpy())
            self.next_group += 1
            return True

        def reset(self):
            self.next_group = 0

    with tempfile.TemporaryDirectory(dir=folder) as cache:
        training = xgboost.ExtMemQuantileDMatrix(Groups(cache), max_bin=255)
        settings = {
            "objective": "binary:logistic", "tree_method": "hist", "max_depth": DEPTH, "eta": LEARNING_RATE,
            "max_bin": 255, "nthread": os.cpu_count(), "eval_metric": "auc",
        }
        booster = xgboost.train(settings, training, num_boost_round=ROUNDS)
    held = pyarrow.parquet.read_table(os.path.join(folder, "held.parquet"))
    matrix = numpy.column_stack([held.column(index).to_numpy() for index in range(COLUMNS)])
    report = booster.eval(xgboost.DMatrix(matrix, label=held.column(COLUMNS).to_numpy()))
    return float(report.rsplit(":", 1)[1])


def main():
    folder, results = sys.argv[1:]
    if not os.path.exists(os.path.join(folder, "training.parquet")):
        make(folder)
    before = time.process_time()
    began = time.perf_counter()
    area = train(folder)
    wall, processor = time.perf_counter() - began, time.process_time() - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with open(results, "w", encoding="utf-8") as file:
        file.write(f"{wall}\t{processor}\t{memory}\t{area}\n")


if __name__ == "__main__":
    main()
