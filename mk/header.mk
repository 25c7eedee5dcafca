# include/zmq.h and zmq_utils.h: written from the Rust sources by tools/header (cbindgen), committed, checked for staleness.
# Included by the top-level Makefile.

CHECK_STEPS += check-header

.PHONY: header check-header

# A package of its own, which is the same with PORTABLE=1.
HEADER_TOOL = CARGO_TARGET_DIR='$(TARGET_DIR)/tools' $(lastword $(CARGO)) run --quiet \
	$(filter-out --features portable,$(CARGO_FLAGS)) --manifest-path tools/header/Cargo.toml --

header: ## write include/zmq.h and include/zmq_utils.h anew from src/ffi
	@scripts/setup.sh rust
	$(HEADER_TOOL)

check-header: ## fail when the committed headers are stale
	@scripts/setup.sh rust
	$(HEADER_TOOL) --check
