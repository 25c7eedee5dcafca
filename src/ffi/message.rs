//! Messages: `zmq_msg_t` is a [`Message`] in the application's memory, see zmq_msg_init(3).

use std::ffi::{c_char, c_int, c_void};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr;

use super::boundary::boundary;
use super::{ZMQ_MORE, ZMQ_SHARED, ZMQ_SRCFD, arg};
use crate::error::{Error, Result};
use crate::message::Message;

/// The 64 bytes an application reserves for a message.
#[repr(C, align(8))]
#[allow(non_camel_case_types)]
pub struct zmq_msg_t([MaybeUninit<u8>; 64]);

const _: () = assert!(size_of::<zmq_msg_t>() == size_of::<Message>());
const _: () = assert!(align_of::<zmq_msg_t>() == align_of::<Message>());

/// Frees the memory of a message, see zmq_msg_init_data(3). Null: nobody frees it.
#[allow(non_camel_case_types)]
pub type zmq_free_fn = Option<unsafe extern "C" fn(data: *mut c_void, hint: *mut c_void)>;

/// The message in the application's memory. `FAULT` for null, and for memory that was never
/// initialised or already closed.
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t` that is not askew and that nobody else uses during the call.
#[inline]
pub(super) unsafe fn message<'a>(msg: *mut zmq_msg_t) -> Result<&'a mut Message> {
    let raw = msg.cast::<Message>();
    debug_assert!(raw.is_aligned());
    if raw.is_null() {
        return Err(Error::FAULT);
    }
    // SAFETY: 64 aligned bytes, by the contract above; a valid tag was written by this library.
    unsafe { if Message::is_valid(raw) { Ok(&mut *raw) } else { Err(Error::FAULT) } }
}

/// Whether a message lies where Rust would put none. libzmq serves such ones where the processor does, and
/// D's binding and headers of libzmq before 4.1 declare 64 bytes that may lie anywhere.
#[inline]
pub(super) fn is_askew(msg: *const zmq_msg_t) -> bool {
    !msg.cast::<Message>().is_aligned()
}

/// Calls `act` with the message in the application's memory, or with a copy that is put back if it is askew.
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`, askew or not, that nobody else uses during the call.
#[inline]
pub(super) unsafe fn with<T>(
    msg: *mut zmq_msg_t,
    act: impl FnOnce(&mut Message) -> Result<T>,
) -> Result<T> {
    if is_askew(msg) {
        // SAFETY: passed on.
        return unsafe { with_copy(msg, act) };
    }
    // SAFETY: passed on.
    act(unsafe { message(msg) }?)
}

#[cold]
#[inline(never)]
unsafe fn with_copy<T>(
    msg: *mut zmq_msg_t,
    act: impl FnOnce(&mut Message) -> Result<T>,
) -> Result<T> {
    struct Copied(ManuallyDrop<Message>, *mut Message);
    impl Drop for Copied {
        fn drop(&mut self) {
            // SAFETY: there it came from, and what lies there counts for nothing until it is back.
            unsafe { self.1.cast::<ManuallyDrop<Message>>().write_unaligned(ptr::read(&self.0)) };
        }
    }
    let raw = msg.cast::<Message>();
    // SAFETY: not null, as that is not askew; a valid tag was written by this library.
    let mut copied = unsafe {
        if !Message::is_valid(raw) {
            return Err(Error::FAULT);
        }
        Copied(raw.cast::<ManuallyDrop<Message>>().read_unaligned(), raw)
    };
    act(&mut copied.0)
}

/// Writes a new message over whatever the memory holds.
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`, askew or not.
unsafe fn init(msg: *mut zmq_msg_t, make: impl FnOnce() -> Result<Message>) -> Result<()> {
    let raw = msg.cast::<Message>();
    if raw.is_null() {
        return Err(Error::FAULT);
    }
    let message = make()?;
    // SAFETY: not null; what was there before counts as uninitialised.
    unsafe { raw.write_unaligned(message) };
    Ok(())
}

/// Makes an empty message, see zmq_msg_init(3).
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`; what it holds is overwritten.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init(msg: *mut zmq_msg_t) -> c_int {
    // SAFETY: by the contract of the function.
    boundary(|| unsafe { init(msg, || Ok(Message::new())) })
}

