//! How much a figure may hold. Each bound is what a person can still read, or what keeps a picture below a few megabytes.

/// Points of one figure over all its series. From 3,000 on, a scatter plot shows density instead of points.
pub const MAX_POINTS: usize = 100_000;

/// Classes of a confusion matrix. Beyond, a class name has less than 8 units of height.
pub const MAX_MATRIX_CLASSES: usize = 100;

/// Lines in one figure: eight colours in three dash patterns.
pub const MAX_SERIES: usize = 24;

/// Samples laid over each other in one histogram. Beyond, translucent areas cannot be told apart.
pub const MAX_HISTOGRAM_SERIES: usize = 4;

/// Intervals of a histogram. Beyond, each is thinner than two units.
pub const MAX_INTERVALS: usize = 300;

/// Horizontal bars in one figure, and classes in a distribution.
pub const MAX_BARS: usize = 100;

/// Models in a comparison: eight colours in two tints.
pub const MAX_MODELS: usize = 16;

/// Bars in a comparison, models times metrics. Beyond, each is thinner than four units.
pub const MAX_COMPARED: usize = 128;

/// Features in a beeswarm.
pub const MAX_FEATURES: usize = 40;

/// Steps of a waterfall. Those that are not among the greatest are drawn as one, so the bound is on the document.
pub const MAX_STEPS: usize = 10_000;

/// Greatest magnitude that an axis carries. Differences and ratios of such numbers stay finite.
pub const MAX_MAGNITUDE: f64 = 1e100;
