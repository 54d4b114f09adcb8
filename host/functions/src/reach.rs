//! Objects as far as a plugin was granted them.

use kumiko_services::objects::Written;
use kumiko_vocabulary::Fault;

use crate::Notice;
use crate::state::Shared;

impl Shared<'_> {
    /// The plain form of an object that the plugin may read.
    pub(crate) async fn readable(&self, uri: &str) -> Result<String, Fault> {
        let uri = self.services.objects.plain_form(uri).await?;
        self.call.access.read(&uri)?;
        Ok(uri)
    }

    /// The plain form of an object that the plugin may write or delete.
    pub(crate) async fn writable(&self, uri: &str) -> Result<String, Fault> {
        let uri = self.services.objects.plain_form(uri).await?;
        self.call.access.write(&uri)?;
        Ok(uri)
    }

    /// Lets through a prefix whose objects the plugin may read.
    pub(crate) async fn listable(&self, prefix: &str) -> Result<(), Fault> {
        if prefix.starts_with("s3:") {
            return Ok(self.call.access.read(prefix.trim_end_matches('/'))?);
        }
        let folder = if prefix.is_empty() { "." } else { prefix };
        self.readable(folder).await.map(|_| ())
    }

    /// Tells whoever watches the object that it was written.
    pub(crate) fn wrote(&self, written: &Written) {
        self.call.notices.notify(Notice::ResourceUpdated(written.info.uri.clone()));
    }
}
