//! Rows P, H and L: what comes from the clients, what lies around a plugin, and the server's end.

mod keys;
mod messages;
mod peers;
mod secrets;
mod stopped;
