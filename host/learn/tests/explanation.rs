//! SHAP values: equal to their definition, to the package `shap`, and adding up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::trees::{add_up, expectation, near, random_rows, random_tree, row_of, shapley, slices, worth};
use common::{Generator, clouds, sample, train};
use kumiko_learn::explain;
use kumiko_learn::trees::{Link, NodeKind, NodeView, Test, TreeEnsemble, TreeView};
use kumiko_learn::{Error, Estimator, Predictions};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::evaluation::ExplanationOutput;
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};

#[test]
fn path_dependent_values_are_shapley_values_of_random_trees() {
    let mut generator = Generator::new(11);
    for trial in 0..60 {
        let columns = 1 + trial % 7;
        let depth = trial % 9;
        let outputs = 1 + trial % 3;
        let trees = (0..3)
            .map(|tree| {
                let output = if tree == 0 { None } else { Some(tree % outputs) };
                random_tree(&mut generator, columns, depth, outputs, output)
            })
            .collect();
        let ensemble = TreeEnsemble { columns, outputs, base: vec![0.25; outputs], link: Link::Identity, trees };
        let rows = random_rows(&mut generator, columns, 4);
        let found = explain::tree_path_dependent(&ensemble, &slices(&rows), &Unattended).unwrap();
        assert!(add_up(&found) < 1e-12);
        for row in 0..4 {
            let values = row_of(&rows, row);
            for output in 0..outputs {
                let game = |known: u32| {
                    let tree_worth = |tree: &TreeView| {
                        let worth = expectation(tree, 0, &values, known);
                        match tree.output {
                            None => worth[output],
                            Some(own) => {
                                if own == output {
                                    worth[0]
                                } else {
                                    0.0
                                }
                            }
                        }
                    };
                    ensemble.base[output] + ensemble.trees.iter().map(tree_worth).sum::<f64>()
                };
                assert!(near(found.base_values[output], game(0), 1e-12));
                assert!(near(found.predictions[output][row], game((1 << columns) - 1), 1e-12));
                for (column, expected) in shapley(columns, game).into_iter().enumerate() {
                    let value = found.values[output][column][row];
                    assert!(near(value, expected, 1e-11), "trial {trial} row {row}: {value} {expected}");
                }
            }
        }
    }
}

#[test]
fn a_path_of_200_columns_adds_up() {
    // A chain: column c is asked at depth c, and whoever is below leaves with c.
    let columns = 200;
    let mut nodes = Vec::new();
    for column in 0..columns {
        let position = nodes.len();
        nodes.push(NodeView {
            cover: 1000.0 * 0.97_f64.powi(column as i32),
            kind: NodeKind::Question {
                column,
                test: Test::Below(0.5),
                missing_left: true,
                left: position + 1,
                right: position + 2,
                gain: 0.0,
            },
        });
        let cover = 30.0 * 0.97_f64.powi(column as i32);
        nodes.push(NodeView { cover, kind: NodeKind::Leaf { values: vec![column as f64] } });
    }
    nodes.push(NodeView { cover: 1000.0 * 0.97_f64.powi(200), kind: NodeKind::Leaf { values: vec![-50.0] } });
    let ensemble = TreeEnsemble {
        columns,
        outputs: 1,
        base: vec![1.0],
        link: Link::Identity,
        trees: vec![TreeView { output: Some(0), nodes }],
    };
    let mut generator = Generator::new(5);
    let rows: Vec<Vec<f32>> =
        (0..columns).map(|_| (0..40).map(|_| if generator.next() < 0.05 { 0.0 } else { 1.0 }).collect()).collect();
    let found = explain::tree_path_dependent(&ensemble, &slices(&rows), &Unattended).unwrap();
    assert!(add_up(&found) < 1e-9, "{}", add_up(&found));
}

