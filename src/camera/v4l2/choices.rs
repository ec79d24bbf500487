//! What a camera could be opened with, of what it lists.
//!
//! Used only by [`super::V4l2`].

use super::device::Device;
use super::modes::{Rates, Sizes};
use super::negotiate::{Agreed, Offer, allowed};
use crate::camera::config::SourceConfig;
use crate::camera::source::Choices;
use crate::picture::{Layout, MAX_FPS, Size};

/// The most values that are offered of one setting.
const MOST: usize = 64;

/// What is offered of a range of sizes, besides its limits, since few remember others.
const USUAL_SIZES: [(u32, u32); 12] = [
    (160, 120),
    (320, 240),
    (640, 360),
    (640, 480),
    (800, 600),
    (1024, 768),
    (1280, 720),
    (1280, 960),
    (1600, 1200),
    (1920, 1080),
    (2592, 1944),
    (3840, 2160),
];

/// The same of a range of rates.
const USUAL_RATES: [u32; 10] = [1, 5, 10, 15, 20, 25, 30, 50, 60, 90];

/// What the camera lists that these settings allow, after it agreed to this.
pub fn of(device: &Device, config: &SourceConfig, agreed: &Agreed) -> Choices {
    let any = SourceConfig { layout: None, ..config.clone() };
    let layouts: Vec<Layout> =
        allowed(&any).into_iter().filter(|layout| device.code_of(*layout).is_some()).collect();
    let in_use = |layout: &&Layout| config.layout.is_none_or(|only| only == **layout);
    let offers = layouts.iter().filter(in_use).filter_map(|layout| Offer::of(device, *layout));
    let sizes = sizes(&offers.map(|offer| offer.sizes).collect::<Vec<_>>());
    let code = device.code_of(agreed.layout);
    let rates = code.map(|code| rates(&Rates::of(&device.handle, code, agreed.size))).unwrap_or_default();
    Choices { sizes, rates, layouts }
}

/// The sizes of all layouts, the smallest first.
fn sizes(offered: &[Sizes]) -> Vec<Size> {
    let mut all: Vec<Size> = Vec::new();
    for sizes in offered {
        match sizes {
            Sizes::List(list) => all.extend(list),
            Sizes::Range { min, max, .. } => {
                let usual = USUAL_SIZES.map(|(width, height)| Size { width, height });
                all.extend(usual.into_iter().chain([*min, *max]).filter(|size| sizes.may_offer(*size)));
            }
        }
    }
    all.retain(|size| size.is_possible());
    all.sort_by_key(|size| (size.area(), size.width));
    all.dedup();
    all.truncate(MOST);
    all
}

/// The rates that the settings have a whole number for, the fewest first.
fn rates(offered: &Rates) -> Vec<u32> {
    let mut all: Vec<u32> = match offered {
        Rates::List(list) => {
            let whole = |rate: f64| rate.round().clamp(0.0, f64::from(MAX_FPS)) as u32;
            let list = list.iter().map(|rate| (rate, whole(rate.per_second())));
            list.filter(|(rate, whole)| *whole > 0 && rate.meets(*whole)).map(|(_, whole)| whole).collect()
        }
        Rates::Range(slowest, fastest) => {
            let within = |fps: &u32| {
                let fps = f64::from(*fps);
                slowest.per_second() <= fps && fps <= fastest.per_second()
            };
            let top = fastest.per_second().floor().min(f64::from(MAX_FPS)) as u32;
            USUAL_RATES.into_iter().chain([top]).filter(within).collect()
        }
    };
    all.sort_unstable();
    all.dedup();
    all.truncate(MOST);
    all
}

#[cfg(test)]
mod tests {
    use super::super::modes::tests::{rate, size, sizes as listed};
    use super::*;

    #[test]
    fn the_page_offers_what_the_camera_lists_each_once_and_not_without_end() {
        let texts = |offered: &[Sizes]| sizes(offered).iter().map(Size::to_string).collect::<Vec<_>>();
        let both = [listed(&["1280x720", "640x480"]), listed(&["640x480", "320x240"])];
        assert_eq!(texts(&both), ["320x240", "640x480", "1280x720"]);
        let range = Sizes::Range { min: size("48x48"), max: size("1000x1000"), step: (16, 8) };
        assert_eq!(texts(&[range]), ["48x48", "160x120", "320x240", "640x360", "640x480", "800x600"]);
        let many = Sizes::List((1..=500).map(|n| Size { width: n, height: n }).collect());
        assert_eq!(sizes(&[many]).len(), MOST);
        let lie = Size { width: 0, height: 9 };
        assert_eq!(sizes(&[Sizes::List(vec![lie])]), []);
    }

    #[test]
    fn a_rate_is_offered_if_the_settings_can_name_it() {
        let list = |all: &[(u32, u32)]| Rates::List(all.iter().map(|(n, d)| rate(*n, *d)).collect());
        assert_eq!(rates(&list(&[(1, 30), (1001, 30_000), (2, 15), (1, 5), (1, 1000), (5, 1)])), [5, 30]);
        assert_eq!(rates(&Rates::Range(rate(1, 7), rate(1, 47))), [10, 15, 20, 25, 30, 47]);
        assert_eq!(rates(&Rates::Range(rate(3600, 1), rate(1, u32::MAX))).last(), Some(&MAX_FPS));
    }
}
