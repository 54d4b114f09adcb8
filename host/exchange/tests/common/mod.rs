//! What the tests share: Python, small data, and a plain walk through trees to compare with.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::Command;

use kumiko_learn::trees::{Link, NodeKind, NodeView, Test, TreeEnsemble, TreeView};
use serde_json::Value;

/// How close predictions have to be, for values of size 1.
pub(crate) const TOLERANCE: f64 = 1e-5;

/// A path that `cargo xtask test` provides.
pub(crate) fn provided(variable: &str) -> PathBuf {
    let value = std::env::var_os(variable);
    value.map(PathBuf::from).unwrap_or_else(|| {
        panic!("{variable} is not set: run the tests by `cargo xtask test`, which builds and obtains what they need")
    })
}

/// Runs a script of this folder, and reads the JSON that it prints.
pub(crate) fn python(script: &str, arguments: &[&Path]) -> Value {
    // That of the checkout whose tests run, also where several share one target directory.
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let script = own.join("tests").join(script);
    let output = Command::new(provided("KUMIKO_PYTHON")).arg(script).args(arguments).output().unwrap();
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{errors}");
    let last = told.lines().last().unwrap_or_else(|| panic!("nothing was printed: {errors}"));
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}"))
}

/// Rows of numbers from JSON; null is NaN.
pub(crate) fn rows(value: &Value) -> Vec<Vec<f64>> {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let row = |row: &Value| row.as_array().map_or_else(|| vec![number(row)], |row| row.iter().map(number).collect());
    value.as_array().unwrap().iter().map(row).collect()
}

/// Rows as columns of 32-bit numbers.
pub(crate) fn columns(rows: &[Vec<f64>]) -> Vec<Vec<f32>> {
    (0..rows[0].len()).map(|column| rows.iter().map(|row| row[column] as f32).collect()).collect()
}

/// The largest difference between predictions, as a share of those above 1.
pub(crate) fn difference(left: &[Vec<f64>], right: &[Vec<f64>]) -> f64 {
    assert_eq!(left.len(), right.len());
    let mut most = 0.0_f64;
    for (left, right) in left.iter().zip(right) {
        assert_eq!(left.len(), right.len());
        for (left, right) in left.iter().zip(right) {
            assert!(left.is_finite() && right.is_finite(), "{left} {right}");
            most = most.max((left - right).abs() / right.abs().max(1.0));
        }
    }
    most
}

/// What an ensemble says of rows: a number, or for each class its probability.
pub(crate) fn predictions(ensemble: &TreeEnsemble, rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    rows.iter().map(|row| link(ensemble, sums(ensemble, row))).collect()
}

fn sums(ensemble: &TreeEnsemble, row: &[f64]) -> Vec<f64> {
    let mut sums = ensemble.base.clone();
    for tree in &ensemble.trees {
        let mut position = 0;
        loop {
            match &tree.nodes[position].kind {
                NodeKind::Leaf { values } => {
                    match tree.output {
                        Some(output) => sums[output] += values[0],
                        None => sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value),
                    }
                    break;
                }
                NodeKind::Question { column, test, missing_left, left, right, .. } => {
                    let value = row[*column] as f32;
                    let goes_left = match test {
                        _ if value.is_nan() => *missing_left,
                        Test::Below(threshold) => value < *threshold,
                        Test::NoneOf(members) => !members.iter().any(|member| *member as f32 == value),
                    };
                    position = if goes_left { *left } else { *right };
                }
            }
        }
    }
    sums
}

fn link(ensemble: &TreeEnsemble, sums: Vec<f64>) -> Vec<f64> {
    match ensemble.link {
        Link::Identity => sums,
        Link::Exponential => sums.into_iter().map(f64::exp).collect(),
        Link::Logistic => {
            let second = 1.0 / (1.0 + (-sums[0]).exp());
            vec![1.0 - second, second]
        }
        Link::Softmax => {
            let most = sums.iter().copied().fold(f64::MIN, f64::max);
            let total: f64 = sums.iter().map(|sum| (sum - most).exp()).sum();
            sums.iter().map(|sum| (sum - most).exp() / total).collect()
        }
    }
}

/// Numbers between 0 and 1 that look random and are not.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() * limit as f64) as usize
    }
}

