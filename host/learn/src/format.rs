//! The native model format, as `docs/model-format.md` describes it: a fixed start, a JSON header, the estimator in MessagePack,
//! the pipeline, a SHA-256 of all that.
//!
//! Reading goes from cheap to dear and trusts nothing: the mark, the version, the lengths (against the bytes that are there,
//! before anything is taken out of them), the digest, the header, the body, and whether body and header fit each other.

use kumiko_vocabulary::learning::{MODEL_FORMAT_VERSION, ModelMetadata, Task};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::estimator::Estimator;
use crate::model::Model;

/// The first bytes of every model.
const MARK: [u8; 8] = *b"KUMIKOML";
/// Mark, version, and the lengths of header, body and pipeline.
const START: usize = 8 + 4 + 3 * 8;
/// The digest at the end.
const DIGEST: usize = 32;

/// Writes a model.
pub(crate) fn write(model: &Model) -> Result<Vec<u8>, Error> {
    let unwritable = |problem: String| Error::ModelNotWritable { problem };
    let metadata =
        ModelMetadata { format_version: MODEL_FORMAT_VERSION, training_seconds: None, ..model.metadata.clone() };
    let mut header = serde_json::to_value(&metadata).map_err(|error| unwritable(error.to_string()))?;
    round(&mut header);
    let header = serde_json::to_vec(&header).map_err(|error| unwritable(error.to_string()))?;
    let body = rmp_serde::to_vec_named(&model.estimator).map_err(|error| unwritable(error.to_string()))?;
    let pipeline = model.preprocessing.as_deref().unwrap_or_default();
    let parts = [header.as_slice(), body.as_slice(), pipeline];
    let mut bytes = Vec::with_capacity(START + parts.iter().map(|part| part.len()).sum::<usize>() + DIGEST);
    bytes.extend_from_slice(&MARK);
    bytes.extend_from_slice(&MODEL_FORMAT_VERSION.to_le_bytes());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
    }
    for part in parts {
        bytes.extend_from_slice(part);
    }
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    Ok(bytes)
}

/// Rounds every fraction to 15 significant digits: so many survive being read from decimal by any reader, so a model that is
/// read and written again has the same bytes.
fn round(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let rounded = number.as_f64().and_then(|number| format!("{number:.14e}").parse::<f64>().ok());
            if let Some(rounded) = rounded {
                *value = Value::from(rounded);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(round),
        Value::Object(fields) => fields.values_mut().for_each(round),
        _ => {}
    }
}

/// Reads a model.
pub(crate) fn read(bytes: &[u8], name: &str) -> Result<Model, Error> {
    let damaged = |problem: String| Error::ModelDamaged { name: name.to_owned(), problem };
    let parts = split(bytes, name)?;
    let found = Sha256::digest(parts.digested);
    if found.as_slice() != parts.digest {
        return Err(damaged("its bytes do not have the digest that they had when it was written".to_owned()));
    }
    let metadata = header(parts.header, name)?;
    let estimator: Estimator =
        rmp_serde::from_slice(parts.body).map_err(|error| damaged(format!("its body cannot be read: {error}")))?;
    let classes = check_signature(&metadata).map_err(damaged)?;
    estimator.check(metadata.algorithm, metadata.signature.features.len(), classes).map_err(damaged)?;
    let preprocessing = (!parts.pipeline.is_empty()).then(|| parts.pipeline.to_vec());
    Ok(Model { metadata, estimator, preprocessing, training_output: None })
}

/// The bytes of a model, cut where its lengths say.
struct Parts<'a> {
    digested: &'a [u8],
    header: &'a [u8],
    body: &'a [u8],
    pipeline: &'a [u8],
    digest: &'a [u8],
}

