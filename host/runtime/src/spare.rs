//! Instances made ready before the call that needs them.
//!
//! ```text
//! call ends ─► its answer leaves ─► its instance is dropped ─► the next one is made ─► kept until a call takes it
//! ```
//!
//! A spare is as fresh as any instance: nothing of it has run, one call uses it, and it goes with that call. Components whose instances run
//! code of their own as they come into being have none, because that code belongs to the call. Plugins that were called lately have one
//! each; it goes with its plugin. Its memory counts from the moment that a call takes it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use kumiko_functions::CallContext;
use kumiko_functions::bindings::Capability;
use wasmtime::Store;

use crate::engine::State;
use crate::limiter::CallLimiter;
use crate::limits::SPARES;
use crate::plugin::Core;

/// An instance that nobody has called, in its store.
pub(crate) struct Spare {
    pub(crate) store: Store<State>,
    pub(crate) capability: Capability,
}

/// Who has a spare.
#[derive(Default)]
pub(crate) struct Spares {
    /// The plugins that were called lately, the last one at the back.
    lately: Mutex<VecDeque<Weak<Core>>>,
}

/// The spare of one plugin.
#[derive(Default)]
pub(crate) struct Place(Mutex<Held>);

#[derive(Default)]
struct Held {
    spare: Option<Spare>,
    /// Whether somebody is making one.
    making: bool,
}

impl Core {
    /// The spare, where there is one and its memory can be paid for.
    pub(crate) fn take_spare(&self) -> Option<Spare> {
        let mut spare = self.spare.change(|held| held.spare.take())?;
        spare.store.data_mut().limiter.pay().then_some(spare)
    }

    /// Whether a spare is to be made by whoever asks.
    pub(crate) fn wants_spare(&self) -> bool {
        self.starts_silently
            && self.spare.change(|held| held.spare.is_none() && !std::mem::replace(&mut held.making, true))
    }

    /// Makes a spare, after [`Core::wants_spare`] has said so. Where that fails there is none, and the next call finds out why.
    pub(crate) async fn make_spare(self: Arc<Self>) {
        let mut store = self.store(CallContext::nobody(), CallLimiter::unpaid);
        let made = self.template.instantiate_async(&mut store).await;
        let spare = made.ok().map(|capability| Spare { store, capability });
        let is_made = spare.is_some();
        let before = self.spare.change(|held| {
            held.making = false;
            std::mem::replace(&mut held.spare, spare)
        });
        drop(before);
        if is_made {
            drop(self.runtime.spares.noted(&self));
        }
    }
}

impl Place {
    fn change<T>(&self, change: impl FnOnce(&mut Held) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Spares {
    /// Notes that a plugin has a spare, and hands back the one that is too many.
    fn noted(&self, core: &Arc<Core>) -> Option<Spare> {
        let own = Arc::downgrade(core);
        let first = {
            let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
            lately.retain(|known| !known.ptr_eq(&own) && known.strong_count() > 0);
            lately.push_back(own);
            if lately.len() > SPARES as usize { lately.pop_front() } else { None }
        };
        first?.upgrade()?.spare.change(|held| held.spare.take())
    }
}
