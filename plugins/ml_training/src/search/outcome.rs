//! What a search answers with.

use kumiko_sdk::figures::{Gallery, StoredFigure};
use kumiko_sdk::markdown::{Table, number};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::evaluation::ComparisonMetric;
use kumiko_sdk::vocabulary::figures::{Bar, BarOrder, Bars, Figure, Interval, Lines, Scale, Series, SeriesPoint};
use serde_json::Map;

use super::importance::{ParameterImportance, importances};
use super::ledger::Ledger;
use super::space::Space;
use super::trials::{Strategy, Trial, TrialStatus, best};
use crate::outcome::TrainingOutcome;

/// Trials in the text.
const TRIALS_IN_TEXT: usize = 10;

/// What was tried, what did best, and the model that came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SearchOutcome {
    #[serde(flatten)]
    findings: Findings,
    /// The model of the best settings, trained on all rows.
    model: TrainingOutcome,
    /// The figures, where they were asked for.
    figures: Vec<StoredFigure>,
    /// What a person should know.
    notes: Vec<String>,
}

/// What a search found out.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Findings {
    /// What the search is called.
    search_name: String,
    /// How settings were chosen.
    strategy: Strategy,
    /// The measure to be best at.
    metric: ComparisonMetric,
    /// Whether more of it is better.
    more_is_better: bool,
    /// The number of the best trial.
    best_trial: u32,
    /// Its score: the mean over the parts.
    best_score: f64,
    /// The standard deviation of its score over the parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    best_deviation: Option<f64>,
    /// Its hyperparameters, those that were not searched among them.
    pub(crate) best_hyperparameters: Map<String, Value>,
    /// Every trial in the order in which it was begun.
    trials: Vec<Trial>,
    /// How much each hyperparameter mattered by itself, largest first; empty with too few trials to tell.
    parameter_importances: Vec<ParameterImportance>,
    /// Measurements that an earlier, unfinished search had made.
    resumed_measurements: u64,
}

impl Findings {
    /// What the trials say; none where none of them could be measured on all rows.
    pub(crate) fn new(
        name: &str,
        strategy: Strategy,
        space: &Space,
        trials: Vec<Trial>,
        ledger: &Ledger<'_>,
    ) -> Option<Self> {
        let metric = ledger.metric()?;
        let best = best(&trials, Some(metric))?;
        Some(Self {
            search_name: name.to_owned(),
            strategy,
            metric,
            more_is_better: metric.more_is_better(),
            best_trial: best.trial,
            best_score: best.score?,
            best_deviation: best.deviation,
            best_hyperparameters: ledger.hyperparameters(&best.hyperparameters),
            parameter_importances: importances(space, &trials),
            resumed_measurements: ledger.found() as u64,
            trials,
        })
    }

    /// What a person should know of the trials.
    pub(crate) fn notes(&self, asked: usize) -> Vec<String> {
        let failed = self.trials.iter().filter(|trial| trial.status == TrialStatus::Failed).count();
        let mut notes = Vec::new();
        if failed > 0 {
            notes.push(format!("{failed} of {} trials could not be trained: see their `failure`", self.trials.len()));
        }
        if self.trials.len() < asked {
            notes.push(format!("the search space has no more than {} different settings to try", self.trials.len()));
        }
        notes
    }

    /// Draws the course of the search and what mattered. What cannot be drawn becomes a note.
    pub(crate) fn draw(&self, notes: &mut Vec<String>) -> Gallery {
        let mut gallery = Gallery::default();
        let figures = [("search_course", self.course()), ("parameter_importances", self.mattered())];
        for (name, figure) in figures {
            if let Some(figure) = figure
                && let Err(fault) = gallery.draw(name, &figure)
            {
                notes.push(format!("the figure {name} was not drawn: {}", fault.message));
            }
        }
        gallery
    }

