//! Cells of one column as values: what type fits them all, and the values in it.
//!
//! Types widen: nothing → boolean → text, nothing → whole number → number → text. What a block's cells are does not depend on other
//! blocks: the `hint` only spares attempts that another block has shown to be in vain.

use polars::prelude::{
    BooleanChunkedBuilder, ChunkFullNull, ChunkedArray, ChunkedBuilder, Column, DataType, Float64Type, Int64Type,
    IntoColumn, PlSmallStr, PolarsNumericType, Series, StringChunked, StringChunkedBuilder,
};
use polars_arrow::bitmap::MutableBitmap;

use super::records::unquoted;
use crate::Error;

/// What cells hold, from narrow to wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nothing,
    Boolean,
    Integer,
    Number,
    Text,
}

impl Kind {
    /// The narrowest kind that holds both.
    fn join(self, other: Self) -> Self {
        match (self, other) {
            (same, different) if same == different => same,
            (Self::Nothing, kind) | (kind, Self::Nothing) => kind,
            (Self::Integer, Self::Number) | (Self::Number, Self::Integer) => Self::Number,
            _ => Self::Text,
        }
    }
}

/// The texts that stand for a missing value.
pub(super) struct Missing {
    texts: Vec<String>,
    empty: bool,
    /// Whether one of them begins like a number, so that numbers have to be compared as well.
    like_numbers: bool,
}

impl Missing {
    pub(super) fn new(texts: &[String]) -> Self {
        let begins_like_a_number =
            |text: &String| text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
        Self {
            texts: texts.iter().filter(|text| !text.is_empty()).cloned().collect(),
            empty: texts.iter().any(String::is_empty),
            like_numbers: texts.iter().any(begins_like_a_number),
        }
    }

    fn is(&self, text: &str) -> bool {
        let Some(first) = text.as_bytes().first() else { return self.empty };
        if !self.like_numbers && (first.is_ascii_digit() || *first == b'-') {
            return false;
        }
        self.texts.iter().any(|missing| missing == text)
    }
}

/// The values of some cells; `missing` are the positions of missing values, whose place is filled with anything.
#[derive(Debug)]
pub(super) enum Piece {
    Nothing(usize),
    Booleans(Vec<bool>, Vec<u32>),
    Integers(Vec<i64>, Vec<u32>),
    Numbers(Vec<f64>, Vec<u32>),
    Texts(StringChunked),
}

impl Piece {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Nothing(_) => Kind::Nothing,
            Self::Booleans(..) => Kind::Boolean,
            Self::Integers(..) => Kind::Integer,
            Self::Numbers(..) => Kind::Number,
            Self::Texts(_) => Kind::Text,
        }
    }
}

/// Reads cells, given as they stand in the file, into the narrowest kind that holds them all.
pub(super) fn piece<'a, I>(cells: I, count: usize, missing: &Missing, hint: Kind) -> Piece
where
    I: Iterator<Item = &'a str> + Clone,
{
    let mut attempt = if hint == Kind::Nothing { Kind::Integer } else { hint };
    loop {
        let outcome =
            match attempt {
                Kind::Nothing | Kind::Integer => values(cells.clone(), count, missing, |text| text.parse::<i64>().ok())
                    .map(|(values, missing)| Piece::Integers(values, missing)),
                Kind::Number => values(cells.clone(), count, missing, number)
                    .map(|(values, missing)| Piece::Numbers(values, missing)),
                Kind::Boolean => values(cells.clone(), count, missing, boolean)
                    .map(|(values, missing)| Piece::Booleans(values, missing)),
                Kind::Text => Ok(texts(cells.clone(), count, missing)),
            };
        match outcome {
            Ok(Piece::Integers(_, missing) | Piece::Numbers(_, missing) | Piece::Booleans(_, missing))
                if missing.len() == count =>
            {
                return Piece::Nothing(count);
            }
            Ok(piece) => return piece,
            Err(Misfit { text, first }) => {
                attempt = match attempt {
                    Kind::Integer | Kind::Nothing if number(&text).is_some() => Kind::Number,
                    Kind::Integer | Kind::Nothing if first && boolean(&text).is_some() => Kind::Boolean,
                    Kind::Boolean if first && number(&text).is_some() => Kind::Integer,
                    _ => Kind::Text,
                }
            }
        }
    }
}

