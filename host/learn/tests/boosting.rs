//! Gradient boosting: xgboost's own trees where bins are exact, the same whatever the threads, at home with gaps, categories,
//! weights and directions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{Generator, clouds, names, sample, train};
use kumiko_learn::trees::{Link, NodeKind, Test, TreeEnsemble};
use kumiko_learn::{Boosted, Error, Estimator, Features, Model, Predictions, Target, TrainingData};
use kumiko_vocabulary::Control;
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};
use serde_json::json;

fn classifier() -> TrainingSpecification {
    TrainingSpecification::new(Algorithm::Xgboost, Task::Classification, "target").with("n_estimators", 30)
}

fn regressor() -> TrainingSpecification {
    TrainingSpecification::new(Algorithm::Xgboost, Task::Regression, "target").with("n_estimators", 30)
}

fn validated(training: &TrainingData, validation: &TrainingData, specification: &TrainingSpecification) -> Model {
    kumiko_learn::train(training, Some(validation), specification, &Unattended).unwrap()
}

fn boosted(model: &Model) -> &Boosted {
    let Estimator::Boosted(boosted) = &model.estimator else { panic!() };
    boosted
}

fn numbers(model: &Model, features: &Features) -> Vec<f64> {
    let Predictions::Values(values) = model.predict(features).unwrap() else { panic!() };
    values
}

fn of_second(model: &Model, features: &Features) -> Vec<f32> {
    let Predictions::Classes { probabilities, .. } = model.predict(features).unwrap() else { panic!() };
    probabilities[1].clone()
}

/// 400 rows of three columns with 8, 5 and 3 different values, the first with gaps; a number, and weights:
///
/// ```python
/// a, b, c = int(u[0] * 8), int(u[1] * 5), int(u[2] * 3)
/// y = a * 0.5 - b * b * 0.25 + (c == 1) * 2 + u[3]; weight = 0.5 + int(u[3] * 4); a is missing where u[4] < 0.15
/// ```
struct Coarse {
    features: Features,
    values: Vec<f64>,
    weights: Vec<f32>,
}

fn coarse() -> Coarse {
    let mut generator = Generator::new(5);
    let features = Features { names: names(&["f0", "f1", "f2"]), columns: vec![Vec::new(); 3] };
    let mut coarse = Coarse { features, values: Vec::new(), weights: Vec::new() };
    for _ in 0..400 {
        let u = [(); 5].map(|()| generator.next());
        let [a, b, c] = [8.0, 5.0, 3.0].iter().zip(u).map(|(count, u)| (count * u).floor()).collect::<Vec<_>>()[..]
        else {
            panic!()
        };
        coarse.values.push(a * 0.5 - b * b * 0.25 + if c == 1.0 { 2.0 } else { 0.0 } + u[3]);
        coarse.weights.push((0.5 + (u[3] * 4.0).floor()) as f32);
        for (column, value) in coarse.features.columns.iter_mut().zip([a, b, c]) {
            column.push(value as f32);
        }
        if u[4] < 0.15 {
            *coarse.features.columns[0].last_mut().unwrap() = f32::NAN;
        }
    }
    coarse
}

impl Coarse {
    fn regression(&self) -> TrainingData {
        TrainingData { features: self.features.clone(), target: Target::Values(self.values.clone()), weights: None }
    }

    fn classes(&self, cuts: &[f64]) -> TrainingData {
        let class = |value: &f64| cuts.iter().filter(|cut| value > *cut).count() as u32;
        let target = Target::Classes {
            codes: self.values.iter().map(class).collect(),
            classes: (0..=cuts.len()).map(|class| class.to_string()).collect(),
        };
        TrainingData { features: self.features.clone(), target, weights: None }
    }

    fn first_rows(&self, count: usize) -> Features {
        let columns = self.features.columns.iter().map(|column| column[..count].to_vec()).collect();
        Features { names: self.features.names.clone(), columns }
    }
}

