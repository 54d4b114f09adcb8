//! Resources: what a client may read by its URI, beside the objects that the server itself offers.
//!
//! A plugin that has some implements [`Resources`] and names the implementor once, by `kumiko_sdk::resources!(Implementor);`.

use crate::content::EmbeddedResource;
use crate::{Context, Result};

/// A resource that can be listed, in a scheme of the plugin's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Where it is; of a template, with its variables in braces: `notes://{id}`.
    pub uri: String,
    /// A short name.
    pub name: String,
    /// A name for people.
    pub title: Option<String>,
    /// What it holds.
    pub description: Option<String>,
    /// The media type.
    pub media_type: Option<String>,
    /// The size in bytes; not of a template.
    pub size: Option<u64>,
}

impl Entry {
    /// An entry with what it needs at least.
    pub fn new(uri: impl Into<String>, name: impl Into<String>, media_type: impl Into<String>) -> Self {
        Self { uri: uri.into(), name: name.into(), media_type: Some(media_type.into()), ..Self::default() }
    }

    /// The same with a word on what it holds.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}

/// The resources of a plugin.
pub trait Resources {
    /// What there is. Called once when the plugin is loaded.
    fn list() -> Vec<Entry> {
        Vec::new()
    }

    /// The templates there are. Called once when the plugin is loaded.
    fn templates() -> Vec<Entry> {
        Vec::new()
    }

    /// Reads a resource: of the list, or one that fits a template.
    ///
    /// # Errors
    /// A fault of the kind `not_found` where there is none.
    fn read(uri: &str, context: &Context) -> Result<Vec<EmbeddedResource>>;

    /// Values that a variable of a template may take, the likeliest first; `typed` is what is there of it so far.
    ///
    /// # Errors
    /// Whatever stands in the way.
    fn complete(_template: &str, _variable: &str, _typed: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// Makes an implementor of [`Resources`] the resources of the component.
#[cfg(target_arch = "wasm32")]
#[macro_export]
macro_rules! resources {
    ($provider:ty) => {
        #[allow(unsafe_code, missing_docs, unreachable_pub, reason = "generated code")]
        const _: () = {
            struct Component;

            impl $crate::bindings::resources::Guest for Component {
                fn list_resources() -> Vec<$crate::bindings::resources::ResourceEntry> {
                    $crate::guest::resources::list::<$provider>()
                }

                fn list_templates() -> Vec<$crate::bindings::resources::ResourceTemplate> {
                    $crate::guest::resources::templates::<$provider>()
                }

                fn read_resource(
                    uri: String,
                    client: $crate::bindings::kumiko::host::types::Client,
                ) -> ::core::result::Result<
                    Vec<$crate::bindings::kumiko::host::types::EmbeddedResource>,
                    $crate::bindings::Fault,
                > {
                    $crate::guest::resources::read::<$provider>(&uri, client)
                }

                fn complete_variable(
                    uri_template: String,
                    variable: String,
                    value: String,
                ) -> ::core::result::Result<Vec<String>, $crate::bindings::Fault> {
                    $crate::guest::resources::complete::<$provider>(&uri_template, &variable, &value)
                }
            }

    $crate::bindings::resources::export_resources!(Component with_types_in $crate::bindings::resources);
        };
    };
}

/// Natively a plugin has no exports.
#[cfg(not(target_arch = "wasm32"))]
#[macro_export]
macro_rules! resources {
    ($provider:ty) => {
        const _: fn() -> Vec<$crate::resources::Entry> = <$provider as $crate::resources::Resources>::list;
    };
}
