//! The caller of a test: it keeps every report, and may lose patience.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use kumiko_vocabulary::Control;

/// One report of progress.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// How far the call had come.
    pub done: f64,
    /// The whole, in the same unit, where it was known.
    pub total: Option<f64>,
    /// What was being done.
    pub message: String,
}

/// What the caller has heard, and whether it still waits.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    reports: Mutex<Vec<Report>>,
    cancelled: AtomicBool,
}

impl Watch {
    pub(crate) fn reports(&self) -> Vec<Report> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

impl Control for Watch {
    fn report(&self, done: f64, total: Option<f64>, message: &str) {
        let report = Report { done, total, message: message.to_owned() };
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).push(report);
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