/// A node as xgboost's `trees_to_dataframe` tells it.
enum Node {
    /// Column, threshold, gain, cover.
    Q(usize, f32, f64, f64),
    /// Column, categories that go right, gain, cover.
    C(usize, &'static [u32], f64, f64),
    /// Value.
    L(f64),
}
use Node::{C, L, Q};

/// Compares the first trees with xgboost's, in preorder. Values are whole numbers: the lowest one at or above our threshold, midway
/// between two values, is xgboost's threshold, the upper value.
fn assert_trees(model: &Model, expected: &[&[Node]]) {
    let ensemble = boosted(model).ensemble();
    for (number, (tree, expected)) in ensemble.trees.iter().zip(expected).enumerate() {
        assert_eq!(tree.nodes.len(), expected.len(), "tree {number}: {tree:?}");
        for (node, expected) in tree.nodes.iter().zip(*expected) {
            let near = |ours: f64, theirs: f64| (ours - theirs).abs() <= 2e-5 * theirs.abs() + 6e-4;
            match (&node.kind, expected) {
                (NodeKind::Leaf { values }, L(value)) => {
                    assert!((values[0] - value).abs() < 1e-5, "tree {number}: {values:?} {value}");
                }
                (
                    NodeKind::Question { column, test: Test::Below(threshold), gain, .. },
                    Q(their_column, their_threshold, their_gain, cover),
                ) => {
                    let fits = (*column, threshold.ceil()) == (*their_column, *their_threshold);
                    assert!(fits, "tree {number}: {node:?} {their_column} < {their_threshold}");
                    assert!(near(*gain, *their_gain) && near(node.cover, *cover), "{node:?} {their_gain} {cover}");
                }
                (
                    NodeKind::Question { column, test: Test::NoneOf(categories), gain, .. },
                    C(their_column, their_categories, their_gain, cover),
                ) => {
                    assert_eq!((*column, categories.as_slice()), (*their_column, *their_categories));
                    assert!(near(*gain, *their_gain) && near(node.cover, *cover), "{node:?} {their_gain} {cover}");
                }
                _ => panic!("tree {number}: {node:?}"),
            }
        }
    }
}

fn assert_near(ours: &[f64], theirs: &[f64]) {
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!((ours - theirs).abs() < 2e-5, "{ours} {theirs}");
    }
}

/// xgboost 3.2.0: `XGBRegressor(n_estimators=2, tree_method="hist", max_depth=3).fit(X, y)`.
#[test]
fn numbers_are_learnt_with_the_trees_of_xgboost() {
    let coarse = coarse();
    let model = train(&coarse.regression(), &regressor().with("n_estimators", 2).with("max_depth", 3)).unwrap();
    #[rustfmt::skip]
    let first = [
        Q(1, 3.0, 611.244, 400.0), Q(0, 5.0, 229.986, 231.0), Q(0, 1.0, 72.833, 158.0), L(-0.3025), L(0.2101), Q(2, 1.0, 17.698, 73.0),
        L(0.48847), L(0.85588), Q(1, 4.0, 121.611, 169.0), Q(0, 4.0, 56.502, 91.0), L(-0.47347), L(0.00394), Q(0, 5.0, 66.098, 78.0),
        L(-0.893), L(-0.28726),
    ];
    #[rustfmt::skip]
    let second = [
        Q(1, 2.0, 345.053, 400.0), Q(0, 4.0, 62.152, 148.0), Q(2, 2.0, 23.702, 59.0), L(0.25917), L(-0.13156), Q(2, 2.0, 18.887, 89.0),
        L(0.60873), L(0.28695), Q(0, 6.0, 112.842, 252.0), Q(1, 4.0, 65.662, 197.0), L(-0.19668), L(-0.56727), Q(1, 4.0, 23.678, 55.0),
        L(0.27747), L(-0.16434),
    ];
    assert_trees(&model, &[&first, &second]);
    assert!((boosted(&model).ensemble().base[0] - 1.4065603).abs() < 1e-6);
    let theirs = [2.22539, 2.539907, 1.687972, -0.05371, 1.213824, -0.05371];
    assert_near(&numbers(&model, &coarse.first_rows(6)), &theirs);
    // Missing values of `f0` went left, left, right and right, left, in the order above.
    let sides: Vec<bool> = boosted(&model).ensemble().trees[0]
        .nodes
        .iter()
        .filter_map(|node| match node.kind {
            NodeKind::Question { column: 0, missing_left, .. } => Some(missing_left),
            _ => None,
        })
        .collect();
    assert_eq!(sides, [true, false, false, true]);
}

