//! Prompts and resources of plugins, by name and by uri.

use std::sync::Arc;

use kumiko_runtime::{CallFailure, PromptReply, contract, contract_types, prompts};
use kumiko_vocabulary::Fault;

use crate::{Asked, Catalog, LoadedPlugin};

impl Catalog {
    /// Makes a prompt ready.
    ///
    /// # Errors
    ///
    /// `prompt_not_found`, `invalid_arguments`, and whatever the plugin or its limits answer.
    pub async fn prompt(
        &self,
        name: &str,
        arguments: Vec<(String, String)>,
        resumption: Option<contract::Resumption>,
        asked: Asked,
    ) -> Result<PromptReply, CallFailure> {
        self.ready_or_cancelled(&asked.control).await?;
        let (plugin, prompt) = self
            .snapshot()
            .prompt(name)
            .ok_or_else(|| Fault::not_found("prompt_not_found", format!("there is no prompt `{name}`")))?;
        check(&prompt, &arguments)?;
        let invocation = prompts::PromptInvocation {
            prompt: prompt.name.clone(),
            arguments,
            client: asked.client.for_contract(),
            resumption,
        };
        let context = self.context_of(&plugin, name, asked);
        plugin.plugin.prompt(invocation, context).await
    }

    /// Values that an argument of a prompt may take.
    ///
    /// # Errors
    ///
    /// `prompt_not_found`, `invalid_arguments`, and whatever the plugin or its limits answer.
    pub async fn complete_argument(
        &self,
        request: prompts::CompletionRequest,
        asked: Asked,
    ) -> Result<Vec<String>, CallFailure> {
        let name = request.prompt.clone();
        let (plugin, prompt) = self
            .snapshot()
            .prompt(&name)
            .ok_or_else(|| Fault::not_found("prompt_not_found", format!("there is no prompt `{name}`")))?;
        if !prompt.arguments.iter().any(|argument| argument.name == request.argument) {
            let message = format!("the prompt `{name}` has no argument `{}`", request.argument);
            return Err(Fault::invalid("invalid_arguments", message).into());
        }
        let context = self.context_of(&plugin, &name, asked);
        plugin.plugin.complete_argument(request, context).await
    }

    /// Reads a resource of a plugin: one that is listed, or one that fits a template.
    ///
    /// # Errors
    ///
    /// `resource_not_found`, and whatever the plugin or its limits answer.
    pub async fn read_resource(
        &self,
        uri: &str,
        asked: Asked,
    ) -> Result<Vec<contract_types::EmbeddedResource>, CallFailure> {
        self.ready_or_cancelled(&asked.control).await?;
        for plugin in self.snapshot().providers(uri) {
            let context = self.context_of(&plugin, uri, asked.clone());
            match plugin.plugin.read_resource(uri, &asked.client.for_contract(), context).await {
                // Another plugin's template may fit as well.
                Err(CallFailure::Fault(fault)) if fault.kind == kumiko_vocabulary::FaultKind::NotFound => {}
                read => return read,
            }
        }
        Err(Fault::not_found("resource_not_found", format!("there is no resource `{uri}`")).into())
    }

    /// Values that a variable of a template may take.
    ///
    /// # Errors
    ///
    /// `resource_not_found`, and whatever the plugin or its limits answer.
    pub async fn complete_variable(
        &self,
        uri_template: &str,
        variable: &str,
        value: &str,
        asked: Asked,
    ) -> Result<Vec<String>, CallFailure> {
        let plugin = self.snapshot().template_owner(uri_template).ok_or_else(|| {
            Fault::not_found("resource_not_found", format!("there is no template of resources `{uri_template}`"))
        })?;
        let context = self.context_of(&plugin, uri_template, asked);
        plugin.plugin.complete_variable(uri_template, variable, value, context).await
    }

    fn context_of(&self, plugin: &LoadedPlugin, what: &str, asked: Asked) -> kumiko_functions::CallContext {
        let manifest = Arc::clone(plugin.plugin.manifest());
        self.context(&manifest.name, &manifest.version, what, asked, 0)
    }
}

/// Refuses arguments that a prompt does not take, and those that lack one it needs.
fn check(prompt: &prompts::Prompt, arguments: &[(String, String)]) -> Result<(), Fault> {
    let name = &prompt.name;
    for (given, _) in arguments {
        if !prompt.arguments.iter().any(|argument| argument.name == *given) {
            let known: Vec<&str> = prompt.arguments.iter().map(|argument| argument.name.as_str()).collect();
            let message = format!("the prompt `{name}` has no argument `{given}`");
            return Err(Fault::invalid("invalid_arguments", message).hint(format!("it takes: {}", known.join(", "))));
        }
    }
    for argument in prompt.arguments.iter().filter(|argument| argument.required) {
        if !arguments.iter().any(|(given, _)| *given == argument.name) {
            let message = format!("the prompt `{name}` needs the argument `{}`", argument.name);
            return Err(Fault::invalid("invalid_arguments", message).hint(argument.description.clone()));
        }
    }
    Ok(())
}
