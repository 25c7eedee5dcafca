//! The values of the context options and their table, zmq_ctx_set(3) and zmq_ctx_get(3).
//!
//! Owned by `context::Context`; a socket copies what it inherits when it is created.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::options::numbers::context as numbers;

/// Every context option as the user set it.
#[derive(Clone, Debug)]
pub(crate) struct ContextOptions {
    pub(crate) io_threads: i32,
    pub(crate) max_sockets: i32,
    pub(crate) max_msgsz: i32,
    /// Whether new sockets linger for ever (`true`) or not at all.
    pub(crate) blocky: bool,
    /// What new sockets start with.
    pub(crate) ipv6: bool,
    pub(crate) zero_copy_recv: bool,
    /// -1: leave the scheduling policy of the I/O threads alone.
    pub(crate) thread_sched_policy: i32,
    /// -1: leave the priority of the I/O threads alone.
    pub(crate) thread_priority: i32,
    /// The processors the I/O threads may run on; empty means all.
    pub(crate) thread_affinity_cpus: BTreeSet<i32>,
    /// Put before the name of every I/O thread.
    pub(crate) thread_name_prefix: Vec<u8>,
}

impl Default for ContextOptions {
    fn default() -> ContextOptions {
        ContextOptions {
            io_threads: 1,
            max_sockets: 1023,
            max_msgsz: i32::MAX,
            blocky: true,
            ipv6: false,
            zero_copy_recv: true,
            thread_sched_policy: -1,
            thread_priority: -1,
            thread_affinity_cpus: BTreeSet::new(),
            thread_name_prefix: Vec::new(),
        }
    }
}

/// What ZMQ_SOCKET_LIMIT answers: the most that ZMQ_MAX_SOCKETS can be expected to be good for.
const SOCKET_LIMIT: i32 = 65_535;

/// The size of a `zmq_msg_t`.
const MSG_T_SIZE: i32 = 64;

/// The longest thread name prefix.
const MAX_PREFIX: usize = 16;

type Store = fn(&mut ContextOptions, i32) -> Result<()>;

/// One context option. Every value is a native `int` of exactly four bytes.
pub(super) struct Row {
    #[cfg_attr(not(test), expect(dead_code, reason = "for docs/options.md, which a test writes"))]
    pub(super) name: &'static str,
    pub(super) number: i32,
    /// The least value and where it goes; `None`: cannot be set.
    pub(super) set: Option<(i32, Store)>,
    /// `None`: cannot be read.
    pub(super) get: Option<fn(&ContextOptions) -> i32>,
}

macro_rules! row {
    ($name:ident, $set:expr, $get:expr) => {
        Row {
            name: concat!("ZMQ_", stringify!($name)),
            number: numbers::$name,
            set: $set,
            get: $get,
        }
    };
}

/// An `int` kept in a field.
macro_rules! int {
    ($name:ident, $min:expr, $field:ident) => {
        row!(
            $name,
            Some(($min, |o, value| {
                o.$field = value;
                Ok(())
            })),
            Some(|o| o.$field)
        )
    };
}

/// An `int` kept in a `bool` that is true unless it was zero.
macro_rules! truth {
    ($name:ident, $field:ident) => {
        row!(
            $name,
            Some((0, |o, value| {
                o.$field = value != 0;
                Ok(())
            })),
            Some(|o| o.$field.into())
        )
    };
}

/// In the order of their numbers, but two rows may share one: then one is set and the other read.
pub(super) static ROWS: &[Row] = &[
    int!(IO_THREADS, 0, io_threads),
    int!(MAX_SOCKETS, 1, max_sockets),
    row!(SOCKET_LIMIT, None, Some(|_| SOCKET_LIMIT)),
    row!(
        THREAD_PRIORITY,
        Some((0, |o, value| {
            o.thread_priority = value;
            Ok(())
        })),
        None
    ),
    int!(THREAD_SCHED_POLICY, 0, thread_sched_policy),
    int!(MAX_MSGSZ, 0, max_msgsz),
    row!(MSG_T_SIZE, None, Some(|_| MSG_T_SIZE)),
    row!(
        THREAD_AFFINITY_CPU_ADD,
        Some((0, |o, value| {
            o.thread_affinity_cpus.insert(value);
            Ok(())
        })),
        None
    ),
    row!(
        THREAD_AFFINITY_CPU_REMOVE,
        Some((0, |o, value| {
            if o.thread_affinity_cpus.remove(&value) { Ok(()) } else { Err(Error::INVAL) }
        })),
        None
    ),
    // Text of another length than four goes round the table, see `set` and `get`.
    row!(
        THREAD_NAME_PREFIX,
        Some((i32::MIN, |o, value| {
            o.thread_name_prefix = value.to_string().into_bytes();
            Ok(())
        })),
        Some(|o| leading_number(&o.thread_name_prefix))
    ),
    truth!(ZERO_COPY_RECV, zero_copy_recv),
    truth!(IPV6, ipv6),
    truth!(BLOCKY, blocky),
];

/// Sets a context option.
pub(crate) fn set(options: &mut ContextOptions, option: i32, value: &[u8]) -> Result<()> {
    let row = ROWS.iter().find(|row| row.number == option && row.set.is_some());
    let (min, store) = row.and_then(|row| row.set).ok_or(Error::INVAL)?;
    match <[u8; 4]>::try_from(value).map(i32::from_ne_bytes) {
        Ok(value) if value >= min => store(options, value),
        Err(_)
            if option == numbers::THREAD_NAME_PREFIX && (1..=MAX_PREFIX).contains(&value.len()) =>
        {
            options.thread_name_prefix = value.to_vec();
            Ok(())
        }
        _ => Err(Error::INVAL),
    }
}

/// Reads a context option into a buffer of exactly its size. Only the thread name prefix accepts
/// any buffer it fits into. Returns the length the caller shall see, always the one it gave.
pub(crate) fn get(options: &ContextOptions, option: i32, buffer: &mut [u8]) -> Result<usize> {
    let row = ROWS.iter().find(|row| row.number == option && row.get.is_some());
    let value = row.and_then(|row| row.get).ok_or(Error::INVAL)?;
    let prefix = &options.thread_name_prefix;
    if buffer.len() == size_of::<i32>() {
        buffer.copy_from_slice(&value(options).to_ne_bytes());
        Ok(buffer.len())
    } else if option == numbers::THREAD_NAME_PREFIX && buffer.len() >= prefix.len() {
        buffer[..prefix.len()].copy_from_slice(prefix);
        Ok(buffer.len())
    } else {
        Err(Error::INVAL)
    }
}

/// The number a text begins with, as atoi(3) reads it; 0 if there is none.
fn leading_number(text: &[u8]) -> i32 {
    let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let start = text.iter().position(|byte| !blank(byte)).unwrap_or(text.len());
    let (negative, digits) = match &text[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    // Sixteen digits fit into 64 bits; what does not fit into 32 is cut off as C does.
    let value = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0i64, |value, digit| value * 10 + i64::from(digit - b'0'));
    (if negative { -value } else { value }) as i32
}
