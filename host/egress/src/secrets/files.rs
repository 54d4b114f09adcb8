//! Secrets in files, as container platforms mount them.

use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use tokio::{fs, io::AsyncReadExt as _};

use crate::{SECRET_BYTES_LIMIT, SecretName, SecretStore, SecretStoreError, SecretValue};

/// A folder with a file for each secret, named as the secret is. One line end at the end of a file does not count.
#[derive(Clone, Debug)]
pub struct Files {
    folder: PathBuf,
}

impl Files {
    /// The secrets in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

#[async_trait]
impl SecretStore for Files {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>, SecretStoreError> {
        // A name has no separators and begins with a letter or digit, so this stays in the folder.
        let path = self.folder.join(name.as_str());
        let failed = |reason: &str| SecretStoreError::new(format!("{}: {reason}", path.display()));
        // Looked at before it is opened: opening a pipe would wait for its writer.
        match fs::metadata(&path).await {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(failed("it is no regular file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&error.to_string())),
        }
        let file = fs::File::open(&path).await.map_err(|error| failed(&error.to_string()))?;
        let mut bytes = Vec::new();
        let most = u64::try_from(SECRET_BYTES_LIMIT).unwrap_or(u64::MAX).saturating_add(1);
        file.take(most).read_to_end(&mut bytes).await.map_err(|error| failed(&error.to_string()))?;
        if bytes.len() > SECRET_BYTES_LIMIT {
            return Err(failed(&format!("it has more than {SECRET_BYTES_LIMIT} bytes")));
        }
        let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8"))?;
        let text = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
        Ok((!text.is_empty()).then(|| SecretValue::new(text)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn name(text: &str) -> SecretName {
        SecretName::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_secret_is_the_file_of_its_name_without_the_last_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = Files::new(folder.path());
        for (file, content, value) in
            [("a", "one", "one"), ("b", "two\n", "two"), ("c", "three\r\n", "three"), ("d", "x\ny\n\n", "x\ny\n")]
        {
            fs::write(folder.path().join(file), content).unwrap();
            assert_eq!(store.get(&name(file)).await.unwrap().unwrap().expose(), value);
        }
        assert!(store.get(&name("missing")).await.unwrap().is_none());
        fs::write(folder.path().join("empty"), "\n").unwrap();
        assert!(store.get(&name("empty")).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_no_readable_text_file_is_an_error_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let store = Files::new(folder.path());
        fs::create_dir(folder.path().join("folder")).unwrap();
        fs::write(folder.path().join("binary"), b"canary\xff\xfe").unwrap();
        fs::write(folder.path().join("large"), "canary".repeat(SECRET_BYTES_LIMIT)).unwrap();
        for (file, word) in [("folder", "regular file"), ("binary", "UTF-8"), ("large", "more than")] {
            let error = store.get(&name(file)).await.unwrap_err();
            assert!(error.to_string().contains(word) && !error.to_string().contains("canary"), "{error}");
        }
    }
}
