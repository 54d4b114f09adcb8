//! A component made ready: compiled, linked, described.

use std::sync::Arc;

use kumiko_functions::bindings::CapabilityPre;
use kumiko_functions::{CallContext, Services};
use wasmtime::component::Component;

use crate::engine::State;
use crate::{Error, Inspection, Limits, Manifest, Runtime, inspect};

/// A plugin that can be called. Clones share the machine code; it is freed when the last call on it has ended.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) runtime: Runtime,
    pub(crate) services: Services,
    pub(crate) template: CapabilityPre<State>,
    pub(crate) limits: Arc<Limits>,
    manifest: Arc<Manifest>,
    inspection: Arc<Inspection>,
}

impl Plugin {
    /// Links a compiled component, instantiates it once under the limits of a call and asks it to describe itself.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownImport`], [`Error::Instantiate`], [`Error::Describe`] or [`Error::Manifest`].
    pub async fn new(
        runtime: &Runtime,
        services: &Services,
        component: &Component,
        bytes: &[u8],
        context: CallContext,
    ) -> Result<Self, Error> {
        let inspection = inspect(bytes)?;
        let template = runtime.linker.instantiate_pre(component).map_err(|error| link_error(&inspection, &error))?;
        let template =
            CapabilityPre::new(template).map_err(|error| Error::Instantiate { reason: format!("{error:#}") })?;
        let mut plugin = Self {
            runtime: runtime.clone(),
            services: services.clone(),
            template,
            limits: Arc::clone(&runtime.limits),
            manifest: Arc::new(Manifest {
                name: String::new(),
                aliases: Vec::new(),
                version: String::new(),
                description: String::new(),
                tools: Vec::new(),
            }),
            inspection: Arc::new(inspection),
        };
        plugin.manifest = Arc::new(Manifest::from_contract(plugin.describe(context).await?)?);
        Ok(plugin)
    }

    /// What the plugin says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// What its binary imports and exports.
    #[must_use]
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }
}

/// Finds the import that the host lacks: wasmtime's own message names it, in the words of the component model.
fn link_error(inspection: &Inspection, error: &wasmtime::Error) -> Error {
    let reason = format!("{error:#}");
    let unknown = inspection.imports.iter().find(|import| reason.contains(&format!("`{import}`")));
    match unknown {
        Some(import) => Error::UnknownImport { import: import.clone() },
        None => Error::Instantiate { reason },
    }
}
