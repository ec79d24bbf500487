//! What a hostile driver makes of the list.

use v4l2_calls::controls::Item;

use super::*;

fn raw(id: u32, label: &str, kind: Kind) -> controls::Control {
    let (label, menu) = (label.to_owned(), Vec::new());
    controls::Control { id, label, kind, minimum: 0, maximum: 10, step: 1, default: 5, flags: 0, menu }
}

fn listed(all: Vec<controls::Control>) -> Listed {
    Listed { controls: all, ..Listed::default() }
}

const INACTIVE: u32 = 0x10;

#[test]
fn a_control_that_cannot_be_read_or_described_is_a_problem_and_the_others_stay() {
    let mut driver = listed(vec![raw(1, "Brightness", Kind::Integer), raw(2, "Gain", Kind::Integer)]);
    driver.unreadable = vec![(0x009a_0902, Errno::IO.into()), (0x009a_0fff, Errno::TIMEDOUT.into())];
    driver.arrays = vec!["Grid".to_owned()];
    driver.is_cut = true;
    let list = ControlList::of(driver, |raw| match raw.id {
        1 => Err(Errno::IO.into()),
        _ => Ok(Some(Value::Number(7))),
    });
    assert_eq!(
        (list.controls[0].value.clone(), list.controls[1].value.clone()),
        (None, Some(Shown::Number(7)))
    );
    let said: Vec<_> = list.problems.iter().map(|problem| problem.problem.to_string()).collect();
    assert_eq!(
        said,
        [
            "brightness cannot be read: the camera does not answer properly",
            "The camera does not say what exposure_time_absolute is: the camera does not answer properly",
            "The camera does not say what control_009a0fff is: the camera does not answer properly",
        ]
    );
    // It is there, so it is not said that there is none.
    assert_eq!(list.check("exposure_time_absolute", "3").unwrap_err().to_string(), said[1]);
    assert_eq!(list.left_out.len(), 2);
}

#[test]
fn names_that_come_twice_or_are_none_can_be_told_apart() {
    let all = ["Gain", "Gain", "Gain 2", "\u{fffd}", ""].map(|label| raw(9, label, Kind::Integer));
    let list = ControlList::of(listed(all.into()), |_| Ok(None));
    let names: Vec<_> = list.controls.iter().map(|control| control.name.as_str()).collect();
    assert_eq!(names, ["gain", "gain_2", "gain_2_2", "control_00000009", "control_00000009_2"]);
    let same: Vec<_> = (0..256).map(|id| raw(id, "Same", Kind::Integer)).collect();
    let list = ControlList::of(listed(same), |_| Ok(None));
    assert!(list.find("same_256").is_some());
}

#[test]
fn an_inactive_control_waits_for_an_automatic_that_is_there() {
    let mut exposure = raw(1, "Exposure Time, Absolute", Kind::Integer);
    exposure.flags = INACTIVE;
    let mut gain = raw(2, "Gain", Kind::Integer);
    gain.flags = INACTIVE;
    let auto = raw(3, "Auto Exposure", Kind::Menu);
    let list = ControlList::of(listed(vec![exposure, gain, auto]), |_| Ok(None));
    let waits = |name| list.find(name).and_then(|control| control.waits_for.clone());
    assert_eq!(waits("exposure_time_absolute").as_deref(), Some("auto_exposure"));
    assert_eq!((waits("gain"), waits("auto_exposure")), (None, None));
}

#[test]
fn limits_that_make_no_sense_are_shown_as_they_are_and_refuse_nothing_that_the_driver_would_take() {
    let mut reversed = raw(1, "Reversed", Kind::Integer);
    (reversed.minimum, reversed.maximum, reversed.step) = (i64::MAX, i64::MIN, 0);
    let mut holes = raw(2, "Holes", Kind::Menu);
    holes.menu = vec![Item { index: 1, label: "1".to_owned() }, Item { index: 7, label: "1".to_owned() }];
    let mut none = raw(3, "None", Kind::Menu);
    (none.minimum, none.maximum) = (5, -5);
    let list = ControlList::of(listed(vec![reversed, holes, none]), |_| Ok(Some(Value::Number(-1))));
    list.check("reversed", "77").unwrap();
    list.check("holes", "7").unwrap();
    assert!(list.check("holes", "2").unwrap_err().to_string().contains("1 (1), 1 (7)"));
    assert!(list.check("none", "0").is_err());
    let json = serde_json::to_value(&list.controls).unwrap();
    assert_eq!((&json[0]["min"], &json[0]["step"]), (&i64::MAX.into(), &0.into()));
    assert_eq!(json[2]["menu"], serde_json::json!([]));
}

#[test]
fn a_wrong_name_is_answered_with_the_nearest_or_with_some_that_there_are() {
    let all: Vec<_> = (0..200).map(|id| raw(id, &format!("Vendor {id}"), Kind::Integer)).collect();
    let list = ControlList::of(listed(all), |_| Ok(None));
    let said = |name| list.unknown(name).to_string();
    assert!(said("vendor_17x").contains("did you mean vendor_17"), "{}", said("vendor_17x"));
    assert!(said("zzz").ends_with("vendor_39, …."), "{}", said("zzz"));
    assert!(said("zzz").len() < 1000);
}

#[test]
fn a_control_that_takes_long_to_fail_is_asked_once() {
    let unread = Unread::default();
    let asked = std::cell::Cell::new(0);
    let read = |id, time| {
        unread.read(id, || {
            asked.set(asked.get() + 1);
            std::thread::sleep(time); // as the driver does
            io::Result::<()>::Err(Errno::IO.into())
        })
    };
    for _ in 0..3 {
        read(1, SLOW + Duration::from_millis(1)).unwrap_err();
        read(2, Duration::ZERO).unwrap_err();
    }
    assert_eq!(asked.get(), 1 + 3, "one that fails at once may work the next time");
}
