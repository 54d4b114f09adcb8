//! The host of a test, and what a test asks of it.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::{Rc, Weak};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use kumiko_sdk::log::Level;
use kumiko_sdk::vocabulary::arguments::without_nulls;
use kumiko_sdk::{Answer, Context, Fault, Plugin, Reply, Result, host};
use kumiko_services::jobs::EmbeddedJobs;
use kumiko_services::objects::{Folders, Objects, Precondition};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::check;
use crate::network::Network;
use crate::notices::NoticeBoard;
use crate::peers::Peers;
use crate::store::{Clock, MemoryStore};
use crate::watch::{Report, Watch};

/// The home of a host in memory, as `Host::object_home` gives it.
const HOME: &str = "s3://mlops/";
/// The time of day unless a test sets another: 2025-01-01 00:00:00 UTC.
pub const DEFAULT_TIME: Duration = Duration::from_secs(1_735_689_600);

/// A host in memory. Each has objects, a log, a clock and prepared answers of its own; clones share them.
#[derive(Clone)]
pub struct TestHost {
    pub(crate) inner: Rc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) objects: Objects,
    /// Jobs as they are recorded: nothing runs them in a test.
    pub(crate) jobs: EmbeddedJobs,
    pub(crate) runtime: Runtime,
    pub(crate) watch: Watch,
    pub(crate) clock: Clock,
    pub(crate) lines: RefCell<Vec<(Level, String)>>,
    pub(crate) random: RefCell<u64>,
    pub(crate) network: Network,
    pub(crate) peers: Peers,
    pub(crate) notices: NoticeBoard,
    /// The host itself, for what is handed one.
    this: Weak<Inner>,
}

impl TestHost {
    /// An empty host. Its tools know no file of the machine, only objects under `s3://`.
    ///
    /// # Errors
    /// Where the machine has no temporary folder.
    pub fn new() -> Result<Self> {
        Self::with_folders(Vec::new())
    }

    /// An empty host whose tools may read and write the files of these folders by plain path.
    ///
    /// # Errors
    /// A folder that is none.
    pub fn with_folders(folders: Vec<PathBuf>) -> Result<Self> {
        let clock = Clock::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| Fault::failed("test_host_failed", format!("the test's host has no runtime: {error}")))?;
        let objects = Objects::new(Arc::new(MemoryStore::new(Arc::clone(&clock))?), Folders::new(folders)?);
        let jobs = EmbeddedJobs::new(Arc::new(objects.clone()), HOME);
        let inner = Rc::new_cyclic(|this| Inner {
            objects,
            jobs,
            runtime,
            watch: Watch::default(),
            clock,
            lines: RefCell::default(),
            random: RefCell::default(),
            network: Network::new(),
            peers: Peers::default(),
            notices: NoticeBoard::default(),
            this: Weak::clone(this),
        });
        let host = Self { inner };
        host.set_time(DEFAULT_TIME);
        Ok(host)
    }

    /// Calls a tool as the server does: arguments and result are held against the tool's schemas. The call must finish
    /// in one round.
    ///
    /// # Errors
    /// What the tool fails with, `invalid_arguments` and `result_invalid`.
    pub fn call(&self, plugin: &Plugin, tool: &str, arguments: Value) -> Result<Reply<Value>> {
        match self.call_in(&Context::default(), plugin, tool, arguments)? {
            Answer::Complete(reply) => Ok(reply),
            Answer::InputRequired(_) => {
                Err(Fault::failed("input_required", format!("{tool} asks for input before it finishes"))
                    .hint("use `call_in`, which shows what it asks for"))
            }
        }
    }

    /// Calls a tool in surroundings of one's own: with a client's capabilities, or as a later round.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn call_in(&self, context: &Context, plugin: &Plugin, tool: &str, arguments: Value) -> Result<Answer<Value>> {
        let mut arguments = arguments;
        if let Some(tool) = plugin.tool(tool) {
            arguments = without_nulls(&(tool.input_schema)(), arguments);
            check::arguments(tool, &arguments)?;
        }
        let answer = self.run(|| plugin.call_in(context, tool, arguments))?;
        if let (Some(tool), Answer::Complete(reply)) = (plugin.tool(tool), &answer) {
            check::result(tool, &reply.structured)?;
        }
        Ok(answer)
    }

    /// Runs anything with this host behind the functions of the SDK: a tool called as a function, or a part of one.
    pub fn run<R>(&self, tools: impl FnOnce() -> R) -> R {
        host::with(self.inner.clone(), tools)
    }

    /// Puts an object there, whatever was there before.
    ///
    /// # Errors
    /// A uri that names no object.
    pub fn put(&self, uri: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        let bytes = bytes.as_ref().to_vec();
        self.inner.wait(self.inner.objects.put_bytes(uri, bytes.into(), None, &Precondition::None)).map(|_| ())
    }

    /// The bytes of an object.
    ///
    /// # Errors
    /// `object_not_found`.
    pub fn bytes(&self, uri: &str) -> Result<Vec<u8>> {
        Ok(self.inner.wait(self.inner.objects.get(uri, None))?.to_vec())
    }

    /// An object as text.
    ///
    /// # Errors
    /// `object_not_found`, and bytes that are not UTF-8.
    pub fn text(&self, uri: &str) -> Result<String> {
        String::from_utf8(self.bytes(uri)?)
            .map_err(|error| Fault::invalid("object_not_utf8", format!("{uri} is not UTF-8: {error}")))
    }

    /// The uris of the objects (of the first 1,000) that begin with `prefix`, in order.
    ///
    /// # Errors
    /// A prefix without a bucket.
    pub fn uris(&self, prefix: &str) -> Result<Vec<String>> {
        let listing = self.inner.wait(self.inner.objects.list(prefix, None, kumiko_services::objects::LIST_LIMIT))?;
        Ok(listing.objects.into_iter().map(|info| info.uri).collect())
    }

    /// What was logged, in order.
    #[must_use]
    pub fn log(&self) -> Vec<(Level, String)> {
        self.inner.lines.borrow().clone()
    }

    /// The progress that was reported, in order.
    #[must_use]
    pub fn reports(&self) -> Vec<Report> {
        self.inner.watch.reports()
    }

    /// Cancels: from here on every call finds that nobody waits for it.
    pub fn cancel(&self) {
        self.inner.watch.cancel();
    }

    /// Sets the time of day, counted from 1970-01-01 UTC.
    pub fn set_time(&self, time: Duration) {
        *self.inner.clock.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }
}

impl Inner {
    /// Waits for an operation on objects.
    pub(crate) fn wait<T>(
        &self,
        operation: impl Future<Output = Result<T, kumiko_services::objects::Error>>,
    ) -> Result<T> {
        Ok(self.runtime.block_on(operation)?)
    }

    /// The host that this is the inside of; none while it goes away.
    pub(crate) fn host(&self) -> Option<TestHost> {
        self.this.upgrade().map(|inner| TestHost { inner })
    }
}
