//! Minimising a smooth convex function of many numbers: L-BFGS (Liu and Nocedal, 1989), with a line search that halves and
//! doubles until both Wolfe conditions hold (Lewis and Overton, 2013).

/// Steps remembered.
const MEMORY: usize = 10;
/// The share of the promised decrease that a step must bring.
const DECREASE: f64 = 1e-4;
/// The share of the slope that may be left after a step.
const CURVATURE: f64 = 0.9;
/// Lengths tried along one direction.
const TRIALS: usize = 40;

/// A point with the function's value and slope there.
#[derive(Clone)]
pub(super) struct Point {
    pub(super) position: Vec<f64>,
    pub(super) value: f64,
    pub(super) gradient: Vec<f64>,
}

/// How a minimisation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// No component of the gradient is above the tolerance.
    Converged,
    /// No step brings the value down any further in 64 bits.
    Exhausted,
    /// The iterations ran out.
    OutOfIterations,
}

/// One step that was taken, and how the gradient changed.
struct Memory {
    step: Vec<f64>,
    change: Vec<f64>,
    /// 1 / (step · change)
    factor: f64,
}

/// Minimises `evaluate` (value and gradient at a position) from `start`. After each iteration `visit` sees the point; its error
/// ends the minimisation.
pub(super) fn minimise<E>(
    start: Vec<f64>,
    tolerance: f64,
    iterations: usize,
    mut evaluate: impl FnMut(&[f64]) -> (f64, Vec<f64>),
    mut visit: impl FnMut(usize, &Point) -> Result<(), E>,
) -> Result<(Point, End), E> {
    let (value, gradient) = evaluate(&start);
    let mut point = Point { position: start, value, gradient };
    visit(0, &point)?;
    let mut memory: Vec<Memory> = Vec::new();
    for iteration in 1..=iterations {
        if largest(&point.gradient) <= tolerance {
            return Ok((point, End::Converged));
        }
        let mut direction = direction(&memory, &point.gradient);
        if product(&direction, &point.gradient) >= 0.0 {
            // Rounding has spoilt the memory: go straight down.
            memory.clear();
            direction = point.gradient.iter().map(|slope| -slope).collect();
        }
        let first =
            if memory.is_empty() { 1.0 / product(&point.gradient, &point.gradient).sqrt().max(1.0) } else { 1.0 };
        let Some(next) = search(&point, &direction, first, &mut evaluate) else {
            return Ok((point, End::Exhausted));
        };
        let step: Vec<f64> = next.position.iter().zip(&point.position).map(|(to, from)| to - from).collect();
        let change: Vec<f64> = next.gradient.iter().zip(&point.gradient).map(|(to, from)| to - from).collect();
        let curvature = product(&step, &change);
        point = next;
        visit(iteration, &point)?;
        if curvature > f64::EPSILON * product(&change, &change) {
            if memory.len() == MEMORY {
                memory.remove(0);
            }
            memory.push(Memory { step, change, factor: 1.0 / curvature });
        }
    }
    let end = if largest(&point.gradient) <= tolerance { End::Converged } else { End::OutOfIterations };
    Ok((point, end))
}

/// The direction that the remembered steps suggest: the two-loop recursion.
fn direction(memory: &[Memory], gradient: &[f64]) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for past in memory.iter().rev() {
        let share = past.factor * product(&past.step, &direction);
        add(&mut direction, -share, &past.change);
        shares.push(share);
    }
    if let Some(last) = memory.last() {
        let scale = 1.0 / (last.factor * product(&last.change, &last.change));
        direction.iter_mut().for_each(|component| *component *= scale);
    }
    for (past, share) in memory.iter().zip(shares.into_iter().rev()) {
        let correction = share - past.factor * product(&past.change, &direction);
        add(&mut direction, correction, &past.step);
    }
    direction
}

/// A point along the direction that meets both Wolfe conditions, or the best one found that lies lower; none where none does.
fn search(
    from: &Point,
    direction: &[f64],
    first: f64,
    evaluate: &mut impl FnMut(&[f64]) -> (f64, Vec<f64>),
) -> Option<Point> {
    let slope = product(direction, &from.gradient);
    let (mut length, mut least, mut most) = (first, 0.0, f64::INFINITY);
    let mut best: Option<Point> = None;
    for _ in 0..TRIALS {
        let mut position = from.position.clone();
        add(&mut position, length, direction);
        let (value, gradient) = evaluate(&position);
        let low_enough = value <= from.value + DECREASE * length * slope;
        if low_enough {
            let flat_enough = product(direction, &gradient) >= CURVATURE * slope;
            let point = Point { position, value, gradient };
            if flat_enough {
                return Some(point);
            }
            if value < from.value {
                best = Some(point);
            }
            least = length;
        } else {
            most = length;
        }
        length = if most.is_finite() { f64::midpoint(least, most) } else { 2.0 * least };
    }
    best
}

fn product(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

fn add(sum: &mut [f64], factor: f64, term: &[f64]) {
    for (sum, term) in sum.iter_mut().zip(term) {
        *sum += factor * term;
    }
}

fn largest(components: &[f64]) -> f64 {
    components.iter().fold(0.0, |largest, component| f64::max(largest, component.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn a_badly_scaled_valley_is_followed_to_its_bottom() {
        let rosenbrock = |at: &[f64]| {
            let (x, y) = (at[0], at[1]);
            let value = (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2);
            (value, vec![-2.0 * (1.0 - x) - 400.0 * x * (y - x * x), 200.0 * (y - x * x)])
        };
        let visit = |_: usize, _: &Point| Ok::<(), Infallible>(());
        let (point, end) = minimise(vec![-1.2, 1.0], 1e-9, 200, rosenbrock, visit).unwrap();
        assert_eq!(end, End::Converged);
        assert!(
            (point.position[0] - 1.0).abs() < 1e-8 && (point.position[1] - 1.0).abs() < 1e-8,
            "{:?}",
            point.position
        );
    }

    #[test]
    fn iterations_that_run_out_are_told() {
        let bowl = |at: &[f64]| (at[0].cosh(), vec![at[0].sinh()]);
        let (_, end) = minimise(vec![30.0], 1e-12, 1, bowl, |_, _| Ok::<(), Infallible>(())).unwrap();
        assert_eq!(end, End::OutOfIterations);
    }
}
