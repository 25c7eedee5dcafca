//! What a message says besides its body: frame flags, routing id, group, and what is known of its
//! sender. Called by `ffi::message`, by patterns and by the pipes that carry it.

use std::ffi::CStr;
use std::sync::Arc;

use super::{COMMAND, MORE, Message, Metadata};
use crate::error::{Error, Result};

/// The longest name of a group in bytes, `ZMQ_GROUP_MAX_LENGTH`.
pub(crate) const MAX_GROUP: usize = 255;

impl Message {
    /// The frame flags: `MORE`, `COMMAND`.
    #[inline]
    pub(crate) fn flags(&self) -> u8 {
        self.flags
    }

    /// Replaces the frame flags.
    #[inline]
    pub(crate) fn set_flags(&mut self, flags: u8) {
        self.flags = flags;
    }

    /// Whether more frames of the same message follow.
    #[inline]
    pub(crate) fn more(&self) -> bool {
        self.flags & MORE != 0
    }

    /// Says whether more frames follow.
    #[inline]
    pub(crate) fn set_more(&mut self, more: bool) {
        self.flags = if more { self.flags | MORE } else { self.flags & !MORE };
    }

    /// Whether the frame is a ZMTP command.
    pub(crate) fn is_command(&self) -> bool {
        self.flags & COMMAND != 0
    }

    /// The routing id of SERVER and PEER sockets; 0 if there is none.
    pub(crate) fn routing_id(&self) -> u32 {
        self.routing_id
    }

    /// Sets the routing id of SERVER and PEER sockets.
    pub(crate) fn set_routing_id(&mut self, routing_id: u32) {
        self.routing_id = routing_id;
    }

    /// The group of RADIO and DISH messages; empty if there is none.
    pub(crate) fn group(&self) -> &CStr {
        self.group.as_ref().map_or(c"", |group| group.as_c_str())
    }

    /// Sets the group. `INVAL` above [`MAX_GROUP`] bytes.
    pub(crate) fn set_group(&mut self, group: &CStr) -> Result<()> {
        if group.to_bytes().len() > MAX_GROUP {
            return Err(Error::INVAL);
        }
        self.group = (!group.is_empty()).then(|| Arc::new(group.to_owned()));
        Ok(())
    }

    /// What is known of the peer that sent the message.
    pub(crate) fn metadata(&self) -> Option<&Arc<Metadata>> {
        self.metadata.as_ref()
    }

    /// Attaches or removes what is known of the peer.
    #[inline]
    pub(crate) fn set_metadata(&mut self, metadata: Option<Arc<Metadata>>) {
        self.metadata = metadata;
    }
}
