//! The contract in `wit/` as Rust: a trait for each interface the host offers, a call for each function a plugin exports.
#![allow(missing_docs, reason = "generated: the documentation is in the WIT files")]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "capability",
    imports: { default: async | trappable },
    exports: { default: async },
    with: {
        "wasi": wasmtime_wasi::p2::bindings,
        "kumiko:host/objects.upload": crate::objects::Upload,
        "kumiko:host/frames.frame": kumiko_frames::Frame,
        "kumiko:host/frames.pipeline": kumiko_frames::Pipeline,
        "kumiko:host/models.model": crate::models::Handle,
    },
    trappable_error_type: { "kumiko:host/types.fault" => crate::Refusal },
    require_store_data_send: true,
});

/// The exports of a plugin that has prompts.
pub mod prompts {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "prompts-provider",
        exports: { default: async },
        with: { "kumiko:host/types": crate::bindings::kumiko::host::types },
    });
}

/// The exports of a plugin that has resources.
pub mod resources {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "resources-provider",
        exports: { default: async },
        with: { "kumiko:host/types": crate::bindings::kumiko::host::types },
    });
}
