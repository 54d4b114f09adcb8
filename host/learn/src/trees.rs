//! Trees as everybody but their grower sees them: explanations walk them, and other formats are made of them.
//!
//! The growers keep forms that are quick to predict with; this one is plain. It holds forests and boosted trees alike: a row's
//! outputs are `base` plus, for each tree, the leaf that the row comes to.

/// Trees whose leaves add up.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeEnsemble {
    /// The number of columns that the trees ask about.
    pub columns: usize,
    /// Numbers for each row: one for a number and for two classes, else one for each class.
    pub outputs: usize,
    /// What each output begins with.
    pub base: Vec<f64>,
    /// What the sums are.
    pub link: Link,
    /// The trees; their leaves are scaled so that they add up.
    pub trees: Vec<TreeView>,
}

/// What the sums of an ensemble are, and so how a prediction is made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The prediction itself: a number, or with classes their probabilities (of two classes, that of the second).
    Identity,
    /// The logarithm of the prediction, a number above zero.
    Exponential,
    /// The log odds of the second of two classes.
    Logistic,
    /// For each class the logarithm of something proportional to its probability.
    Softmax,
}

/// One tree.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeView {
    /// The output that the leaves add to; without it each leaf has a number for every output.
    pub output: Option<usize>,
    /// The root first; a question's children come after it.
    pub nodes: Vec<NodeView>,
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeView {
    /// The weight of the training rows that came through here; for boosted trees the sum of second derivatives.
    pub cover: f64,
    /// What happens here.
    pub kind: NodeKind,
}

/// What happens in a node.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// The end: one number for the tree's output, or one for each output.
    Leaf {
        /// What is added.
        values: Vec<f64>,
    },
    /// A question about one column.
    Question {
        /// The column's position.
        column: usize,
        /// Which rows go left.
        test: Test,
        /// Where a missing value goes.
        missing_left: bool,
        /// The position of the left child.
        left: usize,
        /// The position of the right child.
        right: usize,
        /// What the split gained when it was made; 0 where that is not known.
        gain: f64,
    },
}

/// Which rows go left.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Those whose value is below the threshold.
    Below(f32),
    /// Those whose value, a category's number, is not among these.
    NoneOf(Vec<u32>),
}
