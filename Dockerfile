# One image: the server and its commands, without a shell and not as root.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
COPY migrations migrations
COPY src src
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked && cp target/release/unfile /unfile && mkdir /data

# glibc and the certificates of public authorities, and nothing that could be started beside the program.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /unfile /usr/local/bin/unfile
# A volume that is made here belongs to the user that writes in it.
COPY --from=build --chown=nonroot:nonroot /data /data
ENV UNFILE_LISTEN=0.0.0.0:8080 UNFILE_DATA=/data
VOLUME /data
EXPOSE 8080
# The process answers SIGTERM itself: give it 60 s. Health is asked for by whoever sends it requests: GET /readyz.
ENTRYPOINT ["/usr/local/bin/unfile"]
CMD ["serve"]
