//! Words: cleaning what comes from data, measuring it in the embedded font, shortening it, breaking titles.
//!
//! Names come from data sets and are hostile until cleaned. [`clean`] leaves one line of characters that XML can carry and
//! that cannot reorder their surroundings; [`escape`] cleans and then quotes what has a meaning in XML. Widths are sums of
//! the advances of DejaVu Sans; kerning moves a word by less than a pixel.

use std::sync::LazyLock;

use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider, charmap::Charmap};

/// DejaVu Sans, the font of everything but titles.
pub(crate) static REGULAR: &[u8] = include_bytes!("../fonts/DejaVuSans.ttf");
/// DejaVu Sans Bold, the font of titles.
pub(crate) static BOLD: &[u8] = include_bytes!("../fonts/DejaVuSans-Bold.ttf");

/// The mark at the place where characters were left out.
const ELLIPSIS: char = '…';
/// Shown for a name without visible characters.
const BLANK: &str = "(blank)";
/// Characters of a name that are looked at; a picture never has room for more.
const LONGEST: usize = 300;
/// Advance of a character that the font lacks, in parts of the font size: that of an ideograph.
const UNKNOWN_ADVANCE: f64 = 1.0;

struct Face {
    characters: Charmap<'static>,
    advances: GlyphMetrics<'static>,
}

impl Face {
    fn parse(data: &'static [u8]) -> Option<Self> {
        let font = FontRef::new(data).ok()?;
        // A size of 1 makes every advance a part of the font size.
        let advances = font.glyph_metrics(Size::new(1.0), LocationRef::default());
        Some(Self { characters: font.charmap(), advances })
    }

    fn advance(&self, character: char) -> Option<f64> {
        self.advances.advance_width(self.characters.map(character)?).map(f64::from)
    }
}

static REGULAR_FACE: LazyLock<Option<Face>> = LazyLock::new(|| Face::parse(REGULAR));
static BOLD_FACE: LazyLock<Option<Face>> = LazyLock::new(|| Face::parse(BOLD));

fn advance(character: char, bold: bool) -> f64 {
    let face = if bold { &*BOLD_FACE } else { &*REGULAR_FACE };
    face.as_ref().and_then(|face| face.advance(character)).unwrap_or(UNKNOWN_ADVANCE)
}

/// The width of one line of text in the unit of `size`.
pub(crate) fn width(words: &str, size: f64, bold: bool) -> f64 {
    words.chars().map(|character| advance(character, bold)).sum::<f64>() * size
}

/// A name as it is drawn, and in full where it had to be shortened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Label {
    /// What is drawn.
    pub(crate) shown: String,
    /// The cleaned name, where `shown` lacks a part of it.
    pub(crate) full: Option<String>,
    /// Width of `shown`.
    pub(crate) width: f64,
}

impl Label {
    /// A name cleaned and shortened in the middle to at most `room`: names of columns and classes differ at both ends.
    pub(crate) fn fit(name: &str, size: f64, room: f64) -> Self {
        let name = clean(name);
        let whole = width(&name, size, false);
        if whole <= room {
            return Self { shown: name, full: None, width: whole };
        }
        let shown = without_middle(&name, size, room);
        Self { width: width(&shown, size, false), shown, full: Some(name) }
    }
}

fn without_middle(name: &str, size: f64, room: f64) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut left = room - advance(ELLIPSIS, false) * size;
    let (mut head, mut tail) = (0, 0);
    while head + tail < characters.len() {
        // Three characters at the front for every two at the back.
        let front = head * 2 <= tail * 3;
        let next = if front { characters.get(head) } else { characters.get(characters.len() - 1 - tail) };
        left -= next.map_or(0.0, |character| advance(*character, false) * size);
        if left < 0.0 {
            break;
        }
        if front { head += 1 } else { tail += 1 }
    }
    let start: String = characters.iter().take(head).collect();
    let end: String = characters.iter().skip(characters.len() - tail).collect();
    format!("{}{ELLIPSIS}{}", start.trim_end(), end.trim_start())
}

