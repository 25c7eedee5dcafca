//! libFuzzer program of the target `ws_layer` of `zmq::fuzz`; started by `make fuzz TARGET=ws_layer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zmq::fuzz::target("ws_layer")(data));
