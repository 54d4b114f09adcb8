//! The training rows as codes: made of columns in memory, or of columns that are read one after the other.
#![allow(clippy::indexing_slicing, reason = "there is an entry for each column")]

use rayon::prelude::*;

use crate::binning::{self, Binned, MISSING};
use crate::columnwise::Columnwise;
use crate::error::Error;
use crate::estimator::Problem;

use super::codes::{CodeFile, ColumnCodes};
use super::settings::Settings;
use super::tiles::{Column, Tiles};

/// Values that are coded as one piece of work.
const PIECE_VALUES: usize = 65_536;

/// The training rows as codes, and what is to be known of each column.
pub(super) struct Table {
    pub(super) codes: ColumnCodes,
    pub(super) tiles: Tiles,
    /// For each column its edges, rising.
    pub(super) edges: Vec<Vec<f32>>,
    pub(super) categorical: Vec<bool>,
    /// −1, 0 or 1: falling, free, rising.
    pub(super) monotone: Vec<i8>,
}

/// How the settings see the columns.
pub(super) struct Roles {
    pub(super) categorical: Vec<bool>,
    pub(super) monotone: Vec<i8>,
}

/// Columns that a table can be made of.
pub(super) trait Columns {
    fn rows(&self) -> usize;

    /// Bins the columns.
    fn table(problem: &Problem<'_, Self>, settings: &Settings, roles: Roles) -> Result<Table, Error>
    where
        Self: Sized;
}

impl Columns for Vec<&[f32]> {
    fn rows(&self) -> usize {
        self.first().map_or(0, |column| column.len())
    }

    fn table(problem: &Problem<'_, Self>, settings: &Settings, roles: Roles) -> Result<Table, Error> {
        let Roles { categorical, monotone } = roles;
        for ((name, column), categorical) in problem.names.iter().zip(&problem.columns).zip(&categorical) {
            check_categories(name, column, *categorical)?;
        }
        // Rows that do not count place no edges.
        let counted: Option<Vec<Vec<f32>>> = problem
            .weights
            .filter(|weights| weights.contains(&0.0))
            .map(|weights| problem.columns.par_iter().map(|column| counted(column, weights)).collect());
        let placing: Vec<&[f32]> = match &counted {
            Some(columns) => columns.iter().map(Vec::as_slice).collect(),
            None => problem.columns.clone(),
        };
        let edges = Binned::edges(&placing, settings.bins, &categorical);
        let mut binned = Binned::by_edges(&problem.columns, edges, &categorical);
        if problem.control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let columns: Vec<Column> = (0..problem.columns.len())
            .into_par_iter()
            .map(|column| Column::of(binned.column(column), &binned.edges[column], categorical[column]))
            .collect();
        let edges = std::mem::take(&mut binned.edges);
        let codes = ColumnCodes::from(binned);
        let tiles = Tiles::new(&codes, &columns, None)?;
        Ok(Table { codes, tiles, edges, categorical, monotone })
    }
}

impl Columns for &Columnwise<'_> {
    fn rows(&self) -> usize {
        self.source.rows()
    }

    fn table(problem: &Problem<'_, Self>, settings: &Settings, roles: Roles) -> Result<Table, Error> {
        let Roles { categorical, monotone } = roles;
        let columnwise = problem.columns;
        let (rows, count) = (columnwise.source.rows(), problem.names.len());
        let file = CodeFile::new(columnwise.files)?;
        let weights = problem.weights.filter(|weights| weights.contains(&0.0));
        let mut all_edges = Vec::with_capacity(count);
        let mut columns = Vec::with_capacity(count);
        let mut codes = vec![0; rows];
        for (position, (name, categorical)) in problem.names.iter().zip(&categorical).enumerate() {
            if problem.control.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let column = columnwise.read(name, position)?;
            check_categories(name, &column, *categorical)?;
            let edges = match weights {
                _ if *categorical => Vec::new(),
                Some(weights) => binning::edges(&counted(&column, weights), settings.bins),
                None => binning::edges(&column, settings.bins),
            };
            (codes.par_chunks_mut(PIECE_VALUES).zip(column.par_chunks(PIECE_VALUES)))
                .for_each(|(codes, values)| binning::encode(values, &edges, *categorical, codes));
            file.write(&codes, position * rows)?;
            columns.push(Column::of(&codes, &edges, *categorical));
            all_edges.push(edges);
            let (done, all) = ((position + 1) as f64, Some(count as f64));
            problem.control.report(done, all, "reading columns");
        }
        drop(codes);
        let codes = ColumnCodes::new(rows, file);
        let tiles = Tiles::new(&codes, &columns, Some(columnwise.files))?;
        codes.check()?;
        Ok(Table { codes, tiles, edges: all_edges, categorical, monotone })
    }
}

impl Table {
    /// Whether every read of codes so far has succeeded.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.codes.check()?;
        self.tiles.check()
    }
}

impl Column {
    fn of(codes: &[u8], edges: &[f32], categorical: bool) -> Self {
        let bins = if categorical {
            let highest = codes.par_iter().filter(|code| **code != MISSING).max();
            highest.map_or(0, |highest| usize::from(*highest) + 1)
        } else {
            edges.len() + 1
        };
        // Where values differ, it does not matter.
        Self { bins, has_missing: bins <= 1 && codes.contains(&MISSING) }
    }
}

/// The values of the rows that count.
fn counted(column: &[f32], weights: &[f32]) -> Vec<f32> {
    column.iter().zip(weights).filter(|(_, weight)| **weight > 0.0).map(|(value, _)| *value).collect()
}

fn check_categories(name: &str, column: &[f32], categorical: bool) -> Result<(), Error> {
    let is_category = |value: &f32| value.is_nan() || ((0.0..=254.0).contains(value) && value.fract() == 0.0);
    if !categorical || column.iter().all(is_category) {
        return Ok(());
    }
    let expected = "columns whose values are whole numbers from 0 to 254, or missing";
    Err(super::refused("categorical_features", format!("about `{name}`"), expected))
}
