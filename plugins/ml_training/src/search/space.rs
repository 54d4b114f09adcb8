//! What is searched: for each hyperparameter the values that it may take.

use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::learning::Algorithm;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Number};

use super::draws::Draws;

/// Values that a grid takes from an interval of numbers.
const GRID_POINTS: usize = 5;
/// The widest interval of whole numbers that a grid takes whole.
const WIDEST_WHOLE_GRID: f64 = 10.0;

/// The values that one hyperparameter may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Range {
    /// One of these: `[50, 100, 200]`, `["relu", "tanh"]`, `[null, 8]`.
    Values(#[schemars(schema_with = "values_schema")] Vec<Value>),
    /// A number of an interval.
    Interval(Interval),
}

/// What hyperparameters take. Some clients refuse a schema that leaves it open.
fn values_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": { "anyOf": [
            { "type": "number" },
            { "type": "string" },
            { "type": "boolean" },
            { "type": "null" },
            { "type": "array", "items": { "type": "number" } },
            { "type": "object", "additionalProperties": true },
        ] },
    })
}

/// The numbers from `low` to `high`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Interval {
    /// The least value.
    low: Number,
    /// The largest value.
    high: Number,
    /// Whether ratios count instead of differences: for settings over orders of magnitude, such as a learning rate. `low` must be above zero.
    #[serde(default)]
    log: bool,
    /// Whether only whole numbers are meant. Without it, they are where both ends are written as whole numbers: `2`, not `2.0`.
    #[serde(default)]
    integer: Option<bool>,
}

/// One hyperparameter, ready to be drawn from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dimension {
    pub(crate) name: String,
    pub(crate) values: Values,
}

/// What a dimension is made of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    Choices(Vec<Value>),
    /// On the scale that differences count on: the logarithm where `log`.
    Numbers {
        low: f64,
        high: f64,
        log: bool,
        integer: bool,
    },
}

/// A point of the space: for each dimension the position of a choice, or a number on the dimension's scale.
pub(crate) type Point = Vec<f64>;

/// The space, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Space {
    pub(crate) dimensions: Vec<Dimension>,
}

impl Space {
    /// The space that was asked for, or the one that is usual for the algorithm. `fixed` are hyperparameters that are not searched.
    ///
    /// # Errors
    /// Every range that is none, all at once, and a hyperparameter that is both fixed and searched.
    pub(crate) fn read(
        asked: Option<&std::collections::BTreeMap<String, Range>>,
        algorithm: Algorithm,
        fixed: &Map<String, Value>,
    ) -> Result<Self> {
        let usual;
        let ranges = match asked {
            Some(asked) => asked,
            None => {
                usual = usual_space(algorithm)?;
                &usual
            }
        };
        let mut problems = Vec::new();
        let mut dimensions = Vec::new();
        for (name, range) in ranges {
            if fixed.contains_key(name) {
                // The usual space steps aside for what the caller fixed; a space of the caller's own must not contradict itself.
                if asked.is_some() {
                    problems.push(format!(
                        "`{name}` is in `hyperparameters` and in `search_space`: expected in one of them"
                    ));
                }
                continue;
            }
            match range.values() {
                Ok(values) => dimensions.push(Dimension { name: name.clone(), values }),
                Err(problem) => problems.push(format!("`{name}` {problem}")),
            }
        }
        if !problems.is_empty() {
            return Err(Fault::invalid("search_space_invalid", problems.join("; "))
                .hint("a range is a list of values, or {\"low\": 1, \"high\": 100, \"log\": true}"));
        }
        if dimensions.is_empty() {
            return Err(Fault::invalid("search_space_empty", "there is no hyperparameter to search")
                .hint("give a `search_space` with the ranges to try"));
        }
        Ok(Self { dimensions })
    }

    /// The hyperparameters that a point stands for.
    pub(crate) fn settings(&self, point: &Point) -> Map<String, Value> {
        self.dimensions
            .iter()
            .zip(point)
            .map(|(dimension, value)| (dimension.name.clone(), dimension.value(*value)))
            .collect()
    }

    /// A point drawn at random, every value of a dimension equally likely.
    pub(crate) fn draw(&self, draws: &mut Draws) -> Point {
        self.dimensions.iter().map(|dimension| dimension.draw(draws)).collect()
    }

    /// The number of points of the grid; none where it is beyond counting.
    pub(crate) fn grid_size(&self) -> Option<usize> {
        self.dimensions.iter().try_fold(1_usize, |size, dimension| size.checked_mul(dimension.grid().len()))
    }

