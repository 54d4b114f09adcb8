//! Prompts of plugins, and completions of what they take.

use kumiko_catalog::{Catalog, Icon, prompts};
use kumiko_vocabulary::{Fault, FaultKind};
use rmcp::ErrorData;
use rmcp::model::{
    ArgumentInfo, CompletionInfo, ErrorCode, GetPromptResult, JsonObject, ListPromptsResult, PaginatedRequestParams,
    Prompt, PromptArgument, PromptMessage, Role,
};
use serde_json::{Value, json};

use crate::{Caller, answer, page, tools};

/// Prompts on one page.
const PAGE: usize = 100;

/// The page that a cursor points to.
pub(crate) fn list(
    catalog: &Catalog,
    request: Option<PaginatedRequestParams>,
    caller: &Caller,
) -> Result<ListPromptsResult, ErrorData> {
    let shown = catalog.snapshot().prompts().into_iter().filter(|(plugin, _)| {
        let manifest = plugin.plugin.manifest();
        caller
            .capabilities
            .has(std::iter::once(manifest.name.as_str()).chain(manifest.aliases.iter().map(String::as_str)))
    });
    let prompts = shown.map(|(plugin, prompt)| described(prompt, plugin.plugin.manifest().icon.as_ref())).collect();
    let (prompts, next_cursor) = page::of(prompts, request, PAGE, |prompt: &Prompt| &prompt.name)?;
    let mut result = ListPromptsResult::with_all_items(prompts);
    result.next_cursor = next_cursor;
    Ok(result)
}

fn described(prompt: prompts::Prompt, icon: Option<&Icon>) -> Prompt {
    let arguments = prompt.arguments.into_iter().map(|argument| {
        let described = PromptArgument::new(argument.name).with_required(argument.required);
        described.with_description(argument.description)
    });
    let arguments: Vec<PromptArgument> = arguments.collect();
    let mut described = Prompt::new(prompt.name, Some(prompt.description), Some(arguments));
    described.icons = tools::icons(icon);
    if prompt.title.is_empty() { described } else { described.with_title(prompt.title) }
}

/// The arguments of a prompt: texts by name.
pub(crate) fn arguments(given: Option<JsonObject>) -> Result<Vec<(String, String)>, ErrorData> {
    given
        .unwrap_or_default()
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            other => {
                let message = format!("the argument `{name}` is {other}; the arguments of prompts are texts");
                Err(ErrorData::invalid_params(message, None))
            }
        })
        .collect()
}

/// Messages in the protocol's words.
pub(crate) fn messages(ready: prompts::Messages) -> GetPromptResult {
    let messages = ready.messages.into_iter().map(|message| {
        let role = match message.role {
            prompts::Role::User => Role::User,
            prompts::Role::Assistant => Role::Assistant,
        };
        PromptMessage::new(role, answer::block(message.content))
    });
    let result = GetPromptResult::new(messages.collect());
    match ready.description {
        Some(description) => result.with_description(description),
        None => result,
    }
}

/// Values for a client, cut to what the protocol passes on.
pub(crate) fn completion(mut values: Vec<String>) -> Result<CompletionInfo, ErrorData> {
    let total = values.len();
    values.truncate(CompletionInfo::MAX_VALUES);
    let more = total > values.len();
    CompletionInfo::with_pagination(values, u32::try_from(total).ok(), more)
        .map_err(|error| ErrorData::internal_error(error, None))
}

/// What a plugin is asked to complete.
pub(crate) fn completion_request(
    prompt: String,
    argument: ArgumentInfo,
    known: impl Iterator<Item = (String, String)>,
) -> prompts::CompletionRequest {
    prompts::CompletionRequest { prompt, argument: argument.name, value: argument.value, known: known.collect() }
}

/// A fault as an error of the protocol, for the requests that have no result to put it into.
pub(crate) fn error(fault: &Fault) -> ErrorData {
    let code = match fault.kind {
        FaultKind::InvalidArguments | FaultKind::NotFound => ErrorCode::INVALID_PARAMS,
        _ => ErrorCode::INTERNAL_ERROR,
    };
    ErrorData::new(code, fault.to_string(), Some(json!({ "code": fault.code, "kind": fault.kind.as_str() })))
}
