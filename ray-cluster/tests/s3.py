"""A small S3 server on loopback: as much of the wire format as pyarrow's client uses. It checks who asks, not how they signed."""

from __future__ import annotations

import asyncio
import threading
import xml.sax.saxutils as xml

from aiohttp import web


class S3:
    """Objects of one bucket in memory; only `access_key` may read and write, and only below `prefixes`."""

    def __init__(self, access_key: str, prefixes: tuple[str, ...]) -> None:
        self.objects: dict[str, bytes] = {}
        self.denied: list[str] = []
        self._parts: dict[str, dict[int, bytes]] = {}
        self._key = access_key
        self._prefixes = prefixes
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()

    def serve(self, unix_path: str) -> None:
        """Serves on a unix socket from a thread of its own."""

        def run() -> None:
            app = web.Application(client_max_size=1 << 30)
            app.router.add_route("*", "/{bucket}/{key:.*}", self._object)
            app.router.add_route("*", "/{bucket}", self._bucket)
            runner = web.AppRunner(app, access_log=None)
            self._loop.run_until_complete(runner.setup())
            self._loop.run_until_complete(web.UnixSite(runner, unix_path).start())
            self._ready.set()
            self._loop.run_forever()

        threading.Thread(target=run, daemon=True).start()
        assert self._ready.wait(10)

    def close(self) -> None:
        """Stops serving."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _allowed(self, request: web.Request, key: str) -> bool:
        authorised = f"Credential={self._key}/" in request.headers.get("Authorization", "")
        if authorised and key.startswith(self._prefixes):
            return True
        self.denied.append(f"{request.method} {key}")
        return False

    async def _bucket(self, request: web.Request) -> web.Response:
        prefix = request.query.get("prefix", "")
        if request.method != "GET" or not self._allowed(request, prefix):
            return _error(403, "AccessDenied")
        items = "".join(
            f"<Contents><Key>{xml.escape(k)}</Key><Size>{len(v)}</Size><LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>"
            for k, v in sorted(self.objects.items())
            if k.startswith(prefix)
        )
        return web.Response(
            text=f"<ListBucketResult><IsTruncated>false</IsTruncated>{items}</ListBucketResult>", content_type="application/xml"
        )

    async def _object(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["key"]
        if not key:
            return await self._bucket(request)
        if not self._allowed(request, key):
            return _error(403, "AccessDenied")
        if request.method in ("GET", "HEAD"):
            return self._read(request, key)
        if request.method == "POST":
            return self._multipart(request, key)
        if request.method != "PUT":
            return _error(405, "MethodNotAllowed")
        body = _plain(await request.read(), request.headers.get("x-amz-content-sha256", ""))
        if "uploadId" in request.query:
            self._parts[request.query["uploadId"]][int(request.query["partNumber"])] = body
        else:
            self.objects[key] = body
        return web.Response(headers={"ETag": '"e"'})

    def _read(self, request: web.Request, key: str) -> web.Response:
        if key not in self.objects:
            return _error(404, "NoSuchKey")
        data = self.objects[key]
        headers = {"ETag": '"e"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT", "Accept-Ranges": "bytes"}
        if request.method == "HEAD":
            return web.Response(headers={**headers, "Content-Length": str(len(data))})
        wanted = request.headers.get("Range")
        if not wanted:
            return web.Response(body=data, headers=headers)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        part = data[int(first) : int(last) + 1 if last else None]
        headers["Content-Range"] = f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"
        return web.Response(body=part, headers=headers, status=206)

    def _multipart(self, request: web.Request, key: str) -> web.Response:
        if "uploads" in request.query:
            upload = f"u{len(self._parts)}"
            self._parts[upload] = {}
            text = (
                f"<InitiateMultipartUploadResult><Key>{xml.escape(key)}</Key><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            )
        else:
            parts = self._parts.pop(request.query["uploadId"])
            self.objects[key] = b"".join(parts[n] for n in sorted(parts))
            text = "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"
        return web.Response(text=text, content_type="application/xml")


def _plain(body: bytes, kind: str) -> bytes:
    """Takes the chunks of aws-chunked bodies together."""
    if not kind.startswith("STREAMING"):
        return body
    out = b""
    while body:
        head, _, rest = body.partition(b"\r\n")
        size = int(head.split(b";")[0], 16)
        if size == 0:
            break
        out, body = out + rest[:size], rest[size + 2 :]
    return out


def _error(status: int, code: str) -> web.Response:
    return web.Response(status=status, text=f"<Error><Code>{code}</Code><Message>{code}</Message></Error>", content_type="application/xml")
