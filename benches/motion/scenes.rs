//! Scenes that a program draws, in luma, and what a person who watches them would say: where something moves, and where
//! it is only light, weather or noise.
//!
//! The same at each run. Each is [`SECONDS`] long; what happens in it happens from [`BEGIN`] to [`END`], unless it lasts.

use std::f32::consts::PI;

/// How long a scene is.
pub const SECONDS: f32 = 20.0;

/// When something begins to happen, and when it is over.
pub const BEGIN: f32 = 8.0;
pub const END: f32 = 14.0;

/// What a person would say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Something moves from [`BEGIN`] to [`END`].
    Moves,
    /// Nothing does.
    Still,
}

/// A scene: its name, what a person says, its place, and what happens there.
#[derive(Clone, Copy)]
pub struct Scene {
    pub name: &'static str,
    pub says: Says,
    place: Place,
    happens: fn(&mut Canvas<'_>),
}

/// Where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Room,
    /// With a tree whose leaves are drawn anew in each picture.
    Garden,
    /// A street in the dark, through a sensor that is turned up.
    Night,
}

/// All of them.
pub const SCENES: [Scene; 21] = [
    Scene::new("a person walks by, near", Says::Moves, Place::Room, |c| c.person(0.95, 0.9, 0.25)),
    Scene::new("a person walks by, far away", Says::Moves, Place::Room, |c| c.person(0.6, 0.15, 0.07)),
    Scene::new("a person comes nearer", Says::Moves, Place::Room, |c| c.person_comes()),
    Scene::new("a person at night", Says::Moves, Place::Night, |c| c.person(0.9, 0.4, 0.1)),
    Scene::new("a person before leaves", Says::Moves, Place::Garden, |c| {
        c.leaves(3.0);
        c.person(0.9, 0.4, 0.1);
    }),
    Scene::new("a person in the rain", Says::Moves, Place::Garden, |c| {
        c.leaves(1.0);
        c.person(0.9, 0.4, 0.1);
        c.rain();
    }),
    Scene::new("a person while a cloud passes", Says::Moves, Place::Garden, |c| {
        c.leaves(1.0);
        c.person(0.9, 0.4, 0.1);
        c.cloud();
    }),
    Scene::new("a printer's head", Says::Moves, Place::Room, |c| c.printer()),
    Scene::new("an empty room", Says::Still, Place::Room, |_| {}),
    Scene::new("night, noise", Says::Still, Place::Night, |_| {}),
    Scene::new("leaves", Says::Still, Place::Garden, |c| c.leaves(3.0)),
    Scene::new("leaves, a gust", Says::Still, Place::Garden, |c| {
        let gust = if c.happens() { 6.0 * (PI * c.part()).sin() } else { 0.0 };
        c.leaves(2.0 + gust);
    }),
    Scene::new("rain", Says::Still, Place::Garden, |c| {
        c.leaves(1.0);
        c.rain();
    }),
    Scene::new("snow", Says::Still, Place::Garden, |c| {
        c.leaves(1.0);
        c.snow();
    }),
    Scene::new("a cloud", Says::Still, Place::Garden, |c| {
        c.leaves(1.0);
        c.cloud();
    }),
    Scene::new("a lamp switched on and off", Says::Still, Place::Room, |c| c.lamp()),
    Scene::new("headlights", Says::Still, Place::Night, |c| c.headlights()),
    Scene::new("exposure in steps", Says::Still, Place::Room, |c| c.exposure()),
    Scene::new("a lamp that flickers", Says::Still, Place::Room, |c| c.flicker()),
    Scene::new("a shadow that creeps", Says::Still, Place::Room, |c| c.shadow()),
    Scene::new("a chair that stays where it was put", Says::Moves, Place::Room, |c| c.chair()),
];

impl Scene {
    const fn new(name: &'static str, says: Says, place: Place, happens: fn(&mut Canvas<'_>)) -> Self {
        Self { name, says, place, happens }
    }
}

/// A number from 0 to 1 that depends on its place alone.
fn chance(x: u32, y: u32, seed: u32) -> f32 {
    let mut n = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ seed.wrapping_mul(0xc2b2_ae3d);
    for _ in 0..2 {
        n = (n ^ n >> 15).wrapping_mul(0x2c1b_3c6d);
    }
    (n >> 8) as f32 / (1 << 24) as f32
}

