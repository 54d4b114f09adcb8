//! Machine code for components: made in a process of its own, kept ahead of time, mapped when it is needed.
//!
//! An entry of the cache is two files, `<key>.code` and `<key>.seal`. The key names the component's bytes and everything about the
//! engine that shapes machine code (wasmtime's version, settings, processor features), so another version of anything is another
//! entry. The seal is a keyed hash over the key and the code; its secret lies outside the cache folder and outside the plugin
//! folder. Code whose seal does not fit is never mapped: it is made again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::engine::compiling_engine;
use crate::limits::COMPONENT_BYTES;
use crate::{Error, Runtime};

/// How long a component may compile by the clock on the wall, on a machine that is busy with other things.
const COMPILE_TIME: Duration = Duration::from_secs(120);

/// Processor time that compiling a component may take, in seconds. A Python component of 18 MB takes ten.
const COMPILE_SECONDS: u64 = 30;

/// Memory that compiling a component may take, in bytes.
const COMPILE_BYTES: u64 = 1024 * 1024 * 1024;

/// How much compiling gives way to the server's own threads: as far as the system lets it.
const COMPILE_NICENESS: i32 = 19;

/// The subcommand of the binary that compiles what it reads from its input.
pub const COMPILE_COMMAND: &str = "compile-component";

/// Where a component becomes machine code.
#[derive(Clone, Debug)]
pub enum Workshop {
    /// In this process. What the compiler needed for it stays with the process.
    Here,
    /// In a child process: `program compile-component`, with the component on its input. Its memory goes with it, and a component that
    /// defeats the compiler defeats a child.
    Child(PathBuf),
}

/// Compiles components and keeps the results.
pub struct Compiler {
    engine: Engine,
    folder: PathBuf,
    secret: [u8; 32],
    workshop: Workshop,
    settings: u64,
    memory: usize,
}

impl Compiler {
    /// A compiler for `runtime` that keeps its results in `folder`, sealed with the secret in the file `secret`; both are made
    /// where they do not exist, readable for the owner alone.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] where the folder or the secret cannot be made or read.
    pub fn open(runtime: &Runtime, folder: &Path, secret: &Path, workshop: Workshop) -> Result<Self, Error> {
        let failed =
            |path: &Path, error: std::io::Error| Error::Engine { reason: format!("{}: {error}", path.display()) };
        private_folder(folder).map_err(|error| failed(folder, error))?;
        let mut settings = DefaultHasher::new();
        runtime.engine.precompile_compatibility_hash().hash(&mut settings);
        Ok(Self {
            engine: runtime.engine.clone(),
            folder: folder.to_owned(),
            secret: read_or_make_secret(secret).map_err(|error| failed(secret, error))?,
            workshop,
            settings: settings.finish(),
            memory: runtime.memory_bytes,
        })
    }

    /// The component as machine code, from the cache or made.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`], [`Error::Compile`] or [`Error::Load`].
    pub async fn component(&self, bytes: &[u8]) -> Result<Component, Error> {
        if bytes.len() as u64 > COMPONENT_BYTES {
            return Err(Error::TooLarge { size: bytes.len() as u64, limit: COMPONENT_BYTES });
        }
        let key = self.key(bytes);
        if let Some(Ok(component)) = self.load(&key) {
            return Ok(component);
        }
        let code = self.compile(bytes).await?;
        if let Err(error) = self.keep(&key, &code) {
            tracing::warn!(folder = %self.folder.display(), %error, "compiled code cannot be kept and will be compiled again");
            return self.loaded(&code);
        }
        let unreadable = || Error::Load { reason: format!("{}: it cannot be read back", self.folder.display()) };
        self.load(&key).ok_or_else(unreadable)?.map_err(|error| Error::Load { reason: format!("{error:#}") })
    }

    fn key(&self, bytes: &[u8]) -> String {
        let mut hash = Sha256::new();
        hash.update(self.settings.to_le_bytes());
        hash.update(bytes);
        hex::encode(hash.finalize())
    }

    fn seal(&self, key: &str, code: &[u8]) -> Option<Hmac<Sha256>> {
        let mut seal = Hmac::<Sha256>::new_from_slice(&self.secret).ok()?;
        seal.update(key.as_bytes());
        seal.update(code);
        Some(seal)
    }