/// A cell that does not fit.
struct Misfit {
    text: String,
    /// Whether all cells before it are missing.
    first: bool,
}

fn values<'a, T: Default>(
    cells: impl Iterator<Item = &'a str>,
    count: usize,
    missing: &Missing,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<(Vec<T>, Vec<u32>), Misfit> {
    let mut values = Vec::with_capacity(count);
    let mut positions = Vec::new();
    for cell in cells {
        let content;
        let text = match (cell.as_bytes().first(), cell.as_bytes().last()) {
            (Some(b'"'), _) => {
                content = unquoted(cell);
                content.trim_matches([' ', '\t'])
            }
            (Some(b' ' | b'\t'), _) | (_, Some(b' ' | b'\t')) => cell.trim_matches([' ', '\t']),
            _ => cell,
        };
        if missing.is(text) {
            positions.push(values.len() as u32);
            values.push(T::default());
        } else if let Some(value) = parse(text) {
            values.push(value);
        } else {
            return Err(Misfit { text: text.to_owned(), first: positions.len() == values.len() });
        }
    }
    Ok((values, positions))
}

/// A number; `None` for whole numbers that no 64-bit integer holds, which are identifiers more often than quantities and stay text.
fn number(text: &str) -> Option<f64> {
    /// The digits that every whole number of this length fits a 64-bit integer with.
    const SAFE_DIGITS: usize = 18;
    if let Some(value) = decimal(text.as_bytes()) {
        return Some(value);
    }
    if text.len() > SAFE_DIGITS
        && text.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<i64>().is_err()
    {
        return None;
    }
    text.parse().ok()
}

/// A number of at most 15 digits without an exponent, which is what data sets are full of; `None` for anything else.
///
/// The digits as a whole number and the power of ten are both exact as floats then, so one division rounds correctly
/// (W. D. Clinger, "How to read floating point numbers accurately", 1990).
fn decimal(text: &[u8]) -> Option<f64> {
    /// Below 10¹⁵ every whole number is exact as a float.
    const EXACT_DIGITS: usize = 15;
    const POWERS: [f64; EXACT_DIGITS + 1] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    // With the point.
    if digits.len() > EXACT_DIGITS + 1 {
        return None;
    }
    let (mut whole, mut read, mut point) = (0_u64, 0_usize, None);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                whole = whole * 10 + u64::from(byte - b'0');
                read += 1;
            }
            b'.' if point.is_none() => point = Some(read),
            _ => return None,
        }
    }
    if read == 0 || read > EXACT_DIGITS {
        return None;
    }
    let value = whole as f64 / POWERS.get(read - point.unwrap_or(read))?;
    Some(if negative { -value } else { value })
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn texts<'a>(cells: impl Iterator<Item = &'a str>, count: usize, missing: &Missing) -> Piece {
    let mut builder = StringChunkedBuilder::new(PlSmallStr::EMPTY, count);
    let mut filled = false;
    for cell in cells {
        let content = unquoted(cell);
        if missing.is(content.trim_matches([' ', '\t'])) {
            builder.append_null();
        } else {
            filled = true;
            builder.append_value(content.as_ref());
        }
    }
    if filled { Piece::Texts(builder.finish()) } else { Piece::Nothing(count) }
}

/// A column as it grows block by block.
pub(super) struct Growing {
    store: Store,
    /// Missing values before the first value.
    leading: usize,
    /// Set where text came after values of another type, whose own text is lost.
    mixed: bool,
}

enum Store {
    Nothing,
    Booleans(BooleanChunkedBuilder),
    Integers(Values<Int64Type>),
    Numbers(Values<Float64Type>),
    Texts(StringChunked),
}

/// Numbers of which some may be missing.
struct Values<T: PolarsNumericType> {
    values: Vec<T::Native>,
    present: MutableBitmap,
}

impl<T: PolarsNumericType> Values<T> {
    /// Begins with missing values.
    fn missing(count: usize) -> Self {
        Self { values: vec![T::Native::default(); count], present: MutableBitmap::from_len_zeroed(count) }
    }