/// A text broken at spaces into at most `lines` lines of at most `room`; the last ends in an ellipsis if more was to come.
pub(crate) fn wrap(words: &str, size: f64, bold: bool, room: f64, lines: usize) -> Vec<String> {
    let words = clean(words);
    let mut rest: Vec<char> = words.chars().collect();
    let mut broken = Vec::new();
    while !rest.is_empty() && broken.len() < lines {
        let last = broken.len() + 1 == lines;
        let fits = prefix(&rest, size, bold, room);
        if fits == rest.len() {
            broken.push(rest.iter().collect());
            break;
        }
        if last {
            let short = prefix(&rest, size, bold, room - advance(ELLIPSIS, bold) * size);
            // Back to the end of a word, unless that leaves out much of the line.
            let space = rest
                .iter()
                .take(short + 1)
                .rposition(|character| *character == ' ')
                .filter(|place| place * 4 > short * 3);
            let line: String = rest.iter().take(space.unwrap_or(short)).collect();
            broken.push(format!("{}{ELLIPSIS}", line.trim_end()));
            break;
        }
        let space = rest.iter().take(fits + 1).rposition(|character| *character == ' ').filter(|place| *place > 0);
        let cut = space.unwrap_or(fits.max(1));
        let line: String = rest.iter().take(cut).collect();
        broken.push(line.trim_end().to_owned());
        rest = rest.into_iter().skip(cut).skip_while(|character| *character == ' ').collect();
    }
    broken
}

/// How many leading characters stay within `room`.
fn prefix(characters: &[char], size: f64, bold: bool, room: f64) -> usize {
    let mut used = 0.0;
    characters
        .iter()
        .take_while(|character| {
            used += advance(**character, bold) * size;
            used <= room
        })
        .count()
}

/// One line that XML can carry: spaces for line breaks and tabs, `�` for other control characters and for those that
/// reorder the text around them, and [`BLANK`] where nothing visible is left. What is beyond [`LONGEST`] is cut.
pub(crate) fn clean(words: &str) -> String {
    let mut cleaned: String = words.chars().take(LONGEST).map(harmless).collect();
    if words.chars().nth(LONGEST).is_some() {
        cleaned.push(ELLIPSIS);
    }
    let trimmed = cleaned.trim();
    if trimmed.is_empty() { BLANK.to_owned() } else { trimmed.to_owned() }
}

fn harmless(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => ' ',
        // Embeddings, overrides and isolates of the Unicode bidirectional algorithm.
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => '\u{FFFD}',
        // Not characters of XML 1.0.
        '\u{FFFE}' | '\u{FFFF}' => '\u{FFFD}',
        other if other.is_control() => '\u{FFFD}',
        other => other,
    }
}

/// Text for the content of an XML element or of a quoted attribute.
pub(crate) fn escape(words: &str) -> String {
    let mut escaped = String::with_capacity(words.len());
    for character in words.chars().map(harmless) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_fonts_are_read() {
        assert!(REGULAR_FACE.is_some() && BOLD_FACE.is_some());
        assert!(width("title", 10.0, true) > width("title", 10.0, false));
        assert!(width("ii", 10.0, false) < width("mm", 10.0, false));
    }

    #[test]
    fn a_long_name_keeps_both_of_its_ends_and_fits() {
        let label = Label::fit("one_hot_encoded__country_of_residence__Germany", 12.0, 120.0);
        assert!(label.width <= 120.0, "{label:?}");
        assert!(label.shown.starts_with("one_") && label.shown.ends_with("any"), "{label:?}");
        assert_eq!(label.full.as_deref(), Some("one_hot_encoded__country_of_residence__Germany"));
    }

    #[test]
    fn a_name_that_fits_is_left_alone() {
        let label = Label::fit("age", 12.0, 120.0);
        assert_eq!((label.shown.as_str(), label.full), ("age", None));
    }

    #[test]
    fn a_title_breaks_at_a_space_and_ends_in_an_ellipsis() {
        let lines =
            wrap("Confusion matrix of the gradient boosting model on last year's hold-out data", 20.0, true, 300.0, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| width(line, 20.0, true) <= 300.0), "{lines:?}");
        assert!(!lines[0].ends_with('…') && lines[1].ends_with('…'), "{lines:?}");
    }

    #[test]
    fn a_title_without_spaces_breaks_anywhere() {
        let lines = wrap(&"x".repeat(200), 20.0, true, 300.0, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| width(line, 20.0, true) <= 300.0));
    }

    #[test]
    fn markup_and_control_characters_come_out_harmless() {
        assert_eq!(escape("<a b=\"c\" d='e'>&"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
        assert_eq!(clean("a\u{0}b\u{202E}c\nd"), "a\u{FFFD}b\u{FFFD}c d");
    }

    #[test]
    fn a_name_of_spaces_is_shown_as_blank() {
        assert_eq!(clean(" \t\n"), "(blank)");
    }

    #[test]
    fn a_name_of_a_million_characters_is_cut() {
        assert_eq!(clean(&"n".repeat(1_000_000)).chars().count(), LONGEST + 1);
    }
}
