//! libFuzzer program of the target `ws_frames` of `zmq::fuzz`; started by `make fuzz TARGET=ws_frames`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("ws_frames")(data));
