//! A plugin folder and its lock, changed so that a crash at any moment leaves the old pair or the new one.
//!
//! Installing, and replacing alike:
//!
//! 1. The component is written as `.<name>.incoming` and forced to disk. The server does not look at hidden files.
//! 2. The journal is written: name, and the lock's entry as it will be. *From here on the operation counts as done.*
//! 3. The incoming file is renamed to `<name>.wasm`.
//! 4. The lock is replaced with one that has the entry.
//! 5. The journal is removed.
//!
//! Removing: the journal, then the file, then the lock's entry, then the journal.
//!
//! Steps 3 to 5 are also what [`Installed::repair`] does, so a broken-off operation is completed by the same lines that
//! would have completed it. Before step 2 there is no journal: repairing removes the incoming file, and the old pair has
//! not been touched. Behind it the old bytes may be gone while the lock still has their digest, and only the new pair
//! can be restored: the journal has its entry, and the new bytes are in the incoming file or in place already. That is
//! why the journal stands between the two, and why each step is on disk before the next begins. The entry outlives the
//! file in a removal, so that no file is ever without the entry it was installed with.
//!
//! Between steps 3 and 4 file and lock disagree for those who look just then; [`Installed::check`] asks the journal
//! too. One operation runs at a time in a folder, over all processes: each holds the system's lock on
//! `.plugins.guard`, which ends with its process.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::durable::{self, PARTIAL};
use crate::journal::Operation;
use crate::{
    Entry, Error, Fetched, Fetcher, LOCK_FILE, Lock, PluginName, Reference, Sha256, Trust, Verdict, signatures_beside,
};

/// The file that an operation holds the system's lock on.
const GUARD_FILE: &str = ".plugins.guard";
/// How the name of a component ends that is not in its place yet.
const INCOMING: &str = ".incoming";

/// A plugin folder with its `plugins.lock`. The functions that are not `async` block while they read and write.
#[derive(Clone, Debug)]
pub struct Installed {
    folder: PathBuf,
}

/// What is to be installed.
#[derive(Clone, Debug)]
pub struct Request {
    /// The plugin's name in this folder.
    pub name: PluginName,
    /// The reference that was asked for.
    pub source: Reference,
    /// What it brought.
    pub fetched: Fetched,
    /// What [`Trust::judge`] says of it.
    pub verdict: Verdict,
    /// The present time, as RFC 3339 text.
    pub added: String,
}

/// How a plugin's file stands to its entry in the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The file has the entry's digest.
    Whole,
    /// There is no such file.
    Missing,
    /// The file has other bytes than were installed.
    Changed {
        /// Their digest.
        found: Sha256,
    },
}

/// What an update did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// The source has what is installed.
    UpToDate(Box<Entry>),
    /// The plugin was replaced.
    Replaced {
        /// The entry before.
        from: Box<Entry>,
        /// The entry since.
        to: Box<Entry>,
    },
}

impl Installed {
    /// A plugin folder. It need not exist before something is installed.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The lock as it is.
    ///
    /// # Errors
    /// `lock_invalid`, or `plugin_folder_failed` where it cannot be read.
    pub fn lock(&self) -> Result<Lock, Error> {
        Lock::read(&self.folder.join(LOCK_FILE))
    }

    /// Completes or undoes what broke off. Called before every operation; a server calls it when it starts. Where
    /// nothing is left over, nothing is written. Waits for an operation of another process.
    ///
    /// # Errors
    /// `plugin_folder_failed` or `lock_invalid`; what is left over stays for the next attempt.
    pub fn repair(&self) -> Result<(), Error> {
        if !self.is_disturbed()? {
            return Ok(());
        }
        let _guard = self.guard()?;
        self.complete()
    }

    /// The entry of a file whose bytes have a digest: the lock's, or that of the installation under way.
    ///
    /// # Errors
    /// `plugin_not_locked`, `digest_mismatch`, or those of [`Installed::lock`].
    pub fn check(&self, file: &str, sha256: &Sha256) -> Result<Entry, Error> {
        // The journal first: if it is gone by now, the lock that is read next has its entry.
        match Operation::read(&self.folder)? {
            Some(Operation::Install { entry, .. }) if entry.file == file && entry.sha256 == *sha256 => Ok(*entry),
            _ => self.lock()?.check(file, sha256).cloned(),
        }
    }

