"""What onnxruntime makes of graphs: `run FILE` runs the graphs that the JSON file lists on its rows or columns, and prints their outputs.

Each entry of `models` has a `file`, and either `rows` (numbers, null for a missing one) or `columns` (a list of numbers or of texts under each name).
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime


def run(file):
    told = {}
    for name, model in json.loads(file.read_text()).items():
        session = onnxruntime.InferenceSession(model["file"], providers=["CPUExecutionProvider"])
        if "rows" in model:
            given = {session.get_inputs()[0].name: np.array(model["rows"], dtype=np.float32)}
        else:
            given = {}
            for asked in session.get_inputs():
                values = model["columns"][asked.name]
                of_type = {"tensor(string)": object, "tensor(double)": np.float64, "tensor(float)": np.float32}[asked.type]
                values = ["" if value is None else value for value in values] if of_type is object else values
                given[asked.name] = np.array(values, dtype=of_type).reshape(-1, 1)
        outputs = session.run(None, given)
        told[name] = {
            "outputs": {output.name: values.tolist() for output, values in zip(session.get_outputs(), outputs)},
            "inputs": {asked.name: [asked.type, asked.shape] for asked in session.get_inputs()},
            "types": {output.name: output.type for output in session.get_outputs()},
            "properties": session.get_modelmeta().custom_metadata_map,
            "name": session.get_modelmeta().graph_name,
        }
    return told


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[2]))))
