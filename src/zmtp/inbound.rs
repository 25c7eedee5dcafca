//! Frames of the data phase as they come in, delimited in place.
//!
//! On most connections the bytes of the wire are the canonical bytes of a pipe
//! (`pipe::byte_queue`); [`Scanner::scan`] only finds out where messages end. It is the hottest loop of
//! a receiving socket. Called by `established`.

use crate::message::{COMMAND, MORE};
use crate::options::Limits;
use crate::zmtp::Failure;
use crate::zmtp::command::{self, Command};
use crate::zmtp::frame;

/// What [`Scanner::scan`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Bytes of complete frames.
    pub(crate) frames_end: usize,
    /// Bytes up to the end of the last complete message, or of the last command outside a message.
    pub(crate) messages_end: usize,
    /// Complete messages; commands do not count.
    pub(crate) messages: usize,
    /// Bytes of commands that are for the pattern, and of those that have done their work here.
    pub(crate) commands: usize,
    pub(crate) done: usize,
    /// Lengths of header and body of the incomplete frame at `frames_end`, if its header is there.
    pub(crate) next: Option<(usize, u64)>,
    /// The frame at `frames_end` is broken: what was before it counts, and the next call fails.
    pub(crate) broken: bool,
}

impl Scan {
    /// The frame at `at` cannot be read. Those before it are taken first, so that what the peer sent
    /// in order arrives however the bytes were cut.
    #[cold]
    fn refuse(&mut self, at: usize, failure: Failure) -> Result<(), Failure> {
        self.broken = true;
        if at == 0 { Err(failure) } else { Ok(()) }
    }

    /// Whether nobody has any use for the frames that were found.
    pub(crate) fn is_void(&self) -> bool {
        self.done == self.frames_end
    }
}

/// What is remembered between frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner {
    pub(crate) limits: Limits,
    /// Whether the last frame said that more of its message follow.
    pub(crate) inside: bool,
    /// What has come of that message.
    pub(crate) held: u64,
    /// Whether the pattern here wants to hear of commands.
    pub(crate) heeds_commands: bool,
}

impl Scanner {
    /// Delimits frames; `bytes` starts where the last call's `frames_end` was. Reserved flags are
    /// cleared in place, as libzmq ignores them. Each PING and PONG is shown to `heartbeat`. Stops
    /// behind `max_messages` messages, and before a broken frame, unless that is the first. Fails when a
    /// message of many frames has become too large.
    #[inline]
    pub(crate) fn scan(
        &mut self,
        bytes: &mut [u8],
        max_messages: usize,
        mut heartbeat: impl FnMut(Command<'_>),
    ) -> Result<Scan, Failure> {
        let mut scan = Scan::default();
        let mut at = 0;
        let mut inside = self.inside;
        self.check_held()?;
        while scan.messages < max_messages {
            let Some(rest) = bytes.get_mut(at..) else { break };
            let &mut [flags, len, ..] = rest else { break };
            let (flags, end) = if flags <= MORE {
                // A short frame of a message: by far the most frequent.
                let len = usize::from(len);
                if len as u64 > self.limits.frame {
                    scan.refuse(at, Failure::too_large())?;
                    break;
                }
                if rest.len() < 2 + len {
                    scan.next = Some((2, len as u64));
                    break;
                }
                (flags, at + 2 + len)
            } else {
                let Some(header) = frame::parse_header(rest) else { break };
                rest[0] = header.flags;
                let len = match frame::check_size(header.len, self.limits.frame) {
                    Ok(len) => len,
                    Err(failure) => {
                        scan.refuse(at, failure)?;
                        break;
                    }
                };
                let end = header.header_len.saturating_add(len);
                let Some(body) = rest.get(header.header_len..end) else {
                    scan.next = Some((header.header_len, header.len));
                    break;
                };
                if header.flags & COMMAND != 0 {
                    match command::parse(body) {
                        Ok(Command::Other) if self.heeds_commands => scan.commands += end,
                        Ok(command) => {
                            scan.done += end;
                            heartbeat(command);
                        }
                        Err(failure) => {
                            scan.refuse(at, failure)?;
                            break;
                        }
                    }
                }
                (header.flags, at + end)
            };
            at = end;
            if flags & COMMAND != 0 {
                // Commands may come between the frames of a message; they do not end it.
                if !inside {
                    scan.messages_end = at;
                }
            } else if flags & MORE == 0 {
                inside = false;
                scan.messages += 1;
                scan.messages_end = at;
            } else {
                inside = true;
            }
        }
        self.inside = inside;
        self.held = match scan.messages_end {
            _ if !inside => 0,
            0 => self.held + (at - scan.done) as u64,
            end => (at - end) as u64,
        };
        scan.frames_end = at;
        Ok(scan)
    }

    /// A frame that was received outside [`Scanner::scan`]. Says whether a message or a command
    /// outside a message ends here.
    pub(crate) fn note_frame(&mut self, flags: u8, size: usize) -> Result<bool, Failure> {
        if flags & COMMAND == 0 {
            self.inside = flags & MORE != 0;
        }
        self.held = if self.inside { self.held + size as u64 } else { 0 };
        self.check_held()?;
        Ok(!self.inside)
    }

    /// Fails when the message that has begun has become too large.
    #[inline]
    fn check_held(&self) -> Result<(), Failure> {
        if self.held > self.limits.message {
            return Err(Failure::too_large());
        }
        Ok(())
    }
}
