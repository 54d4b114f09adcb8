//! Tools as the protocol lists them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kumiko_catalog::{LoadedTool, Snapshot};
use rmcp::ErrorData;
use rmcp::model::{ListToolsResult, PaginatedRequestParams, Tool, ToolAnnotations};

/// Tools on one page. Clients fetch pages one after another, and a hundred fit any client's buffer.
const PAGE: usize = 100;

/// The page that a cursor points to. The cursor holds the last name of the page before, so a swap between two pages loses no
/// tool that stays.
pub(crate) fn page(snapshot: &Snapshot, request: Option<PaginatedRequestParams>) -> Result<ListToolsResult, ErrorData> {
    let after = request.and_then(|request| request.cursor).map(|cursor| read_cursor(&cursor)).transpose()?;
    let (tools, more) = snapshot.page(after.as_deref(), PAGE);
    let mut result = ListToolsResult::default();
    result.next_cursor = tools.last().filter(|_| more).map(|tool| URL_SAFE_NO_PAD.encode(&tool.name));
    result.tools = tools.iter().map(|tool| describe(tool)).collect();
    Ok(result)
}

fn read_cursor(cursor: &str) -> Result<String, ErrorData> {
    let name = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| ErrorData::invalid_params("the cursor is not one that this server handed out", None))
}

/// A tool in the protocol's words. Cloning is cheap: schemas are shared.
pub(crate) fn describe(loaded: &LoadedTool) -> Tool {
    let tool = &loaded.tool;
    let mut described = Tool::new(loaded.name.clone(), tool.description.clone(), tool.input_schema.clone());
    described.title = Some(tool.title.clone()).filter(|title| !title.is_empty());
    described.output_schema = tool.output_schema.clone();
    let mut annotations = ToolAnnotations::default();
    annotations.title = described.title.clone();
    annotations.read_only_hint = Some(tool.annotations.read_only);
    annotations.destructive_hint = Some(tool.annotations.destructive);
    annotations.idempotent_hint = Some(tool.annotations.idempotent);
    annotations.open_world_hint = Some(tool.annotations.open_world);
    described.annotations = Some(annotations);
    described
}
