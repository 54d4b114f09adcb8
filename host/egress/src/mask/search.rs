//! Finds many byte strings in a text at once.
//!
//! A window as long as the shortest string moves over the text. Its last two bytes tell how far it may move without
//! passing the beginning of an occurrence (Wu and Manber, 1994, with blocks of two bytes); in texts without occurrences
//! that is nearly the window's whole length.

use std::collections::HashMap;
use std::ops::Range;

/// The longest window: what a move is counted in.
const LONGEST_WINDOW: usize = u8::MAX as usize;
/// Bytes that decide a move.
const BLOCK: usize = 2;

/// What is searched for, prepared.
pub(super) struct Search {
    window: usize,
    /// By block: how far the window may move. 0 where a string's beginning may fill the window.
    moves: Vec<u8>,
    /// By block: the strings whose beginning ends so.
    candidates: HashMap<u16, Vec<Vec<u8>>>,
}

impl Search {
    /// Prepares the search for these strings, each of at least two bytes.
    pub(super) fn new(strings: &[Vec<u8>]) -> Self {
        let window = strings.iter().map(Vec::len).min().unwrap_or(BLOCK).clamp(BLOCK, LONGEST_WINDOW);
        let byte = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
        let mut moves = vec![byte(window - BLOCK + 1); 1 << 16];
        let mut candidates: HashMap<u16, Vec<Vec<u8>>> = HashMap::new();
        for string in strings {
            let beginning = string.get(..window).unwrap_or_default();
            for (index, pair) in beginning.windows(BLOCK).enumerate() {
                let Some(block) = last_block(pair) else { continue };
                let left = window - BLOCK - index;
                if let Some(step) = moves.get_mut(usize::from(block)) {
                    *step = (*step).min(byte(left));
                }
                if left == 0 {
                    candidates.entry(block).or_default().push(string.clone());
                }
            }
        }
        Self { window, moves, candidates }
    }

    /// Every place that is covered by occurrences, in order; places that overlap or touch are one.
    pub(super) fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut start = 0;
        while let Some(block) = text.get(start..start + self.window).and_then(last_block) {
            let step = self.moves.get(usize::from(block)).copied().unwrap_or(1);
            if step > 0 {
                start += usize::from(step);
                continue;
            }
            let rest = text.get(start..).unwrap_or_default();
            let longest = self
                .candidates
                .get(&block)
                .into_iter()
                .flatten()
                .filter(|string| rest.starts_with(string))
                .map(Vec::len)
                .max();
            if let Some(length) = longest {
                match found.last_mut() {
                    Some(last) if start <= last.end => last.end = last.end.max(start + length),
                    _ => found.push(start..start + length),
                }
            }
            start += 1;
        }
        found
    }
}

/// The last two bytes as one number.
fn last_block(bytes: &[u8]) -> Option<u16> {
    match bytes {
        [.., first, second] => Some(u16::from_be_bytes([*first, *second])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by trying every place.
    fn by_trying(strings: &[Vec<u8>], text: &[u8]) -> Vec<bool> {
        let mut covered = vec![false; text.len()];
        for start in 0..text.len() {
            for string in strings.iter().filter(|string| text[start..].starts_with(string)) {
                covered[start..start + string.len()].fill(true);
            }
        }
        covered
    }

    #[test]
    fn the_search_finds_what_trying_every_place_finds() {
        // A generator of Marsaglia's xorshift family: the same 20,000 texts in every run.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut below = |limit: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % limit).unwrap()
        };
        let mut hits = 0;
        for _ in 0..20_000 {
            let mut bytes = |length: usize| (0..length).map(|_| b"ab\xff"[below(3)]).collect::<Vec<u8>>();
            let strings = [bytes(6), bytes(7), bytes(6), bytes(9)];
            let text = bytes(60);
            let mut covered = vec![false; text.len()];
            for place in Search::new(&strings).find(&text) {
                covered[place].fill(true);
                hits += 1;
            }
            assert_eq!(covered, by_trying(&strings, &text), "{strings:?} in {text:?}");
        }
        assert!(hits > 1_000, "{hits}");
    }

    #[test]
    fn a_string_longer_than_the_longest_window_is_found() {
        let string = [vec![b'a'; 400], b"b".to_vec()].concat();
        let text = [vec![b'a'; 500], b"b".to_vec(), vec![b'a'; 500]].concat();
        assert_eq!(Search::new(&[string]).find(&text), vec![Range { start: 100, end: 501 }]);
    }
}