    /// The points of the grid, the last dimension changing first.
    pub(crate) fn grid(&self) -> impl Iterator<Item = Point> {
        let axes: Vec<Vec<f64>> = self.dimensions.iter().map(Dimension::grid).collect();
        let size = self.grid_size().unwrap_or(usize::MAX);
        (0..size).map(move |number| {
            let mut rest = number;
            let mut point: Point = axes
                .iter()
                .rev()
                .map(|axis| {
                    let value = axis.get(rest % axis.len()).copied().unwrap_or_default();
                    rest /= axis.len();
                    value
                })
                .collect();
            point.reverse();
            point
        })
    }
}

impl Dimension {
    /// The value that a position on this dimension stands for.
    fn value(&self, position: f64) -> Value {
        match &self.values {
            Values::Choices(choices) => choices.get(position as usize).cloned().unwrap_or(Value::Null),
            Values::Numbers { low, high, log, integer } => {
                let plain = |position: f64| if *log { position.exp() } else { position };
                let number = plain(position).clamp(plain(*low), plain(*high));
                // Ends come back as they were given, in spite of the way over the logarithm.
                if *integer { Value::from(number.round() as i64) } else { Value::from(rounded(number)) }
            }
        }
    }

    fn draw(&self, draws: &mut Draws) -> f64 {
        match &self.values {
            Values::Choices(choices) => draws.below(choices.len()) as f64,
            Values::Numbers { low, high, .. } => {
                let (low, high) = self.widened(*low, *high);
                low + draws.unit() * (high - low)
            }
        }
    }

    /// The interval to draw from: half a step wider for whole numbers, so that the ends are as likely as the rest.
    pub(crate) fn widened(&self, low: f64, high: f64) -> (f64, f64) {
        match self.values {
            Values::Numbers { integer: true, log: false, .. } => (low - 0.499, high + 0.499),
            Values::Numbers { integer: true, log: true, .. } => {
                ((low.exp() - 0.499).max(f64::MIN_POSITIVE).ln(), (high.exp() + 0.499).ln())
            }
            _ => (low, high),
        }
    }

    fn grid(&self) -> Vec<f64> {
        match &self.values {
            Values::Choices(choices) => (0..choices.len()).map(|choice| choice as f64).collect(),
            Values::Numbers { low, high, log: false, integer: true } if high - low <= WIDEST_WHOLE_GRID => {
                (0..=(high - low) as usize).map(|step| low + step as f64).collect()
            }
            Values::Numbers { low, high, .. } if high > low => {
                let step = (high - low) / (GRID_POINTS - 1) as f64;
                (0..GRID_POINTS).map(|point| low + step * point as f64).collect()
            }
            Values::Numbers { low, .. } => vec![*low],
        }
    }
}

impl Range {
    fn values(&self) -> Result<Values, String> {
        match self {
            Self::Values(choices) if choices.is_empty() => Err("has no values".to_owned()),
            Self::Values(choices) => Ok(Values::Choices(choices.clone())),
            Self::Interval(interval) => interval.values(),
        }
    }
}

impl Interval {
    fn values(&self) -> Result<Values, String> {
        let whole = |number: &Number| number.is_i64() || number.is_u64();
        let integer = self.integer.unwrap_or(whole(&self.low) && whole(&self.high));
        let (Some(low), Some(high)) = (self.low.as_f64(), self.high.as_f64()) else {
            return Err("has an end that is no number".to_owned());
        };
        if low > high {
            return Err(format!("goes from {low} to {high}: expected `low` not above `high`"));
        }
        if self.log && low <= 0.0 {
            return Err(format!("begins at {low}: expected `low` above zero where `log` is true"));
        }
        if integer && (low.fract() != 0.0 || high.fract() != 0.0) {
            return Err(format!("goes from {low} to {high}: expected whole numbers where `integer` is true"));
        }
        let scale = |number: f64| if self.log { number.ln() } else { number };
        Ok(Values::Numbers { low: scale(low), high: scale(high), log: self.log, integer })
    }
}

/// Six significant digits: a setting that can be read and typed.
fn rounded(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}

