//! The way of one request: allowed, resolved, filled in, sent, followed, read, masked.

use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::{Position, Url};

use crate::headers::belongs_to_connection;
use crate::mask::forms::percent_encoded;
use crate::request::{Hop, check_body_size};
use crate::resolve::{Pins, judged};
use crate::secrets::template::Template;
use crate::way::{Answers, Nowhere, Way};
use crate::{
    Error, Masker, Origin, Policy, Request, Resolver, Response, SecretAccess, SecretName, SecretStore, SecretValue,
    Settings, SystemResolver, redirect, urls,
};

/// How long an idle connection is kept for the next request to the same origin.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);
/// Idle connections that are kept for one origin.
const IDLE_CONNECTIONS: usize = 4;

/// The one way out of the server, shared by all plugins. Clones share its connections, its limits and what it knows of
/// secrets.
#[derive(Clone)]
pub struct Egress(Arc<Shared>);

struct Shared {
    settings: Settings,
    way: Way,
    pins: Pins,
    resolver: Arc<dyn Resolver>,
    store: Arc<dyn SecretStore>,
    masker: Masker,
    places: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl fmt::Debug for Egress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Egress")
            .field("settings", &self.0.settings)
            .field("masker", &self.0.masker)
            .finish_non_exhaustive()
    }
}

impl Egress {
    /// A way out under these settings, with the secrets of `store`; `masker` learns those that are used.
    ///
    /// # Errors
    /// [`Error::Setup`] where a certificate of the settings cannot be read or TLS cannot be set up.
    pub fn new(settings: Settings, store: Arc<dyn SecretStore>, masker: Masker) -> Result<Self, Error> {
        Self::with_resolver(settings, store, masker, Arc::new(SystemResolver))
    }

