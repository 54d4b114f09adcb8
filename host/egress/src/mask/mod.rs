//! Takes secrets out of whatever leaves the server.
//!
//! The masker knows values, not places: it learns every value that is handed out, with the forms it takes when it is
//! encoded on its way ([`forms`]), and replaces each occurrence by [`MASK`]. Values stay known when a secret is
//! rotated, because the old one may still stand in a log line to come.

pub(crate) mod forms;
mod search;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use kumiko_vocabulary::Fault;
use search::Search;

use crate::{SecretName, SecretValue};

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// The shortest value, in bytes, that is masked: shorter ones occur by chance, and masking them would destroy other
/// texts.
pub const SHORTEST_MASKED: usize = 6;

/// What is known.
#[derive(Default)]
struct Known {
    values: HashSet<SecretValue>,
    forms: Vec<Vec<u8>>,
    search: Option<Arc<Search>>,
}

/// Knows every secret value that was handed out and takes it out of texts. Clones share what they know.
#[derive(Clone, Default)]
pub struct Masker(Arc<RwLock<Known>>);

impl Masker {
    /// One that knows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns a value. One with fewer than [`SHORTEST_MASKED`] bytes is not masked; the log says so once.
    pub fn learn(&self, name: &SecretName, value: &SecretValue) {
        if self.0.read().unwrap_or_else(PoisonError::into_inner).values.contains(value) {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !known.values.insert(value.clone()) {
            return;
        }
        if value.expose().len() < SHORTEST_MASKED {
            tracing::warn!(secret = %name, shortest = SHORTEST_MASKED, "a secret's value is too short to be masked");
            return;
        }
        known.forms.extend(forms::of(value.expose()));
        known.forms.sort_unstable();
        known.forms.dedup();
        known.search = Some(Arc::new(Search::new(&known.forms)));
    }

    /// Whether there is nothing to be masked.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).search.is_none()
    }

    /// The text with every known secret replaced.
    #[must_use]
    pub fn mask<'text>(&self, text: &'text str) -> Cow<'text, str> {
        match self.mask_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // What is searched for is whole text, so what is left of the text is as well.
            Cow::Owned(masked) => Cow::Owned(match String::from_utf8(masked) {
                Ok(masked) => masked,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            }),
        }
    }

    /// The bytes with every known secret replaced.
    #[must_use]
    pub fn mask_bytes<'text>(&self, text: &'text [u8]) -> Cow<'text, [u8]> {
        let Some(search) = self.search() else { return Cow::Borrowed(text) };
        let found = search.find(text);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut masked = Vec::with_capacity(text.len());
        let mut end = 0;
        for place in found {
            masked.extend_from_slice(text.get(end..place.start).unwrap_or_default());
            masked.extend_from_slice(MASK.as_bytes());
            end = place.end;
        }
        masked.extend_from_slice(text.get(end..).unwrap_or_default());
        Cow::Owned(masked)
    }

    /// Replaces every known secret in a text.
    pub fn mask_in_place(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.mask(text) {
            *text = masked;
        }
    }

    /// Replaces every known secret in a fault: in its message and hint, and in every text of its data, keys included.
    pub fn mask_fault(&self, fault: &mut Fault) {
        if self.search().is_none() {
            return;
        }
        self.mask_in_place(&mut fault.message);
        if let Some(hint) = &mut fault.hint {
            self.mask_in_place(hint);
        }
        let mut open: Vec<_> = fault.data.as_deref_mut().into_iter().collect();
        while let Some(value) = open.pop() {
            if let Some(text) = value.as_str() {
                let masked = self.mask(text).into_owned();
                *value = masked.into();
            } else if value.is_array() {
                open.extend(value.as_array_mut().into_iter().flatten());
            } else if let Some(object) = value.as_object_mut() {
                let telling: Vec<String> = object.keys().filter(|key| self.knows(key.as_bytes())).cloned().collect();
                for key in telling {
                    if let Some(inside) = object.remove(&key) {
                        object.insert(self.mask(&key).into_owned(), inside);
                    }
                }
                open.extend(object.values_mut());
            }
        }
    }

    /// Whether a known secret occurs.
    #[must_use]
    pub fn knows(&self, text: &[u8]) -> bool {
        self.search().is_some_and(|search| !search.find(text).is_empty())
    }

    fn search(&self) -> Option<Arc<Search>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).search.clone()
    }
}

impl fmt::Debug for Masker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        write!(formatter, "Masker({} values)", known.values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masker(values: &[&str]) -> Masker {
        let masker = Masker::new();
        for value in values {
            masker.learn(&SecretName::parse("token").unwrap(), &SecretValue::new(*value));
        }
        masker
    }

    #[test]
    fn every_occurrence_of_every_value_is_replaced() {
        let masker = masker(&["hunter22", "s3cr3t-ä"]);
        assert_eq!(masker.mask("a hunter22 b s3cr3t-ä hunter22"), "a *** b *** ***");
        assert_eq!(masker.mask("hunter2"), "hunter2");
        assert_eq!(masker.mask_bytes(b"\xffhunter22\xfe").as_ref(), b"\xff***\xfe");
    }

    #[test]
    fn a_text_without_secrets_is_not_copied() {
        assert!(matches!(Masker::new().mask("anything"), Cow::Borrowed("anything")));
        assert!(matches!(masker(&["hunter22"]).mask("anything"), Cow::Borrowed("anything")));
    }

    #[test]
    fn values_that_overlap_leave_nothing_of_either() {
        let masker = masker(&["abcdefgh", "efghijkl", "abcdefghijklmnop"]);
        assert_eq!(masker.mask("-abcdefghijkl-"), "-***-");
        assert_eq!(masker.mask("-abcdefghijklmnop-"), "-***-");
        assert_eq!(masker.mask("-abcdefghabcdefgh-"), "-***-");
    }

    #[test]
    fn a_short_value_is_left_alone() {
        assert_eq!(masker(&["abc"]).mask("abc abcdef"), "abc abcdef");
    }

    #[test]
    fn a_fault_is_masked_in_all_its_texts() {
        let mut fault = Fault::failed("code", "it said hunter22").hint("not hunter22");
        fault.data = Some(Box::new(serde_json::json!({"hunter22": ["x hunter22", "y", 1]})));
        masker(&["hunter22"]).mask_fault(&mut fault);
        assert_eq!((fault.message.as_str(), fault.hint.as_deref()), ("it said ***", Some("not ***")));
        assert_eq!(fault.data.unwrap().to_string(), r#"{"***":["x ***","y",1]}"#);
    }

    #[test]
    fn the_masker_does_not_show_what_it_knows() {
        assert_eq!(format!("{:?}", masker(&["hunter22"])), "Masker(1 values)");
    }
}
