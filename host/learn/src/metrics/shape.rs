//! Measures of clusters by their shape alone: silhouette, Davies–Bouldin, Calinski–Harabasz, inertia.
//!
//! Rows in no cluster are left out. The silhouette compares every row with every other, in blocks by matrix multiplication with 64
//! bits; of more rows than a caller allows it takes a random sample, as scikit-learn's `sample_size` does.
#![allow(
    clippy::indexing_slicing,
    reason = "clusters are counted while codes are renumbered; rows are cut to their width"
)]

use kumiko_vocabulary::learning::HeadlineMetrics;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;

use crate::blocks::sum_blocks;
use crate::random::Random;

/// Rows behind the silhouette in a model's headline: enough for two digits, and quick beside the training.
const HEADLINE_ROWS: usize = 2_000;
/// Rows compared at once with [`OTHERS`] others: a block of distances stays in the near cache.
const ROWS_AT_ONCE: usize = 64;
/// See [`ROWS_AT_ONCE`].
const OTHERS: usize = 512;

/// Rows, row after row, with the cluster of each; −1 for none.
pub(crate) struct Shape<'a, T> {
    pub(crate) rows: &'a [T],
    pub(crate) width: usize,
    pub(crate) codes: &'a [i32],
}

/// The clusters that have rows, numbered from 0, in the order of their codes.
pub(crate) struct Clusters {
    /// The code of each cluster.
    pub(crate) codes: Vec<i32>,
    /// The rows of each.
    pub(crate) sizes: Vec<usize>,
    /// Each row's cluster; none for noise.
    pub(crate) of_rows: Vec<Option<u32>>,
}

/// Silhouettes of rows.
pub(crate) struct Silhouettes {
    /// The mean over the rows measured.
    pub(crate) mean: f64,
    /// The mean by cluster; none of a cluster that no row measured is of.
    pub(crate) by_cluster: Vec<Option<f64>>,
    /// The rows measured.
    pub(crate) rows: usize,
}

/// Centres and spreads.
pub(crate) struct Spread {
    /// Centre after centre.
    pub(crate) centres: Vec<f64>,
    /// Σ squared distance of rows to their centres.
    pub(crate) inertia: f64,
    /// Mean distance of each cluster's rows to its centre.
    widths: Vec<f64>,
    /// Σ size × squared distance of centres to the centre of all.
    between: f64,
}

impl Clusters {
    /// Counts the clusters.
    pub(crate) fn new(codes: &[i32]) -> Self {
        let mut known: Vec<i32> = codes.iter().copied().filter(|code| *code >= 0).collect();
        known.sort_unstable();
        known.dedup();
        let mut sizes = vec![0; known.len()];
        let of_rows = codes
            .iter()
            .map(|code| {
                let cluster = known.binary_search(code).ok()?;
                sizes[cluster] += 1;
                Some(cluster as u32)
            })
            .collect();
        Self { codes: known, sizes, of_rows }
    }

    pub(crate) fn len(&self) -> usize {
        self.codes.len()
    }

    /// Rows in clusters.
    pub(crate) fn rows(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// Whether measures that compare clusters have any meaning: two clusters at least, and fewer than rows.
    pub(crate) fn comparable(&self) -> bool {
        self.len() >= 2 && self.len() < self.rows()
    }
}

impl<T: Copy + Into<f64> + Sync> Shape<'_, T> {
    /// The measures by which a clustering is known.
    pub(crate) fn headline(&self, seed: u64) -> HeadlineMetrics {
        let clusters = Clusters::new(self.codes);
        let spread = self.spread(&clusters);
        HeadlineMetrics {
            clusters: Some(clusters.len() as u64),
            noise_rows: Some((self.codes.len() - clusters.rows()) as u64),
            silhouette: self.silhouettes(&clusters, HEADLINE_ROWS, seed).map(|silhouettes| silhouettes.mean),
            davies_bouldin: spread.davies_bouldin(&clusters, self.width),
            calinski_harabasz: spread.calinski_harabasz(&clusters),
            ..HeadlineMetrics::default()
        }
    }

