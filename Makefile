# Everyday commands. `python3 manage.py demo` and `python3 manage.py test` need none of this.

# Locks name packages, versions and hashes, and no index and no host: whoever installs uses their own pip
# settings. uv would write down an index found in the environment, so it is kept from seeing one.
COMPILE = env -u UV_DEFAULT_INDEX -u UV_INDEX_URL -u UV_INDEX -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS \
	uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links $(UPGRADE)

.PHONY: demo test lock upgrade check

demo:
	python3 manage.py demo

test:
	python3 manage.py test

# The biggest lock first; the others may only repeat its versions, so that no command undoes another's work.
lock:
	$(COMPILE) pyproject.toml --extra s3 --group dev -o requirements/dev.txt
	$(COMPILE:--upgrade=) pyproject.toml --extra s3 -c requirements/dev.txt -o requirements/runtime.txt
	$(COMPILE:--upgrade=) pyproject.toml -c requirements/dev.txt -o requirements/demo.txt
	$(COMPILE) --no-deps --group pyproject.toml:embedded -o requirements/redis.txt

upgrade:
	$(MAKE) lock UPGRADE=--upgrade

check:
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	find templates -name '*.html' -print0 | xargs -0 -r .venv/bin/djade --check
	DATABASE_URL=sqlite://:memory: .venv/bin/python manage.py makemigrations --check --dry-run