    /// Maps an entry whose seal fits. Anything odd about an entry means that there is none. A whole one may still ask for more than
    /// the pool has for an instance.
    #[allow(unsafe_code, reason = "the one place where machine code from a file is trusted")]
    fn load(&self, key: &str) -> Option<wasmtime::Result<Component>> {
        let path = self.folder.join(format!("{key}.code"));
        let code = std::fs::read(&path).ok()?;
        let seal = std::fs::read(self.folder.join(format!("{key}.seal"))).ok()?;
        if self.seal(key, &code)?.verify_slice(&seal).is_err() {
            tracing::warn!(entry = key, "a compiled component does not carry this host's seal and is compiled again");
            return None;
        }
        drop(code);
        // SAFETY: the bytes at `path` are what this host's own compiler wrote: their keyed hash was just verified, with a secret
        // that only the owner can read, and the folder is writable for the owner alone, so nobody else can replace the file
        // between the check and the mapping.
        Some(unsafe { Component::deserialize_file(&self.engine, &path) })
    }

    /// Loads code that was just compiled, where it cannot be kept.
    #[allow(unsafe_code, reason = "the one place where machine code from this host's own compiler is trusted unkept")]
    fn loaded(&self, code: &[u8]) -> Result<Component, Error> {
        // SAFETY: the bytes come from this host's own compiler, over a pipe or from this process, and were not kept anywhere since.
        unsafe { Component::deserialize(&self.engine, code) }
            .map_err(|error| Error::Load { reason: format!("{error:#}") })
    }

    /// Writes code and seal, each whole or not at all. A reader between the two finds no fitting seal and compiles.
    fn keep(&self, key: &str, code: &[u8]) -> std::io::Result<()> {
        let seal = self.seal(key, code).map(|seal| seal.finalize().into_bytes()).unwrap_or_default();
        for (name, content) in [(format!("{key}.code"), code), (format!("{key}.seal"), seal.as_slice())] {
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(content)?;
            file.persist(self.folder.join(name)).map_err(|error| error.error)?;
        }
        Ok(())
    }

    async fn compile(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        match &self.workshop {
            Workshop::Here => {
                let (engine, bytes) = (self.engine.clone(), bytes.to_owned());
                let compiled = tokio::task::spawn_blocking(move || engine.precompile_component(&bytes)).await;
                match compiled {
                    Ok(code) => code.map_err(|error| Error::Compile { reason: format!("{error:#}") }),
                    Err(error) => Err(Error::Compile { reason: error.to_string() }),
                }
            }
            Workshop::Child(program) => {
                let compiled = tokio::time::timeout(COMPILE_TIME, self.compile_in_child(program, bytes)).await;
                compiled.unwrap_or_else(|_| {
                    Err(Error::Compile { reason: format!("it took longer than {} seconds", COMPILE_TIME.as_secs()) })
                })
            }
        }
    }

    async fn compile_in_child(&self, program: &Path, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |error: std::io::Error| Error::Workshop { reason: error.to_string() };
        let mut child = tokio::process::Command::new(program)
            .arg(COMPILE_COMMAND)
            .arg(self.memory.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_clear()
            .env("RAYON_NUM_THREADS", compiling_threads().to_string())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (mut input, mut output, mut errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (mut code, mut reason) = (Vec::new(), Vec::new());
        let write = async {
            // A child that refuses its input says why on its error stream.
            if let Some(input) = &mut input {
                let _ = input.write_all(bytes).await;
            }
            drop(input);
        };
        let read = async {
            if let Some(output) = &mut output {
                output.read_to_end(&mut code).await?;
            }
            Ok::<_, std::io::Error>(())
        };
        let complain = async {
            if let Some(errors) = &mut errors {
                errors.read_to_end(&mut reason).await?;
            }
            Ok::<_, std::io::Error>(())
        };
        let ((), read, complained) = tokio::join!(write, read, complain);
        read.map_err(failed)?;
        complained.map_err(failed)?;
        let status = child.wait().await.map_err(failed)?;
        if status.success() {
            return Ok(code);
        }
        let reason = String::from_utf8_lossy(&reason).trim().to_owned();
        // Without an exit code a signal ended it, which is how the system enforces its limits.
        Err(Error::Compile {
            reason: if status.code().is_none() || reason.is_empty() {
                let memory = COMPILE_BYTES >> 20;
                format!(
                    "it takes more than {COMPILE_SECONDS} seconds of processor time or {memory} MiB of memory to compile"
                )
            } else {
                reason
            },
        })
    }
}

/// What the child does: the component in, machine code out. `memory_bytes` must be the serving engine's limit, since it shapes the
/// code.
///
/// # Errors
///
/// [`Error::Compile`] with the compiler's chain of causes.
pub fn compile(bytes: &[u8], memory_bytes: usize) -> Result<Vec<u8>, Error> {
    confine()?;
    let engine = compiling_engine(memory_bytes)?;
    engine.precompile_component(bytes).map_err(|error| Error::Compile { reason: format!("{error:#}") })
}

/// Threads of the compiler: all cores but one, which is left to calls.
fn compiling_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
}

/// Holds this process to what compiling may take. The address space that engines reserve does not count as its data.
#[cfg(unix)]
fn confine() -> Result<(), Error> {
    use rustix::process::{Resource, Rlimit, nice, setrlimit};
    let failed = |error: rustix::io::Errno| Error::Workshop { reason: error.to_string() };
    for (resource, limit) in [(Resource::Cpu, COMPILE_SECONDS), (Resource::Data, COMPILE_BYTES), (Resource::Core, 0)] {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) }).map_err(failed)?;
    }
    nice(COMPILE_NICENESS).map(|_| ()).map_err(failed)
}

