//! Histogram gradient boosting (Friedman, 2001; Chen and Guestrin, 2016) on binned columns.
//!
//! In order: `settings` reads the hyperparameters; `table` turns every column into bytes, once, by `crate::binning`, and `tiles`
//! lays the bytes out row after row; where memory does not hold them, `codes` keeps them in files. Each round, `objective` works
//! out the derivatives of the loss, `quantise` makes whole numbers of them, `sampling` draws rows and columns, `grow` grows a tree
//! for each output (`partition`, `search`, `tiles` and `split` work for it), and `finish` puts it in order and sends every row to
//! its leaf. `tree` is what is left in the model; `predict` adds up the leaves; `ensemble` is the plain form for everybody else.
//!
//! Sums over rows are sums of whole numbers, so a model does not depend on how work is cut, nor on the number of threads.

mod arithmetic;
mod coded;
mod codes;
mod ensemble;
mod finish;
mod grow;
mod objective;
mod partition;
mod predict;
mod quantise;
mod sampling;
mod search;
mod settings;
mod split;
mod table;
mod tiles;
mod tree;

use kumiko_vocabulary::learning::{Algorithm, LossPoint, Task};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::binning::Binned;
use crate::columnwise::Columnwise;
use crate::error::Error;
use crate::estimator::{Answers, Estimator, Fitted, Problem};

use codes::ColumnCodes;
use finish::Finished;
use grow::{Grower, Round};
use objective::{Objective, Scores, Targets};
use quantise::Scale;
use sampling::ColumnDraws;
use settings::Settings;
use split::Judge;
use table::{Columns, Roles, Table};
use tree::Tree;

/// What `xgboost` leaves behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Boosted {
    /// The number of columns that the trees ask about.
    columns: u32,
    objective: Objective,
    /// What each output's score begins with: one output for numbers and for two classes, else one for each class.
    base: Vec<f64>,
    trees: Vec<Tree>,
}

/// Checks the hyperparameters alone.
pub(crate) fn check(task: Task, given: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    Settings::read(task, given).map(|(_, used)| used)
}

/// Grows the trees.
pub(crate) fn fit(problem: &Problem<'_>, given: &Map<String, Value>) -> Result<Fitted, Error> {
    learn(problem, given)
}

/// Grows the trees on columns that are read one after the other.
pub(crate) fn fit_columnwise(
    problem: &Problem<'_, &Columnwise<'_>>,
    given: &Map<String, Value>,
) -> Result<Fitted, Error> {
    learn(problem, given)
}

fn learn<C: Columns>(problem: &Problem<'_, C>, given: &Map<String, Value>) -> Result<Fitted, Error> {
    let (settings, mut used) = Settings::read(problem.answers.task(), given)?;
    let (monotone, categorical) = settings.by_column(problem.names)?;
    if problem.names.len() > tree::MOST_COLUMNS || problem.columns.rows() > quantise::MOST_ROWS {
        return Err(Error::Numerical { what: "boosting takes fewer than 2³⁰ rows and columns".to_owned() });
    }
    let validation =
        problem.validation.as_ref().filter(|held| held.columns.first().is_some_and(|rows| !rows.is_empty()));
    if settings.patience.is_some() && validation.is_none() {
        return Err(refused(
            "early_stopping_rounds",
            used.get("early_stopping_rounds").map_or_else(String::new, Value::to_string),
            "null where there are no validation rows to stop by; give validation data",
        ));
    }
    let (objective, outputs) = objective_for(&settings, problem.answers)?;
    used.insert("objective".to_owned(), Value::from(objective.name()));
    let targets = targets(problem, &settings, objective)?;
    let base = objective.base(&targets, outputs, settings.base_score);
    let mut scores = Scores::new(objective, &base, targets, settings.penalty.step);
    let mut held = validation.map(|held| {
        let targets = Targets { values: values(held.answers), weights: None };
        Scores::new(objective, &base, targets, settings.penalty.step)
    });
    if !scores.is_finite() || base.iter().any(|base| !base.is_finite()) {
        return Err(Error::Numerical { what: "the target's values lie too far apart to be learnt".to_owned() });
    }
    let table = C::table(problem, &settings, Roles { categorical, monotone })?;
    let held_codes = validation
        .map(|held| ColumnCodes::from(Binned::by_edges(&held.columns, table.edges.clone(), &table.categorical)));
    let mut boosting = Boosting { problem, settings: &settings, table: &table, outputs, trees: Vec::new() };
    let (loss_curve, kept) = boosting.rounds(&mut scores, held.as_mut().zip(held_codes.as_ref()))?;
    let mut trees = boosting.trees;
    let mut notes = Vec::new();
    if kept * outputs < trees.len() {
        trees.truncate(kept * outputs);
        notes.push(format!("stopped early: the loss on the validation rows was lowest after round {kept}"));
    }
    let mut importances = vec![0.0; problem.names.len()];
    for tree in &trees {
        for (node, gain) in tree.nodes.iter().zip(&tree.gains) {
            if let tree::Kind::Below { column, .. } | tree::Kind::NoneOf { column, .. } = node.kind()
                && let Some(sum) = importances.get_mut(column)
            {
                *sum += f64::from(*gain);
            }
        }
    }
    let model = Boosted { columns: problem.names.len() as u32, objective, base, trees };
    let mut fitted = Fitted::new(Estimator::Boosted(model), used);
    (fitted.importances, fitted.loss_curve, fitted.notes) = (importances, loss_curve, notes);
    Ok(fitted)
}