fn split<'a>(bytes: &'a [u8], name: &str) -> Result<Parts<'a>, Error> {
    let truncated =
        |expected: u64| Error::ModelTruncated { name: name.to_owned(), expected, found: bytes.len() as u64 };
    let shown = bytes.get(..MARK.len()).unwrap_or(bytes);
    if !MARK.starts_with(shown) || bytes.is_empty() {
        let problem = if bytes.is_empty() {
            "it is empty".to_owned()
        } else {
            format!("it does not begin with `KUMIKOML`{}", likely(bytes))
        };
        return Err(Error::NotAModel { name: name.to_owned(), problem });
    }
    let (version, rest) = bytes
        .get(MARK.len()..)
        .and_then(|rest| rest.split_first_chunk::<4>())
        .ok_or_else(|| truncated(START as u64))?;
    let version = u32::from_le_bytes(*version);
    if version > MODEL_FORMAT_VERSION {
        return Err(Error::ModelTooNew { name: name.to_owned(), found: version, supported: MODEL_FORMAT_VERSION });
    }
    if version == 0 {
        return Err(Error::ModelDamaged { name: name.to_owned(), problem: "there is no format version 0".to_owned() });
    }
    let (lengths, rest) = rest.split_first_chunk::<24>().ok_or_else(|| truncated(START as u64))?;
    let (lengths, _) = lengths.as_chunks::<8>();
    let lengths: Vec<u64> = lengths.iter().map(|length| u64::from_le_bytes(*length)).collect();
    let expected =
        lengths.iter().try_fold((START + DIGEST) as u64, |sum, length| sum.checked_add(*length)).unwrap_or(u64::MAX);
    if (bytes.len() as u64) < expected {
        return Err(truncated(expected));
    }
    if bytes.len() as u64 > expected {
        let problem = format!("{} bytes follow where it should end", bytes.len() as u64 - expected);
        return Err(Error::ModelDamaged { name: name.to_owned(), problem });
    }
    // From here on every length is at most that of the bytes.
    let mut rest = rest;
    let mut take = |length: u64| {
        let (part, after) = rest.split_at_checked(length as usize)?;
        rest = after;
        Some(part)
    };
    let parts = lengths.into_iter().map(&mut take).collect::<Option<Vec<_>>>();
    match (parts.as_deref(), bytes.split_at_checked(bytes.len() - DIGEST)) {
        (Some([header, body, pipeline]), Some((digested, digest))) => {
            Ok(Parts { digested, header, body, pipeline, digest })
        }
        _ => Err(truncated(expected)),
    }
}

/// What a file that is no model may be instead.
fn likely(bytes: &[u8]) -> &'static str {
    match bytes {
        [b'P', b'K', 3, 4, ..] => "; it looks like a zip archive: PyTorch and Keras models are such",
        [0x80, 2..=5, ..] => "; it looks like a Python pickle",
        [0x1f, 0x8b, ..] => "; it looks like a gzip file: give the model inside the package",
        [0x89, b'H', b'D', b'F', ..] => "; it looks like an HDF5 file",
        [8, 1..=20, ..] => "; it looks like an ONNX model",
        [b'{', ..] => "; it looks like JSON",
        _ => "",
    }
}

/// Reads the header. A version that the bytes after the mark deny is damage; so is a header of other fields.
fn header(bytes: &[u8], name: &str) -> Result<ModelMetadata, Error> {
    let damaged = |problem: String| Error::ModelDamaged { name: name.to_owned(), problem };
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| damaged(format!("its header is no JSON: {error}")))?;
    serde_json::from_value(value).map_err(|error| damaged(format!("its header cannot be understood: {error}")))
}

/// Whether signature and task fit each other; the number of classes, where there are any.
fn check_signature(metadata: &ModelMetadata) -> Result<Option<usize>, String> {
    if metadata.signature.features.is_empty() {
        return Err("its signature lists no features".to_owned());
    }
    match (metadata.task, &metadata.signature.classes) {
        (Task::Regression | Task::Clustering | Task::DimensionalityReduction | Task::Reinforcement, None) => Ok(None),
        (Task::Classification | Task::Reinforcement, Some(classes)) if classes.len() >= 2 => Ok(Some(classes.len())),
        _ => Err("its signature's classes do not fit its task".to_owned()),
    }
}
