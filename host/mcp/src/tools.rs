//! Tools as the protocol lists them.

use std::sync::Arc;

use kumiko_catalog::{Icon, LoadedTool, Snapshot};
use rmcp::ErrorData;
use rmcp::model::{ListToolsResult, PaginatedRequestParams, Tool, ToolAnnotations};

use crate::{Caller, page, surface};

/// Tools on one page. Clients fetch pages one after another, and a hundred fit any client's buffer.
const PAGE: usize = 100;

/// The page that a cursor points to: the tools of the plugins and those of the server itself, by name.
pub(crate) fn list(
    snapshot: &Snapshot,
    request: Option<PaginatedRequestParams>,
    caller: &Caller,
) -> Result<ListToolsResult, ErrorData> {
    let mut tools: Vec<Tool> = surface::tools().into();
    if !caller.compact {
        let shown = snapshot.tools().filter(|tool| caller.capabilities.has(tool.capability_names()));
        tools.extend(shown.map(|tool| describe(tool)));
    }
    tools.sort_by(|left, right| left.name.cmp(&right.name));
    let (tools, next_cursor) = page::of(tools, request, PAGE, |tool| &tool.name)?;
    let mut result = ListToolsResult::with_all_items(tools);
    result.next_cursor = next_cursor;
    Ok(result)
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
    described.icons = icons(loaded.icon());
    described
}

/// A tool with its name and the schema of its arguments, which is shared.
pub(crate) fn schema_of(loaded: &LoadedTool) -> Tool {
    Tool::new(loaded.name.clone(), "", Arc::clone(&loaded.tool.input_schema))
}

/// A plugin's icon as the protocol words it.
pub(crate) fn icons(icon: Option<&Icon>) -> Option<Vec<rmcp::model::Icon>> {
    let icon = icon?;
    let described = rmcp::model::Icon::new(icon.uri.clone()).with_mime_type(icon.media_type.clone());
    let scales = icon.media_type == "image/svg+xml";
    Some(vec![if scales { described.with_sizes(vec!["any".to_owned()]) } else { described }])
}