/// The objective that the number of classes leaves, and the number of outputs.
fn objective_for(settings: &Settings, answers: Answers<'_>) -> Result<(Objective, usize), Error> {
    match answers {
        Answers::Values(_) => Ok((settings.objective, 1)),
        Answers::None(task) => Err(Error::Task { algorithm: Algorithm::Xgboost, task }),
        Answers::Classes { classes, .. } if classes.len() <= 2 => Ok((Objective::Logistic, 1)),
        Answers::Classes { classes, .. } => {
            if (settings.positive_weight - 1.0).abs() > 0.0 {
                return Err(refused(
                    "scale_pos_weight",
                    settings.positive_weight.to_string(),
                    "1 where there are more than two classes; use class_weight",
                ));
            }
            Ok((Objective::Softmax, classes.len()))
        }
    }
}

fn refused(name: &str, value: String, expected: &str) -> Error {
    Error::HyperparameterValue {
        algorithm: Algorithm::Xgboost,
        name: name.to_owned(),
        value,
        expected: expected.to_owned(),
    }
}

fn values(answers: Answers<'_>) -> Vec<f64> {
    match answers {
        Answers::Classes { codes, .. } => codes.iter().map(|code| f64::from(*code)).collect(),
        Answers::Values(values) => values.to_vec(),
        Answers::None(_) => Vec::new(),
    }
}

/// Answers with weights: those of the rows, times those of their classes.
fn targets<C>(problem: &Problem<'_, C>, settings: &Settings, objective: Objective) -> Result<Targets, Error> {
    let values = values(problem.answers);
    if objective == Objective::Poisson && values.iter().any(|value| *value < 0.0) {
        return Err(refused(
            "objective",
            "\"count:poisson\"".to_owned(),
            "another one where the target has negative numbers",
        ));
    }
    let mut weights = problem.weights.map(<[f32]>::to_vec);
    if let Answers::Classes { codes, classes } = problem.answers {
        let resolved = settings.class_weights.resolve(Algorithm::Xgboost, codes, classes, problem.weights)?;
        if resolved.is_some() || (settings.positive_weight - 1.0).abs() > 0.0 {
            let mut of_class = resolved.unwrap_or_else(|| vec![1.0; classes.len()]);
            if let [_, second] = of_class.as_mut_slice() {
                *second *= settings.positive_weight;
            }
            let weights = weights.get_or_insert_with(|| vec![1.0; codes.len()]);
            for (weight, code) in weights.iter_mut().zip(codes) {
                *weight *= of_class.get(*code as usize).copied().unwrap_or(1.0) as f32;
            }
            if weights.iter().all(|weight| *weight == 0.0) {
                return Err(Error::NoWeight);
            }
        }
    }
    Ok(Targets { values, weights })
}

/// Where a training stood at the beginning of a round.
#[derive(Serialize)]
struct State<'a> {
    round: usize,
    trees: &'a [Tree],
    scores: &'a [f32],
    held: Option<&'a [f32]>,
    curve: &'a [LossPoint],
    best: (f64, usize),
}

/// The same, read back.
#[derive(Deserialize)]
struct KeptState {
    round: usize,
    trees: Vec<Tree>,
    scores: Vec<f32>,
    held: Option<Vec<f32>>,
    curve: Vec<LossPoint>,
    best: (f64, usize),
}

impl KeptState {
    /// Whether the state is one that this training can have stood at.
    fn fits(&self, scores: &Scores, held: Option<&Scores>, columns: usize, outputs: usize) -> bool {
        let same = |kept: &[f32], scores: &Scores| kept.len() == scores.standing().len();
        let held_fits = match (&self.held, held) {
            (Some(kept), Some(scores)) => same(kept, scores),
            (None, None) => true,
            _ => false,
        };
        held_fits
            && same(&self.scores, scores)
            && self.trees.len() == self.round * outputs
            && self.curve.len() == self.round
            && self.trees.iter().all(|tree| tree.check(columns, outputs).is_ok())
    }
}

/// Round after round.
struct Boosting<'a, C> {
    problem: &'a Problem<'a, C>,
    settings: &'a Settings,
    table: &'a Table,
    outputs: usize,
    trees: Vec<Tree>,
}

