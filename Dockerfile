# syntax=docker/dockerfile:1

# aws-lc-sys compiles C, which this image has the compiler for. Its Debian is that of the final image: the same glibc.
FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
# The caches outlive the build, so an edit rebuilds one crate; the binary is copied out because a cache is not part of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked && cp target/release/rowhouse /usr/local/bin/rowhouse

# glibc, certificate authorities and nothing else: no shell, no package manager. The SQL is inside the binary.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /usr/local/bin/rowhouse /usr/local/bin/rowhouse
USER nonroot
# The admin listener stays on the container's loopback: only `rowhouse probe` needs it, which runs inside.
ENV ROWHOUSE_BIND=0.0.0.0:8000 ROWHOUSE_LOG_FORMAT=json
EXPOSE 8000
ENTRYPOINT ["/usr/local/bin/rowhouse"]
CMD ["serve"]