    /// The score of each trial and the best so far.
    fn course(&self) -> Option<Figure> {
        let completed: Vec<(&Trial, f64)> = (self.trials.iter())
            .filter(|trial| trial.status == TrialStatus::Completed)
            .filter_map(|trial| Some((trial, trial.score?)))
            .collect();
        if completed.len() < 2 {
            return None;
        }
        let point = |trial: &Trial, y: f64, interval| SeriesPoint { x: f64::from(trial.trial), y, interval };
        let mut best = f64::NAN;
        let mut so_far = Vec::new();
        for (trial, score) in &completed {
            let better = if self.more_is_better { *score > best } else { *score < best };
            if better || best.is_nan() {
                best = *score;
            }
            so_far.push(point(trial, best, None));
        }
        let around = |trial: &Trial, score: f64| {
            let deviation = trial.deviation.unwrap_or_default();
            Some(Interval { low: score - deviation, high: score + deviation })
        };
        let each = completed.iter().map(|(trial, score)| point(trial, *score, around(trial, *score))).collect();
        Some(Figure::Lines(Lines {
            title: format!("Course of {}", self.search_name),
            subtitle: Some(format!("{} trials · mean and deviation over the parts", self.trials.len())),
            x_label: "Trial".to_owned(),
            y_label: self.metric.as_str().to_owned(),
            x_scale: Scale::Linear,
            y_scale: Scale::Linear,
            series: vec![
                Series { name: "trial".to_owned(), points: each },
                Series { name: "best so far".to_owned(), points: so_far },
            ],
        }))
    }

    fn mattered(&self) -> Option<Figure> {
        if self.parameter_importances.is_empty() {
            return None;
        }
        let bars = self.parameter_importances.iter().map(|parameter| Bar {
            name: parameter.hyperparameter.clone(),
            value: parameter.importance,
            interval: None,
        });
        Some(Figure::Bars(Bars {
            title: "What mattered".to_owned(),
            subtitle: Some(format!("{} · {} trials", self.search_name, self.trials.len())),
            value_label: format!("Share of the variance of {} explained", self.metric.as_str()),
            order: BarOrder::LargestFirst,
            bars: bars.collect(),
        }))
    }

    /// The trials for a person, as Markdown.
    fn text(&self) -> String {
        let deviation = self.best_deviation.map(|deviation| format!(" ± {}", number(deviation))).unwrap_or_default();
        let mut ranked: Vec<&Trial> =
            self.trials.iter().filter(|trial| trial.status == TrialStatus::Completed).collect();
        let sign = if self.more_is_better { -1.0 } else { 1.0 };
        ranked.sort_by(|one, other| {
            (sign * one.score.unwrap_or(f64::MAX)).total_cmp(&(sign * other.score.unwrap_or(f64::MAX)))
        });
        let mut table = Table::new(["Trial", self.metric.as_str(), "±", "Settings"]);
        for trial in ranked.iter().take(TRIALS_IN_TEXT) {
            table.push([
                trial.trial.to_string(),
                trial.score.map(number).unwrap_or_default(),
                trial.deviation.map(number).unwrap_or_default(),
                settings(&trial.hyperparameters),
            ]);
        }
        let mattered: Vec<String> = (self.parameter_importances.iter())
            .map(|parameter| format!("`{}` {}", parameter.hyperparameter, number(parameter.importance)))
            .collect();
        let mut text = format!(
            "Trial {} of {} did best: {} {}{deviation} with {}.\n\n{table}",
            self.best_trial,
            self.trials.len(),
            self.metric.as_str(),
            number(self.best_score),
            settings(&self.best_hyperparameters),
        );
        if !mattered.is_empty() {
            text.push_str(&format!("\nWhat mattered: {}.\n", mattered.join(", ")));
        }
        text
    }
}

impl SearchOutcome {
    /// What the tool answers.
    pub(crate) fn new(
        findings: Findings,
        model: TrainingOutcome,
        figures: Vec<StoredFigure>,
        notes: Vec<String>,
    ) -> Self {
        Self { findings, model, figures, notes }
    }

    /// The same for a person, as Markdown.
    pub(crate) fn text(&self) -> String {
        let mut text = self.findings.text();
        for note in &self.notes {
            text.push_str(&format!("\nNote: {note}\n"));
        }
        text.push_str(&format!("\nThe model, trained on all rows, is at {}", self.model.model_s3_uri));
        text
    }
}

fn settings(settings: &Map<String, Value>) -> String {
    settings.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}
