//! libFuzzer program of the target `ws_upgrade` of `zmq::fuzz`; started by `make fuzz TARGET=ws_upgrade`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("ws_upgrade")(data));
