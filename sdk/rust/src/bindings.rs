//! The contract as Rust, generated from `wit/`.

#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    rust_2018_idioms,
    clippy::all,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "generated code"
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "capability",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_capability",
    default_bindings_module: "kumiko_sdk::bindings",
    runtime_path: "::kumiko_sdk::wit_bindgen::rt",
});

pub use exports::kumiko::plugin::tools::*;
pub use kumiko::host::types::{Content, Fault};

/// What a plugin with prompts exports besides.
pub mod prompts {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "prompts-provider",
        with: { "kumiko:host/types@1.0.0": kumiko_sdk::bindings::kumiko::host::types },
        pub_export_macro: true,
        export_macro_name: "export_prompts",
        default_bindings_module: "kumiko_sdk::bindings::prompts",
        runtime_path: "::kumiko_sdk::wit_bindgen::rt",
    });

    pub use exports::kumiko::plugin::prompts::*;
}

/// What a plugin with resources exports besides.
pub mod resources {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "resources-provider",
        with: { "kumiko:host/types@1.0.0": kumiko_sdk::bindings::kumiko::host::types },
        pub_export_macro: true,
        export_macro_name: "export_resources",
        default_bindings_module: "kumiko_sdk::bindings::resources",
        runtime_path: "::kumiko_sdk::wit_bindgen::rt",
    });

    pub use exports::kumiko::plugin::resources::*;
}
