//! Rows R: plugins that are replaced while the server runs.

mod hindered;
mod killed;
mod many;
mod rights;
mod under_load;
