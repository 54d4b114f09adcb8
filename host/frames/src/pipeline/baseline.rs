//! A linear value function (Duan et al. 2016, "Benchmarking Deep Reinforcement Learning", linear feature baseline): ridge
//! regression of the discounted return on the observation, the step and its square, and a constant.

/// Keeps the equations solvable where observations repeat each other.
const RIDGE: f64 = 1e-5;
/// Steps are divided by this, so that their squares stay of the order of the observations.
const STEPS_A_UNIT: f64 = 100.0;

/// Weights of the observations, of the step, of its square, and the constant; `None` where the equations have no finite solution.
pub(super) fn fit(observations: &[Vec<f64>], steps: &[usize], returns: &[f64]) -> Option<Vec<f64>> {
    let size = observations.len() + 3;
    let mut matrix = vec![vec![0.0; size]; size];
    let mut right = vec![0.0; size];
    let mut row = vec![0.0; size];
    for (index, (step, target)) in steps.iter().zip(returns).enumerate() {
        fill(&mut row, observations, index, *step);
        for ((equation, answer), left) in matrix.iter_mut().zip(&mut right).zip(&row) {
            for (cell, value) in equation.iter_mut().zip(&row) {
                *cell += left * value;
            }
            *answer += left * target;
        }
    }
    let ridge = RIDGE * steps.len() as f64;
    for (index, equation) in matrix.iter_mut().enumerate() {
        if let Some(diagonal) = equation.get_mut(index) {
            *diagonal += ridge;
        }
    }
    solve(matrix, right)
}

/// The value of each observation.
pub(super) fn values(weights: &[f64], observations: &[Vec<f64>], steps: &[usize]) -> Vec<f64> {
    let mut row = vec![0.0; weights.len()];
    steps
        .iter()
        .enumerate()
        .map(|(index, step)| {
            fill(&mut row, observations, index, *step);
            row.iter().zip(weights).map(|(value, weight)| value * weight).sum()
        })
        .collect()
}

/// The features of one row.
fn fill(row: &mut [f64], observations: &[Vec<f64>], index: usize, step: usize) {
    let time = step as f64 / STEPS_A_UNIT;
    let observed = observations.iter().map(|values| values.get(index).copied().unwrap_or_default());
    for (slot, value) in row.iter_mut().zip(observed.chain([time, time * time, 1.0])) {
        *slot = value;
    }
}

/// Solves linear equations by Gauss's elimination with the largest pivot.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let size = right.len();
    for pivot in 0..size {
        let largest = (pivot..size).max_by(|left, other| {
            let size_of =
                |row: usize| matrix.get(row).and_then(|row| row.get(pivot)).map_or(0.0, |cell: &f64| cell.abs());
            size_of(*left).total_cmp(&size_of(*other))
        })?;
        matrix.swap(pivot, largest);
        right.swap(pivot, largest);
        let (upper, lower) = matrix.split_at_mut(pivot + 1);
        let equation = upper.last()?;
        let divisor = *equation.get(pivot)?;
        let answer = *right.get(pivot)?;
        if divisor == 0.0 || !divisor.is_finite() {
            return None;
        }
        for (row, result) in lower.iter_mut().zip(right.iter_mut().skip(pivot + 1)) {
            let factor = row.get(pivot)? / divisor;
            for (cell, above) in row.iter_mut().zip(equation).skip(pivot) {
                *cell -= factor * above;
            }
            *result -= factor * answer;
        }
    }
    let mut solution = vec![0.0; size];
    for pivot in (0..size).rev() {
        let equation = matrix.get(pivot)?;
        let known: f64 = equation.iter().zip(&solution).skip(pivot + 1).map(|(cell, value)| cell * value).sum();
        *solution.get_mut(pivot)? = (right.get(pivot)? - known) / equation.get(pivot)?;
    }
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_return_is_found_again() {
        let observations = vec![vec![1.0, 2.0, 4.0, -3.0, 0.5]];
        let steps = [0, 1, 2, 3, 4];
        let returns: Vec<f64> = observations[0].iter().map(|value| 3.0 * value + 1.0).collect();
        let weights = fit(&observations, &steps, &returns).unwrap();
        for (value, expected) in values(&weights, &observations, &steps).iter().zip(&returns) {
            assert!((value - expected).abs() < 1e-3, "{value} {expected}");
        }
    }

    #[test]
    fn equations_are_solved_with_pivots() {
        let solution = solve(vec![vec![0.0, 2.0], vec![3.0, 1.0]], vec![4.0, 5.0]).unwrap();
        assert!((solution[0] - 1.0).abs() < 1e-12 && (solution[1] - 2.0).abs() < 1e-12);
    }
}
