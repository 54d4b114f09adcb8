//! A component made ready: compiled, linked, described.

use std::sync::Arc;

use kumiko_functions::bindings::CapabilityPre;
use kumiko_functions::bindings::prompts::PromptsProviderPre;
use kumiko_functions::bindings::resources::ResourcesProviderPre;
use kumiko_functions::{CallContext, Services};
use wasmtime::component::Component;

use crate::engine::State;
use crate::spare::Place;
use crate::{Error, Inspection, Limits, Manifest, Runtime, inspect};

/// A plugin that can be called. Clones share the machine code; it is freed when the last call on it has ended.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) core: Arc<Core>,
    manifest: Arc<Manifest>,
    inspection: Arc<Inspection>,
}

/// What calls need of a plugin.
pub(crate) struct Core {
    pub(crate) runtime: Runtime,
    pub(crate) services: Services,
    pub(crate) template: CapabilityPre<State>,
    /// Where the component exports prompts.
    pub(crate) prompts: Option<PromptsProviderPre<State>>,
    /// Where the component exports resources.
    pub(crate) resources: Option<ResourcesProviderPre<State>>,
    pub(crate) limits: Arc<Limits>,
    /// Whether nothing of the component runs before it is called.
    pub(crate) starts_silently: bool,
    pub(crate) spare: Place,
}

impl Plugin {
    /// What its calls may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.core.limits
    }

    /// Links a compiled component and asks it to describe itself, under the limits of a call for each question. `contexts` makes what
    /// each of these calls brings along; `limits` hold for the plugin's calls.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownImport`], [`Error::Instantiate`], [`Error::Describe`] or [`Error::Manifest`].
    pub async fn new(
        runtime: &Runtime,
        services: &Services,
        component: &Component,
        bytes: &[u8],
        limits: Arc<Limits>,
        contexts: impl Fn() -> CallContext,
    ) -> Result<Self, Error> {
        let inspection = inspect(bytes)?;
        let exports = |interface: &str| inspection.exports.iter().any(|name| name.split('@').next() == Some(interface));
        let unusable = |error: wasmtime::Error| Error::Instantiate { reason: format!("{error:#}") };
        let template = runtime.linker.instantiate_pre(component).map_err(|error| link_error(&inspection, &error))?;
        let prompts = exports("kumiko:plugin/prompts").then(|| PromptsProviderPre::new(template.clone()));
        let resources = exports("kumiko:plugin/resources").then(|| ResourcesProviderPre::new(template.clone()));
        let core = Core {
            runtime: runtime.clone(),
            services: services.clone(),
            template: CapabilityPre::new(template).map_err(unusable)?,
            prompts: prompts.transpose().map_err(unusable)?,
            resources: resources.transpose().map_err(unusable)?,
            limits,
            starts_silently: !inspection.starts,
            spare: Place::default(),
        };
        let mut plugin = Self { core: Arc::new(core), manifest: Arc::default(), inspection: Arc::new(inspection) };
        let mut manifest = Manifest::from_contract(plugin.describe(contexts()).await?)?;
        manifest.offers(plugin.offered(contexts).await?)?;
        plugin.manifest = Arc::new(manifest);
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
