//! Colours: ink and greys, eight for categories, one scale for quantities, one for low to high.
//!
//! Categories use the palette of Okabe and Ito (<https://jfly.uni-koeln.de/color/>), whose members stay apart with any
//! kind of colour vision. The sequential scale is a table of nine blues computed in OKLCH (Ottosson,
//! <https://bottosson.github.io/posts/oklab/>): lightness falls linearly from 0.985 to 0.30 while the hue turns from 240°
//! to 262°, so equal steps of the quantity look like equal steps of the colour.

use std::fmt;

/// An opaque sRGB colour; displays as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Colour {
    const fn new(code: u32) -> Self {
        let [_, red, green, blue] = code.to_be_bytes();
        Self { red, green, blue }
    }

    /// The colour at `share` of the way to `other`, mixed in sRGB.
    pub(crate) fn mix(self, other: Self, share: f64) -> Self {
        let channel = |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * share).round() as u8;
        Self {
            red: channel(self.red, other.red),
            green: channel(self.green, other.green),
            blue: channel(self.blue, other.blue),
        }
    }

    /// Relative luminance, 0 (black) to 1 (white), as WCAG 2.2 defines it.
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }

    /// Contrast ratio with another colour, 1 to 21, as WCAG 2.2 defines it.
    pub(crate) fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// Paper where it has [`LIGHT_ON_DARK`] of contrast on this background, else ink, which then has [`READABLE`].
    pub(crate) fn text_upon(self) -> Self {
        if self.contrast(PAPER) >= LIGHT_ON_DARK { PAPER } else { INK }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

/// Background.
pub(crate) const PAPER: Colour = Colour::new(0xFFFFFF);
/// Titles and names.
pub(crate) const INK: Colour = Colour::new(0x1B1F24);
/// Subtitles, axis titles and tick labels.
pub(crate) const MUTED: Colour = Colour::new(0x57606A);
/// Reference lines and the axis at zero.
pub(crate) const REFERENCE: Colour = Colour::new(0x8C959F);
/// Values that are missing.
pub(crate) const MISSING: Colour = Colour::new(0x4D4D4D);
/// Grid lines and cell borders.
pub(crate) const GRID: Colour = Colour::new(0xE6E8EB);

/// Okabe and Ito's colours; black is softened and yellow, which is faint on paper, comes last.
const CATEGORIES: [Colour; 8] = [
    Colour::new(0x0072B2),
    Colour::new(0xD55E00),
    Colour::new(0x009E73),
    Colour::new(0xE69F00),
    Colour::new(0xCC79A7),
    Colour::new(0x56B4E9),
    Colour::new(0x4D4D4D),
    Colour::new(0xF0E442),
];

/// Colour of values above zero where the sign is what matters, and of anything that has no category.
pub(crate) const POSITIVE: Colour = Colour::new(0x0072B2);
/// Colour of values below zero.
pub(crate) const NEGATIVE: Colour = Colour::new(0xD55E00);

/// The least contrast of words with what they stand on, as WCAG 2.2 asks for at level AA.
const READABLE: f64 = 4.5;
/// The least contrast of light words. The formula of WCAG favours dark words on middling blues more than eyes do.
const LIGHT_ON_DARK: f64 = 3.6;

const SEQUENTIAL: [Colour; 9] = [
    Colour::new(0xF7FBFD),
    Colour::new(0xCCE1F3),
    Colour::new(0xA2C7E7),
    Colour::new(0x7DACDA),
    Colour::new(0x5B91C9),
    Colour::new(0x3F76B5),
    Colour::new(0x285B9E),
    Colour::new(0x184181),
    Colour::new(0x0B2964),
];

/// Blue to orange by way of a grey: low to high.
const LOW_TO_HIGH: [Colour; 5] =
    [Colour::new(0x0072B2), Colour::new(0x5F9CC5), Colour::new(0xB9B3B6), Colour::new(0xDE8C4A), Colour::new(0xD55E00)];

/// The colour of the category at `index`. After eight the palette repeats; [`dash`] or [`tint`] tell the rounds apart.
pub(crate) fn category(index: usize) -> Colour {
    CATEGORIES.get(index % CATEGORIES.len()).copied().unwrap_or(INK)
}

/// The dash pattern of the line at `index`: solid for the first eight, then dashed, then dotted.
pub(crate) fn dash(index: usize) -> Option<&'static str> {
    match index / CATEGORIES.len() {
        0 => None,
        1 => Some("7 4"),
        _ => Some("2 3"),
    }
}

/// The colour of the category at `index` as darkened as words on paper need it.
pub(crate) fn readable(index: usize) -> Colour {
    let colour = category(index);
    let enough = |colour: &Colour| colour.contrast(PAPER) >= READABLE;
    (0..10).map(|step| colour.mix(INK, f64::from(step) / 10.0)).find(enough).unwrap_or(INK)
}

/// The fill of the category at `index`: full for the first eight, then lighter.
pub(crate) fn tint(index: usize) -> Colour {
    if index < CATEGORIES.len() { category(index) } else { category(index).mix(PAPER, 0.55) }
}

/// The colour of a share between 0 and 1 on the scale for quantities: near paper to dark blue.
pub(crate) fn sequential(share: f64) -> Colour {
    along(&SEQUENTIAL, share)
}

/// The colour of a share between 0 and 1 on the scale from low (blue) to high (orange).
pub(crate) fn low_to_high(share: f64) -> Colour {
    along(&LOW_TO_HIGH, share)
}

fn along(table: &[Colour], share: f64) -> Colour {
    let place = share.clamp(0.0, 1.0) * table.len().saturating_sub(1) as f64;
    let index = place.floor() as usize;
    let from = table.get(index).or(table.last()).copied().unwrap_or(INK);
    let to = table.get(index + 1).copied().unwrap_or(from);
    from.mix(to, place - place.floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_on_every_quantity_can_be_read() {
        for step in 0..=100 {
            let background = sequential(f64::from(step) / 100.0);
            let words = background.text_upon();
            let least = if words == PAPER { LIGHT_ON_DARK } else { READABLE };
            assert!(background.contrast(words) >= least, "{step}: {background}");
        }
    }

    #[test]
    fn the_scale_for_quantities_only_gets_darker() {
        let luminances: Vec<f64> = (0..=100).map(|step| sequential(f64::from(step) / 100.0).luminance()).collect();
        assert!(luminances.windows(2).all(|pair| pair[1] < pair[0]));
    }

    #[test]
    fn shares_beyond_the_ends_take_the_colours_of_the_ends() {
        assert_eq!(sequential(-1.0), SEQUENTIAL[0]);
        assert_eq!(sequential(7.0), SEQUENTIAL[8]);
    }

    #[test]
    fn twenty_four_lines_all_look_different() {
        let mut seen = Vec::new();
        for index in 0..24 {
            let look = (category(index), dash(index));
            assert!(!seen.contains(&look), "{index}");
            seen.push(look);
        }
    }
}