    /// The same with a resolver of its own.
    ///
    /// # Errors
    /// As [`Egress::new`].
    pub fn with_resolver(
        settings: Settings,
        store: Arc<dyn SecretStore>,
        masker: Masker,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, Error> {
        let pins = Pins::default();
        let client = client(&settings, &pins).map_err(|error| Error::Setup { reason: causes(error) })?;
        Ok(Self::over(Way::Network(client), pins, resolver, settings, store, masker))
    }

    /// A way that ends before the network: what passes the policy and the limits is answered by `answers`, and no name is
    /// resolved. For tests of plugins.
    #[must_use]
    pub fn with_answers(
        settings: Settings,
        store: Arc<dyn SecretStore>,
        masker: Masker,
        answers: Arc<dyn Answers>,
    ) -> Self {
        Self::over(Way::Answers(answers), Pins::default(), Arc::new(Nowhere), settings, store, masker)
    }

    fn over(
        way: Way,
        pins: Pins,
        resolver: Arc<dyn Resolver>,
        settings: Settings,
        store: Arc<dyn SecretStore>,
        masker: Masker,
    ) -> Self {
        Self(Arc::new(Shared { settings, way, pins, resolver, store, masker, places: Mutex::default() }))
    }

    /// Sends a request for the plugin of this policy, and follows its redirects.
    ///
    /// # Errors
    /// Every variant of [`Error`] but those of reading rules and of the setup. None of their texts holds a
    /// known secret.
    pub async fn send(&self, policy: &Policy, access: &SecretAccess, request: Request) -> Result<Response, Error> {
        let sent = self.send_in_time(policy, access, request).await;
        sent.map_err(|error| error.masked(&self.0.masker))
    }

    /// Whether there is a secret that the plugin may use. The value stays in the host.
    ///
    /// # Errors
    /// [`Error::SecretName`], [`Error::SecretDenied`], [`Error::SecretUnavailable`].
    pub async fn secret_exists(&self, access: &SecretAccess, name: &str) -> Result<bool, Error> {
        let name = SecretName::parse(name)?;
        access.check_name(&name)?;
        match self.secret(&name).await {
            Ok(_) => Ok(true),
            Err(Error::SecretNotFound { .. }) => Ok(false),
            Err(error) => Err(error.masked(&self.0.masker)),
        }
    }

    /// What knows the secrets that were used.
    #[must_use]
    pub fn masker(&self) -> &Masker {
        &self.0.masker
    }

    async fn send_in_time(&self, policy: &Policy, access: &SecretAccess, request: Request) -> Result<Response, Error> {
        let most = self.0.settings.total_timeout;
        let limit = request.timeout.map_or(most, |asked| asked.min(most));
        let hop = Hop::first(&request, &self.0.settings)?;
        // Refused before it waits for anything: what is not allowed takes no place of what is.
        check(policy, access, &hop)?;
        let began = Instant::now();
        let _place = self.place(policy, limit).await?;
        let left = limit.saturating_sub(began.elapsed());
        match tokio::time::timeout(left, self.exchange(policy, access, hop, request.follow_redirects)).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::Timeout { milliseconds: limit.as_millis() }),
        }
    }

    /// A place among the plugin's requests.
    async fn place(&self, policy: &Policy, limit: Duration) -> Result<OwnedSemaphorePermit, Error> {
        let most = self.0.settings.concurrent_requests;
        let places = {
            let mut all = self.0.places.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(policy.plugin().to_owned()).or_insert_with(|| Arc::new(Semaphore::new(most))))
        };
        match tokio::time::timeout(limit, places.acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => {
                Err(Error::Busy { plugin: policy.plugin().to_owned(), limit: most, milliseconds: limit.as_millis() })
            }
        }
    }

    /// Request and redirects, until there is an answer.
    async fn exchange(
        &self,
        policy: &Policy,
        access: &SecretAccess,
        first: Hop,
        follow: bool,
    ) -> Result<Response, Error> {
        let Shared { settings, masker, .. } = &*self.0;
        let mut hop = first;
        for _ in 0..=settings.redirects {
            let origin = check(policy, access, &hop)?;
            let addresses = judged(self.0.resolver.as_ref(), &origin.host, &settings.private_networks).await?;
            let _pinned = self.0.pins.pin(&origin.host, addresses);
            let wire = self.fill_in(&hop).await?;
            let sent = wire.url().clone();
            let answer = self.0.way.carry(&origin, wire).await?;
            let status = answer.status().as_u16();
            tracing::debug!(plugin = policy.plugin(), method = %hop.method, %origin, status, "request sent");
            let location = answer.headers().get(header::LOCATION).map(HeaderValue::as_bytes);
            let next = if follow { redirect::follow(&hop, &sent, answer.status(), location, masker)? } else { None };
            match next {
                None => return self.read(&hop, &origin, answer).await,
                Some(next) => hop = next,
            }
        }
        Err(Error::TooManyRedirects { limit: settings.redirects })
    }

    /// The request with the values of its secrets, which exists from here to the wire.
    async fn fill_in(&self, hop: &Hop) -> Result<reqwest::Request, Error> {
        let mut values = BTreeMap::new();
        for name in hop.templates().flat_map(Template::names) {
            if !values.contains_key(name) {
                values.insert(name.clone(), self.secret(name).await?);
            }
        }
        let as_it_is = |value: &str| value.as_bytes().to_vec();
        let body = hop.body.render(&values, as_it_is);
        check_body_size(body.len(), &self.0.settings)?;
        let mut wire = reqwest::Request::new(hop.method.clone(), fill_in_url(hop, &values)?);
        *wire.headers_mut() = fill_in_headers(hop, &values)?;
        if !body.is_empty() {
            *wire.body_mut() = Some(body.into());
        }
        Ok(wire)
    }

    /// The value of a secret, which the masker knows from then on.
    async fn secret(&self, name: &SecretName) -> Result<SecretValue, Error> {
        match self.0.store.get(name).await {
            Ok(Some(value)) => {
                self.0.masker.learn(name, &value);
                Ok(value)
            }
            Ok(None) => Err(Error::SecretNotFound { name: name.to_string() }),
            Err(error) => Err(Error::SecretUnavailable { name: name.to_string(), reason: error.reason }),
        }
    }

    /// Reads an answer under the cap, whatever length it claims to have, and masks it.
    async fn read(&self, hop: &Hop, origin: &Origin, mut answer: reqwest::Response) -> Result<Response, Error> {
        let limit = self.0.settings.response_body_bytes;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| failed(origin, error))? {
            if body.len() + chunk.len() > limit {
                return Err(Error::ResponseTooLarge { origin: origin.to_string(), limit });
            }
            body.extend_from_slice(&chunk);
        }
        let masker = &self.0.masker;
        let clean = masker.mask_bytes(&body).into_owned();
        let length_changed = clean.len() != body.len();
        let wrong = |name: &HeaderName| length_changed && name == header::CONTENT_LENGTH;
        let headers = answer.headers().iter().filter(|(name, _)| !belongs_to_connection(name) && !wrong(name));
        Ok(Response {
            status: answer.status().as_u16(),
            headers: headers
                .map(|(name, value)| (name.to_string(), masker.mask_bytes(value.as_bytes()).into_owned()))
                .collect(),
            body: Bytes::from(clean),
            url: masker.mask(hop.url.as_str()).into_owned(),
        })
    }
}

