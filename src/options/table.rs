//! Sets and reads socket options by their numbers: zmq_setsockopt(3) and zmq_getsockopt(3).
//!
//! Called by the socket for both functions of the C API. The rules and errors are those of libzmq,
//! whose order is kept: the pattern may claim an option first, then the common options are asked.

use crate::error::{Error, Result};
use crate::options::SocketOptions;
use crate::options::row::{Get, Null, Outcome, Row, Rule, Set, Store};
use crate::options::rows::ROWS;
use crate::z85;

/// How much of reading an option was done here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// All: the length the caller shall see.
    Written(usize),
    /// The pattern's `option` has the number; give it to [`put_int`].
    Pattern,
    /// The socket computes it: RCVMORE, FD and EVENTS for [`put_int`], LAST_ENDPOINT for [`put_text`].
    Socket,
}

/// No option has a number as high as this.
const NUMBERS: usize = 128;

/// From a number to its row; the row after the last stands for none.
static INDEX: [u8; NUMBERS] = index();

const fn index() -> [u8; NUMBERS] {
    let mut index = [u8::MAX; NUMBERS];
    let mut at = 0;
    while at < ROWS.len() {
        index[ROWS[at].number as usize] = at as u8;
        at += 1;
    }
    index
}

/// The row of an option; `INVAL` if there is no such option.
fn row(option: i32) -> Result<&'static Row> {
    let at = usize::try_from(option).ok().and_then(|number| INDEX.get(number));
    at.and_then(|&at| ROWS.get(usize::from(at))).ok_or(Error::INVAL)
}

/// Sets an option. `None` is a null pointer with the length 0.
pub(crate) fn set(
    options: &mut SocketOptions,
    option: i32,
    value: Option<&[u8]>,
) -> Result<Outcome> {
    let set =
        row(option)?.set.as_ref().filter(|set| set.on.contain(options.kind)).ok_or(Error::INVAL)?;
    match (&set.rule, &set.store) {
        (Rule::Int { min, max }, store) => {
            let value = int(value)?;
            if value < *min || value > *max {
                return Err(Error::INVAL);
            }
            if let Store::Int(store) = store {
                store(options, value);
            }
        }
        (Rule::Wide, store) => {
            let value = value.and_then(|value| value.try_into().ok()).ok_or(Error::INVAL)?;
            if let Store::Wide(store) = store {
                store(options, value);
            }
        }
        (Rule::Bytes { min, max, null }, store) => {
            let value = bytes(value, *min, *max, *null)?;
            if let Store::Bytes(store) = store {
                store(options, value)?;
            }
        }
    }
    Ok(set.then)
}

/// Whether a null pointer may stand beside a length other than 0: then it means the same as with 0.
pub(crate) fn null_needs_no_length(option: i32) -> bool {
    let set = row(option).ok().and_then(|row| row.set.as_ref());
    matches!(set, Some(Set { rule: Rule::Bytes { null: Null::ResetsAtAnyLength, .. }, .. }))
}

/// A native `int`, exactly.
fn int(value: Option<&[u8]>) -> Result<i32> {
    value.and_then(|value| value.try_into().ok()).map(i32::from_ne_bytes).ok_or(Error::INVAL)
}

/// Bytes whose length keeps the rule.
fn bytes(value: Option<&[u8]>, min: usize, max: usize, null: Null) -> Result<Option<&[u8]>> {
    match (value, null) {
        (Some(value), _) if (min..=max).contains(&value.len()) => Ok(Some(value)),
        (Some(_), _) | (None, Null::Refused) => Err(Error::INVAL),
        (None, Null::Resets | Null::ResetsAtAnyLength) => Ok(None),
        (None, Null::Empty) => Ok(Some(&[])),
    }
}

/// Reads an option into `buffer`, whose length is the one the caller gave.
pub(crate) fn get(options: &SocketOptions, option: i32, buffer: &mut [u8]) -> Result<Found> {
    let length = match row(option)?.get.as_ref().ok_or(Error::INVAL)? {
        Get::Int(value) => put_exactly(buffer, &value(options).to_ne_bytes())?,
        Get::RoomyInt(value) => put_int(buffer, value(options))?,
        Get::Wide(value) => put_exactly(buffer, &value(options))?,
        Get::Bytes(value) => put(buffer, value(options), 0)?,
        Get::Text(value) => put_text(buffer, value(options))?,
        Get::Key(value) => put_key(buffer, value(options))?,
        Get::Spoilt(value) => {
            put_exactly(buffer, &value(options).to_ne_bytes())?;
            return Err(Error::INVAL);
        }
        Get::Socket => return Ok(Found::Socket),
        Get::Pattern(kinds) if kinds.contain(options.kind) => return Ok(Found::Pattern),
        Get::Pattern(_) => return Err(Error::INVAL),
    };
    Ok(Found::Written(length))
}

/// Writes an `int` into a buffer of at least its size, zeroes the rest and returns the new length.
pub(crate) fn put_int(buffer: &mut [u8], value: i32) -> Result<usize> {
    put(buffer, &value.to_ne_bytes(), 0)
}

/// Writes text and a NUL, zeroes the rest and returns the new length, which counts the NUL.
pub(crate) fn put_text(buffer: &mut [u8], text: &[u8]) -> Result<usize> {
    put(buffer, text, 1)
}

/// Writes a value and `zeroes` bytes that belong to it, then zeroes what is left.
fn put(buffer: &mut [u8], value: &[u8], zeroes: usize) -> Result<usize> {
    let length = value.len() + zeroes;
    if buffer.len() < length {
        return Err(Error::INVAL);
    }
    let (head, tail) = buffer.split_at_mut(value.len());
    head.copy_from_slice(value);
    tail.fill(0);
    Ok(length)
}

/// Writes a value into a buffer of exactly its size.
fn put_exactly(buffer: &mut [u8], value: &[u8]) -> Result<usize> {
    if buffer.len() != value.len() {
        return Err(Error::INVAL);
    }
    put(buffer, value, 0)
}

/// Writes a key, or its Z85 form with a NUL where there is room for exactly that.
fn put_key(buffer: &mut [u8], key: &[u8]) -> Result<usize> {
    if buffer.len() == key.len() {
        return put_exactly(buffer, key);
    }
    put_exactly(buffer, &z85::encode_c(key)?)
}
