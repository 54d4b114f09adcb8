//! From settings to a running catalog: the one place where the layers meet.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use kumiko_catalog::{Catalog, Sources};
use kumiko_functions::{Cache, Compute, Services};
use kumiko_runtime::{Compiler, Runtime, Workshop};
use kumiko_services::objects::{EmbeddedStore, Folders, ObjectStore, Objects};
use kumiko_services_aws::{S3Settings, S3Store};
use kumiko_vocabulary::Fault;

use crate::logging::Journal;
use crate::settings::{Settings, Storage};

/// The engine and what its calls stand on.
pub(crate) struct Host {
    /// The engine.
    pub(crate) runtime: Runtime,
    /// What the calls share.
    pub(crate) services: Services,
    /// Where machine code comes from.
    pub(crate) compiler: Compiler,
}

/// Starts the engine and opens the store.
pub(crate) async fn host(settings: &Settings) -> anyhow::Result<Host> {
    let data = &settings.data;
    std::fs::create_dir_all(data).with_context(|| format!("the data folder {} cannot be made", data.display()))?;
    let runtime = Runtime::new(settings.limits.clone())?;
    let program = std::env::current_exe().context("the path of this program cannot be found out")?;
    let compiler = Compiler::open(
        &runtime,
        &data.join("cache/compiled"),
        &data.join("keys/compiled-code"),
        Workshop::Child(program),
    )?;
    let folders = Folders::new(settings.allow.clone()).map_err(Fault::from)?;
    let objects = Objects::new(store(settings).await?, folders);
    let services = Services {
        objects: Arc::new(objects),
        home: format!("s3://{}/", settings.bucket).into(),
        cache: Arc::new(Cache::new(settings.cache_bytes)),
        compute: Compute::new(NonZeroUsize::new(settings.compute_places).unwrap_or(NonZeroUsize::MIN)),
    };
    Ok(Host { runtime, services, compiler })
}

/// Starts loading the plugin folder; returns at once.
pub(crate) async fn catalog(settings: &Settings) -> anyhow::Result<Arc<Catalog>> {
    let Host { runtime, services, compiler } = host(settings).await?;
    if !settings.plugins.is_dir() {
        // The default folder: made, so that there is a place to drop the first plugin into.
        std::fs::create_dir_all(&settings.plugins)
            .with_context(|| format!("the plugin folder {} cannot be made", settings.plugins.display()))?;
    }
    let sources = Sources { folder: settings.plugins.clone(), prefixes: settings.prefixes.clone() };
    Ok(Catalog::start(runtime, services, compiler, sources, Arc::new(Journal)))
}

async fn store(settings: &Settings) -> anyhow::Result<Arc<dyn ObjectStore>> {
    match &settings.storage {
        Storage::Embedded => embedded(&settings.data),
        Storage::S3 { endpoint, region, encrypt, kms_key_id } => {
            let s3 = S3Settings {
                endpoint: endpoint.clone(),
                region: region.clone(),
                encrypt: *encrypt,
                kms_key: kms_key_id.clone(),
                force_path_style: None,
            };
            Ok(Arc::new(S3Store::connect(s3, &settings.data).await.map_err(Fault::from)?))
        }
    }
}

fn embedded(data: &Path) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let store = EmbeddedStore::open(data)
        .with_context(|| format!("the object store in {} cannot be opened", data.display()))?;
    Ok(Arc::new(store))
}
