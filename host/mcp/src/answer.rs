//! Answers and faults in the protocol's words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kumiko_catalog::contract_types::{self, Content, ResourceBody};
use kumiko_vocabulary::Fault;
use rmcp::model::{
    AudioContent, CallToolResult, ContentBlock, EmbeddedResource, ImageContent, MetaObject, Resource, ResourceContents,
    TextContent,
};
use serde_json::{Value, json};

/// Where a fault's fields travel in a result's `_meta`: for programs. People and models read the text.
const FAULT_KEY: &str = "kumiko/fault";

/// A finished call. Where the tool wrote no text itself, the structured result stands in for it: not every client shows the
/// latter.
pub(crate) fn complete(structured: Option<Value>, content: Vec<Content>) -> CallToolResult {
    let mut blocks: Vec<ContentBlock> = content.into_iter().map(block).collect();
    let has_text = blocks.iter().any(|block| matches!(block, ContentBlock::Text(_)));
    if let (Some(structured), false) = (&structured, has_text) {
        blocks.insert(0, ContentBlock::Text(TextContent::new(structured.to_string())));
    }
    let mut result = CallToolResult::success(blocks);
    result.structured_content = structured;
    result
}

/// A call that failed in a way that its caller can read and act on.
pub(crate) fn failed(fault: &Fault) -> CallToolResult {
    let text = format!("{fault}\ncode: {}", fault.code);
    let mut result = CallToolResult::error(vec![ContentBlock::Text(TextContent::new(text))]);
    let mut meta = MetaObject::new();
    meta.insert(
        FAULT_KEY.to_owned(),
        json!({ "kind": fault.kind.as_str(), "code": fault.code, "message": fault.message, "hint": fault.hint, "data": fault.data }),
    );
    result.meta = Some(meta);
    result
}

/// One block of what a person or a model is shown.
pub(crate) fn block(content: Content) -> ContentBlock {
    match content {
        Content::Text(text) => ContentBlock::Text(TextContent::new(text)),
        Content::Image(media) => ContentBlock::Image(ImageContent::new(STANDARD.encode(media.data), media.media_type)),
        Content::Audio(media) => ContentBlock::Audio(AudioContent::new(STANDARD.encode(media.data), media.media_type)),
        Content::Resource(resource) => ContentBlock::Resource(EmbeddedResource::new(contents(resource))),
        Content::Link(link) => {
            let mut resource = Resource::new(link.uri, link.name);
            resource.title = link.title;
            resource.description = link.description;
            resource.mime_type = link.media_type;
            resource.size = link.size;
            ContentBlock::ResourceLink(resource)
        }
    }
}

/// The contents of a resource.
pub(crate) fn contents(resource: contract_types::EmbeddedResource) -> ResourceContents {
    let mut contents = match resource.body {
        ResourceBody::Text(text) => ResourceContents::text(text, resource.uri),
        ResourceBody::Blob(bytes) => ResourceContents::blob(STANDARD.encode(bytes), resource.uri),
    };
    let (ResourceContents::TextResourceContents { mime_type, .. }
    | ResourceContents::BlobResourceContents { mime_type, .. }) = &mut contents
    else {
        return contents;
    };
    *mime_type = resource.media_type;
    contents
}