/// The ranges that are usual for an algorithm.
fn usual_space(algorithm: Algorithm) -> Result<std::collections::BTreeMap<String, Range>> {
    let ranges = match algorithm {
        Algorithm::RandomForest => json!({
            "n_estimators": { "low": 50, "high": 300 },
            "max_depth": [null, 4, 8, 12, 20],
            "min_samples_leaf": { "low": 1, "high": 32, "log": true },
            "max_features": { "low": 0.1, "high": 1.0 },
        }),
        Algorithm::Xgboost => json!({
            "n_estimators": { "low": 50, "high": 500, "log": true },
            "learning_rate": { "low": 0.01, "high": 0.3, "log": true },
            "max_depth": { "low": 3, "high": 10 },
            "min_child_weight": { "low": 1.0, "high": 20.0, "log": true },
            "subsample": { "low": 0.5, "high": 1.0 },
            "colsample_bytree": { "low": 0.5, "high": 1.0 },
            "reg_lambda": { "low": 0.1, "high": 10.0, "log": true },
        }),
        Algorithm::NeuralNetwork => json!({
            "hidden_layer_sizes": [[32], [64], [128], [64, 32], [128, 64]],
            "learning_rate_init": { "low": 0.0003, "high": 0.01, "log": true },
            "alpha": { "low": 0.000001, "high": 0.01, "log": true },
        }),
        Algorithm::LogisticRegression => json!({ "C": { "low": 0.001, "high": 100.0, "log": true } }),
        Algorithm::Ridge => json!({ "alpha": { "low": 0.001, "high": 1000.0, "log": true } }),
        Algorithm::Lasso => json!({ "alpha": { "low": 0.0001, "high": 10.0, "log": true } }),
        Algorithm::ElasticNet => json!({
            "alpha": { "low": 0.0001, "high": 10.0, "log": true },
            "l1_ratio": { "low": 0.05, "high": 0.95 },
        }),
        other => {
            let message = format!("`{}` has no settings that are usually searched", other.as_str());
            return Err(Fault::invalid("search_space_missing", message).hint("give a `search_space`"));
        }
    };
    serde_json::from_value(ranges).map_err(|error| Fault::failed("internal", format!("a usual range is none: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(ranges: Value) -> Result<Space> {
        Space::read(Some(&serde_json::from_value(ranges).unwrap()), Algorithm::RandomForest, &Map::new())
    }

    #[test]
    fn whole_ends_mean_whole_numbers_unless_the_caller_says_otherwise() {
        let whole = |range: Value| {
            let space = space(json!({ "a": range })).unwrap();
            matches!(space.dimensions[0].values, Values::Numbers { integer: true, .. })
        };
        assert!(whole(json!({ "low": 2, "high": 10 })));
        assert!(!whole(json!({ "low": 2.0, "high": 10 })));
        assert!(!whole(json!({ "low": 0, "high": 1, "integer": false })));
        assert!(whole(json!({ "low": 2.0, "high": 10.0, "integer": true })));
    }

    #[test]
    fn every_range_that_is_none_is_told_at_once() {
        let ranges = json!({
            "a": [], "b": { "low": 3, "high": 1 }, "c": { "low": 0, "high": 1, "log": true },
            "d": { "low": 0.5, "high": 1.0, "integer": true },
        });
        let fault = space(ranges).unwrap_err();
        for name in ["`a`", "`b`", "`c`", "`d`"] {
            assert!(fault.message.contains(name), "{}", fault.message);
        }
    }

    #[test]
    fn a_grid_has_every_combination_once_with_the_ends_of_each_interval() {
        let space = space(
            json!({ "a": ["x", "y"], "b": { "low": 1, "high": 3 }, "c": { "low": 0.01, "high": 1.0, "log": true } }),
        )
        .unwrap();
        let points: Vec<_> = space.grid().map(|point| space.settings(&point)).collect();
        assert_eq!((points.len(), space.grid_size()), (2 * 3 * 5, Some(30)));
        let mut texts: Vec<String> = points.iter().map(|point| json!(point).to_string()).collect();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), 30);
        assert_eq!(points[0]["c"], json!(0.01));
        assert_eq!(points[29], json!({ "a": "y", "b": 3, "c": 1.0 }).as_object().unwrap().clone());
    }

    #[test]
    fn draws_stay_inside_and_reach_both_ends_of_whole_numbers() {
        let space = space(json!({ "a": { "low": 1, "high": 4 }, "b": { "low": 1, "high": 64, "log": true } })).unwrap();
        let mut draws = Draws::new(7);
        let mut seen = [0; 5];
        for _ in 0..4_000 {
            let settings = space.settings(&space.draw(&mut draws));
            seen[settings["a"].as_u64().unwrap() as usize] += 1;
            assert!((1..=64).contains(&settings["b"].as_i64().unwrap()));
        }
        assert!(seen[0] == 0 && seen[1..].iter().all(|count| (800..1_200).contains(count)), "{seen:?}");
    }

    #[test]
    fn the_usual_space_steps_aside_for_what_is_fixed() {
        let fixed = json!({ "max_depth": 3 }).as_object().unwrap().clone();
        let usual = Space::read(None, Algorithm::RandomForest, &fixed).unwrap();
        assert!(usual.dimensions.iter().all(|dimension| dimension.name != "max_depth"));
        let asked = serde_json::from_value(json!({ "max_depth": [2, 3] })).unwrap();
        assert!(Space::read(Some(&asked), Algorithm::RandomForest, &fixed).is_err());
        assert_eq!(Space::read(None, Algorithm::Linear, &fixed).unwrap_err().code, "search_space_missing");
    }
}
