//! Secrets by name. A tool uses them by writing `{{secret:NAME}}` where a request needs one (see [`crate::http`]); it never reads them.

use crate::Result;
use crate::host::{self, Host};

/// Whether a secret of this name was granted to the plugin and exists.
///
/// # Errors
/// `secret_denied` where it was not granted.
pub fn exists(name: &str) -> Result<bool> {
    host::call(|host| Host::secret_exists(host, name))
}

/// What stands for the secret in a request.
#[must_use]
pub fn placeholder(name: &str) -> String {
    format!("{{{{secret:{name}}}}}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_secret_is_written_in_two_braces() {
        assert_eq!(super::placeholder("token"), "{{secret:token}}");
    }
}
