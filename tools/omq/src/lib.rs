//! A shared library that exports what the crate omq-libzmq exports. Built by tools/omq/build.

extern crate omq_zmq;