/// Whether the rules and the bindings allow a request; nothing is asked of anybody for it.
fn check(policy: &Policy, access: &SecretAccess, hop: &Hop) -> Result<Origin, Error> {
    let origin = Origin::of(&hop.url).map_err(|reason| Error::Url { reason: reason.to_owned() })?;
    policy.check(&hop.method, &origin)?;
    for name in hop.templates().flat_map(Template::names) {
        access.check(name, &origin)?;
    }
    Ok(origin)
}

/// The client: it resolves, redirects and decompresses nothing by itself, and no proxy stands between it and the judged
/// address.
fn client(settings: &Settings, pins: &Pins) -> reqwest::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .use_rustls_tls()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .dns_resolver(Arc::new(pins.clone()))
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .user_agent(concat!("kumiko/", env!("CARGO_PKG_VERSION")));
    for certificate in &settings.root_certificates {
        builder = builder.add_root_certificate(reqwest::Certificate::from_pem(certificate)?);
    }
    builder.build()
}

/// The URL with its secrets, each percent-encoded, so that a value never ends a part of the URL or begins another.
fn fill_in_url(hop: &Hop, values: &BTreeMap<SecretName, SecretValue>) -> Result<Url, Error> {
    if !hop.path.has_secrets() {
        return Ok(hop.url.clone());
    }
    let path = hop.path.render(values, |value| percent_encoded(value, |byte| format!("%{byte:02X}")).into_bytes());
    let text = [hop.url[..Position::BeforePath].as_bytes(), &path].concat();
    let unusable = || Error::Url { reason: "it is no URL with its secrets put in".to_owned() };
    let filled = Url::parse(&String::from_utf8_lossy(&text)).map_err(|_| unusable())?;
    // A value of `..` would climb to another path.
    let kept = filled.origin() == hop.url.origin() && urls::path_of(&filled).as_bytes() == path;
    if kept { Ok(filled) } else { Err(unusable()) }
}

/// The headers with their secrets. A request that carries one asks for an answer without compression: what is
/// compressed cannot be masked.
fn fill_in_headers(hop: &Hop, values: &BTreeMap<SecretName, SecretValue>) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::with_capacity(hop.headers.len());
    for (name, template) in &hop.headers {
        let value = template.render(values, |value| value.as_bytes().to_vec());
        let mut value = HeaderValue::from_bytes(&value).map_err(|_| Error::SecretUnusable {
            name: template.names().map(SecretName::as_str).collect::<Vec<_>>().join("`, `"),
            place: format!("the header `{name}`"),
        })?;
        value.set_sensitive(template.has_secrets());
        headers.append(name.clone(), value);
    }
    if !values.is_empty() {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    Ok(headers)
}

/// An error of the client, without the URL.
pub(crate) fn failed(origin: &Origin, error: reqwest::Error) -> Error {
    let origin = origin.to_string();
    let unreachable = error.is_connect();
    let reason = causes(error);
    if unreachable { Error::Unreachable { origin, reason } } else { Error::Broken { origin, reason } }
}

/// The causes of an error from the outermost to the first, without the URL.
fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
