//! What a split is judged by: statistics of the samples in each bin, and how well two halves part them.
//!
//! All three criteria maximise Σ over halves of (sum of squared class weights / weight), or (squared sum of targets / weight)
//! for numbers. That is Gini impurity and squared error, up to what is the same for every split of a node (Breiman et al.,
//! Classification and Regression Trees, 1984).
#![allow(
    clippy::indexing_slicing,
    reason = "arrays of 256 are indexed by bytes; class codes are checked against the number of classes before training"
)]

/// A row of a tree's sample: where it lies and what it brings into the statistics.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    /// The row in the table of codes.
    pub(super) row: u32,
    /// How much it counts: its weight times how often it was drawn. Above zero.
    pub(super) weight: f32,
    /// Its class, or the bits of its (centred) value.
    pub(super) target: u32,
}

/// The statistics that a node is split by, with a histogram for one column at a time.
pub(super) trait Criterion {
    /// Starts a node: takes in its samples. True where all have the same target.
    fn begin_node(&mut self, samples: &[Sample]) -> bool;
    /// Adds a sample to a bin.
    fn add(&mut self, bin: u8, sample: &Sample);
    /// Whether there is anything in a bin.
    fn occupied(&self, bin: u8) -> bool;
    /// Empties a bin.
    fn clear(&mut self, bin: u8);
    /// Starts a pass over the bins: everything is in the right half.
    fn begin_pass(&mut self);
    /// Moves a bin from the right half to the left.
    fn shift(&mut self, bin: u8);
    /// How well the halves part the targets. More is better; comparable within a node and with [`Criterion::unsplit`].
    fn score(&self) -> f64;
    /// The node's score without a split.
    fn unsplit(&self) -> f64;
    /// The weight of the node.
    fn weight(&self) -> f64;
    /// The node as a leaf: a value, and a reference where the value is a distribution over more than two classes, which is
    /// appended to `distributions`.
    fn leaf(&self, distributions: &mut Vec<f32>) -> (f32, u32);
}

/// Two classes.
pub(super) struct Binary {
    bins: Box<[[f64; 2]; 256]>,
    node: [f64; 2],
    left: [f64; 2],
}

impl Binary {
    pub(super) fn new() -> Self {
        Self { bins: Box::new([[0.0; 2]; 256]), node: [0.0; 2], left: [0.0; 2] }
    }
}

impl Criterion for Binary {
    fn begin_node(&mut self, samples: &[Sample]) -> bool {
        let mut node = [0.0; 2];
        for sample in samples {
            node[(sample.target & 1) as usize] += f64::from(sample.weight);
        }
        self.node = node;
        node[0] == 0.0 || node[1] == 0.0
    }

    #[inline]
    fn add(&mut self, bin: u8, sample: &Sample) {
        self.bins[usize::from(bin)][(sample.target & 1) as usize] += f64::from(sample.weight);
    }

    #[inline]
    fn occupied(&self, bin: u8) -> bool {
        let [first, second] = self.bins[usize::from(bin)];
        first + second > 0.0
    }

    #[inline]
    fn clear(&mut self, bin: u8) {
        self.bins[usize::from(bin)] = [0.0; 2];
    }

    fn begin_pass(&mut self) {
        self.left = [0.0; 2];
    }

    #[inline]
    fn shift(&mut self, bin: u8) {
        let bin = &self.bins[usize::from(bin)];
        self.left[0] += bin[0];
        self.left[1] += bin[1];
    }

    #[inline]
    fn score(&self) -> f64 {
        // (a² + b²) / (a + b) = (a + b) − 2ab / (a + b): one division for both halves.
        let [left_first, left_second] = self.left;
        let (right_first, right_second) = (self.node[0] - left_first, self.node[1] - left_second);
        let (left, right) = (left_first + left_second, right_first + right_second);
        left + right - 2.0 * (left_first * left_second * right + right_first * right_second * left) / (left * right)
    }

    fn unsplit(&self) -> f64 {
        let [first, second] = self.node;
        (first * first + second * second) / (first + second)
    }

    fn weight(&self) -> f64 {
        self.node[0] + self.node[1]
    }

    fn leaf(&self, _distributions: &mut Vec<f32>) -> (f32, u32) {
        ((self.node[1] / self.weight()) as f32, 0)
    }
}

/// Three classes or more.
pub(super) struct Classes {
    classes: usize,
    bins: Vec<f64>,
    bin_weights: Box<[f64; 256]>,
    node: Vec<f64>,
    left: Vec<f64>,
    node_weight: f64,
    left_weight: f64,
    /// Sums of the squared class weights of both halves, kept up with each bin that moves.
    squares: (f64, f64),
    node_squares: f64,
}

impl Classes {
    pub(super) fn new(classes: usize) -> Self {
        Self {
            classes,
            bins: vec![0.0; 256 * classes],
            bin_weights: Box::new([0.0; 256]),
            node: vec![0.0; classes],
            left: vec![0.0; classes],
            node_weight: 0.0,
            left_weight: 0.0,
            squares: (0.0, 0.0),
            node_squares: 0.0,
        }
    }
}

