/* What libjpeg-turbo takes for the frames that the example `instructions` encodes:
 *
 *     turbo planes|yuyv WIDTH HEIGHT FRAMES
 *
 * From planes that are there already, or with taking rows of YUYV apart for each frame. 4:2:2 at quality 85. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of turbojpeg.h, version 2. */
enum { TJSAMP_422 = 1, TJFLAG_NOREALLOC = 1024, TJFLAG_FASTDCT = 2048 };
void *tjInitCompress(void);
int tjCompressFromYUVPlanes(void *handle, const unsigned char **planes, int width, const int *strides, int height,
                            int subsampling, unsigned char **jpeg, unsigned long *size, int quality, int flags);

static uint32_t wave(uint32_t n, uint32_t period) {
    n %= 2 * period;
    return (n < 2 * period - n ? n : 2 * period - n) * 100 / period;
}

static void scene(uint8_t *yuyv, uint32_t width, uint32_t height) {
    uint32_t noise = 0;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            noise = noise * 1664525 + 1013904223;
            *yuyv++ = 20 + wave(x, 90) + wave(y + x / 2, 70) + (noise >> 29);
            *yuyv++ = x % 2 == 0 ? 80 + wave(x + y, 130) : 90 + wave(x + 2 * y, 110);
        }
}

static void take_apart(const uint8_t *restrict yuyv, size_t pairs, uint8_t *restrict luma, uint8_t *restrict cb,
                       uint8_t *restrict cr) {
    for (size_t n = 0; n < pairs; n++) {
        luma[2 * n] = yuyv[4 * n];
        cb[n] = yuyv[4 * n + 1];
        luma[2 * n + 1] = yuyv[4 * n + 2];
        cr[n] = yuyv[4 * n + 3];
    }
}

int main(int count, char **arguments) {
    if (count != 5) return 2;
    int width = atoi(arguments[2]), height = atoi(arguments[3]), frames = atoi(arguments[4]);
    size_t pixels = (size_t)width * height;
    uint8_t *yuyv = malloc(2 * pixels), *luma = malloc(pixels), *cb = malloc(pixels / 2), *cr = malloc(pixels / 2);
    unsigned char *jpeg = malloc(2 * pixels + 4096);
    unsigned long size = 2 * pixels + 4096;
    scene(yuyv, width, height);
    take_apart(yuyv, pixels / 2, luma, cb, cr);
    void *handle = tjInitCompress();
    for (int n = 0; n < frames; n++) {
        if (strcmp(arguments[1], "yuyv") == 0) take_apart(yuyv, pixels / 2, luma, cb, cr);
        const unsigned char *planes[] = {luma, cb, cr};
        int strides[] = {width, width / 2, width / 2};
        size = 2 * pixels + 4096;
        if (tjCompressFromYUVPlanes(handle, planes, width, strides, height, TJSAMP_422, &jpeg, &size, 85,
                                    TJFLAG_NOREALLOC | TJFLAG_FASTDCT))
            return 1;
    }
    printf("%lu bytes\n", size);
}