#[test]
fn a_real_forest_adds_up_to_its_predictions() {
    let data = clouds(3_000, 5);
    let specification =
        TrainingSpecification::new(Algorithm::RandomForest, Task::Classification, "target").with("n_estimators", 20);
    let model = train(&data, &specification).unwrap();
    let Estimator::Forest(forest) = &model.estimator else { panic!() };
    let ensemble = forest.ensemble();
    let columns: Vec<&[f32]> = data.features.columns.iter().map(|column| &column[..200]).collect();
    let found = explain::tree_path_dependent(&ensemble, &columns, &Unattended).unwrap();
    assert!(add_up(&found) < 1e-12, "{}", add_up(&found));
    let Predictions::Classes { probabilities, .. } = model.predict(&data.features).unwrap() else { panic!() };
    for (row, prediction) in found.predictions[0].iter().enumerate() {
        assert!((prediction - f64::from(probabilities[1][row])).abs() < 1e-6);
    }
    assert!((found.base_values[0] - 0.5).abs() < 0.1);
    let sample = sample();
    for (data, task) in [(sample.multinomial(), Task::Classification), (sample.regression(), Task::Regression)] {
        let specification = TrainingSpecification::new(Algorithm::RandomForest, task, "target").with("n_estimators", 7);
        let model = train(&data, &specification).unwrap();
        let Estimator::Forest(forest) = &model.estimator else { panic!() };
        let found =
            explain::tree_path_dependent(&forest.ensemble(), &slices(&data.features.columns), &Unattended).unwrap();
        assert!(add_up(&found) < 1e-12);
        match model.predict(&data.features).unwrap() {
            Predictions::Values(values) => {
                assert!(values.iter().zip(&found.predictions[0]).all(|(left, right)| near(*left, *right, 1e-12)));
            }
            Predictions::Classes { probabilities, .. } => {
                for (class, found) in probabilities.iter().zip(&found.predictions) {
                    assert!(class.iter().zip(found).all(|(left, right)| (f64::from(*left) - right).abs() < 1e-6));
                }
            }
            Predictions::Clusters { .. } | Predictions::Components(_) => panic!("a forest predicts classes or numbers"),
        }
    }
}

#[test]
fn a_tree_of_a_single_leaf_is_its_base_value() {
    let nodes = vec![NodeView { cover: 0.0, kind: NodeKind::Leaf { values: vec![3.0] } }];
    let ensemble = TreeEnsemble {
        columns: 2,
        outputs: 1,
        base: vec![0.5],
        link: Link::Identity,
        trees: vec![TreeView { output: Some(0), nodes }],
    };
    let found = explain::tree_path_dependent(&ensemble, &[&[1.0], &[2.0]], &Unattended).unwrap();
    assert_eq!(found.base_values, [3.5]);
    assert_eq!(found.predictions, [[3.5]]);
    assert_eq!(found.values, [[[0.0], [0.0]]]);
    let none = explain::tree_path_dependent(&ensemble, &[&[], &[]], &Unattended).unwrap();
    assert_eq!(none.values, [[[0.0; 0], [0.0; 0]]]);
}

#[test]
fn what_is_no_tree_is_refused() {
    let leaf = |cover: f64| NodeView { cover, kind: NodeKind::Leaf { values: vec![1.0] } };
    let question = |column: usize, left: usize, right: usize, cover: f64| NodeView {
        cover,
        kind: NodeKind::Question { column, test: Test::Below(0.0), missing_left: true, left, right, gain: 0.0 },
    };
    let refusal = |nodes: Vec<NodeView>| {
        let trees = vec![TreeView { output: Some(0), nodes }];
        let ensemble = TreeEnsemble { columns: 1, outputs: 1, base: vec![0.0], link: Link::Identity, trees };
        explain::tree_path_dependent(&ensemble, &[&[1.0]], &Unattended).unwrap_err()
    };
    for nodes in [
        vec![],
        vec![question(0, 0, 1, 1.0), leaf(1.0)],
        vec![question(0, 1, 1, 1.0), leaf(1.0)],
        vec![question(0, 1, 3, 1.0), leaf(1.0), leaf(1.0)],
        vec![question(1, 1, 2, 1.0), leaf(1.0), leaf(1.0)],
        vec![question(0, 1, 2, 1.0), leaf(1.0), leaf(1.0), leaf(1.0)],
        vec![question(0, 1, 2, f64::NAN), leaf(1.0), leaf(1.0)],
    ] {
        let error = refusal(nodes);
        assert!(matches!(error, Error::Ensemble { tree: 0, .. }), "{error:?}");
    }
    assert_eq!(refusal(vec![question(0, 1, 2, 0.0), leaf(0.0), leaf(0.0)]), Error::NoCovers);
}

