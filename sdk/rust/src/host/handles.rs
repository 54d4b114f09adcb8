//! Handles: what a host keeps for a tool and the tool only points at.

/// Declares one handle: a resource of the contract in a component, anything at all elsewhere.
macro_rules! handle {
    ($(#[$meta:meta])* $name:ident, $($resource:ident)::+) => {
        $(#[$meta])*
        #[cfg(target_arch = "wasm32")]
        pub type $name = crate::bindings::kumiko::host::$($resource)::+;

        $(#[$meta])*
        #[cfg(not(target_arch = "wasm32"))]
        pub struct $name(Box<dyn std::any::Any>);

        #[cfg(not(target_arch = "wasm32"))]
        impl $name {
            /// A handle on `value`, which lives as long as the handle.
            pub fn new<T: std::any::Any>(value: T) -> Self {
                Self(Box::new(value))
            }

            /// What the handle was made of, for the host that made it.
            ///
            /// # Errors
            /// `foreign_handle` where another host made it, of another type.
            pub fn get<T: std::any::Any>(&self) -> crate::Result<&T> {
                self.0.downcast_ref().ok_or_else(|| {
                    crate::Fault::failed("foreign_handle", concat!("a ", stringify!($name), " belongs to another host"))
                })
            }
        }

        #[cfg(not(target_arch = "wasm32"))]
        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(stringify!($name))
            }
        }
    };
}

handle!(
    /// A table in the host.
    FrameHandle,
    frames::Frame
);
handle!(
    /// A fitted pipeline in the host.
    PipelineHandle,
    frames::Pipeline
);
handle!(
    /// A trained model in the host.
    ModelHandle,
    models::Model
);
handle!(
    /// An object that is being written.
    UploadHandle,
    objects::Upload
);