    /// Centres and what lies about them.
    pub(crate) fn spread(&self, clusters: &Clusters) -> Spread {
        let (width, many) = (self.width, clusters.len());
        let mut centres = sum_blocks(self.codes.len(), many * width, |block| {
            let mut sums = vec![0.0; many * width];
            for row in block {
                if let Some(cluster) = clusters.of_rows[row] {
                    let sums = &mut sums[cluster as usize * width..][..width];
                    for (sum, value) in sums.iter_mut().zip(self.row(row)) {
                        *sum += (*value).into();
                    }
                }
            }
            sums
        });
        let mut centre = vec![0.0; width];
        for (sums, size) in centres.chunks_exact_mut(width).zip(&clusters.sizes) {
            for (sum, centre) in sums.iter_mut().zip(&mut centre) {
                *centre += *sum / clusters.rows() as f64;
                *sum /= *size as f64;
            }
        }
        let sums = sum_blocks(self.codes.len(), 2 * many, |block| {
            let mut sums = vec![0.0; 2 * many];
            for row in block {
                if let Some(cluster) = clusters.of_rows[row] {
                    let cluster = cluster as usize;
                    let square =
                        squared(self.row(row).iter().map(|value| (*value).into()), &centres[cluster * width..]);
                    sums[cluster] += square;
                    sums[many + cluster] += square.sqrt();
                }
            }
            sums
        });
        let (squares, lengths) = sums.split_at(many);
        let between = (centres.chunks_exact(width).zip(&clusters.sizes))
            .map(|(own, size)| *size as f64 * squared(own.iter().copied(), &centre))
            .sum();
        Spread {
            inertia: squares.iter().sum(),
            widths: lengths.iter().zip(&clusters.sizes).map(|(length, size)| length / *size as f64).collect(),
            between,
            centres,
        }
    }

    /// For each row (b − a) / max(a, b), where a is the mean distance to the others of its cluster and b the least mean
    /// distance to another cluster; 0 for a row that is its cluster alone (Rousseeuw, 1987). None where clusters cannot be
    /// compared.
    pub(crate) fn silhouettes(&self, clusters: &Clusters, most: usize, seed: u64) -> Option<Silhouettes> {
        if !clusters.comparable() {
            return None;
        }
        let mut chosen: Vec<(u32, usize)> =
            clusters.of_rows.iter().enumerate().filter_map(|(row, cluster)| Some(((*cluster)?, row))).collect();
        if chosen.len() > most {
            let mut random = Random::new(seed, u64::MAX - 1);
            for position in 0..most {
                let other = position + random.below(chosen.len() - position);
                chosen.swap(position, other);
            }
            chosen.truncate(most);
        }
        // Cluster after cluster, so that sums by cluster are sums of neighbours.
        chosen.sort_unstable();
        let mut ends = vec![0; clusters.len()];
        for (cluster, _) in &chosen {
            ends[*cluster as usize] += 1;
        }
        let sizes = ends.clone();
        let mut total = 0;
        for end in &mut ends {
            total += *end;
            *end = total;
        }
        if sizes.iter().filter(|size| **size > 0).count() < 2 {
            return None;
        }
        let points = Points::new(&chosen, self);
        let values: Vec<f64> = (0..chosen.len())
            .step_by(ROWS_AT_ONCE)
            .collect::<Vec<_>>()
            .into_par_iter()
            .flat_map_iter(|start| {
                let end = chosen.len().min(start + ROWS_AT_ONCE);
                let sums = points.sums(start, end, &ends);
                (start..end)
                    .map(|position| {
                        silhouette(
                            &sums[(position - start) * sizes.len()..][..sizes.len()],
                            &sizes,
                            chosen[position].0 as usize,
                        )
                    })
                    .collect::<Vec<f64>>()
            })
            .collect();
        let mut by_cluster = Vec::with_capacity(sizes.len());
        let mut start = 0;
        for (end, size) in ends.iter().zip(&sizes) {
            by_cluster.push((*size > 0).then(|| values[start..*end].iter().sum::<f64>() / *size as f64));
            start = *end;
        }
        Some(Silhouettes { mean: values.iter().sum::<f64>() / values.len() as f64, by_cluster, rows: values.len() })
    }

    fn row(&self, row: usize) -> &[T] {
        &self.rows[row * self.width..][..self.width]
    }
}

/// ‖x − c‖².
fn squared(row: impl Iterator<Item = f64>, centre: &[f64]) -> f64 {
    row.zip(centre).map(|(value, centre)| (value - centre) * (value - centre)).sum()
}

/// One row's silhouette from the sums of its distances to each cluster.
fn silhouette(sums: &[f64], sizes: &[usize], own: usize) -> f64 {
    if sizes[own] < 2 {
        return 0.0;
    }
    let within = sums[own] / (sizes[own] - 1) as f64;
    let others = (0..sizes.len()).filter(|cluster| *cluster != own && sizes[*cluster] > 0);
    let beside = others.map(|cluster| sums[cluster] / sizes[cluster] as f64).fold(f64::INFINITY, f64::min);
    let larger = within.max(beside);
    if larger > 0.0 { (beside - within) / larger } else { 0.0 }
}

