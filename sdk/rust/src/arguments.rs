//! From the arguments of a call to the tool's own type, and, where they do not fit, to a message that says which
//! argument is at fault and what it should have been.
//!
//! The host checks the arguments against the schema before a plugin sees them, so what fails here is what a schema
//! cannot say, and everything in a native test.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Fault, Result, second_names};

/// The code of arguments that do not fit, the same that the host uses.
pub const INVALID_ARGUMENTS: &str = "invalid_arguments";

/// How alike two names must be (Jaro–Winkler, 0 to 1) for one to be offered in place of the other.
const ALIKE: f64 = 0.75;

/// The arguments of a tool that takes none.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Reads the arguments of a call.
///
/// # Errors
/// [`INVALID_ARGUMENTS`], with the path of what does not fit.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        refusal(&path, &error.into_inner().to_string())
    })
}

/// The fault for the argument at `path`, which serde refused with `complaint`.
fn refusal(path: &str, complaint: &str) -> Fault {
    // serde_json ends its messages with a position in the text, which no caller has seen.
    let complaint = complaint.rsplit_once(" at line ").map_or(complaint, |(complaint, _)| complaint);
    let message = if path == "." {
        format!("the arguments do not fit: {complaint}")
    } else {
        format!("the argument `{path}` does not fit: {complaint}")
    };
    let fault = Fault::invalid(INVALID_ARGUMENTS, message);
    match nearest_known(complaint) {
        Some(name) => fault.hint(format!("did you mean `{name}`?")),
        None if complaint.starts_with("duplicate field") => fault.hint(second_names::GIVEN_TWICE),
        None => fault,
    }
}

/// The known name most like the unknown one in a message such as "unknown field `nmae`, expected one of `name`, `age`".
fn nearest_known(complaint: &str) -> Option<&str> {
    if !complaint.starts_with("unknown ") {
        return None;
    }
    let mut names = complaint.split('`').skip(1).step_by(2);
    let unknown = names.next()?;
    let (likeness, name) = names
        .map(|name| (strsim::jaro_winkler(unknown, name), name))
        .max_by(|(left, _), (right, _)| left.total_cmp(right))?;
    (likeness >= ALIKE).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Training {
        algorithm: Algorithm,
        #[serde(default)]
        folds: Vec<Fold>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Algorithm {
        RandomForest,
        LogisticRegression,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Fold {
        size: u32,
    }

    fn fault(text: &str) -> Fault {
        parse::<Training>(text).unwrap_err()
    }

    #[test]
    fn arguments_that_fit_are_read() {
        assert_eq!(parse::<Training>(r#"{"algorithm":"random_forest","folds":[{"size":3}]}"#).unwrap().folds.len(), 1);
        parse::<Nothing>("{}").unwrap();
    }

    #[test]
    fn an_unknown_argument_is_answered_with_the_nearest_known_one() {
        let fault = fault(r#"{"algoritm":"random_forest"}"#);
        assert_eq!(fault.code, INVALID_ARGUMENTS);
        assert_eq!(fault.hint.as_deref(), Some("did you mean `algorithm`?"));
        assert!(fault.message.contains("`algoritm`, expected `algorithm` or `folds`"), "{}", fault.message);
    }

    #[test]
    fn an_argument_like_no_other_is_not_guessed_at() {
        assert_eq!(fault(r#"{"zzz":1}"#).hint, None);
    }

    #[test]
    fn a_missing_argument_is_named() {
        let fault = fault("{}");
        assert_eq!(fault.message, "the arguments do not fit: missing field `algorithm`");
    }

    #[test]
    fn a_malformed_argument_is_named_by_its_path() {
        let fault = fault(r#"{"algorithm":"random_forest","folds":[{"size":1},{"size":"two"}]}"#);
        assert_eq!(
            fault.message,
            "the argument `folds[1].size` does not fit: invalid type: string \"two\", expected u32"
        );
    }

    #[test]
    fn an_unknown_choice_is_answered_with_the_nearest_known_one() {
        let fault = fault(r#"{"algorithm":"randomforest"}"#);
        assert_eq!(fault.hint.as_deref(), Some("did you mean `random_forest`?"));
    }
}
