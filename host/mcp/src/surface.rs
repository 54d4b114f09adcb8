//! Three tools of the server itself, by which a client finds and calls all others. They are for clients that never ask again for a list
//! that has changed, and for agents whose context is too small for a list of a hundred tools.

use kumiko_catalog::{LoadedTool, Snapshot};
use kumiko_vocabulary::Fault;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Caller;

/// Finds tools.
pub(crate) const FIND: &str = "find_tools";
/// Describes a tool.
pub(crate) const DESCRIBE: &str = "describe_tool";
/// Calls a tool.
pub(crate) const CALL: &str = "call_tool";

/// The names of the three. No plugin may have a tool of these names.
pub const RESERVED: [&str; 3] = [CALL, DESCRIBE, FIND];

/// How many tools are found where the caller does not say.
const DEFAULT_LIMIT: usize = 20;

/// What a word is worth by where it occurs: in a name more than in a description.
const IN_NAME: usize = 8;
const IN_TITLE: usize = 4;
const IN_CAPABILITY: usize = 3;
const IN_DESCRIPTION: usize = 1;

/// What `call_tool` is given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallArguments {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) arguments: JsonObject,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FindArguments {
    #[serde(default)]
    query: String,
    capability: Option<String>,
    read_only: Option<bool>,
    destructive: Option<bool>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribeArguments {
    name: String,
}

/// The three as the protocol lists them.
pub(crate) fn tools() -> [Tool; 3] {
    let object = |schema: Value| schema.as_object().cloned().unwrap_or_default();
    let read_only = ToolAnnotations::new().read_only(true).destructive(false).idempotent(true).open_world(false);
    let any = ToolAnnotations::new().read_only(false).destructive(true).idempotent(false).open_world(true);
    let call = Tool::new(
        CALL,
        "Calls any tool of this server by its name, as if it had been listed: the result is that tool's own. Find the name with \
         `find_tools` and its arguments with `describe_tool`.",
        object(json!({
            "type": "object",
            "properties": {
                "name": { "type": "string", "description": "The tool's name." },
                "arguments": { "type": "object", "description": "The tool's arguments, as its input schema describes them.", "additionalProperties": true },
            },
            "required": ["name"],
            "additionalProperties": false,
        })),
    );
    let describe = Tool::new(
        DESCRIBE,
        "Describes one tool in full: what it does, its arguments and its result as JSON Schema, and what it may change. Call it before \
         `call_tool`.",
        object(json!({
            "type": "object",
            "properties": { "name": { "type": "string", "description": "The tool's name, as `find_tools` returned it." } },
            "required": ["name"],
            "additionalProperties": false,
        })),
    );
    let find = Tool::new(
        FIND,
        "Finds tools by words, capability and effects, the best match first. New tools appear here at once, also for clients that listed \
         the tools earlier.",
        object(json!({
            "type": "object",
            "properties": {
                "query": { "type": "string", "description": "Words that say what the tool should do. All tools match where there are none." },
                "capability": { "type": "string", "description": "Only tools of this capability." },
                "read_only": { "type": "boolean", "description": "Only tools that change nothing (true), or that change something (false)." },
                "destructive": { "type": "boolean", "description": "Only tools that may delete or overwrite (true), or that do not (false)." },
                "limit": { "type": "integer", "minimum": 1, "maximum": 100, "description": "At most so many tools; 20 where absent." },
            },
            "additionalProperties": false,
        })),
    );
    [
        call.with_title("Call a tool").with_annotations(any),
        describe.with_title("Describe a tool").with_annotations(read_only.clone()),
        find.with_title("Find tools").with_annotations(read_only),
    ]
}

/// Reads the arguments of one of the three.
pub(crate) fn arguments<T: DeserializeOwned>(tool: &str, arguments: Value) -> Result<T, Fault> {
    serde_json::from_value(arguments).map_err(|error| {
        Fault::invalid("invalid_arguments", format!("`{tool}` was called with arguments that do not fit: {error}"))
            .hint(format!("see the input schema of `{tool}` in tools/list"))
    })
}

/// Runs `find_tools` or `describe_tool`.
pub(crate) fn run(tool: &str, given: Value, snapshot: &Snapshot, caller: &Caller) -> Result<Value, Fault> {
    if tool == DESCRIBE {
        let DescribeArguments { name } = arguments(tool, given)?;
        return describe(snapshot, caller, &name);
    }
    find(arguments(tool, given)?, snapshot, caller)
}

