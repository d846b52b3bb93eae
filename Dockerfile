# brandpulse-connect, as a user without rights, in an image with nothing else
# but what it needs: certificates, its pipelines, and wget for health checks.

FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The repository itself is not copied, so --version shows these: `docker build --build-arg VERSION=...`.
ARG VERSION= DATE=
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.Version=$VERSION -X main.DateBuilt=$DATE" -o /out/brandpulse-connect ./cmd/brandpulse-connect \
 && go -C tools run ./licences -root .. -notices > /out/THIRD_PARTY_LICENCES

FROM busybox:1.37.0-musl AS busybox

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# One static file with the applets of busybox; under this name it is wget.
COPY --from=busybox /bin/busybox /bin/wget
COPY --from=build /out/brandpulse-connect /bin/
COPY --from=build /out/THIRD_PARTY_LICENCES /src/LICENSE /src/NOTICE /licences/
COPY config/*.yaml /config/
USER 65532:65532
ENTRYPOINT ["/bin/brandpulse-connect"]
CMD ["--help"]
