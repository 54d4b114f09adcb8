//! Figures of every kind and of every odd size, made from a fixed sequence of numbers.

use kumiko_vocabulary::figures::*;

/// Numbers that look random and are always the same (SplitMix64).
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 up to 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Nearly normal with mean 0 and deviation 1: twelve uniform numbers less six.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

pub(crate) fn matrix(title: &str, classes: Vec<String>, scale: f64) -> Figure {
    let mut numbers = Numbers::new(classes.len() as u64);
    let count = classes.len();
    let counts = (0..count)
        .map(|truth| {
            (0..count)
                .map(|predicted| {
                    let near =
                        if truth == predicted { 1.0 } else { 0.25 * (-(truth.abs_diff(predicted) as f64) / 1.5).exp() };
                    (scale * near * (0.4 + 0.6 * numbers.uniform())) as u64
                })
                .collect()
        })
        .collect();
    let subtitle = Some("hold-out set, 1,240 rows, accuracy 0.874".to_owned());
    Figure::ConfusionMatrix(ConfusionMatrix { title: title.to_owned(), subtitle, classes, counts })
}

pub(crate) fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|index| format!("{prefix}{index}")).collect()
}

/// A concave curve from corner to corner.
pub(crate) fn scored(name: &str, skill: f64, points: usize) -> ScoredCurve {
    let points = (0..points)
        .map(|index| index as f64 / (points - 1) as f64)
        .map(|x| Point { x, y: x.powf(1.0 / skill) })
        .collect();
    ScoredCurve { name: name.to_owned(), area: skill / (skill + 1.0), points }
}

fn roc(title: &str, curves: Vec<ScoredCurve>) -> Figure {
    Figure::RocCurve(RocCurve {
        title: title.to_owned(),
        subtitle: Some("churn.csv, 4,200 rows of the hold-out set".to_owned()),
        curves,
    })
}

fn falling(name: &str, power: f64) -> ScoredCurve {
    let points =
        (0..=80).map(|index| f64::from(index) / 80.0).map(|x| Point { x, y: 1.0 - 0.7 * x.powf(power) }).collect();
    ScoredCurve { name: name.to_owned(), area: 1.0 - 0.7 / (power + 1.0), points }
}

fn calibrated(name: &str, power: f64, bins: u32) -> CalibrationCurve {
    let bins = (0..bins)
        .map(|index| (f64::from(index) + 0.5) / f64::from(bins))
        .map(|predicted| CalibrationBin {
            predicted,
            observed: predicted.powf(power),
            count: (900.0 * (1.0 - predicted).powi(2) + 120.0 * predicted * power) as u64,
        })
        .collect();
    CalibrationCurve { name: name.to_owned(), brier: Some(0.08 + 0.03 * power), bins }
}

fn residuals(count: usize) -> Figure {
    let mut numbers = Numbers::new(7);
    let points = (0..count)
        .map(|_| {
            let predicted = 180.0 + 60.0 * numbers.normal();
            ResidualPoint { predicted, residual: numbers.normal() * (6.0 + predicted.abs() * 0.06) }
        })
        .collect();
    let title = "Residuals of the gradient boosting model".to_owned();
    Figure::Residuals(Residuals {
        title,
        subtitle: Some("RMSE 16.8, R² 0.91".to_owned()),
        unit: Some("thousand EUR".to_owned()),
        points,
    })
}

fn predicted_actual(count: usize) -> Figure {
    let mut numbers = Numbers::new(11);
    let points = (0..count)
        .map(|_| {
            let actual = 50.0 + 20.0 * numbers.normal();
            PredictedActualPoint { actual, predicted: actual * 0.9 + 5.0 + 5.0 * numbers.normal() }
        })
        .collect();
    Figure::PredictedActual(PredictedActual {
        title: "House prices".to_owned(),
        subtitle: Some("R² 0.93".to_owned()),
        unit: None,
        points,
    })
}