/// Makes a message of `size` bytes, see zmq_msg_init_size(3).
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`; what it holds is overwritten.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init_size(msg: *mut zmq_msg_t, size: usize) -> c_int {
    // SAFETY: by the contract of the function.
    boundary(|| unsafe {
        if is_askew(msg) {
            return init(msg, || Message::with_size(size));
        }
        let raw = msg.cast::<Message>();
        if raw.is_null() {
            return Err(Error::FAULT);
        }
        Message::init_sized(raw, size)
    })
}

/// Makes a message over memory of the application, see zmq_msg_init_data(3).
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`; what it holds is overwritten. `data` is valid for
/// `size` bytes until `ffn` is called, or for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init_data(
    msg: *mut zmq_msg_t,
    data: *mut c_void,
    size: usize,
    ffn: zmq_free_fn,
    hint: *mut c_void,
) -> c_int {
    boundary(|| {
        if (data.is_null() && size > 0) || size > isize::MAX as usize {
            return Err(Error::FAULT);
        }
        // SAFETY: by the contract of the function.
        unsafe { init(msg, || Ok(Message::from_external(data, size, ffn, hint))) }
    })
}

/// Makes a message with a copy of `buf`, see zmq_msg_init_buffer(3).
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`; what it holds is overwritten. `buf` is null or valid
/// for `size` bytes.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init_buffer(
    msg: *mut zmq_msg_t,
    buf: *const c_void,
    size: usize,
) -> c_int {
    boundary(|| {
        // SAFETY: by the contract of the function.
        unsafe { init(msg, || Message::from_slice(arg::bytes(buf, size, Error::FAULT)?)) }
    })
}

/// Ends a message and frees what it holds, see zmq_msg_close(3).
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_close(msg: *mut zmq_msg_t) -> c_int {
    boundary(|| {
        // SAFETY: `with` has checked that there is a message; it is not used as one afterwards.
        unsafe {
            with(msg, |message| {
                Message::close(message);
                Ok(())
            })
        }
    })
}

/// Moves the content of `src` to `dest`, see zmq_msg_move(3).
///
/// # Safety
/// Both are null or point to a `zmq_msg_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_move(dest: *mut zmq_msg_t, src: *mut zmq_msg_t) -> c_int {
    boundary(|| {
        // SAFETY: by the contract of the function; each reference ends before the next begins,
        // since the two may be one.
        unsafe {
            with(dest, |_| Ok(()))?;
            let moved = with(src, |message| Ok(message.take()))?;
            with(dest, |message| {
                *message = moved;
                Ok(())
            })
        }
    })
}

/// Makes `dest` a second message with the content of `src`, see zmq_msg_copy(3).
///
/// # Safety
/// Both are null or point to a `zmq_msg_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_copy(dest: *mut zmq_msg_t, src: *mut zmq_msg_t) -> c_int {
    boundary(|| {
        // SAFETY: as in `zmq_msg_move`.
        unsafe {
            with(dest, |_| Ok(()))?;
            let copy = with(src, |message| Ok(message.copy()))?;
            with(dest, |message| {
                *message = copy;
                Ok(())
            })
        }
    })
}

/// The body of a message, see zmq_msg_data(3).
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_data(msg: *mut zmq_msg_t) -> *mut c_void {
    let raw = msg.cast::<Message>();
    boundary(|| {
        // SAFETY: by the contract of the function; a valid tag was written by this library. Not by way of `with`:
        // the bytes of a small body lie in the memory that the application knows.
        unsafe {
            if raw.is_null() || !Message::is_valid(raw) {
                return Err(Error::FAULT);
            }
            Ok(Message::body_of(raw).cast::<c_void>())
        }
    })
}

