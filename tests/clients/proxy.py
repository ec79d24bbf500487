"""What every check through a proxy needs."""


class Unchunked:
    """The body of an answer that a proxy may have cut into chunks (RFC 9112 section 7.1), behind its head."""

    def __init__(self, file):
        self.file = file
        self.head, chunked = [], False
        while True:
            line = file.readline()
            chunked |= line.lower().replace(b" ", b"").startswith(b"transfer-encoding:chunked")
            self.head.append(line)
            if line in (b"\r\n", b""):
                break
        self.chunked, self.left = chunked, b""

    def fill(self):
        if not self.chunked:
            return self.file.readline()
        size = int(self.file.readline().split(b";")[0], 16)
        data = self.file.read(size)
        self.file.readline()
        return data

    def readline(self):
        if self.head:
            return self.head.pop(0)
        while b"\n" not in self.left:
            more = self.fill()
            if not more:
                break
            self.left += more
        line, end, self.left = self.left.partition(b"\n")
        return line + end

    def read(self, length):
        while len(self.left) < length:
            more = self.fill()
            if not more:
                break
            self.left += more
        data, self.left = self.left[:length], self.left[length:]
        return data