#[test]
fn interventional_values_are_shapley_values_of_random_trees_both_ways_of_adding() {
    let mut generator = Generator::new(21);
    // Few rows walk in pairs, many read tables; both are compared.
    for (rows, trials) in [(3, 40), (700, 8)] {
        for trial in 0..trials {
            let columns = 1 + trial % 7;
            let depth = 1 + trial % 8;
            let outputs = 1 + trial % 3;
            let trees = (0..3)
                .map(|tree| {
                    let output = if tree == 0 { None } else { Some(tree % outputs) };
                    random_tree(&mut generator, columns, depth, outputs, output)
                })
                .collect();
            let ensemble = TreeEnsemble { columns, outputs, base: vec![0.25; outputs], link: Link::Identity, trees };
            let explained = random_rows(&mut generator, columns, rows);
            let background = random_rows(&mut generator, columns, 5);
            let found = explain::tree_interventional(
                &ensemble,
                &slices(&explained),
                &slices(&background),
                ExplanationOutput::Raw,
                &Unattended,
            )
            .unwrap();
            assert!(add_up(&found) < 1e-12);
            for row in (0..rows).step_by(rows.div_ceil(20)) {
                let values = row_of(&explained, row);
                for output in 0..outputs {
                    let game = |known: u32| {
                        let worths =
                            (0..5).map(|other| worth(&ensemble, output, &values, &row_of(&background, other), known));
                        worths.sum::<f64>() / 5.0
                    };
                    assert!(near(found.base_values[output], game(0), 1e-12));
                    for (column, expected) in shapley(columns, game).into_iter().enumerate() {
                        let value = found.values[output][column][row];
                        assert!(near(value, expected, 1e-11), "trial {trial} row {row}: {value} {expected}");
                    }
                }
            }
        }
    }
}

fn leaf(cover: f64, values: &[f64]) -> NodeView {
    NodeView { cover, kind: NodeKind::Leaf { values: values.to_vec() } }
}

fn question(cover: f64, column: usize, threshold: f32, missing_left: bool, left: usize, right: usize) -> NodeView {
    let kind = NodeKind::Question { column, test: Test::Below(threshold), missing_left, left, right, gain: 0.0 };
    NodeView { cover, kind }
}

/// `value <= threshold`, as scikit-learn asks.
fn up_to(cover: f64, column: usize, threshold: f32, left: usize, right: usize) -> NodeView {
    question(cover, column, threshold.next_up(), true, left, right)
}

/// Rows of the sample, some with gaps.
fn rows_of_sample(rows: &[usize], gaps: bool) -> Vec<Vec<f32>> {
    let columns = sample().features.columns;
    let value = |column: usize, row: usize| {
        if gaps && (row * 7 + column * 5).is_multiple_of(11) { f32::NAN } else { columns[column][row] }
    };
    (0..4).map(|column| rows.iter().map(|row| value(column, *row)).collect()).collect()
}

/// Compares values of one output with those of `shap`, which lists them by row.
fn assert_equal(values: &[Vec<f64>], expected: &[[f64; 4]]) {
    for (row, expected) in expected.iter().enumerate() {
        for (column, expected) in expected.iter().enumerate() {
            let value = values[column][row];
            assert!((value - expected).abs() < 1e-6, "row {row} column {column}: {value} {expected}");
        }
    }
}

const BACKGROUND: [usize; 5] = [200, 201, 202, 203, 204];

