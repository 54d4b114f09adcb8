//! Which requests one plugin may send.
//!
//! A policy is the `http` list of the plugin's section in the grants file. It allows what one of its rules means and
//! nothing else.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};

use crate::{Error, Origin, OriginPattern};

/// The methods that a rule means.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Methods {
    /// All of them.
    Any,
    /// These.
    Listed(Vec<Method>),
}

/// One line of a policy: `GET,POST https://api.example.com`, `api.example.com` (any method), `* http://127.0.0.1:8080`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rule {
    methods: Methods,
    origin: OriginPattern,
}

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// [`Error::Pattern`] with what is wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Pattern { text: text.to_owned(), reason };
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [] => Err(wrong("it is empty".to_owned())),
            [origin] | ["*", origin] => Ok(Self { methods: Methods::Any, origin: OriginPattern::parse(origin)? }),
            [methods, origin] => {
                let methods = methods.split(',').map(method).collect::<Result<_, _>>().map_err(wrong)?;
                Ok(Self { methods: Methods::Listed(methods), origin: OriginPattern::parse(origin)? })
            }
            _ => Err(wrong(
                "a rule is methods and a host, apart by one space: GET,POST https://api.example.com".to_owned(),
            )),
        }
    }

    /// The rule that allows one request and no more.
    pub(crate) fn for_request(method: &Method, origin: &Origin) -> Self {
        Self { methods: Methods::Listed(vec![method.clone()]), origin: origin.into() }
    }

    /// Whether a request is meant.
    #[must_use]
    pub fn allows(&self, method: &Method, origin: &Origin) -> bool {
        let method_fits = match &self.methods {
            Methods::Any => true,
            Methods::Listed(methods) => methods.contains(method),
        };
        method_fits && self.origin.covers(origin)
    }
}

/// Reads a method in capitals or not; the reason where it is none that is sent.
pub(crate) fn method(text: &str) -> Result<Method, String> {
    let method = Method::from_bytes(text.to_ascii_uppercase().as_bytes())
        .map_err(|_| format!("`{}` is no method, such as GET or POST", text.escape_debug()))?;
    // CONNECT would open a tunnel whose traffic no rule sees; TRACE sends back what went out, secrets included.
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(format!("{method} is never sent"));
    }
    Ok(method)
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Rule {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.to_string()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.methods {
            Methods::Any => formatter.write_str("*")?,
            Methods::Listed(methods) => {
                for (index, method) in methods.iter().enumerate() {
                    write!(formatter, "{}{method}", if index == 0 { "" } else { "," })?;
                }
            }
        }
        write!(formatter, " {}", self.origin)
    }
}

/// The rules of one plugin. Clones share them.
#[derive(Clone, Debug)]
pub struct Policy {
    plugin: Arc<str>,
    rules: Arc<[Rule]>,
}

impl Policy {
    /// What the plugin of this name may send.
    #[must_use]
    pub fn new(plugin: &str, rules: Vec<Rule>) -> Self {
        Self { plugin: plugin.into(), rules: rules.into() }
    }

    /// The same from the text of the rules, one in each.
    ///
    /// # Errors
    /// [`Error::Pattern`] for the first text that is no rule.
    pub fn parse<Text: AsRef<str>>(plugin: &str, rules: impl IntoIterator<Item = Text>) -> Result<Self, Error> {
        let rules = rules.into_iter().map(|rule| Rule::parse(rule.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self::new(plugin, rules))
    }

    /// The plugin's name.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// The rules, in their order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether a request is allowed by its method and where it goes.
    ///
    /// # Errors
    /// [`Error::Denied`] with the rule that would allow it.
    pub fn check(&self, method: &Method, origin: &Origin) -> Result<(), Error> {
        if self.rules.iter().any(|rule| rule.allows(method, origin)) {
            return Ok(());
        }
        Err(Error::Denied {
            plugin: self.plugin.to_string(),
            method: method.to_string(),
            origin: origin.to_string(),
            rule: Rule::for_request(method, origin).to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use kumiko_vocabulary::Fault;
    use url::Url;

    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::of(&Url::parse(url).unwrap()).unwrap()
    }

    #[test]
    fn a_plugin_without_rules_may_send_nothing() {
        let policy = Policy::new("weather", Vec::new());
        assert!(policy.check(&Method::GET, &origin("https://api.example.com")).is_err());
    }

    #[test]
    fn a_rule_means_its_methods_alone() {
        let policy = Policy::parse("weather", ["get,POST https://api.example.com", "other.example.com"]).unwrap();
        assert!(policy.check(&Method::GET, &origin("https://api.example.com")).is_ok());
        assert!(policy.check(&Method::POST, &origin("https://api.example.com")).is_ok());
        assert!(policy.check(&Method::DELETE, &origin("https://api.example.com")).is_err());
        assert!(policy.check(&Method::DELETE, &origin("https://other.example.com")).is_ok());
    }

    #[test]
    fn a_denial_has_the_line_that_allows_the_request() {
        let asked = origin("http://127.1:8080/x");
        let error = Policy::new("weather", Vec::new()).check(&Method::GET, &asked).unwrap_err();
        let Error::Denied { rule, .. } = &error else { panic!("{error}") };
        assert!(Rule::parse(rule).unwrap().allows(&Method::GET, &asked));
        let fault = Fault::from(error);
        assert_eq!(fault.code, "http_denied");
        let hint = fault.hint.unwrap();
        assert!(
            hint.contains("section [weather]") && hint.contains("http = [\"GET http://127.0.0.1:8080\"]"),
            "{hint}"
        );
    }

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        for text in ["GET,POST https://api.example.com", "* http://127.0.0.1:8080", "PUT https://*.example.com:8443"] {
            assert_eq!(Rule::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Rule::parse("api.example.com").unwrap().to_string(), "* https://api.example.com");
    }

    #[test]
    fn a_mistake_in_a_rule_is_named() {
        for (text, word) in [
            ("  ", "empty"),
            ("GET POST https://a", "one space"),
            ("GET, https://a", "no method"),
            ("G/T a", "no method"),
            ("CONNECT a", "never sent"),
            ("get,trace a", "never sent"),
            ("GET https://a/path", "path"),
        ] {
            let error = Rule::parse(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
