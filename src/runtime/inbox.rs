//! The inbox of an I/O thread: what other threads want done, and whether the thread sleeps.
//!
//! The thread goes to sleep only after it found the inbox empty and said so under the same lock;
//! whoever puts something in afterwards is told to wake it, and only the first one is. Called by
//! `io_thread`.

use crate::sys::sync::Mutex;

/// See the head of this file.
pub(super) struct Inbox<T> {
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    orders: Vec<T>,
    asleep: bool,
}

impl<T> Inbox<T> {
    pub(super) fn new() -> Inbox<T> {
        Inbox { inner: Mutex::new(Inner { orders: Vec::new(), asleep: false }) }
    }

    /// Puts an order in. True: the thread sleeps, or is about to, and must be woken.
    pub(super) fn put(&self, order: T) -> bool {
        let mut inner = self.inner.lock();
        inner.orders.push(order);
        std::mem::take(&mut inner.asleep)
    }

    /// Exchanges `orders`, which are empty, for those that have come. If there are none and the
    /// thread `may_sleep`, the next `put` will say that it must be woken.
    pub(super) fn take(&self, orders: &mut Vec<T>, may_sleep: bool) {
        let mut inner = self.inner.lock();
        std::mem::swap(orders, &mut inner.orders);
        inner.asleep = orders.is_empty() && may_sleep;
    }

    /// The thread is awake again and will look, so that nobody has to wake it, itself least of all.
    pub(super) fn awake(&self) {
        self.inner.lock().asleep = false;
    }
}

#[cfg(all(test, loom))]
mod tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;
    use crate::sys::Bell;

    /// Two threads give orders to a third, which does them all and never sleeps through one.
    #[test]
    fn loom_an_order_never_waits_for_a_thread_that_sleeps() {
        loom::model(|| {
            let shared = Arc::new((Inbox::new(), Bell::new().unwrap()));
            let givers: Vec<_> = (0..2)
                .map(|_| {
                    let shared = shared.clone();
                    thread::spawn(move || {
                        if shared.0.put(1) {
                            shared.1.ring();
                        }
                    })
                })
                .collect();
            let (mut orders, mut done) = (Vec::new(), 0);
            while done < 2 {
                shared.0.take(&mut orders, true);
                if orders.is_empty() {
                    // As the reactor does: being woken uses the wake-up.
                    shared.1.wait(&[], None).unwrap();
                    shared.1.silence();
                }
                done += orders.drain(..).sum::<i32>();
            }
            for giver in givers {
                giver.join().unwrap();
            }
        });
    }
}
