//! How two ways to group the same rows agree, whatever the groups are called: adjusted Rand index, normalised mutual information,
//! homogeneity, completeness and V-measure, as scikit-learn defines them.

use std::collections::BTreeMap;

use kumiko_vocabulary::evaluation::LabelAgreement;

/// Information below this is rounding.
const LEAST_INFORMATION: f64 = f64::EPSILON;

/// How often groups of one kind meet groups of the other.
struct Contingency {
    cells: Vec<f64>,
    /// The rows of each cluster.
    clusters: Vec<f64>,
    /// The rows of each class.
    classes: Vec<f64>,
    /// Σ over cells of n log(n · rows / (cluster · class)).
    shared: f64,
    rows: f64,
}

/// Compares clusters with classes. Noise, −1, is a cluster of its own. Both are of one length.
pub(crate) fn agreement(codes: &[i32], classes: &[u32]) -> LabelAgreement {
    let table = Contingency::new(codes, classes);
    let (of_clusters, of_classes) = (table.entropy(&table.clusters), table.entropy(&table.classes));
    let shared = (table.shared / table.rows).max(0.0);
    let share = |entropy: f64| if entropy > 0.0 { (shared / entropy).min(1.0) } else { 1.0 };
    let (homogeneity, completeness) = (share(of_classes), share(of_clusters));
    let trivial = table.clusters.len() <= 1 && table.classes.len() <= 1;
    let normalized_mutual_information = if trivial {
        1.0
    } else if shared <= LEAST_INFORMATION {
        0.0
    } else {
        (shared / f64::midpoint(of_clusters, of_classes)).min(1.0)
    };
    let both = homogeneity + completeness;
    LabelAgreement {
        adjusted_rand_index: table.adjusted_rand_index(),
        normalized_mutual_information,
        homogeneity,
        completeness,
        v_measure: if both > 0.0 { 2.0 * homogeneity * completeness / both } else { 0.0 },
    }
}

impl Contingency {
    fn new(codes: &[i32], classes: &[u32]) -> Self {
        let (mut cells, mut of_clusters, mut of_classes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (code, class) in codes.iter().zip(classes) {
            *cells.entry((*code, *class)).or_insert(0.0) += 1.0;
            *of_clusters.entry(*code).or_insert(0.0) += 1.0;
            *of_classes.entry(*class).or_insert(0.0) += 1.0;
        }
        let rows = codes.len() as f64;
        let shared = cells
            .iter()
            .map(|((code, class), count): (&(i32, u32), &f64)| {
                let expected =
                    of_clusters.get(code).copied().unwrap_or(1.0) * of_classes.get(class).copied().unwrap_or(1.0);
                count * (count * rows / expected).ln()
            })
            .sum();
        Self {
            cells: cells.into_values().collect(),
            clusters: of_clusters.into_values().collect(),
            classes: of_classes.into_values().collect(),
            shared,
            rows,
        }
    }

    /// In nats.
    fn entropy(&self, sizes: &[f64]) -> f64 {
        sizes.iter().map(|size| -size / self.rows * (size / self.rows).ln()).sum::<f64>().max(0.0)
    }

    /// By the four counts of pairs (Hubert and Arabie, 1985).
    fn adjusted_rand_index(&self) -> f64 {
        let squares = |sizes: &[f64]| sizes.iter().map(|size| size * size).sum::<f64>();
        let (cells, clusters, classes) = (squares(&self.cells), squares(&self.clusters), squares(&self.classes));
        let together = cells - self.rows;
        let (one, other) = (clusters - cells, classes - cells);
        let apart = self.rows * self.rows - one - other - cells;
        if one == 0.0 && other == 0.0 {
            return 1.0;
        }
        let chance = (together + one) * (one + apart) + (together + other) * (other + apart);
        2.0 * (together * apart - one * other) / chance
    }
}
