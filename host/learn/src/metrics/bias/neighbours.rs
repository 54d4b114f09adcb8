//! The nearest points to a point: a k-d tree (Bentley, 1975) that is cut at the median of the dimension of widest spread, searched
//! with the distance to a node's part of space kept up to date on the way down (Arya and Mount, 1993).
//!
//! Points are told apart by distance and then by position, so the answer does not depend on how the tree was built.
#![allow(
    clippy::indexing_slicing,
    reason = "nodes, points and coordinates are positions that the tree itself has made"
)]

use std::cmp::Ordering;

/// Points that a leaf holds at most, unless they are all in one place.
const LEAF: usize = 16;

enum Node {
    /// Points from `start` to `end`.
    Leaf { start: usize, end: usize },
    /// Points at or below `at` in one dimension, and those at or above.
    Cut { dimension: usize, at: f64, below: usize, above: usize },
}

/// Points of equal dimension.
pub(super) struct Tree {
    /// Coordinates point by point, in the order of the leaves.
    points: Vec<f64>,
    /// Where each of them was among the points given.
    places: Vec<u32>,
    nodes: Vec<Node>,
    dimensions: usize,
    wanted: usize,
}

/// The nearest points so far: squared distance and place, nearest first.
struct Nearest {
    found: Vec<(f64, u32)>,
    wanted: usize,
}

impl Nearest {
    /// Beyond this squared distance nothing is of use.
    fn reach(&self) -> f64 {
        if self.found.len() < self.wanted {
            f64::INFINITY
        } else {
            self.found.last().map_or(f64::INFINITY, |last| last.0)
        }
    }

    fn offer(&mut self, distance: f64, place: u32) {
        let before = |other: &(f64, u32)| other.0.total_cmp(&distance).then(other.1.cmp(&place)) == Ordering::Less;
        let position = self.found.partition_point(before);
        if position < self.wanted {
            self.found.truncate(self.wanted - 1);
            self.found.insert(position, (distance, place));
        }
    }
}

impl Tree {
    /// A tree over finite coordinates, point by point, to be asked for the `wanted` nearest points.
    pub(super) fn new(points: Vec<f64>, dimensions: usize, wanted: usize) -> Self {
        let count = points.len() / dimensions.max(1);
        let mut places: Vec<u32> = (0..count as u32).collect();
        let mut tree =
            Self { points: Vec::new(), places: Vec::new(), nodes: Vec::new(), dimensions, wanted: wanted.max(1) };
        if count > 0 {
            tree.grow(&points, &mut places);
        }
        tree
    }

