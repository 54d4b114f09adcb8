//! What a plugin offers beside its tools: prompts, resources, and completions of what they take.

use std::collections::HashSet;

use kumiko_sdk::arguments::INVALID_ARGUMENTS;
use kumiko_sdk::content::EmbeddedResource;
use kumiko_sdk::fault::FaultKind;
use kumiko_sdk::prompts::{Messages, Prompt, Prompts};
use kumiko_sdk::resources::Resources;
use kumiko_sdk::{Answer, Context, Fault, Result};

use crate::TestHost;
use crate::check::check_name;

/// The most values that a client is handed.
const MAXIMUM_VALUES: usize = 100;
/// The longest uri of a resource, in bytes.
const MAXIMUM_URI: usize = 2_048;

/// What would keep the server from loading a plugin with these prompts; empty where nothing does.
#[must_use]
pub fn prompt_problems<P: Prompts>() -> Vec<String> {
    let mut problems = Vec::new();
    let mut names = HashSet::new();
    for prompt in P::list() {
        check_name("the prompt", &prompt.name, &mut problems);
        if prompt.description.trim().is_empty() {
            problems.push(format!("the prompt `{}` has no description", prompt.name));
        }
        if !names.insert(prompt.name.clone()) {
            problems.push(format!("two prompts are named `{}`", prompt.name));
        }
    }
    problems
}

/// What would keep the server from loading a plugin with these resources; empty where nothing does.
#[must_use]
pub fn resource_problems<R: Resources>() -> Vec<String> {
    let mut problems = Vec::new();
    let mut uris = HashSet::new();
    for entry in R::list().into_iter().chain(R::templates()) {
        if !is_own_uri(&entry.uri) {
            problems.push(format!(
                "`{}` is no uri of a resource: a scheme of the plugin's own, at most {MAXIMUM_URI} bytes and no spaces",
                entry.uri
            ));
        }
        if !uris.insert(entry.uri.clone()) {
            problems.push(format!("two resources have the uri `{}`", entry.uri));
        }
    }
    problems
}

fn is_own_uri(uri: &str) -> bool {
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(allowed)
        && !matches!(scheme, "s3" | "file")
        && uri.len() <= MAXIMUM_URI
        && !uri.chars().any(|character| character.is_control() || character == ' ')
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn prompt_called<P: Prompts>(name: &str) -> Result<Prompt> {
    let found = P::list().into_iter().find(|prompt| prompt.name == name);
    found.ok_or_else(|| Fault::not_found("prompt_not_found", format!("there is no prompt `{name}`")))
}

/// Refuses arguments that a prompt does not take, and those that lack one it needs.
fn check_arguments(prompt: &Prompt, arguments: &[(String, String)]) -> Result<()> {
    let name = &prompt.name;
    let known: Vec<&str> = prompt.arguments.iter().map(|argument| argument.name.as_str()).collect();
    if let Some((given, _)) = arguments.iter().find(|(given, _)| !known.contains(&given.as_str())) {
        let message = format!("the prompt `{name}` has no argument `{given}`");
        return Err(Fault::invalid(INVALID_ARGUMENTS, message).hint(format!("it takes: {}", known.join(", "))));
    }
    let is_given = |name: &str| arguments.iter().any(|(given, _)| given == name);
    if let Some(missing) = prompt.arguments.iter().find(|argument| argument.required && !is_given(&argument.name)) {
        let message = format!("the prompt `{name}` needs the argument `{}`", missing.name);
        return Err(Fault::invalid(INVALID_ARGUMENTS, message).hint(missing.description.clone()));
    }
    Ok(())
}

fn no_resource(uri: &str) -> Fault {
    Fault::not_found("resource_not_found", format!("there is no resource `{uri}`"))
}

impl TestHost {
    /// Makes a prompt ready as the server does: only a listed one, with the arguments that it takes. It must finish in one
    /// round.
    ///
    /// # Errors
    /// What the provider fails with, `prompt_not_found` and `invalid_arguments`.
    pub fn prompt<P: Prompts>(&self, prompt: &str, arguments: &[(&str, &str)]) -> Result<Messages> {
        match self.prompt_in::<P>(&Context::default(), prompt, arguments)? {
            Answer::Complete(reply) => Ok(reply.structured),
            Answer::InputRequired(_) => {
                Err(Fault::failed("input_required", format!("{prompt} asks for input before it finishes"))
                    .hint("use `prompt_in`, which shows what it asks for"))
            }
        }
    }

    /// Makes a prompt ready in surroundings of one's own: with a client's capabilities, or as a later round.
    ///
    /// # Errors
    /// As [`Self::prompt`].
    pub fn prompt_in<P: Prompts>(
        &self,
        context: &Context,
        prompt: &str,
        arguments: &[(&str, &str)],
    ) -> Result<Answer<Messages>> {
        let arguments = owned(arguments);
        self.run(|| {
            check_arguments(&prompt_called::<P>(prompt)?, &arguments)?;
            P::get(prompt, &arguments, context)
        })
    }

    /// The values that a client is offered for an argument of a prompt: the first 100. `typed` is what is there of it so
    /// far, `known` the other arguments.
    ///
    /// # Errors
    /// What the provider fails with, `prompt_not_found` and `invalid_arguments`.
    pub fn complete_argument<P: Prompts>(
        &self,
        prompt: &str,
        argument: &str,
        typed: &str,
        known: &[(&str, &str)],
    ) -> Result<Vec<String>> {
        self.run(|| {
            let found = prompt_called::<P>(prompt)?;
            if !found.arguments.iter().any(|own| own.name == argument) {
                let message = format!("the prompt `{prompt}` has no argument `{argument}`");
                return Err(Fault::invalid(INVALID_ARGUMENTS, message));
            }
            let mut values = P::complete(prompt, argument, typed, &owned(known))?;
            values.truncate(MAXIMUM_VALUES);
            Ok(values)
        })
    }

    /// Reads a resource as the server does: only one that is listed, or that begins as a template does.
    ///
    /// # Errors
    /// What the provider fails with, and `resource_not_found` in place of every fault of the kind `not_found`.
    pub fn resource<R: Resources>(&self, uri: &str) -> Result<Vec<EmbeddedResource>> {
        let begins = |template: &str| uri.starts_with(template.split('{').next().unwrap_or(template));
        self.run(|| {
            let offered = R::list().iter().any(|entry| entry.uri == uri)
                || R::templates().iter().any(|template| begins(&template.uri));
            if !offered {
                return Err(no_resource(uri));
            }
            R::read(uri, &Context::default()).map_err(|fault| match fault.kind {
                FaultKind::NotFound => no_resource(uri),
                _ => fault,
            })
        })
    }

    /// The values that a client is offered for a variable of a template: the first 100. `typed` is what is there of it so
    /// far.
    ///
    /// # Errors
    /// What the provider fails with, and `resource_not_found` where there is no such template.
    pub fn complete_variable<R: Resources>(&self, template: &str, variable: &str, typed: &str) -> Result<Vec<String>> {
        self.run(|| {
            if !R::templates().iter().any(|own| own.uri == template) {
                let message = format!("there is no template of resources `{template}`");
                return Err(Fault::not_found("resource_not_found", message));
            }
            let mut values = R::complete(template, variable, typed)?;
            values.truncate(MAXIMUM_VALUES);
            Ok(values)
        })
    }
}