/// xgboost 3.2.0: `XGBClassifier(n_estimators=2, tree_method="hist", max_depth=3, reg_alpha=0.5, reg_lambda=2)
/// .fit(X, y > 1.2, sample_weight=weight)`.
#[test]
fn two_classes_with_weights_and_penalties_are_learnt_with_the_trees_of_xgboost() {
    let coarse = coarse();
    let data = TrainingData { weights: Some(coarse.weights.clone()), ..coarse.classes(&[1.2]) };
    let specification =
        classifier().with("n_estimators", 2).with("max_depth", 3).with("reg_alpha", 0.5).with("reg_lambda", 2);
    let model = train(&data, &specification).unwrap();
    #[rustfmt::skip]
    let first = [
        Q(1, 3.0, 193.16, 196.832), Q(0, 1.0, 94.031, 111.099), Q(1, 1.0, 5.433, 13.903), L(0.0), L(-0.49593), Q(0, 4.0, 14.984, 97.196),
        L(0.22607), L(0.48656), Q(0, 6.0, 79.15, 85.733), Q(1, 4.0, 10.682, 65.123), L(-0.33041), L(-0.63266), Q(1, 4.0, 21.378, 20.61),
        L(0.37263), L(-0.2042),
    ];
    assert_trees(&model, &[&first]);
    let ours: Vec<f64> = of_second(&model, &coarse.first_rows(6)).into_iter().map(f64::from).collect();
    assert_near(&ours, &[0.769063, 0.769063, 0.729015, 0.302656, 0.36995, 0.302656]);
}

/// xgboost 3.2.0: `XGBClassifier(n_estimators=2, tree_method="hist", max_depth=2).fit(X, (y > 0.3).astype(int) + (y > 2))`.
#[test]
fn three_classes_are_learnt_with_the_trees_of_xgboost() {
    let coarse = coarse();
    let model =
        train(&coarse.classes(&[0.3, 2.0]), &classifier().with("n_estimators", 2).with("max_depth", 2)).unwrap();
    #[rustfmt::skip]
    let trees: [[Node; 7]; 3] = [
        [Q(1, 4.0, 48.981, 174.08), Q(0, 1.0, 19.169, 140.134), L(0.22463), L(-0.11841), Q(0, 5.0, 9.646, 33.946), L(0.42434), L(0.07576)],
        [Q(0, 7.0, 3.601, 155.82), Q(0, 2.0, 3.445, 113.749), L(-0.05396), L(0.06048), Q(1, 3.0, 3.205, 42.071), L(-0.13934), L(0.02713)],
        [Q(1, 3.0, 58.942, 194.22), Q(0, 4.0, 26.048, 112.162), L(-0.0305), L(0.26135), Q(0, 7.0, 4.788, 82.058), L(-0.21663), L(0.01632)],
    ];
    assert_trees(&model, &[&trees[0], &trees[1], &trees[2]]);
    let Predictions::Classes { probabilities, .. } = model.predict(&coarse.first_rows(2)).unwrap() else { panic!() };
    let theirs = [[0.193181, 0.213509, 0.593310], [0.238264, 0.276641, 0.485095]];
    for (row, theirs) in theirs.iter().enumerate() {
        let ours: Vec<f64> = probabilities.iter().map(|column| f64::from(column[row])).collect();
        assert_near(&ours, theirs);
    }
}

/// xgboost 3.2.0: `XGBRegressor(n_estimators=2, tree_method="hist", max_depth=0, grow_policy="lossguide", max_leaves=6).fit(X, y)`.
#[test]
fn the_best_leaf_is_split_first_as_xgboost_does() {
    let specification = regressor().with("n_estimators", 2).with("max_depth", 0);
    let specification = specification.with("grow_policy", "lossguide").with("max_leaves", 6);
    let model = train(&coarse().regression(), &specification).unwrap();
    #[rustfmt::skip]
    let first = [
        Q(1, 3.0, 611.244, 400.0), Q(0, 5.0, 229.986, 231.0), Q(0, 1.0, 72.833, 158.0), L(-0.3025), L(0.2101), L(0.75325),
        Q(1, 4.0, 121.611, 169.0), L(-0.1932), Q(0, 5.0, 66.098, 78.0), L(-0.893), L(-0.28726),
    ];
    assert_trees(&model, &[&first]);
}

