"""Chromium shows our JPEGs of every layout, sampling, size and turn as libjpeg-turbo (in OpenCV) does.

The other decoders are tried in crates/coefficients/tests/decoders.rs.
"""

import base64
import subprocess
import tempfile
import unittest
from pathlib import Path

import cv2
import numpy

from browser import open_browser
from program import WAIT_S

ROOT = Path(__file__).parents[2]
ROUNDING = 2
"""How far two samples may be apart: conversion to RGB is rounded in other places."""

DECODE = """
const [pictures, done] = arguments;
const decode = async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return [canvas.width, canvas.height, Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data)];
};
Promise.all(pictures.map((url) => decode(url).catch((error) => String(error)))).then(done);
"""


class Decoders(unittest.TestCase):
    def test_chromium_shows_the_same_pictures_as_libjpeg_turbo(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        command = ["cargo", "run", "--quiet", "--locked", "--package", "coefficients", "--example", "pictures", "--"]
        subprocess.run([*command, folder.name], cwd=ROOT, check=True)
        files = sorted(Path(folder.name).iterdir())
        self.assertGreater(len(files), 200)
        browser = open_browser(self)
        browser.set_script_timeout(WAIT_S)
        for begin in range(0, len(files), 50):
            some = files[begin : begin + 50]
            urls = ["data:image/jpeg;base64," + base64.b64encode(file.read_bytes()).decode() for file in some]
            for file, shown in zip(some, browser.execute_async_script(DECODE, urls)):
                with self.subTest(file.stem):
                    self.compare(file, shown)

    def compare(self, file, shown):
        self.assertIsInstance(shown, list, shown)
        width, height, samples = shown
        ours = numpy.array(samples, numpy.uint8).reshape(height, width, 4)[:, :, 2::-1]
        theirs = cv2.imread(str(file), cv2.IMREAD_COLOR)
        self.assertEqual(ours.shape, theirs.shape)
        apart = numpy.abs(ours.astype(int) - theirs.astype(int)).max()
        self.assertLessEqual(apart, ROUNDING)


if __name__ == "__main__":
    unittest.main()
