//! Parts of a table that together have each row exactly once.

use kumiko_vocabulary::data::DataType;
use kumiko_vocabulary::preparation::{Split, SplitMethod};
use polars::prelude::{Column, DataFrame, SortOptions};

use crate::Error;
use crate::frame::{column, take};
use crate::numbers::groups;
use crate::random::Random;
use crate::types::{data_type, in_words};

/// How far the sum of the shares may be from 1, for `[0.7, 0.2, 0.1]` and `[0.333, 0.333, 0.334]` alike.
const SUM_TOLERANCE: f64 = 1e-3;

/// Divides the rows.
pub(crate) fn split(frame: &DataFrame, split: &Split) -> Result<Vec<DataFrame>, Error> {
    parts(frame, split)?.into_iter().map(|part| take(frame, part)).collect()
}

/// The positions of the rows of each part, in order.
pub(crate) fn parts(frame: &DataFrame, split: &Split) -> Result<Vec<Vec<u32>>, Error> {
    check(&split.ratios)?;
    let rows = frame.height();
    let mut random = Random::new(split.seed);
    let parts = match split.method {
        SplitMethod::Random => {
            let mut order: Vec<u32> = (0..rows as u32).collect();
            random.shuffle(&mut order);
            cut(&order, &split.ratios)
        }
        SplitMethod::Time => cut(&in_order(by(frame, split)?)?, &split.ratios),
        SplitMethod::Stratified => {
            let mut strata = members(by(frame, split)?)?;
            for stratum in &mut strata {
                random.shuffle(stratum);
            }
            let mut deal = Deal::new(&split.ratios, rows);
            strata.iter().flatten().for_each(|row| deal.give(&[*row]));
            deal.parts
        }
        SplitMethod::Grouped => {
            let mut members = members(by(frame, split)?)?;
            random.shuffle(&mut members);
            // The large groups first, so that the small ones can fill what is left.
            members.sort_by_key(|group| std::cmp::Reverse(group.len()));
            let mut deal = Deal::new(&split.ratios, rows);
            members.iter().for_each(|group| deal.give(group));
            deal.parts
        }
    };
    if parts.iter().any(Vec::is_empty) {
        let shares: Vec<String> = split.ratios.iter().map(|ratio| format!("{:.0} %", ratio * 100.0)).collect();
        let least = split.ratios.iter().copied().fold(1.0, f64::min);
        let what = if split.method == SplitMethod::Grouped { " (whole groups)" } else { "" };
        return Err(Error::TooFewRows {
            purpose: format!("a split into {}{what}", shares.join(", ")),
            needed: (1.0 / least).ceil() as usize,
            found: rows,
        });
    }
    Ok(parts
        .into_iter()
        .map(|mut part| {
            part.sort_unstable();
            part
        })
        .collect())
}

fn check(ratios: &[f64]) -> Result<(), Error> {
    if ratios.len() < 2 || ratios.iter().any(|ratio| !ratio.is_finite() || *ratio <= 0.0) {
        return Err(Error::argument(
            "ratios",
            format!("{ratios:?}: two or more positive shares were expected, such as [0.8, 0.2]"),
        ));
    }
    let sum: f64 = ratios.iter().sum();
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(Error::argument("ratios", format!("{ratios:?} add up to {sum}; shares of 1 were expected")));
    }
    Ok(())
}

fn by<'a>(frame: &'a DataFrame, split: &Split) -> Result<&'a Column, Error> {
    match &split.column {
        Some(name) => column(frame, name),
        None => Err(Error::argument("column", "a stratified, grouped or time split needs the column to go by")),
    }
}

/// The rows in the order of a column, nulls first, equal ones as they stand.
fn in_order(column: &Column) -> Result<Vec<u32>, Error> {
    let kind = data_type(column.dtype());
    if matches!(kind, DataType::List | DataType::Record | DataType::Binary) {
        return Err(Error::ColumnType {
            column: column.name().to_string(),
            expected: "dates, numbers or text to order rows by".to_owned(),
            found: in_words(kind).to_owned(),
        });
    }
    let options = SortOptions::default().with_nulls_last(false).with_maintain_order(true);
    Ok(column.arg_sort(options).iter().flatten().collect())
}

/// The rows of each group.
fn members(column: &Column) -> Result<Vec<Vec<u32>>, Error> {
    let (codes, count) = groups(column)?;
    let mut members = vec![Vec::new(); count];
    for (row, code) in codes.into_iter().enumerate() {
        if let Some(group) = members.get_mut(code as usize) {
            group.push(row as u32);
        }
    }
    Ok(members)
}

/// Consecutive parts of a list by their shares.
fn cut(order: &[u32], ratios: &[f64]) -> Vec<Vec<u32>> {
    let total: f64 = ratios.iter().sum();
    let mut parts = Vec::with_capacity(ratios.len());
    let (mut share, mut from) = (0.0, 0);
    for ratio in ratios {
        share += ratio / total;
        let to = ((share * order.len() as f64).round() as usize).clamp(from, order.len());
        parts.push(order.get(from..to).unwrap_or_default().to_vec());
        from = to;
    }
    parts
}

