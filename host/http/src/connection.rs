//! Connections: how many, and how patient the server is with each.
//!
//! A peer that sends its request's head a byte at a time, or reads its answer that slowly, costs nothing and would hold
//! a place for ever. So a connection ends when, for a while, it has had no request being worked on and nothing was
//! written to it; and when a write makes no progress for a while.

use std::future::{Ready, ready};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum_server::accept::Accept;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};
use tower::Service;

/// How long a connection may be quiet: without a request in the works and without a byte written. The head of the next
/// request has to be whole by then. A stream of events writes more often.
const QUIET: Duration = Duration::from_secs(30);

/// How long a write may make no progress.
const STALLED: Duration = Duration::from_secs(60);

/// Lets connections in as long as there is room.
#[derive(Clone)]
pub(crate) struct Gate {
    places: Arc<Semaphore>,
    quiet: Duration,
}

impl Gate {
    pub(crate) fn new(maximum: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(maximum.min(Semaphore::MAX_PERMITS))), quiet: QUIET }
    }
}

impl<S> Accept<TcpStream, S> for Gate {
    type Stream = Connection;
    type Service = Watched<S>;
    type Future = Ready<io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            // Dropped at once: an answer would cost what the limit is there to save.
            return ready(Err(io::Error::new(io::ErrorKind::ConnectionRefused, "there are too many connections")));
        };
        // Small answers must not wait for the acknowledgement of the ones before.
        if let Err(error) = stream.set_nodelay(true) {
            return ready(Err(error));
        }
        let work = Arc::new(Work(Mutex::new(Progress { requests: 0, last: Instant::now() })));
        let connection = Connection {
            stream,
            work: Arc::clone(&work),
            quiet: self.quiet,
            timer: Box::pin(sleep(self.quiet)),
            stalled: None,
            _place: place,
        };
        ready(Ok((connection, Watched { service, work })))
    }
}

/// What a connection is doing.
struct Work(Mutex<Progress>);

struct Progress {
    /// Requests whose answer's head is not decided yet.
    requests: usize,
    /// When something went forward last.
    last: Instant,
}

impl Work {
    fn change(&self, change: impl FnOnce(&mut Progress)) {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut progress);
        progress.last = Instant::now();
    }

    /// Since when the connection has been quiet; this moment while it works.
    fn quiet_since(&self) -> Instant {
        let progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if progress.requests > 0 { Instant::now() } else { progress.last }
    }
}

/// A TCP connection with a place among those allowed.
pub(crate) struct Connection {
    stream: TcpStream,
    work: Arc<Work>,
    quiet: Duration,
    timer: Pin<Box<Sleep>>,
    stalled: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// Is ready when the connection has been quiet for too long.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            ready!(self.timer.as_mut().poll(context));
            let until = self.work.quiet_since() + self.quiet;
            if until <= Instant::now() {
                return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "no request came in time"));
            }
            self.timer.as_mut().reset(until);
        }
    }

    /// What a write came to, with the clock that watches for it.
    fn written(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            self.work.change(|_| {});
            return written;
        }
        let clock = self.stalled.get_or_insert_with(|| Box::pin(sleep(STALLED)));
        ready!(clock.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => self.poll_patience(context).map(Err),
            read => read,
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A service that tells its connection what it works on.
#[derive(Clone)]
pub(crate) struct Watched<S> {
    service: S,
    work: Arc<Work>,
}

impl<S, R> Service<R> for Watched<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let working = Working::begin(&self.work);
        let answer = self.service.call(request);
        async move {
            let _working = working;
            answer.await
        }
        .boxed()
    }
}

/// A request in the works; ends also when the peer goes away and the answer is given up.
struct Working(Arc<Work>);

impl Working {
    fn begin(work: &Arc<Work>) -> Self {
        work.change(|progress| progress.requests += 1);
        Self(Arc::clone(work))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.change(|progress| progress.requests = progress.requests.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    fn gate(places: usize, quiet: Duration) -> Gate {
        Gate { quiet, ..Gate::new(places) }
    }

    #[tokio::test]
    async fn a_connection_beyond_the_limit_is_dropped_and_a_place_is_free_again_when_one_ends() {
        let gate = gate(1, QUIET);
        let (_client, first) = pair().await;
        let (held, _) = gate.accept(first, ()).await.unwrap();
        let (_client, second) = pair().await;
        assert!(gate.accept(second, ()).await.is_err());
        drop(held);
        let (_client, third) = pair().await;
        gate.accept(third, ()).await.unwrap();
    }

    #[tokio::test]
    async fn a_head_that_comes_in_drops_does_not_hold_its_place() {
        let (mut client, stream) = pair().await;
        let (mut connection, _) = gate(1, Duration::from_millis(200)).accept(stream, ()).await.unwrap();
        let dripping = tokio::spawn(async move {
            // Each byte arrives well before the patience ends; together they never make a head.
            while client.write_all(b"G").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let mut bytes = Vec::new();
        let error = connection.read_to_end(&mut bytes).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(!bytes.is_empty());
        drop(connection);
        dripping.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_in_the_works_has_all_the_time_it_needs() {
        let (_client, stream) = pair().await;
        let quiet = Duration::from_millis(50);
        let (mut connection, watched) = gate(1, quiet).accept(stream, ()).await.unwrap();
        let working = Working::begin(&watched.work);
        let mut byte = [0];
        let patient = tokio::time::timeout(quiet * 6, connection.read(&mut byte)).await;
        assert!(patient.is_err(), "the connection ended while a request was in the works");
        drop(working);
        assert_eq!(connection.read(&mut byte).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
