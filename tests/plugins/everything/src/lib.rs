//! Everything the protocol has: the tools, prompts and resources that its conformance suites call by name. What each does is what the
//! suites prescribe, to the letter.

mod asking;
mod media;
mod offered;
mod schemas;
mod showing;
mod tasks;

use kumiko_sdk::plugin;

plugin! {
    name: "everything",
    description: "Everything the protocol has, for the conformance suites.",
    tools: [
        showing::test_simple_text, showing::test_image_content, showing::test_audio_content, showing::test_embedded_resource,
        showing::test_multiple_content_types, showing::test_error_handling, showing::test_tool_with_progress,
        showing::test_tool_with_logging, showing::test_logging_tool, showing::test_trigger_tool_change,
        showing::test_trigger_prompt_change, showing::test_touch_resource,
        schemas::json_schema_2020_12_tool, schemas::test_custom_header,
        asking::test_sampling, asking::test_elicitation, asking::test_elicitation_sep1034_defaults,
        asking::test_elicitation_sep1330_enums, asking::test_streaming_elicitation, asking::test_missing_capability,
        asking::test_input_required_result_elicitation, asking::test_input_required_result_sampling,
        asking::test_input_required_result_list_roots, asking::test_input_required_result_request_state,
        asking::test_input_required_result_multiple_inputs, asking::test_input_required_result_multi_round,
        asking::test_input_required_result_tampered_state, asking::test_input_required_result_capabilities,
        tasks::greet, tasks::slow_compute, tasks::failing_job, tasks::protocol_error_job, tasks::confirm_delete,
        tasks::multi_input,
    ]
}

kumiko_sdk::prompts!(offered::Offered);
kumiko_sdk::resources!(offered::Offered);
