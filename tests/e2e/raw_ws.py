"""A WebSocket client that may do what a decent one does not: frames are made by hand, and answers shown as they are."""
import json
import socket
import struct

HANDSHAKE = {
    "Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


def handshake(gateway, method="GET", path="/ws", body="", **changes):
    """The status of the answer to a handshake, and the socket. A header that is None is left out; _ stands for -."""
    headers = {**HANDSHAKE, **{name.replace("_", "-"): value for name, value in changes.items()}}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    link = socket.create_connection(("127.0.0.1", gateway.port), timeout=20)
    link.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
    answer = b""
    while b"\r\n\r\n" not in answer and (part := link.recv(1)):
        answer += part
    return int(answer.split()[1]), answer.decode(), link


def frame(opcode, data=b"", final=True, reserved=0, length=None):
    size = len(data) if length is None else length
    head = bytes([(0x80 if final else 0) | reserved | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += b"\xfe" + struct.pack(">H", size)
    else:
        head += b"\xff" + struct.pack(">Q", size)
    key = b"\x11\x22\x33\x44"
    return head + key + bytes(byte ^ key[i & 3] for i, byte in enumerate(data))


class RawClient:
    def __init__(self, gateway, **changes):
        status, _, self.link = handshake(gateway, **changes)
        assert status == 101
        self.data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.link.close()

    def send(self, *frames):
        self.link.sendall(b"".join(frames))

    def _take(self, size):
        while len(self.data) < size:
            part = self.link.recv(65536)
            if not part:
                raise EOFError
            self.data += part
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def receive(self):
        """(opcode, payload) of the next frame; (None, None) at the end of the connection."""
        try:
            first, size = self._take(2)
            if size == 126:
                size, = struct.unpack(">H", self._take(2))
            elif size == 127:
                size, = struct.unpack(">Q", self._take(8))
            return first & 15, self._take(size)
        except (EOFError, ConnectionResetError):
            return None, None

    def said(self):
        """The next text message."""
        opcode, data = self.receive()
        assert opcode == TEXT, (opcode, data)
        return json.loads(data)

    def closed(self):
        """The close code that comes next; None when the connection just ends."""
        opcode, data = self.receive()
        assert opcode in (CLOSE, None), (opcode, data)
        return struct.unpack(">H", data[:2])[0] if data else None