    /// Adds a node for some of the points, and says which.
    fn grow(&mut self, points: &[f64], places: &mut [u32]) -> usize {
        let dimensions = self.dimensions;
        let coordinate = |place: u32, dimension: usize| points[place as usize * dimensions + dimension];
        let spread = |dimension: usize| {
            let range = places.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lowest, highest), place| {
                let value = coordinate(*place, dimension);
                (lowest.min(value), highest.max(value))
            });
            range.1 - range.0
        };
        let widest = (0..dimensions)
            .map(|dimension| (spread(dimension), dimension))
            .max_by(|left, right| left.0.total_cmp(&right.0).then(right.1.cmp(&left.1)))
            .unwrap_or((0.0, 0));
        let node = self.nodes.len();
        if places.len() <= LEAF || widest.0 <= 0.0 {
            places.sort_unstable();
            // Of points in one place only the first ones are ever asked for.
            let kept = if widest.0 <= 0.0 { places.len().min(self.wanted) } else { places.len() };
            let start = self.places.len();
            for place in &places[..kept] {
                let from = *place as usize * dimensions;
                self.points.extend_from_slice(&points[from..from + dimensions]);
                self.places.push(*place);
            }
            self.nodes.push(Node::Leaf { start, end: start + kept });
            return node;
        }
        let dimension = widest.1;
        let middle = places.len() / 2;
        places.select_nth_unstable_by(middle, |left, right| {
            coordinate(*left, dimension).total_cmp(&coordinate(*right, dimension)).then(left.cmp(right))
        });
        let at = coordinate(places[middle], dimension);
        self.nodes.push(Node::Leaf { start: 0, end: 0 });
        let (lower, upper) = places.split_at_mut(middle);
        let below = self.grow(points, lower);
        let above = self.grow(points, upper);
        self.nodes[node] = Node::Cut { dimension, at, below, above };
        node
    }

    /// The places of the nearest points, nearest first: as many as were wanted, or all where there are fewer.
    pub(super) fn nearest(&self, to: &[f64]) -> Vec<u32> {
        let mut nearest = Nearest { found: Vec::with_capacity(self.wanted), wanted: self.wanted };
        if !self.nodes.is_empty() {
            self.search(0, to, 0.0, &mut vec![0.0; self.dimensions], &mut nearest);
        }
        nearest.found.into_iter().map(|(_, place)| place).collect()
    }

    /// Searches a node whose part of space is `away` from the point, squared; `offsets` has what each dimension adds to that.
    fn search(&self, node: usize, to: &[f64], away: f64, offsets: &mut [f64], nearest: &mut Nearest) {
        match &self.nodes[node] {
            Node::Leaf { start, end } => {
                for position in *start..*end {
                    let point = &self.points[position * self.dimensions..(position + 1) * self.dimensions];
                    let distance = to.iter().zip(point).map(|(left, right)| (left - right) * (left - right)).sum();
                    nearest.offer(distance, self.places[position]);
                }
            }
            Node::Cut { dimension, at, below, above } => {
                let gap = to[*dimension] - at;
                let (near, far) = if gap < 0.0 { (*below, *above) } else { (*above, *below) };
                self.search(near, to, away, offsets, nearest);
                let before = offsets[*dimension];
                let there = away - before + gap * gap;
                // The sums are rounded otherwise than a point's own distance: a little room keeps every point that may count.
                if there * (1.0 - 1e-12) <= nearest.reach() {
                    offsets[*dimension] = gap * gap;
                    self.search(far, to, there, offsets, nearest);
                    offsets[*dimension] = before;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// All points by distance and place.
    fn by_hand(points: &[f64], dimensions: usize, to: &[f64], wanted: usize) -> Vec<u32> {
        let mut all: Vec<(f64, u32)> = points
            .chunks(dimensions)
            .enumerate()
            .map(|(place, point)| {
                (to.iter().zip(point).map(|(left, right)| (left - right) * (left - right)).sum(), place as u32)
            })
            .collect();
        all.sort_unstable_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
        all.into_iter().take(wanted).map(|(_, place)| place).collect()
    }

    #[test]
    fn the_tree_finds_the_points_that_a_look_at_all_of_them_finds() {
        for (seed, dimensions, steps) in
            [(1, 1, 1_000_000), (2, 3, 1_000_000), (3, 12, 1_000_000), (4, 2, 4), (5, 4, 2)]
        {
            let mut random = Random::new(seed, 0);
            let mut draw =
                |count: usize| -> Vec<f64> { (0..count).map(|_| random.below(steps) as f64 / 7.0).collect() };
            let points = draw(900 * dimensions);
            let tree = Tree::new(points.clone(), dimensions, 5);
            for to in draw(60 * dimensions).chunks(dimensions) {
                assert_eq!(
                    tree.nearest(to),
                    by_hand(&points, dimensions, to, 5),
                    "{dimensions} dimensions, {steps} steps"
                );
            }
        }
    }

    #[test]
    fn fewer_points_than_wanted_are_all_found_and_none_of_none() {
        assert_eq!(Tree::new(vec![3.0, 1.0], 1, 5).nearest(&[0.0]), [1, 0]);
        assert!(Tree::new(Vec::new(), 2, 5).nearest(&[0.0, 0.0]).is_empty());
    }
}
