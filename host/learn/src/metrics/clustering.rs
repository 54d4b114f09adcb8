//! The clustering report.

use kumiko_vocabulary::evaluation::{ClusterSummary, ClusteringReport, ClusteringSpecification};

use crate::data::{Features, check_codes};
use crate::error::Error;
use crate::matrix::Scaling;

use super::agreement::agreement;
use super::shape::{Clusters, Shape};

/// Rows that the silhouette is exact for; every row is compared with every other. Of more, as many are drawn.
pub const SILHOUETTE_ROWS: usize = 20_000;
/// What the rows are called in errors.
const DATA: &str = "the data";

/// Measures a clustering: `codes` has the cluster of each row, −1 for none, and `truth` known classes as positions in a list, where
/// there are such. Missing or infinite features, and codes below −1, are refused.
pub fn clustering(
    features: &Features,
    codes: &[i32],
    truth: Option<&[u32]>,
    specification: &ClusteringSpecification,
) -> Result<ClusteringReport, Error> {
    let columns = checked(features)?;
    let rows = features.rows();
    let length = |what: &str, found: usize| Error::Length { what: what.to_owned(), expected: rows, found };
    if codes.len() != rows {
        return Err(length("the list of clusters", codes.len()));
    }
    if let Some(truth) = truth.filter(|truth| truth.len() != rows) {
        return Err(length("the list of known classes", truth.len()));
    }
    if let Some((row, code)) = codes.iter().enumerate().find(|(_, code)| **code < -1) {
        return Err(Error::Specification {
            name: "codes",
            value: format!("{code} in row {row} (from 0)"),
            expected: "a cluster from 0, or -1 for none".to_owned(),
        });
    }
    if let Some(truth) = truth {
        check_codes(truth, u32::MAX as usize, "the list of known classes")?;
    }
    let scaling = Scaling::new(&columns, specification.standardize);
    let unit = scaling.unit(specification.standardize);
    let values = scaling.wide_rows(&columns);
    let shape = Shape { rows: &values, width: columns.len(), codes };
    let clusters = Clusters::new(codes);
    let spread = shape.spread(&clusters);
    let silhouettes = shape.silhouettes(&clusters, SILHOUETTE_ROWS, specification.seed);
    let mut notes = Vec::new();
    if let Some(silhouettes) = silhouettes.as_ref().filter(|silhouettes| silhouettes.rows < clusters.rows()) {
        notes.push(format!(
            "the silhouette is of {} rows drawn at random, of {} in clusters",
            silhouettes.rows,
            clusters.rows()
        ));
    }
    match clusters.len() {
        0 => notes.push("every row is noise: there is no cluster to measure".to_owned()),
        1 => notes.push("there is one cluster; measures that compare clusters need two".to_owned()),
        many if many == clusters.rows() => {
            notes.push("every cluster has one row; measures that compare clusters need larger ones".to_owned());
        }
        _ => {}
    }
    let centres: Vec<&[f64]> = spread.centres.chunks_exact(columns.len()).collect();
    let table = (clusters.codes.iter().zip(&clusters.sizes).zip(centres).enumerate())
        .map(|(position, ((code, size), centre))| ClusterSummary {
            cluster: code.unsigned_abs(),
            size: *size as u64,
            share: *size as f64 / rows as f64,
            center: scaling.restored(centre.iter().copied()),
            silhouette: silhouettes.as_ref().and_then(|silhouettes| *silhouettes.by_cluster.get(position)?),
        })
        .collect();
    Ok(ClusteringReport {
        rows: rows as u64,
        clusters: clusters.len() as u64,
        noise_rows: (rows - clusters.rows()) as u64,
        silhouette: silhouettes.as_ref().map(|silhouettes| silhouettes.mean),
        silhouette_rows: silhouettes.as_ref().map_or(0, |silhouettes| silhouettes.rows) as u64,
        davies_bouldin: spread.davies_bouldin(&clusters, columns.len()),
        calinski_harabasz: spread.calinski_harabasz(&clusters),
        inertia: spread.inertia * unit * unit,
        agreement: truth.map(|truth| agreement(codes, truth)),
        table,
        notes,
    })
}

/// The columns, sound: of one length, with rows, finite and without gaps.
pub(super) fn checked(features: &Features) -> Result<Vec<&[f32]>, Error> {
    features.check_shape(DATA)?;
    let columns: Vec<&[f32]> = features.columns.iter().map(Vec::as_slice).collect();
    Features::check_finite(&features.names, &columns, DATA)?;
    let missing = Features::with_missing_values(&features.names, &columns);
    if let Some(column) = missing.first() {
        return Err(Error::Specification {
            name: "features",
            value: format!("missing in the column `{column}`"),
            expected: "numbers without gaps: distances need every value".to_owned(),
        });
    }
    if features.rows() == 0 {
        return Err(Error::Rows { what: DATA.to_owned(), rows: 0, expected: "one at least" });
    }
    Ok(columns)
}
