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
    denied: Option<Denied>,
}

impl CallLimiter {
    pub(crate) fn new(limit: usize, budget: Arc<Budget>) -> Self {
        Self { limit, memory: 0, tables: 0, budget, denied: None }
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
        if !self.budget.take(more) {
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
        self.budget.give_back(self.memory);
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
}
