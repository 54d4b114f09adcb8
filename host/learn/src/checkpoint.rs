//! States of a training that was cut off, to go on from.
//!
//! A state is kept under a key made of everything that decides the result: rows, answers, weights, the validation rows, the specification
//! and the version of this code. So a state that is found is that of this training, and going on from it gives the same bytes as never
//! having been cut off. A state that does not read is treated as none: the training begins at its beginning.

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::TrainingSpecification;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::data::{Target, TrainingData};

/// Bytes of the digest before a state: what was damaged is not gone on with.
const DIGEST_BYTES: usize = 32;

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
        if !control.keeps() {
            return None;
        }
        let mut hash = Sha256::new();
        hash.update(env!("CARGO_PKG_VERSION"));
        hash.update(serde_json::to_vec(specification).ok()?);
        for data in [Some(training), validation].into_iter().flatten() {
            add(&mut hash, data);
        }
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

fn add(hash: &mut Sha256, data: &TrainingData) {
    // In pieces, so that the bytes of a long column are never all there twice.
    let mut single = |numbers: &[f32]| {
        hash.update((numbers.len() as u64).to_le_bytes());
        for piece in numbers.chunks(4_096) {
            hash.update(piece.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>());
        }
    };
    data.features.columns.iter().for_each(|column| single(column));
    if let Some(weights) = &data.weights {
        single(weights);
    }
    hash.update(data.features.names.join("\0"));
    match &data.target {
        Target::Classes { codes, classes } => {
            hash.update(classes.join("\0"));
            hash.update(codes.iter().flat_map(|code| code.to_le_bytes()).collect::<Vec<u8>>());
        }
        Target::Values(values) => hash.update(values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>()),
        Target::None => {}
    }
}