/// Where the system has no such limits, the clock on the wall is the only one.
#[cfg(not(unix))]
fn confine() -> Result<(), Error> {
    Ok(())
}

fn private_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    owner_only(folder, 0o700)
}

fn read_or_make_secret(path: &Path) -> std::io::Result<[u8; 32]> {
    if let Some(folder) = path.parent() {
        private_folder(folder)?;
    }
    if let Ok(secret) =
        std::fs::read(path).and_then(|bytes| bytes.try_into().map_err(|_| std::io::ErrorKind::InvalidData.into()))
    {
        return Ok(secret);
    }
    let mut secret = [0_u8; 32];
    getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(&secret)?;
    file.persist(path).map_err(|error| error.error)?;
    owner_only(path, 0o600)?;
    Ok(secret)
}

#[cfg(unix)]
fn owner_only(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn owner_only(_path: &Path, _mode: u32) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    /// The smallest component that compiles to something: one empty core module.
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0\x01\x08\0asm\x01\0\0\0";

    fn compiler(folder: &Path) -> Compiler {
        let runtime = Runtime::new(Limits::default(), 0).unwrap();
        Compiler::open(&runtime, &folder.join("cache"), &folder.join("keys/cache"), Workshop::Here).unwrap()
    }

    #[tokio::test]
    async fn an_entry_is_made_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let compiler = compiler(folder.path());
        let key = compiler.key(COMPONENT);
        assert!(compiler.load(&key).is_none());
        compiler.component(COMPONENT).await.unwrap();
        assert!(compiler.load(&key).unwrap().is_ok());
    }

    #[tokio::test]
    async fn an_entry_with_any_bit_changed_is_never_mapped() {
        let folder = tempfile::tempdir().unwrap();
        let compiler = compiler(folder.path());
        compiler.component(COMPONENT).await.unwrap();
        let key = compiler.key(COMPONENT);
        for file in ["code", "seal"] {
            let path = folder.path().join(format!("cache/{key}.{file}"));
            let whole = std::fs::read(&path).unwrap();
            for position in (0..whole.len()).step_by(whole.len().div_ceil(50)) {
                let mut changed = whole.clone();
                changed[position] ^= 1;
                std::fs::write(&path, &changed).unwrap();
                assert!(compiler.load(&key).is_none(), "bit 0 of byte {position} of the {file}");
            }
            std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            assert!(compiler.load(&key).is_none(), "half of the {file}");
            std::fs::write(&path, &whole).unwrap();
        }
        assert!(compiler.load(&key).unwrap().is_ok());
    }

    #[tokio::test]
    async fn an_entry_sealed_with_another_secret_is_compiled_again() {
        let folder = tempfile::tempdir().unwrap();
        let first = compiler(folder.path());
        first.component(COMPONENT).await.unwrap();
        std::fs::remove_file(folder.path().join("keys/cache")).unwrap();
        let second = compiler(folder.path());
        assert!(second.load(&second.key(COMPONENT)).is_none());
        second.component(COMPONENT).await.unwrap();
        assert!(second.load(&second.key(COMPONENT)).unwrap().is_ok());
    }

    #[tokio::test]
    async fn what_does_not_compile_leaves_no_entry() {
        let folder = tempfile::tempdir().unwrap();
        let compiler = compiler(folder.path());
        let error = compiler.component(b"\0asm\x0d\0\x01\0\xff").await.unwrap_err();
        assert_eq!(error.code(), "compile_failed");
        assert_eq!(std::fs::read_dir(folder.path().join("cache")).unwrap().count(), 0);
    }
}