impl<C> Boosting<'_, C> {
    /// Grows the trees of all rounds, or until the validation rows' loss has not fallen for long enough. Returns the losses by
    /// round and how many rounds are to be kept.
    fn rounds(
        &mut self,
        scores: &mut Scores,
        mut held: Option<(&mut Scores, &ColumnCodes)>,
    ) -> Result<(Vec<LossPoint>, usize), Error> {
        let Self { problem, settings, table, outputs, .. } = *self;
        let rows = scores.rows();
        let mut pairs = vec![[0.0; 2]; rows * outputs];
        let mut packed = vec![0; rows];
        let mut grower = Grower::new(table, settings);
        let mut curve = Vec::with_capacity(settings.rounds + 1);
        let mut best = (f64::INFINITY, 0);
        let mut values: Vec<Vec<f32>> = Vec::new();
        let mut first = 0;
        if let Some(kept) = problem.checkpoint.as_ref().and_then(|own| own.kept::<KeptState>(problem.control)) {
            let width = problem.names.len();
            // Whoever may write to the store may have written this.
            if kept.fits(scores, held.as_ref().map(|(scores, _)| &**scores), width, outputs) {
                if let (Some(kept), Some((scores, _))) = (kept.held, &mut held) {
                    scores.stand_at(kept);
                }
                scores.stand_at(kept.scores);
                (first, self.trees, curve, best) = (kept.round, kept.trees, kept.curve, kept.best);
            }
        }
        for round in first..=settings.rounds {
            if problem.control.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let is_last = round == settings.rounds;
            let sums = scores.advance(&values, if is_last { &mut [] } else { &mut pairs });
            let validation = held.as_mut().map(|(scores, _)| scores.advance(&values, &mut []).loss);
            if !sums.loss.is_finite() {
                let what = format!("the loss is no finite number after round {round}; lower `learning_rate`");
                return Err(Error::Numerical { what });
            }
            if let Some(own) = &problem.checkpoint {
                own.keep(problem.control, || State {
                    round,
                    trees: &self.trees,
                    scores: scores.standing(),
                    held: held.as_ref().map(|(scores, _)| scores.standing()),
                    curve: &curve,
                    best,
                });
            }
            curve.push(LossPoint { step: round as u32, training: sums.loss, validation });
            if let Some(loss) = validation
                && (loss < best.0 && round > 0)
            {
                best = (loss, round);
            }
            if is_last || settings.patience.is_some_and(|patience| round >= best.1.max(1) + patience) {
                break;
            }
            let sampled = sampling::rows(rows, settings.row_share, problem.seed, round);
            values.clear();
            for (output, absolute) in sums.absolute.iter().enumerate() {
                let scale = Scale::new(*absolute, rows);
                scale.pack_all(&pairs, outputs, output, &mut packed);
                let judge = Judge { penalty: settings.penalty, scale };
                let number = round * outputs + output;
                let columns = ColumnDraws::new(problem.names.len(), settings.column_share, problem.seed, number);
                grower.lists.begin(rows, sampled.as_deref());
                let nodes = grower.grow(&mut Round { packed: &packed, judge, columns });
                let mut finished = Finished::new(&nodes, table, &judge, settings.learning_rate, output);
                let endings = finished.endings(&nodes);
                grower.lists.note_leaves(&endings, &table.codes, &scores.leaves, outputs, output);
                if let Some(sampled) = &sampled {
                    finished.note_walked(&table.codes, Some(sampled), &scores.leaves, outputs, output);
                }
                if settings.objective == Objective::AbsoluteError {
                    finished.set_medians(scores, settings.learning_rate);
                }
                if let Some((held, codes)) = &held {
                    finished.note_walked(codes, None, &held.leaves, outputs, output);
                }
                values.push(finished.values());
                self.trees.push(finished.tree);
            }
            table.check()?;
            let done = (round + 1) as f64;
            let loss = validation.unwrap_or(sums.loss);
            problem.control.report(done, Some(settings.rounds as f64), &format!("growing trees; loss {loss:.5}"));
        }
        let kept = if settings.patience.is_some() && best.1 > 0 { best.1 } else { settings.rounds };
        Ok((curve, kept))
    }
}

impl Boosted {
    /// Whether a model read from a file fits its signature, so that predicting cannot go astray.
    pub(crate) fn check(&self, columns: usize, classes: Option<usize>) -> Result<(), String> {
        let outputs = match (self.objective, classes) {
            (Objective::SquaredError | Objective::AbsoluteError | Objective::Poisson, None)
            | (Objective::Logistic, Some(2)) => 1,
            (Objective::Softmax, Some(classes)) if classes > 2 => classes,
            _ => return Err("the model's objective does not fit the signature".to_owned()),
        };
        if self.base.len() != outputs || self.base.iter().any(|base| !base.is_finite()) {
            return Err("the model's base is not a finite number for each output".to_owned());
        }
        if self.columns as usize != columns || columns > tree::MOST_COLUMNS {
            return Err(format!("the model asks about {} columns, the signature lists {columns}", self.columns));
        }
        self.trees.par_iter().try_for_each(|tree| tree.check(columns, outputs))
    }

    /// The number of trees.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.trees.len()
    }
}
