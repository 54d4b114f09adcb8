//! A file, decompressed on the way where it is compressed.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use kumiko_vocabulary::data::Compression;

use crate::Error;

/// How many decompressed bytes are looked at to find out what a file is.
const HEAD_BYTES: u64 = 16 * 1024;
/// How much is asked of the operating system at once.
const READ_BYTES: usize = 256 * 1024;

/// A file that can be read from its beginning as often as needed.
pub(super) struct Source {
    path: PathBuf,
    name: String,
    compression: Compression,
    size: u64,
    consumed: Arc<AtomicU64>,
}

impl Source {
    /// Looks at the file and finds out how it is compressed.
    pub(super) fn open(path: &Path, name: &str) -> Result<Self, Error> {
        let failed = |source: std::io::Error| match source.kind() {
            ErrorKind::NotFound => Error::FileNotFound { name: name.to_owned() },
            ErrorKind::IsADirectory => Error::IsFolder { name: name.to_owned() },
            _ => Error::Io { action: "open", name: name.to_owned(), source },
        };
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(Error::IsFolder { name: name.to_owned() });
        }
        if metadata.len() == 0 {
            return Err(Error::EmptyFile { name: name.to_owned() });
        }
        let mut magic = Vec::new();
        file.take(4).read_to_end(&mut magic).map_err(failed)?;
        let compression = match magic.as_slice() {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
            _ => Compression::None,
        };
        Ok(Self {
            path: path.to_owned(),
            name: name.to_owned(),
            compression,
            size: metadata.len(),
            consumed: Arc::default(),
        })
    }

    /// What the caller called it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How it is compressed.
    pub(super) fn compression(&self) -> Compression {
        self.compression
    }

    /// Its size on disk, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// How many of these bytes the latest reader has read.
    pub(super) fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// A reader of the decompressed content from its beginning.
    pub(super) fn reader(&self) -> Result<Box<dyn Read + Send>, Error> {
        self.consumed.store(0, Ordering::Relaxed);
        let file = File::open(&self.path).map_err(|error| self.failed("open", error))?;
        let counted = Counted { inner: file, consumed: Arc::clone(&self.consumed) };
        Ok(match self.compression {
            Compression::None => Box::new(counted),
            Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(READ_BYTES, counted))),
            Compression::Zstd => {
                let buffered = BufReader::with_capacity(READ_BYTES, counted);
                Box::new(
                    zstd::stream::read::Decoder::with_buffer(buffered).map_err(|error| self.failed("read", error))?,
                )
            }
        })
    }

    /// The first bytes of the content.
    pub(super) fn head(&self) -> Result<Vec<u8>, Error> {
        let mut head = Vec::new();
        self.reader()?.take(HEAD_BYTES).read_to_end(&mut head).map_err(|error| self.failed("read", error))?;
        if head.is_empty() {
            return Err(Error::EmptyFile { name: self.name.clone() });
        }
        Ok(head)
    }

    /// The last bytes of the content.
    pub(super) fn tail(&self, count: usize) -> Result<Vec<u8>, Error> {
        let mut reader = self.reader()?;
        let mut tail = Vec::new();
        let mut buffer = vec![0; READ_BYTES];
        if self.compression == Compression::None {
            use std::io::{Seek, SeekFrom};
            let mut file = File::open(&self.path).map_err(|error| self.failed("open", error))?;
            let from = self.size.saturating_sub(count as u64);
            file.seek(SeekFrom::Start(from)).map_err(|error| self.failed("read", error))?;
            file.read_to_end(&mut tail).map_err(|error| self.failed("read", error))?;
            return Ok(tail);
        }
        loop {
            let read = reader.read(&mut buffer).map_err(|error| self.failed("read", error))?;
            if read == 0 {
                return Ok(tail);
            }
            tail.extend(buffer.iter().take(read));
            let surplus = tail.len().saturating_sub(count);
            tail.drain(..surplus);
        }
    }

    /// The error of a read: a compressed stream that ends early is cut short, one that makes no sense is malformed.
    pub(super) fn failed(&self, action: &'static str, source: std::io::Error) -> Error {
        let name = self.name.clone();
        let format = match self.compression {
            Compression::None => return Error::Io { action, name, source },
            Compression::Gzip => "gzip",
            Compression::Zstd => "Zstandard",
        };
        match source.kind() {
            ErrorKind::UnexpectedEof => Error::Truncated { name, detail: format!("the {format} stream has no end") },
            ErrorKind::PermissionDenied | ErrorKind::NotFound => Error::Io { action, name, source },
            _ => Error::Malformed { name, format, detail: source.to_string() },
        }
    }
}

/// Counts what passes.
struct Counted {
    inner: File,
    consumed: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
