//! The host of a native build: one per thread, for as long as a test wants it.

use std::cell::RefCell;
use std::rc::Rc;

use super::Host;

thread_local! {
    static INSTALLED: RefCell<Rc<dyn Host>> = RefCell::new(Rc::new(Absent));
}

/// The host where none is installed: it has no function at all.
struct Absent;

impl Host for Absent {}

/// Puts the host that was there before back, also when a test panics.
struct Restore(Rc<dyn Host>);

impl Drop for Restore {
    fn drop(&mut self) {
        INSTALLED.with_borrow_mut(|installed| std::mem::swap(installed, &mut self.0));
    }
}

/// Runs `tools` with `host` behind every function of this crate, on this thread.
pub fn with<R>(host: Rc<dyn Host>, tools: impl FnOnce() -> R) -> R {
    let _restore = Restore(INSTALLED.replace(host));
    tools()
}

/// Calls the installed host.
pub(crate) fn call<R>(function: impl FnOnce(&(dyn Host + 'static)) -> R) -> R {
    let host = INSTALLED.with_borrow(Rc::clone);
    function(&*host)
}
