//! What of WebSocket must not be guessed: the key of an upgrade, and those of masks. Called by `layer`.

use std::io;

use super::encoder::Keys;
use crate::sys::cancel;

pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let filled = cancel::off(|| getrandom::fill(&mut bytes));
    // Never EAGAIN, for which a connection would wait.
    filled.map_err(|_| io::Error::from_raw_os_error(libc::EIO))?;
    Ok(bytes)
}

/// RFC 6455, section 5.3: "The masking key needs to be unpredictable". One system call for many.
pub(super) fn mask_keys() -> Box<Keys> {
    let mut pool = [0; 64];
    let mut used = pool.len();
    Box::new(move || {
        if used == pool.len() {
            // Without entropy the old ones serve once more: the key guards no secret.
            pool = random().unwrap_or(pool);
            used = 0;
        }
        used += 4;
        pool.get(used - 4..used).and_then(|key| key.try_into().ok()).unwrap_or_default()
    })
}
