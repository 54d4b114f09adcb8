//! Why a figure is not drawn.

use kumiko_vocabulary::Fault;

/// A figure that cannot be drawn as it stands. `place` names the field and the position within the document, as in
/// `curves[0].points[3].y`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A number is NaN or infinite.
    #[error("`{place}` is {value}; a figure needs finite numbers")]
    NotFinite {
        /// Field and position.
        place: String,
        /// The number, as it prints.
        value: f64,
    },
    /// A number lies outside what its field can mean.
    #[error("`{place}` is {value}; it must lie between {low} and {high}")]
    OutOfRange {
        /// Field and position.
        place: String,
        /// The number.
        value: f64,
        /// The least that is accepted.
        low: f64,
        /// The greatest that is accepted.
        high: f64,
    },
    /// A logarithmic axis is asked to show zero or less.
    #[error("`{place}` is {value}; a logarithmic axis shows only values above zero")]
    NotPositive {
        /// Field and position.
        place: String,
        /// The number.
        value: f64,
    },
    /// Edges of intervals do not rise.
    #[error("`{place}` is {value} and does not exceed the edge before it, {before}")]
    NotRising {
        /// Field and position.
        place: String,
        /// The edge.
        value: f64,
        /// The edge before it.
        before: f64,
    },
    /// An interval's lower end lies above its upper end.
    #[error("`{place}` reaches from {low} to {high}; its lower end must not exceed its upper end")]
    Reversed {
        /// Field and position.
        place: String,
        /// The lower end.
        low: f64,
        /// The upper end.
        high: f64,
    },
    /// There is nothing to draw.
    #[error("`{place}` is empty; a figure needs at least one entry there")]
    Empty {
        /// Field and position.
        place: String,
    },
    /// There is more than a picture can show.
    #[error("`{place}` has {count} entries; at most {bound} can be drawn")]
    TooMany {
        /// Field and position.
        place: String,
        /// How many there are.
        count: usize,
        /// How many are accepted.
        bound: usize,
    },
    /// Two lists that belong together differ in length.
    #[error("`{place}` has {count} entries; {expected} were expected, {reason}")]
    Unequal {
        /// Field and position.
        place: String,
        /// How many there are.
        count: usize,
        /// How many there should be.
        expected: usize,
        /// What the expectation rests on.
        reason: &'static str,
    },
    /// The SVG could not be turned into pixels.
    #[error("the picture could not be rendered: {reason}")]
    Rendering {
        /// What the renderer said.
        reason: String,
    },
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let (code, hint) = match error {
            Error::NotFinite { .. } => {
                ("figure_number_not_finite", "leave the entry out, or compute it from rows that have a value")
            }
            Error::OutOfRange { .. } => {
                ("figure_number_out_of_range", "check the unit and the computation of this field")
            }
            Error::NotPositive { .. } => {
                ("figure_number_not_positive", "use a linear scale, or leave out entries at or below zero")
            }
            Error::NotRising { .. } => ("figure_edges_not_rising", "give the edges in strictly rising order"),
            Error::Reversed { .. } => ("figure_interval_reversed", "swap `low` and `high`"),
            Error::Empty { .. } => ("figure_empty", "check that the data set has rows for this figure"),
            Error::TooMany { .. } => ("figure_too_large", "draw a sample or the most important entries"),
            Error::Unequal { .. } => ("figure_lengths_differ", "give one entry for each"),
            Error::Rendering { .. } => {
                return Self::failed("figure_not_rendered", message)
                    .hint("report the figure's document with this message");
            }
        };
        Self::invalid(code, message).hint(hint)
    }
}
