//! The trace that a call is part of, as clients hand it over (W3C Trace Context).

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The longest `tracestate` that is passed on, in bytes; the standard asks for 512 at least.
const LONGEST_STATE: usize = 512;

/// The most members of a `tracestate`.
const MOST_MEMBERS: usize = 32;

/// The version of `traceparent` that the standard has.
const VERSION: u8 = 0;

/// A place in a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceContext(SpanContext);

impl TraceContext {
    /// Reads `traceparent` and `tracestate`, as headers or as fields of `_meta`. `None` where `traceparent` is not as
    /// the standard says: the call then begins a trace of its own. A `tracestate` that is not valid is left out alone.
    #[must_use]
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let [version] = hexadecimal(parts.next()?)?;
        let trace_id = TraceId::from_bytes(hexadecimal(parts.next()?)?);
        let span_id = SpanId::from_bytes(hexadecimal(parts.next()?)?);
        let [flags] = hexadecimal(parts.next()?)?;
        // Later versions may add parts at the end. 255 is no version.
        if version == u8::MAX || version == VERSION && parts.next().is_some() {
            return None;
        }
        let flags = TraceFlags::new(flags) & TraceFlags::SAMPLED;
        let state = tracestate.and_then(parse_state).unwrap_or_default();
        let context = SpanContext::new(trace_id, span_id, flags, true, state);
        context.is_valid().then_some(Self(context))
    }

    /// The place of a span that this process has begun; `None` where traces are not exported.
    #[must_use]
    pub fn of(span: &Span) -> Option<Self> {
        let context = span.context().span().span_context().clone();
        context.is_valid().then_some(Self(context))
    }

    /// Makes this place the parent of the span. It must come before the span is entered, and does nothing where traces
    /// are not exported.
    pub fn adopt(&self, span: &Span) {
        let context = opentelemetry::Context::new().with_remote_span_context(self.0.clone());
        // Refused where nobody exports the span, or where it was entered before.
        let _ = span.set_parent(context);
    }

    /// The trace's id: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        self.0.trace_id().to_string()
    }

    /// As a `traceparent`, for requests to others.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("{VERSION:02x}-{}-{}-{:02x}", self.0.trace_id(), self.0.span_id(), self.0.trace_flags())
    }
}

/// So many bytes in lower-case hexadecimal digits, and nothing else.
fn hexadecimal<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    if text.len() != BYTES * 2 || text.bytes().any(|digit| !matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// The members of a `tracestate`, where all of them are valid and no name stands twice.
fn parse_state(text: &str) -> Option<TraceState> {
    if text.len() > LONGEST_STATE {
        return None;
    }
    let mut members: Vec<(&str, &str)> = Vec::new();
    for member in text.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty()) {
        let (name, value) = member.split_once('=')?;
        let printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if name.is_empty() || value.is_empty() || !printable || members.iter().any(|(other, _)| *other == name) {
            return None;
        }
        members.push((name, value));
    }
    if members.len() > MOST_MEMBERS {
        return None;
    }
    TraceState::from_key_value(members).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_is_read_and_written_as_it_came() {
        let context = TraceContext::parse(PARENT, Some("congo=t61rcWkgMzE, rojo@vendor=00f067aa0ba902b7")).unwrap();
        assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.traceparent(), PARENT);
        assert_eq!(context.0.trace_state().header(), "congo=t61rcWkgMzE,rojo@vendor=00f067aa0ba902b7");
        assert!(context.0.is_remote() && context.0.is_sampled());
    }

    #[test]
    fn a_traceparent_that_breaks_a_rule_begins_no_trace() {
        for parent in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333g-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-ääf7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::parse(parent, None), None, "{parent}");
        }
    }

    #[test]
    fn a_later_version_may_add_parts_and_unknown_flags_are_dropped() {
        let context =
            TraceContext::parse("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-more", None).unwrap();
        assert_eq!(context.traceparent(), PARENT);
    }

    #[test]
    fn a_tracestate_that_breaks_a_rule_is_left_out_alone() {
        let many = (0..33).map(|number| format!("a{number}=1")).collect::<Vec<_>>().join(",");
        for state in ["a", "a=", "=b", "a=1,a=2", "A=1", "a=b=c", "a=\u{7f}", "a=ü", many.as_str(), &"a=".repeat(300)]
        {
            let context = TraceContext::parse(PARENT, Some(state)).unwrap();
            assert_eq!(context.0.trace_state().header(), "", "{state}");
        }
    }
}
