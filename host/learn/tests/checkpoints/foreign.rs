//! States that are not of the training, or not of any: whoever may write to the store may have written them.

use kumiko_learn::{Error, train};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::learning::{Algorithm, Task, TrainingSpecification};
use sha2::{Digest, Sha256};

use crate::common::{Generator, sample};
use crate::{Job, Steps, Training};

/// Bytes of the digest before a state.
const DIGEST: usize = 32;
/// More looks than any training here takes.
const MOST_LOOKS: usize = 100_000;

#[test]
fn a_state_of_another_training_or_a_damaged_one_is_not_gone_on_with() {
    let sample = sample();
    let specification =
        TrainingSpecification::new(Algorithm::Xgboost, Task::Regression, "target").with("n_estimators", 20);
    let job = Job::new(None, Steps::Reports, 6);
    train(&sample.regression(), None, &specification, &job).unwrap_err();
    let (key, state) = job.kept().unwrap();
    let expected = |specification: &TrainingSpecification| {
        train(&sample.regression(), None, specification, &Unattended).unwrap().to_bytes().unwrap()
    };
    let other = specification.clone().with("learning_rate", 0.1);
    let job = Job::whole(Some((key.clone(), state.clone())));
    let model = train(&sample.regression(), None, &other, &job).unwrap();
    assert_eq!(model.to_bytes().unwrap(), expected(&other));
    for position in (0..state.len()).step_by(101) {
        let mut damaged = state.clone();
        damaged[position] ^= 0x5a;
        let job = Job::whole(Some((key.clone(), damaged)));
        let model = train(&sample.regression(), None, &specification, &job).unwrap();
        assert_eq!(model.to_bytes().unwrap(), expected(&specification));
    }
}

/// A training that is cut off after so many looks.
pub(crate) struct Cut<'a> {
    pub(crate) training: Training<'a>,
    pub(crate) looks: usize,
}

impl Cut<'_> {
    /// Its last state, with its key.
    fn state(&self) -> (String, Vec<u8>) {
        let job = Job::new(None, Steps::Looks, self.looks);
        assert_eq!((self.training)(&job).err(), Some(Error::Cancelled));
        job.kept().expect("nothing was kept")
    }
}

/// Hands a training states that cannot be its own, and bytes that are almost its own state.
pub(crate) fn withstands(own: &Cut<'_>, others: &[Cut<'_>]) {
    let expected = (own.training)(&Unattended).unwrap().to_bytes().unwrap();
    let (key, state) = own.state();
    for (number, other) in others.iter().enumerate() {
        let (_, foreign) = other.state();
        let model = (own.training)(&Job::whole(Some((key.clone(), foreign)))).unwrap();
        assert!(model.to_bytes().unwrap() == expected, "state {number} was gone on with");
    }
    let mut generator = Generator::new(1);
    for _ in 0..100 {
        let mut altered = state[DIGEST..].to_vec();
        let position = (generator.next() * altered.len() as f64) as usize;
        altered[position] = (generator.next() * 256.0) as u8;
        let altered = [Sha256::digest(&altered).as_slice(), &altered].concat();
        // One number among thousands may be another, and what comes out another model or none: it comes out all the
        // same.
        let job = Job::new(Some((key.clone(), altered)), Steps::Looks, MOST_LOOKS);
        assert_ne!((own.training)(&job).err(), Some(Error::Cancelled));
    }
}
