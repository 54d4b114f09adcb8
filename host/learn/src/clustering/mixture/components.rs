//! The components of a mixture, and what they are made of.
#![allow(clippy::indexing_slicing, reason = "square matrices are indexed below their one dimension")]

use serde::{Deserialize, Serialize};

/// Which covariances the components have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Covariance {
    /// One of its own each.
    Full,
    /// One for all.
    Tied,
    /// A variance for each column each.
    Diagonal,
    /// One variance each.
    Spherical,
}

/// Weights, means and covariances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Components {
    pub(super) covariance: Covariance,
    /// They add up to 1.
    pub(super) weights: Vec<f64>,
    /// In the model's units.
    pub(super) means: Vec<Vec<f64>>,
    /// What turns differences from the mean into independent ones of variance 1. Full and tied: U with U Uᵀ = covariance⁻¹, upper
    /// triangular, row after row; one for each component, or one. Diagonal and spherical: one number for each column.
    pub(super) factors: Vec<Vec<f64>>,
}

/// Sums over rows, of differences from centres that are near the means.
pub(super) struct Sums {
    pub(super) covariance: Covariance,
    pub(super) centres: Vec<Vec<f64>>,
    /// Σ responsibility.
    pub(super) weights: Vec<f64>,
    /// Σ responsibility × difference.
    pub(super) first: Vec<Vec<f64>>,
    /// Σ responsibility × difference × difference: of all pairs of columns, or of each column.
    pub(super) second: Vec<Vec<f64>>,
}

impl Covariance {
    /// Whether it is a matrix.
    pub(super) fn is_matrix(self) -> bool {
        matches!(self, Self::Full | Self::Tied)
    }
}

impl Sums {
    /// The components that make these sums likeliest. None where a covariance has no inverse.
    pub(super) fn components(&self, regular: f64) -> Option<Components> {
        let width = self.centres.first().map_or(0, Vec::len);
        let total: f64 = self.weights.iter().sum();
        // As scikit-learn does, so that a component without rows divides by something.
        let weights: Vec<f64> = self.weights.iter().map(|weight| weight + 10.0 * f64::EPSILON).collect();
        let moves: Vec<Vec<f64>> = (self.first.iter().zip(&weights))
            .map(|(first, weight)| first.iter().map(|sum| sum / weight).collect())
            .collect();
        let means = (self.centres.iter().zip(&moves))
            .map(|(centre, moved)| centre.iter().zip(moved).map(|(centre, moved)| centre + moved).collect())
            .collect();
        // About the mean: E[(x − c)²] − (mean − c)².
        let spread = |component: usize| -> Vec<f64> {
            let (moved, weight) = (&moves[component], weights[component]);
            let about = |row: usize, column: usize| weight * moved[row] * moved[column];
            let second = &self.second[component];
            if self.covariance.is_matrix() {
                (0..width * width).map(|entry| second[entry] - about(entry / width, entry % width)).collect()
            } else {
                (0..width).map(|column| second[column] - about(column, column)).collect()
            }
        };
        let components = 0..weights.len();
        let factors = match self.covariance {
            Covariance::Full => components
                .map(|component| inverse_factor(&divided(&spread(component), weights[component]), width, regular))
                .collect::<Option<_>>()?,
            Covariance::Tied => {
                let mut sum = vec![0.0; width * width];
                for component in components {
                    sum.iter_mut().zip(spread(component)).for_each(|(sum, own)| *sum += own);
                }
                vec![inverse_factor(&divided(&sum, weights.iter().sum()), width, regular)?]
            }
            Covariance::Diagonal | Covariance::Spherical => components
                .map(|component| {
                    let mut variances = divided(&spread(component), weights[component]);
                    variances.iter_mut().for_each(|variance| *variance = variance.max(0.0) + regular);
                    if self.covariance == Covariance::Spherical {
                        let mean = variances.iter().sum::<f64>() / width as f64;
                        variances.fill(mean);
                    }
                    let sound = variances.iter().all(|variance| *variance > 0.0 && variance.is_finite());
                    sound.then(|| variances.into_iter().map(|variance| variance.sqrt().recip()).collect())
                })
                .collect::<Option<_>>()?,
        };
        Some(Components {
            covariance: self.covariance,
            weights: self.weights.iter().map(|weight| weight / total).collect(),
            means,
            factors,
        })
    }
}

fn divided(sums: &[f64], weight: f64) -> Vec<f64> {
    sums.iter().map(|sum| sum / weight).collect()
}

