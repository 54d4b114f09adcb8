//! Resources: what plugins offer, and the objects that tools leave behind.

use kumiko_catalog::{Asked, CallFailure, Catalog, StoredObject, contract_types};
use kumiko_vocabulary::FaultKind;
use rmcp::ErrorData;
use rmcp::model::{
    ErrorCode, ListResourceTemplatesResult, ListResourcesResult, PaginatedRequestParams, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate,
};
use serde_json::json;

use crate::{answer, page, prompts};

/// Resources on one page.
const PAGE: usize = 100;

/// What a cursor begins with, by what the next page continues.
const PLUGINS: char = 'p';
const OBJECTS: char = 'o';

/// The page that a cursor points to: first what plugins list, then objects.
pub(crate) async fn list(
    catalog: &Catalog,
    request: Option<PaginatedRequestParams>,
) -> Result<ListResourcesResult, ErrorData> {
    let cursor = request.and_then(|request| request.cursor).map(|cursor| page::read(&cursor)).transpose()?;
    let (part, after) = match cursor.as_deref().map(|cursor| (cursor.chars().next(), cursor.get(1..))) {
        None => (PLUGINS, None),
        Some((Some(part @ (PLUGINS | OBJECTS)), Some(after))) => (part, Some(after).filter(|after| !after.is_empty())),
        Some(_) => return Err(ErrorData::invalid_params("the cursor is not one that this server handed out", None)),
    };
    let (resources, next) = if part == PLUGINS {
        let mut all = of_plugins(catalog);
        all.retain(|resource| after.is_none_or(|after| resource.uri.as_str() > after));
        let more = all.len() > PAGE;
        all.truncate(PAGE);
        let next = match all.last().filter(|_| more) {
            Some(last) => Some(format!("{PLUGINS}{}", last.uri)),
            None => Some(OBJECTS.to_string()),
        };
        if more { (all, next) } else { with_objects(catalog, all, None).await? }
    } else {
        with_objects(catalog, Vec::new(), after).await?
    };
    let mut result = ListResourcesResult::with_all_items(resources);
    result.next_cursor = next.map(|next| page::write(&next));
    Ok(result)
}

/// Objects behind the resources that are on the page already.
async fn with_objects(
    catalog: &Catalog,
    mut page: Vec<Resource>,
    after: Option<&str>,
) -> Result<(Vec<Resource>, Option<String>), ErrorData> {
    let room = PAGE.saturating_sub(page.len()).max(1);
    let (objects, next) = catalog.objects(after, room).await.map_err(|fault| prompts::error(&fault))?;
    page.extend(objects.into_iter().map(object));
    Ok((page, next.map(|next| format!("{OBJECTS}{next}"))))
}

fn of_plugins(catalog: &Catalog) -> Vec<Resource> {
    let snapshot = catalog.snapshot();
    let entries = snapshot.plugins().iter().flat_map(|plugin| plugin.plugin.manifest().resources.clone());
    let mut all: Vec<Resource> = entries
        .map(|entry| {
            let mut resource = Resource::new(entry.uri, entry.name);
            resource.title = entry.title;
            resource.description = entry.description;
            resource.mime_type = entry.media_type;
            resource.size = entry.size;
            resource
        })
        .collect();
    all.sort_by(|left, right| left.uri.cmp(&right.uri));
    all
}

fn object(object: StoredObject) -> Resource {
    let name = object.uri.rsplit('/').next().unwrap_or_default().to_owned();
    let mut resource = Resource::new(object.uri, name);
    resource.mime_type = Some(object.media_type);
    resource.size = Some(object.size);
    resource
}

/// The page of templates that a cursor points to.
pub(crate) fn templates(
    catalog: &Catalog,
    request: Option<PaginatedRequestParams>,
) -> Result<ListResourceTemplatesResult, ErrorData> {
    let snapshot = catalog.snapshot();
    let entries = snapshot.plugins().iter().flat_map(|plugin| plugin.plugin.manifest().templates.clone());
    let mut all: Vec<ResourceTemplate> = entries
        .map(|entry| {
            let mut template = ResourceTemplate::new(entry.uri_template, entry.name);
            template.title = entry.title;
            template.description = entry.description;
            template.mime_type = entry.media_type;
            template
        })
        .collect();
    let home = catalog.home();
    all.push(
        ResourceTemplate::new(format!("{home}{{key}}"), "object")
            .with_title("Object")
            .with_description("A data set, a model, a figure or a report that a tool has written."),
    );
    all.sort_by(|left, right| left.uri_template.cmp(&right.uri_template));
    let (templates, next_cursor) = page::of(all, request, PAGE, |template| &template.uri_template)?;
    let mut result = ListResourceTemplatesResult::with_all_items(templates);
    result.next_cursor = next_cursor;
    Ok(result)
}

/// Reads a resource of a plugin, or an object.
pub(crate) async fn read(catalog: &Catalog, uri: &str, asked: Asked) -> Result<ReadResourceResult, ErrorData> {
    let contents = if catalog.is_object(uri) {
        let (object, bytes) = catalog.object(uri).await.map_err(|fault| not_read(uri, CallFailure::Fault(fault)))?;
        vec![body(object.uri, Some(object.media_type), bytes)]
    } else {
        let read = catalog.read_resource(uri, asked).await.map_err(|failure| not_read(uri, failure))?;
        read.into_iter().map(answer::contents).collect()
    };
    Ok(ReadResourceResult::new(contents))
}

/// Text as text, anything else encoded.
fn body(uri: String, media_type: Option<String>, bytes: Vec<u8>) -> ResourceContents {
    answer::contents(contract_types::EmbeddedResource {
        uri,
        media_type,
        body: match String::from_utf8(bytes) {
            Ok(text) => contract_types::ResourceBody::Text(text),
            Err(error) => contract_types::ResourceBody::Blob(error.into_bytes()),
        },
    })
}

/// The protocol has an error of its own for a resource that is not there.
fn not_read(uri: &str, failure: CallFailure) -> ErrorData {
    match failure {
        CallFailure::Fault(fault) if fault.kind == FaultKind::NotFound => {
            ErrorData::resource_not_found(fault.to_string(), Some(json!({ "uri": uri })))
        }
        CallFailure::Fault(fault) => prompts::error(&fault),
        CallFailure::Protocol(error) => {
            let data = error.data.and_then(|text| serde_json::from_str(&text).ok());
            ErrorData::new(ErrorCode(error.code), error.message, data)
        }
    }
}
