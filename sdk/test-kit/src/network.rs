//! The other side of requests: the answers that a test prepared, and the secrets that go with them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kumiko_egress::{
    Answers, Egress, Error, Masker, Policy, Rule, SecretAccess, SecretName, SecretStore, SecretStoreError, SecretValue,
    Settings,
};
use kumiko_sdk::fault::FaultKind;
use kumiko_sdk::http::{Request, Response};
use kumiko_sdk::{Fault, Result};
use serde_json::Value;
use tokio::runtime::Runtime;
use url::Url;

use crate::TestHost;

/// Who sends the requests of a test.
const SENDER: &str = "test";

/// An answer to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl HttpAnswer {
    /// An answer without headers and body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// 200 with a JSON document.
    #[must_use]
    pub fn json(document: &Value) -> Self {
        Self::new(200).header("content-type", "application/json").body(document.to_string())
    }

    /// The same with another status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with another body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

/// What makes an answer of a request as it would be on the wire.
type Answering = Arc<dyn Fn(&Request) -> Result<HttpAnswer> + Send + Sync>;

/// One line of the table of answers.
struct Prepared {
    /// The rule that an operator would grant for it.
    rule: String,
    /// The methods in capitals; all of them where there is none.
    methods: Vec<String>,
    url: String,
    /// Whether the url is only how it begins.
    open: bool,
    answering: Answering,
}

impl Prepared {
    fn read(pattern: &str, answering: Answering) -> Result<Self> {
        let wrong = |reason: &str| {
            Fault::invalid("http_rule_malformed", format!("`{pattern}` means no requests: {reason}"))
                .hint("write `GET https://api.example.com/features`, or `* https://api.example.com/*`")
        };
        let (methods, url) = pattern.trim().split_once(' ').unwrap_or(("*", pattern.trim()));
        let (url, open) = url.strip_suffix('*').map_or((url, false), |begin| (begin, true));
        let url = Url::parse(url.trim()).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("only http and https are sent"));
        }
        let rule = format!("{methods} {}", url.origin().ascii_serialization());
        Rule::parse(&rule).map_err(|error| wrong(&error.to_string()))?;
        let listed = methods.split(',').filter(|method| *method != "*");
        let methods = listed.map(str::to_ascii_uppercase).collect();
        Ok(Self { rule, methods, url: url.into(), open, answering })
    }

    fn fits(&self, request: &Request) -> bool {
        (self.methods.is_empty() || self.methods.contains(&request.method))
            && if self.open { request.url.starts_with(&self.url) } else { request.url == self.url }
    }
}

/// A secret of a test.
struct Secret {
    value: String,
    hosts: Vec<String>,
}

/// What lies beyond the host, and what came there.
#[derive(Default)]
pub(crate) struct Beyond {
    prepared: Mutex<Vec<Prepared>>,
    secrets: Mutex<BTreeMap<String, Secret>>,
    sent: Mutex<Vec<Request>>,
    /// What the answer under way failed with: a fault of the test's own takes the way of the server's errors in here.
    failed: Mutex<Option<Fault>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Answers for Beyond {
    fn answer(&self, request: &kumiko_egress::Request) -> Result<kumiko_egress::Response, Error> {
        let request = Request {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            body: Some(request.body.to_vec()).filter(|body| !body.is_empty()),
            timeout_milliseconds: None,
        };
        let found = lock(&self.prepared)
            .iter()
            .rev()
            .find(|prepared| prepared.fits(&request))
            .map(|prepared| Arc::clone(&prepared.answering));
        let Some(answering) = found else {
            let Request { method, url, .. } = request;
            return Err(Error::Denied { plugin: SENDER.to_owned(), method, origin: url, rule: String::new() });
        };
        lock(&self.sent).push(request.clone());
        match answering(&request) {
            Ok(HttpAnswer { status, headers, body }) => Ok(kumiko_egress::Response {
                status,
                headers: headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect(),
                body: body.into(),
                url: String::new(),
            }),
            Err(fault) => {
                let reason = fault.message.clone();
                *lock(&self.failed) = Some(fault);
                Err(Error::Broken { origin: request.url, reason })
            }
        }
    }
}

#[async_trait]
impl SecretStore for Beyond {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>, SecretStoreError> {
        let secrets = lock(&self.secrets);
        let value = secrets.get(name.as_str()).map(|secret| secret.value.as_str()).filter(|value| !value.is_empty());
        Ok(value.map(SecretValue::new))
    }
}

/// The server's own way out, up to where the network would begin.
pub(crate) struct Network {
    beyond: Arc<Beyond>,
    egress: Egress,
}

impl Network {
    pub(crate) fn new() -> Self {
        let beyond = Arc::new(Beyond::default());
        // Whatever address a test prepares an answer for, it means it.
        let everywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|network| network.parse().ok()).collect();
        let settings = Settings { private_networks: everywhere, ..Settings::default() };
        let egress = Egress::with_answers(settings, beyond.clone(), Masker::new(), beyond.clone());
        Self { beyond, egress }
    }

