# brandpulse-connect, run by an unprivileged user. The image contains nothing but the
# program, certificates, the shipped pipelines, licences, and wget for health checks.
#
#   docker build -t brandpulse-connect \
#     --build-arg VERSION="$(git describe --tags --always)" --build-arg DATE="$(git log -1 --format=%cI)" .

FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Go takes the version from the repository's .git, which is not copied, so these replace
# it. Without them --version prints "unknown".
ARG VERSION= DATE=
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.Version=$VERSION -X main.DateBuilt=$DATE" -o /out/brandpulse-connect ./cmd/brandpulse-connect \
 && go -C tools run ./licences -root .. -notices > /out/THIRD_PARTY_LICENCES

FROM busybox:1.37.0-musl AS busybox

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# A static binary that acts as wget under this name.
COPY --from=busybox /bin/busybox /bin/wget
COPY --from=build /out/brandpulse-connect /bin/
COPY --from=build /out/THIRD_PARTY_LICENCES /src/LICENSE /src/NOTICE /licences/
COPY config/*.yaml /config/
USER 65532:65532
ENTRYPOINT ["/bin/brandpulse-connect"]
CMD ["--help"]
