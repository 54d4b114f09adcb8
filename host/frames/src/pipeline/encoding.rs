//! Categories as numbers.

use kumiko_vocabulary::preparation::CategoricalEncoding;
use polars::prelude::{Column, Float64Chunked, Int32Chunked, IntoColumn, PlHashMap, StringChunked, UInt8Chunked};
use serde::{Deserialize, Serialize};

use super::exact::Exact;
use crate::Error;
use crate::numbers::texts;
use crate::random::Random;

/// The position of a category that was not seen when fitting.
const UNSEEN: u32 = u32::MAX;

/// How the categories of one column become numbers. `categories` are sorted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Encoding {
    /// What missing values are taken for.
    pub(super) fill: String,
    pub(super) categories: Vec<String>,
    pub(super) method: Method,
}

/// What each category becomes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Method {
    /// 1 in the category's own column, 0 in the others.
    OneHot,
    /// The category's position; -1 for one not seen.
    Ordinal,
    /// The share of each category; 0 for one not seen.
    Frequency { shares: Vec<Exact> },
    /// The mean target of each category, drawn to the overall mean, which one not seen gets. A row of numbers for each output.
    Target { means: Vec<Vec<Exact>>, overall: Vec<Exact>, suffixes: Vec<String> },
    /// Text passes through, filled.
    None,
}

/// The target as target encoding sees it: a column of numbers for a regression, one of 0 and 1 for each class but the first.
pub(super) struct TargetValues {
    pub(super) columns: Vec<Vec<f64>>,
    /// What is added to the name of each output; empty where there is one.
    pub(super) suffixes: Vec<String>,
    /// The fold of each row.
    folds: Vec<u32>,
    fold_count: u32,
}

impl TargetValues {
    /// Deals the rows into at most `folds` folds at random.
    pub(super) fn new(columns: Vec<Vec<f64>>, suffixes: Vec<String>, folds: u32, seed: u64) -> Self {
        let rows = columns.first().map_or(0, Vec::len);
        let fold_count = folds.min(rows as u32).max(1);
        let mut of_row: Vec<u32> = (0..rows as u32).map(|row| row % fold_count).collect();
        Random::new(seed).shuffle(&mut of_row);
        Self { columns, suffixes, folds: of_row, fold_count }
    }
}

/// Learns an encoding from the categories of a column and how often each occurs.
pub(super) fn learn(
    column: &Column,
    method: CategoricalEncoding,
    fill: String,
    counts: Vec<(String, u64)>,
    target: Option<&TargetValues>,
    smoothing: f64,
) -> Result<Encoding, Error> {
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let (categories, counts): (Vec<String>, Vec<u64>) = counts.into_iter().unzip();
    let mut encoding = Encoding { fill, categories, method: Method::None };
    encoding.method = match method {
        CategoricalEncoding::None => Method::None,
        CategoricalEncoding::OneHot => Method::OneHot,
        CategoricalEncoding::Ordinal => Method::Ordinal,
        CategoricalEncoding::Frequency => {
            Method::Frequency { shares: counts.iter().map(|count| Exact(*count as f64 / total as f64)).collect() }
        }
        CategoricalEncoding::Target => {
            let Some(target) = target else {
                return Err(Error::argument(
                    "encode_categorical",
                    "target encoding needs a target; there is none here",
                ));
            };
            let codes = encoding.codes(texts(column)?.as_ref());
            let sums: Vec<Sums> = target
                .columns
                .iter()
                .map(|values| Sums::of(&codes, values, encoding.categories.len(), |_| true))
                .collect();
            Method::Target {
                means: sums.iter().map(|sums| sums.means(smoothing).into_iter().map(Exact).collect()).collect(),
                overall: sums.iter().map(|sums| Exact(sums.overall())).collect(),
                suffixes: target.suffixes.clone(),
            }
        }
    };
    Ok(encoding)
}

impl Encoding {
    /// What is added to the column's name for each output.
    pub(super) fn suffixes(&self) -> Vec<String> {
        match &self.method {
            Method::OneHot => self.categories.iter().map(|category| format!("_{category}")).collect(),
            Method::Target { suffixes, .. } => suffixes.clone(),
            _ => vec![String::new()],
        }
    }

    /// The category of each row by its position.
    fn codes(&self, texts: &StringChunked) -> Vec<u32> {
        let positions: PlHashMap<&str, u32> = self
            .categories
            .iter()
            .enumerate()
            .map(|(position, category)| (category.as_str(), position as u32))
            .collect();
        let fill = positions.get(self.fill.as_str()).copied().unwrap_or(UNSEEN);
        texts.iter().map(|text| text.map_or(fill, |text| positions.get(text).copied().unwrap_or(UNSEEN))).collect()
    }

