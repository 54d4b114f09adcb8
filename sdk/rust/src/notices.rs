//! Word to the clients that something they may have read is different.

use crate::host::{self, Host};

/// A resource that this plugin provides has other content: clients that subscribed to it are told.
pub fn resource_updated(uri: &str) {
    host::call(|host| Host::notice_resource_updated(host, uri));
}

/// Clients ask for the list of tools again.
pub fn tools_changed() {
    host::call(Host::notice_tools_changed);
}

/// Clients ask for the list of prompts again.
pub fn prompts_changed() {
    host::call(Host::notice_prompts_changed);
}

/// Clients ask for the list of resources again.
pub fn resources_changed() {
    host::call(Host::notice_resources_changed);
}
