//! What a client chooses by the endpoint's URL: `?capabilities=a,b` and `?tools=compact`.

use std::collections::BTreeSet;
use std::sync::Arc;

use kumiko_mcp::Selection;
use kumiko_vocabulary::Fault;
use url::form_urlencoded;

use crate::refusal::Refusal;

/// The longest list of capabilities.
const MAXIMUM_CAPABILITIES: usize = 100;

/// Parameters by which clients of other servers send their credential. A URL ends up in logs and histories, so there is
/// no such way here.
const CREDENTIALS: [&str; 4] = ["access_token", "api_key", "apikey", "token"];

/// What was chosen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The capabilities to show.
    pub(crate) capabilities: Selection,
    /// Whether only the tools that find and call the others are listed.
    pub(crate) compact: bool,
}

/// Reads a query. Parameters of other names mean nothing here.
pub(crate) fn parse(query: Option<&str>) -> Result<Choice, Refusal> {
    let mut choice = Choice::default();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match name.as_ref() {
            "capabilities" => choice.capabilities = choice.capabilities.and(&capabilities(&value)?),
            "tools" if value == "compact" => choice.compact = true,
            "tools" if value == "all" => choice.compact = false,
            "tools" => return Err(invalid(format!("`tools` is `{value}`, but `all` or `compact` was expected"))),
            name if CREDENTIALS.contains(&name) => {
                let message = format!("the query has `{name}`, but a credential is not accepted in a URL");
                return Err(Refusal::bad_request(Fault::invalid("credential_in_query", message).hint(
                    "send it in the header `Authorization: Bearer …` or `X-API-Key`; \
                     what was in a URL may stand in logs, so revoke it",
                )));
            }
            _ => {}
        }
    }
    Ok(choice)
}

fn capabilities(value: &str) -> Result<Selection, Refusal> {
    let names: BTreeSet<String> = value.split(',').map(|name| name.trim().to_owned()).collect();
    if names.len() > MAXIMUM_CAPABILITIES {
        let message = format!("`capabilities` names {}; at most {MAXIMUM_CAPABILITIES} are possible", names.len());
        return Err(invalid(message));
    }
    match names.iter().find(|name| !is_capability(name)) {
        Some(name) => Err(invalid(format!("`capabilities` has `{name}`, which is no name of a capability"))),
        None => Ok(Selection::Only(Arc::new(names))),
    }
}

fn invalid(message: String) -> Refusal {
    let hint = "the endpoint understands `?capabilities=a,b` and `?tools=compact`";
    Refusal::bad_request(Fault::invalid("query_invalid", message).hint(hint))
}

/// Whether a text could be the name of a capability.
pub(crate) fn is_capability(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(names: &[&str]) -> Selection {
        Selection::Only(Arc::new(names.iter().map(|name| (*name).to_owned()).collect()))
    }

    #[test]
    fn without_a_query_everything_is_shown() {
        assert_eq!(parse(None).unwrap(), Choice::default());
        assert_eq!(parse(Some("utm_source=x&x")).unwrap(), Choice::default());
    }

    #[test]
    fn capabilities_and_the_short_list_can_be_chosen() {
        let choice = parse(Some("capabilities=a,b%2Cc&tools=compact")).unwrap();
        assert_eq!(choice, Choice { capabilities: only(&["a", "b", "c"]), compact: true });
        assert_eq!(parse(Some("capabilities=a,b&capabilities=b,c")).unwrap().capabilities, only(&["b"]));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let many = format!("capabilities={}", (0..101).map(|number| number.to_string()).collect::<Vec<_>>().join(","));
        for query in ["capabilities=", "capabilities=a,,b", "capabilities=a%20b", "tools=few", many.as_str()] {
            assert_eq!(parse(Some(query)).unwrap_err().code(), "query_invalid", "{query}");
        }
    }

    #[test]
    fn a_credential_in_the_url_is_refused() {
        for query in ["access_token=x", "capabilities=a&api_key=x"] {
            assert_eq!(parse(Some(query)).unwrap_err().code(), "credential_in_query", "{query}");
        }
    }
}