pub(crate) fn bars(title: &str, count: usize, with_intervals: bool, negative: bool) -> Figure {
    let mut numbers = Numbers::new(3);
    let bars = (0..count)
        .map(|index| {
            let value = (0.32 * (-(index as f64) * 0.1).exp() * (0.7 + 0.6 * numbers.uniform()))
                * if negative && index % 3 == 1 { -1.0 } else { 1.0 };
            let spread = 0.02 + 0.02 * numbers.uniform();
            Bar {
                name: [
                    "age",
                    "tenure_in_months",
                    "monthly_charges",
                    "contract__month_to_month",
                    "payment_method__electronic_check_or_bank_transfer_automatic",
                ]
                .get(index)
                .map_or_else(|| format!("feature_{index}"), ToString::to_string),
                value,
                interval: with_intervals.then_some(Interval { low: value - spread, high: value + spread }),
            }
        })
        .collect();
    Figure::Bars(Bars {
        title: title.to_owned(),
        subtitle: None,
        value_label: "Mean decrease of accuracy when the feature is permuted".to_owned(),
        order: BarOrder::LargestFirst,
        bars,
    })
}

fn learning(names: &[&str], points: u32, band: bool, x_scale: Scale, y_scale: Scale) -> Figure {
    let mut numbers = Numbers::new(5);
    let series = names
        .iter()
        .enumerate()
        .map(|(index, name)| Series {
            name: (*name).to_owned(),
            points: (1..=points)
                .map(|step| {
                    let x = f64::from(step) * 5.0;
                    let y = 0.08
                        + 0.05 * index as f64
                        + 1.1 * (-x / (60.0 + 12.0 * index as f64)).exp()
                        + 0.008 * numbers.normal();
                    SeriesPoint {
                        x,
                        y: y.max(0.01),
                        interval: band.then_some(Interval { low: (y - 0.05).max(0.005), high: y + 0.05 }),
                    }
                })
                .collect(),
        })
        .collect();
    Figure::Lines(Lines {
        title: "Learning curves".to_owned(),
        subtitle: Some("five-fold cross-validation; bands are one standard deviation".to_owned()),
        x_label: "Boosting rounds".to_owned(),
        y_label: "Log loss".to_owned(),
        x_scale,
        y_scale,
        series,
    })
}

fn histogram(names: &[&str], intervals: u32) -> Figure {
    let edges: Vec<f64> = (0..=intervals).map(|index| 18.0 + f64::from(index) * 72.0 / f64::from(intervals)).collect();
    let series = names
        .iter()
        .enumerate()
        .map(|(index, name)| HistogramSeries {
            name: (*name).to_owned(),
            values: (0..intervals)
                .map(|bin| {
                    let place = f64::from(bin) / f64::from(intervals) - 0.35 - 0.15 * index as f64;
                    (1_400.0 * (-place * place * 14.0).exp()).round()
                })
                .collect(),
        })
        .collect();
    Figure::Histogram(Histogram {
        title: "Age of customers".to_owned(),
        subtitle: (names.len() > 1).then(|| "population stability index 0.21: moderate shift".to_owned()),
        x_label: "Age (years)".to_owned(),
        y_label: COUNT_LABEL.to_owned(),
        edges,
        series,
    })
}

fn distribution(classes: Vec<(String, u64)>) -> Figure {
    let classes = classes.into_iter().map(|(name, count)| ClassCount { name, count }).collect();
    Figure::Distribution(Distribution { title: "Rows of each class".to_owned(), subtitle: None, classes })
}

fn comparison(models: usize, metrics: &[&str]) -> Figure {
    let mut numbers = Numbers::new(13);
    let metrics = metrics
        .iter()
        .enumerate()
        .map(|(index, name)| ComparedMetric {
            name: (*name).to_owned(),
            values: (0..models)
                .map(|model| (index != 1 || model != 1).then(|| 0.72 + 0.25 * numbers.uniform()))
                .collect(),
        })
        .collect();
    let models = ["logistic regression", "random forest", "gradient boosting", "neural network"]
        .iter()
        .map(ToString::to_string)
        .chain(names("candidate ", 20))
        .take(models)
        .collect();
    let title = "Models on the hold-out set".to_owned();
    Figure::Comparison(Comparison { title, subtitle: None, value_label: SCORE_LABEL.to_owned(), models, metrics })
}

