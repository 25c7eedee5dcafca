# oxizmq: building, installing, checking. `make help` lists the targets.
#
# Variables: PREFIX (/usr/local), BINDIR, LIBDIR, INCLUDEDIR, MANDIR, DOCDIR, DESTDIR as usual; CARGO_TARGET_DIR (target); PORTABLE; DELAYS.
# The comparisons with libzmq (check-libzmq, check-clients, bench, ...) and the demo are in mk/*.mk.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/oxizmq
DESTDIR ?=
CARGO ?= cargo
CARGO_FLAGS ?= --locked

# Where rustup puts cargo, for a machine on which scripts/setup.sh installed it a moment ago.
export PATH := $(PATH):$(if $(CARGO_HOME),$(CARGO_HOME),$(HOME)/.cargo)/bin
TARGET_DIR := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
INSTALL_ENV = PREFIX='$(PREFIX)' BINDIR='$(BINDIR)' LIBDIR='$(LIBDIR)' INCLUDEDIR='$(INCLUDEDIR)' MANDIR='$(MANDIR)' DOCDIR='$(DOCDIR)' DESTDIR='$(DESTDIR)'

# DELAYS=1 makes the library's threads late at random wherever C programs run on it (ctests/delays).
# PORTABLE=1 builds and checks the library whose I/O threads do everything, in a folder of its own.
ifdef PORTABLE
CARGO := CARGO_TARGET_DIR='$(TARGET_DIR)/portable' $(CARGO)
CARGO_FLAGS += --features portable
STAGE := env -u OXIZMQ_STAGE CARGO_TARGET_DIR='$(TARGET_DIR)/portable' scripts/stage
export OXIZMQ_STAGE := $(abspath $(TARGET_DIR))/portable/stage
BUILT := env CARGO_TARGET_DIR='$(abspath $(TARGET_DIR))/portable'
else
STAGE := scripts/stage
endif

# The release library names no folder of who built it: what panics say of where they happened is the same everywhere. (The
# setting of a profile for that, trim-paths, is in no stable cargo yet.) As a setting it goes with those of the user's own
# configuration; the variable RUSTFLAGS, which takes the place of them all, has it added.
REMAP_HOME := --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo
REMAP_ROOT := --remap-path-prefix=$(CURDIR)=/oxizmq
# The debug information of what is C in a crate goes the same way; from that the linker makes the number of the build.
MAP_C := -fdebug-prefix-map=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo -fdebug-prefix-map=$(CURDIR)=/oxizmq
SAME_EVERYWHERE := $(if $(word 3,$(MAP_C)),,CFLAGS='$(strip $(CFLAGS) $(MAP_C))')
ifdef RUSTFLAGS
SAME_EVERYWHERE += RUSTFLAGS='$(RUSTFLAGS) $(REMAP_HOME) $(REMAP_ROOT)'
else
REMAP := --config "build.rustflags = ['$(REMAP_HOME)', '$(REMAP_ROOT)']"
endif

# What `make` has built is installed as it is, and under sudo nothing is built in any case: root has another home, another
# PATH and mostly no Rust, and files that it made in the folder of the build would be in everybody's way.
BUILT_DIR := $(TARGET_DIR)$(if $(PORTABLE),/portable)/release
INSTALL_NEEDS := $(filter all,$(MAKECMDGOALS)) $(if $(SUDO_USER)$(wildcard $(BUILT_DIR)/libzmq.so),,all)

# The parts of `make check`, each of them a target: those that compile or have to be first, in their order, and those that may
# run side by side, which mk/*.mk add.
CHECK_FIRST := check-fmt check-clippy check-doc all check-unit check-loom check-house check-man check-notices check-readme check-install
CHECK_STEPS :=

.PHONY: all install uninstall setup clean help \
	check check-fmt check-clippy check-doc check-unit check-loom check-house check-man check-notices check-readme check-install

all: ## build the release library and stage it in target/stage as it would be installed
	@scripts/setup.sh rust
	$(SAME_EVERYWHERE) $(CARGO) build $(CARGO_FLAGS) $(REMAP) --release --lib
	@$(STAGE)

install: $(INSTALL_NEEDS) ## install library, headers, libzmq.pc, CMake package, curve_keygen, manual pages, licences (PREFIX, BINDIR, LIBDIR, INCLUDEDIR, MANDIR, DOCDIR, DESTDIR)
	@$(INSTALL_ENV) $(BUILT) scripts/install

uninstall: ## remove what `make install` with the same variables installed
	@$(INSTALL_ENV) scripts/install --uninstall

setup: ## install the Debian packages and Rust components that building and checking need
	@scripts/setup.sh

# What the setup has installed has to be found; without it tests may do without.
check: export NOTHING_MISSING = 1
check: ## run every check but check-clients, check-bindings, check-cinstall and check-arm64; a summary comes last
	@scripts/setup.sh
	@scripts/check $(CHECK_FIRST) -- $(CHECK_STEPS)

check-fmt: ## the formatting of the Rust code
	$(CARGO) fmt --all -- --check

check-clippy: ## clippy, every warning an error
	$(CARGO) clippy $(CARGO_FLAGS) --all-targets -- -D warnings

check-doc: ## rustdoc, every warning an error
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links $(RUSTDOCFLAGS)" $(CARGO) doc $(CARGO_FLAGS) --no-deps --document-private-items

check-unit: ## unit tests and integration tests (debug build)
	$(CARGO) test $(CARGO_FLAGS)

check-loom: ## the lock-free parts under the model checker loom
	RUSTFLAGS="--cfg loom $(RUSTFLAGS)" CARGO_TARGET_DIR='$(TARGET_DIR)/loom' CARGO_PROFILE_RELEASE_LTO=off \
		$(CARGO) test $(CARGO_FLAGS) --release --lib loom

check-house: ## the rules of the house: which room may use which, where unsafe may stand, file lengths
	$(CARGO) test $(CARGO_FLAGS) --test house

check-man: ## whether every function has a manual page and every socket option is described
	@scripts/man --check

# A second, offline once the library is built.
check-notices: ## whether THIRD-PARTY has the licence of every crate that is in the library
	@CARGO='$(lastword $(CARGO))' scripts/notices --check

check-readme: ## whether the tables of README.md are what the recorded results say
	@scripts/readme-tables --check

check-install: all ## install into a temporary folder; build and run programs by pkg-config, CMake and statically
	@$(BUILT) tests/install/run

clean: ## remove everything that was built
	$(CARGO) clean

help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | sort -u | \
		awk -F '\t' '{ printf "  make %-18s %s\n", $$1, $$2 }'

-include $(sort $(wildcard mk/*.mk))
