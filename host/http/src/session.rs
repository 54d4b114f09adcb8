//! Sessions of clients of the older era: no more than there is room for, each for the caller that opened it.
//!
//! rmcp keeps the sessions; this keeps who opened which. Whoever comes with another's session id is told what somebody
//! with an invented one is told: that there is no such session.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::Stream;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::ServerSseMessage;
use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, LocalSessionManagerError};
use rmcp::transport::streamable_http_server::{SessionId, SessionManager};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::keys::KeyRing;
use crate::principal::Identity;

/// How long a session lives without a message. An agent may think, or its person be at lunch, and many clients do not
/// open another by themselves.
const IDLE: Duration = Duration::from_secs(30 * 60);

tokio::task_local! {
    /// The request that a session is being opened for: rmcp does not hand it to the session manager.
    static REQUEST: Arc<Opening>;
}

/// What opening a session needs to know of its request, and what it leaves for the answer.
pub(crate) struct Opening {
    identity: Identity,
    full: AtomicBool,
}

impl Opening {
    pub(crate) fn new(identity: Identity) -> Arc<Self> {
        Arc::new(Self { identity, full: AtomicBool::new(false) })
    }

    /// Runs what may open a session for this request.
    pub(crate) async fn scope<F: Future>(self: Arc<Self>, work: F) -> F::Output {
        REQUEST.scope(self, work).await
    }

    /// Whether there was no room for the session.
    pub(crate) fn was_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }
}

/// The sessions of a server.
pub(crate) struct Sessions {
    local: LocalSessionManager,
    owners: Mutex<HashMap<SessionId, Owner>>,
    places: Arc<Semaphore>,
}

/// Who opened a session, and the place that it takes.
struct Owner {
    identity: Identity,
    _place: OwnedSemaphorePermit,
}

impl Sessions {
    pub(crate) fn new(maximum: usize) -> Self {
        let mut local = LocalSessionManager::default();
        local.session_config.keep_alive = Some(IDLE);
        let places = Arc::new(Semaphore::new(maximum.min(Semaphore::MAX_PERMITS)));
        Self { local, owners: Mutex::default(), places }
    }

    /// Whether there is this session, and this caller opened it.
    pub(crate) fn belongs_to(&self, id: &str, identity: &Identity) -> bool {
        self.owners().get(id).is_some_and(|owner| owner.identity == *identity)
    }

    /// Ends the sessions whose opener's key is no longer valid.
    pub(crate) async fn end_revoked(&self, keys: &KeyRing) {
        let revoked: Vec<SessionId> =
            self.owners().iter().filter(|(_, owner)| !owner.identity.stands(keys)).map(|(id, _)| id.clone()).collect();
        for id in revoked {
            if let Err(error) = self.close_session(&id).await {
                tracing::warn!(%error, "a session of a revoked key did not end cleanly");
            }
        }
    }

    fn owners(&self) -> MutexGuard<'_, HashMap<SessionId, Owner>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a session cannot be used.
#[derive(Debug)]
pub(crate) enum SessionError {
    /// There are as many as there may be.
    Full,
    /// The session was to be opened outside of a request.
    NoRequest,
    /// What rmcp says.
    Local(LocalSessionManagerError),
}

impl fmt::Display for SessionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => formatter.write_str("there are as many sessions as there may be"),
            Self::NoRequest => formatter.write_str("a session is opened by a request only"),
            Self::Local(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for SessionError {}

impl SessionManager for Sessions {
    type Error = SessionError;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Self::Error> {
        let request = REQUEST.try_with(Arc::clone).map_err(|_| SessionError::NoRequest)?;
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            request.full.store(true, Ordering::Relaxed);
            return Err(SessionError::Full);
        };
        let (id, transport) = self.local.create_session().await.map_err(SessionError::Local)?;
        self.owners().insert(id.clone(), Owner { identity: request.identity.clone(), _place: place });
        Ok((id, transport))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Self::Error> {
        self.local.initialize_session(id, message).await.map_err(SessionError::Local)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Self::Error> {
        self.local.has_session(id).await.map_err(SessionError::Local)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Self::Error> {
        let closed = self.local.close_session(id).await.map_err(SessionError::Local);
        // Last: as long as rmcp has the session, it takes its place.
        self.owners().remove(id);
        closed
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.local.create_stream(id, message).await.map_err(SessionError::Local)
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), Self::Error> {
        self.local.accept_message(id, message).await.map_err(SessionError::Local)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.local.create_standalone_stream(id).await.map_err(SessionError::Local)
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.local.resume(id, last_event_id).await.map_err(SessionError::Local)
    }
}
