"""The broker mosquitto itself, and its clients."""

import os
import subprocess
import tempfile
from pathlib import Path

from program import OUT, STOP_S, listens, until

ENVIRONMENT = {**os.environ, "LD_LIBRARY_PATH": os.environ["MOSQUITTO_LIBRARIES"]}
CLIENTS = Path(os.environ["MOSQUITTO_CLIENTS"])
USER, PASSWORD = "anna", "a@b:c/d"
URL_PASSWORD = "a%40b%3Ac%2Fd"


class Broker:
    """A broker that asks for a password; `options` are further lines of its settings."""

    def __init__(self, port, options=()):
        self.port, self.options = port, options
        self.folder = tempfile.TemporaryDirectory()
        passwords, settings = Path(self.folder.name, "passwords"), Path(self.folder.name, "mosquitto.conf")
        passwords.touch(0o600)
        subprocess.run([CLIENTS / "mosquitto_passwd", "-b", passwords, USER, PASSWORD], env=ENVIRONMENT, check=True)
        lines = [f"listener {port} 127.0.0.1", "user root", f"password_file {passwords}", *options]
        settings.write_text("".join(f"{line}\n" for line in lines))
        self.settings = settings
        self.start()

    def start(self):
        with open(OUT / "mosquitto.log", "a") as log:
            command = [os.environ["MOSQUITTO"], "-c", self.settings]
            self.process = subprocess.Popen(command, env=ENVIRONMENT, stdout=log, stderr=log)
        until("mosquitto listens", lambda: self.process.poll() is None and listens(self.port))

    def stop(self):
        self.process.terminate()
        self.process.wait(STOP_S)

    def end(self):
        self.stop()
        self.folder.cleanup()

    def client(self, name, *arguments, timeout=20):
        who = ["-h", "127.0.0.1", "-p", str(self.port), "-u", USER, "-P", PASSWORD]
        return subprocess.run([CLIENTS / name, *who, *arguments], env=ENVIRONMENT, capture_output=True, timeout=timeout)

    def kept(self, topic):
        """What is kept under this topic; empty if nothing is."""
        return self.client("mosquitto_sub", "-t", topic, "-C", "1", "-W", "1", "-N").stdout

    def say(self, topic, payload, *arguments):
        done = self.client("mosquitto_pub", "-t", topic, "-m", payload, *arguments)
        assert done.returncode == 0, done.stderr