/// The rows that silhouettes are made of, about their mean.
struct Points {
    values: Array2<f64>,
    norms: Vec<f64>,
}

impl Points {
    fn new<T: Copy + Into<f64> + Sync>(chosen: &[(u32, usize)], shape: &Shape<'_, T>) -> Self {
        let width = shape.width;
        let mut values = Array2::zeros((chosen.len(), width));
        let mut mean = vec![0.0; width];
        for (mut point, (_, row)) in values.rows_mut().into_iter().zip(chosen) {
            for ((point, value), mean) in point.iter_mut().zip(shape.row(*row)).zip(&mut mean) {
                *point = (*value).into();
                *mean += *point / chosen.len() as f64;
            }
        }
        let mut norms = Vec::with_capacity(chosen.len());
        for mut point in values.rows_mut() {
            for (point, mean) in point.iter_mut().zip(&mean) {
                *point -= mean;
            }
            norms.push(point.iter().map(|value| value * value).sum());
        }
        Self { values, norms }
    }

    /// For each of some rows the sums of its distances to each cluster; the clusters end at `ends`.
    fn sums(&self, start: usize, end: usize, ends: &[usize]) -> Vec<f64> {
        let many = ends.len();
        let mut sums = vec![0.0; (end - start) * many];
        let mut products = Array2::zeros((end - start, OTHERS));
        let rows: ArrayView2<'_, f64> = self.values.slice(s![start..end, ..]);
        for first in (0..self.norms.len()).step_by(OTHERS) {
            let last = self.norms.len().min(first + OTHERS);
            let others = self.values.slice(s![first..last, ..]);
            let mut block = products.slice_mut(s![.., ..last - first]);
            general_mat_mul(-2.0, &rows, &others.t(), 0.0, &mut block);
            for (position, mut distances) in block.rows_mut().into_iter().enumerate() {
                let norm = self.norms[start + position];
                let Some(distances) = distances.as_slice_mut() else { continue };
                for (distance, other) in distances.iter_mut().zip(&self.norms[first..last]) {
                    *distance = (*distance + norm + other).max(0.0).sqrt();
                }
                // A row is at no distance from itself, whatever rounding says.
                if (first..last).contains(&(start + position)) {
                    distances[start + position - first] = 0.0;
                }
                let mut begin = first;
                let mut cluster = ends.partition_point(|end| *end <= first);
                while begin < last {
                    let stop = ends[cluster].min(last);
                    sums[position * many + cluster] += lanes(&distances[begin - first..stop - first]);
                    begin = stop;
                    cluster += 1;
                }
            }
        }
        sums
    }
}

/// The sum, in eight lanes that the processor adds side by side.
fn lanes(values: &[f64]) -> f64 {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    sums.iter().sum::<f64>() + rest.iter().sum::<f64>()
}

impl Spread {
    /// The mean over the clusters of the greatest (width + other's width) / distance of the centres (Davies and Bouldin, 1979).
    pub(crate) fn davies_bouldin(&self, clusters: &Clusters, width: usize) -> Option<f64> {
        if !clusters.comparable() {
            return None;
        }
        let centre = |cluster: usize| &self.centres[cluster * width..][..width];
        let worst = |cluster: usize| {
            (0..clusters.len())
                .filter(|other| *other != cluster)
                .map(|other| {
                    let apart = squared(centre(cluster).iter().copied(), centre(other)).sqrt();
                    // Centres in one place tell nothing of how alike the clusters are; scikit-learn leaves them out as well.
                    if apart > 0.0 { (self.widths[cluster] + self.widths[other]) / apart } else { 0.0 }
                })
                .fold(0.0, f64::max)
        };
        Some(
            (0..clusters.len()).into_par_iter().map(worst).collect::<Vec<f64>>().iter().sum::<f64>()
                / clusters.len() as f64,
        )
    }

    /// (Variance between / (clusters − 1)) / (variance within / (rows − clusters)) (Caliński and Harabasz, 1974); none where all
    /// rows of each cluster are equal.
    pub(crate) fn calinski_harabasz(&self, clusters: &Clusters) -> Option<f64> {
        if !clusters.comparable() || self.inertia <= 0.0 {
            return None;
        }
        let (many, rows) = (clusters.len() as f64, clusters.rows() as f64);
        Some(self.between * (rows - many) / (self.inertia * (many - 1.0))).filter(|index| index.is_finite())
    }
}
