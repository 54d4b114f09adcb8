//! What the two benches of overhead share: the floor's answer, and the table of a trivial call.

use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, TextContent};
use serde_json::json;

/// What the floor answers to a call of `greet`.
pub(crate) fn echoed(request: CallToolRequestParams) -> CallToolResponse {
    let name = request.arguments.and_then(|arguments| arguments.get("name").cloned()).unwrap_or_default();
    let text = format!("Hello, {}!", name.as_str().unwrap_or_default());
    let mut result = CallToolResult::success(vec![ContentBlock::Text(TextContent::new(text.clone()))]);
    result.structured_content = Some(json!({ "message": text }));
    result.into()
}

/// Prints the microseconds of a trivial call through the product beside those of the floor.
pub(crate) fn print_times(title: &str, with: &mut [f64], without: &mut [f64]) {
    println!("{title:<34} {:>10} {:>10} {:>8}", "kumiko", "bare rmcp", "ratio");
    for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        let (with, without) = (quantile(with, share), quantile(without, share));
        println!("{name:<34} {with:>7.1} µs {without:>7.1} µs {:>8.2}", with / without);
    }
}

/// The value below which this share of the times lies.
pub(crate) fn quantile(times: &mut [f64], share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * share) as usize]
}
