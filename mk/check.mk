# Targets that compare this library with libzmq: its own test suite, our C programs, the ABI, the clients, benchmarks.
# Included by the top-level Makefile. They expect `make` to have built the release library (scripts/stage finds it).
# Each takes its options from a variable, for example: make check-libzmq SUITE="--only 'pair_*' --jobs 2"

CHECK_STEPS += check-abi
.PHONY: check-abi
check-abi: all ## symbols, soname and header against the tables of libzmq's interface
	@scripts/setup.sh build
	ctests/abi/run

# Some seconds.
CHECK_STEPS += check-runners
.PHONY: check-runners
check-runners: ## the runners of the other checks: what they must not let pass, and must not leave behind
	@scripts/setup.sh build
	tests/runners/run

CHECK_STEPS += check-ctests
.PHONY: check-ctests
check-ctests: all ## our C programs on libzmq 4.3.5 and on this library, outputs compared (CTESTS="options")
	@scripts/setup.sh build net
	ctests/run $(CTESTS)

# With PORTABLE=1 it is check-ctests.
ifndef PORTABLE
CHECK_STEPS += check-portable
endif
.PHONY: check-portable
check-portable: ## the C programs with the I/O threads doing everything; any target runs so with PORTABLE=1 (3 minutes)
	@$(MAKE) --no-print-directory PORTABLE=1 check-ctests

# About 2 minutes of 2 cores.
CHECK_STEPS += check-valgrind
.PHONY: check-valgrind
check-valgrind: all ## our C programs and some of libzmq's on this library under valgrind (VALGRIND=--all: all of them)
	@scripts/setup.sh build net valgrind
	ctests/valgrind/run $(VALGRIND)

CHECK_STEPS += check-mixed
.PHONY: check-mixed
check-mixed: all ## libzmq 4.3.5 and this library talk to each other, every pair of socket types (MIXED="options")
	@scripts/setup.sh build
	ctests/mixed/run $(MIXED)

CHECK_STEPS += check-peers
.PHONY: check-peers
check-peers: all ## scripted peers of ZMTP 1.0 to 3.0 and of none, outputs compared with libzmq's (PEERS="options")
	@scripts/setup.sh build net
	ctests/peers/run $(PEERS)

CHECK_STEPS += check-security
.PHONY: check-security
check-security: all ## libsodium, libzmq, a SOCKS proxy and a crowd of strangers on the other side (1 minute; SECURITY="options")
	@scripts/setup.sh build kerberos security
	ctests/security/run $(SECURITY)

# Some seconds once check-unit has built the tests.
CHECK_STEPS += check-gssapi
.PHONY: check-gssapi
check-gssapi: ## the unit tests of GSSAPI inside a Kerberos realm of their own
	@scripts/setup.sh rust build kerberos
	ctests/gssapi/realm env $(CARGO) test $(CARGO_FLAGS) --lib gssapi

CHECK_STEPS += check-libzmq
.PHONY: check-libzmq
check-libzmq: all ## libzmq 4.3.5's own test programs on this library (SUITE="options")
	@scripts/setup.sh build net kerberos
	ctests/libzmq/run $(SUITE)

CHECK_STEPS += check-guest
.PHONY: check-guest
check-guest: all ## tipc, vsock and vmci in a virtual machine, with libzmq on the other side (GUEST="options")
	@scripts/setup.sh build guest
	ctests/guest/run $(GUEST)

CHECK_STEPS += check-multicast
.PHONY: check-multicast
check-multicast: all ## pgm, epgm and norm with Debian's libzmq on the other side, and with packets lost (MULTICAST="options")
	@scripts/setup.sh build net faults clients
	ctests/multicast/run $(MULTICAST)

CHECK_STEPS += check-browser
.PHONY: check-browser
check-browser: all ## a page in a headless Chromium as ZeroMQ peer over ws, on libzmq 4.3.5 and on this library
	@scripts/setup.sh build browser
	ctests/browser/run

.PHONY: bench
bench: all ## speed, memory and start-up beside libzmq 4.3.5 and plain sockets, 10 minutes (BENCH="--only poll,fd")
	@scripts/setup.sh build counters
	benches/run $(BENCH)

CHECK_STEPS += check-programs
.PHONY: check-programs
check-programs: all ## bindings and programs of Debian on this library and against Debian's libzmq (30 s; PROGRAMS="options")
	@scripts/setup.sh build clients languages
	tests/clients/run $(PROGRAMS)

# Not part of `make check`, for its length and for what it downloads; check-programs and check-scenarios are.
.PHONY: check-clients
check-clients: all ## every client there is: check-programs, check-bindings and its scenarios (7 minutes; CLIENTS="--only 'Ruby*'")
	@scripts/setup.sh build net clients languages node scenarios bindings
	tests/clients/all $(CLIENTS)

.PHONY: bench-clients
bench-clients: all ## 16-byte messages in Ruby and Python on Debian's libzmq5 and here (1 minute; BENCH_CLIENTS="--rounds 5")
	@scripts/setup.sh clients
	benches/clients/run $(BENCH_CLIENTS)

.PHONY: check-bindings
check-bindings: all ## bindings' own tests on Debian's libzmq and here: some minutes, downloads packages (BINDINGS="options")
	@scripts/setup.sh build net clients languages node scenarios bindings
	tests/bindings/run $(BINDINGS)

.PHONY: demo
demo: all ## Ruby and Python talk over this library; which file each process has loaded
	@scripts/demo.sh

# On a network of its own, for its port.
CHECK_STEPS += check-demo
.PHONY: check-demo
check-demo: all ## the demo of `make demo`
	@scripts/setup.sh net clients
	unshare $$(unshare --net true 2>/dev/null || echo --map-root-user) --net sh -c 'ip link set lo up && exec scripts/demo.sh'