    /// Judges a component that lies in the folder, before anything of it is run: by the lock where it was installed, by the
    /// signature beside it (`<file>.sig`) where somebody put it there. Gives the name of the trusted key that signed it.
    ///
    /// # Errors
    /// Those of [`Trust::admit`] and [`Trust::judge`], and of [`Installed::lock`].
    pub fn admit(&self, trust: &Trust, component: &Path, bytes: &[u8]) -> Result<Option<String>, Error> {
        let file = component.file_name().unwrap_or_default().to_string_lossy();
        let sha256 = Sha256::of(bytes);
        match self.check(&file, &sha256) {
            Ok(entry) => {
                trust.admit(&file, &sha256, Some(&entry))?;
                Ok(entry.signed_by.filter(|signer| trust.keys.iter().any(|(name, _)| name == signer)))
            }
            Err(Error::NotLocked { .. }) => {
                let signatures = if trust.keys.is_empty() { Vec::new() } else { signatures_beside(component)? };
                if signatures.is_empty() {
                    return trust.admit(&file, &sha256, None).map(|()| None);
                }
                let origin = Reference::File(component.to_owned());
                let found = Fetched { bytes: bytes.to_vec().into(), sha256, origin, signatures };
                Ok(trust.judge(&found)?.signed_by)
            }
            Err(error) => Err(error),
        }
    }

    /// All installed plugins by name, each with its entry and how its file stands to it. Reads every file.
    ///
    /// # Errors
    /// Those of [`Installed::lock`], and `plugin_folder_failed` where a component cannot be read.
    pub fn list(&self) -> Result<Vec<(PluginName, Entry, Standing)>, Error> {
        let lock = self.lock()?;
        lock.plugins().map(|(name, entry)| Ok((name.clone(), entry.clone(), self.standing(entry)?))).collect()
    }

    /// Installs a plugin, or replaces the one that was installed under its name. Gives the lock's entry.
    ///
    /// # Errors
    /// `plugin_file_exists` where a file of that name lies there that nobody installed, `plugin_folder_failed`, or
    /// `lock_invalid`.
    pub fn install(&self, request: Request) -> Result<Entry, Error> {
        let Request { name, source, fetched, verdict, added } = request;
        std::fs::create_dir_all(&self.folder).map_err(|error| Error::files("creating", &self.folder, &error))?;
        let _guard = self.guard()?;
        self.complete()?;
        let place = self.folder.join(name.file());
        if self.lock()?.get(&name).is_none() && place.symlink_metadata().is_ok() {
            return Err(Error::FileExists { file: place });
        }
        let entry = Entry {
            file: name.file(),
            source,
            origin: fetched.origin,
            sha256: fetched.sha256,
            signed_by: verdict.signed_by,
            added,
        };
        let incoming = self.incoming(&name);
        let operation = Operation::Install { name, entry: Box::new(entry.clone()) };
        let begun = durable::write(&incoming, &fetched.bytes).and_then(|()| operation.begin(&self.folder));
        if let Err(error) = begun {
            // A full disk should not stay full; what cannot be removed here, the next operation removes.
            let _ = std::fs::remove_file(&incoming);
            return Err(error);
        }
        self.complete()?;
        tracing::info!(file = entry.file, origin = %entry.origin, sha256 = %entry.sha256, "installed a plugin");
        Ok(entry)
    }

    /// Removes a plugin, its file and then its entry. Gives the entry.
    ///
    /// # Errors
    /// `plugin_not_installed`, `plugin_folder_failed`, or `lock_invalid`.
    pub fn remove(&self, name: &PluginName) -> Result<Entry, Error> {
        if !self.folder.is_dir() {
            return Err(self.not_installed(name));
        }
        let _guard = self.guard()?;
        self.complete()?;
        let entry = self.entry(name)?;
        Operation::Remove { name: name.clone() }.begin(&self.folder)?;
        self.complete()?;
        tracing::info!(file = entry.file, "removed a plugin");
        Ok(entry)
    }

    /// What a plugin's source has that differs from what is installed, or nothing where the plugin is up to date. A tag
    /// is resolved again; an unchanged one costs one small request. A file that is missing or changed is fetched again.
    ///
    /// # Errors
    /// `plugin_not_installed`, and those of [`Fetcher::fetch`] and [`Installed::list`].
    pub async fn look_for_update(&self, name: &PluginName, fetcher: &Fetcher) -> Result<Option<Fetched>, Error> {
        let (this, wanted) = (self.clone(), name.clone());
        let (entry, standing) = blocking(&self.folder, move || {
            this.repair()?;
            let entry = this.entry(&wanted)?;
            let standing = this.standing(&entry)?;
            Ok((entry, standing))
        })
        .await?;
        let whole = standing == Standing::Whole;
        if whole && matches!(entry.source, Reference::Oci(_)) && fetcher.resolve(&entry.source).await? == entry.origin {
            return Ok(None);
        }
        let fetched = fetcher.fetch(&entry.source).await?;
        Ok(Some(fetched).filter(|fetched| !whole || fetched.sha256 != entry.sha256))
    }

