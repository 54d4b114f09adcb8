//! A training that was cut off goes on from what it kept, and comes to the bytes of one that never was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod foreign;
mod policies;
mod supervised;
mod unsupervised;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use kumiko_learn::{Error, Model};
use kumiko_vocabulary::Control;
use kumiko_vocabulary::control::Unattended;

/// A training, ready to be run under a control.
type Training<'a> = &'a dyn Fn(&dyn Control) -> Result<Model, Error>;

/// What the steps of a training are told by.
#[derive(Clone, Copy)]
enum Steps {
    Reports,
    /// Questions whether it is cancelled.
    Looks,
}

/// Keeps every state, and ends the work after so many steps.
struct Job {
    kept: Mutex<Option<(String, Vec<u8>)>>,
    counted: Steps,
    steps: AtomicUsize,
    allowed: usize,
}

impl Job {
    fn new(kept: Option<(String, Vec<u8>)>, counted: Steps, allowed: usize) -> Self {
        Self { kept: Mutex::new(kept), counted, steps: AtomicUsize::new(0), allowed }
    }

    /// One that lets the work finish.
    fn whole(kept: Option<(String, Vec<u8>)>) -> Self {
        Self::new(kept, Steps::Looks, usize::MAX)
    }

    fn kept(self) -> Option<(String, Vec<u8>)> {
        self.kept.into_inner().unwrap()
    }
}

impl Control for Job {
    fn report(&self, _done: f64, _total: Option<f64>, _message: &str) {
        self.steps.fetch_add(usize::from(matches!(self.counted, Steps::Reports)), Ordering::SeqCst);
    }
    fn is_cancelled(&self) -> bool {
        let look = usize::from(matches!(self.counted, Steps::Looks));
        self.steps.fetch_add(look, Ordering::SeqCst) >= self.allowed
    }
    fn keeps(&self) -> bool {
        true
    }
    fn kept(&self, key: &str) -> Option<Vec<u8>> {
        self.kept.lock().unwrap().as_ref().filter(|(own, _)| own == key).map(|(_, state)| state.clone())
    }
    fn is_keeping_due(&self) -> bool {
        true
    }
    fn keep(&self, key: &str, state: Vec<u8>) {
        *self.kept.lock().unwrap() = Some((key.to_owned(), state));
    }
}

/// Cuts a training off three times, each time after so many steps, lets it finish, and holds it against one that was
/// never cut off.
fn same(training: Training<'_>, counted: Steps, steps: usize) {
    let expected = training(&Unattended).unwrap();
    let mut kept = None;
    for _ in 0..3 {
        let job = Job::new(kept, counted, steps);
        assert_eq!(training(&job).err(), Some(Error::Cancelled));
        kept = job.kept();
        assert!(kept.is_some(), "nothing was kept");
    }
    let job = Job::new(kept, counted, usize::MAX);
    let model = training(&job).unwrap();
    assert!(model.to_bytes().unwrap() == expected.to_bytes().unwrap(), "another model");
    let whole = Job::new(None, counted, usize::MAX);
    training(&whole).unwrap();
    let (rest, all) = (job.steps.into_inner(), whole.steps.into_inner());
    assert!(rest + steps + steps / 2 <= all, "{rest} of {all} steps were done again");
}