/// xgboost 3.2.0: as for numbers, with `objective="count:poisson"` and `floor(y - y.min())`, and `"reg:absoluteerror"` and `y`.
#[test]
fn counts_and_absolute_errors_are_learnt_with_the_trees_of_xgboost() {
    let coarse = coarse();
    let least = coarse.values.iter().copied().fold(f64::MAX, f64::min);
    let counts = Target::Values(coarse.values.iter().map(|value| (value - least).floor()).collect());
    let specification = regressor().with("n_estimators", 2).with("max_depth", 3);
    let counts = TrainingData { target: counts, ..coarse.regression() };
    let model = train(&counts, &specification.clone().with("objective", "count:poisson")).unwrap();
    #[rustfmt::skip]
    let first = [
        Q(1, 3.0, 67.701, 3586.493), Q(0, 5.0, 24.573, 2071.2), Q(0, 1.0, 8.567, 1416.665), L(-0.03509), L(0.02431),
        Q(2, 1.0, 2.24, 654.535), L(0.05606), L(0.09487), Q(1, 4.0, 14.072, 1515.293), Q(0, 4.0, 6.588, 815.927), L(-0.05386), L(0.00097),
        Q(0, 5.0, 7.568, 699.366), L(-0.10078), L(-0.03373),
    ];
    assert_trees(&model, &[&first]);
    let theirs = [4.880839, 5.070123, 4.462633, 3.658284, 4.243227, 3.658284];
    assert_near(&numbers(&model, &coarse.first_rows(6)), &theirs);
    assert_eq!(boosted(&model).ensemble().link, Link::Exponential);

    let specification = specification.with("objective", "reg:absoluteerror").with("n_estimators", 1);
    let model = train(&coarse.regression(), &specification).unwrap();
    let ensemble = boosted(&model).ensemble();
    let questions: Vec<(usize, f64)> = ensemble.trees[0]
        .nodes
        .iter()
        .filter_map(|node| match node.kind {
            NodeKind::Question { column, gain, .. } => Some((column, gain)),
            NodeKind::Leaf { .. } => None,
        })
        .collect();
    let theirs = [(1, 99.899), (0, 43.615), (1, 19.136), (0, 0.403), (0, 20.809), (1, 5.717), (1, 5.538)];
    for ((column, gain), theirs) in questions.iter().zip(theirs) {
        assert!(*column == theirs.0 && (gain - theirs.1).abs() < 1e-2, "{questions:?}");
    }
    // xgboost interpolates medians; ours are values, or midway between two.
    let leaves: Vec<f64> = ensemble.trees[0]
        .nodes
        .iter()
        .filter_map(|node| if let NodeKind::Leaf { values } = &node.kind { Some(values[0]) } else { None })
        .collect();
    for (ours, theirs) in
        leaves.iter().zip([0.18913, -0.26273, 0.36716, 0.67495, -0.36803, -0.79697, 0.02231, -0.37654])
    {
        assert!((ours - theirs).abs() < 0.02, "{leaves:?}");
    }
}

/// xgboost 3.2.0: `XGBRegressor(n_estimators=2, tree_method="hist", max_depth=3, enable_categorical=True)`, `f1` and `f2` categorical.
#[test]
fn categories_are_parted_with_the_trees_of_xgboost() {
    let coarse = coarse();
    let specification = regressor().with("n_estimators", 2).with("max_depth", 3);
    let model = train(&coarse.regression(), &specification.with("categorical_features", json!(["f1", "f2"]))).unwrap();
    #[rustfmt::skip]
    let first = [
        C(1, &[3, 4], 611.244, 400.0), C(2, &[1], 244.689, 231.0), Q(0, 4.0, 140.124, 151.0), L(-0.1505), L(0.43304),
        Q(0, 5.0, 58.808, 80.0), L(0.53117), L(1.08887), C(2, &[1], 131.84, 169.0), C(1, &[4], 99.524, 113.0), L(-0.36209), L(-0.93682),
        C(1, &[4], 40.317, 56.0), L(0.20575), L(-0.29499),
    ];
    assert_trees(&model, &[&first]);
    assert_near(
        &numbers(&model, &coarse.first_rows(6)),
        &[2.182065, 2.115726, 1.320598, -0.208037, 0.822603, -0.208037],
    );
}