impl Criterion for Classes {
    fn begin_node(&mut self, samples: &[Sample]) -> bool {
        self.node.fill(0.0);
        for sample in samples {
            self.node[sample.target as usize] += f64::from(sample.weight);
        }
        self.node_weight = self.node.iter().sum();
        self.node_squares = self.node.iter().map(|weight| weight * weight).sum();
        self.node.iter().filter(|weight| **weight > 0.0).count() < 2
    }

    #[inline]
    fn add(&mut self, bin: u8, sample: &Sample) {
        let weight = f64::from(sample.weight);
        self.bins[usize::from(bin) * self.classes + sample.target as usize] += weight;
        self.bin_weights[usize::from(bin)] += weight;
    }

    #[inline]
    fn occupied(&self, bin: u8) -> bool {
        self.bin_weights[usize::from(bin)] > 0.0
    }

    fn clear(&mut self, bin: u8) {
        let start = usize::from(bin) * self.classes;
        self.bins[start..start + self.classes].fill(0.0);
        self.bin_weights[usize::from(bin)] = 0.0;
    }

    fn begin_pass(&mut self) {
        self.left.fill(0.0);
        self.left_weight = 0.0;
        self.squares = (0.0, self.node_squares);
    }

    #[inline]
    fn shift(&mut self, bin: u8) {
        let start = usize::from(bin) * self.classes;
        let bin_classes = &self.bins[start..start + self.classes];
        for ((left, node), moved) in self.left.iter_mut().zip(&self.node).zip(bin_classes) {
            let right = node - *left;
            self.squares.0 += moved * (2.0 * *left + moved);
            self.squares.1 -= moved * (2.0 * right - moved);
            *left += moved;
        }
        self.left_weight += self.bin_weights[usize::from(bin)];
    }

    #[inline]
    fn score(&self) -> f64 {
        self.squares.0 / self.left_weight + self.squares.1 / (self.node_weight - self.left_weight)
    }

    fn unsplit(&self) -> f64 {
        self.node_squares / self.node_weight
    }

    fn weight(&self) -> f64 {
        self.node_weight
    }

    fn leaf(&self, distributions: &mut Vec<f32>) -> (f32, u32) {
        // Most leaves of a full tree hold one class: a reference below the number of classes is that class.
        let mut present = self.node.iter().enumerate().filter(|(_, weight)| **weight > 0.0);
        if let (Some((class, _)), None) = (present.next(), present.next()) {
            return (1.0, class as u32);
        }
        let reference = self.classes + distributions.len() / self.classes;
        distributions.extend(self.node.iter().map(|weight| (weight / self.node_weight) as f32));
        (0.0, reference as u32)
    }
}

/// Numbers.
pub(super) struct Moments {
    /// For each bin the weight and the weighted sum of the targets.
    bins: Box<[[f64; 2]; 256]>,
    node: [f64; 2],
    left: [f64; 2],
}

impl Moments {
    pub(super) fn new() -> Self {
        Self { bins: Box::new([[0.0; 2]; 256]), node: [0.0; 2], left: [0.0; 2] }
    }
}

impl Criterion for Moments {
    fn begin_node(&mut self, samples: &[Sample]) -> bool {
        let mut node = [0.0; 2];
        let first = samples.first().map_or(0, |sample| sample.target);
        let mut pure = true;
        for sample in samples {
            let weight = f64::from(sample.weight);
            node[0] += weight;
            node[1] += weight * f64::from(f32::from_bits(sample.target));
            pure &= sample.target == first;
        }
        self.node = node;
        pure
    }

    #[inline]
    fn add(&mut self, bin: u8, sample: &Sample) {
        let weight = f64::from(sample.weight);
        let bin = &mut self.bins[usize::from(bin)];
        bin[0] += weight;
        bin[1] += weight * f64::from(f32::from_bits(sample.target));
    }

    #[inline]
    fn occupied(&self, bin: u8) -> bool {
        self.bins[usize::from(bin)][0] > 0.0
    }

    #[inline]
    fn clear(&mut self, bin: u8) {
        self.bins[usize::from(bin)] = [0.0; 2];
    }

    fn begin_pass(&mut self) {
        self.left = [0.0; 2];
    }

    #[inline]
    fn shift(&mut self, bin: u8) {
        let bin = &self.bins[usize::from(bin)];
        self.left[0] += bin[0];
        self.left[1] += bin[1];
    }

    #[inline]
    fn score(&self) -> f64 {
        let [left, left_sum] = self.left;
        let (right, right_sum) = (self.node[0] - left, self.node[1] - left_sum);
        (left_sum * left_sum * right + right_sum * right_sum * left) / (left * right)
    }

    fn unsplit(&self) -> f64 {
        self.node[1] * self.node[1] / self.node[0]
    }

    fn weight(&self) -> f64 {
        self.node[0]
    }

    fn leaf(&self, _distributions: &mut Vec<f32>) -> (f32, u32) {
        ((self.node[1] / self.node[0]) as f32, 0)
    }
}