/// The length of the body, see zmq_msg_size(3).
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_size(msg: *const zmq_msg_t) -> usize {
    // SAFETY: by the contract of the function. The length does not fit the `int` of `boundary`,
    // and reading it cannot panic.
    unsafe { with(msg.cast_mut(), |message| Ok(message.len())) }.unwrap_or(0)
}

/// Whether more parts follow, see zmq_msg_more(3).
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_more(msg: *const zmq_msg_t) -> c_int {
    // SAFETY: by the contract of the function.
    unsafe { zmq_msg_get(msg, ZMQ_MORE) }
}

/// Reads a property, see zmq_msg_get(3).
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_get(msg: *const zmq_msg_t, property: c_int) -> c_int {
    boundary(|| {
        if property == ZMQ_MORE && !msg.is_null() {
            // SAFETY: not null. Also a closed message can be asked, see zmq_msg_more(3).
            return Ok(c_int::from(unsafe { Message::more_of(msg.cast()) }));
        }
        let read = |message: &mut Message| match property {
            ZMQ_SHARED => Ok(c_int::from(message.may_be_shared())),
            ZMQ_SRCFD => {
                message.metadata().and_then(|metadata| metadata.descriptor()).ok_or(Error::INVAL)
            }
            _ => Err(Error::INVAL),
        };
        // SAFETY: by the contract of the function.
        unsafe { with(msg.cast_mut(), read) }
    })
}

/// Sets a property, see zmq_msg_set(3): there is none that can be set.
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_set(msg: *mut zmq_msg_t, property: c_int, optval: c_int) -> c_int {
    let _ = (msg, property, optval);
    boundary(|| Err::<(), _>(Error::INVAL))
}

/// What is known of the sender, see zmq_msg_gets(3). The text lives as long as the message.
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`; `property` is null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_gets(
    msg: *const zmq_msg_t,
    property: *const c_char,
) -> *const c_char {
    boundary(|| {
        let read = |message: &mut Message| {
            // SAFETY: by the contract of the function.
            let property = unsafe { arg::c_str(property) }?;
            let metadata = message.metadata().ok_or(Error::INVAL)?;
            let value = match metadata.get(property.to_bytes()) {
                None if property == c"Identity" => metadata.get("Routing-Id"),
                value => value,
            };
            value.map(std::ffi::CStr::as_ptr).ok_or(Error::INVAL)
        };
        // SAFETY: by the contract of the function.
        unsafe { with(msg.cast_mut(), read) }
    })
}

/// Names the peer a SERVER or PEER socket shall send to, see zmq_msg_set_routing_id(3).
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_set_routing_id(msg: *mut zmq_msg_t, routing_id: u32) -> c_int {
    boundary(|| {
        let name = |message: &mut Message| {
            if routing_id == 0 {
                return Err(Error::INVAL);
            }
            message.set_routing_id(routing_id);
            Ok(())
        };
        // SAFETY: by the contract of the function.
        unsafe { with(msg, name) }
    })
}

/// The peer a message came from; 0 if it has none, see zmq_msg_routing_id(3).
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_routing_id(msg: *mut zmq_msg_t) -> u32 {
    // SAFETY: by the contract of the function.
    boundary(|| unsafe { with(msg, |message| Ok(message.routing_id())) })
}

/// Names the group a RADIO socket shall send to.
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`; `group` is null or NUL-terminated.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_set_group(msg: *mut zmq_msg_t, group: *const c_char) -> c_int {
    // SAFETY: by the contract of the function.
    boundary(|| unsafe { with(msg, |message| message.set_group(arg::c_str(group)?)) })
}

/// The group of a message. The text lives as long as the message.
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_group(msg: *mut zmq_msg_t) -> *const c_char {
    // SAFETY: by the contract of the function.
    boundary(|| unsafe { with(msg, |message| Ok(message.group().as_ptr())) })
}
