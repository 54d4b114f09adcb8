//! Why a model in another format cannot be read, written or run.

use kumiko_vocabulary::Fault;
use serde_json::json;

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// More than the limits allow.
    #[error("`{name}` has {found} {what}; at most {limit} are read")]
    TooLarge {
        /// What the caller calls the file.
        name: String,
        /// What there is too much of.
        what: &'static str,
        /// How many there are, as far as they were counted.
        found: u64,
        /// How many may be.
        limit: u64,
    },
    /// The bytes are not of the format.
    #[error("`{name}` is no {format}: {problem}")]
    NotOfFormat {
        /// What the caller calls the file.
        name: String,
        /// The format that was expected.
        format: &'static str,
        /// What gives it away.
        problem: String,
    },
    /// The format, but with contents that contradict themselves.
    #[error("`{name}` is damaged: {place}: {problem}")]
    Damaged {
        /// What the caller calls the file.
        name: String,
        /// Where.
        place: String,
        /// What does not fit.
        problem: String,
    },
    /// A feature of the format that is not read here.
    #[error("`{name}` has the {kind} `{found}`, which is not supported; {supported}")]
    Unsupported {
        /// What the caller calls the file.
        name: String,
        /// What kind of thing is not supported.
        kind: &'static str,
        /// Which one.
        found: String,
        /// What is, in words.
        supported: String,
    },
    /// An ONNX operator that the interpreter lacks.
    #[error("the node `{node}` of `{name}` is a {operator}, an operator that is not run here{detail}")]
    UnsupportedOperator {
        /// What the caller calls the file.
        name: String,
        /// The operator with its domain, as `ai.onnx.ml.SVMClassifier`.
        operator: String,
        /// The node's name, or its position where it has none.
        node: String,
        /// What of it is not run, where that is only a part; else empty.
        detail: String,
    },
    /// A model that the other format cannot express.
    #[error("{what} cannot be written as {format}: {problem}")]
    NotExpressible {
        /// Which part of the model.
        what: String,
        /// The format asked for.
        format: &'static str,
        /// Why not.
        problem: String,
    },
    /// A column that the model reads is not among those given.
    #[error("the model reads {}, which the data does not have", listed(missing))]
    MissingColumns {
        /// The columns not found.
        missing: Vec<String>,
    },
    /// The rows do not have the form that the model reads.
    #[error("the input {input} of the model: {problem}")]
    Input {
        /// The input's name.
        input: String,
        /// What was expected and what was found.
        problem: String,
    },
    /// An operator that meets values it cannot work on.
    #[error("running the node `{node}` ({operator}): {problem}")]
    Run {
        /// The node's name, or its position where it has none.
        node: String,
        /// Its operator.
        operator: String,
        /// What went wrong.
        problem: String,
    },
}

/// Up to five names in backticks, and how many more there are.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let invalid = |code: &str, hint: &str| Self::invalid(code, message.clone()).hint(hint);
        match error {
            Error::TooLarge { .. } => invalid("model_too_large", "give a smaller model"),
            Error::NotOfFormat { .. } => invalid(
                "not_a_model",
                "check that the uri leads to the model itself, saved in the format that it is given as",
            ),
            Error::Damaged { .. } => {
                Self::failed("model_damaged", message).hint("save the model again with the library that made it")
            }
            Error::Unsupported { kind, found, .. } => {
                invalid("model_not_supported", "choose another setting when saving or training the model")
                    .data(json!({ "kind": kind, "found": found }))
            }
            Error::UnsupportedOperator { operator, node, .. } => invalid(
                "operator_not_supported",
                "export the model with standard operators of classical models or dense networks",
            )
            .data(json!({ "operator": operator, "node": node })),
            Error::NotExpressible { .. } => {
                invalid("format_not_expressive", "save the model in the native format, or train it without that part")
            }
            Error::MissingColumns { missing } => {
                invalid("column_not_found", "give the data the columns that the model reads")
                    .data(json!({ "missing": missing }))
            }
            Error::Input { .. } => {
                invalid("model_input", "give columns of the types and in the number that the model reads")
            }
            Error::Run { node, .. } => Self::failed("model_run_failed", message)
                .hint("check the data against what the model was made for")
                .data(json!({ "node": node })),
        }
    }
}
