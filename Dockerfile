# One image for every role; the command chooses (see Procfile and compose.yaml).
FROM python:3.13-slim-bookworm AS libraries
COPY requirements/runtime.txt /requirements.txt
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r /requirements.txt

FROM python:3.13-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONOPTIMIZE=1 \
    MEDIA_ROOT=/media
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin dailies \
    && install -d -o dailies /media
COPY --from=libraries /venv /venv
COPY manage.py pyproject.toml /app/
COPY config /app/config
COPY accounts /app/accounts
COPY generations /app/generations
COPY templates /app/templates
COPY static /app/static
WORKDIR /app
# No setting of the later installation is known, or needed, here.
RUN python manage.py collectstatic --noinput
USER dailies
VOLUME /media
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "4", "--workers-kill-timeout", "15", "--host", "0.0.0.0", "--port", "8000", "config.wsgi:application"]