/// Smooth noise whose hills are `side` wide, from -1 to 1.
fn hills(x: u32, y: u32, side: u32, seed: u32) -> f32 {
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (column, row) = (x / side, y / side);
    let part = |n: u32| ease((n % side) as f32 / side as f32);
    let between = |a: f32, b: f32, t: f32| a + (b - a) * t;
    let at = |column, row| 2.0 * chance(column, row, seed) - 1.0;
    let line = |row| between(at(column, row), at(column + 1, row), part(x));
    between(line(row), line(row + 1), part(y))
}

/// Draws a scene, picture by picture.
pub struct Painter {
    scene: Scene,
    size: (u32, u32),
    /// What is there before anything happens.
    still: Vec<f32>,
    /// Finer than what is there: the leaves' pattern.
    leaves: Vec<f32>,
    /// Noise of a sensor with a deviation of 1.
    noise: Vec<f32>,
    drawn: Vec<f32>,
}

impl Painter {
    pub fn new(scene: Scene, size: (u32, u32)) -> Self {
        let places = || (0..size.1).flat_map(move |y| (0..size.0).map(move |x| (x, y)));
        // Hills in parts of the height, so that a scene shows the same at each size.
        let side = |part: u32| (size.1 / part).max(2);
        let (level, height) = if scene.place == Place::Night { (34.0, 0.3) } else { (115.0, 1.0) };
        let still = places().map(|(x, y)| {
            let sides = [(3, 30.0), (6, 24.0), (12, 18.0), (24, 14.0), (48, 10.0), (96, 8.0), (192, 6.0)];
            let sum: f32 = sides.iter().map(|&(part, tall)| tall * hills(x, y, side(part), part)).sum();
            level + height * sum
        });
        let leaves = places()
            .map(|(x, y)| 75.0 + 45.0 * hills(x, y, side(60), 901) + 30.0 * hills(x, y, side(120), 902));
        let noise = (0..1 << 16).map(|n: u32| {
            let sum: f32 = (0..6).map(|seed| chance(n, 77, seed)).sum();
            (sum - 3.0) * 2f32.sqrt()
        });
        let drawn = Vec::new();
        Self { scene, size, still: still.collect(), leaves: leaves.collect(), noise: noise.collect(), drawn }
    }

    /// The luma of the picture with this number, at `rate` pictures a second.
    pub fn draw(&mut self, number: u32, rate: f32, luma: &mut Vec<u8>) {
        self.drawn.clone_from(&self.still);
        let time = number as f32 / rate;
        let (size, leaves) = (self.size, &self.leaves);
        (self.scene.happens)(&mut Canvas { pixels: &mut self.drawn, leaves, size, time, number });
        let deviation = if self.scene.place == Place::Night { 7.0 } else { 2.0 };
        luma.clear();
        for (row, pixels) in self.drawn.chunks_exact(size.0 as usize).enumerate() {
            let first = (chance(row as u32, number, 5) * self.noise.len() as f32) as usize;
            let noise = self.noise.iter().cycle().skip(first);
            luma.extend(pixels.iter().zip(noise).map(|(pixel, noise)| (pixel + deviation * noise) as u8));
        }
    }
}

/// A picture on its way.
struct Canvas<'a> {
    pixels: &'a mut [f32],
    leaves: &'a [f32],
    size: (u32, u32),
    time: f32,
    number: u32,
}