fn find(wanted: FindArguments, snapshot: &Snapshot, caller: &Caller) -> Result<Value, Fault> {
    let limit = wanted.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=100).contains(&limit) {
        return Err(Fault::invalid("invalid_arguments", format!("`limit` is {limit}; 1 to 100 was expected")));
    }
    let words: Vec<String> = words(&wanted.query).collect();
    let fits = |tool: &&std::sync::Arc<LoadedTool>| {
        let effects = tool.tool.annotations;
        caller.capabilities.has(tool.capability_names())
            && wanted.capability.as_deref().is_none_or(|name| tool.capability_names().any(|own| own == name))
            && wanted.read_only.is_none_or(|read_only| effects.read_only == read_only)
            && wanted.destructive.is_none_or(|destructive| effects.destructive == destructive)
    };
    let mut found: Vec<(usize, &LoadedTool)> = snapshot
        .tools()
        .filter(fits)
        .map(|tool| (score(tool, &words), tool.as_ref()))
        .filter(|(score, _)| words.is_empty() || *score > 0)
        .collect();
    // Names ascend already, and the sort keeps their order among equals.
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let total = found.len();
    let tools: Vec<Value> = found
        .into_iter()
        .take(limit)
        .map(|(_, tool)| {
            json!({
                "name": tool.name,
                "title": tool.tool.title,
                "capability": tool.capability(),
                "summary": first_sentence(&tool.tool.description),
                "read_only": tool.tool.annotations.read_only,
                "destructive": tool.tool.annotations.destructive,
            })
        })
        .collect();
    Ok(json!({ "tools": tools, "total": total }))
}

fn describe(snapshot: &Snapshot, caller: &Caller, name: &str) -> Result<Value, Fault> {
    let tool =
        snapshot.find(name).filter(|tool| caller.capabilities.has(tool.capability_names())).ok_or_else(|| {
            let fault = Fault::not_found("tool_not_found", format!("there is no tool `{name}`"));
            match snapshot.nearest(name) {
                Some(nearest) => fault.hint(format!("did you mean `{nearest}`?")),
                None => fault.hint("`find_tools` finds the tools there are"),
            }
        })?;
    let (described, effects) = (&tool.tool, tool.tool.annotations);
    Ok(json!({
        "name": tool.name,
        "title": described.title,
        "capability": tool.capability(),
        "version": tool.version(),
        "description": described.description,
        "input_schema": described.input_schema,
        "output_schema": described.output_schema,
        "annotations": {
            "read_only": effects.read_only, "destructive": effects.destructive, "idempotent": effects.idempotent,
            "open_world": effects.open_world,
        },
        "long_running": described.long_running,
    }))
}

/// The words of a text in lower case; `_` and `-` part words as spaces do.
fn words(text: &str) -> impl Iterator<Item = String> + use<'_> {
    text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// How well a tool fits the words.
fn score(tool: &LoadedTool, wanted: &[String]) -> usize {
    let fields = [
        (tool.name.as_str(), IN_NAME),
        (tool.tool.title.as_str(), IN_TITLE),
        (tool.capability(), IN_CAPABILITY),
        (tool.tool.description.as_str(), IN_DESCRIPTION),
    ];
    fields
        .into_iter()
        .map(|(text, worth)| {
            let there: Vec<String> = words(text).collect();
            wanted.iter().filter(|word| there.iter().any(|has| has.starts_with(stem(word)))).count() * worth
        })
        .sum()
}

/// A word without the ending that English adds most: who looks for `models` finds `model`.
fn stem(word: &str) -> &str {
    match word.strip_suffix('s') {
        Some(stem) if stem.len() >= 3 => stem,
        _ => word,
    }
}

fn first_sentence(text: &str) -> &str {
    let end = text.find(". ").map(|end| end + 1).into_iter().chain(text.find('\n')).min();
    text.get(..end.unwrap_or(text.len())).unwrap_or(text).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parted_at_underscores_and_found_without_their_plural() {
        assert_eq!(words("Train-supervised_Models 2").collect::<Vec<_>>(), ["train", "supervised", "models", "2"]);
        assert_eq!((stem("models"), stem("bias"), stem("gas")), ("model", "bia", "gas"));
    }

    #[test]
    fn a_summary_is_the_first_sentence() {
        assert_eq!(first_sentence("Loads a file. Then more."), "Loads a file.");
        assert_eq!(first_sentence("Loads a file\n\nMore."), "Loads a file");
        assert_eq!(first_sentence("Loads"), "Loads");
    }
}