/// With X and y as in `sample`: m = DecisionTreeRegressor(max_leaf_nodes=8, random_state=0).fit(X, y);
/// shap.TreeExplainer(m).shap_values(X[[0, 7, 150]]), .expected_value; shap.TreeExplainer(m, X[200:205]) likewise.
#[test]
fn a_regression_tree_of_scikit_learn_is_explained_as_by_shap() {
    let nodes = vec![
        up_to(300.0, 0, 0.555_897_06, 1, 2),
        up_to(176.0, 1, 1_051.354_2, 3, 4),
        up_to(124.0, 1, 1_048.651, 5, 6),
        up_to(98.0, 0, 0.262_719_9, 9, 10),
        up_to(78.0, 0, 0.187_824_76, 7, 8),
        up_to(70.0, 0, 0.814_536_15, 13, 14),
        up_to(54.0, 0, 0.740_249_93, 11, 12),
        leaf(29.0, &[-1.068_482_642]),
        leaf(49.0, &[-0.105_582_483]),
        leaf(52.0, &[0.077_809_879]),
        leaf(46.0, &[0.908_942_097]),
        leaf(22.0, &[0.565_478_916]),
        leaf(32.0, &[1.437_403_125]),
        leaf(39.0, &[1.880_588_496]),
        leaf(31.0, &[2.564_397_512]),
    ];
    let trees = vec![TreeView { output: Some(0), nodes }];
    let ensemble = TreeEnsemble { columns: 4, outputs: 1, base: vec![0.0], link: Link::Identity, trees };
    let rows = rows_of_sample(&[0, 7, 150], false);
    let found = explain::tree_path_dependent(&ensemble, &slices(&rows), &Unattended).unwrap();
    assert!((found.base_values[0] - 0.736_582_07).abs() < 1e-6);
    assert_equal(
        &found.values[0],
        &[
            [-0.272_658_52, 0.445_018_54, 0.0, 0.0],
            [-1.205_300_28, -0.599_764_44, 0.0, 0.0],
            [0.827_297_26, 0.316_709_16, 0.0, 0.0],
        ],
    );
    let background = rows_of_sample(&BACKGROUND, false);
    let found = explain::tree_interventional(
        &ensemble,
        &slices(&rows),
        &slices(&background),
        ExplanationOutput::Raw,
        &Unattended,
    )
    .unwrap();
    assert!((found.base_values[0] - 0.540_936_52).abs() < 1e-6);
    assert_equal(
        &found.values[0],
        &[
            [-0.314_002_95, 0.682_008_55, 0.0, 0.0],
            [-1.152_831_94, -0.456_587_22, 0.0, 0.0],
            [0.829_045_18, 0.510_606_81, 0.0, 0.0],
        ],
    );
    for (prediction, expected) in found.predictions[0].iter().zip([0.908_942_1, -1.068_482_64, 1.880_588_5]) {
        assert!((prediction - expected).abs() < 1e-6);
    }
}

/// m = DecisionTreeClassifier(max_leaf_nodes=5, random_state=0).fit(X, three); shap.TreeExplainer(m).shap_values(X[[0, 7, 150]]).
#[test]
fn a_tree_of_three_classes_is_explained_as_by_shap() {
    let nodes = vec![
        up_to(300.0, 1, 1_053.743_9, 1, 2),
        up_to(176.0, 0, 0.370_454_67, 3, 4),
        up_to(124.0, 0, 0.424_470_22, 7, 8),
        leaf(69.0, &[0.739_130_435, 0.260_869_565, 0.0]),
        up_to(107.0, 1, 1_005.874_94, 5, 6),
        leaf(15.0, &[0.866_666_667, 0.133_333_333, 0.0]),
        leaf(92.0, &[0.152_173_913, 0.75, 0.097_826_087]),
        leaf(58.0, &[0.0, 0.482_758_621, 0.517_241_379]),
        leaf(66.0, &[0.0, 0.060_606_061, 0.939_393_939]),
    ];
    let trees = vec![TreeView { output: None, nodes }];
    let ensemble = TreeEnsemble { columns: 4, outputs: 3, base: vec![0.0; 3], link: Link::Identity, trees };
    let rows = rows_of_sample(&[0, 7, 150], false);
    let found = explain::tree_path_dependent(&ensemble, &slices(&rows), &Unattended).unwrap();
    let expected = [
        [-0.171_038_13, 0.063_212_04, 0.086_811_59, -0.346_811_59],
        [0.101_381_01, 0.245_285_65, 0.086_972_24, -0.007_546_95],
        [0.069_657_11, -0.308_497_69, -0.173_783_83, 0.354_358_55],
    ];
    for (output, [first, first_of_second_column, second, second_of_second_column]) in expected.into_iter().enumerate() {
        let row = [first, first_of_second_column, 0.0, 0.0];
        let other = [second, second_of_second_column, 0.0, 0.0];
        assert_equal(&found.values[output], &[row, other, row]);
        assert!((found.base_values[output] - [0.26, 0.403_333_33, 0.336_666_67][output]).abs() < 1e-6);
    }
}