    fn append_missing(&mut self, count: usize) {
        self.values.resize(self.values.len() + count, T::Native::default());
        self.present.extend_constant(count, false);
    }

    fn append(&mut self, values: impl ExactSizeIterator<Item = T::Native>, missing: &[u32]) {
        let before = self.values.len();
        self.present.extend_constant(values.len(), true);
        self.values.extend(values);
        for position in missing {
            self.present.set(before + *position as usize, false);
        }
    }

    fn finish(self) -> ChunkedArray<T> {
        let present = (self.present.unset_bits() > 0).then(|| self.present.freeze());
        ChunkedArray::from_vec_validity(PlSmallStr::EMPTY, self.values, present)
    }
}

impl Growing {
    pub(super) fn new() -> Self {
        Self { store: Store::Nothing, leading: 0, mixed: false }
    }

    /// The kind so far.
    pub(super) fn kind(&self) -> Kind {
        if self.mixed {
            return Kind::Text;
        }
        match self.store {
            Store::Nothing => Kind::Nothing,
            Store::Booleans(_) => Kind::Boolean,
            Store::Integers(_) => Kind::Integer,
            Store::Numbers(_) => Kind::Number,
            Store::Texts(_) => Kind::Text,
        }
    }

    /// Whether the column has to be read again as text.
    pub(super) fn is_mixed(&self) -> bool {
        self.mixed
    }

    /// Adds the next piece.
    pub(super) fn push(&mut self, piece: Piece) -> Result<(), Error> {
        if self.mixed {
            return Ok(());
        }
        let (before, after) = (self.kind(), self.kind().join(piece.kind()));
        let loses_its_text = |kind| !matches!(kind, Kind::Text | Kind::Nothing);
        if after == Kind::Text && (loses_its_text(before) || loses_its_text(piece.kind())) {
            self.mixed = true;
            self.store = Store::Nothing;
            return Ok(());
        }
        if before != after {
            self.widen(after)?;
        }
        match (&mut self.store, piece) {
            (Store::Nothing, Piece::Nothing(count)) => self.leading += count,
            (Store::Booleans(builder), Piece::Nothing(count)) => (0..count).for_each(|_| builder.append_null()),
            (Store::Integers(store), Piece::Nothing(count)) => store.append_missing(count),
            (Store::Numbers(store), Piece::Nothing(count)) => store.append_missing(count),
            (Store::Texts(texts), Piece::Nothing(count)) => {
                texts.append(&StringChunked::full_null(PlSmallStr::EMPTY, count))?;
            }
            (Store::Booleans(builder), Piece::Booleans(values, missing)) => {
                let mut missing = missing.into_iter().peekable();
                for (position, value) in values.into_iter().enumerate() {
                    let present = missing.next_if_eq(&(position as u32)).is_none();
                    builder.append_option(present.then_some(value));
                }
            }
            (Store::Integers(store), Piece::Integers(values, missing)) => store.append(values.into_iter(), &missing),
            (Store::Numbers(store), Piece::Numbers(values, missing)) => store.append(values.into_iter(), &missing),
            (Store::Numbers(store), Piece::Integers(values, missing)) => {
                store.append(values.into_iter().map(|value| value as f64), &missing);
            }
            (Store::Texts(texts), Piece::Texts(more)) => {
                texts.append(&more)?;
            }
            // `widen` has made the store one that takes the piece.
            (_, piece) => {
                return Err(Error::Internal { message: format!("a column does not take {:?}", piece.kind()) });
            }
        }
        Ok(())
    }

    fn widen(&mut self, kind: Kind) -> Result<(), Error> {
        let leading = self.leading;
        let name = PlSmallStr::EMPTY;
        self.store = match (std::mem::replace(&mut self.store, Store::Nothing), kind) {
            (Store::Nothing, Kind::Boolean) => {
                let mut builder = BooleanChunkedBuilder::new(name, leading);
                (0..leading).for_each(|_| builder.append_null());
                Store::Booleans(builder)
            }
            (Store::Nothing, Kind::Integer) => Store::Integers(Values::missing(leading)),
            (Store::Nothing, Kind::Number) => Store::Numbers(Values::missing(leading)),
            (Store::Nothing, Kind::Text) => {
                Store::Texts(Series::full_null(name, leading, &DataType::String).str()?.clone())
            }
            (Store::Integers(Values { values, present }), Kind::Number) => {
                Store::Numbers(Values { values: values.into_iter().map(|value| value as f64).collect(), present })
            }
            (store, _) => store,
        };
        Ok(())
    }

