//! `kumiko:host/http` and `kumiko:host/secrets`: requests as far as they were granted, with secrets that the guest never sees.

use std::time::Duration;

use kumiko_egress::{Policy, Request, SecretAccess};
use kumiko_vocabulary::Fault;
use wasmtime::component::HasData;

use crate::Refusal;
use crate::bindings::kumiko::host::{http as contract, secrets as secret_contract};
use crate::state::Shared;

pub(crate) struct Http;

impl HasData for Http {
    type Data<'a> = HttpView<'a>;
}

/// The borrowed view on which both contracts are implemented.
pub(crate) struct HttpView<'a> {
    pub(crate) call: Shared<'a>,
}

impl Shared<'_> {
    /// The requests that the plugin was granted.
    pub(crate) fn policy(&self) -> Result<Policy, Fault> {
        let access = &self.call.access;
        Ok(Policy::parse(access.plugin(), &access.grants().http)?)
    }

    /// The secrets that the plugin was granted.
    pub(crate) fn secrets(&self) -> Result<SecretAccess, Fault> {
        let access = &self.call.access;
        Ok(SecretAccess::parse(access.plugin(), &access.grants().secrets)?)
    }
}

impl contract::Host for HttpView<'_> {
    async fn send(&mut self, request: contract::Request) -> Result<contract::Response, Refusal> {
        let (policy, secrets) = (self.call.policy()?, self.call.secrets()?);
        let mut outgoing = Request::new(request.method, request.url);
        for (name, value) in request.headers {
            outgoing = outgoing.header(name, value);
        }
        outgoing.body = request.body.unwrap_or_default().into();
        outgoing.timeout = request.timeout.map(|milliseconds| Duration::from_millis(milliseconds.into()));
        let response = self.call.services.egress.send(&policy, &secrets, outgoing).await?;
        Ok(contract::Response {
            status: response.status,
            headers: response
                .headers
                .into_iter()
                .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
                .collect(),
            body: response.body.to_vec(),
            url: response.url,
        })
    }
}

impl secret_contract::Host for HttpView<'_> {
    async fn exists(&mut self, name: String) -> Result<bool, Refusal> {
        let secrets = self.call.secrets()?;
        Ok(self.call.services.egress.secret_exists(&secrets, &name).await?)
    }
}