/// Xm is X with a gap where (7 row + 5 column) mod 11 is 0; b = XGBClassifier(n_estimators=2, max_depth=3, learning_rate=0.8,
/// random_state=0).fit(Xm, two), base score 0.51; shap.TreeExplainer(b), shap.TreeExplainer(b, Xm[200:205]) and
/// shap.TreeExplainer(b, Xm[200:205], model_output="probability"), each .shap_values(Xm[[0, 7, 151]]).
#[test]
fn boosted_trees_of_xgboost_are_explained_as_by_shap_with_gaps_and_probabilities() {
    let first = vec![
        question(74.97, 0, 0.614_411_53, true, 1, 2),
        question(50.9796, 0, 0.392_335_7, false, 3, 4),
        question(23.9904, 1, 1_087.970_5, true, 5, 6),
        question(26.2395, 1, 1_013.043_9, false, 7, 8),
        question(24.740_099, 3, -4.249_653, false, 9, 10),
        question(22.2411, 0, 0.671_724_5, false, 11, 12),
        leaf(1.7493, &[-0.456_843_53]),
        leaf(2.9988, &[0.376_112_88]),
        leaf(23.2407, &[-1.202_275_5]),
        leaf(19.2423, &[-0.287_319_12]),
        leaf(5.4978, &[0.711_625_5]),
        leaf(3.9984, &[0.614_596_7]),
        leaf(18.2427, &[1.403_961_1]),
    ];
    let second = vec![
        question(60.055_11, 1, 1_048.224_7, false, 1, 2),
        question(30.596_066, 0, 0.129_289_85, false, 3, 4),
        question(29.459_047, 0, 0.767_218_3, true, 5, 6),
        question(4.406_232_4, 2, 0.006_924_464_4, false, 7, 8),
        question(26.189_833, 2, 0.006_603_947, false, 9, 10),
        question(25.118_23, 2, 0.003_086_515_2, false, 11, 12),
        question(4.340_816_5, 3, -4.219_763_3, false, 13, 14),
        leaf(2.054_378_3, &[-0.781_855_76]),
        leaf(2.351_854, &[0.011_466_566]),
        leaf(15.333_816, &[0.280_733_97]),
        leaf(10.856_017, &[0.949_069_2]),
        leaf(8.379_602, &[-0.154_992_2]),
        leaf(16.738_628, &[-0.788_994_8]),
        leaf(3.328_985, &[0.817_071_6]),
        leaf(1.011_831_8, &[0.221_643_08]),
    ];
    let trees = [first, second].map(|nodes| TreeView { output: Some(0), nodes }).to_vec();
    let base = vec![(0.51_f64 / 0.49).ln()];
    let ensemble = TreeEnsemble { columns: 4, outputs: 1, base, link: Link::Logistic, trees };
    let rows = rows_of_sample(&[0, 7, 151], true);
    let background = rows_of_sample(&BACKGROUND, true);
    let found = explain::tree_path_dependent(&ensemble, &slices(&rows), &Unattended).unwrap();
    assert!((found.base_values[0] - 0.048_968_56).abs() < 1e-6);
    assert_equal(
        &found.values[0],
        &[
            [-0.053_916_5, 0.445_606_68, -0.262_960_82, -0.144_277_81],
            [-1.143_187_4, -0.593_249_56, -0.233_920_99, -0.029_875_42],
            [-1.342_310_19, 1.365_178_7, 0.238_551_81, 0.117_195_91],
        ],
    );
    let interventional = |output| {
        explain::tree_interventional(&ensemble, &slices(&rows), &slices(&background), output, &Unattended).unwrap()
    };
    let found = interventional(ExplanationOutput::Raw);
    assert!((found.base_values[0] + 0.510_405_5).abs() < 1e-6);
    assert_equal(
        &found.values[0],
        &[
            [0.004_081_2, 0.677_577_78, -0.137_833_28, 0.0],
            [-1.099_057_2, -0.236_135_18, -0.105_667_1, 0.0],
            [-1.243_569_84, 1.701_669_49, 0.379_996_21, 0.099_894_46],
        ],
    );
    let found = interventional(ExplanationOutput::Probability);
    assert!((found.base_values[0] - 0.403_667_37).abs() < 1e-6);
    assert!(add_up(&found) < 1e-12);
    assert_equal(
        &found.values[0],
        &[
            [-0.017_804_07, 0.152_330_84, -0.029_839_87, 0.0],
            [-0.210_587_38, -0.053_411_06, -0.015_253_45, 0.0],
            [-0.264_274_46, 0.365_284_27, 0.077_184_06, 0.023_435_55],
        ],
    );
    let softmax = TreeEnsemble { link: Link::Softmax, ..ensemble };
    let error = explain::tree_interventional(
        &softmax,
        &slices(&rows),
        &slices(&background),
        ExplanationOutput::Probability,
        &Unattended,
    );
    assert!(matches!(error, Err(Error::Specification { name: "output", .. })), "{error:?}");
}