/// Deals rows to parts, each time to the part that lacks most of its share of what has been dealt.
struct Deal<'a> {
    ratios: &'a [f64],
    parts: Vec<Vec<u32>>,
    dealt: usize,
}

impl<'a> Deal<'a> {
    fn new(ratios: &'a [f64], rows: usize) -> Self {
        let parts = ratios.iter().map(|ratio| Vec::with_capacity((ratio * rows as f64) as usize + 1)).collect();
        Self { ratios, parts, dealt: 0 }
    }

    fn give(&mut self, rows: &[u32]) {
        self.dealt += rows.len();
        let dealt = self.dealt as f64;
        let lacking = |part: &Vec<u32>, ratio: &f64| ratio * dealt - part.len() as f64;
        let neediest = self
            .parts
            .iter_mut()
            .zip(self.ratios)
            .map(|(part, ratio)| (lacking(part, ratio), part))
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        if let Some((_, part)) = neediest {
            part.extend_from_slice(rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> DataFrame {
        let rows: Vec<i64> = (0..100).collect();
        let class: Vec<&str> = rows.iter().map(|row| if row % 10 == 0 { "rare" } else { "common" }).collect();
        let group: Vec<i64> = rows.iter().map(|row| row / 7).collect();
        DataFrame::new(
            100,
            vec![
                Column::new("row".into(), &rows),
                Column::new("class".into(), class),
                Column::new("group".into(), group),
            ],
        )
        .unwrap()
    }

    fn parts(method: SplitMethod, column: Option<&str>) -> Vec<Vec<i64>> {
        let split_by = Split { ratios: vec![0.7, 0.2, 0.1], method, column: column.map(str::to_owned), seed: 42 };
        let frames = split(&frame(), &split_by).unwrap();
        frames.iter().map(|part| part.column("row").unwrap().i64().unwrap().iter().flatten().collect()).collect()
    }

    #[test]
    fn every_method_has_each_row_exactly_once() {
        let methods = [
            (SplitMethod::Random, None),
            (SplitMethod::Stratified, Some("class")),
            (SplitMethod::Grouped, Some("group")),
            (SplitMethod::Time, Some("row")),
        ];
        for (method, column) in methods {
            let parts = parts(method, column);
            let mut all: Vec<i64> = parts.concat();
            all.sort_unstable();
            assert_eq!(all, (0..100).collect::<Vec<_>>(), "{method:?}");
            assert!(parts.iter().all(|part| part.is_sorted()), "{method:?}");
        }
    }

    #[test]
    fn strata_keep_their_shares() {
        let rare: Vec<usize> = parts(SplitMethod::Stratified, Some("class"))
            .iter()
            .map(|part| part.iter().filter(|row| *row % 10 == 0).count())
            .collect();
        assert_eq!(rare, [7, 2, 1]);
    }

    #[test]
    fn a_group_is_never_divided() {
        let parts = parts(SplitMethod::Grouped, Some("group"));
        for group in 0..15 {
            assert_eq!(parts.iter().filter(|part| part.iter().any(|row| row / 7 == group)).count(), 1, "group {group}");
        }
    }

    #[test]
    fn the_parts_of_a_time_split_follow_each_other() {
        let parts = parts(SplitMethod::Time, Some("row"));
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [70, 20, 10]);
        assert!(parts[0].last() < parts[1].first() && parts[1].last() < parts[2].first());
    }

    #[test]
    fn the_same_seed_makes_the_same_parts_and_another_others() {
        assert_eq!(parts(SplitMethod::Random, None), parts(SplitMethod::Random, None));
        let other = Split { ratios: vec![0.7, 0.2, 0.1], method: SplitMethod::Random, column: None, seed: 7 };
        let other = split(&frame(), &other).unwrap();
        let first: Vec<i64> = other[0].column("row").unwrap().i64().unwrap().iter().flatten().collect();
        assert_ne!(first, parts(SplitMethod::Random, None)[0]);
    }

    #[test]
    fn shares_that_are_none_and_parts_without_rows_are_refused() {
        let of = |ratios: &[f64]| Split { ratios: ratios.to_vec(), method: SplitMethod::Random, column: None, seed: 1 };
        assert!(matches!(split(&frame(), &of(&[0.5, 0.6])), Err(Error::Argument { .. })));
        assert!(matches!(split(&frame(), &of(&[1.0])), Err(Error::Argument { .. })));
        let error = split(&frame().head(Some(2)), &of(&[0.9, 0.1])).unwrap_err();
        assert!(matches!(error, Error::TooFewRows { needed: 10, found: 2, .. }), "{error}");
    }
}
