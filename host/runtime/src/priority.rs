//! How threads that compute for long give way to those that answer calls.

/// How much a thread of guests that compute for long gives way: it has a tenth of the weight of a thread that answers calls, which takes the
/// processor from it as soon as it wakes, and still gets on where all processors are busy.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// From here on this thread gives way.
#[cfg(target_os = "linux")]
pub(crate) fn give_way() {
    // On Linux each thread has a niceness of its own. Any may raise it; one that may not has the weight of all others.
    let _ = rustix::process::nice(NICENESS);
}

/// Elsewhere niceness is the whole process's.
#[cfg(not(target_os = "linux"))]
pub(crate) fn give_way() {}
