//! Stands in for the safe core until it lands: the same calls, all refused. Goes away then.

#![forbid(unsafe_code)]
#![allow(dead_code)]

pub(crate) mod context {
    use std::ffi::c_void;

    use super::socket::Socket;
    use crate::error::{Error, Result};

    pub(crate) struct Context;

    pub(crate) fn from_handle(_handle: *mut c_void) -> Result<&'static Context> {
        Err(Error::FAULT)
    }

    impl Context {
        pub(crate) fn create() -> Result<&'static Context> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn as_handle(&self) -> *mut c_void {
            std::ptr::null_mut()
        }
        pub(crate) fn set_option(&self, _option: i32, _value: &[u8]) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn option(&self, _option: i32, _value: &mut [u8]) -> Result<usize> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn shutdown(&self) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn terminate(&self) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn socket(&self, _kind: i32) -> Result<&'static Socket> {
            Err(Error::NOTSUP)
        }
    }
}

pub(crate) mod socket {
    use std::ffi::{CStr, c_void};
    use std::os::fd::RawFd;

    use crate::error::{Error, Result};
    use crate::message::Message;
    use crate::patterns::SocketType;

    pub(crate) struct Socket;

    pub(crate) fn from_handle(_handle: *mut c_void) -> Result<&'static Socket> {
        Err(Error::NOTSOCK)
    }

    impl Socket {
        pub(crate) fn as_handle(&self) -> *mut c_void {
            std::ptr::null_mut()
        }
        pub(crate) fn bind(&self, _endpoint: &str) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn connect(&self, _endpoint: &str) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn connect_peer(&self, _endpoint: &str) -> Result<u32> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn unbind(&self, _endpoint: &str) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn disconnect(&self, _endpoint: &str) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn disconnect_peer(&self, _routing_id: u32) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn close(&self) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn send(&self, _message: &mut Message, _flags: i32) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn send_slice(&self, _bytes: &[u8], _flags: i32) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn recv(&self, _flags: i32) -> Result<Message> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn set_option(&self, _option: i32, _value: &[u8]) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn set_option_null(&self, _option: i32) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn option(&self, _option: i32, _value: &mut [u8]) -> Result<usize> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn join(&self, _group: &CStr) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn leave(&self, _group: &CStr) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn monitor(
            &self,
            _endpoint: Option<&str>,
            _events: u64,
            _version: i32,
            _kind: i32,
        ) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn pipes_stats(&self) -> Result<()> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn peer_state(&self, _routing_id: &[u8]) -> Result<i32> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn descriptor(&self) -> Result<RawFd> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn events(&self) -> Result<i16> {
            Err(Error::NOTSUP)
        }
        pub(crate) fn kind(&self) -> SocketType {
            SocketType::Pair
        }
        pub(crate) fn is_thread_safe(&self) -> bool {
            false
        }
    }
}
