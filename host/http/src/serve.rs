//! From settings to a server that listens, and its end.
//!
//! A stop goes in this order: not ready, no more connections, streams that would not end by themselves are ended,
//! requests in flight finish or run out of time, sessions end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsAcceptor;
use futures::FutureExt as _;
use rmcp::ServerHandler;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::authenticate::Authenticator;
use crate::connection::Gate;
use crate::console_login::ConsoleSessions;
use crate::error::Error;
use crate::extras::Extras;
use crate::limits::Failures;
use crate::origin::Allowed;
use crate::router::{EndSessions, Shared, router};
use crate::session::Sessions;
use crate::settings::Settings;
use crate::tls::Certificate;
use crate::token::Tokens;

/// How often keys, certificate and logins are looked after.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// The largest head of a request that is read, in bytes; what arrives in one piece may be twice as large. A token of an
/// issuer that lists many groups has a few KB.
const HEAD_BYTES: usize = 64 * 1024;

/// A server that has its address and answers nobody yet.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    url: String,
    router: Router,
    end_sessions: EndSessions,
    shared: Arc<Shared>,
    certificate: Option<Certificate>,
    maximum_connections: usize,
    stop_within: Duration,
}

/// Checks the settings and listens, so that the address is known before the first request.
///
/// # Errors
///
/// Where a setting cannot be, the certificate cannot be read, or the address cannot be listened on.
pub async fn bind<H>(settings: Settings, handler: H, extras: Extras) -> Result<Bound, Error>
where
    H: ServerHandler + Clone + Send + Sync + 'static,
{
    settings.check()?;
    let certificate = settings.tls.clone().map(Certificate::load).transpose()?;
    let tokens = settings.token.as_ref().map(Tokens::new).transpose()?;
    let failed = |source| Error::Listen { address: settings.listen, source };
    let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let shared = Arc::new(Shared {
        authenticator: Authenticator {
            keys: settings.keys.clone(),
            tokens,
            anonymous: settings.anonymous,
            failures: Failures::new(),
            on_refused: Arc::clone(&extras.on_refused),
        },
        allowed: Allowed::of(&settings, address)?,
        sessions: Arc::new(Sessions::new(settings.maximum_sessions)),
        console_sessions: ConsoleSessions::default(),
        extras,
        path: settings.path.clone(),
        maximum_body_bytes: settings.maximum_body_bytes,
        loopback: address.ip().is_loopback(),
        tls: certificate.is_some(),
        stopping: watch::Sender::new(false),
    });
    let (router, end_sessions) = router(&settings, &shared, handler);
    Ok(Bound {
        listener,
        address,
        url: settings.url(address),
        router,
        end_sessions,
        shared,
        certificate,
        maximum_connections: settings.maximum_connections,
        stop_within: settings.stop_within,
    })
}

/// Listens and serves until `stop` resolves and what was in flight then has finished.
///
/// # Errors
///
/// Those of [`bind`], and where the system ends the listening.
pub async fn serve<H>(
    settings: Settings,
    handler: H,
    extras: Extras,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), Error>
where
    H: ServerHandler + Clone + Send + Sync + 'static,
{
    bind(settings, handler, extras).await?.serve(stop).await
}

impl Bound {
    /// The address that it listens on, with the port that the system chose where none was given.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the protocol's endpoint.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Serves until `stop` resolves and what was in flight then has finished, or the time for that is over.
    ///
    /// # Errors
    ///
    /// Where the system ends the listening.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send) -> Result<(), Error> {
        let handle = Handle::new();
        let gate = Gate::new(self.maximum_connections);
        let service = self.router.into_make_service_with_connect_info::<SocketAddr>();
        let server = axum_server::Server::<SocketAddr>::from_listener(self.listener).handle(handle.clone());
        let serving = match &self.certificate {
            None => {
                let mut server = server.acceptor(gate).http1_only();
                server.http_builder().http1().max_buf_size(HEAD_BYTES);
                server.serve(service).boxed()
            }
            Some(certificate) => {
                let mut server = server.acceptor(RustlsAcceptor::new(certificate.config()).acceptor(gate)).http1_only();
                server.http_builder().http1().max_buf_size(HEAD_BYTES);
                server.serve(service).boxed()
            }
        };
        let shared = &self.shared;
        let stopper = async {
            stop.await;
            tracing::info!(connections = handle.connection_count(), "stopping");
            shared.stopping.send_replace(true);
            handle.graceful_shutdown(Some(self.stop_within));
            std::future::pending::<()>().await;
        };
        let served = tokio::select! {
            served = serving => served,
            () = stopper => Ok(()),
            () = housekeeping(shared, self.certificate.as_ref()) => Ok(()),
        };
        (self.end_sessions)();
        served.map_err(|source| Error::Serve { source })
    }
}

/// Looks after what changes outside of requests; never ends.
async fn housekeeping(shared: &Shared, certificate: Option<&Certificate>) {
    let authenticator = &shared.authenticator;
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        authenticator.keys.follow();
        authenticator.failures.tidy();
        shared.sessions.end_revoked(&authenticator.keys).await;
        shared.console_sessions.tidy(&authenticator.keys);
        if let Some(certificate) = certificate {
            certificate.follow();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_handler_can_be_served() {
        fn served<H: ServerHandler + Clone + Send + Sync + 'static>() {}
        served::<kumiko_mcp::Server>();
    }
}
