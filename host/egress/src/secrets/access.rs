//! Which secrets one plugin may use, and where they may be sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Error, Origin, OriginPattern, SecretName};

/// The secrets of one plugin: the `secrets` of its section in the grants file. Clones share them.
///
/// A secret is bound to origins, scheme and port included: one that is bound to `api.example.com` goes there over TLS
/// alone.
#[derive(Clone, Debug)]
pub struct SecretAccess {
    plugin: Arc<str>,
    bindings: Arc<BTreeMap<SecretName, Vec<OriginPattern>>>,
}

impl SecretAccess {
    /// What the plugin of this name may use.
    #[must_use]
    pub fn new(plugin: &str, bindings: BTreeMap<SecretName, Vec<OriginPattern>>) -> Self {
        Self { plugin: plugin.into(), bindings: Arc::new(bindings) }
    }

    /// The same from text: names, each with the hosts it may be sent to.
    ///
    /// # Errors
    /// [`Error::SecretName`] and [`Error::Pattern`] for the first text that is wrong.
    pub fn parse<Name: AsRef<str>, Hosts: IntoIterator<Item: AsRef<str>>>(
        plugin: &str,
        bindings: impl IntoIterator<Item = (Name, Hosts)>,
    ) -> Result<Self, Error> {
        let mut read = BTreeMap::new();
        for (name, hosts) in bindings {
            let hosts = hosts.into_iter().map(|host| OriginPattern::parse(host.as_ref())).collect::<Result<_, _>>()?;
            read.insert(SecretName::parse(name.as_ref())?, hosts);
        }
        Ok(Self::new(plugin, read))
    }

    /// The plugin's name.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// The names of the secrets, in their order.
    pub fn names(&self) -> impl Iterator<Item = &SecretName> {
        self.bindings.keys()
    }

    /// Whether the plugin may use the secret at all.
    ///
    /// # Errors
    /// [`Error::SecretDenied`].
    pub fn check_name(&self, name: &SecretName) -> Result<(), Error> {
        if self.bindings.contains_key(name) {
            return Ok(());
        }
        Err(self.denied(name, None))
    }

    /// Whether the plugin may send the secret there.
    ///
    /// # Errors
    /// [`Error::SecretDenied`] with the line that would allow it.
    pub fn check(&self, name: &SecretName, origin: &Origin) -> Result<(), Error> {
        let bound =
            self.bindings.get(name).is_some_and(|patterns| patterns.iter().any(|pattern| pattern.covers(origin)));
        if bound { Ok(()) } else { Err(self.denied(name, Some(origin))) }
    }

    fn denied(&self, name: &SecretName, origin: Option<&Origin>) -> Error {
        let mut hosts: Vec<String> = self.bindings.get(name).into_iter().flatten().map(ToString::to_string).collect();
        hosts.extend(origin.map(ToString::to_string));
        let hosts: Vec<String> = hosts.iter().map(|host| format!("\"{host}\"")).collect();
        // A dot would be read as a table of its own; a quoted key is always one key.
        Error::SecretDenied {
            plugin: self.plugin.to_string(),
            name: name.to_string(),
            origin: origin.map(ToString::to_string),
            grant: format!("secrets = {{ \"{name}\" = [{}] }}", hosts.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use kumiko_vocabulary::{Fault, FaultKind};
    use url::Url;

    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::of(&Url::parse(url).unwrap()).unwrap()
    }

    #[test]
    fn a_secret_goes_where_it_is_bound_to_over_the_bound_scheme_and_port() {
        let access = SecretAccess::parse("weather", [("token", ["api.example.com", "*.example.org"])]).unwrap();
        let token = SecretName::parse("token").unwrap();
        for url in ["https://api.example.com/a", "https://a.example.org", "https://API.EXAMPLE.COM.:443"] {
            assert!(access.check(&token, &origin(url)).is_ok(), "{url}");
        }
        for url in [
            "http://api.example.com",
            "https://api.example.com:8443",
            "https://example.org",
            "https://api.example.com.evil.net",
        ] {
            assert!(access.check(&token, &origin(url)).is_err(), "{url}");
        }
        assert!(access.check_name(&token).is_ok() && access.check_name(&SecretName::parse("other").unwrap()).is_err());
    }

    #[test]
    fn a_denial_has_the_line_that_keeps_what_is_granted_and_adds_what_is_missing() {
        let access = SecretAccess::parse("weather", [("token", ["api.example.com"])]).unwrap();
        let error = access.check(&SecretName::parse("token").unwrap(), &origin("https://b.example.com")).unwrap_err();
        let fault = Fault::from(error);
        assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::Denied, "secret_denied"));
        let hint = fault.hint.unwrap();
        assert!(hint.contains("[weather]"), "{hint}");
        assert!(
            hint.contains(r#"secrets = { "token" = ["https://api.example.com", "https://b.example.com"] }"#),
            "{hint}"
        );
    }
}
