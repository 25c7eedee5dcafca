//! C libraries that are loaded when somebody first needs them, so that none of them has to be installed.
//! Called by `gssapi`, `norm` and `pgm`.

use std::mem::ManuallyDrop;

use libloading::Library;
use once_cell::race::OnceBox;

use super::fork::PerProcess;
use super::lock::Mutex;

/// The functions of a library, as soon as somebody has asked for them; `None` in it if they are not to be had.
pub(super) struct Loaded<F: 'static> {
    functions: OnceBox<Option<F>>,
    /// Whoever loads them. A forked child does not wait for a thread of its parent's.
    turn: PerProcess<Mutex<()>>,
}

impl<F: Send + Sync> Loaded<F> {
    pub(super) const fn new() -> Loaded<F> {
        Loaded { functions: OnceBox::new(), turn: PerProcess::new(Mutex::default) }
    }

    /// They, from `load` if nobody asked before.
    pub(super) fn get(&'static self, load: impl FnOnce() -> Option<F>) -> Option<&'static F> {
        let functions = self.functions.get().unwrap_or_else(|| {
            let _turn = self.turn.here().lock();
            self.functions.get_or_init(|| Box::new(load()))
        });
        functions.as_ref()
    }
}

/// Opens a library, which stays open for ever; `None` if it is not installed.
pub(super) fn open(name: &str) -> Option<ManuallyDrop<Library>> {
    // SAFETY: the initialisers of the libraries that are opened here ask nothing of the caller.
    let library = unsafe { Library::new(name) }.ok()?;
    Some(ManuallyDrop::new(library))
}

/// Makes `Functions`, a table of a library's functions with the types of its headers, as visible as
/// it is said, and `Functions::load`, which looks them up in the library of this name: `None` if it
/// or one of them is missing.
macro_rules! functions {
    ($visible:vis struct Functions; $($name:ident: fn($($argument:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        #[allow(non_snake_case)]
        $visible struct Functions {
            $($visible $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Functions {
            fn load(name: &str) -> Option<Functions> {
                let library = $crate::sys::library::open(name)?;
                Some(Functions {
                    $(
                        // SAFETY: whoever wrote the table took the types from the library's headers; the
                        // library is never unloaded.
                        $name: unsafe { *library.get(concat!(stringify!($name), "\0").as_bytes()).ok()? },
                    )*
                })
            }
        }
    };
}

pub(super) use functions;

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::super::fork::in_child;
    use super::*;

    #[test]
    fn a_child_does_not_wait_for_a_thread_that_was_about_to_load() {
        static FUNCTIONS: Loaded<u32> = Loaded::new();
        let (begun, over) = (Barrier::new(2), Barrier::new(2));
        std::thread::scope(|scope| {
            let loading = scope.spawn(|| {
                FUNCTIONS.get(|| {
                    begun.wait();
                    over.wait();
                    Some(1)
                })
            });
            begun.wait();
            assert!(in_child(|| FUNCTIONS.get(|| Some(2)) == Some(&2)));
            over.wait();
            assert_eq!(loading.join().unwrap(), Some(&1));
        });
        assert_eq!(FUNCTIONS.get(|| None), Some(&1));
        assert!(in_child(|| FUNCTIONS.get(|| Some(2)) == Some(&1)));
    }
}
