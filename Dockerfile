# syntax=docker/dockerfile:1
# Scrapyd with the project and a browser; see docs/scrapyd.md. Chromium and Python are Debian's, so that they get its
# security updates: build again, with --pull, to have them. Playwright's driver needs libatomic1.
FROM debian:12-slim AS build
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/poe-scraper
WORKDIR /src
COPY pyproject.toml setup.py README.md LICENSE ./
COPY poe_scraper ./poe_scraper
RUN /opt/poe-scraper/bin/pip install --no-cache-dir '.[scrapyd,redis]'

FROM debian:12-slim
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates chromium-headless-shell libatomic1 python3 tini \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 poe-scraper \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/poe-scraper poe-scraper \
 && install -d -o poe-scraper -g poe-scraper /var/lib/poe-scraper
COPY --from=build /opt/poe-scraper /opt/poe-scraper
COPY deploy/container/scrapyd.conf /etc/scrapyd/scrapyd.conf
COPY --chmod=755 deploy/container/healthy /usr/local/bin/healthy
ENV PATH=/opt/poe-scraper/bin:$PATH \
    POE_OUTPUT_DIR=/var/lib/poe-scraper/feed \
    PYTHONUNBUFFERED=1 \
    SCRAPY_SETTINGS_MODULE=poe_scraper.settings
USER 10001:10001
WORKDIR /var/lib/poe-scraper
VOLUME /var/lib/poe-scraper
EXPOSE 6800
# tini: a browser leaves processes behind that somebody has to wait for, whoever runs the image
ENTRYPOINT ["tini", "--"]
CMD ["scrapyd", "--pidfile="]
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["healthy"]
