# Debian packages that tests and the demo need: a soft token, token tools, a proxy that takes tokens away, openssl, curl.
PACKAGES := softhsm2 opensc opensc-pkcs11 p11-kit p11-kit-modules openssl python3 curl
# For side-by-side figures only.
BENCH_PACKAGES := nginx
# Repetitions of each row of the power-cut table in `make soak`.
SEEDS ?= 200
# Seconds for each fuzz target.
FUZZ_SECONDS ?= 600

CARGO := cargo

.PHONY: all setup setup-bench demo test bench lint audit soak fuzz

all: test

# Installs what is missing and nothing else; run twice it does nothing.
setup:
	@tests/setup $(PACKAGES)

setup-bench: setup
	@tests/setup $(BENCH_PACKAGES)

# The whole exchange on this machine. KEEP=1 leaves it running until Ctrl-C.
demo: setup
	$(CARGO) build --release --locked
	target/release/trucgate demo $(if $(KEEP),--keep)

test: setup lint
	$(CARGO) test --workspace --locked

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

# Figures beside nginx, as a table and in target/bench.json. BENCH_SECONDS (60) is the steady part of each run,
# BENCH_ROWS names the only rows to be taken, such as to_hub.4k,relay.
bench: setup-bench
	$(CARGO) bench --locked --bench exchange

# The power-cut table hundreds of times over.
soak: setup
	TRUCGATE_SEEDS=$(SEEDS) $(CARGO) test --release --workspace --locked

# Licences, sources, bans and, where their database can be reached, advisories.
audit:
	@command -v cargo-deny >/dev/null || $(CARGO) install cargo-deny --locked
	cargo-deny --locked check bans licenses sources
	@if cargo-deny --locked fetch db; then \
		cargo-deny --locked check advisories; \
	else \
		echo "SKIPPED: the advisory database can't be reached, known vulnerabilities stay unchecked" >&2; \
	fi

# Every fuzz target in turn; RUSTC_BOOTSTRAP because sanitizers need more than a stable compiler allows.
fuzz:
	@command -v cargo-fuzz >/dev/null || $(CARGO) install cargo-fuzz --locked
	@cd tests/fuzz && for target in $$(RUSTC_BOOTSTRAP=1 cargo fuzz list --fuzz-dir .); do \
		echo "== $$target"; \
		RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir . "$$target" -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done