    /// Replaces a plugin with what its source has, where that differs and is trusted.
    ///
    /// # Errors
    /// Those of [`Installed::look_for_update`], [`Trust::judge`] and [`Installed::install`]; the old one stays.
    pub async fn update(
        &self,
        name: &PluginName,
        fetcher: &Fetcher,
        trust: &Trust,
        added: &str,
    ) -> Result<Update, Error> {
        let found = self.look_for_update(name, fetcher).await?;
        let from = self.entry(name)?;
        let Some(fetched) = found else { return Ok(Update::UpToDate(Box::new(from))) };
        let verdict = trust.judge(&fetched)?;
        let (source, added) = (from.source.clone(), added.to_owned());
        let request = Request { name: name.clone(), source, fetched, verdict, added };
        let this = self.clone();
        let to = blocking(&self.folder, move || this.install(request)).await?;
        Ok(Update::Replaced { from: Box::new(from), to: Box::new(to) })
    }

    /// Takes the operation under way to its end, and removes what one without a journal left. The guard is held.
    fn complete(&self) -> Result<(), Error> {
        match Operation::read(&self.folder)? {
            Some(Operation::Install { name, entry }) => {
                let (incoming, place) = (self.incoming(&name), self.folder.join(name.file()));
                if digest_of(&incoming)?.as_ref() == Some(&entry.sha256) {
                    durable::rename(&incoming, &place)?;
                }
                // Bytes of a third kind are there only if somebody else put them there; then the lock stays as it is.
                if digest_of(&place)?.as_ref() == Some(&entry.sha256) {
                    self.change_lock(|lock| lock.set(name, *entry))?;
                }
                Operation::end(&self.folder)?;
            }
            Some(Operation::Remove { name }) => {
                durable::remove(&self.folder.join(name.file()))?;
                self.change_lock(|lock| lock.forget(&name))?;
                Operation::end(&self.folder)?;
            }
            None => {}
        }
        for leftover in self.leftovers()? {
            durable::remove(&leftover)?;
        }
        Ok(())
    }

    /// Whether there is anything to repair, looked at without taking part.
    fn is_disturbed(&self) -> Result<bool, Error> {
        Ok(Operation::path(&self.folder).symlink_metadata().is_ok() || !self.leftovers()?.is_empty())
    }

    /// Files of operations that broke off before they counted.
    fn leftovers(&self) -> Result<Vec<PathBuf>, Error> {
        let failed = |error: std::io::Error| Error::files("listing", &self.folder, &error);
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(hidden) = name.to_str().and_then(|name| name.strip_prefix('.')) else { continue };
            let incoming = hidden.strip_suffix(INCOMING).is_some_and(|name| PluginName::parse(name).is_ok());
            if incoming || (hidden.starts_with("plugins.") && hidden.ends_with(PARTIAL)) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    fn change_lock(&self, change: impl FnOnce(&mut Lock)) -> Result<(), Error> {
        let mut lock = self.lock()?;
        change(&mut lock);
        lock.write(&self.folder.join(LOCK_FILE))
    }

    fn entry(&self, name: &PluginName) -> Result<Entry, Error> {
        self.lock()?.get(name).cloned().ok_or_else(|| self.not_installed(name))
    }

    fn not_installed(&self, name: &PluginName) -> Error {
        Error::NotInstalled { name: name.to_string(), folder: self.folder.clone() }
    }

    fn standing(&self, entry: &Entry) -> Result<Standing, Error> {
        Ok(match digest_of(&self.folder.join(&entry.file))? {
            None => Standing::Missing,
            Some(found) if found == entry.sha256 => Standing::Whole,
            Some(found) => Standing::Changed { found },
        })
    }

    fn incoming(&self, name: &PluginName) -> PathBuf {
        self.folder.join(format!(".{name}{INCOMING}"))
    }

    /// The right to change the folder, until the file is dropped. Waits for whoever has it.
    fn guard(&self) -> Result<File, Error> {
        let path = self.folder.join(GUARD_FILE);
        let open = || {
            let file = File::options().create(true).truncate(false).write(true).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        open().map_err(|error: std::io::Error| Error::files("locking", &path, &error))
    }
}

/// The digest of a file, or nothing where there is none.
fn digest_of(path: &Path) -> Result<Option<Sha256>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(Sha256::of(&bytes))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::files("reading", path, &error)),
    }
}

/// Runs work that blocks where that is allowed.
async fn blocking<T: Send + 'static>(
    folder: &Path,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let failed = |error: tokio::task::JoinError| Error::Files {
        action: "changing",
        path: folder.to_owned(),
        reason: error.to_string(),
    };
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

#[cfg(test)]
#[path = "install_tests.rs"]
mod tests;
