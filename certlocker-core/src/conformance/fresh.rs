//! A store to be tested, with what keeps it alive.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::{Broken, Outage};
use crate::{History, Leases, Ledger, MemoryStore, Rows};

/// What the suite needs of a store.
pub trait Tested: Ledger + History + Rows + Leases {}

impl<S: Ledger + History + Rows + Leases + ?Sized> Tested for S {}

type Run = dyn for<'a> Fn(Pin<Box<dyn Future<Output = ()> + 'a>>) + Send + Sync;
type Open = dyn Fn() -> Arc<dyn Tested> + Send + Sync;
type Break = dyn Fn(Outage, u32) -> Broken + Send + Sync;

/// An empty store of one case's own.
pub struct Fresh {
    // Dropped before what it stands on.
    store: Option<Arc<dyn Tested>>,
    open: Option<Box<Open>>,
    crash: Option<Box<Open>>,
    breaks: Option<Box<Break>>,
    run: Box<Run>,
    left_out: bool,
    guards: Vec<Box<dyn Any + Send + Sync>>,
}

impl Fresh {
    /// An empty store.
    pub fn new(store: impl Tested + 'static) -> Self {
        Self {
            store: Some(Arc::new(store)),
            open: None,
            crash: None,
            breaks: None,
            run: Box::new(|work| pollster::block_on(work)),
            left_out: false,
            guards: Vec::new(),
        }
    }

    /// A store that cannot be had on this machine: each case says why it is left out.
    pub fn left_out(why: &str) -> Self {
        eprintln!("left out: {why}");
        Self {
            left_out: true,
            ..Self::new(MemoryStore::default())
        }
    }

    /// Keeps a value, a temporary directory perhaps, until the case is over.
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.guards.push(Box::new(guard));
        self
    }

    /// Opens the same store again, once all that is left of it is what it keeps outside the
    /// process; the durable level needs this.
    pub fn reopening<S: Tested + 'static>(
        mut self,
        open: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self {
        self.open = Some(Box::new(move || Arc::new(open())));
        self
    }

    /// Opens what a process that dies at this moment leaves: the store in use is let go of only
    /// when the case is over, and finishes nothing before; the cases of `crash` need this.
    pub fn crashing<S: Tested + 'static>(
        mut self,
        crash: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self {
        self.crash = Some(Box::new(move || Arc::new(crash())));
        self
    }

    /// Lets the database fail the store at the `n`th thing that it is asked to do from now on,
    /// counted from 1; the cases of `disk_full` and `cut` need this. They go through every `n` up
    /// to the first at which the store does not run into the failure.
    pub fn breaking(
        mut self,
        breaks: impl Fn(Outage, u32) -> Broken + Send + Sync + 'static,
    ) -> Self {
        self.breaks = Some(Box::new(breaks));
        self
    }

    /// Runs the store's futures in another way than by blocking the thread; for a store that needs
    /// a runtime. Called from several threads at once.
    pub fn running(
        mut self,
        run: impl for<'a> Fn(Pin<Box<dyn Future<Output = ()> + 'a>>) + Send + Sync + 'static,
    ) -> Self {
        self.run = Box::new(run);
        self
    }

    pub(super) fn store(&self) -> Arc<dyn Tested> {
        let store = self.store.as_ref();
        Arc::clone(store.expect("a store is missing only while it is opened again"))
    }

    pub(super) fn run<T>(&self, work: impl AsyncFnOnce(&dyn Tested) -> T) -> T {
        let (store, mut done) = (self.store(), None);
        (self.run)(Box::pin(async {
            done = Some(work(&*store).await);
        }));
        done.expect("`Fresh::running` was given a function that runs the future to its end")
    }

    pub(super) fn reopen(&mut self) {
        let open = self.open.as_ref();
        let open = open.expect("the durable level needs `Fresh::reopening`");
        self.store = None;
        self.store = Some(open());
    }

    pub(super) fn crash(&mut self) {
        let crash = self.crash.as_ref();
        let left = crash.expect("the cases of `crash` need `Fresh::crashing`")();
        if let Some(dead) = self.store.replace(left) {
            self.guards.push(Box::new(dead));
        }
    }

    pub(super) fn break_at(&self, outage: Outage, step: u32) -> Broken {
        let breaks = self.breaks.as_ref();
        breaks.expect("the cases of `disk_full` and `cut` need `Fresh::breaking`")(outage, step)
    }

    #[doc(hidden)]
    pub fn is_left_out(&self) -> bool {
        self.left_out
    }
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh").finish_non_exhaustive()
    }
}
