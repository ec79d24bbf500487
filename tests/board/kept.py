"""What boardcam keeps beyond its own end, checked alike on every board."""

import json

from board import PROGRAM, run, until

PASSWORD = "right horse"
AS_ANNA = ("-u", f"anna:{PASSWORD}")
HTTPS = 8443
FRAMES = 30
EVERYTHING = """camera = "pattern"
size = "320x240"
tls = "auto"
name = "garden"
record-folder = "/var/lib/boardcam"
record = "always"
record-min-free = 1
"""
"""Settings under which there is something to keep."""


class Keeps:
    """For checks with a `board` that know how to `settings`, `start_anew` and `end` boardcam."""

    place = "/var/lib/boardcam"
    """Where everything is kept."""

    def set_everything(self):
        """Starts it with HTTPS, a name, a user and recording, and nothing kept."""
        self.end()
        self.board.run("sh", "-c", f"rm -rf {self.place}/*")
        self.settings(EVERYTHING + run(PROGRAM, "hash-password", "anna", input=f"{PASSWORD}\n"))
        self.start_anew()
        until("HTTPS", lambda: self.get("/healthz", "--insecure", *AS_ANNA)[0] == 200)

    def get(self, path, *options):
        return self.board.get(path, HTTPS, *options, scheme="https")

    def save_certificate(self):
        """The file of the certificate that it shows."""
        show = f"import ssl; print(ssl.get_server_certificate(('127.0.0.1', {HTTPS})))"
        file = self.board.folder / "board.crt"
        file.write_text(self.board.in_network("python3", "-c", show))
        return file

    def test_its_certificate_and_its_tokens_outlive_a_restart(self):
        self.set_everything()
        trusting = ("--cacert", self.save_certificate())
        status, made = self.get("/api/tokens", *trusting, *AS_ANNA, "-d", '{"name": "mainsail"}')
        self.assertEqual(status, 201, made)
        picture = f"/snapshot?token={json.loads(made)['token']}"
        for start_anew in (None, self.start_anew):
            with self.subTest(anew=bool(start_anew)):
                if start_anew:
                    start_anew()
                until("a picture", lambda: self.get(picture, *trusting)[0] == 200)
                self.assertEqual(self.get("/snapshot", *trusting)[0], 401)
                self.assertEqual(self.get(picture + "0", *trusting)[0], 401)
        kept = [self.place + end for end in ("/", "/https.pem", "/tokens.json")]
        self.assertEqual(self.board.run("stat", "-c", "%a", *kept).split(), ["700", "600", "600"])

    def test_what_it_records_is_kept_plays_and_is_listed_after_a_restart(self):
        self.set_everything()
        insecure = ("--insecure", *AS_ANNA)

        def frames():
            status, state = self.get("/state", *insecure)
            return status == 200 and json.loads(state)["cameras"][0]["recording"]["frames"]

        until(f"{FRAMES} recorded frames", lambda: frames() >= FRAMES)
        self.end()
        (file,) = (self.board.root / self.place.lstrip("/")).glob("*Z.mkv")
        count = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames"]
        codec, number = run(*count, "-of", "csv=p=0", file).strip().split(",")
        self.assertEqual(codec, "mjpeg")
        self.assertGreaterEqual(int(number), FRAMES)
        self.start_anew()
        listed = until("the list", lambda: self.get("/api/recordings", *insecure)[1])
        self.assertIn(file.name, listed)
        copy = self.board.folder / "copy.mkv"
        self.assertEqual(self.get(f"/api/recordings/{file.name}", *insecure, "-o", copy)[0], 200)
        self.assertEqual(copy.read_bytes(), file.read_bytes())