#[test]
fn deep_paths_are_walked_in_pairs_and_still_right() {
    // Eleven columns on one path: too many for tables.
    let mut generator = Generator::new(31);
    let trees = vec![random_tree(&mut generator, 11, 14, 1, Some(0))];
    let ensemble = TreeEnsemble { columns: 11, outputs: 1, base: vec![0.0], link: Link::Identity, trees };
    let rows = random_rows(&mut generator, 11, 3);
    let background = random_rows(&mut generator, 11, 4);
    let found = explain::tree_interventional(
        &ensemble,
        &slices(&rows),
        &slices(&background),
        ExplanationOutput::Raw,
        &Unattended,
    )
    .unwrap();
    for row in 0..3 {
        let values = row_of(&rows, row);
        let game = |known: u32| {
            (0..4).map(|other| worth(&ensemble, 0, &values, &row_of(&background, other), known)).sum::<f64>() / 4.0
        };
        for (column, expected) in shapley(11, game).into_iter().enumerate() {
            assert!(near(found.values[0][column][row], expected, 1e-11));
        }
    }
}

#[test]
fn rows_that_do_not_fit_the_ensemble_are_refused() {
    let trees = vec![TreeView { output: Some(0), nodes: vec![leaf(1.0, &[1.0])] }];
    let ensemble = TreeEnsemble { columns: 2, outputs: 1, base: vec![0.0], link: Link::Identity, trees };
    let raw = ExplanationOutput::Raw;
    let short = explain::tree_path_dependent(&ensemble, &[&[1.0]], &Unattended);
    assert!(matches!(short, Err(Error::Length { expected: 2, found: 1, .. })));
    let ragged = explain::tree_path_dependent(&ensemble, &[&[1.0], &[]], &Unattended);
    assert!(matches!(ragged, Err(Error::Length { expected: 1, found: 0, .. })));
    let none = explain::tree_interventional(&ensemble, &[&[1.0], &[1.0]], &[&[], &[]], raw, &Unattended);
    assert!(matches!(none, Err(Error::Rows { rows: 0, .. })));
    let other = TreeEnsemble { base: Vec::new(), ..ensemble };
    let unbased = explain::tree_path_dependent(&other, &[&[1.0], &[1.0]], &Unattended);
    assert!(matches!(unbased, Err(Error::Length { expected: 1, found: 0, .. })));
}