    /// The finished column in one piece.
    pub(super) fn finish(self, name: &str) -> Column {
        let name = PlSmallStr::from(name);
        let mut column = match self.store {
            Store::Nothing => Series::new_null(name.clone(), self.leading).into_column(),
            Store::Booleans(builder) => builder.finish().into_column(),
            Store::Integers(store) => store.finish().into_column(),
            Store::Numbers(store) => store.finish().into_column(),
            Store::Texts(texts) => texts.rechunk().into_owned().into_column(),
        };
        column.rename(name);
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &[&str]) -> Piece {
        let missing = Missing::new(&["".into(), "NA".into()]);
        piece(cells.iter().copied(), cells.len(), &missing, Kind::Nothing)
    }

    #[test]
    fn the_narrowest_kind_that_fits_is_found() {
        assert_eq!(read(&["1", "", "-2"]).kind(), Kind::Integer);
        assert_eq!(read(&["1", "2.5", "NA"]).kind(), Kind::Number);
        assert_eq!(read(&["", "True", "false"]).kind(), Kind::Boolean);
        assert_eq!(read(&["1", "true"]).kind(), Kind::Text);
        assert_eq!(read(&["", "NA"]).kind(), Kind::Nothing);
        assert_eq!(read(&["12345678901234567890"]).kind(), Kind::Text);
        assert_eq!(read(&[" 7", "\"8\""]).kind(), Kind::Integer);
    }

    #[test]
    fn decimals_are_read_to_the_last_bit() {
        // The standard library's parser rounds correctly; the short cut must agree wherever it answers.
        let mut state = 7_u64;
        let mut answered = 0;
        for _ in 0..200_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let places = (state >> 40) as usize % 17;
            let text = format!("{:.*}", places, (state >> 11) as f64 / 1e15 - 4.5);
            if let Some(value) = decimal(text.as_bytes()) {
                answered += 1;
                assert_eq!(value.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
            }
        }
        assert!(answered > 150_000, "{answered}");
        for text in
            ["", "-", ".", "-.", "1.2.3", "1e5", "+1", "nan", "--1", "1-", "1234567890123456", "0.1234567890123456"]
        {
            assert_eq!(decimal(text.as_bytes()), None, "{text}");
        }
        for text in ["-0", "5.", ".5", "123456789012345", "-0.00000000000001"] {
            let expected = text.parse::<f64>().unwrap();
            assert_eq!(decimal(text.as_bytes()).map(f64::to_bits), Some(expected.to_bits()), "{text}");
        }
    }

    #[test]
    fn a_hint_changes_nothing_but_the_way() {
        let missing = Missing::new(&["".into()]);
        for hint in [Kind::Nothing, Kind::Boolean, Kind::Integer] {
            let cells = ["", "3"];
            assert_eq!(piece(cells.iter().copied(), 2, &missing, hint).kind(), Kind::Integer, "{hint:?}");
        }
    }

    #[test]
    fn a_column_grows_from_whole_numbers_to_numbers() {
        let mut column = Growing::new();
        for cells in [&["", "1"][..], &["2.5"], &["", "3"]] {
            column.push(read(cells)).unwrap();
        }
        let column = column.finish("a");
        assert_eq!(column.f64().unwrap().iter().collect::<Vec<_>>(), [None, Some(1.0), Some(2.5), None, Some(3.0)]);
    }

    #[test]
    fn text_after_numbers_is_remembered_as_mixed() {
        let mut column = Growing::new();
        column.push(read(&["007"])).unwrap();
        column.push(read(&["x"])).unwrap();
        assert!(column.is_mixed());
        assert_eq!(column.kind(), Kind::Text);
    }
}
