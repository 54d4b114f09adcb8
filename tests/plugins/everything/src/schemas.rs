//! Tools whose schemas are written by hand.

use kumiko_sdk::prelude::*;
use kumiko_sdk::{Annotations, Tool};

/// A tool with much of what JSON Schema 2020-12 has, kept to the letter.
#[allow(non_upper_case_globals, reason = "the name by which `plugin!` finds a tool")]
pub(crate) const __kumiko_tool_json_schema_2020_12_tool: Tool = Tool {
    name: "json_schema_2020_12_tool",
    title: "",
    description: "Tool with JSON Schema 2020-12 features",
    input_schema: schema,
    output_schema: || None,
    annotations: Annotations { read_only: true, destructive: false, idempotent: true, open_world: false },
    aliases: &[],
    long_running: false,
    run: |_, _| Ok(Answer::Complete(Reply { structured: None, content: vec![Content::Text("It fits.".to_owned())] })),
};

fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } }
            }
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" }
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false
    })
}

/// An argument that HTTP clients repeat in a header.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Regional {
    /// Where the work is to be done.
    #[schemars(extend("x-mcp-header" = "Region"))]
    pub(crate) region: String,
}

/// Takes an argument that HTTP clients repeat in a header.
#[tool(read_only)]
pub(crate) fn test_custom_header(arguments: Regional) -> Result<Reply<()>> {
    Ok(Reply { structured: (), content: vec![Content::Text(format!("The region is {}.", arguments.region))] })
}