/// U with U Uᵀ = (covariance + regular · 1)⁻¹: the transposed inverse of the Cholesky factor.
fn inverse_factor(covariance: &[f64], width: usize, regular: f64) -> Option<Vec<f64>> {
    let mut lower = vec![0.0; width * width];
    for row in 0..width {
        for column in 0..=row {
            let known: f64 = (0..column).map(|inner| lower[row * width + inner] * lower[column * width + inner]).sum();
            let left = covariance[row * width + column] - known;
            if row == column {
                let pivot = left + regular;
                if !(pivot > 0.0 && pivot.is_finite()) {
                    return None;
                }
                lower[row * width + row] = pivot.sqrt();
            } else {
                lower[row * width + column] = left / lower[column * width + column];
            }
        }
    }
    // The inverse column by column, written as the transposed one's rows.
    let mut factor = vec![0.0; width * width];
    for column in 0..width {
        factor[column * width + column] = lower[column * width + column].recip();
        for row in column + 1..width {
            let known: f64 =
                (column..row).map(|inner| lower[row * width + inner] * factor[column * width + inner]).sum();
            factor[column * width + row] = -known / lower[row * width + row];
        }
    }
    Some(factor)
}

impl Components {
    /// The factor of a component.
    pub(super) fn factor(&self, component: usize) -> &[f64] {
        &self.factors[if self.covariance == Covariance::Tied { 0 } else { component }]
    }

    /// The part of a component's log density that does not depend on the row, its weight included.
    pub(super) fn constant(&self, component: usize) -> f64 {
        let width = self.means[component].len();
        let factor = self.factor(component);
        let determinant: f64 = if self.covariance.is_matrix() {
            (0..width).map(|column| factor[column * width + column].ln()).sum()
        } else {
            factor.iter().map(|factor| factor.ln()).sum()
        };
        self.weights[component].ln() + determinant - 0.5 * width as f64 * (2.0 * std::f64::consts::PI).ln()
    }

    /// Numbers that can be chosen freely: for information criteria.
    pub(super) fn parameters(&self) -> usize {
        let (many, width) = (self.weights.len(), self.means.first().map_or(0, Vec::len));
        let covariances = match self.covariance {
            Covariance::Full => many * width * (width + 1) / 2,
            Covariance::Tied => width * (width + 1) / 2,
            Covariance::Diagonal => many * width,
            Covariance::Spherical => many,
        };
        covariances + many * width + many - 1
    }

    /// Whether components read from a file can be used on so many columns.
    pub(super) fn check(&self, columns: usize) -> Result<(), String> {
        let many = self.weights.len();
        let entries = if self.covariance.is_matrix() { columns * columns } else { columns };
        let factors = if self.covariance == Covariance::Tied { 1 } else { many };
        let fits = many > 0
            && self.means.len() == many
            && self.means.iter().all(|mean| mean.len() == columns)
            && self.factors.len() == factors
            && self.factors.iter().all(|factor| factor.len() == entries);
        if !fits {
            return Err("the components do not fit the signature".to_owned());
        }
        let numbers = self.weights.iter().chain(self.means.iter().flatten()).chain(self.factors.iter().flatten());
        if !numbers.into_iter().all(|number| number.is_finite()) {
            return Err("a component is no finite number".to_owned());
        }
        let diagonal = |factor: &Vec<f64>| {
            let step = if self.covariance.is_matrix() { columns + 1 } else { 1 };
            factor.iter().step_by(step).all(|entry| *entry > 0.0)
        };
        if self.factors.iter().all(diagonal) && self.weights.iter().all(|weight| *weight >= 0.0) {
            Ok(())
        } else {
            Err("a component has no density".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_times_its_transpose_inverts_the_covariance() {
        let covariance = [4.0, 2.0, 0.5, 2.0, 3.0, -1.0, 0.5, -1.0, 2.0];
        let factor = inverse_factor(&covariance, 3, 0.0).unwrap();
        for row in 0..3 {
            for column in 0..3 {
                let inverse = |left: usize, right: usize| -> f64 {
                    (0..3).map(|inner| factor[left * 3 + inner] * factor[right * 3 + inner]).sum()
                };
                let product: f64 = (0..3).map(|inner| covariance[row * 3 + inner] * inverse(inner, column)).sum();
                assert!((product - if row == column { 1.0 } else { 0.0 }).abs() < 1e-12);
            }
        }
        assert!(inverse_factor(&[1.0, 1.0, 1.0, 1.0], 2, 0.0).is_none());
        assert!(inverse_factor(&[1.0, 1.0, 1.0, 1.0], 2, 1e-6).is_some());
    }
}
