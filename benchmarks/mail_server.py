"""A mail server in a process of its own whose every answer is as late as the way to it is long: ``python -m benchmarks.mail_server 0.005``.

It tells its port in a line, and after each line of input what it took since the last one.
"""

import asyncio
import json
import sys

_OFFERS = ("bench.example", "PIPELINING", "8BITMIME", "SIZE 10485760")


class Server:
    """Takes everything, and remembers to whom."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self.recipients: list[str] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Have one conversation. Commands that came together are answered together: the way is long, not narrow."""
        loop = asyncio.get_running_loop()

        def answer(text: str) -> None:
            loop.call_later(self._latency, writer.write, text.encode() + b"\r\n")

        answer("220 bench.example ready")
        recipient = ""
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                answer("\r\n".join([*(f"250-{each}" for each in _OFFERS[:-1]), f"250 {_OFFERS[-1]}"]))
            elif verb == b"DATA":
                answer("354 go on")
                await reader.readuntil(b"\r\n.\r\n")
                self.recipients.append(recipient)
                answer("250 taken")
            elif verb == b"QUIT":
                answer("221 bye")
            else:
                if verb == b"RCPT":
                    recipient = line.decode().partition("<")[2].partition(">")[0]
                answer("250 yes")
        writer.close()


async def main(latency: float) -> None:
    """Serve until the input ends."""
    server = Server(latency)
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    print(json.dumps(listening.sockets[0].getsockname()[1]), flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps({"taken": len(server.recipients), "people": len(set(server.recipients))}), flush=True)
        server.recipients.clear()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
