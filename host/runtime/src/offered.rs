//! What a plugin offers besides tools: prompts, resources, and completions for both.

use kumiko_functions::{CallContext, from_contract};
use kumiko_vocabulary::Fault;

use crate::manifest::Offered;
use crate::{CallFailure, Error, Plugin, contract, contract_types, prompts};

/// What a request for a prompt came to.
#[derive(Debug)]
pub enum PromptReply {
    /// The messages.
    Complete(prompts::Messages),
    /// It goes on once the client has answered.
    InputRequired(contract::InputRequired),
}

impl Plugin {
    /// Asks what there is, once, when the plugin is loaded.
    pub(crate) async fn offered(&self, contexts: impl Fn() -> CallContext) -> Result<Offered, Error> {
        let failed = |fault: Fault| Error::Describe { reason: fault.message };
        let mut offered = Offered::default();
        if let Some(template) = self.core.prompts.clone() {
            offered.prompts = self
                .briefly(contexts(), move |mut store| async move {
                    let listed = async {
                        let provider = template.instantiate_async(&mut store).await?;
                        provider.kumiko_plugin_prompts().call_list_prompts(&mut store).await
                    };
                    (listed.await, store)
                })
                .await
                .map_err(failed)?;
        }
        if let Some(template) = self.core.resources.clone() {
            (offered.resources, offered.templates) = self
                .briefly(contexts(), move |mut store| async move {
                    let listed = async {
                        let provider = template.instantiate_async(&mut store).await?;
                        let resources = provider.kumiko_plugin_resources();
                        let listed = resources.call_list_resources(&mut store).await?;
                        Ok::<_, wasmtime::Error>((listed, resources.call_list_templates(&mut store).await?))
                    };
                    (listed.await, store)
                })
                .await
                .map_err(failed)?;
        }
        Ok(offered)
    }

    /// Makes a prompt ready.
    ///
    /// # Errors
    ///
    /// The plugin's own fault, or one of the host's limits.
    pub async fn prompt(
        &self,
        invocation: prompts::PromptInvocation,
        context: CallContext,
    ) -> Result<PromptReply, CallFailure> {
        let template = self.core.prompts.clone().ok_or_else(|| nothing("prompts"))?;
        let answer = self
            .briefly(context, move |mut store| async move {
                let answer = async {
                    let provider = template.instantiate_async(&mut store).await?;
                    provider.kumiko_plugin_prompts().call_get_prompt(&mut store, &invocation).await
                };
                (answer.await, store)
            })
            .await?;
        match answer.map_err(refused)? {
            prompts::PromptAnswer::Complete(messages) => Ok(PromptReply::Complete(messages)),
            prompts::PromptAnswer::InputRequired(required) => {
                Ok(PromptReply::InputRequired(self.input_required(required)?))
            }
        }
    }

    /// Values that an argument of a prompt may take.
    ///
    /// # Errors
    ///
    /// The plugin's own fault, or one of the host's limits.
    pub async fn complete_argument(
        &self,
        request: prompts::CompletionRequest,
        context: CallContext,
    ) -> Result<Vec<String>, CallFailure> {
        let template = self.core.prompts.clone().ok_or_else(|| nothing("prompts"))?;
        self.briefly(context, move |mut store| async move {
            let values = async {
                let provider = template.instantiate_async(&mut store).await?;
                provider.kumiko_plugin_prompts().call_complete_argument(&mut store, &request).await
            };
            (values.await, store)
        })
        .await?
        .map_err(refused)
    }

    /// Reads a resource.
    ///
    /// # Errors
    ///
    /// The plugin's own fault, or one of the host's limits.
    pub async fn read_resource(
        &self,
        uri: &str,
        client: &contract_types::Client,
        context: CallContext,
    ) -> Result<Vec<contract_types::EmbeddedResource>, CallFailure> {
        let template = self.core.resources.clone().ok_or_else(|| nothing("resources"))?;
        let (uri, client) = (uri.to_owned(), client.clone());
        self.briefly(context, move |mut store| async move {
            let read = async {
                let provider = template.instantiate_async(&mut store).await?;
                provider.kumiko_plugin_resources().call_read_resource(&mut store, &uri, &client).await
            };
            (read.await, store)
        })
        .await?
        .map_err(refused)
    }

    /// Values that a variable of a template may take.
    ///
    /// # Errors
    ///
    /// The plugin's own fault, or one of the host's limits.
    pub async fn complete_variable(
        &self,
        uri_template: &str,
        variable: &str,
        value: &str,
        context: CallContext,
    ) -> Result<Vec<String>, CallFailure> {
        let template = self.core.resources.clone().ok_or_else(|| nothing("resources"))?;
        let (uri_template, variable, value) = (uri_template.to_owned(), variable.to_owned(), value.to_owned());
        self.briefly(context, move |mut store| async move {
            let values = async {
                let provider = template.instantiate_async(&mut store).await?;
                let resources = provider.kumiko_plugin_resources();
                resources.call_complete_variable(&mut store, &uri_template, &variable, &value).await
            };
            (values.await, store)
        })
        .await?
        .map_err(refused)
    }
}

fn refused(fault: contract_types::Fault) -> CallFailure {
    from_contract(fault).map_or_else(CallFailure::Protocol, CallFailure::Fault)
}

fn nothing(what: &str) -> Fault {
    Fault::not_found("nothing_offered", format!("the plugin offers no {what}"))
}