    fn policy(&self) -> Result<Policy> {
        Ok(Policy::parse(SENDER, lock(&self.beyond.prepared).iter().map(|prepared| &prepared.rule))?)
    }

    fn access(&self) -> Result<SecretAccess> {
        let secrets = lock(&self.beyond.secrets);
        Ok(SecretAccess::parse(SENDER, secrets.iter().map(|(name, secret)| (name, &secret.hosts)))?)
    }

    pub(crate) fn send(&self, runtime: &Runtime, request: &Request) -> Result<Response> {
        let (policy, access) = (self.policy()?, self.access()?);
        let mut outgoing = kumiko_egress::Request::new(&request.method, &request.url);
        for (name, value) in &request.headers {
            outgoing = outgoing.header(name, value.as_bytes());
        }
        outgoing.body = request.body.clone().unwrap_or_default().into();
        outgoing.timeout = request.timeout_milliseconds.map(|milliseconds| Duration::from_millis(milliseconds.into()));
        let before = lock(&self.beyond.sent).len();
        let answered = runtime.block_on(self.egress.send(&policy, &access, outgoing));
        for sent in lock(&self.beyond.sent).iter_mut().skip(before) {
            sent.timeout_milliseconds = request.timeout_milliseconds;
        }
        let failed = lock(&self.beyond.failed).take();
        let response = answered.map_err(|error| failed.unwrap_or_else(|| fault(error)))?;
        Ok(Response {
            status: response.status,
            headers: response.headers.into_iter().map(|(name, value)| (name, text(&value))).collect(),
            body: response.body.to_vec(),
            url: response.url,
        })
    }

    pub(crate) fn secret_exists(&self, runtime: &Runtime, name: &str) -> Result<bool> {
        runtime.block_on(self.egress.secret_exists(&self.access()?, name)).map_err(fault)
    }
}

/// What the server would say, with the line of the test that is missing in place of the operator's.
fn fault(error: Error) -> Fault {
    match error {
        Error::Denied { method, origin: place, .. } => {
            let pattern = match place.split("://").nth(1) {
                Some(rest) if !rest.contains('/') => format!("{method} {place}/*"),
                _ => format!("{method} {place}"),
            };
            let message = format!("no answer is prepared for {method} {place}");
            Fault::new(FaultKind::Denied, "http_denied", message)
                .hint(format!("prepare one in the test: host.http(\"{pattern}\", HttpAnswer::new(200))"))
        }
        Error::SecretDenied { name, origin, .. } => {
            let (target, host) = match origin {
                Some(origin) => (format!(" for {origin}"), origin),
                None => (String::new(), "api.example.com".to_owned()),
            };
            let message = format!("the test has no secret `{name}`{target}");
            Fault::new(FaultKind::Denied, "secret_denied", message)
                .hint(format!("give it in the test: host.secret(\"{name}\", \"a value\", &[\"{host}\"])"))
        }
        other => other.into(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl TestHost {
    /// Prepares the answer to requests: `GET https://api.example.com/features`. A `*` at the end stands for anything that
    /// follows, several methods are apart by commas, and without one all are meant. Of several that fit, the latest
    /// answers.
    ///
    /// What is prepared is granted; any other request is `http_denied`. Requests and answers go through the server's own
    /// limits: redirects are followed, secrets put in and masked.
    ///
    /// # Errors
    /// A pattern that means no requests.
    pub fn http(&self, pattern: &str, answer: HttpAnswer) -> Result<()> {
        self.http_with(pattern, move |_| Ok(answer.clone()))
    }

    /// Prepares answers that depend on the request, as it would be on the wire, or that fail.
    ///
    /// # Errors
    /// As [`Self::http`].
    pub fn http_with(
        &self,
        pattern: &str,
        answering: impl Fn(&Request) -> Result<HttpAnswer> + Send + Sync + 'static,
    ) -> Result<()> {
        let prepared = Prepared::read(pattern, Arc::new(answering))?;
        lock(&self.inner.network.beyond.prepared).push(prepared);
        Ok(())
    }

    /// The requests that were answered, in order, as they would be on the wire: names of headers in lower case, secrets
    /// in their places, and each redirect as one more.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.inner.network.beyond.sent).clone()
    }

    /// Grants a secret, bound to these hosts: `api.example.com`, `*.example.com`, `http://127.0.0.1:8080`. One with an
    /// empty value is granted and does not exist.
    ///
    /// # Errors
    /// A name or a host that is none.
    pub fn secret(&self, name: &str, value: &str, hosts: &[&str]) -> Result<()> {
        SecretAccess::parse(SENDER, [(name, hosts)])?;
        let secret = Secret { value: value.to_owned(), hosts: hosts.iter().map(|host| (*host).to_owned()).collect() };
        lock(&self.inner.network.beyond.secrets).insert(name.to_owned(), secret);
        Ok(())
    }
}
