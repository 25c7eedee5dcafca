//! libFuzzer program of the target `gssapi` of `zmq::fuzz`; started by `make fuzz TARGET=gssapi`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("gssapi")(data));
