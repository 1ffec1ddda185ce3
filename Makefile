# What is done often. `make help` lists it; `make check` is what a change must pass.
#
# Cargo is called for the whole workspace, or with --bin and not -p: so all targets share one set of features, and
# dependencies are built once.

.DEFAULT_GOAL := help
.PHONY: help setup setup-nats check fmt-check lint tidy test build-bins doc audit proto-lint proto-baseline golden demo up bench

CARGO := cargo
# What npm packages would run at installation stays out.
BUF := npx --yes --ignore-scripts @bufbuild/buf@1.75.0
# Further words for `make up` and `make bench`, as in `make up ARGS="--data /var/lib/publicdata"`.
ARGS ?=

help: ## This list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make ready what build, tests and demo need: nats-server, databases, Python wheels; name what is missing.
	@deploy/setup

setup-nats:
	@deploy/setup toolchain nats

demo: setup-nats ## The whole story once, on real data, and then everything is stopped.
	$(CARGO) run --locked --bin publicdata -- demo

up: setup-nats ## A fleet that stays until Ctrl-C: five services and two nodes in one process.
	$(CARGO) run --locked --bin publicdata -- up $(ARGS)

check: fmt-check tidy lint test doc ## Everything that a change must pass, as in CI.

fmt-check: ## Formatting.
	$(CARGO) fmt --all -- --check

lint: ## Compiler and clippy, without a warning.
	$(CARGO) clippy --locked --workspace --all-targets --all-features -- -D warnings

tidy: ## Layering, sizes, layout, published formats, requirements without a test.
	$(CARGO) run --quiet --locked --bin publicdata-xtask -- tidy

# The tests start the workspace's programs, so these are built first.
test: setup build-bins ## Every test; the servers that tests need, they start themselves.
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		set -x; $(CARGO) nextest run --locked --workspace --all-features && \
		$(CARGO) test --locked --workspace --all-features --doc; \
	else \
		set -x; $(CARGO) test --locked --workspace --all-features --no-fail-fast; \
	fi

build-bins:
	$(CARGO) build --locked --workspace --all-features --bins

doc: ## The code's documentation, without a broken link: target/doc.
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --all-features --no-deps --document-private-items

audit: ## Licences, banned crates and sources of all dependencies (cargo-deny).
	@$(CARGO) deny --version >/dev/null 2>&1 || { echo 'cargo-deny is missing: cargo install --locked cargo-deny' >&2; exit 1; }
	$(CARGO) deny --all-features --locked check bans licenses sources

proto-lint: ## The contracts' style (buf, which npx fetches).
	@command -v npx >/dev/null || { echo 'npx is missing: apt-get install npm' >&2; exit 1; }
	$(BUF) lint

proto-baseline: ## Record what was added to the events' wire format; what was recorded must stay.
	$(CARGO) run --quiet --locked --bin publicdata-xtask -- proto-baseline

golden: ## Record the digests of new golden files; recorded ones must stay.
	$(CARGO) run --quiet --locked --bin publicdata-xtask -- golden

bench: setup ## Each figure as a ratio to a limit measured in the same run: a table, and target/bench.jsonl.
	@deploy/setup npm-data
	$(CARGO) run --release --locked --bin publicdata-bench $(if $(ARGS),-- $(ARGS))
