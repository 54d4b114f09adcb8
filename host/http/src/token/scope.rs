//! From a token's scopes to capabilities: `kumiko:all` for all, `kumiko:<capability>` for one.

use std::collections::BTreeSet;
use std::sync::Arc;

use kumiko_mcp::Selection;
use serde_json::Value;

use crate::query::is_capability;

/// The scope for everything.
pub(crate) const ALL: &str = "kumiko:all";

/// What the claims allow. Each is text with spaces between, as the standard has it, or a list, as some issuers write
/// it; scopes of other services mean nothing here.
pub(crate) fn selection(claims: [&Value; 2]) -> Selection {
    let scopes: Vec<&str> =
        claims.iter().flat_map(|claim| texts(claim)).flat_map(str::split_ascii_whitespace).collect();
    if scopes.contains(&ALL) {
        return Selection::All;
    }
    let names = scopes.iter().filter_map(|scope| scope.strip_prefix("kumiko:")).filter(|name| is_capability(name));
    Selection::Only(Arc::new(names.map(str::to_owned).collect::<BTreeSet<String>>()))
}

fn texts(claim: &Value) -> Vec<&str> {
    match claim {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(scope: Value, scp: Value) -> Selection {
        selection([&scope, &scp])
    }

    fn only(names: &[&str]) -> Selection {
        Selection::Only(Arc::new(names.iter().map(|name| (*name).to_owned()).collect()))
    }

    #[test]
    fn scopes_name_capabilities_or_all_of_them() {
        assert_eq!(of(json!("openid kumiko:a kumiko:b"), Value::Null), only(&["a", "b"]));
        assert_eq!(of(json!(["kumiko:a"]), json!("kumiko:b")), only(&["a", "b"]));
        assert_eq!(of(json!("kumiko:a kumiko:all"), Value::Null), Selection::All);
    }

    #[test]
    fn scopes_of_other_services_allow_nothing() {
        for scope in [json!(""), json!("all a other:all KUMIKO:all kumiko: kumiko:a,b"), json!(5), Value::Null] {
            assert_eq!(of(scope.clone(), Value::Null), only(&[]), "{scope}");
        }
    }
}
