//! Objects as clients read them: what lies under the home of the server, where tools put what they make.

use kumiko_vocabulary::Fault;

use crate::Catalog;

/// The largest object that a client is sent, in bytes: it travels in one message.
const MAXIMUM_OBJECT: u64 = 8 * 1024 * 1024;

/// An object that a client may read.
#[derive(Clone, Debug)]
pub struct StoredObject {
    /// Where it is.
    pub uri: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its media type.
    pub media_type: String,
}

impl Catalog {
    /// Where tools put objects for which they were given no place: a uri that ends in `/`.
    #[must_use]
    pub fn home(&self) -> &str {
        &self.services.home
    }

    /// Whether a uri is one of an object, whether or not there is one.
    #[must_use]
    pub fn is_object(&self, uri: &str) -> bool {
        uri.starts_with("s3:")
    }

    /// The objects behind a cursor, at most `limit`, and the next cursor.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn objects(
        &self,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<StoredObject>, Option<String>), Fault> {
        let listing = self.services.objects.list(&self.services.home, cursor, limit).await?;
        let stored = |info: kumiko_functions::ObjectInfo| StoredObject {
            uri: info.uri,
            size: info.size,
            media_type: info.media_type,
        };
        Ok((listing.objects.into_iter().map(stored).collect(), listing.cursor))
    }

    /// Reads an object under the home of the server.
    ///
    /// # Errors
    ///
    /// `resource_not_found` for what is not there or not under the home, `object_too_large`, and what the store says.
    pub async fn object(&self, uri: &str) -> Result<(StoredObject, Vec<u8>), Fault> {
        let uri = self.services.objects.plain_form(uri).await?;
        if !uri.starts_with(&*self.services.home) {
            let message = format!("`{uri}` is not under {}, whose objects clients may read", self.services.home);
            return Err(Fault::not_found("resource_not_found", message));
        }
        let info = self.services.objects.head(&uri).await?;
        if info.size > MAXIMUM_OBJECT {
            let message = format!("`{uri}` has {} bytes; at most {MAXIMUM_OBJECT} are sent to a client", info.size);
            return Err(Fault::invalid("object_too_large", message).hint("let a tool read it, and ask the tool"));
        }
        let bytes = self.services.objects.get(&uri, None).await?;
        Ok((StoredObject { uri, size: info.size, media_type: info.media_type }, bytes.to_vec()))
    }
}
