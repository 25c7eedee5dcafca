# Targets that compare this library with libzmq: its own test suite, our C programs, the ABI, the clients, benchmarks.
# Included by the top-level Makefile. They expect `make` to have built the release library (scripts/stage finds it).
# Each takes its options from a variable, for example: make check-libzmq SUITE="--only 'pair_*' --jobs 2"

CHECK_STEPS += check-abi check-libzmq

.PHONY: check-libzmq check-abi bench

check-libzmq: all ## libzmq 4.3.5's own C test programs, on our library
	scripts/setup.sh build net
	ctests/libzmq/run $(SUITE)

bench: all ## throughput and round trips, libzmq and ours in turn, as ratios
	scripts/setup.sh build
	benches/run $(BENCH)

check-abi: all ## symbols, soname, sizes and macros against the tables
	scripts/setup.sh build
	ctests/abi/run