fn beeswarm(features: usize, rows: usize) -> Figure {
    let mut numbers = Numbers::new(17);
    let features = (0..features)
        .map(|index| FeatureContributions {
            name: ["tenure_in_months", "monthly_charges", "contract", "age", "support_calls_in_the_last_twelve_months"]
                .get(index)
                .map_or_else(|| format!("feature_{index}"), ToString::to_string),
            points: (0..rows)
                .map(|row| {
                    let value =
                        if index == 2 { f64::from(u8::from(numbers.uniform() > 0.6)) } else { numbers.normal() };
                    let strength = 0.8 * (-(index as f64) * 0.3).exp() * if index % 2 == 0 { -1.0 } else { 1.0 };
                    let contribution = strength * (value + 0.3 * numbers.normal());
                    Contribution { contribution, value: (row % 17 != 0).then_some(value) }
                })
                .collect(),
        })
        .collect();
    let title = "What moves the predictions".to_owned();
    let subtitle = Some("SHAP values of the gradient boosting model".to_owned());
    Figure::Beeswarm(Beeswarm { title, subtitle, value_label: CONTRIBUTION_LABEL.to_owned(), features })
}

fn waterfall(features: usize, base_value: f64, unit: &str) -> Figure {
    let mut numbers = Numbers::new(23);
    let steps: Vec<WaterfallStep> = (0..features)
        .map(|index| WaterfallStep {
            name: ["tenure_in_months", "monthly_charges", "contract", "age", "support_calls_in_the_last_twelve_months"]
                .get(index)
                .map_or_else(|| format!("feature_{index}"), ToString::to_string),
            value: match index {
                2 => Some("two years, cancelled at the end of the second".to_owned()),
                3 => None,
                _ => Some(format!("{:.1}", 40.0 * numbers.uniform())),
            },
            contribution: numbers.normal() * base_value.abs().max(1.0) * 0.4 * (-(index as f64) * 0.25).exp(),
        })
        .collect();
    let prediction = base_value + steps.iter().map(|step| step.contribution).sum::<f64>();
    Figure::Waterfall(Waterfall {
        title: "Why row 17 is predicted as it is".to_owned(),
        subtitle: Some("SHAP values of the gradient boosting model".to_owned()),
        value_label: unit.to_owned(),
        base_value,
        prediction,
        steps,
    })
}

