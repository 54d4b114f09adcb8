//! What a person or a model is shown beside the structured result.

/// One block, in the order in which blocks are shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Plain text or Markdown.
    Text(String),
    /// A picture.
    Image(Media),
    /// A sound.
    Audio(Media),
    /// A resource inside the answer.
    Resource(EmbeddedResource),
    /// A pointer to an object that the client may read later.
    Link(Link),
}

/// Bytes with their type.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// The bytes themselves; the host encodes them for the protocol.
    pub data: Vec<u8>,
    /// The media type: `image/png`.
    pub media_type: String,
}

/// A resource that travels inside the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddedResource {
    /// What it is called.
    pub uri: String,
    /// The media type.
    pub media_type: Option<String>,
    /// The body.
    pub body: Body,
}

/// The body of an embedded resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Text.
    Text(String),
    /// Anything else.
    Blob(Vec<u8>),
}

/// A pointer to an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// Where it is.
    pub uri: String,
    /// A short name: a file name.
    pub name: String,
    /// A name for people.
    pub title: Option<String>,
    /// What it holds.
    pub description: Option<String>,
    /// The media type.
    pub media_type: Option<String>,
    /// The size in bytes.
    pub size: Option<u64>,
}

impl Link {
    /// A link to `uri`, named after the uri's last segment.
    pub fn new(uri: impl Into<String>) -> Self {
        let uri = uri.into();
        let name = uri.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        Self { uri, name, ..Self::default() }
    }

    /// The same link with a name for people.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// The same link with a word on what it leads to.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_named_after_the_last_segment() {
        assert_eq!(Link::new("s3://bucket/models/iris.kumiko").name, "iris.kumiko");
        assert_eq!(Link::new("iris.csv").name, "iris.csv");
        assert_eq!(Link::new("s3://bucket/models/").name, "models");
    }
}
