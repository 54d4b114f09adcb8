//! What can be read from a component before it is compiled: its imports, its exports, and the contract it was built for.

use wasmparser::{Encoding, Parser, Payload};

use crate::Error;

/// The version of `kumiko:host` and `kumiko:plugin` that this host offers. Additive changes raise the second number; the first
/// changes with what an existing plugin would notice.
pub const CONTRACT_VERSION: (u64, u64, u64) = (1, 0, 0);

/// The interface every plugin exports, without its version.
const TOOLS: &str = "kumiko:plugin/tools";

/// The names on a component's outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// What it imports, with versions, in the binary's order.
    pub imports: Vec<String>,
    /// What it exports, with versions, in the binary's order.
    pub exports: Vec<String>,
    /// Whether code of its own runs as an instance of it comes into being.
    pub starts: bool,
}

/// Reads a component's outside and checks that it is one, whole, and built for a contract this host knows.
///
/// # Errors
///
/// [`Error::NotWebAssembly`], [`Error::CoreModule`], [`Error::Damaged`], [`Error::NoTools`] or [`Error::ContractVersion`].
pub fn inspect(bytes: &[u8]) -> Result<Inspection, Error> {
    if !bytes.starts_with(b"\0asm") {
        let reason = if bytes.is_empty() { "the file is empty" } else { "it does not begin with the bytes `\\0asm`" };
        return Err(Error::NotWebAssembly { reason: reason.to_owned() });
    }
    let inspection = outside(bytes)?;
    for name in inspection.imports.iter().chain(&inspection.exports) {
        check_version(name)?;
    }
    if !inspection.exports.iter().any(|name| name.split('@').next() == Some(TOOLS)) {
        return Err(Error::NoTools);
    }
    Ok(inspection)
}

/// Walks the whole binary, so that a file cut short anywhere is noticed, and keeps the names of the outermost component.
fn outside(bytes: &[u8]) -> Result<Inspection, Error> {
    let damaged = |error: wasmparser::BinaryReaderError| Error::Damaged { reason: error.to_string() };
    let mut inspection = Inspection::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(damaged)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => return Err(Error::CoreModule),
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(reader) if depth == 1 => {
                for import in reader {
                    inspection.imports.push(import.map_err(damaged)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(reader) if depth == 1 => {
                for export in reader {
                    inspection.exports.push(export.map_err(damaged)?.name.name.to_owned());
                }
            }
            Payload::StartSection { .. } | Payload::ComponentStartSection { .. } => inspection.starts = true,
            _ => {}
        }
    }
    Ok(inspection)
}

/// Accepts the host's own major version with at most its minor.
fn check_version(name: &str) -> Result<(), Error> {
    if !(name.starts_with("kumiko:host/") || name.starts_with("kumiko:plugin/")) {
        return Ok(());
    }
    let (major, minor, _) = CONTRACT_VERSION;
    let mut numbers =
        name.split_once('@').map_or("", |(_, version)| version).split(['.', '-', '+']).map(str::parse::<u64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(its_major)), Some(Ok(its_minor))) if its_major == major && its_minor <= minor => Ok(()),
        _ => Err(Error::ContractVersion { needs: format!("`{name}`"), offers: version_text() }),
    }
}

fn version_text() -> String {
    let (major, minor, patch) = CONTRACT_VERSION;
    format!("{major}.{minor}.{patch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_webassembly_is_named_so() {
        assert!(matches!(inspect(b""), Err(Error::NotWebAssembly { .. })));
        assert!(matches!(inspect(b"#!/bin/sh\n"), Err(Error::NotWebAssembly { .. })));
    }

    #[test]
    fn a_core_module_is_told_from_a_component() {
        assert!(matches!(inspect(b"\0asm\x01\0\0\0"), Err(Error::CoreModule)));
    }

    #[test]
    fn an_empty_component_has_no_tools() {
        assert!(matches!(inspect(b"\0asm\x0d\0\x01\0"), Err(Error::NoTools)));
    }

    #[test]
    fn versions_are_compared_by_major_and_minor() {
        assert!(check_version("kumiko:host/log@1.0.0").is_ok());
        assert!(check_version("kumiko:host/log@1.0.7").is_ok());
        assert!(check_version("wasi:random/random@0.2.12").is_ok());
        for unknown in ["kumiko:host/log@2.0.0", "kumiko:host/log@1.1.0", "kumiko:host/log@0.9.0", "kumiko:host/log"] {
            let error = check_version(unknown).unwrap_err().to_string();
            assert!(error.contains(unknown) && error.contains("1.0.0"), "{error}");
        }
    }
}
