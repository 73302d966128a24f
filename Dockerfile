# The image of the Docker and Kubernetes pools in prefect.yaml; see docs/PREFECT.md. What is installed is what the lock
# names, by its hash; extras are pinned by their versions.
#   docker build --tag rally-data-health:latest .
#   docker build --tag rally-data-health:latest --build-arg EXTRAS=dask,kubernetes .
FROM python:3.12-slim

# the embedded PostgreSQL is for laptops; a container has DATABASE_URL, and runs as nobody in particular
RUN useradd --create-home --uid 10001 rally
WORKDIR /opt/rally
# what must be written lies in volumes; the code is only read
ENV RALLY_FEEDS=/var/lib/rally/feeds \
    RALLY_REPORTS=/var/lib/rally/reports \
    RALLY_DATA=/var/lib/rally/data \
    PYTHONUNBUFFERED=1

COPY requirements.lock constraints.txt pyproject.toml README.md LICENSE ./
RUN pip install --no-cache-dir --require-hashes --no-deps --requirement requirements.lock
COPY etl etl
COPY checks checks
COPY alerts alerts
COPY flows flows
COPY prefect.yaml ./
ARG EXTRAS=""
RUN pip install --no-cache-dir --constraint constraints.txt --editable ".${EXTRAS:+[$EXTRAS]}" \
    && install --directory --owner rally /var/lib/rally /var/lib/rally/feeds /var/lib/rally/reports /var/lib/rally/data /etc/rally

USER rally
CMD ["rally-health", "check"]
