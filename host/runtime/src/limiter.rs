//! Memory of one call: the sum over all its memories, and a share of what all calls may take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime::ResourceLimiter;

use crate::limits::{MEMORIES_AND_TABLES, TABLE_ELEMENTS};

/// What all calls together may take.
#[derive(Debug)]
pub(crate) struct Budget {
    whole: usize,
    available: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { whole: bytes, available: AtomicUsize::new(bytes) })
    }

    /// What is taken at this moment, in bytes.
    pub(crate) fn used(&self) -> usize {
        self.whole.saturating_sub(self.available.load(Ordering::Relaxed))
    }

    fn take(&self, bytes: usize) -> bool {
        self.available
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |available| available.checked_sub(bytes))
            .is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.available.fetch_add(bytes, Ordering::AcqRel);
    }
}

/// Which limit a guest ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The call's own memory.
    Memory,
    /// The memory of all calls together.
    HostMemory,
    /// Table entries.
    Table,
}

/// Counts what one call takes. wasmtime's own limiter counts each memory by itself, so fifty memories would be fifty budgets.
#[derive(Debug)]
pub(crate) struct CallLimiter {
    limit: usize,
    memory: usize,
    tables: usize,
    budget: Arc<Budget>,
    /// Whether what is taken counts among what all calls take.
    paid: bool,
    denied: Option<Denied>,
}

impl CallLimiter {
    pub(crate) fn new(limit: usize, budget: Arc<Budget>) -> Self {
        Self { limit, memory: 0, tables: 0, budget, paid: true, denied: None }
    }

    /// Counts for nobody until [`CallLimiter::pay`].
    pub(crate) fn unpaid(mut self) -> Self {
        self.settle();
        self
    }

    /// Counts for all calls from here on; false where they take too much together.
    pub(crate) fn pay(&mut self) -> bool {
        self.paid = self.paid || self.budget.take(self.memory);
        self.paid
    }

    /// Counts no longer: the call is over, and its memory about to go.
    pub(crate) fn settle(&mut self) {
        if std::mem::take(&mut self.paid) {
            self.budget.give_back(self.memory);
        }
    }

    pub(crate) fn denied(&self) -> Option<Denied> {
        self.denied
    }
}

impl ResourceLimiter for CallLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        if self.memory.saturating_add(more) > self.limit {
            self.denied = Some(Denied::Memory);
            return Ok(false);
        }
        if self.paid && !self.budget.take(more) {
            self.denied = Some(Denied::HostMemory);
            return Ok(false);
        }
        self.memory += more;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        if self.tables.saturating_add(more) > TABLE_ELEMENTS {
            self.denied = Some(Denied::Table);
            return Ok(false);
        }
        self.tables += more;
        Ok(true)
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        MEMORIES_AND_TABLES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES_AND_TABLES as usize
    }
}

impl Drop for CallLimiter {
    fn drop(&mut self) {
        self.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_memories_count_as_one_large_one() {
        let budget = Budget::new(1_000);
        let mut limiter = CallLimiter::new(100, Arc::clone(&budget));
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 60, None).unwrap());
        assert_eq!(limiter.denied(), Some(Denied::Memory));
    }

    #[test]
    fn what_a_call_took_is_given_back_when_it_ends() {
        let budget = Budget::new(100);
        let mut first = CallLimiter::new(100, Arc::clone(&budget));
        assert!(first.memory_growing(0, 80, None).unwrap());
        let mut second = CallLimiter::new(100, Arc::clone(&budget));
        assert!(!second.memory_growing(0, 80, None).unwrap());
        assert_eq!(second.denied(), Some(Denied::HostMemory));
        drop(first);
        assert!(second.memory_growing(0, 80, None).unwrap());
    }

    #[test]
    fn what_waits_for_a_call_counts_once_the_call_takes_it_and_until_it_is_over() {
        let budget = Budget::new(100);
        let mut waiting = CallLimiter::new(100, Arc::clone(&budget)).unpaid();
        assert!(waiting.memory_growing(0, 60, None).unwrap());
        assert_eq!(budget.used(), 0);
        assert!(waiting.pay() && waiting.pay());
        assert!(waiting.memory_growing(60, 80, None).unwrap());
        assert_eq!(budget.used(), 80);
        let mut late = CallLimiter::new(100, Arc::clone(&budget)).unpaid();
        assert!(late.memory_growing(0, 30, None).unwrap() && !late.pay());
        waiting.settle();
        assert_eq!(budget.used(), 0);
        assert!(late.pay());
        drop((waiting, late));
        assert_eq!(budget.used(), 0);
    }
}
