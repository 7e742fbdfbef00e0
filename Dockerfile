# Everything Rolecall has, for compose.yaml. The first stage builds wheels, so that the second needs no compiler and no source.
FROM python:3.13-slim AS wheels
COPY . /source
RUN pip wheel --no-cache-dir --wheel-dir /wheels '/source[celery,google,metrics,o365,pdf,postgres,saml,scim,sms,smpp]'

FROM python:3.13-slim
# WeasyPrint lays slips out with these.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends fonts-dejavu-core libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 \
    && rm -rf /var/lib/apt/lists/*
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels 'rolecall[celery,google,metrics,o365,pdf,postgres,saml,scim,sms,smpp]'
RUN useradd --create-home --uid 10001 rolecall
USER rolecall
WORKDIR /home/rolecall
ENTRYPOINT ["rolecall"]
CMD ["run", "--host", "0.0.0.0"]
