//! Why a component cannot serve.

use kumiko_vocabulary::{Fault, FaultKind};

/// Why a file is refused. Each says what is wrong with the file and what its author or the operator can do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are not WebAssembly.
    #[error("it is no WebAssembly file: {reason}")]
    NotWebAssembly {
        /// What the parser found.
        reason: String,
    },
    /// The bytes are WebAssembly, but a core module.
    #[error("it is a core WebAssembly module, not a component")]
    CoreModule,
    /// The file ends too early or is damaged.
    #[error("the component is damaged or cut short: {reason}")]
    Damaged {
        /// What the parser found, with the offset.
        reason: String,
    },
    /// The file is too large.
    #[error("the component has {size} bytes; at most {limit} are accepted")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The component was built for another contract.
    #[error("it was built for {needs}, this host offers version {offers}")]
    ContractVersion {
        /// The interface and version the component names.
        needs: String,
        /// The host's version.
        offers: String,
    },
    /// The component does not export the tools interface.
    #[error("it exports no `kumiko:plugin/tools`, so it has no tools to offer")]
    NoTools,
    /// The component wants something that the host does not have.
    #[error("it imports `{import}`, which this host does not offer")]
    UnknownImport {
        /// The import's name.
        import: String,
    },
    /// The component does not compile.
    #[error("it does not compile: {reason}")]
    Compile {
        /// The compiler's chain of causes.
        reason: String,
    },
    /// The compiling process cannot be started; it may be another time.
    #[error("the compiling process could not be run: {reason}")]
    Workshop {
        /// What the system says.
        reason: String,
    },
    /// The compiled form cannot be used.
    #[error("its compiled form cannot be loaded: {reason}")]
    Load {
        /// The chain of causes.
        reason: String,
    },
    /// The component does not link or instantiate.
    #[error("it cannot be instantiated: {reason}")]
    Instantiate {
        /// The chain of causes.
        reason: String,
    },
    /// `describe` did not return.
    #[error("its description failed: {reason}")]
    Describe {
        /// What the call ended with.
        reason: String,
    },
    /// The manifest breaks a rule.
    #[error("its manifest is not valid: {reason}")]
    Manifest {
        /// The rule and what was found.
        reason: String,
    },
    /// The engine itself cannot start.
    #[error("the WebAssembly engine cannot start: {reason}")]
    Engine {
        /// The chain of causes.
        reason: String,
    },
}

impl Error {
    /// The stable word for the case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotWebAssembly { .. } => "not_webassembly",
            Self::CoreModule => "core_module",
            Self::Damaged { .. } => "component_damaged",
            Self::TooLarge { .. } => "component_too_large",
            Self::ContractVersion { .. } => "contract_version",
            Self::NoTools => "no_tools_export",
            Self::UnknownImport { .. } => "unknown_import",
            Self::Compile { .. } => "compile_failed",
            Self::Workshop { .. } => "compiler_unavailable",
            Self::Load { .. } => "load_failed",
            Self::Instantiate { .. } => "instantiate_failed",
            Self::Describe { .. } => "describe_failed",
            Self::Manifest { .. } => "manifest_invalid",
            Self::Engine { .. } => "engine_failed",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotWebAssembly { .. } => {
                "a plugin is a WebAssembly component (a `.wasm` file); see docs/authors.md for how to build one"
            }
            Self::CoreModule => "build it as a component: link with `wasm-component-ld`, or build for `wasm32-wasip2`",
            Self::Damaged { .. } => {
                "copy or build the file again; a file that is still being copied is taken once it stands still"
            }
            Self::TooLarge { .. } => "strip debug information (`strip = true`) and build with `opt-level = \"s\"`",
            Self::ContractVersion { .. } => {
                "rebuild the plugin against this host's `wit/`, or use a host of the version it names"
            }
            Self::NoTools => "export the interface `tools` of `kumiko:plugin`; in Rust, `kumiko_sdk::plugin!` does",
            Self::UnknownImport { .. } => {
                "a plugin may import `kumiko:host` and WASI 0.2; whatever else it needs must be compiled into it"
            }
            Self::Workshop { .. } => "it is tried again; free processes, open files or memory",
            Self::Compile { .. } | Self::Load { .. } => "check the component with `wasm-tools validate`",
            Self::Instantiate { .. } => "the component's start code must finish under the limits of a call",
            Self::Describe { .. } => "`describe` must return under the limits of a call without any grants",
            Self::Manifest { .. } => "correct the manifest and build the plugin again",
            Self::Engine { .. } => "check that the process may reserve address space (`ulimit -v unlimited`)",
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Workshop { .. } => FaultKind::Unavailable,
            _ => FaultKind::InvalidArguments,
        };
        Fault::new(kind, error.code(), error.to_string()).hint(error.hint())
    }
}