/// A tree of some depth with arbitrary questions. The last column is one of categories.
pub(crate) fn tree(
    numbers: &mut Numbers,
    output: Option<usize>,
    width: usize,
    columns: usize,
    depth: usize,
) -> TreeView {
    let mut nodes = Vec::new();
    grow(numbers, &mut nodes, width, columns, depth);
    TreeView { output, nodes }
}

fn grow(numbers: &mut Numbers, nodes: &mut Vec<NodeView>, width: usize, columns: usize, depth: usize) {
    let cover = numbers.next() * 100.0;
    if depth == 0 || numbers.next() < 0.1 {
        let values = (0..width).map(|_| numbers.next() - 0.5).collect();
        return nodes.push(NodeView { cover, kind: NodeKind::Leaf { values } });
    }
    let position = nodes.len();
    let column = numbers.below(columns);
    let test = if column + 1 == columns {
        let members: Vec<u32> = (0..6).filter(|_| numbers.next() < 0.4).collect();
        Test::NoneOf(members)
    } else {
        Test::Below(numbers.next() as f32 * 4.0 - 2.0)
    };
    let missing_left = numbers.next() < 0.5;
    let kind = NodeKind::Question { column, test, missing_left, left: position + 1, right: 0, gain: numbers.next() };
    nodes.push(NodeView { cover, kind });
    grow(numbers, nodes, width, columns, depth - 1);
    let second = nodes.len();
    if let NodeKind::Question { right, .. } = &mut nodes[position].kind {
        *right = second;
    }
    grow(numbers, nodes, width, columns, depth - 1);
}

/// Ensembles of every kind there is, with their classes: four columns, the last of categories.
pub(crate) fn ensembles() -> Vec<(&'static str, TreeEnsemble, Option<Vec<String>>)> {
    let mut numbers = Numbers(7);
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let trees = |numbers: &mut Numbers, count: usize, outputs: Option<usize>, width: usize| {
        (0..count).map(|number| tree(numbers, outputs.map(|outputs| number % outputs), width, 4, 5)).collect()
    };
    let mut made = Vec::new();
    let mut add = |name, outputs, base, link, trees, classes| {
        made.push((name, TreeEnsemble { columns: 4, outputs, base, link, trees }, classes));
    };
    let some = trees(&mut numbers, 20, Some(1), 1);
    add("regression", 1, vec![1234.5], Link::Identity, some, None);
    let some = trees(&mut numbers, 20, Some(1), 1);
    add("likely", 1, vec![9.25], Link::Logistic, some, names(&["no", "yes"]));
    let some = trees(&mut numbers, 20, Some(1), 1);
    add("unlikely", 1, vec![-7.5], Link::Logistic, some, names(&["0", "1"]));
    let some = trees(&mut numbers, 21, Some(3), 1);
    add("equal bases", 3, vec![0.5; 3], Link::Softmax, some, names(&["a", "b", "c"]));
    let some = trees(&mut numbers, 20, Some(3), 1);
    add("uneven", 3, vec![0.5, -1.0, 2.0], Link::Softmax, some, names(&["a", "b", "c"]));
    let some = trees(&mut numbers, 10, None, 3);
    add("all outputs", 3, vec![0.5, -1.0, 2.0], Link::Softmax, some, names(&["10", "-2", "7"]));
    let some = trees(&mut numbers, 20, Some(1), 1);
    add("counts", 1, vec![1.5], Link::Exponential, some, None);
    add("no trees", 3, vec![0.5, -1.0, 2.0], Link::Softmax, Vec::new(), names(&["a", "b", "c"]));
    made
}

/// Rows for [`ensembles`], some of them with missing values.
pub(crate) fn sample(count: usize) -> Vec<Vec<f64>> {
    let mut numbers = Numbers(11);
    (0..count)
        .map(|_| {
            let mut value = |category: bool| {
                let value = numbers.next();
                if value < 0.08 {
                    f64::NAN
                } else if category {
                    numbers.below(7) as f64
                } else {
                    f64::from((numbers.next() * 4.0 - 2.0) as f32)
                }
            };
            vec![value(false), value(false), value(false), value(true)]
        })
        .collect()
}

/// Rows as JSON; NaN is null.
pub(crate) fn as_json(rows: &[Vec<f64>]) -> Value {
    serde_json::json!(rows)
}
