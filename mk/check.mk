# Targets that compare this library with libzmq: its own test suite, our C programs, the ABI, the clients, benchmarks.
# Included by the top-level Makefile. They expect `make` to have built the release library (scripts/stage finds it).
# Each takes its options from a variable, for example: make check-libzmq SUITE="--only 'pair_*' --jobs 2"

.PHONY: check-libzmq check-abi bench

check-libzmq: all
	scripts/setup.sh build net
	ctests/libzmq/run $(SUITE)

bench: all
	scripts/setup.sh build
	benches/run $(BENCH)

check-abi: all
	scripts/setup.sh build
	ctests/abi/run
