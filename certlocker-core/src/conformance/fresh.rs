//! A store to be tested, with what keeps it alive.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::{History, Leases, Ledger, Rows};

/// What the suite needs of a store.
pub trait Tested: Ledger + History + Rows + Leases {}

impl<S: Ledger + History + Rows + Leases + ?Sized> Tested for S {}

type Run = dyn for<'a> Fn(Pin<Box<dyn Future<Output = ()> + 'a>>) + Send + Sync;
type Open = dyn Fn() -> Arc<dyn Tested> + Send + Sync;

/// An empty store of one case's own.
pub struct Fresh {
    // Dropped before what it stands on.
    store: Option<Arc<dyn Tested>>,
    open: Option<Box<Open>>,
    run: Box<Run>,
    guards: Vec<Box<dyn Any + Send + Sync>>,
}

impl Fresh {
    /// An empty store.
    pub fn new(store: impl Tested + 'static) -> Self {
        Self {
            store: Some(Arc::new(store)),
            open: None,
            run: Box::new(|work| pollster::block_on(work)),
            guards: Vec::new(),
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
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh").finish_non_exhaustive()
    }
}
