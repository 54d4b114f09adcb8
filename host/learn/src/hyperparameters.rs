//! Hyperparameters read strictly: an unknown name, a wrong type and a value out of range are each refused in words, and what
//! was used is written down, defaults included.

use std::ops::RangeInclusive;

use kumiko_vocabulary::learning::Algorithm;
use serde_json::{Map, Value};

use crate::data::nearest;
use crate::error::Error;

/// Names from other libraries that mean something here, and where that is said.
const ELSEWHERE: [(&str, &str); 5] = [
    ("random_state", "set the specification's `seed` instead"),
    ("seed", "`seed` stands beside `hyperparameters`, not in it"),
    ("n_jobs", "leave it out: all cores are used"),
    ("verbose", "leave it out: progress is reported anyway"),
    ("solver", "leave it out: there is one solver for each algorithm"),
];

/// Reads one algorithm's hyperparameters and remembers what they came to.
pub(crate) struct Hyperparameters<'a> {
    algorithm: Algorithm,
    given: &'a Map<String, Value>,
    used: Map<String, Value>,
}

impl<'a> Hyperparameters<'a> {
    /// Begins reading. A name that is not among `known` is refused with the nearest one that is.
    pub(crate) fn new(algorithm: Algorithm, given: &'a Map<String, Value>, known: &[&str]) -> Result<Self, Error> {
        for name in given.keys() {
            if known.contains(&name.as_str()) {
                continue;
            }
            let elsewhere =
                ELSEWHERE.iter().find(|(foreign, _)| foreign == name).map(|(_, advice)| (*advice).to_owned());
            let advice = elsewhere
                .or_else(|| nearest(name, known.iter().copied()).map(|known| format!("did you mean `{known}`?")))
                .unwrap_or_else(|| format!("known are {}", known.join(", ")));
            return Err(Error::UnknownHyperparameter {
                algorithm,
                name: name.clone(),
                advice,
                known: known.iter().map(|name| (*name).to_owned()).collect(),
            });
        }
        Ok(Self { algorithm, given, used: Map::new() })
    }

    /// A whole number in a range.
    pub(crate) fn whole(&mut self, name: &str, default: usize, range: RangeInclusive<usize>) -> Result<usize, Error> {
        self.optional_whole(name, range)
            .map(|given| given.unwrap_or(default))
            .inspect(|value| self.note(name, Value::from(*value)))
    }

    /// A whole number in a range, or none.
    pub(crate) fn optional_whole(&mut self, name: &str, range: RangeInclusive<usize>) -> Result<Option<usize>, Error> {
        let given = match self.given(name) {
            None => None,
            Some(value) => Some(as_whole(value).filter(|whole| range.contains(whole)).ok_or_else(|| {
                self.refuse(name, format!("a whole number from {} to {}", range.start(), range.end()))
            })?),
        };
        self.note(name, given.map_or(Value::Null, Value::from));
        Ok(given)
    }

    /// A number that `holds` for; `expected` says so in words.
    pub(crate) fn number(
        &mut self,
        name: &str,
        default: f64,
        holds: impl Fn(f64) -> bool,
        expected: &str,
    ) -> Result<f64, Error> {
        let value = match self.given(name) {
            None => default,
            Some(value) => value
                .as_f64()
                .filter(|number| number.is_finite() && holds(*number))
                .ok_or_else(|| self.refuse(name, expected.to_owned()))?,
        };
        self.note(name, Value::from(value));
        Ok(value)
    }

    /// True or false.
    pub(crate) fn flag(&mut self, name: &str, default: bool) -> Result<bool, Error> {
        let value = match self.given(name) {
            None => default,
            Some(value) => value.as_bool().ok_or_else(|| self.refuse(name, "true or false".to_owned()))?,
        };
        self.note(name, Value::from(value));
        Ok(value)
    }

    /// A value with a form of its own: `read` gives what it means, or none where it means nothing. Null counts as not given
    /// only where `read` says so for [`Value::Null`].
    pub(crate) fn own<T>(
        &mut self,
        name: &str,
        default: Value,
        read: impl Fn(&Value) -> Option<T>,
        expected: &str,
    ) -> Result<T, Error> {
        let value = self.given.get(name).cloned().unwrap_or(default);
        let meaning = read(&value).ok_or_else(|| self.refuse(name, expected.to_owned()))?;
        self.note(name, value);
        Ok(meaning)
    }

    /// Refuses the value of a hyperparameter that is known.
    pub(crate) fn refuse(&self, name: &str, expected: String) -> Error {
        let value = self.given.get(name).map_or_else(|| "absent".to_owned(), Value::to_string);
        Error::HyperparameterValue { algorithm: self.algorithm, name: name.to_owned(), value, expected }
    }

    /// Every hyperparameter as it is used.
    pub(crate) fn used(self) -> Map<String, Value> {
        self.used
    }

    fn given(&self, name: &str) -> Option<&'a Value> {
        self.given.get(name).filter(|value| !value.is_null())
    }

    fn note(&mut self, name: &str, value: Value) {
        self.used.insert(name.to_owned(), value);
    }
}

/// A whole number, also where it is written as `100.0`, as languages without whole numbers write it.
pub(crate) fn as_whole(value: &Value) -> Option<usize> {
    let whole = value.as_u64().or_else(|| {
        value
            .as_f64()
            .filter(|number| number.fract() == 0.0 && (0.0..9e15).contains(number))
            .map(|number| number as u64)
    })?;
    usize::try_from(whole).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_known_one() {
        let given = map(json!({ "n_estimator": 3 }));
        let error =
            Hyperparameters::new(Algorithm::RandomForest, &given, &["n_estimators", "max_depth"]).err().unwrap();
        assert!(
            matches!(&error, Error::UnknownHyperparameter { advice, .. } if advice.contains("`n_estimators`")),
            "{error:?}"
        );
        let given = map(json!({ "random_state": 3 }));
        let error = Hyperparameters::new(Algorithm::RandomForest, &given, &["n_estimators"]).err().unwrap();
        assert!(
            matches!(&error, Error::UnknownHyperparameter { advice, .. } if advice.contains("`seed`")),
            "{error:?}"
        );
    }

    #[test]
    fn a_value_out_of_range_is_refused_with_the_range() {
        let given = map(json!({ "n_estimators": 0, "alpha": "much" }));
        let mut reader = Hyperparameters::new(Algorithm::RandomForest, &given, &["n_estimators", "alpha"]).unwrap();
        let error = reader.whole("n_estimators", 100, 1..=10_000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "hyperparameter `n_estimators` of `random_forest` is 0; expected a whole number from 1 to 10000"
        );
        assert!(reader.number("alpha", 1.0, |alpha| alpha >= 0.0, "a number of zero or more").is_err());
    }

    #[test]
    fn what_was_used_is_written_down_with_its_defaults() {
        let given = map(json!({ "n_estimators": 5.0, "max_depth": null }));
        let mut reader =
            Hyperparameters::new(Algorithm::RandomForest, &given, &["n_estimators", "max_depth", "bootstrap"]).unwrap();
        assert_eq!(reader.whole("n_estimators", 100, 1..=10).unwrap(), 5);
        assert_eq!(reader.optional_whole("max_depth", 1..=10).unwrap(), None);
        assert!(reader.flag("bootstrap", true).unwrap());
        assert_eq!(Value::from(reader.used()), json!({ "n_estimators": 5, "max_depth": null, "bootstrap": true }));
    }
}
