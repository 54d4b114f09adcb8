//! Log lines cut into requests that CloudWatch Logs takes.

/// The most bytes of one request, counted as the service does.
pub(super) const MOST_BYTES: usize = 1_048_576;

/// What the service counts for each line beside its text, in bytes.
pub(super) const LINE_OVERHEAD: usize = 26;

/// The most lines of one request.
pub(super) const MOST_LINES: usize = 10_000;

/// The longest time between the first and the last line of one request, in milliseconds: 24 h.
const LONGEST_SPAN: i64 = 24 * 60 * 60 * 1_000;

/// A line and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Milliseconds since 1970.
    pub(super) timestamp: i64,
    pub(super) message: String,
}

impl Line {
    /// What the service counts for it, in bytes.
    pub(super) fn size(&self) -> usize {
        self.message.len().saturating_add(LINE_OVERHEAD)
    }
}

/// The lines in the order of their times, cut where a request would break a rule.
pub(super) fn cut(mut lines: Vec<Line>) -> Vec<Vec<Line>> {
    lines.sort_by_key(|line| line.timestamp);
    let mut batches = Vec::new();
    let (mut batch, mut bytes, mut first) = (Vec::new(), 0_usize, 0);
    for line in lines {
        let fits = bytes.saturating_add(line.size()) <= MOST_BYTES
            && batch.len() < MOST_LINES
            && line.timestamp.saturating_sub(first) < LONGEST_SPAN;
        if !batch.is_empty() && !fits {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        if batch.is_empty() {
            first = line.timestamp;
        }
        bytes = bytes.saturating_add(line.size());
        batch.push(line);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(timestamp: i64, length: usize) -> Line {
        Line { timestamp, message: "x".repeat(length) }
    }

    fn sizes(lines: Vec<Line>) -> Vec<usize> {
        cut(lines).iter().map(Vec::len).collect()
    }

    #[test]
    fn lines_come_in_the_order_of_their_times() {
        let batches = cut(vec![line(3, 1), line(1, 2), line(2, 3), line(1, 4)]);
        let times: Vec<_> = batches[0].iter().map(|line| (line.timestamp, line.message.len())).collect();
        assert_eq!(times, [(1, 2), (1, 4), (2, 3), (3, 1)]);
    }

    #[test]
    fn a_request_holds_10_000_lines() {
        assert_eq!(sizes(vec![line(0, 1); 10_000]), [10_000]);
        assert_eq!(sizes(vec![line(0, 1); 20_001]), [10_000, 10_000, 1]);
    }

    #[test]
    fn a_request_holds_one_mebibyte_with_what_the_service_adds() {
        let half = MOST_BYTES / 2 - LINE_OVERHEAD;
        assert_eq!(sizes(vec![line(0, half), line(0, half)]), [2]);
        assert_eq!(sizes(vec![line(0, half), line(0, half + 1)]), [1, 1]);
    }

    #[test]
    fn a_request_spans_less_than_a_day() {
        assert_eq!(sizes(vec![line(0, 1), line(LONGEST_SPAN - 1, 1)]), [2]);
        assert_eq!(sizes(vec![line(0, 1), line(LONGEST_SPAN, 1), line(LONGEST_SPAN + 1, 1)]), [1, 2]);
        assert_eq!(sizes(Vec::new()), Vec::<usize>::new());
    }
}