#[test]
fn a_category_never_seen_goes_with_those_that_are_not_listed_and_strange_ones_are_refused_in_training() {
    let rows = 600;
    let column: Vec<f32> = (0..rows).map(|row| (row % 12) as f32).collect();
    let value = |category: &f32| if [1.0, 4.0, 9.0].contains(category) { 5.0 } else { -5.0 };
    let target = Target::Values(column.iter().map(value).collect());
    let features = Features { names: names(&["kind"]), columns: vec![column] };
    let mut data = TrainingData { features, target, weights: None };
    let specification = regressor().with("max_depth", 1).with("categorical_features", json!(["kind"]));
    let model = train(&data, &specification).unwrap();
    // One question parts what no threshold can.
    assert!(model.metadata.training_metrics.rmse.unwrap() < 1e-3, "{:?}", model.metadata.training_metrics);
    let asked = Features { names: names(&["kind"]), columns: vec![vec![4.0, 5.0, 77.0, -3.0, 1e9]] };
    let values = numbers(&model, &asked);
    assert!(values[0] > 4.9 && values[1] < -4.9, "{values:?}");
    assert!(values[2..].iter().all(|value| *value == values[1] || *value == values[0]));
    for strange in [0.5, -1.0, 255.0] {
        data.features.columns[0][3] = strange;
        let error = train(&data, &specification).unwrap_err();
        assert!(error.to_string().contains("about `kind`; expected columns whose values"), "{error}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_one_thread_and_on_four() {
    let data = clouds(70_000, 3);
    let sampled = classifier().with("subsample", 0.7).with("colsample_bynode", 0.5).with("n_estimators", 8);
    let leaf_wise = classifier().with("grow_policy", "lossguide").with("max_leaves", 40).with("max_depth", 0);
    for specification in [sampled, leaf_wise.with("n_estimators", 8)] {
        let on = |threads: usize, seed: u64| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let specification = TrainingSpecification { seed, ..specification.clone() };
            pool.install(|| {
                let model = train(&data, &specification).unwrap();
                (model.to_bytes().unwrap(), model.predict(&data.features).unwrap())
            })
        };
        let one = on(1, 42);
        assert!(one == on(2, 42));
        assert!(one == on(4, 42));
        assert!(one.0 != on(1, 43).0);
    }
}

/// xgboost 3.2.0, `XGBClassifier(n_estimators=30, tree_method="hist")` on these rows: area 0.9812.
#[test]
fn two_classes_are_told_apart_as_well_as_by_xgboost() {
    let model = validated(&clouds(6_000, 3), &clouds(4_000, 77), &classifier());
    let metrics = model.metadata.validation_metrics.clone().unwrap();
    assert!(metrics.roc_auc.unwrap() > XGBOOST_AREA - 0.002, "{metrics:?}");
    let important: Vec<&str> =
        model.metadata.feature_importances[..4].iter().map(|share| share.feature.as_str()).collect();
    assert!(important.contains(&"x3") && important.contains(&"x2"), "{important:?}");
    let curve = &model.metadata.loss_curve;
    assert_eq!(curve.len(), 31);
    assert!(curve.windows(2).all(|pair| pair[1].training < pair[0].training), "{curve:?}");
    let last = curve.last().unwrap().validation.unwrap();
    assert!((last - metrics.log_loss.unwrap()).abs() < 1e-5, "{last} {metrics:?}");
}

#[test]
fn the_training_loss_is_that_of_the_predictions_on_the_training_rows() {
    let leaf_wise = classifier().with("grow_policy", "lossguide").with("max_leaves", 40).with("max_depth", 0);
    for specification in [classifier(), classifier().with("subsample", 0.5), leaf_wise] {
        let data = clouds(40_000, 3);
        let model = train(&data, &specification.with("n_estimators", 8)).unwrap();
        let Target::Classes { codes, .. } = &data.target else { panic!() };
        let predicted = of_second(&model, &data.features);
        let loss = |(second, code): (&f32, &u32)| -f64::from(if *code == 1 { *second } else { 1.0 - second }).ln();
        let mean = predicted.iter().zip(codes).map(loss).sum::<f64>() / 40_000.0;
        let last = model.metadata.loss_curve.last().unwrap().training;
        assert!((last - mean).abs() < 1e-5, "{last} {mean}");
    }
}

const XGBOOST_AREA: f64 = 0.9812;

#[test]
fn many_rows_and_few_are_predicted_alike_with_gaps_and_without() {
    let mut data = clouds(3_000, 3);
    let mut generator = Generator::new(9);
    for value in &mut data.features.columns[3] {
        if generator.next() < 0.2 {
            *value = f32::NAN;
        }
    }
    let deep = classifier().with("max_depth", 12).with("n_estimators", 5);
    for specification in [classifier(), deep] {
        let model = train(&data, &specification).unwrap();
        let all = of_second(&model, &data.features);
        for start in [0, 1_000, 2_995] {
            let cut = |column: &Vec<f32>| column[start..start + 5].to_vec();
            let few = Features {
                names: data.features.names.clone(),
                columns: data.features.columns.iter().map(cut).collect(),
            };
            assert_eq!(of_second(&model, &few), all[start..start + 5]);
        }
    }
}

#[test]
fn a_rising_column_never_lowers_the_prediction_and_a_falling_one_never_raises_it() {
    let sample = sample();
    let free = train(&sample.regression(), &regressor()).unwrap();
    let bound = regressor().with("monotone_constraints", json!({ "a": 1, "b": -1, "c": 0 }));
    let leaf_wise = bound.clone().with("grow_policy", "lossguide").with("max_leaves", 30);
    let path = |column: usize, model: &Model| -> Vec<Vec<f64>> {
        (0..30)
            .map(|row| {
                let columns = (0..4)
                    .map(|other| {
                        let values = &sample.features.columns[other];
                        let (low, high) = (
                            values.iter().copied().fold(f32::MAX, f32::min),
                            values.iter().copied().fold(f32::MIN, f32::max),
                        );
                        let at = |step: usize| {
                            if other == column { low + (high - low) * step as f32 / 100.0 } else { values[row] }
                        };
                        (0..=100).map(at).collect()
                    })
                    .collect();
                numbers(model, &Features { names: sample.features.names.clone(), columns })
            })
            .collect()
    };
    let rises = |paths: &[Vec<f64>]| paths.iter().all(|path| path.windows(2).all(|pair| pair[1] >= pair[0]));
    let falls = |paths: &[Vec<f64>]| paths.iter().all(|path| path.windows(2).all(|pair| pair[1] <= pair[0]));
    assert!(!rises(&path(0, &free)) && !falls(&path(1, &free)));
    for specification in [bound, leaf_wise] {
        let model = train(&sample.regression(), &specification).unwrap();
        assert!(rises(&path(0, &model)));
        assert!(falls(&path(1, &model)));
        assert!(model.metadata.training_metrics.r2.unwrap() > 0.8, "{:?}", model.metadata.training_metrics);
    }
}

#[test]
fn missing_values_go_where_they_belong() {
    let mut generator = Generator::new(4);
    let missing: Vec<bool> = (0..500).map(|_| generator.next() < 0.5).collect();
    let noise: Vec<f32> = (0..500).map(|_| generator.next() as f32).collect();
    let column = missing.iter().map(|missing| if *missing { f32::NAN } else { 1.0 }).collect();
    let features = Features {
        names: names(&["gap", "noise", "nothing", "constant"]),
        columns: vec![column, noise, vec![f32::NAN; 500], vec![3.0; 500]],
    };
    let codes = missing.iter().map(|missing| u32::from(*missing)).collect();
    let data =
        TrainingData { features, target: Target::Classes { codes, classes: names(&["there", "gone"]) }, weights: None };
    let model = train(&data, &classifier()).unwrap();
    assert_eq!(model.metadata.training_metrics.accuracy, Some(1.0));
    assert_eq!(model.metadata.feature_importances[0].feature, "gap");
    for column in boosted(&model).ensemble().trees.iter().flat_map(|tree| &tree.nodes) {
        assert!(!matches!(column.kind, NodeKind::Question { column: 2 | 3, .. }));
    }
    let asked = Features {
        names: names(&["nothing", "gap", "noise", "constant"]),
        columns: vec![
            vec![5.0, 5.0, 5.0],
            vec![1.0, f32::NAN, 7.0],
            vec![0.5, 0.5, f32::NAN],
            vec![f32::NAN, 0.0, 0.0],
        ],
    };
    let Predictions::Classes { codes, .. } = model.predict(&asked).unwrap() else { panic!() };
    assert_eq!(codes, [0, 1, 0]);
}

#[test]
fn columns_that_say_nothing_leave_single_leaves() {
    let features = Features { names: names(&["a", "b"]), columns: vec![vec![f32::NAN; 50], vec![2.0; 50]] };
    let values: Vec<f64> = (0..50).map(f64::from).collect();
    let data = TrainingData { features, target: Target::Values(values), weights: None };
    let model = train(&data, &regressor()).unwrap();
    assert!(boosted(&model).ensemble().trees.iter().all(|tree| tree.nodes.len() == 1));
    assert!(numbers(&model, &data.features).iter().all(|value| (value - 24.5).abs() < 1e-4));
    assert!(model.metadata.feature_importances.is_empty());
}

#[test]
fn a_weight_of_two_is_two_rows_and_one_of_zero_is_none() {
    let coarse = coarse();
    let weights: Vec<f32> = (0..400).map(|row| (row % 3) as f32).collect();
    let weighted = TrainingData { weights: Some(weights.clone()), ..coarse.regression() };
    let positions: Vec<usize> = (0..400).flat_map(|row| std::iter::repeat_n(row, row % 3)).collect();
    let repeated = TrainingData {
        features: Features {
            names: coarse.features.names.clone(),
            columns: (coarse.features.columns.iter())
                .map(|column| positions.iter().map(|row| column[*row]).collect())
                .collect(),
        },
        target: Target::Values(positions.iter().map(|row| coarse.values[*row]).collect()),
        weights: None,
    };
    let [first, second] =
        [weighted, repeated].map(|data| numbers(&train(&data, &regressor()).unwrap(), &coarse.features));
    for (first, second) in first.iter().zip(second) {
        assert!((first - second).abs() < 1e-4, "{first} {second}");
    }
}

#[test]
fn rows_of_weight_zero_place_no_edges() {
    let mut generator = Generator::new(5);
    let mut column: Vec<f32> = (0..3_000).map(|_| generator.next() as f32).collect();
    let values: Vec<f64> = column.iter().map(|value| f64::from(*value) * 10.0).collect();
    let plain = TrainingData {
        features: Features { names: names(&["x"]), columns: vec![column.clone()] },
        target: Target::Values(values.clone()),
        weights: None,
    };
    // As many rows again that do not count, all of them far away.
    column.extend((0..3_000).map(|_| 1_000.0 + generator.next() as f32));
    let weighted = TrainingData {
        features: Features { names: names(&["x"]), columns: vec![column] },
        target: Target::Values([values, vec![-7.0; 3_000]].concat()),
        weights: Some([vec![1.0; 3_000], vec![0.0; 3_000]].concat()),
    };
    let [first, second] = [&plain, &weighted].map(|data| numbers(&train(data, &regressor()).unwrap(), &plain.features));
    for (first, second) in first.iter().zip(second) {
        assert!((first - second).abs() < 1e-4, "{first} {second}");
    }
}

#[test]
fn rare_classes_count_more_where_they_are_told_to() {
    let mut data = clouds(4_000, 8);
    let Target::Classes { codes, .. } = &mut data.target else { panic!() };
    let mut generator = Generator::new(2);
    codes.iter_mut().for_each(|code| *code = u32::from(*code == 1 && generator.next() < 0.1));
    let mean = |specification: &TrainingSpecification| {
        of_second(&train(&data, specification).unwrap(), &data.features).iter().sum::<f32>() / 4_000.0
    };
    let plain = mean(&classifier());
    let balanced = mean(&classifier().with("class_weight", "balanced"));
    let scaled = mean(&classifier().with("scale_pos_weight", 10));
    let listed = mean(&classifier().with("class_weight", json!({ "yes": 10 })));
    assert!(plain < 0.07 && balanced > 2.0 * plain && scaled > 2.0 * plain, "{plain} {balanced} {scaled}");
    assert_eq!(scaled, listed);
}

#[test]
fn training_stops_where_the_validation_loss_is_lowest() {
    let specification = classifier().with("n_estimators", 500).with("early_stopping_rounds", 5);
    let model = validated(&clouds(800, 3), &clouds(800, 77), &specification);
    let curve = &model.metadata.loss_curve;
    let losses: Vec<f64> = curve.iter().map(|point| point.validation.unwrap()).collect();
    let best = (1..losses.len()).min_by(|left, right| losses[*left].total_cmp(&losses[*right])).unwrap();
    assert!(curve.len() < 400 && best + 6 == curve.len(), "{best} {}", curve.len());
    assert_eq!(boosted(&model).trees(), best);
    let kept = model.metadata.validation_metrics.unwrap().log_loss.unwrap();
    assert!((kept - losses[best]).abs() < 1e-5, "{kept} {losses:?}");
    let error = train(&clouds(800, 3), &specification).unwrap_err();
    let refused = matches!(&error, Error::HyperparameterValue { name, .. } if name == "early_stopping_rounds");
    assert!(refused, "{error:?}");
}

#[test]
fn hyperparameters_are_read_strictly() {
    let refuse = |specification: TrainingSpecification, part: &str| {
        let error = train(&coarse().regression(), &specification).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    refuse(regressor().with("learning_rate", 0), "`learning_rate` of `xgboost` is 0; expected");
    refuse(regressor().with("learning_rate", 0.1).with("eta", 0.1), "absent where `learning_rate` is given");
    refuse(regressor().with("grow_policy", "best"), "\"lossguide\"");
    refuse(regressor().with("objective", "binary:logistic"), "reg:squarederror");
    refuse(regressor().with("max_bin", 2), "from 3 to 256");
    refuse(regressor().with("scale_pos_weight", 2), "no hyperparameter `scale_pos_weight`");
    refuse(regressor().with("monotone_constraints", json!({ "f9": 1 })), "about `f9`");
    refuse(regressor().with("monotone_constraints", json!({ "f0": 2 })), "-1 (falling)");
    refuse(regressor().with("subsample", 1.5), "above 0 and up to 1");
    refuse(regressor().with("objective", "count:poisson"), "negative numbers");
    let both = regressor().with("categorical_features", json!(["f1"]));
    refuse(both.with("monotone_constraints", json!({ "f1": 1 })), "categories have no order");
    let three = coarse().classes(&[0.3, 2.0]);
    let error = train(&three, &classifier().with("scale_pos_weight", 2)).unwrap_err();
    assert!(error.to_string().contains("more than two classes"), "{error}");
    let model = train(&coarse().regression(), &regressor().with("eta", 0.1).with("lambda", 2)).unwrap();
    assert_eq!(model.metadata.hyperparameters["eta"], json!(0.1));
    assert_eq!(model.metadata.hyperparameters["objective"], json!("reg:squarederror"));
}

#[test]
fn one_class_and_one_row_are_refused_and_two_rows_are_enough() {
    let features =
        |rows: usize| Features { names: names(&["x"]), columns: vec![(0..rows).map(|row| row as f32).collect()] };
    let target = |codes: &[u32]| Target::Classes { codes: codes.to_vec(), classes: names(&["no", "yes"]) };
    let data = TrainingData { features: features(3), target: target(&[1, 1, 1]), weights: None };
    assert!(matches!(train(&data, &classifier()).unwrap_err(), Error::OneClass { .. }));
    let data = TrainingData { features: features(1), target: Target::Values(vec![1.0]), weights: None };
    assert!(matches!(train(&data, &regressor()).unwrap_err(), Error::Rows { rows: 1, .. }));
    let data = TrainingData { features: features(2), target: target(&[0, 1]), weights: None };
    let model = train(&data, &classifier().with("min_child_weight", 0)).unwrap();
    let probabilities = of_second(&model, &features(2));
    assert!(probabilities[0] < 0.3 && probabilities[1] > 0.7, "{probabilities:?}");
    let one_left = features(1);
    assert_eq!(of_second(&model, &one_left), probabilities[..1]);
}

#[test]
fn numbers_are_learnt_far_from_zero() {
    let sample = sample();
    let target = Target::Values(sample.values.iter().map(|value| 1e9 + value).collect());
    let model = train(&TrainingData { target, ..sample.regression() }, &regressor()).unwrap();
    assert!(model.metadata.training_metrics.r2.unwrap() > 0.95, "{:?}", model.metadata.training_metrics);
    let spread = Target::Values((0..300).map(|row| if row == 0 { 1e300 } else { 0.0 }).collect());
    let error = train(&TrainingData { target: spread, ..sample.regression() }, &regressor()).unwrap_err();
    assert!(matches!(error, Error::Numerical { .. }), "{error:?}");
}

#[test]
fn trees_come_back_from_their_plain_form() {
    let coarse = coarse();
    let categorical = regressor().with("categorical_features", json!(["f1"]));
    for (data, specification) in [
        (coarse.regression(), categorical),
        (coarse.classes(&[1.2]), classifier()),
        (coarse.classes(&[0.3, 2.0]), classifier()),
    ] {
        let model = train(&data, &specification).unwrap();
        let ensemble = boosted(&model).ensemble();
        assert_eq!(Boosted::from_ensemble(&ensemble).as_ref(), Ok(boosted(&model)));
        let root = &ensemble.trees[0].nodes[0];
        assert!(root.cover > 10.0 && matches!(root.kind, NodeKind::Question { gain, .. } if gain > 1.0), "{root:?}");
        let spoil = |spoil: &dyn Fn(&mut TreeEnsemble)| {
            let mut spoilt = ensemble.clone();
            spoil(&mut spoilt);
            Boosted::from_ensemble(&spoilt).unwrap_err()
        };
        spoil(&|ensemble| ensemble.base.clear());
        spoil(&|ensemble| ensemble.columns = 1);
        spoil(&|ensemble| ensemble.trees[0].output = Some(7));
        spoil(&|ensemble| ensemble.trees[0].nodes.clear());
        spoil(&|ensemble| {
            let NodeKind::Question { left, .. } = &mut ensemble.trees[0].nodes[0].kind else { panic!() };
            *left = 0;
        });
        spoil(&|ensemble| {
            let NodeKind::Question { left, right, .. } = &mut ensemble.trees[0].nodes[0].kind else { panic!() };
            *right = *left;
        });
    }
}

struct Impatient(std::sync::atomic::AtomicUsize);

impl Control for Impatient {
    fn report(&self, done: f64, total: Option<f64>, _message: &str) {
        assert_eq!(total, Some(30.0));
        self.0.store(done as usize, std::sync::atomic::Ordering::SeqCst);
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::SeqCst) >= 5
    }
}

#[test]
fn a_cancelled_training_stops_after_the_round_in_hand() {
    let control = Impatient(std::sync::atomic::AtomicUsize::new(0));
    let result = kumiko_learn::train(&clouds(500, 1), None, &classifier(), &control);
    assert_eq!(result.unwrap_err(), Error::Cancelled);
    assert_eq!(control.0.load(std::sync::atomic::Ordering::SeqCst), 5);
}
