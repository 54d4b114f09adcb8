//! Threads for one training.

/// Does long work on a pool of its own, with as many threads as the caller's has, or on the pool that it is called from.
///
/// Work that is made of many small pieces is to begin inside a pool: from any other thread each piece is waited for asleep, which takes
/// longer than the piece. And it is to be the only work of its pool: a thread that waits for a piece takes up whatever else it finds,
/// and would go on only when that other training has ended.
pub(crate) fn own<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if rayon::current_thread_index().is_some() {
        return work();
    }
    match rayon::ThreadPoolBuilder::new().num_threads(rayon::current_num_threads()).build() {
        Ok(pool) => pool.install(work),
        // Where no thread can be made, those that there are do as well.
        Err(_) => work(),
    }
}
