//! C libraries that are loaded when somebody first needs them, so that none of them has to be installed.
//! Called by `gssapi`, `norm` and `pgm`.

use libloading::Library;

/// Opens a library and keeps it open for ever; `None` if it is not installed.
pub(super) fn open(name: &str) -> Option<&'static Library> {
    // SAFETY: the initialisers of the libraries that are opened here ask nothing of the caller.
    let library = unsafe { Library::new(name) }.ok()?;
    Some(Box::leak(Box::new(library)))
}

/// Makes `Functions`, a table of a library's functions with the types of its headers, as visible as it is said, and
/// `Functions::load`, which looks them up: `None` if one is missing.
macro_rules! functions {
    ($visible:vis struct Functions; $($name:ident: fn($($argument:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        #[allow(non_snake_case)]
        $visible struct Functions {
            $($visible $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Functions {
            fn load(library: &'static libloading::Library) -> Option<Functions> {
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
