//! States of a training that was cut off, to go on from.
//!
//! A state is kept under a key made of everything that decides the result: rows, answers, weights, the validation rows, the specification
//! and the version of this code. So a state that is found is that of this training, and going on from it gives the same bytes as never
//! having been cut off. A state that does not read is treated as none: the training begins at its beginning. So is one
//! that reads and cannot be that of this training: whoever may write to the store may have written it.

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::{ReinforcementSpecification, TrainingSpecification};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::columnwise::ColumnwiseData;
use crate::data::{Features, Target, TrainingData};

/// Bytes of the digest before a state: what was damaged is not gone on with.
const DIGEST_BYTES: usize = 32;
/// Values that are turned into bytes at once.
const PIECE_VALUES: usize = 4_096;

/// The name of a training's states.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    key: String,
}

impl Checkpoint {
    /// The name of this training's states; none where nobody keeps any, since making it reads all rows.
    pub(crate) fn of(
        training: &TrainingData,
        validation: Option<&TrainingData>,
        specification: &TrainingSpecification,
        control: &dyn Control,
    ) -> Option<Self> {
        Self::named(specification, control, |hash| {
            for data in [Some(training), validation].into_iter().flatten() {
                add(hash, data);
            }
        })
    }

    /// The same for columns that are read one after the other: they are known by their identity.
    pub(crate) fn of_columnwise(
        training: &ColumnwiseData<'_>,
        validation: Option<&TrainingData>,
        specification: &TrainingSpecification,
        control: &dyn Control,
    ) -> Option<Self> {
        Self::named(specification, control, |hash| {
            hash.update(&training.identity);
            hash.update(training.names.join("\0"));
            add_answers(hash, &training.target, training.weights.as_deref());
            if let Some(validation) = validation {
                add(hash, validation);
            }
        })
    }

    /// The name of the states of a policy's training, from trajectories where there are any; none where nobody keeps
    /// any.
    pub(crate) fn of_policy(
        specification: &ReinforcementSpecification,
        trajectories: Option<&Features>,
        control: &dyn Control,
    ) -> Option<Self> {
        Self::named(specification, control, |hash| {
            if let Some(trajectories) = trajectories {
                add_features(hash, trajectories);
            }
        })
    }

    fn named(
        specification: &impl Serialize,
        control: &dyn Control,
        add_data: impl FnOnce(&mut Sha256),
    ) -> Option<Self> {
        if !control.keeps() {
            return None;
        }
        let mut hash = Sha256::new();
        hash.update(env!("CARGO_PKG_VERSION"));
        hash.update(serde_json::to_vec(specification).ok()?);
        add_data(&mut hash);
        let digest = hash.finalize();
        Some(Self { key: digest.iter().map(|byte| format!("{byte:02x}")).collect() })
    }

    /// The state that an earlier attempt kept last.
    pub(crate) fn kept<T: DeserializeOwned>(&self, control: &dyn Control) -> Option<T> {
        let bytes = control.kept(&self.key)?;
        let (digest, state) = bytes.split_at_checked(DIGEST_BYTES)?;
        (Sha256::digest(state).as_slice() == digest).then(|| rmp_serde::from_slice(state).ok())?
    }

    /// Keeps a state, where it is time to.
    pub(crate) fn keep<T: Serialize>(&self, control: &dyn Control, state: impl FnOnce() -> T) {
        if control.is_keeping_due()
            && let Ok(state) = rmp_serde::to_vec(&state())
        {
            let mut bytes = Sha256::digest(&state).to_vec();
            bytes.extend_from_slice(&state);
            control.keep(&self.key, bytes);
        }
    }
}

/// Where to begin: at what an earlier attempt kept last, if `follows(kept, begun)` says that a training from `begun`
/// can stand there; else at `begun`. `follows` is to check everything that the training relies on later: lengths,
/// positions, finite numbers.
pub(crate) fn resumed<T: DeserializeOwned>(
    checkpoint: Option<&Checkpoint>,
    control: &dyn Control,
    begun: T,
    follows: impl FnOnce(&T, &T) -> bool,
) -> T {
    match checkpoint.and_then(|own| own.kept::<T>(control)) {
        Some(kept) if follows(&kept, &begun) => kept,
        _ => begun,
    }
}

/// Whether every number is finite.
pub(crate) fn are_finite<'a, T: Copy + Into<f64> + 'a>(numbers: impl IntoIterator<Item = &'a T>) -> bool {
    numbers.into_iter().all(|number| Into::<f64>::into(*number).is_finite())
}

fn add(hash: &mut Sha256, data: &TrainingData) {
    add_features(hash, &data.features);
    add_answers(hash, &data.target, data.weights.as_deref());
}

fn add_features(hash: &mut Sha256, features: &Features) {
    features.columns.iter().for_each(|column| add_numbers(hash, column));
    hash.update(features.names.join("\0"));
}

fn add_answers(hash: &mut Sha256, target: &Target, weights: Option<&[f32]>) {
    if let Some(weights) = weights {
        add_numbers(hash, weights);
    }
    match target {
        Target::Classes { codes, classes } => {
            hash.update(classes.join("\0"));
            add_bytes(hash, codes, |code| code.to_le_bytes());
        }
        Target::Values(values) => add_bytes(hash, values, |value| value.to_le_bytes()),
        Target::None => {}
    }
}

fn add_numbers(hash: &mut Sha256, numbers: &[f32]) {
    hash.update((numbers.len() as u64).to_le_bytes());
    add_bytes(hash, numbers, |number| number.to_le_bytes());
}

/// In pieces, so that the bytes of a long column are never all there twice.
fn add_bytes<T: Copy, const BYTES: usize>(hash: &mut Sha256, values: &[T], bytes: impl Fn(T) -> [u8; BYTES]) {
    for piece in values.chunks(PIECE_VALUES) {
        hash.update(piece.iter().flat_map(|value| bytes(*value)).collect::<Vec<u8>>());
    }
}
