//! The way back into C: results become return values and `errno`, panics stay inside. Called by
//! every exported function.

use std::ffi::{c_int, c_long};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Result};
use crate::sys::{cancel, errno, nap, reserve};

/// What a function of the core answers, and how C is told.
pub(super) trait Answer {
    /// The type the C function returns.
    type C;
    /// What it returns when it failed and `errno` says why.
    const FAILURE: Self::C;
    /// What it returns when it succeeded.
    fn into_c(self) -> Self::C;
}

macro_rules! answer {
    ($($type:ty => $c:ty, $failure:expr, |$value:pat_param| $convert:expr;)*) => {$(
        impl Answer for $type {
            type C = $c;
            const FAILURE: $c = $failure;
            #[inline]
            fn into_c(self) -> $c {
                let $value = self;
                $convert
            }
        }
    )*};
}

answer! {
    () => c_int, -1, |()| 0;
    c_int => c_int, -1, |value| value;
    c_long => c_long, -1, |value| value;
    usize => c_int, -1, |value| clip(value);
    u32 => u32, 0, |value| value;
}

/// Of any type: where `c_char` is `u8`, as on arm, a row for each would be two for one.
impl<P> Answer for *mut P {
    type C = *mut P;
    const FAILURE: *mut P = std::ptr::null_mut();
    #[inline]
    fn into_c(self) -> *mut P {
        self
    }
}

impl<P> Answer for *const P {
    type C = *const P;
    const FAILURE: *const P = std::ptr::null();
    #[inline]
    fn into_c(self) -> *const P {
        self
    }
}

/// A size as C gets it: what does not fit an `int` is told as the largest one.
#[inline]
fn clip(size: usize) -> c_int {
    size.min(c_int::MAX as usize) as c_int
}

/// Runs `call` and tells C the outcome. `errno` is set after everything `call` owned was dropped,
/// because freeing memory may change it.
#[inline]
pub(super) fn boundary<T: Answer>(call: impl FnOnce() -> Result<T>) -> T::C {
    // What a panic leaves behind is only touched again through locks and tags that allow for it.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(answer)) => answer.into_c(),
        Ok(Err(error)) => fail::<T>(error),
        Err(panic) => {
            // Dropping the payload could panic once more.
            std::mem::forget(panic);
            fail::<T>(Error::NOTRECOVERABLE)
        }
    }
}

/// The same for a call that may have to wait. It is a cancellation point then, and only then: it answers `ASLEEP`
/// with everything that would stand in the way behind it, and where the thread's end undoes it; the sleep is slept
/// here, and `again`, which does so by `go_on`, goes on. It is a function that is not inlined: what only it wants
/// costs the others nothing.
#[inline]
pub(super) fn sleeping<T: Answer>(
    call: impl FnOnce() -> Result<T>,
    again: impl FnOnce() -> T::C,
) -> T::C {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(answer)) => answer.into_c(),
        Ok(Err(Error::ASLEEP)) => again(),
        Ok(Err(error)) => fail_or_end::<T>(error),
        Err(panic) => {
            std::mem::forget(panic);
            fail::<T>(Error::NOTRECOVERABLE)
        }
    }
}

/// Sleeps and calls `again`, until that has an answer.
#[inline]
pub(super) fn go_on<T: Answer>(again: impl Fn() -> Result<T>) -> T::C {
    loop {
        nap::sleep();
        match catch_unwind(AssertUnwindSafe(&again)) {
            Ok(Ok(answer)) => return answer.into_c(),
            Ok(Err(Error::ASLEEP)) => {}
            Ok(Err(error)) => return fail::<T>(error),
            Err(panic) => {
                std::mem::forget(panic);
                return fail::<T>(Error::NOTRECOVERABLE);
            }
        }
    }
}

/// Who would have to wait and will not is a thread that may be cancelled, too.
#[cold]
fn fail_or_end<T: Answer>(error: Error) -> T::C {
    if error == Error::AGAIN {
        nap::test();
    }
    fail::<T>(error)
}

/// The same for a call that may come to cancellation points, in other libraries and in Rust's own: it is whole.
/// Calls that are made all the time leave that to `sys`, where what they come to is none.
pub(super) fn whole<T: Answer>(call: impl FnOnce() -> Result<T>) -> T::C {
    cancel::off(|| boundary(call))
}

/// The same for a call that makes something: while there is no memory but the reserve, it does not begin.
pub(super) fn making<T: Answer>(call: impl FnOnce() -> Result<T>) -> T::C {
    whole(|| if reserve::is_short() { Err(Error::NOMEM) } else { call() })
}

#[cold]
fn fail<T: Answer>(error: Error) -> T::C {
    errno::set(error.errno());
    T::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_become_errno() {
        assert_eq!(boundary(|| Err::<(), _>(Error::TERM)), -1);
        assert_eq!(errno::get(), Error::TERM.errno());
        assert_eq!(boundary(|| Err::<u32, _>(Error::NOTSUP)), 0);
        assert!(boundary(|| Err::<*mut u8, _>(Error::FAULT)).is_null());
        assert_eq!(errno::get(), libc::EFAULT);
        assert_eq!((boundary(|| Ok(())), boundary(|| Ok(7))), (0, 7));
        assert_eq!(boundary(|| Ok(usize::MAX)), c_int::MAX);
    }

    #[test]
    fn panics_do_not_cross() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let answer = boundary(|| -> Result<()> { panic!("a defect") });
        std::panic::set_hook(hook);
        assert_eq!((answer, errno::get()), (-1, libc::ENOTRECOVERABLE));
    }
}
