//! XGBoost's JSON, as `Booster.save_model("….json")` of xgboost 1 to 3 writes it.
//!
//! A tree is a set of arrays with an entry for each node. A row goes left where its value is below `split_conditions`, or, of a
//! categorical split, where its category is not in the node's list; a missing value goes where `default_left` says. A leaf has no
//! left child (-1) and its value in `split_conditions`. The margin is the base score, brought to the margin's scale by the objective, plus
//! the leaves. See <https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html>.

mod document;
mod model;
mod read;
mod write;

use kumiko_learn::trees::TreeEnsemble;

pub use model::export;
pub use read::read;
pub use write::write;

/// What errors call the format.
const FORMAT: &str = "XGBoost JSON";
/// The attribute of the learner in which the classes' names stand, as a JSON array: XGBoost numbers its classes.
const CLASSES: &str = "kumiko_classes";
/// What stands for "no node" in `parents`.
const NO_PARENT: i64 = 2_147_483_647;
/// Categories are below this in xgboost: a 32-bit float tells all of them apart.
const MOST_CATEGORIES: u32 = 1 << 24;

/// A boosted model that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct XgboostModel {
    /// The trees up to the best iteration.
    pub ensemble: TreeEnsemble,
    /// The objective's name, as `binary:logistic`.
    pub objective: String,
    /// The columns, in the order that the trees count them in.
    pub features: Vec<XgboostFeature>,
    /// The classes in the order of the outputs; none for regression. Where the file does not name them, their numbers.
    pub classes: Option<Vec<String>>,
    /// Rounds of boosting that are in the ensemble.
    pub rounds: usize,
    /// Rounds in the file. More than `rounds` where early stopping found a best iteration: as `XGBClassifier.predict` does, the
    /// later ones are left out.
    pub rounds_in_file: usize,
}

/// A column that a model reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XgboostFeature {
    /// Its name; `f0`, `f1` and so on where the file has none.
    pub name: String,
    /// Whether its values are the numbers of categories.
    pub categorical: bool,
    /// The categories in the order of their numbers, where the file has them as texts.
    pub categories: Option<Vec<String>>,
}