    /// The encoded columns.
    pub(super) fn apply(&self, texts: &StringChunked, outputs: &[String]) -> Result<Vec<Column>, Error> {
        let Some(name) = outputs.first() else { return Ok(Vec::new()) };
        let name = || name.as_str().into();
        if let Method::None = self.method {
            let filled: StringChunked = texts.iter().map(|text| Some(text.unwrap_or(&self.fill))).collect();
            return Ok(vec![filled.into_column().with_name(name())]);
        }
        let codes = self.codes(texts);
        Ok(match &self.method {
            Method::OneHot => (0_u32..)
                .zip(outputs)
                .map(|(position, output)| {
                    let values = codes.iter().map(|code| u8::from(*code == position)).collect();
                    UInt8Chunked::from_vec(output.as_str().into(), values).into_column()
                })
                .collect(),
            Method::Ordinal => {
                let values = codes.iter().map(|code| if *code == UNSEEN { -1 } else { *code as i32 }).collect();
                vec![Int32Chunked::from_vec(name(), values).into_column()]
            }
            Method::Frequency { shares } => vec![looked_up(&codes, shares, 0.0, name())],
            Method::Target { means, overall, .. } => means
                .iter()
                .zip(overall)
                .zip(outputs)
                .map(|((means, overall), output)| looked_up(&codes, means, overall.0, output.as_str().into()))
                .collect(),
            Method::None => Vec::new(),
        })
    }

    /// The encoding of the rows it was learnt on. Target means of a row come from the folds that the row is not in; without them, a rare
    /// category would hand each of its rows that row's own answer.
    pub(super) fn apply_to_fitted(
        &self,
        texts: &StringChunked,
        outputs: &[String],
        target: Option<&TargetValues>,
        smoothing: f64,
    ) -> Result<Vec<Column>, Error> {
        let (Method::Target { .. }, Some(target)) = (&self.method, target) else { return self.apply(texts, outputs) };
        let codes = self.codes(texts);
        let encoded = target.columns.iter().zip(outputs).map(|(values, output)| {
            let mut encoded = vec![0.0; codes.len()];
            for fold in 0..target.fold_count {
                let others =
                    Sums::of(&codes, values, self.categories.len(), |row| target.folds.get(row) != Some(&fold));
                let (means, overall) = (others.means(smoothing), others.overall());
                for ((slot, code), _) in
                    encoded.iter_mut().zip(&codes).zip(&target.folds).filter(|(_, of_row)| **of_row == fold)
                {
                    *slot = means.get(*code as usize).copied().unwrap_or(overall);
                }
            }
            Float64Chunked::from_vec(output.as_str().into(), encoded).into_column()
        });
        Ok(encoded.collect())
    }
}

fn looked_up(codes: &[u32], values: &[Exact], unseen: f64, name: polars::prelude::PlSmallStr) -> Column {
    let values = codes.iter().map(|code| values.get(*code as usize).map_or(unseen, |value| value.0)).collect();
    Float64Chunked::from_vec(name, values).into_column()
}

/// Sums of the target by category.
struct Sums {
    by_category: Vec<(f64, f64)>,
    sum: f64,
    count: f64,
}

impl Sums {
    fn of(codes: &[u32], values: &[f64], categories: usize, counts: impl Fn(usize) -> bool) -> Self {
        let mut sums = Self { by_category: vec![(0.0, 0.0); categories], sum: 0.0, count: 0.0 };
        for (row, (code, value)) in codes.iter().zip(values).enumerate() {
            if !counts(row) {
                continue;
            }
            sums.sum += value;
            sums.count += 1.0;
            if let Some((sum, count)) = sums.by_category.get_mut(*code as usize) {
                *sum += value;
                *count += 1.0;
            }
        }
        sums
    }

    fn overall(&self) -> f64 {
        if self.count > 0.0 { self.sum / self.count } else { 0.0 }
    }

    /// `(sum + smoothing · overall mean) / (count + smoothing)` (Micci-Barreca 2001).
    fn means(&self, smoothing: f64) -> Vec<f64> {
        let overall = self.overall();
        let mean = |(sum, count): &(f64, f64)| {
            let weight = count + smoothing;
            if weight > 0.0 { (sum + smoothing * overall) / weight } else { overall }
        };
        self.by_category.iter().map(mean).collect()
    }
}
