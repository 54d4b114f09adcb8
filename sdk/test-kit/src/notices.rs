//! What clients were told.

use std::cell::RefCell;

use crate::TestHost;

/// The longest uri that clients are told of, in bytes.
const MAXIMUM_URI: usize = 2_048;

/// What is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The content of the resource with this uri.
    ResourceUpdated(String),
    /// The list of tools.
    ToolsChanged,
    /// The list of prompts.
    PromptsChanged,
    /// The list of resources.
    ResourcesChanged,
}

/// The notices so far.
#[derive(Default)]
pub(crate) struct NoticeBoard(RefCell<Vec<Notice>>);

impl NoticeBoard {
    pub(crate) fn notify(&self, notice: Notice) {
        self.0.borrow_mut().push(notice);
    }

    /// Passes a resource on, where it is one that a plugin may speak of.
    pub(crate) fn resource_updated(&self, uri: &str) {
        let own = !(uri.starts_with("s3:") || uri.starts_with("file:") || uri.starts_with('/'));
        if own && uri.len() <= MAXIMUM_URI && !uri.chars().any(char::is_control) {
            self.notify(Notice::ResourceUpdated(uri.to_owned()));
        }
    }
}

impl TestHost {
    /// What clients were told, in order. As in the server, notices of objects are the host's own and those of a plugin are
    /// dropped.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        self.inner.notices.0.borrow().clone()
    }
}
