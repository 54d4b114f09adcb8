//! `kumiko:host/objects`: bytes under a uri.

use std::io::Write as _;
use std::sync::Arc;

use kumiko_services::objects::{ObjectInfo, Objects, Precondition, ScratchFile, Written};
use kumiko_vocabulary::Fault;
use wasmtime::component::{HasData, Resource, ResourceTable};

use crate::Refusal;
use crate::bindings::kumiko::host::objects as contract;
use crate::state::Shared;

/// The most bytes that cross the boundary in one call: enough for any document, small enough that two copies of it do not
/// matter to the host.
pub(crate) const MAXIMUM_TRANSFER: u64 = 8 * 1024 * 1024;

/// The most objects one page of a listing holds; S3's own bound.
const MAXIMUM_PAGE: u32 = 1_000;

/// An object that a guest is writing piece by piece, in a scratch file until `finish`.
pub struct Upload {
    uri: String,
    file: ScratchFile,
    media_type: Option<String>,
    precondition: Precondition,
}

pub(crate) struct ObjectAccess;

impl HasData for ObjectAccess {
    type Data<'a> = ObjectsView<'a>;
}

/// The borrowed view on which the contract is implemented.
pub(crate) struct ObjectsView<'a> {
    pub(crate) call: Shared<'a>,
    pub(crate) table: &'a mut ResourceTable,
}

impl ObjectsView<'_> {
    fn objects(&self) -> &Arc<Objects> {
        &self.call.services.objects
    }
}

impl contract::Host for ObjectsView<'_> {
    async fn home(&mut self) -> wasmtime::Result<String> {
        Ok(self.call.services.home.to_string())
    }

    async fn head(&mut self, uri: String) -> Result<contract::ObjectInfo, Refusal> {
        let uri = self.call.readable(&uri).await?;
        Ok(self.objects().head(&uri).await?.into())
    }

    async fn get(&mut self, uri: String) -> Result<Vec<u8>, Refusal> {
        let uri = self.call.readable(&uri).await?;
        let info = self.objects().head(&uri).await?;
        if info.size > MAXIMUM_TRANSFER {
            let message = format!("`{uri}` has {} bytes; at most {MAXIMUM_TRANSFER} can be read at once", info.size);
            return Err(Fault::invalid("object_too_large", message)
                .hint("read it in ranges, or open it as a frame")
                .into());
        }
        Ok(self.objects().get(&uri, None).await?.to_vec())
    }

    async fn get_range(&mut self, uri: String, offset: u64, length: u64) -> Result<Vec<u8>, Refusal> {
        let uri = self.call.readable(&uri).await?;
        let info = self.objects().head(&uri).await?;
        let end = offset.saturating_add(length.min(MAXIMUM_TRANSFER)).min(info.size);
        if offset >= end {
            return Ok(Vec::new());
        }
        Ok(self.objects().get(&uri, Some(offset..end)).await?.to_vec())
    }

    async fn put(
        &mut self,
        uri: String,
        body: Vec<u8>,
        media_type: Option<String>,
        precondition: contract::Precondition,
    ) -> Result<contract::Written, Refusal> {
        let uri = self.call.writable(&uri).await?;
        let written = self.objects().put_bytes(&uri, body.into(), media_type.as_deref(), &precondition.into()).await?;
        self.call.wrote(&written);
        Ok(written.into())
    }

    async fn copy(
        &mut self,
        source: String,
        destination: String,
        precondition: contract::Precondition,
    ) -> Result<contract::Written, Refusal> {
        let source = self.call.readable(&source).await?;
        let destination = self.call.writable(&destination).await?;
        let written = self.objects().copy(&source, &destination, &precondition.into()).await?;
        self.call.wrote(&written);
        Ok(written.into())
    }

    async fn list(&mut self, prefix: String, cursor: Option<String>, limit: u32) -> Result<contract::Listing, Refusal> {
        if limit == 0 || limit > MAXIMUM_PAGE {
            return Err(Fault::invalid(
                "out_of_range",
                format!("`limit` is {limit}; a page has 1 to {MAXIMUM_PAGE} objects"),
            )
            .into());
        }
        self.call.listable(&prefix).await?;
        let mut listing = self.objects().list(&prefix, cursor.as_deref(), limit as usize).await?;
        // A prefix is the beginning of a text: `in` begins `in2` too, which nobody may have granted.
        if prefix.starts_with("s3:") {
            listing.objects.retain(|object| self.call.call.access.read(&object.uri).is_ok());
        }
        Ok(contract::Listing { objects: listing.objects.into_iter().map(Into::into).collect(), cursor: listing.cursor })
    }

    async fn delete(&mut self, uri: String, precondition: contract::Precondition) -> Result<(), Refusal> {
        let uri = self.call.writable(&uri).await?;
        Ok(self.objects().delete(&uri, &precondition.into()).await?)
    }

    async fn create(
        &mut self,
        uri: String,
        media_type: Option<String>,
        precondition: contract::Precondition,
    ) -> Result<Resource<Upload>, Refusal> {
        // A uri that could never be written is refused before the guest sends a byte.
        let uri = self.call.writable(&uri).await?;
        let upload = Upload { uri, file: self.objects().scratch()?, media_type, precondition: precondition.into() };
        self.table.push(upload).map_err(Refusal::handle)
    }
}

impl contract::HostUpload for ObjectsView<'_> {
    async fn write(&mut self, upload: Resource<Upload>, bytes: Vec<u8>) -> Result<(), Refusal> {
        if bytes.len() as u64 > MAXIMUM_TRANSFER {
            let message = format!("{} bytes in one write; at most {MAXIMUM_TRANSFER} are taken", bytes.len());
            return Err(Fault::invalid("write_too_large", message).into());
        }
        let upload = self.table.get_mut(&upload).map_err(Refusal::handle)?;
        let mut file = upload.file.file_mut().try_clone().map_err(|error| scratch_failed(&error))?;
        let written = tokio::task::spawn_blocking(move || file.write_all(&bytes)).await;
        match written {
            Ok(result) => Ok(result.map_err(|error| scratch_failed(&error))?),
            Err(error) => Err(Refusal::Trap(error.into())),
        }
    }

    async fn finish(&mut self, upload: Resource<Upload>) -> Result<contract::Written, Refusal> {
        let upload = self.table.get(&upload).map_err(Refusal::handle)?;
        let Upload { uri, file, media_type, precondition } = upload;
        let written = self.objects().put_file(uri, file.path(), media_type.as_deref(), precondition).await?;
        self.call.wrote(&written);
        Ok(written.into())
    }

    async fn drop(&mut self, upload: Resource<Upload>) -> wasmtime::Result<()> {
        self.table.delete(upload)?;
        Ok(())
    }
}

pub(crate) fn scratch_failed(error: &std::io::Error) -> Fault {
    Fault::failed("scratch_failed", format!("the host could not write to its scratch folder: {error}"))
        .hint("check that the disk of the data directory has room")
}

impl From<ObjectInfo> for contract::ObjectInfo {
    fn from(info: ObjectInfo) -> Self {
        Self { uri: info.uri, size: info.size, etag: info.etag, media_type: info.media_type, modified: info.modified }
    }
}

impl From<Written> for contract::Written {
    fn from(written: Written) -> Self {
        Self { info: written.info.into(), sha256: written.sha256 }
    }
}

impl From<contract::Precondition> for Precondition {
    fn from(precondition: contract::Precondition) -> Self {
        match precondition {
            contract::Precondition::None => Self::None,
            contract::Precondition::Absent => Self::Absent,
            contract::Precondition::Unchanged(etag) => Self::Unchanged(etag),
        }
    }
}