/// Every sample with a name that is good for a file.
pub(crate) fn all() -> Vec<(String, Figure)> {
    let hostile = vec![
        "<script>alert(1)</script>".to_owned(),
        "\"quoted\" & 'single'".to_owned(),
        "null\u{0}byte\u{1b}[31m".to_owned(),
        "right\u{202E}left".to_owned(),
        String::new(),
        "line\nbreak\tand a very long name that goes on and on without any end in sight".to_owned(),
        "Größe naïve Ωμέγα Привет".to_owned(),
    ];
    let many: Vec<ScoredCurve> =
        (0..24).map(|index| scored(&format!("class {index}"), 2.0 + f64::from(index) * 0.8, 60)).collect();
    let single = ScoredCurve { name: "always yes".to_owned(), area: 0.5, points: vec![Point { x: 0.4, y: 0.7 }] };
    let metrics = ["accuracy", "balanced accuracy", "precision", "recall", "F1", "ROC AUC"];
    let long_title = "Confusion matrix of the gradient boosting model that was trained on three years of transactions and evaluated on the hold-out set of the last quarter";
    let mut all = vec![
        ("matrix_2", matrix("Customer churn", vec!["stays".to_owned(), "leaves".to_owned()], 900.0)),
        ("matrix_1", matrix("One class", vec!["only".to_owned()], 90.0)),
        ("matrix_5_large", matrix("Large counts", names("grade ", 5), 3e8)),
        ("matrix_12", matrix(long_title, names("species number ", 12), 140.0)),
        ("matrix_20", matrix("Twenty classes", names("type ", 20), 3000.0)),
        ("matrix_50", matrix("Fifty classes", names("product group ", 50), 200.0)),
        ("matrix_100", matrix("A hundred classes", names("article ", 100), 200.0)),
        ("matrix_hostile", matrix("<b>Hostile</b> & \"names\"", hostile.clone(), 140.0)),
        ("roc_1", roc("ROC of the churn model", vec![scored("gradient boosting", 9.0, 200)])),
        (
            "roc_3",
            roc(
                "Three models",
                vec![
                    scored("gradient boosting", 12.0, 200),
                    scored("random forest", 7.0, 50),
                    scored("logistic regression with interactions of the second order", 3.0, 12),
                ],
            ),
        ),
        ("roc_24", roc("Twenty-four classes", many)),
        ("roc_point", roc("A single point", vec![single])),
        (
            "calibration_1",
            Figure::Calibration(Calibration {
                title: "Calibration".to_owned(),
                subtitle: None,
                curves: vec![calibrated("gradient boosting", 1.4, 10)],
            }),
        ),
        ("residuals_200", residuals(200)),
        ("residuals_1", residuals(1)),
        ("residuals_50000", residuals(50_000)),
        ("predicted_actual_500", predicted_actual(500)),
        ("predicted_actual_20000", predicted_actual(20_000)),
        ("bars_1", bars("One feature", 1, false, false)),
        ("bars_10", bars("Permutation importance", 10, true, false)),
        ("bars_signed", bars("Coefficients", 14, false, true)),
        ("bars_40", bars("Forty features", 40, false, false)),
        ("bars_100", bars("A hundred features", 100, true, false)),
        ("lines_2", learning(&["training", "validation"], 60, true, Scale::Linear, Scale::Linear)),
        ("lines_1", learning(&["validation"], 15, false, Scale::Linear, Scale::Linear)),
        (
            "lines_6_close",
            learning(
                &["fold 1", "fold 2", "fold 3", "fold 4", "fold 5", "mean of the folds"],
                60,
                false,
                Scale::Linear,
                Scale::Linear,
            ),
        ),
        (
            "lines_10",
            learning(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"], 60, false, Scale::Linear, Scale::Linear),
        ),
        ("lines_log", learning(&["training", "validation"], 200, false, Scale::Logarithmic, Scale::Logarithmic)),
        ("lines_point", learning(&["training", "validation"], 1, true, Scale::Linear, Scale::Linear)),
        ("histogram_1", histogram(&["customers"], 36)),
        ("histogram_2", histogram(&["reference", "last week"], 30)),
        (
            "distribution_3",
            distribution(vec![("setosa".to_owned(), 50), ("versicolor".to_owned(), 48), ("virginica".to_owned(), 3)]),
        ),
        (
            "distribution_hostile",
            distribution(hostile.into_iter().zip([52_000, 31_000, 9_000, 800, 12, 1, 0]).collect()),
        ),
        ("comparison_3", comparison(3, &metrics)),
        ("comparison_1", comparison(1, &["accuracy"])),
        ("comparison_12", comparison(12, &metrics)),
        ("beeswarm_8", beeswarm(8, 250)),
        ("beeswarm_25", beeswarm(25, 1_500)),
        ("beeswarm_1", beeswarm(1, 30)),
        ("waterfall_8", waterfall(8, -1.4, "Log odds of leaves")),
        ("waterfall_60", waterfall(60, 0.3, "Log odds of leaves")),
        ("waterfall_1", waterfall(1, 250_000.0, "Price in €")),
    ]
    .into_iter()
    .map(|(name, figure)| (name.to_owned(), figure))
    .collect::<Vec<_>>();
    let curves = vec![falling("gradient boosting", 6.0), falling("random forest", 3.0)];
    let precision = PrecisionRecallCurve {
        title: "Precision and recall".to_owned(),
        subtitle: None,
        curves,
        prevalence: Some(0.3),
    };
    all.push(("precision_recall_2".to_owned(), Figure::PrecisionRecallCurve(precision)));
    let curves = vec![
        calibrated("gradient boosting", 1.4, 10),
        calibrated("random forest", 0.7, 10),
        calibrated("logistic regression", 1.0, 10),
    ];
    all.push((
        "calibration_3".to_owned(),
        Figure::Calibration(Calibration {
            title: "Three models".to_owned(),
            subtitle: Some("ten bins".to_owned()),
            curves,
        }),
    ));
    all
}
