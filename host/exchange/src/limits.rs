//! What a file from elsewhere may cost.

/// Bounds on reading a model and on running it. Each is checked before the memory is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The file's bytes at most. A forest of a thousand full trees comes to some hundred megabytes.
    pub bytes: usize,
    /// Nodes of all trees together at most.
    pub tree_nodes: usize,
    /// Operators in an ONNX graph at most; a deep network has some thousand.
    pub operators: usize,
    /// Length-prefixed parts of an ONNX file at most. A part of two bytes can take a hundred times as much in memory.
    pub parts: usize,
    /// Numbers or texts in one tensor at most, while a graph runs.
    pub elements: usize,
    /// Elements written by all operators of one run together at most: it bounds the time that a run takes.
    pub work: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 512 << 20,
            tree_nodes: 32 << 20,
            operators: 20_000,
            parts: 16 << 20,
            elements: 256 << 20,
            work: 1 << 38,
        }
    }
}
