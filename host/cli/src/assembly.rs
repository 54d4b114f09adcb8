//! From settings to a running catalog: the one place where the layers meet.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use kumiko_catalog::{Admission, CallLog, Catalog, Grants, GrantsInForce, Sources};
use kumiko_egress::{Cached, Chain, Egress, Environment, Files, Masker, SecretStore};
use kumiko_functions::{Cache, Compute, Services};
use kumiko_runtime::{Compiler, Runtime, Workshop};
use kumiko_services::jobs::EmbeddedJobs;
use kumiko_services::objects::{EmbeddedStore, Folders, ObjectStore, Objects};
use kumiko_services_aws::{S3Settings, S3Store};
use kumiko_sources::{Installed, Trust};
use kumiko_vocabulary::Fault;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cloud;
use crate::plugin::sources;
use crate::record::Record;
use crate::settings::{Settings, Storage};

/// The engine and what its calls stand on.
pub(crate) struct Host {
    /// The engine.
    pub(crate) runtime: Runtime,
    /// What the calls share.
    pub(crate) services: Services,
    /// Where machine code comes from.
    pub(crate) compiler: Compiler,
    /// The jobs, to be run by whoever serves.
    pub(crate) jobs: EmbeddedJobs,
}

/// Starts the engine and opens the store.
pub(crate) async fn host(settings: &Settings) -> anyhow::Result<Host> {
    let data = &settings.data;
    std::fs::create_dir_all(data).with_context(|| format!("the data folder {} cannot be made", data.display()))?;
    let largest =
        settings.plugin_settings.values().filter_map(|plugin| plugin.limits.as_ref()?.memory_bytes.into()).max();
    let runtime = Runtime::new(settings.limits.clone(), largest.unwrap_or_default())?;
    let program = std::env::current_exe().context("the path of this program cannot be found out")?;
    let compiler = Compiler::open(
        &runtime,
        &data.join("cache/compiled"),
        &data.join("keys/compiled-code"),
        Workshop::Child(program),
    )?;
    let folders = Folders::new(settings.allow.clone()).map_err(Fault::from)?;
    let objects = Arc::new(Objects::new(store(settings).await?, folders));
    let home: Arc<str> = format!("s3://{}/", settings.bucket).into();
    let jobs = EmbeddedJobs::new(Arc::clone(&objects), &home);
    let services = Services {
        objects,
        home,
        jobs: Arc::new(jobs.clone()),
        cache: Arc::new(Cache::new(settings.cache_bytes)),
        frame_bytes: settings.frame_bytes,
        compute: Compute::new(NonZeroUsize::new(settings.compute_places).unwrap_or(NonZeroUsize::MIN)),
        egress: egress(settings).await?,
    };
    Ok(Host { runtime, services, compiler, jobs })
}

/// The way out over HTTP, and the secrets that go with it: from the environment, from files, from AWS.
async fn egress(settings: &Settings) -> anyhow::Result<Egress> {
    let mut stores: Vec<Arc<dyn SecretStore>> =
        vec![Arc::new(Environment::default()), Arc::new(Files::new(settings.data.join("secrets")))];
    stores.extend(cloud::secrets(settings).await?.map(Arc::from));
    let store = Arc::new(Cached::new(Arc::new(Chain::new(stores))));
    let own = kumiko_egress::Settings { private_networks: settings.private_networks.clone(), ..Default::default() };
    Ok(Egress::new(own, store, Masker::new()).map_err(Fault::from)?)
}

/// Starts loading the plugin folder; returns at once.
pub(crate) async fn catalog(settings: &Settings) -> anyhow::Result<Arc<Catalog>> {
    Ok(running(settings, |_| Record::passing()).await?.catalog)
}

/// A server's parts.
pub(crate) struct Running {
    /// What is loaded.
    pub(crate) catalog: Arc<Catalog>,
    /// What is recorded.
    pub(crate) record: Arc<Record>,
    /// The engine.
    pub(crate) runtime: Runtime,
    /// The pool for work that computes.
    pub(crate) compute: Compute,
    /// Frames and models kept in memory.
    pub(crate) cache: Arc<Cache>,
    /// The jobs: recorded by any process, run by one that serves.
    pub(crate) jobs: EmbeddedJobs,
}

/// Jobs that run beside a server.
pub(crate) struct JobRunner {
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl JobRunner {
    /// Gives back what runs, for the next server to go on with, and returns once that is written.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        // A runner that panicked has nothing to give back that its lease would not.
        let _ = self.running.await;
    }
}

impl Running {
    /// Begins to run jobs, once the plugins are loaded that do their work.
    pub(crate) fn run_jobs(&self, settings: &Settings) -> JobRunner {
        let shutdown = CancellationToken::new();
        let (jobs, catalog, token) = (self.jobs.clone(), Arc::clone(&self.catalog), shutdown.clone());
        let places = NonZeroUsize::new(settings.job_places).unwrap_or(NonZeroUsize::MIN);
        let running = tokio::spawn(async move {
            tokio::select! {
                () = catalog.ready() => jobs.run(places, catalog.job_work(), token).await,
                () = token.cancelled() => {}
            }
        });
        JobRunner { shutdown, running }
    }
}

/// Starts loading the plugin folder, with calls recorded by what `record` makes; returns at once.
pub(crate) async fn running(
    settings: &Settings,
    record: impl FnOnce(Masker) -> Arc<Record>,
) -> anyhow::Result<Running> {
    let Host { runtime, services, compiler, jobs } = host(settings).await?;
    if !settings.plugins.is_dir() {
        // The default folder: made, so that there is a place to drop the first plugin into.
        std::fs::create_dir_all(&settings.plugins)
            .with_context(|| format!("the plugin folder {} cannot be made", settings.plugins.display()))?;
    }
    let installed = Installed::new(&settings.plugins);
    if let Err(error) = installed.repair() {
        tracing::warn!(code = error.code(), "what an installation left over cannot be put in order: {error}");
    }
    let sources = Sources {
        folder: settings.plugins.clone(),
        plugins: settings.plugin_settings.clone(),
        reserved: &kumiko_mcp::RESERVED,
        admission: Arc::new(Trusted { trust: sources::trust(settings)?, installed }),
    };
    let record = record(services.egress.masker().clone());
    let (compute, cache) = (services.compute.clone(), Arc::clone(&services.cache));
    let engine = runtime.clone();
    let log = Arc::clone(&record) as Arc<dyn CallLog>;
    let catalog = Catalog::start(runtime, services, compiler, sources, grants(settings)?, log);
    Ok(Running { catalog, record, runtime: engine, compute, cache, jobs })
}

/// What the operator trusts, and what was installed.
#[derive(Debug)]
struct Trusted {
    trust: Trust,
    installed: Installed,
}

impl Admission for Trusted {
    fn admit(&self, component: &Path, bytes: &[u8]) -> Result<Option<String>, Fault> {
        Ok(self.installed.admit(&self.trust, component, bytes)?)
    }
}

/// The grants that the capabilities were shipped with.
const SHIPPED_GRANTS: &str = include_str!("../../../plugins/grants.toml");

/// The operator's grants over those shipped.
pub(crate) fn grants(settings: &Settings) -> anyhow::Result<Arc<GrantsInForce>> {
    Ok(GrantsInForce::open(&settings.grants, shipped_grants()?).map_err(Fault::from)?)
}

/// The grants shipped with the capabilities.
pub(crate) fn shipped_grants() -> anyhow::Result<Grants> {
    Ok(Grants::parse(SHIPPED_GRANTS, Path::new("plugins/grants.toml")).map_err(Fault::from)?)
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
