//! `kumiko:host/notices`: word to the clients that something they may have read is different.

use wasmtime::component::HasData;

use crate::bindings::kumiko::host::notices as contract;
use crate::state::Shared;

/// What is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The content of the resource with this uri.
    ResourceUpdated(String),
    /// The list of tools.
    Tools,
    /// The list of prompts.
    Prompts,
    /// The list of resources.
    Resources,
}

/// Where notices go; the layer above implements it.
pub trait Notices: Send + Sync {
    /// Takes one notice; must not block.
    fn notify(&self, notice: Notice);
}

/// Notices that nobody hears.
pub struct Unheard;

impl Notices for Unheard {
    fn notify(&self, _: Notice) {}
}

/// The longest uri that clients are told of, in bytes.
const MAXIMUM_URI: usize = 2_048;

pub(crate) struct NoticeBoard;

impl HasData for NoticeBoard {
    type Data<'a> = NoticesView<'a>;
}

/// The borrowed view on which the contract is implemented.
pub(crate) struct NoticesView<'a> {
    pub(crate) call: Shared<'a>,
}

impl NoticesView<'_> {
    fn notify(&self, notice: Notice) {
        self.call.call.notices.notify(notice);
    }
}

impl contract::Host for NoticesView<'_> {
    async fn resource_updated(&mut self, uri: String) -> wasmtime::Result<()> {
        // Objects are the host's: their changes are told where they are written, and by nobody else.
        let own = !(uri.starts_with("s3:") || uri.starts_with("file:") || uri.starts_with('/'));
        if own && uri.len() <= MAXIMUM_URI && !uri.chars().any(char::is_control) {
            self.notify(Notice::ResourceUpdated(uri));
        }
        Ok(())
    }

    async fn tools_changed(&mut self) -> wasmtime::Result<()> {
        self.notify(Notice::Tools);
        Ok(())
    }

    async fn prompts_changed(&mut self) -> wasmtime::Result<()> {
        self.notify(Notice::Prompts);
        Ok(())
    }

    async fn resources_changed(&mut self) -> wasmtime::Result<()> {
        self.notify(Notice::Resources);
        Ok(())
    }
}