impl Canvas<'_> {
    fn happens(&self) -> bool {
        (BEGIN..END).contains(&self.time)
    }

    /// How much of what happens is over, 0 to 1.
    fn part(&self) -> f32 {
        ((self.time - BEGIN) / (END - BEGIN)).clamp(0.0, 1.0)
    }

    /// Changes each pixel by its place, both in heights of the picture.
    fn each(&mut self, change: impl Fn(f32, f32, f32) -> f32) {
        let (width, height) = self.size;
        for (y, row) in self.pixels.chunks_exact_mut(width as usize).enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                *pixel = change(*pixel, x as f32 / height as f32, y as f32 / height as f32);
            }
        }
    }

    /// An ellipse, or a rectangle, with a pattern of its own; middle and half its sides in heights of the picture.
    fn shape(&mut self, (x, y): (f32, f32), (wide, tall): (f32, f32), level: f32, is_round: bool) {
        let (width, height) = (self.size.0 as i32, self.size.1 as i32);
        let scale = height as f32;
        let side = |middle: f32, half: f32, most: i32| {
            let from = (((middle - half) * scale) as i32).clamp(0, most);
            from..(((middle + half) * scale) as i32 + 1).clamp(from, most)
        };
        for row in side(y, tall, height) {
            for column in side(x, wide, width) {
                let (across, down) = ((column as f32 / scale - x) / wide, (row as f32 / scale - y) / tall);
                if !is_round || across * across + down * down <= 1.0 {
                    let pattern = 8.0 * (across * 5.0).sin() * (down * 7.0).cos();
                    self.pixels[(row * width + column) as usize] = level + pattern;
                }
            }
        }
    }

    /// Somebody `tall` high whose feet are at `foot`, and who walks at `speed`, all in heights of the picture.
    fn person(&mut self, foot: f32, tall: f32, speed: f32) {
        if self.happens() {
            let walked = self.time - BEGIN;
            self.body(0.2 + speed * walked, foot, tall, walked);
        }
    }

    fn person_comes(&mut self) {
        if self.happens() {
            let tall = 0.12 + 0.3 * self.part();
            self.body(0.9 + 0.05 * self.part(), 0.62 + 0.25 * self.part(), tall, self.time);
        }
    }

    fn body(&mut self, x: f32, foot: f32, tall: f32, walked: f32) {
        let light = if self.pixels[0] < 70.0 { 0.35 } else { 1.0 };
        let step = (walked * 2.0 * PI).sin();
        for side in [1.0, -1.0] {
            let leg = x + side * step * 0.07 * tall;
            self.shape((leg, foot - 0.24 * tall), (0.055 * tall, 0.24 * tall), 45.0 * light, false);
        }
        self.shape((x, foot - 0.65 * tall), (0.13 * tall, 0.22 * tall), 70.0 * light, true);
        self.shape(
            (x - step * 0.12 * tall, foot - 0.62 * tall),
            (0.04 * tall, 0.18 * tall),
            85.0 * light,
            true,
        );
        self.shape((x, foot - 0.93 * tall), (0.065 * tall, 0.075 * tall), 175.0 * light, true);
    }

    /// A tree on the right; its leaves move by `reach` thousandths of the height.
    fn leaves(&mut self, reach: f32) {
        let (width, height) = self.size;
        let time = self.time;
        for y in 0..height * 6 / 10 {
            for x in width * 6 / 10..width {
                let phase = chance(x * 30 / height, y * 30 / height, 55) * 2.0 * PI;
                let move_by = reach * height as f32 / 1000.0;
                let sway = move_by * ((time * 2.3 + phase).sin() + (time * 5.1 + 2.0 * phase).sin() * 0.5);
                let from = |n: u32, by: f32, most: u32| (n as f32 + by).clamp(0.0, most as f32 - 1.0) as u32;
                let (column, row) = (from(x, sway, width), from(y, sway * 0.6, height));
                self.pixels[(y * width + x) as usize] = self.leaves[(row * width + column) as usize];
            }
        }
    }

    fn rain(&mut self) {
        for n in 0..120 {
            let at = |seed| chance(n, self.number, seed);
            let (x, y) = (at(1) * self.size.0 as f32, at(2) * self.size.1 as f32);
            let long = (0.02 + 0.06 * at(3)) * self.size.1 as f32;
            for step in 0..long as u32 {
                let (column, row) = ((x + step as f32 * 0.15) as u32, y as u32 + step);
                for column in column..column + 1 + self.size.1 / 500 {
                    if column < self.size.0 && row < self.size.1 {
                        self.pixels[(row * self.size.0 + column) as usize] += 30.0;
                    }
                }
            }
        }
    }

    fn snow(&mut self) {
        for n in 0..150 {
            let speed = 0.25 + 0.3 * chance(n, 0, 11);
            let fallen = chance(n, 0, 12) + self.time * speed;
            let turn = fallen as u32; // each falls anew elsewhere
            let sway = 0.02 * (self.time * 2.0 + n as f32).sin();
            let x = chance(n, turn, 13) * 1.8 + sway;
            let side = 0.003 + 0.009 * chance(n, turn, 14).powi(4);
            self.shape((x, fallen.fract()), (side, side), 215.0, true);
        }
    }

    /// It darkens the picture from the left, and goes again.
    fn cloud(&mut self) {
        let front = |begin: f32, time: f32| (time - begin) * 0.8;
        let (comes, goes) = (front(BEGIN, self.time), front(END - 3.0, self.time));
        let over = |front: f32, x: f32| (front - x).clamp(0.0, 1.0);
        self.each(|pixel, x, y| {
            let ease = |t: f32| t * t * (3.0 - 2.0 * t);
            let shade = ease(over(comes, x + 0.3 * y)) - ease(over(goes, x + 0.3 * y));
            pixel * (1.0 - 0.4 * shade)
        });
    }

    /// A lamp on the left; the camera takes a second to adapt.
    fn lamp(&mut self) {
        let adapted = |since: f32| 1.0 - (-since / 0.4).exp();
        let gain = match self.time {
            time if time < BEGIN => 1.0,
            time if time < END => 1.0 - 0.35 * adapted(time - BEGIN),
            time => 0.65 + 0.35 * adapted(time - END),
        };
        let is_on = self.happens();
        self.each(|pixel, x, y| {
            let distance = f32::hypot(x - 0.4, y - 0.2);
            let light = if is_on { 1.0 + 1.3 / (1.0 + 6.0 * distance * distance) } else { 1.0 };
            pixel * 0.7 * light * gain
        });
    }

    /// A car's light goes over walls and trees, twice.
    fn headlights(&mut self) {
        for begin in [BEGIN, BEGIN + 3.0] {
            let x = -0.4 + (self.time - begin) * 1.4;
            if (-0.4..2.2).contains(&x) {
                self.each(|pixel, column, row| {
                    let away = f32::hypot((column - x) / 0.28, (row - 0.55) / 0.2);
                    pixel * (1.0 + 2.5 / (1.0 + away.powi(4)))
                });
            }
        }
    }

    fn exposure(&mut self) {
        let steps = if self.happens() { ((self.time - BEGIN) / 0.7) as i32 } else { 0 };
        let gain = 0.8 * 1.12f32.powi([0, 1, 2, 4, 3, 2, 0, -2, -1][steps.clamp(0, 8) as usize]);
        self.each(|pixel, _, _| pixel * gain);
    }

    /// Bands of mains light that wander over the rows of a sensor.
    fn flicker(&mut self) {
        let phase = self.time * 2.0 * PI * 1.7;
        self.each(|pixel, _, y| pixel * (0.9 + 0.06 * (y * 2.0 * PI * 2.5 + phase).sin()));
    }

    /// The edge of a house's shadow.
    fn shadow(&mut self) {
        let edge = 0.5 + self.time * 0.006;
        self.each(|pixel, x, y| {
            let shade = ((edge - x - 0.4 * y) / 0.02).clamp(0.0, 1.0);
            pixel * (1.0 - 0.4 * shade)
        });
    }

    fn printer(&mut self) {
        self.shape((0.9, 0.7), (0.5, 0.02), 60.0, false);
        let swing = if self.happens() { (self.time * 2.0 * PI * 0.6).sin() } else { 0.0 };
        self.shape((0.9 + 0.3 * swing, 0.5), (0.08, 0.1), 200.0, false);
    }

    /// Somebody brings it and goes.
    fn chair(&mut self) {
        let leaves = BEGIN + 3.0;
        let x = |time: f32| 0.15 + 0.2 * (time - BEGIN);
        if self.happens() {
            let walk = if self.time < leaves { x(self.time) } else { 2.0 * x(leaves) - x(self.time) };
            self.body(walk, 0.9, 0.5, self.time);
        }
        if self.time >= BEGIN {
            let at = x(self.time.min(leaves)) + 0.12;
            self.shape((at, 0.82), (0.07, 0.08), 40.0, false);
            self.shape((at + 0.05, 0.7), (0.02, 0.12), 40.0, false);
        }
    }
}
