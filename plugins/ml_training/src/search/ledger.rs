//! What was measured, kept in the store after each batch, so that a search that was cut off goes on where it was.
//!
//! The ledger is keyed by settings and share of rows, not by the number of a trial: a search proposes the same settings again when it is
//! given the same results again, so going on is nothing but proposing from the beginning and finding what was measured already.

use kumiko_sdk::frames::Frame;
use kumiko_sdk::models::Model;
use kumiko_sdk::objects;
use kumiko_sdk::outputs::Destination;
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::evaluation::ComparisonMetric;
use kumiko_sdk::vocabulary::learning::{CrossValidation, CrossValidationReport, TrainingSpecification};
use serde_json::Map;

/// The media type of the ledger.
const MEDIA_TYPE: &str = "application/json";

/// One measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) settings: Map<String, Value>,
    pub(crate) row_share: f64,
    pub(crate) report: CrossValidationReport,
}

/// The ledger as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// What decides the results: a ledger of another recipe is not gone on with.
    recipe: String,
    measured: Vec<Measured>,
}

/// Measures settings, each once.
pub(crate) struct Ledger<'a> {
    frame: &'a Frame,
    template: TrainingSpecification,
    validation: CrossValidation,
    place: Destination,
    kept: Kept,
    found: usize,
}

impl<'a> Ledger<'a> {
    /// The ledger at `place`, gone on with where it is of the same recipe.
    pub(crate) fn open(
        frame: &'a Frame,
        template: TrainingSpecification,
        validation: CrossValidation,
        place: Destination,
        recipe: String,
    ) -> Self {
        // What cannot be read is measured again: slower, never wrong.
        let before = objects::get(place.uri()).ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        let kept = before.filter(|kept| kept.recipe == recipe).unwrap_or(Kept { recipe, measured: Vec::new() });
        let found = kept.measured.len();
        Self { frame, template, validation, place, kept, found }
    }

    /// The measurements that an earlier search left.
    pub(crate) fn found(&self) -> usize {
        self.found
    }

    /// The measure that the scores are; known once something was measured.
    pub(crate) fn metric(&self) -> Option<ComparisonMetric> {
        self.kept.measured.first().map(|measured| measured.report.metric)
    }

    /// The hyperparameters of a trial, those that are not searched among them.
    pub(crate) fn hyperparameters(&self, settings: &Map<String, Value>) -> Map<String, Value> {
        let mut all = self.template.hyperparameters.clone();
        all.extend(settings.clone());
        all
    }

    /// Measures the settings that were not measured before, side by side; a report for each, in their order.
    pub(crate) fn measure(
        &mut self,
        batch: &[Map<String, Value>],
        row_share: f64,
    ) -> Result<Vec<CrossValidationReport>> {
        let mut missing: Vec<&Map<String, Value>> = Vec::new();
        for settings in batch {
            if self.known(settings, row_share).is_none() && !missing.contains(&settings) {
                missing.push(settings);
            }
        }
        if !missing.is_empty() {
            let specifications: Vec<TrainingSpecification> = missing
                .iter()
                .map(|settings| TrainingSpecification {
                    hyperparameters: self.hyperparameters(settings),
                    ..self.template.clone()
                })
                .collect();
            let validation = CrossValidation {
                row_share,
                metric: self.metric().or(self.validation.metric),
                ..self.validation.clone()
            };
            let reports = Model::cross_validate(self.frame, &specifications, &validation)?;
            let measured = missing.into_iter().zip(reports);
            self.kept.measured.extend(measured.map(|(settings, report)| Measured {
                settings: settings.clone(),
                row_share,
                report,
            }));
            self.keep()?;
        }
        batch
            .iter()
            .map(|settings| {
                self.known(settings, row_share)
                    .cloned()
                    .ok_or_else(|| Fault::failed("internal", "settings were measured and have no report"))
            })
            .collect()
    }

    fn known(&self, settings: &Map<String, Value>, row_share: f64) -> Option<&CrossValidationReport> {
        let same = |measured: &&Measured| measured.row_share == row_share && measured.settings == *settings;
        self.kept.measured.iter().find(same).map(|measured| &measured.report)
    }

    fn keep(&self) -> Result<()> {
        let body = serde_json::to_vec(&self.kept).map_err(|error| {
            Fault::failed("internal", format!("the ledger of the search cannot be written: {error}"))
        })?;
        self.place.put(&body, MEDIA_TYPE).map(|_| ())
    }
}
